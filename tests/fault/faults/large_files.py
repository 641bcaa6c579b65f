"""Large honest files, judged by the daemon as it is shipped: within its limits, and at no cost of the bytes behind."""

from __future__ import annotations

import functools
import json
import pickle
import struct
import time
from typing import TYPE_CHECKING

from bench.largest import largest_files
from fault.lab import HARMLESS, PATIENCE

from picklewatch.core.model import DEFAULT_LIMITS

if TYPE_CHECKING:
    from pathlib import Path

    from fault.faults.kinds import Fault
    from fault.lab import Lab

_WEIGHTS = 1 << 30
_QUICK = 2.0
"""Seconds for a gigabyte of weights, which a sound header spares."""
_BLOCK = 1 << 20
_LIMIT = 2 * DEFAULT_LIMITS.seconds


def largest_honest_files(lab: Lab) -> None:
    """2.5 and 5 million texts, 24 million opcodes of tokens, 400,000 arrays: clean within the default limits."""
    _use_default_limits(lab)
    lab.start()
    for name, value in largest_files():
        part = lab.process.home / "part"
        with part.open("wb") as file:
            pickle.dump(value, file, 4)
        path = lab.root / f"{name.replace(' ', '-')}.pkl"
        began = time.monotonic()
        _arrive(lab, part, path)
        assert lab.seconds_until(functools.partial(lab.was_judged, path), _LIMIT) < _LIMIT, name
        lab.measured.append(f"{name}: {lab.verdict(path)} after {time.monotonic() - began:.0f} s")
        assert lab.verdict(path) in HARMLESS, lab.measured


def length_like_an_opcode(lab: Lab) -> None:
    """The length of a safetensors header is like an opcode or like a text, before a gigabyte of weights."""
    _use_default_limits(lab)
    lab.start()
    for last in (0x50, 0x70, 0x80):
        path = lab.root / f"ends-in-{last:#x}.safetensors"
        part = lab.process.home / "part"
        _write_safetensors(part, last)
        began = time.monotonic()
        _arrive(lab, part, path)
        assert lab.seconds_until(functools.partial(lab.was_judged, path)) < PATIENCE, path.name
        seconds = time.monotonic() - began
        lab.measured.append(f"{last:#x}: {seconds:.1f} s")
        assert seconds < _QUICK, lab.measured


def _use_default_limits(lab: Lab) -> None:
    (lab.process.home / "config.toml").write_text('[quarantine]\nlevel = "unsafe"\n')


def _write_safetensors(path: Path, last: int) -> None:
    """Write one tensor of a gigabyte, behind a header whose length ends in the byte *last*."""
    tensor = {"dtype": "U8", "shape": [_WEIGHTS], "data_offsets": [0, _WEIGHTS]}
    header = json.dumps({"w": tensor}).encode()
    header += b" " * ((last - len(header)) % 256)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        for index in range(_WEIGHTS // _BLOCK):
            file.write(struct.pack("<Q", index) * (_BLOCK // 8))


def _arrive(lab: Lab, part: Path, path: Path) -> None:
    """Give *part* its name in the watched directory; the books don't read it."""
    part.rename(path)
    lab.expect(path, None, HARMLESS)
    lab.injected += 1


FAULTS: tuple[Fault, ...] = (largest_honest_files, length_like_an_opcode)
