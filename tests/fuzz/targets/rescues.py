"""Rescues: any bytes end in a plan that the parent believes, and in a file that is as planned; a lie in neither."""

from __future__ import annotations

import json
import pickle
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from fuzz import laws, mutate_archives, mutate_bytes, mutate_pickle
from fuzz.target import LawBrokenError, Target
from fuzz.targets.containers import arrays, streams, zips
from fuzz.targets.pickles import arrays_inside, legacy, shapes
from samples import opcodes as op
from samples.torch_checkpoint import torch_zip
from support.rescues import InProcess, descriptor, planned, read_safetensors

from picklewatch.core.errors import Error
from picklewatch.core.rescue_plan import room
from picklewatch.rescue.planned import NonsenseError, PlanReader, Sent
from picklewatch.rescue.rescuing import rescue

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from picklewatch.sandbox import Rescuer

_PLAN = (
    {"kind": "left", "name": "n", "text": "int 3", "plain": True},
    {"kind": "renamed", "name": "a", "text": "a#2"},
    {"kind": "part", "name": "0", "dtype": "F32", "shape": "2,2", "bytes": 16, "begin": 8},
    {"kind": "part", "name": "1", "dtype": "C64", "shape": "", "bytes": 8, "begin": -1},
    {"kind": "planned", "plain": 1, "others": 0},
)
_SIZE = 1_000


def tensors() -> Iterator[bytes]:
    """Checkpoints with tensors of every sort, hostile and not."""
    whole = op.tensor(op.storage(), op.sizes(4, 4), op.sizes(4, 1))
    views = op.dict_(
        a=whole,
        b=op.tensor(op.storage(), op.sizes(4, 4), op.sizes(1, 4)),
        c=op.tensor(op.storage(), op.sizes(2), op.sizes(3), 5),
        d=op.EMPTY_LIST + op.MARK + op.number(1) + op.text("x") + op.sizes(1, 2) + op.APPENDS,
        e=op.call("os", "system", op.text("true")),
        f=op.call("collections", "OrderedDict") + op.text("g") + whole + op.SETITEM,
        h=op.call("torch._utils", "_rebuild_parameter", whole, op.TRUE, op.NONE),
    )
    storages = {"0": bytes(range(64))}
    yield torch_zip(op.pickle(2, views), storages)
    yield torch_zip(op.pickle(2, op.call("os", "system", op.text("true")), op.POP, views), storages)
    for protocol in (2, 4, 5):
        yield pickle.dumps({"a": np.arange(6.0), "b": [np.float32(1), np.arange(3, dtype=">i2")]}, protocol)
    yield from zips()
    yield from legacy()
    yield from arrays_inside()
    yield from arrays()
    yield from streams()
    yield from shapes()


def _mutate(data: bytes, rng: Random) -> bytes:
    if data[:2] == b"PK":
        return mutate_archives.zipped(data, rng)
    if data[:6] == b"\x93NUMPY":
        return mutate_archives.npy(data, rng)
    return mutate_pickle.mutate(data, rng) if rng.random() < 0.8 else mutate_bytes.mutate(data, rng)


def _rescued(data: bytes) -> None:
    """Both kinds of file: nothing that the parent refuses, and what is published is proven and readable."""
    for suffix in (".safetensors", ".pt"):
        with tempfile.TemporaryDirectory() as directory, descriptor(data) as fd:
            target = Path(directory) / f"out{suffix}"
            try:
                done = rescue(cast("Rescuer", InProcess(laws.LIMITS)), fd, target)
            except NonsenseError as error:
                raise LawBrokenError("not-believed", error) from error
            except Error as error:
                if suffix == ".pt":  # names of tensors may look like code to the scan
                    raise LawBrokenError("not-proven", error) from error
                continue
            if (done.verdict is not None) != target.exists():
                raise LawBrokenError("published", done)
            if done.verdict is None:
                continue
            if suffix == ".pt":
                _same_again(target)
            elif read_safetensors(target) != planned(data, limits=laws.LIMITS).tensors:
                raise LawBrokenError("other-bytes", data)


def _same_again(target: Path) -> None:
    """What was made anew is read without a rest: nothing of it is left out."""
    said = planned(target.read_bytes(), anew=True)
    if said.left:
        raise LawBrokenError("left-out-again", said.left)


def _plans() -> Iterator[bytes]:
    yield b"\n".join(json.dumps(line).encode() for line in _PLAN)
    yield json.dumps({"kind": "pickle", "bytes": 4}).encode() + b"\n" + json.dumps(_PLAN[-1]).encode()
    yield json.dumps({"kind": "broken", "text": "why"}).encode()


def _mutate_plan(data: bytes, rng: Random) -> bytes:
    lines = data.split(b"\n")
    at = rng.randrange(len(lines))
    lines[at] = mutate_archives.json_text(lines[at], rng)
    if rng.random() < 0.2:
        lines.insert(rng.randrange(len(lines)), lines[at])
    return b"\n".join(lines)


def _read(data: bytes) -> None:
    """A plan is believed or refused; what is believed lies in the file, and is no more than the room."""
    lines: list[Any] = []
    for line in data.split(b"\n"):
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            lines.append(value)
    for anew in (False, True):
        said = iter(lines)
        try:
            plan = PlanReader(_SIZE, anew=anew).read(said)
            total = sum(part.size for part in plan.parts) + (plan.pickle or 0)
            sent = sum(len(piece) for part in plan.parts if part.begin < 0 for piece in Sent(said).take(part.size))
        except Error:
            continue
        outside = [part for part in plan.parts if part.begin >= 0 and part.begin + part.size > _SIZE]
        if outside or total > room(_SIZE) or sent or len({part.name for part in plan.parts}) < len(plan.parts):
            raise LawBrokenError("believed", plan)


TARGETS = (
    Target(name="rescue", run=_rescued, seeds=tensors, mutate=_mutate, longest=4_000),
    Target(name="rescue-plan", run=_read, seeds=_plans, mutate=_mutate_plan, longest=2_000),
)
"""Both halves."""
