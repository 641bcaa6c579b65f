"""Runs small jobs of a walk together: those that one process finds inert are recorded at once, the others go alone.

Whatever is not ordinary about a file - it is gone, changes, may not be read, lies elsewhere than its neighbours, is
known - is left to its own run (`picklewatch.service.scan_job`), which is as if there were no batches.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from picklewatch.access.open_file import SubjectError
from picklewatch.core.errors import SandboxError
from picklewatch.core.model import printable
from picklewatch.scanning.remote_files import LOOK_SECONDS
from picklewatch.scanning.scan_file import record_of, with_names
from picklewatch.scanning.small_files import SMALL, SmallFiles
from picklewatch.service.actions import failures_reported
from picklewatch.service.known_names import KnownNames
from picklewatch.store.database import STORE_ERRORS

if TYPE_CHECKING:
    import threading

    from picklewatch.access.open_file import Subject
    from picklewatch.core.model import Record, ScanReport
    from picklewatch.queue.schedule import Claim
    from picklewatch.scanning.scan_many import ClosableScans
    from picklewatch.service.scan_context import ScanContext, Stages
    from picklewatch.service.scan_job import JobRunner
    from picklewatch.store import Finished, Job

_log = structlog.get_logger()
_AGAIN_SECONDS = 0.1
"""Seconds before a file is tried again after a fault that was not the file's."""


@dataclass(frozen=True, slots=True)
class _Outcome:
    job: Job
    record: Record
    linked: bool


class BatchRunner:
    """Runs claimed jobs with *runner*, small ones of a walk together with their neighbours; threads may share it."""

    def __init__(self, runner: JobRunner, stages: Stages, context: ScanContext, stopping: threading.Event) -> None:
        self._runner, self._stages, self._context, self._stopping = runner, stages, context, stopping
        self._store, self._schedule = stages.store, stages.schedule
        self._names = KnownNames(stages.store)

    def run(self, claim: Claim, scanner: ClosableScans) -> None:
        """Do the job of *claim*, and perhaps others beside it, and release it. Raises as `JobRunner.run` does."""
        from picklewatch.sandbox import ScanCancelledError

        batch = self._context.batch
        if batch > 1 and self._schedule.claim_beside(claim, batch - 1, SMALL):
            try:
                if self._run(claim, scanner):
                    self._schedule.release(claim)
                    return
            except (ScanCancelledError, SandboxError, *STORE_ERRORS):
                self._schedule.release(claim, again_in=_AGAIN_SECONDS)
                raise
            except Exception:  # noqa: BLE001 - a fault of ours: each file shows it alone, or does not have it
                for job in list(claim.beside.values()):
                    self._schedule.end_beside(claim, job, alone=True)
                _log.exception("scan.failed", path=printable(claim.job.path), attempt=0)
                self._stages.store_failures.health.count("scan-errors")
            finally:
                for job in list(claim.beside.values()):
                    self._schedule.end_beside(claim, job)
        self._runner.run(claim, scanner)

    def _run(self, claim: Claim, scanner: ClosableScans) -> bool:
        """Judge the jobs of *claim* in one process; return True if its own job is done with that."""
        jobs = [claim.job, *claim.beside.values()]
        subjects, files = self._copies(claim, jobs)
        if len(subjects) < 2 or self._is_over(claim):  # noqa: PLR2004 - one file is no batch
            return False
        reports = self._reports(claim, scanner, files)
        inert = [(key, report) for key, report in zip(files.keys, reports, strict=False) if report is not None]
        done = self._record(claim, [(jobs[key], subjects[key], report) for key, report in inert])
        answered = set(files.keys[: len(reports)])
        for key, job in enumerate(jobs):
            is_left = key in subjects and key not in answered
            if job is not claim.job and job.id not in done:
                self._schedule.end_beside(claim, job, alone=not is_left)
        return claim.job.id in done

    def _is_over(self, claim: Claim) -> bool:
        """Return True if something more urgent waits, or another thread has this one's place."""
        return self._stopping.is_set() or claim.is_left_behind or self._schedule.is_urgent()

    def _copies(self, claim: Claim, jobs: list[Job]) -> tuple[dict[int, Subject], SmallFiles]:
        """Copy the files of *jobs* that can go into one batch; return what was opened, by the place of the job."""
        subjects: dict[int, Subject] = {}
        files: SmallFiles | None = None
        directory = ""
        for key, job in enumerate(jobs):
            if self._is_over(claim):
                break
            claim.enter_step(LOOK_SECONDS)
            if self._stages.watch.is_remote(job.path):  # a server that does not answer must keep nobody else waiting
                continue
            try:
                with self._open(job) as subject:
                    owner, parent = os.fstat(subject.fd).st_uid, subject.path.rpartition("/")[0]
                    if files is None:
                        files, directory = SmallFiles(owner), parent
                    is_fit = parent == directory and self._is_new(subject, owner)
                    if is_fit and files.take(key, subject):
                        subjects[key] = subject
            except (SubjectError, OSError):
                continue  # its own run says what is wrong
        return subjects, files or SmallFiles(0)

    def _open(self, job: Job) -> Subject:
        return self._context.opens(job.path, (job.device, job.inode), lambda: self._store.records.names_of(job))

    def _is_new(self, subject: Subject, owner: int) -> bool:
        """Return True if nothing is known of *subject* that its own run would have to look after."""
        if self._stages.actions.mover.names.is_set_aside(subject.path, subject.file, owner):
            return False
        if self._stages.self_tests.is_self_test(subject):
            return False
        engine, records = self._context.engine.key, self._store.records
        if records.path(subject.file) is None:  # so of most files one question is enough
            return True
        return records.verdict(subject.file, engine) is None and records.digest_before(subject.file, engine) is None

    def _reports(self, claim: Claim, scanner: ClosableScans, files: SmallFiles) -> list[ScanReport | None]:
        from picklewatch.sandbox import BatchStoppedError, ScanCancelledError

        def tick() -> None:
            if self._is_over(claim):
                raise BatchStoppedError

        if not claim.start_scan(self._context.patience):
            raise ScanCancelledError("another thread has the scanner")
        try:
            return scanner.scan_batch(files.contents, tick)
        finally:
            claim.end_scan(self._context.patience)

    def _record(self, claim: Claim, inert: list[tuple[Job, Subject, ScanReport]]) -> set[int]:
        """Record what was found inert, in one transaction; return the jobs that are done."""
        outcomes = [
            self._outcome(job, subject, report)
            for job, subject, report in inert
            if job is claim.job or job.id in claim.beside  # else it was given to another thread
        ]
        wanted = {outcome.job.id for outcome in outcomes if self._stages.actions.mover.wants(outcome.record)}
        outcomes = [outcome for outcome in outcomes if outcome.job.id not in wanted]
        finished = self._store.finish_all([(outcome.job, outcome.record, outcome.linked) for outcome in outcomes])
        self._stages.store_failures.resolved()
        pairs = list(zip(outcomes, finished, strict=True))
        for outcome, end in pairs:
            self._note(outcome, end)
            if outcome.job is not claim.job:
                self._schedule.end_beside(claim, outcome.job, done=True)
        with failures_reported(self._stages.store_failures, claim.job.path):
            self._stages.actions.after_harmless((outcome.record, end) for outcome, end in pairs)
        return {outcome.job.id for outcome in outcomes}

    def _outcome(self, job: Job, subject: Subject, report: ScanReport) -> _Outcome:
        record = record_of(subject, report, self._context.policy(), self._context.engine)
        if not self._store.records.names(subject.file):
            return _Outcome(job, record, linked=False)
        record = with_names(record, self._names.present(subject.file))
        return _Outcome(job, record, self._names.is_linked(record))

    def _note(self, outcome: _Outcome, finished: Finished) -> None:
        statistics, now = self._stages.statistics, time.monotonic()
        statistics.peak_kib = max(statistics.peak_kib, outcome.record.report.peak_kib)
        statistics.note_outcome(now, fresh=finished.fresh)
        self._schedule.backoff.note_scan((outcome.job.device, outcome.job.inode), now)
