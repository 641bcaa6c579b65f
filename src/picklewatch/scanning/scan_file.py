"""Scans one file in the sandbox, judges it by the policy, and names it for a person."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from picklewatch.access import leases
from picklewatch.access.digest import DIGEST_ALWAYS, sha256_within
from picklewatch.access.open_file import OpenFailure, Subject, SubjectError
from picklewatch.core.model import EngineVersion, Finding, Judgement, Level, Policy, Record, ScanReport, Verdict
from picklewatch.core.policy import decide
from picklewatch.scanning import display_names

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from picklewatch.core.model import FileId


class TouchedError(Exception):
    """Ends a scan that saw harm in a file that changed: it is made anew, under a lease if possible."""


class Scans(Protocol):
    """Scans the content behind a descriptor: `picklewatch.sandbox.Scanner`, or a fake in tests."""

    def scan(self, fd: int) -> ScanReport:
        """Scan *fd* from its start; never raises for hostile content."""
        ...


ATTEMPTS = 3
"""Scans of a file that changes while it is scanned (a rename is such a change) before it is called unscannable."""
_DIGEST_SECONDS = 5.0


def scan_file(
    subject: Subject,
    scanner: Scans,
    policy: Policy,
    engine: EngineVersion,
    *,
    is_taken: Callable[[], bool] = lambda: False,
) -> Record:
    """Scan *subject*, make sure that it did not change meanwhile, decide, and name it.

    The record's ``file`` is the state that was judged, which may be younger than *subject*'s. *is_taken* returns True
    once we moved the file ourselves: its place and ctime say nothing then.
    """
    subject, report = scan_stable(subject, scanner, policy, is_taken)
    return record_of(subject.path, subject.file, report, policy, engine)


def record_of(path: str, file: FileId, report: ScanReport, policy: Policy, engine: EngineVersion) -> Record:
    """Decide on *report*, and make the record of the *file* at *path*."""
    return Record(
        path=path,
        name=display_names.describe(path),
        names=display_names.links_to(path),
        report=report,
        judgement=decide(report, policy),
        size=file.size,
        engine=engine,
        file=file,
    )


def problem_record(problem: SubjectError, engine: EngineVersion) -> Record:
    """Make the record of a path that could not be judged, so that it is never passed over in silence."""
    finding = Finding(rule=problem.kind.value, level=Level.UNSCANNABLE, where="", summary=_sentence(problem.reason))
    report = ScanReport(format="other", complete=False, code_bearing=False, findings=(finding,))
    judgement = Judgement(verdict=Verdict.UNSCANNABLE, reasons=(finding.rule,))
    return Record(path=problem.path, name=None, report=report, judgement=judgement, size=0, engine=engine)


def with_names(record: Record, more: Sequence[str]) -> Record:
    """Add to *record* the paths *more* that led to the same content."""
    if not record.names and not more:
        return record
    known = dict.fromkeys((*record.names, *more))
    known.pop(record.path, None)
    name = record.name or next(filter(None, map(display_names.describe, known)), None)
    return replace(record, names=tuple(known), name=name)


def scan_stable(
    subject: Subject, scanner: Scans, policy: Policy, is_taken: Callable[[], bool] = lambda: False
) -> tuple[Subject, ScanReport]:
    """Scan *subject* and make sure that it did not change meanwhile; return the state that was scanned, and the report.

    A file that changes all the time is reported as changed, with the harm that was seen.
    """
    for _ in range(ATTEMPTS):
        report = _scan(subject, scanner)
        now = subject.again()
        if now.file == subject.file:
            return subject, report
        if is_taken():
            same = replace(now.file, ctime_ns=subject.file.ctime_ns) == subject.file
            return subject, report if same else _changed(report)
        subject = now
    harm = None
    if _is_harmful(report, policy):
        is_large = subject.file.size > DIGEST_ALWAYS
        harm = (_harm_under_lease if is_large else _harm_of_one_content)(subject, scanner, policy, is_taken)
    return subject, harm or _changed(report)


def _scan(subject: Subject, scanner: Scans) -> ScanReport:
    try:
        return scanner.scan(subject.fd)
    except TouchedError:
        return scanner.scan(subject.fd)


def _harm_under_lease(
    subject: Subject, scanner: Scans, policy: Policy, is_taken: Callable[[], bool]
) -> ScanReport | None:
    """Do as `_harm_of_one_content` for a content that takes too long to be hashed; its move goes by the lease."""
    if not leases.hold(subject.fd):
        return None
    report = _scan(subject, scanner)
    if is_taken() or (leases.is_held(subject.fd) and _is_harmful(report, policy)):
        return report
    leases.release(subject.fd)
    return None


def _harm_of_one_content(
    subject: Subject, scanner: Scans, policy: Policy, _is_taken: Callable[[], bool]
) -> ScanReport | None:
    """Scan a harmful file once more that somebody touches all the time; None unless its content is seen to stay.

    Its times would keep it in its place for ever. With the digest it is moved whatever they are. That is only for harm:
    whoever writes to a file may show a scan something harmless between two looks at the content.
    """
    before = _digest(subject.fd)
    report = replace(_scan(subject, scanner), sha256=before)
    is_same = before is not None and before == _digest(subject.fd)
    return report if is_same and _is_harmful(report, policy) else None


def _digest(fd: int) -> str | None:
    try:
        return sha256_within(fd, _DIGEST_SECONDS)
    except OSError:
        return None


def _is_harmful(report: ScanReport, policy: Policy) -> bool:
    return decide(report, policy).effective.rank >= Verdict.UNSAFE.rank


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _changed(report: ScanReport) -> ScanReport:
    finding = Finding(
        rule=OpenFailure.CHANGED.value,
        level=Level.UNSCANNABLE,
        where="",
        summary="The file was written to while it was being scanned, so the verdict would be about neither state.",
    )
    return replace(report, complete=False, findings=(*report.findings, finding), sha256=None)
