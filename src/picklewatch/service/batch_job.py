"""Runs small jobs of a walk together: those that one process finds inert are recorded at once, the others go alone.

Whatever is not ordinary about a file - it is gone, changes, may not be read, lies elsewhere than its neighbours, is
known - is left to its own run (`picklewatch.service.scan_job`), which is as if there were no batches.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from picklewatch.access.open_file import SubjectError
from picklewatch.core.errors import SandboxError
from picklewatch.core.model import printable
from picklewatch.scanning.remote_files import LOOK_SECONDS
from picklewatch.scanning.scan_file import record_of, with_names
from picklewatch.scanning.small_files import SMALL, Copy, SmallFiles
from picklewatch.service.actions import failures_reported
from picklewatch.service.known_names import KnownNames
from picklewatch.store.database import STORE_ERRORS

if TYPE_CHECKING:
    import threading

    from picklewatch.core.model import FileId, Record, ScanReport
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
        files = self._copies(claim, jobs)
        if len(files.copies) < 2 or self._is_over(claim):  # noqa: PLR2004 - one file is no batch
            return False
        reports = self._reports(claim, scanner, files)
        pairs = zip(files.copies, reports, strict=False)
        done = self._record(claim, [(jobs[copy.key], copy, report) for copy, report in pairs if report is not None])
        unanswered = {copy.key for copy in files.copies[len(reports) :]}
        for key, job in enumerate(jobs):
            is_left = key in unanswered
            if job is not claim.job and job.id not in done:
                self._schedule.end_beside(claim, job, alone=not is_left)
        return claim.job.id in done

    def _is_over(self, claim: Claim) -> bool:
        """Return True if something more urgent waits, or another thread has this one's place."""
        return self._stopping.is_set() or claim.is_left_behind or self._schedule.is_urgent()

    def _copies(self, claim: Claim, jobs: list[Job]) -> SmallFiles:
        """Copy the files of *jobs* that can go into one batch, each by the place of its job."""
        files = SmallFiles()
        directory = claim.job.path.rpartition("/")[0]
        claim.enter_step(LOOK_SECONDS)
        is_remote, is_self_tests = self._stages.watch.is_remote, self._stages.self_tests.is_place(claim.job.path)
        if is_self_tests or is_remote(claim.job.path):  # a server that does not answer must keep nobody else waiting
            return files
        with contextlib.suppress(SubjectError), self._context.holds(directory) as held:
            for key, job in enumerate(jobs):
                if self._is_over(claim):
                    break
                claim.enter_step(LOOK_SECONDS)
                parent, _, name = job.path.rpartition("/")
                if parent == directory and not is_remote(job.path):
                    files.take(key, held, name)
        known = self._store.records.known([copy.file for copy in files.copies])
        files.leave_out({copy.key for copy in files.copies if not self._is_new(copy, files.owner or 0, known)})
        return files

    def _is_new(self, copy: Copy, owner: int, known: set[FileId]) -> bool:
        """Return True if nothing is known of the file of *copy* that its own run would have to look after."""
        if self._stages.actions.mover.names.is_set_aside(copy.path, copy.file, owner):
            return False
        if copy.file not in known:  # so of most files one question is enough
            return True
        engine, records = self._context.engine.key, self._store.records
        return records.verdict(copy.file, engine) is None and records.digest_before(copy.file, engine) is None

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

    def _record(self, claim: Claim, inert: list[tuple[Job, Copy, ScanReport]]) -> set[int]:
        """Record what was found inert, in one transaction; return the jobs that are done."""
        known = self._store.records.known([copy.file for _, copy, _ in inert])
        outcomes = [
            self._outcome(job, copy, report, is_known=copy.file in known)
            for job, copy, report in inert
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

    def _outcome(self, job: Job, copy: Copy, report: ScanReport, *, is_known: bool) -> _Outcome:
        record = record_of(copy.path, copy.file, report, self._context.policy(), self._context.engine)
        if not is_known:
            return _Outcome(job, record, linked=False)
        record = with_names(record, self._names.present(copy.file))
        return _Outcome(job, record, self._names.is_linked(record))

    def _note(self, outcome: _Outcome, finished: Finished) -> None:
        statistics, now = self._stages.statistics, time.monotonic()
        statistics.peak_kib = max(statistics.peak_kib, outcome.record.report.peak_kib)
        statistics.note_outcome(now, fresh=finished.fresh)
        self._schedule.backoff.note_scan((outcome.job.device, outcome.job.inode), now)
