"""The sandbox changes nothing: a scan in the locked-down child observes what the same scan observes outside.

What a reader imports late, opens or asks of the kernel fails inside; these tests would see it.
"""

from __future__ import annotations

import codecs
import gzip
import os
import pickle
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from samples import hostile
from samples.hostile import BENIGN

import picklewatch
from picklewatch.analysis.content import scan_content
from picklewatch.core.model import Limits
from picklewatch.sandbox import Scanner
from picklewatch.sandbox.samples import CODECS, samples

if TYPE_CHECKING:
    from collections.abc import Iterator

    from picklewatch.core.model import ScanReport

LIMITS = Limits(seconds=10, opcodes=1_000_000)
CONTENTS = {
    **{f"warm-up-{number}": content for number, content in enumerate(samples())},
    **hostile.all_but_bombs(),
}


@pytest.fixture(scope="module")
def scanner() -> Iterator[Scanner]:
    """One real scanner."""
    with Scanner(LIMITS) as it:
        yield it


def scan(scanner: Scanner, content: bytes) -> ScanReport:
    """Scan *content* in the sandbox."""
    descriptor = os.memfd_create("content", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, content)
        return scanner.scan(descriptor)
    finally:
        os.close(descriptor)


def comparable(report: ScanReport) -> ScanReport:
    """*report* without what differs from run to run."""
    return replace(report, duration_ms=0.0, peak_kib=0, sha256=None)


@pytest.mark.parametrize("name", CONTENTS)
def test_the_child_sees_what_is_seen_outside(scanner: Scanner, name: str) -> None:
    """The same format, findings, imports and counts; the digest is not the child's matter."""
    content = CONTENTS[name]
    assert comparable(scan(scanner, content)) == comparable(scan_content(content, LIMITS))


def test_a_hole_is_not_filled_with_memory(scanner: Scanner) -> None:
    """A file in memory has its holes as they were, and what lies between them is judged."""
    descriptor = os.memfd_create("content", os.MFD_CLOEXEC)
    try:
        os.ftruncate(descriptor, 64 << 20)
        os.pwrite(descriptor, hostile.EVIL, 32 << 20)
        before = os.fstat(descriptor).st_blocks
        report = scanner.scan(descriptor)
        assert os.fstat(descriptor).st_blocks == before
    finally:
        os.close(descriptor)
    assert "hidden-pickle" in {finding.rule for finding in report.findings}


@pytest.mark.parametrize("head", [b"", BENIGN, b"P", gzip.compress(BENIGN)], ids=["none", "pickle", "letter", "gzip"])
def test_a_terabyte_of_a_hole_is_judged_within_the_limits(scanner: Scanner, head: bytes) -> None:
    """Wherever a reader meets it; it holds zeros alone."""
    descriptor = os.memfd_create("content", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, head)
        os.ftruncate(descriptor, 1 << 40)
        report = scanner.scan(descriptor)
    finally:
        os.close(descriptor)
    assert report.complete
    assert {finding.rule for finding in report.findings} <= {"trailing-data"}


def test_texts_of_a_large_dictionary_take_little_memory() -> None:
    """Half of what a dictionary for the memo, and another one for the objects, would take."""
    pairs = {f"token{number}": f"word{number}" for number in range(210_000)}
    with Scanner(replace(LIMITS, seconds=60, memory=38 << 20)) as small:
        report = scan(small, pickle.dumps(pairs, 4))
    assert report.complete


@pytest.mark.parametrize("name", hostile.bombs())
def test_bombs_end_and_leave_the_next_scan_alone(scanner: Scanner, name: str) -> None:
    """Whatever a bomb does in the child, the report comes, is not clean, and the next file is scanned as ever."""
    report = scan(scanner, hostile.bombs()[name])
    assert not report.complete or any(finding.level.value != "info" for finding in report.findings)
    assert scan(scanner, hostile.BENIGN).complete


def test_every_text_encoding_that_a_reader_names_is_loaded_before_the_lock() -> None:
    """Python imports encodings on first use, which the locked child can't."""
    loaded = {codecs.lookup(name).name for name in CODECS}
    package = Path(picklewatch.__file__).parent
    for source in package.glob("analysis/**/*.py"):
        for name in re.findall(r"""(?:en|de)code\(['"]([\w-]+)['"]""", source.read_text()):
            assert codecs.lookup(name).name in loaded, f"{source.name} uses {name}"


def test_a_scan_reports_its_own_cost(scanner: Scanner) -> None:
    """Milliseconds of wall-clock time and KiB of the child's peak memory."""
    report = scan(scanner, hostile.BENIGN)
    assert report.duration_ms > 0
    assert 1_000 < report.peak_kib < 1 << 20


def test_what_was_found_before_memory_ran_out_stays() -> None:
    """A hostile pickle followed by one that fills the memory is as hostile as alone."""
    hungry = hostile.EVIL + b"\x80\x04" + b"(N" * 8_000_000 + b"."
    with Scanner(Limits(memory=128 << 20, seconds=600)) as small:  # a busy machine's seconds end no test
        report = scan(small, hungry)
    rules = [finding.rule for finding in report.findings]
    assert not report.complete
    assert "code-execution" in rules
    assert {"scan-memory", "limit-memory"} & set(rules)
