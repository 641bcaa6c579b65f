"""Runs one job from its claim to its outcome: opened, scanned in the sandbox, recorded, acted upon."""

from __future__ import annotations

import functools
import math
import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import structlog

from picklewatch.access.open_file import EXHAUSTED, ExhaustedError, OpenFailure, OpenRefusedError, SubjectError
from picklewatch.access.opening import ForeignError
from picklewatch.core.errors import SandboxError
from picklewatch.core.model import FileId, Finding, Judgement, Level, Record, ScanReport, Verdict, printable
from picklewatch.queue.schedule import PutOffError
from picklewatch.scanning.remote_files import LOOK_SECONDS, PrefetchingScanner
from picklewatch.scanning.scan_file import problem_record, scan_file, with_names
from picklewatch.service.actions import failures_reported
from picklewatch.service.early_move import EarlyMove, LinkedError, with_digest
from picklewatch.service.known_names import KnownNames
from picklewatch.service.same_content import SameContent
from picklewatch.store.database import STORE_ERRORS

if TYPE_CHECKING:
    import threading

    from picklewatch.access.open_file import Subject
    from picklewatch.core.model import EngineVersion
    from picklewatch.queue.schedule import Claim
    from picklewatch.scanning.scan_many import ClosableScans
    from picklewatch.service.scan_context import ScanContext, Stages
    from picklewatch.store import Finished, Job

_log = structlog.get_logger()

_CHANGES: Final = 5
"""Scans in a row of a file that changes meanwhile, before it is called unscannable."""
_AGAIN_SECONDS: Final = 0.1
"""Seconds before a file is tried again after a fault that was not the file's."""
_FAILURES: Final = 3
_REFUSED_SECONDS: Final = 1.0
_REFUSALS: Final = 10
_FAILED_KEPT: Final = 1_000


class JobRunner:
    """Runs claimed jobs; threads may share it. Until *stopping* is set, it waits for a disk that is full."""

    def __init__(self, stages: Stages, context: ScanContext, stopping: threading.Event) -> None:
        self._stages, self._context, self._stopping = stages, context, stopping
        self._store, self._schedule = stages.store, stages.schedule
        self._names = KnownNames(stages.store)
        self._same_content = SameContent(stages, context)
        self._health = stages.store_failures.health
        self._failures: dict[int, int] = {}

    def run(self, claim: Claim, scanner: ClosableScans) -> None:
        """Scan one file and do what follows, and release *claim*; the job stays queued if that is not possible now.

        Raises `ScanCancelledError`, `SandboxError` and store errors: the worker has to pause then.
        """
        from picklewatch.sandbox import ScanCancelledError

        again_in, put_off = 0.0, False
        try:
            again_in = self._run(claim, scanner)
        except PutOffError:
            put_off = True
        except (ScanCancelledError, SandboxError, *STORE_ERRORS):
            again_in = _AGAIN_SECONDS
            raise
        except Exception as error:  # noqa: BLE001 - a bad file must not end the worker
            if isinstance(error, OSError) and error.errno in EXHAUSTED:
                again_in = self._exhausted(error.strerror or str(error))
            else:
                again_in = self._failed(claim.job, error)
        finally:
            self._schedule.release(claim, again_in=again_in, put_off=put_off)

    def _run(self, claim: Claim, scanner: ClosableScans) -> float:
        job = claim.job
        try:
            claim.enter_step(LOOK_SECONDS)
            names = functools.partial(self._store.records.names_of, job)
            with self._context.opens(job.path, (job.device, job.inode), names) as subject:
                claim.enter_step(self._context.patience)
                claim.owner = os.fstat(subject.fd).st_uid
                if self._stages.actions.mover.names.is_set_aside(subject.path, subject.file, claim.owner):
                    self._stages.actions.mover.names.judge_other(subject.file, {subject.path})
                    self._store.jobs.drop(job)
                    return 0.0
                if self._same_content.is_settled(claim, subject):
                    self._names.note(subject)
                    self._store.jobs.drop(job)
                    return 0.0
                return self._scan(claim, subject, scanner)
        except ExhaustedError as problem:
            return self._exhausted(problem.message)
        except SubjectError as problem:
            if isinstance(problem, OpenRefusedError) and self._is_tried_again(claim.job):
                return _REFUSED_SECONDS
            self._give_up(claim, problem)
            return 0.0

    def _is_tried_again(self, job: Job) -> bool:
        """Return True if *job*'s file may be opened in a moment: a guard that has just started does not know us yet."""
        if len(self._failures) > _FAILED_KEPT:
            self._failures.clear()
        self._failures[job.id] = tries = self._failures.get(job.id, 0) + 1
        if tries > _REFUSALS:
            del self._failures[job.id]
        return tries <= _REFUSALS

    def _scan(self, claim: Claim, subject: Subject, scanner: ClosableScans) -> float:
        """Scan and record *subject*. Return the seconds after which it is to be tried again, 0 for never."""
        job = claim.job
        if self._stages.self_tests.is_self_test(subject):
            return self._answer_self_test(claim, subject, scanner)
        remote = self._stages.watch.is_remote(job.path)
        early = self._early_move(claim, subject)
        try:
            record = self._judge(claim, subject, scanner, early, remote=remote)
            if self._stages.self_tests.is_left_over(record):
                self._store.jobs.drop(job)
                return 0.0
            return self._conclude(claim, record, early, subject.fd, remote=remote)
        finally:
            early.close()

    def _early_move(self, claim: Claim, subject: Subject) -> EarlyMove:
        stages, context = self._stages, self._context

        def on_block() -> None:
            claim.enter_step(context.patience)
            self._schedule.check_in(claim)

        return EarlyMove(subject, context.policy(), context.engine, stages, on_block)

    def _judge(
        self, claim: Claim, subject: Subject, scanner: ClosableScans, early: EarlyMove, *, remote: bool
    ) -> Record:
        """Scan *subject*; a file that is known to be harmful is moved meanwhile."""

        def check_in() -> None:
            early.tick()
            try:
                self._schedule.check_in(claim)
            except PutOffError:
                early.act()
                raise

        patience, engine = self._context.patience, self._context.engine
        prefetching = PrefetchingScanner(
            scanner, claim, patience, remote=remote, check_in=check_in, begin=early.begin, harm=early.see
        )
        try:
            record = scan_file(subject, prefetching, early.policy, engine, is_taken=lambda: early.is_taken)
        except LinkedError:
            return early.known()
        except Exception:
            if not early.is_taken:
                raise
            return early.known()  # whatever ended the scan: nobody would find the file in its place again
        if early.begun is None and self._stages.actions.mover.wants(record):
            record = with_digest(record, subject.fd, early.policy, early.on_block)
        return record

    def _conclude(self, claim: Claim, record: Record, early: EarlyMove, fd: int, *, remote: bool) -> float:
        """Record an outcome and do what follows; return as `_scan` does."""
        job, context, statistics = claim.job, self._context, self._stages.statistics
        statistics.peak_kib = max(statistics.peak_kib, record.report.peak_kib)
        self._health.repair("scan-sandbox")
        self._health.repair("scan-exhausted")
        now = time.monotonic()
        backoff = self._schedule.backoff
        streak = backoff.note_scan((job.device, job.inode), now)
        if not early.is_taken and OpenFailure.CHANGED.value in record.judgement.reasons and streak <= _CHANGES:
            self._health.count("changed-while-scanned")
            return max(0.5, backoff.pause(streak))
        record = self._named(record)
        linked = self._names.is_linked(record)
        claim.enter_step(math.inf)
        finished = self._keep(job, record, early, linked=linked)
        claim.enter_step(3 * LOOK_SECONDS if remote else context.patience)
        if finished is None:
            return 0.0
        statistics.note_outcome(now, fresh=finished.fresh)
        self._failures.pop(job.id, None)
        self._follow_up(record, finished, fd)
        if early.is_taken and record.file is not None:
            early.end(record)
            backoff.forget((record.file.device, record.file.inode))
        if finished.again and self._stages.actions.mover.wants(record):
            self._schedule.repeat(claim)  # another name of what is to be moved
        claim.enter_step(LOOK_SECONDS)
        return 0.0

    def _answer_self_test(self, claim: Claim, subject: Subject, scanner: ClosableScans) -> float:
        """Judge the file of `picklewatch doctor`, which leaves no record. Return the seconds as `_scan` does."""
        record = scan_file(subject, scanner, self._context.policy(), self._context.engine)
        if record.file != subject.file:  # it was written to, so it is something else by now
            return _AGAIN_SECONDS
        claim.enter_step(math.inf)
        self._stages.self_tests.answer(record, subject.fd)
        self._store.jobs.drop(claim.job)
        return 0.0

    def _keep(self, job: Job, record: Record, early: EarlyMove | None = None, *, linked: bool) -> Finished | None:
        """Record an outcome as `Store.finish` does; None if the disk is full until the daemon is to end."""
        while True:
            try:
                if early is not None and early.begun is not None:
                    finished = early.complete(job, record)
                else:
                    wanted = self._stages.actions.mover.wants(record)
                    finished = self._store.finish(job, record, quarantine=wanted, linked=linked)
            except STORE_ERRORS as error:
                self._stages.store_failures.report(error)
            else:
                self._stages.store_failures.resolved()
                return finished
            if self._stopping.wait(1.0):
                return None

    def _follow_up(self, record: Record, finished: Finished, fd: int) -> None:
        """Do what follows from a recorded outcome; what fails is done later, from the record."""
        with failures_reported(self._stages.store_failures, record.path):
            if self._stages.actions.after(record, finished, fd) and record.file is not None:
                self._schedule.backoff.forget((record.file.device, record.file.inode))

    def _named(self, record: Record) -> Record:
        """Add every name that leads to the record's content."""
        if record.file is None:
            return record
        return with_names(record, self._names.present(record.file))

    def _exhausted(self, reason: str) -> float:
        """Report that the machine has no more of something.

        Return the seconds after which to try again.
        """
        hint = "Look at LimitNOFILE=, TasksMax= and MemoryMax= of the unit, or `ulimit -a`. Nothing is lost."
        self._health.degrade("scan-exhausted", f"files can't be scanned now: {reason}", hint=hint)
        return 1.0

    def _give_up(self, claim: Claim, problem: SubjectError) -> None:
        """Drop a job whose file can't be opened; one that is there and may not be read is recorded."""
        job = claim.job
        if problem.kind is not OpenFailure.DENIED:
            if not self._stages.self_tests.is_place(job.path):
                self._health.count("gone")
            self._store.jobs.drop(job)
            return
        record = problem_record(problem, self._context.engine)
        try:
            status = os.lstat(problem.path)
        except OSError:
            self._stages.watch.unseen(problem.path)
            self._store.jobs.drop(job)
            return
        file = FileId.of(status)
        record = replace(record, file=file, size=status.st_size)
        is_foreign = isinstance(problem, ForeignError)
        if not is_foreign:
            self._stages.watch.unread(problem.path, file)
        linked = self._names.is_linked(record)
        claim.enter_step(math.inf)
        finished = self._keep(job, record, linked=linked)
        if is_foreign:  # the verdict must not show a user who may read it under another name that it was scanned
            self._store.records.judge_again(file)
        if finished is not None and finished.fresh:
            self._follow_up(record, finished, -1)

    def _failed(self, job: Job, error: Exception) -> float:
        """Deal with a fault of ours.

        Return the seconds after which to try again; in the end it is unscannable.
        """
        if len(self._failures) > _FAILED_KEPT:
            self._failures.clear()
        self._failures[job.id] = failures = self._failures.get(job.id, 0) + 1
        _log.exception("scan.failed", path=printable(job.path), attempt=failures)
        self._health.count("scan-errors")
        if failures < _FAILURES:
            return float(failures)
        self._failures.pop(job.id, None)
        try:
            status = os.lstat(job.path)
        except OSError:
            self._store.jobs.drop(job)
            return 0.0
        record = _failed_record(job.path, FileId.of(status), self._context.engine, error)
        finished = self._keep(job, record, linked=self._names.is_linked(record))
        if finished is not None and finished.fresh:
            self._follow_up(record, finished, -1)
        return 0.0


def _failed_record(path: str, file: FileId, engine: EngineVersion, error: Exception) -> Record:
    summary = f"picklewatch itself failed on this file: {type(error).__name__}: {printable(str(error))[:200]}"
    finding = Finding(rule="scan-crashed", level=Level.UNSCANNABLE, where="", summary=summary)
    report = ScanReport(format="other", complete=False, code_bearing=False, findings=(finding,))
    judgement = Judgement(verdict=Verdict.UNSCANNABLE, reasons=(finding.rule,))
    return Record(path=path, name=None, report=report, judgement=judgement, size=file.size, engine=engine, file=file)
