"""Batches of small files against what one of them does: every other file's verdict is that of a scan alone."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import pytest
from samples import hostile
from sandbox_acts.in_batch import ACTS, JOB, content
from support.watching import PATIENCE

from picklewatch.analysis.content import scan_content
from picklewatch.core.model import Limits
from picklewatch.sandbox import BatchStoppedError, Scanner
from picklewatch.sandbox.samples import samples

if TYPE_CHECKING:
    from collections.abc import Iterator

    from picklewatch.core.model import ScanReport

LIMITS = Limits(seconds=PATIENCE, cpu_seconds=1, memory=128 << 20, output=1 << 20)


@pytest.fixture(scope="module")
def scanner() -> Iterator[Scanner]:
    """One scanner for all acts."""
    with Scanner(LIMITS, job=JOB) as it:
        yield it


@pytest.fixture(scope="module")
def impatient() -> Iterator[Scanner]:
    """One whose batches end after a second, for acts that wait."""
    with Scanner(replace(LIMITS, seconds=1.0), job=JOB) as it:
        assert it.protections
        yield it


@pytest.fixture(scope="module")
def real() -> Iterator[Scanner]:
    """One with the real scan."""
    with Scanner(Limits(seconds=PATIENCE)) as it:
        yield it


def alone(scanner: Scanner, data: bytes) -> ScanReport:
    """Scan *data* in a child of its own."""
    descriptor = os.memfd_create("content", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, data)
        return scanner.scan(descriptor)
    finally:
        os.close(descriptor)


def comparable(report: ScanReport) -> ScanReport:
    """*report* without what differs from run to run."""
    return replace(report, duration_ms=0.0, peak_kib=0)


BEFORE, AFTER = ["harmless 1", "hostile", "harmless 2"], ["hostile", "harmless 3"]


@pytest.mark.parametrize("act", [name for name in ACTS if name not in {"take-over", "sleep"}])
def test_every_other_file_is_judged_as_if_alone(scanner: Scanner, act: str) -> None:
    """Crashes, floods, forged and repeated answers: nobody's harm becomes inert, nobody's file becomes worse."""
    contents = [content(name) for name in (*BEFORE, act, *AFTER)]
    before = scanner.pid
    reports = scanner.scan_batch(contents)
    assert len(reports) == len(contents)
    for number, (data, report) in enumerate(zip(contents, reports, strict=True)):
        if number != len(BEFORE):
            expected = alone(scanner, data)
            assert comparable(report or alone(scanner, data)) == comparable(expected)
            assert report is None or not expected.findings
    assert scanner.pid == before
    assert all(scanner.scan_batch([content("harmless 1")] * 3))


@pytest.mark.parametrize("act", ["crash", "abort", "exit", "end-silently", "loop", "fork"])
def test_what_was_answered_before_a_file_ended_the_child_stays(scanner: Scanner, act: str) -> None:
    """The answers had left the child before it read that file; those behind it are unanswered."""
    reports = scanner.scan_batch([content(name) for name in (*BEFORE, act, *AFTER)])
    assert [report and report.opcodes for report in reports] == [1, None, 2, None, None, None]


@pytest.mark.parametrize("act", ["grow", "raise", "open"])
def test_the_files_behind_one_that_fails_are_still_judged(scanner: Scanner, act: str) -> None:
    """Memory that ran out, or a fault, is that file's matter."""
    reports = scanner.scan_batch([content(name) for name in (*BEFORE, act, *AFTER)])
    assert [report and report.opcodes for report in reports] == [1, None, 2, None, None, 3]


@pytest.mark.parametrize(
    "act", [name for name in ACTS if name.startswith(("answer-", "garbage", "accuse", "report", "failure", "half"))]
)
def test_a_child_that_talks_nonsense_is_not_believed_at_all(scanner: Scanner, act: str) -> None:
    """Twice, in the wrong order, for a file not yet due, out of range, or what no batch says: all go alone."""
    assert scanner.scan_batch([content(name) for name in (*BEFORE, act, *AFTER)]) == [None] * 6


def test_a_file_that_waits_costs_the_others_a_moment(impatient: Scanner) -> None:
    """The clock ends the batch; what was answered stays."""
    reports = impatient.scan_batch([content(name) for name in (*BEFORE, "sleep", *AFTER)])
    assert [report and report.opcodes for report in reports] == [1, None, 2, None, None, None]


def test_what_is_left_to_a_child_that_was_taken_over(scanner: Scanner) -> None:
    """It can call those inert that come after it in its own batch, no others: docs/sandbox.md says who that can hit."""
    reports = scanner.scan_batch([content(name) for name in (*BEFORE, "take-over", *AFTER)])
    assert [report and report.opcodes for report in reports] == [1, None, 2, 9, 9, 9]
    assert [report and report.opcodes for report in scanner.scan_batch([content("hostile")])] == [None]


def test_something_more_urgent_ends_a_batch(scanner: Scanner) -> None:
    """Answers are kept, files without one are told apart, and the scanner is free at once."""

    def stop() -> None:
        raise BatchStoppedError

    assert len(scanner.scan_batch([content("harmless 1"), content("sleep")], stop)) < 2
    assert alone(scanner, content("harmless 4")).opcodes == 4


def test_no_contents_no_answers(scanner: Scanner) -> None:
    """Nor an empty one that is passed over."""
    assert scanner.scan_batch([]) == []
    (report,) = scanner.scan_batch([b""])
    assert report is not None
    assert report.sha256 == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


CONTENTS = [*samples(), *hostile.all_but_bombs().values(), *[hostile.BENIGN + bytes([n]) for n in range(9)]]


@cache
def scanned(data: bytes) -> ScanReport:
    """Scan *data* here."""
    return scan_content(data, Limits(seconds=PATIENCE))


@pytest.mark.parametrize("step", [1, -1], ids=["in order", "backwards"])
def test_a_batch_finds_inert_what_a_scan_alone_does(real: Scanner, step: int) -> None:
    """The same format, counts, imports and digest, whatever was judged before it by the same process."""
    contents = [data for data in CONTENTS if len(data) <= 64 << 10][::step]
    inert = 0
    for begin in range(0, len(contents), 256):
        part = contents[begin : begin + 256]
        for data, report in zip(part, real.scan_batch(part), strict=True):
            expected = scanned(data)
            if report is not None:
                inert += 1
                assert comparable(replace(report, sha256=None)) == comparable(expected)
            else:
                assert expected.findings or not expected.complete or _is_packed(data)
    assert inert >= 5


def _is_packed(data: bytes) -> bool:
    """Return True for the warm-up's samples that need a decompressor."""
    return data.startswith((b"PK", b"\x1f\x8b", b"\x78", b"BZh", b"\xfd7z", b"\x5d", b"7z", b"\x28\xb5", b"\x04\x22"))


def test_nothing_packed_is_judged_in_a_batch(real: Scanner) -> None:
    """Its child has no decompressor: what one would be needed for is judged alone, where it is harmless."""
    packed = [data for data in samples() if _is_packed(data)]
    stored = real.scan_batch([data for data in packed if b"\x08\x00" not in data[:10]])
    assert any(stored), "what an archive holds as it is needs none"
    deflated = [data for data in packed if data.startswith((b"\x1f\x8b", b"BZh", b"\xfd7z", b"\x78"))]
    assert len(deflated) >= 6
    assert real.scan_batch(deflated) == [None] * len(deflated)
