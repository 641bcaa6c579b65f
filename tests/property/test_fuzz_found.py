"""A fault that fuzzing found is not found again; every fuzz target holds for all of its seeds."""

from __future__ import annotations

import resource
import signal
from typing import TYPE_CHECKING

import pytest
from fuzz import reference, worker
from fuzz.found import load, saved, smallest
from fuzz.target import LawBrokenError, Target
from fuzz.targets import TARGETS

if TYPE_CHECKING:
    from pathlib import Path

FOUND = list(saved())


@pytest.mark.parametrize(("target", "file"), FOUND, ids=[f"{target}/{file.stem}" for target, file in FOUND])
def test_what_was_found_once_holds_now(target: str, file: Path) -> None:
    """The smallest input of each finding (``tests/fuzz/found``)."""
    TARGETS[target].run(load(file))


@pytest.mark.parametrize("target", TARGETS)
def test_the_laws_hold_for_every_seed(target: str) -> None:
    """Seeds are sound, and each law can be kept."""
    seeds = list(TARGETS[target].seeds())
    assert seeds
    for seed in seeds:
        TARGETS[target].run(seed)


def test_a_finding_is_made_small() -> None:
    """Whatever a finding does not need is left out."""
    assert smallest(b"abc" * 50 + b"needle" + b"xyz" * 50, lambda data: b"needle" in data) == b"needle"


def _bad(data: bytes) -> None:
    if b"law" in data:
        raise LawBrokenError("a-law", data)
    if b"raise" in data:
        raise KeyError(data)
    while b"hang" in data:
        pass


def test_the_harness_keeps_what_it_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Broken laws, exceptions and hangs, each by its smallest input; and the input in hand."""
    monkeypatch.setattr(worker, "HANG", 0.05)
    (tmp_path / "found").mkdir()
    before = signal.signal(signal.SIGVTALRM, worker.hang)
    try:
        harness = worker.Harness(Target(name="bad", run=_bad, seeds=lambda: ()), tmp_path)
        for data in (b"fine", b"a long law", b"law", b"raise", b"hang", b"also fine"):
            harness.one(data)
    finally:
        signal.signal(signal.SIGVTALRM, before)
    found = {file.name: file.read_bytes() for file in (tmp_path / "found").glob("[!.]*")}
    assert found == {"a-law": b"law", "KeyError": b"raise", "HangError": b"hang"}
    count, _used, _since, length = worker.HEADER.unpack_from((tmp_path / "now").read_bytes())
    assert (count, length) == (6, len(b"also fine"))


def test_the_reference_takes_little_memory() -> None:
    """A memo's index of millions makes C's unpickler take gigabytes: that is not charged to the engine."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert not any(seen.finished for seen in reference.read_all(b"\x80\x04]r\xff\xff\xff\x03."))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < worker.GROWTH
    assert reference.read_all(b"\x80\x04]r\xff\xff\x03\x00.")[0].finished
