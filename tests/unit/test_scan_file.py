"""One file through all stages."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from picklewatch.access import leases
from picklewatch.access.digest import DIGEST_ALWAYS
from picklewatch.access.open_file import OpenFailure, SubjectError, open_subject
from picklewatch.core.model import EngineVersion, Finding, Level, Outcome, Policy, ScanReport, Verdict
from picklewatch.scanning.scan_file import ATTEMPTS, TouchedError, problem_record, scan_file, with_names

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ENGINE = EngineVersion(picklewatch="0", fickling="1", rules="2")
EVIL = Finding(rule="unsafe-import", level=Level.UNSAFE, where="0x0", summary="Imports m.f.", subject="m.f")


class Scans:
    """A scanner that finds *findings* and lets *meanwhile* happen during each scan."""

    def __init__(
        self, *findings: Finding, meanwhile: Callable[[], object] = lambda: None, sha256: str | None = None
    ) -> None:
        self.findings = findings
        self.meanwhile = meanwhile
        self.sha256 = sha256
        self.scans = 0

    def scan(self, fd: int) -> ScanReport:
        """Read the file's size, as a stand-in for its content."""
        self.scans += 1
        os.fstat(fd)
        self.meanwhile()
        return ScanReport(format="pickle", complete=True, code_bearing=True, findings=self.findings, sha256=self.sha256)


def test_a_record_has_what_the_stages_found(tmp_path: Path) -> None:
    """The content's path, its state, the verdict, and what judged it."""
    path = tmp_path / "x.pkl"
    path.write_bytes(b"abc")
    with open_subject(path) as subject:
        record = scan_file(subject, Scans(EVIL), Policy(), ENGINE)
    assert (record.path, record.size, record.engine) == (str(path), 3, ENGINE)
    assert record.judgement.verdict is Verdict.UNSAFE
    assert record.file == subject.file
    with open_subject(path) as subject:
        allowed = scan_file(subject, Scans(EVIL), Policy(allowed_imports={"m.f": "ours"}), ENGINE)
    assert (allowed.judgement.verdict, allowed.judgement.outcome) == (Verdict.UNSAFE, Outcome.ALLOWED)
    assert allowed.judgement.effective is Verdict.CLEAN
    assert allowed.to_json()["outcome"] == "allowed"
    assert allowed.judgement.allowed == "m.f: ours"
    worse = Scans(replace(EVIL, level=Level.MALICIOUS))
    with open_subject(path) as subject:
        loud = scan_file(subject, worse, Policy(allowed_imports={"m.f": "ours"}), ENGINE)
    assert loud.judgement.allowed == "m.f (malicious): ours"
    assert (loud.judgement.verdict, loud.judgement.outcome) == (Verdict.MALICIOUS, Outcome.ALLOWED)


def test_a_rename_during_the_scan_means_another_scan(tmp_path: Path) -> None:
    """The record is about where the content is in the end, and it is no fault of the file."""
    old, new = tmp_path / "x.incomplete", tmp_path / "x"
    old.write_bytes(b"abc")
    scans = Scans(meanwhile=lambda: old.rename(new) if old.exists() else None)
    with open_subject(old) as subject:
        record = scan_file(subject, scans, Policy(), ENGINE)
    assert (record.path, record.judgement.verdict) == (str(new), Verdict.CLEAN)
    assert record.file is not None
    assert record.file.ctime_ns == new.stat().st_ctime_ns


def test_a_file_that_never_rests_is_unscannable(tmp_path: Path) -> None:
    """Whatever was seen, it is about no state that a loader would get; what was found still counts."""
    path = tmp_path / "x"
    path.write_bytes(b"abc")

    def grow() -> None:
        with path.open("ab") as file:
            file.write(b"x")

    scans = Scans(meanwhile=grow, sha256="ab" * 32)
    with open_subject(path) as subject:
        record = scan_file(subject, scans, Policy(allowed_digests={"ab" * 32: "ours"}), ENGINE)
    assert scans.scans == ATTEMPTS
    assert record.judgement.verdict is Verdict.UNSCANNABLE
    assert record.judgement.reasons == ("changed-while-scanned",)
    assert record.report.sha256 is None
    with open_subject(path) as subject:
        assert scan_file(subject, Scans(EVIL, meanwhile=grow), Policy(), ENGINE).judgement.verdict is Verdict.UNSAFE


def test_harm_in_a_file_that_is_touched_all_the_time_has_a_digest(tmp_path: Path) -> None:
    """The move goes by that: times that never rest keep nothing in its place, and make nothing clean."""
    path = tmp_path / "x"
    path.write_bytes(b"abc")
    sha256 = hashlib.sha256(b"abc").hexdigest()
    times = itertools.count(1)

    def touch() -> None:
        os.utime(path, (0, next(times)))

    with open_subject(path) as subject:
        record = scan_file(subject, Scans(EVIL, meanwhile=touch), Policy(), ENGINE)
        harmless = scan_file(subject, Scans(meanwhile=touch), Policy(), ENGINE)
        allowed = scan_file(subject, Scans(EVIL, meanwhile=touch), Policy(allowed_digests={sha256: "ours"}), ENGINE)
    assert (record.judgement.reasons, record.report.sha256) == (("unsafe-import",), sha256)
    assert harmless.judgement.verdict is Verdict.UNSCANNABLE
    assert "changed-while-scanned" in allowed.judgement.reasons


def test_harm_in_a_large_file_that_is_touched_all_the_time_is_seen_under_a_lease(tmp_path: Path) -> None:
    """Hashing takes too long there, and a hole of a terabyte can't be hashed at all. Writing ends the lease."""
    path = tmp_path / "x"
    path.touch()
    os.truncate(path, DIGEST_ALWAYS + 1)
    times = itertools.count(1)

    def touch() -> None:
        os.utime(path, (0, next(times)))

    def write() -> None:
        touch()
        with contextlib.suppress(BlockingIOError):
            os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))

    with open_subject(path) as subject:
        if not leases.hold(subject.fd):
            pytest.skip("no leases on this file system")
        leases.release(subject.fd)
        record = scan_file(subject, Scans(EVIL, meanwhile=touch), Policy(), ENGINE)
        assert record.judgement.reasons == ("unsafe-import",)
        assert leases.is_held(subject.fd)
        leases.release(subject.fd)
        record = scan_file(subject, Scans(EVIL, meanwhile=write), Policy(), ENGINE)
        assert "changed-while-scanned" in record.judgement.reasons
        assert not leases.is_held(subject.fd)
        os.close(os.open(path, os.O_WRONLY))


@pytest.mark.parametrize("size", [0, DIGEST_ALWAYS + 1])
def test_a_scan_that_is_to_be_made_anew_is_no_fault(tmp_path: Path, size: int) -> None:
    """Whichever scan of the file that is: a touched file's fourth, under a lease or between two digests, too."""
    path = tmp_path / "x"
    path.touch()
    os.truncate(path, size)
    times = itertools.count(1)

    def touch() -> None:
        number = next(times)
        os.utime(path, (0, number))
        if number == ATTEMPTS + 1:
            raise TouchedError

    with open_subject(path) as subject:
        scans = Scans(EVIL, meanwhile=touch)
        assert scan_file(subject, scans, Policy(), ENGINE).judgement.verdict is Verdict.UNSAFE
    assert scans.scans == ATTEMPTS + 2


def test_a_problem_is_a_record_too() -> None:
    """It is never passed over in silence, and never clean."""
    record = problem_record(SubjectError(OpenFailure.DENIED, "/x", "permission denied"), ENGINE)
    assert record.judgement.verdict is Verdict.UNSCANNABLE
    json = record.to_json()
    assert (json["path"], json["reasons"], json["size"]) == ("/x", ["not-readable"], 0)
    assert json["findings"][0]["summary"] == "Permission denied."


def test_names_are_joined_without_repetition() -> None:
    """The path itself is no other name; a name may say more than the path does."""
    record = problem_record(SubjectError(OpenFailure.DENIED, "/x", "no"), ENGINE)
    named = with_names(with_names(record, ["/a", "/x"]), ["/b", "/a"])
    assert named.names == ("/a", "/b")
    assert with_names(record, ["/h/.keras/models/vgg.h5"]).name == "keras: vgg.h5"
