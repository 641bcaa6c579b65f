"""Pickles: the engine's walk, pickles in a row, joblib's arrays, what containers do to a verdict, the views."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle
import zlib
from collections import OrderedDict, defaultdict
from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING

import joblib
import numpy as np
from fuzz import detours, laws, mutate_pickle
from fuzz.target import LawBrokenError, Target
from samples import hostile
from samples.containers import LEGACY_MAGIC, lz4, seven_zip, tarred, zipped
from samples.repeated_tensors import TRICKS, checkpoint
from samples.torch_checkpoint import state_dict_pickle

from picklewatch.analysis.pickle import Budget, LimitReached, judge_pickle
from picklewatch.catalogue.imports.classify import plausible
from picklewatch.core.model import Level, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from picklewatch.core.model import ScanReport


def shapes() -> Iterator[bytes]:
    """Hostile pickles, and what picklers write."""
    for shape in hostile.all_but_bombs().values():
        if not shape.startswith(b"PK"):
            yield shape
    values = (
        {"lr": 1e-3, "betas": (0.9, 0.999), "names": ["a", "b"], "n": 1 << 70},
        OrderedDict(a=[1, 2.5, None, True], b=b"bytes", c=bytearray(b"x"), d={1, 2}, e=frozenset({3})),
        defaultdict(list, {"x": [datetime(2020, 1, 2, tzinfo=UTC), Decimal("1.5"), complex(1, 2)]}),
        np.arange(6.0).reshape(2, 3),
        {"scalar": np.float32(1.5), "texts": np.array(["a", "bc"]), "objects": np.array([None, {}], object)},
        np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
        np.random.RandomState(1),
    )
    for value in values:
        for protocol in range(6):
            yield pickle.dumps(value, protocol)
    yield state_dict_pickle({"w": [1.0, 2.0], "b": [0.0]})
    for protocol in (2, 4):
        for trick in ("", *TRICKS):
            yield checkpoint(protocol, trick)


def legacy() -> Iterator[bytes]:
    """Torch's legacy files: five pickles and the storages."""
    number = (3).to_bytes(8, "little")
    pid = b"(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\x000X\3\0\0\0cpuK\3NtQ"
    head = LEGACY_MAGIC + b"\x80\x02M\xe9\x03.\x80\x02}X\2\0\0\0leK\x01s."
    keys = b"\x80\x02]X\1\0\0\x000a."
    yield head + b"\x80\x02" + pid + b"." + keys + number + bytes(12)
    yield head + hostile.EVIL + keys + number + bytes(12)
    yield head + b"\x80\x02}." + b"\x80\x02]." + hostile.EVIL
    yield LEGACY_MAGIC + hostile.EVIL
    yield head + b"\x80\x02" + pid + b"0}." + keys + (1 << 60).to_bytes(8, "little")
    yield from hostile.nested().values()


def arrays_inside() -> Iterator[bytes]:
    """Joblib's files, whose arrays lie between the opcodes."""
    for value in (
        np.arange(6.0),
        {"a": np.arange(3), "b": [np.zeros((2, 2), "f4"), np.array([None, "x"], object)]},
        [np.array(["a", "bc"]), np.float64(1.5)],
        np.array([np.arange(2), None], object),
    ):
        for options in ({}, {"protocol": 2}, {"protocol": 5}):
            file = io.BytesIO()
            joblib.dump(value, file, **options)
            yield file.getvalue()
            yield file.getvalue().replace(bytes(8), b"cos\nabc\n", 1)


_KEPT: dict[str, Callable[[bytes], bytes]] = {
    "zip": lambda data: zipped({"x": data}),
    "deflated zip": lambda data: zipped({"a/x.pkl": data}, deflated=True),
    "tar": lambda data: tarred({"x": data}),
    "7z": lambda data: seven_zip({"x": data}),
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zlib": zlib.compress,
    "lz4": lz4,
}
"""Containers whose readers hand on every byte."""
_BEHIND: dict[str, Callable[[bytes], bytes]] = {
    "zeros behind": lambda data: data + bytes(64),
    "an archive behind": lambda data: data + zipped({"notes": b"hello"}),
    "a pickle before": lambda data: hostile.BENIGN + data,
}
_HARM = Verdict.UNSCANNABLE.rank


def _possible(report: ScanReport) -> bool:
    """Return True if some harm is not merely an import by names that no module has, made by odd bytes beside."""
    harmful = [finding for finding in report.findings if finding.level in {Level.UNSAFE, Level.MALICIOUS}]
    names = [finding.subject.rpartition(".") for finding in harmful]
    return any(not (module or name) or plausible(module, name) for module, _, name in names)


def wrapped(data: bytes) -> None:
    """No container makes a verdict better, and nothing that is put beside a pickle makes harm disappear."""
    report, verdict = laws.scanned(data)
    rank = verdict.rank
    names = sorted(_KEPT)
    name = names[sum(data[:8]) % len(names)]
    inside = laws.scanned(_KEPT[name](data))[1]
    if rank > Verdict.CLEAN.rank and min(rank, _HARM) > inside.rank:
        raise LawBrokenError(f"better-in-{name}", (verdict, inside))
    broken = any(finding.rule == "malformed-pickle" for finding in report.findings)
    sure = not broken and report.format in {"pickle", "joblib", "torch-legacy"}  # else zeros make something else of it
    if rank >= Verdict.UNSAFE.rank and sure and _possible(report):
        for name, beside in _BEHIND.items():
            if laws.scanned(beside(data))[1].rank < _HARM:
                raise LawBrokenError(f"better-with-{name}", verdict)


def in_other_words(data: bytes) -> None:
    """A pickle in other words has no better verdict: nothing hides behind a way round.

    What lies where no loader starts is searched for as the rest allows, and another rest may allow less.
    """
    report, verdict = laws.scanned(data)
    hidden = any(finding.rule == "hidden-pickle" for finding in report.findings)
    if verdict.rank <= Verdict.CLEAN.rank or hidden or not _sound(data):
        return
    for number in range(3):
        other = detours.taken(data, Random(number))
        told = laws.scanned(other)[1]
        if told.rank < verdict.rank:
            raise LawBrokenError("better-by-a-detour", (verdict, told, report.findings, other))


def _sound(data: bytes) -> bool:
    """Return True if *data* are a pickle that every reader reads to its end, which nothing follows."""
    try:
        report = judge_pickle(data, budget=Budget(limits=laws.LIMITS, fickling_seconds_left=0.0))
    except LimitReached:
        return False
    rules = {finding.rule for finding in report.findings}
    return report.stopped and report.end == len(data) and not report.gaps and "frame-mismatch" not in rules


def _mutate(data: bytes, rng: Random) -> bytes:
    return mutate_pickle.mutate(data, rng)


TARGETS = (
    Target(name="pickle", run=laws.one_pickle, seeds=lambda: (*shapes(), *arrays_inside()), mutate=_mutate),
    Target(name="pickles", run=laws.scan, seeds=shapes, mutate=_mutate),
    Target(name="torch-legacy", run=laws.scan, seeds=legacy, mutate=_mutate),
    Target(name="joblib", run=laws.scan, seeds=arrays_inside, mutate=_mutate),
    Target(name="wrapped", run=wrapped, seeds=shapes, mutate=_mutate, longest=2_000),
    Target(name="detours", run=in_other_words, seeds=shapes, mutate=_mutate, longest=2_000),
    Target(name="views", run=laws.viewed, seeds=lambda: (*shapes(), *arrays_inside()), mutate=_mutate, longest=2_000),
    Target(name="fickling", run=laws.decompiled, seeds=shapes, mutate=_mutate, longest=1_000),
)
"""The engine and what feeds it."""
