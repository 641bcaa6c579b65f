"""Takes a file away as soon as its harm is known, while the rest of it is still read.

A loader needs six opcodes; what follows them - gigabytes of padding, a hole of a terabyte - must not buy the file time
under its name. The record is begun with what was seen, and completed when the scan has ended: what is missing from one
that a crash left is said in it.
"""

from __future__ import annotations

import math
import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from picklewatch.access import leases
from picklewatch.access.digest import DIGEST_ALWAYS, sha256_within
from picklewatch.core.model import FileId, Finding, Level, Policy, Record, ScanReport
from picklewatch.core.policy import INCOMPLETE, decide
from picklewatch.scanning.scan_file import TouchedError, record_of
from picklewatch.service.actions import failures_reported

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from picklewatch.access.open_file import Subject
    from picklewatch.core.model import EngineVersion
    from picklewatch.quarantine.taking import Taking
    from picklewatch.service.scan_context import Stages
    from picklewatch.store import Finished, Job

_GRACE: Final = 0.2
"""Seconds that a scan may go on after harm was seen: most end before, and need one transaction, not two."""
_LOOK_SECONDS: Final = 0.2
"""Seconds between two looks for further names of a file whose harm was acted on."""
_SPELT: Final = frozenset({"yaml-python-object"})
"""Rules whose findings are about a name of code in the content, besides those about an import."""
_MISSING: Final = Finding(
    rule=INCOMPLETE,
    level=Level.UNSCANNABLE,
    where="",
    summary="The file was moved as soon as its harm was known; other findings and its SHA-256 are missing.",
)


class LinkedError(Exception):
    """Ends a scan whose harm was acted on: the file has another name by now, and waits for its turn under that."""


class EarlyMove:
    """What a scan of one file does with harm before its end. For one thread."""

    def __init__(
        self, subject: Subject, policy: Policy, engine: EngineVersion, stages: Stages, on_block: Callable[[], None]
    ) -> None:
        """*on_block* is called while the content is hashed, and may end that by an exception."""
        self._subject, self.policy, self._engine = subject, policy, engine
        self._store, self._failures, self._mover = stages.store, stages.store_failures, stages.actions.mover
        self.on_block = on_block
        self._harm: ScanReport | None = None
        self._since = 0.0
        self._is_over = self._is_restarted = self._is_repeated = False
        self._spelt: set[tuple[str, str, str]] = set()
        self._spelt_before: frozenset[tuple[str, str, str]] = frozenset()
        """The names of code that this scan and the one before it saw, and where."""
        self._taking: Taking | None = None
        self._dealt_with: Collection[str] = ()
        """Names of the file that were known when its harm was acted on, and could not be taken."""
        self._look_at = 0.0
        self.begun: int | None = None
        """The number of the record that was begun."""

    @property
    def is_taken(self) -> bool:
        """True once the file has lost its name."""
        return self._taking is not None

    def begin(self) -> None:
        """Begin a scan of the file, as it is now: one that was touched during the last scan is taken during this."""
        if self.begun is None:
            self._subject = self._subject.again()
            self._harm, self._since, self._is_over, self._is_repeated = None, 0.0, False, False
            self._spelt_before, self._spelt = frozenset(self._spelt), set()

    def see(self, report: ScanReport) -> None:
        """Take note of harm: *report* is what is known. Harm that the last scan saw as well is acted on at once.

        Raises as `act` does.
        """
        self._harm = report
        alone = replace(report, complete=True, findings=report.findings[-1:])  # that more is to come is no harm
        if self._is_over or not self._mover.takes(decide(alone, self.policy).effective):
            return
        self._since = self._since or time.monotonic()
        if (name := _name_of_code(report.findings[-1])) is not None:
            self._spelt.add(name)
            if name in self._spelt_before:
                self._is_repeated = True
                self.act()

    def tick(self) -> None:
        """Take the file away if its harm has been known for a moment.

        Raises as `act` does, and `LinkedError` if the file has another name by now: the rest of this scan may take
        long. The next one begins with that name, or the content is taken from all of them.
        """
        if not leases.is_held(self._subject.fd):
            leases.release(self._subject.fd)  # somebody who wants to write waits
        if self._since and not self._is_over and time.monotonic() - self._since > _GRACE:
            self.act()
        if self.begun is not None and time.monotonic() > self._look_at:
            self._look_at = time.monotonic() + _LOOK_SECONDS
            self._look_for_names()

    def _look_for_names(self) -> None:
        name: str | None = None
        with failures_reported(self._failures, self._subject.path):
            name = self._mover.names.judge_other(self._subject.file, self._dealt_with)
        if name is not None:
            raise LinkedError

    def act(self) -> None:
        """Take the file away if its harm is known, it is what was scanned, and it is no allowed content.

        Of a file that somebody has open for writing nobody can say that it is what was scanned; whoever writes it would
        decide how long it stays. A name of code that two scans in a row saw in it, in the same place, is enough: no
        state between two writes spells one by chance, as it may look like a damaged archive.

        Raises `TouchedError`, once, if that can't be said of a large file yet.
        """
        if not self._since or self._is_over or self._harm is None:
            return
        self._is_over = True
        subject = self._subject.again()
        is_same = replace(subject.file, ctime_ns=self._subject.file.ctime_ns) == self._subject.file
        is_sure = is_same or self._is_repeated
        if not is_sure and subject.file.size > DIGEST_ALWAYS and not self._is_restarted:
            self._is_restarted = leases.hold(subject.fd) or bool(self._spelt)
            if self._is_restarted:
                raise TouchedError  # hashing all of it, or reading on to its end, would buy it time
        if not (is_sure or leases.is_held(subject.fd)):
            return  # it is scanned again
        if self.policy.may_allow(subject.file.size) and self._sha256() in {None, *self.policy.allowed_digests}:
            return
        self._subject = subject
        with failures_reported(self._failures, subject.path):
            self.begun = self._store.begin(self._record(self._harm))
            self._taking = self._mover.take(self.begun, subject, seen_again=self._is_repeated)
            if self._taking is not None:
                self._mover.contents.report(self._taking.item)
            else:
                self._dealt_with = self._mover.names.known(subject.file)

    def _sha256(self) -> str | None:
        return _whole_digest(self._subject.fd, self.on_block)

    def known(self) -> Record:
        """Return the record of what was seen, for a scan that does not come to its end."""
        assert self._harm is not None
        return self._record(self._harm)

    def _record(self, report: ScanReport) -> Record:
        report = replace(report, findings=(*report.findings, _MISSING))
        return record_of(self._subject.path, self._subject.file, report, self.policy, self._engine)

    def complete(self, job: Job, record: Record) -> Finished:
        """Record the outcome in the place of what was begun."""
        assert self.begun is not None
        return self._store.complete(job, self.begun, record)

    def end(self, record: Record) -> None:
        """Let the content of a file that was taken follow, with what *record* says."""
        taking, self._taking = self._taking, None
        if taking is not None:
            taking.learn(record.judgement.verdict, record.judgement.reasons, record.report.sha256)
            self._mover.contents.end(taking)

    def close(self) -> None:
        """Leave a file that was taken to the recovery of the vault, if nothing has ended it."""
        if self._taking is not None:
            self._mover.contents.end(self._taking)
            self._taking = None


def _name_of_code(finding: Finding) -> tuple[str, str, str] | None:
    """Return what is wrong with a name of code, which one it is, and where; None if *finding* is about no such name."""
    if finding.level.rank < Level.UNSAFE.rank or not (finding.subject or finding.rule in _SPELT):
        return None
    return finding.rule, finding.subject or finding.evidence, finding.where


def with_digest(record: Record, fd: int, policy: Policy, on_block: Callable[[], None]) -> Record:
    """Return *record* with the content's digest and the verdict on that, if only the digest can say that it is allowed.

    An allowed content is never moved because hashing it took longer than a scan may.
    """
    if record.report.sha256 is not None or not policy.may_allow(record.size) or record.file is None:
        return record
    sha256 = _whole_digest(fd, on_block)
    if FileId.of(os.fstat(fd)) != record.file and not leases.is_held(fd):
        return record
    report = replace(record.report, sha256=sha256)
    return replace(record, report=report, judgement=decide(report, policy))


def _whole_digest(fd: int, on_block: Callable[[], None]) -> str | None:
    try:
        return sha256_within(fd, math.inf, on_block)
    except OSError:
        return None
