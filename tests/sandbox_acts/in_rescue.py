"""What code that took a rescue's child over would say. The content names the act; tests only."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from picklewatch.core.model import Limits

JOB = "sandbox_acts.in_rescue:act"
PIPES = (3, 4)
"""The child's result pipe, and the one for raw bytes."""
PART = {"kind": "part", "name": "w", "dtype": "U8", "shape": "4", "bytes": 4, "begin": -1}
PLANNED = {"kind": "planned", "plain": 0, "others": 0}


def act(
    data: Any, _limits: Limits, _request: object, put: Callable[[dict[str, Any]], None], write: Callable[[bytes], None]
) -> None:
    """Do what the content *data* names; the warm-up's sample names nothing."""
    name = bytes(data[:40]).split(b"\n")[0].decode("latin-1")
    if name in ACTS:
        ACTS[name](put, write)


def _plan(put: Callable[[dict[str, Any]], None], *parts: dict[str, Any]) -> None:
    for part in parts:
        put(part)
    put(PLANNED)


def _sound(put: Any, write: Any) -> None:
    _plan(put, PART)
    write(b"abcd")


def _more(put: Any, write: Any) -> None:
    _plan(put, PART)
    write(b"abcd" + bytes(1 << 20))


def _endless(put: Any, write: Any) -> None:
    _plan(put, PART)
    while True:
        write(bytes(1 << 20))


def _fewer(put: Any, write: Any) -> None:
    _plan(put, PART)
    write(b"abc")


def _none_and_gone(put: Any, _write: Any) -> None:
    _plan(put, PART)
    os.close(PIPES[1])


def _twice(put: Any, write: Any) -> None:
    _sound(put, write)
    _plan(put, PART)


def _outside(put: Any, _write: Any) -> None:
    _plan(put, {**PART, "begin": 1 << 40})


def _too_much(put: Any, _write: Any) -> None:
    size = 1 << 40
    _plan(put, {**PART, "shape": str(size), "bytes": size})


def _same_name(put: Any, write: Any) -> None:
    _plan(put, PART, PART)
    write(b"abcdabcd")


def _dies(put: Any, _write: Any) -> None:
    _plan(put, PART)
    os._exit(0)


def _crashes(put: Any, _write: Any) -> None:
    put(PART)
    os.abort()


def _no_lines(_put: Any, _write: Any) -> None:
    os.write(PIPES[0], b"\0" * 100_000)


def _opens(_put: Any, _write: Any) -> None:
    os.fork()
    time.sleep(60)


ACTS: dict[str, Callable[[Any, Any], None]] = {
    "sound": _sound,
    "more bytes": _more,
    "bytes without an end": _endless,
    "fewer bytes": _fewer,
    "no bytes": _none_and_gone,
    "two plans": _twice,
    "outside of the file": _outside,
    "too much": _too_much,
    "one name twice": _same_name,
    "gone after the plan": _dies,
    "crash": _crashes,
    "no lines": _no_lines,
    "another process": _opens,
}
