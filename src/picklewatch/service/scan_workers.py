"""Workers: threads that take jobs from the queue, have each file judged in the sandbox, and record what came of it."""

from __future__ import annotations

import functools
import math
import os
import threading
import time
from collections import deque
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

import structlog

from picklewatch.access.open_file import EXHAUSTED, ExhaustedError, OpenFailure, SubjectError
from picklewatch.access.opening import ForeignError
from picklewatch.core.candidate import Source
from picklewatch.core.errors import SandboxError, StateError
from picklewatch.core.model import FileId, Finding, Judgement, Level, Record, ScanReport, Verdict, printable
from picklewatch.queue.schedule import Claim, PutOffError, Schedule
from picklewatch.scanning import display_names
from picklewatch.scanning.remote_files import LOOK_SECONDS, PrefetchingScanner
from picklewatch.scanning.scan_file import judge, problem_record, with_names
from picklewatch.store.database import STORE_ERRORS

if TYPE_CHECKING:
    from collections.abc import Callable

    from picklewatch.access.open_file import Subject
    from picklewatch.access.opening import Opens
    from picklewatch.core.model import EngineVersion, Policy
    from picklewatch.scanning.scan_many import ClosableScans
    from picklewatch.service.actions import Actions
    from picklewatch.store import Finished, Job, Store
    from picklewatch.store.failures import StoreFailures

_log = structlog.get_logger()

_RATE_SECONDS: Final = 60.0
_IDLE_SECONDS: Final = 5.0
_LINK_SECONDS: Final = 0.4
_CHANGES: Final = 5
_AGAIN_SECONDS: Final = 0.1
"""Before a file is tried again after a fault that was not the file's."""
_FAILURES: Final = 3
_FAILED_KEPT: Final = 1_000
_HUNG_WORKERS: Final = 16
"""Threads to leave behind in file systems that do not answer; beyond it the service manager must start us anew."""


class Makes(Protocol):
    """Makes a scanner for one thread."""

    def __call__(self) -> ClosableScans:
        """Start a scanner."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """What a judgement needs, as the configuration in force says."""

    scanner: Makes
    policy: Callable[[], Policy]
    engine: EngineVersion
    opens: Opens
    seconds: float
    """The wall-clock limit of one scan."""


class Workers:
    """The pool. *former* is the pool that ends its last files while this one takes over."""

    def __init__(  # noqa: PLR0913, PLR0917 - the daemon's parts
        self,
        store: Store,
        store_failures: StoreFailures,
        actions: Actions,
        judging: Judging,
        number: int,
        former: Workers | None = None,
    ) -> None:
        self.unseen: Callable[[str], None] = lambda _path: None
        """Told the path of a file that can't even be looked at, because a directory may not be entered (any more)."""
        self.unread: Callable[[str, FileId], None] = lambda _path, _file: None
        """Told of a file that was recorded as unscannable because it may not be read."""
        self.is_remote: Callable[[str], bool] = lambda _path: False
        """Whether a path lies on a file system of the network."""
        self.judged: int = 0 if former is None else former.judged
        """Outcomes recorded since the start."""
        self.scan_peak_kib: int = 0 if former is None else former.scan_peak_kib
        """The largest resident memory of a scanning process, files mapped by it included."""
        self.store_failures = store_failures
        self.health = store_failures.health
        self.schedule: Schedule = Schedule(store) if former is None else former.schedule
        self.schedule.set_workers(number, judging.seconds)
        self._store, self._actions, self._judging = store, actions, judging
        self._failures: dict[int, int] = {}
        self._stopping = threading.Event()
        self._at: deque[float] = deque(maxlen=10_000)
        self._workers = [_Worker(self, index, judging.scanner()) for index in range(number)]
        if number == 1:
            self._workers.append(_Worker(self, 1, None, spare=True))
        self._hung: list[_Worker] = []

    def start(self) -> None:
        """Start the threads; their sandboxes warm up by themselves."""
        for worker in self._workers:
            worker.start()

    def protections(self) -> object:
        """What the sandbox really protects from, once it is ready; None from a scanner that does not say.

        Raises `SandboxError` where it can't be had.
        """
        return self._workers[0].protections()

    def wake(self) -> None:
        """Say that there may be jobs."""
        self.schedule.wake()

    def ask_to_stop(self) -> None:
        """Let every worker end after the file in claim."""
        self._stopping.set()
        self.wake()

    def join(self, seconds: float) -> bool:
        """Wait for that; whether all have ended."""
        end = time.monotonic() + seconds
        for worker in self._workers:
            if worker.ident is not None:
                worker.join(max(0.0, end - time.monotonic()))
        return not any(worker.is_alive() for worker in self._workers)

    def cancel(self) -> None:
        """End scans at work now; their files stay queued."""
        self._stopping.set()
        for worker in (*self._workers, *self._hung):
            worker.close()
        self.wake()

    def look_after(self, now: float) -> None:
        """Replace threads that died (they should not), and those that a file system does not let go."""
        if self._stopping.is_set():
            return
        for index, worker in enumerate(self._workers):
            if not worker.is_alive():
                self.health.incident("scan-worker-died", "a worker ended unexpectedly; another takes its place")
                self._replace(index, None)
            elif self._hangs(worker.claim, now) and len(self._hung) < _HUNG_WORKERS:
                self._replace(index, self._give_up_on(worker))
        self._look_after_hung()

    def _replace(self, index: int, scanner: ClosableScans | None) -> None:
        self._workers[index] = _Worker(self, index, scanner, spare=self._workers[index].spare)
        self._workers[index].start()

    def _hangs(self, claim: Claim | None, now: float) -> bool:
        return claim is not None and now - claim.step > claim.patience

    def _give_up_on(self, worker: _Worker) -> ClosableScans | None:
        """Leave *worker* behind; its scanner, unless it is at work."""
        worker.is_given_up = True
        self._hung.append(worker)
        claim = worker.claim
        if claim is None:
            return None
        self.schedule.abandon(claim)
        hint = "Does its server answer? Files on it wait; all others are judged meanwhile."
        self.health.degrade("scan-hangs", "a file system does not let a scan go on", subject=claim.job.path, hint=hint)
        return worker.part_with_scanner() if claim.give_up() else None

    def _look_after_hung(self) -> None:
        """Leave file systems alone that do not answer, until they do."""
        self._hung = [worker for worker in self._hung if worker.is_alive()]
        jobs = [claim.job for worker in self._hung if (claim := worker.claim) is not None]
        self.schedule.avoid({job.device for job in jobs})
        self.health.repair_all("scan-hangs", but={job.path for job in jobs})

    def stuck(self, now: float) -> str | None:
        """What takes longer than any scan can, or None."""
        claims = [claim for worker in self._workers if self._hangs(claim := worker.claim, now - LOOK_SECONDS) and claim]
        longest = max((now - claim.since for claim in claims), default=0.0)
        return f"a scan has not ended for {longest:.0f} s" if claims else None

    @property
    def _bound(self) -> float:
        return 3 * self._judging.seconds + 60.0

    def files_claimed(self) -> int:
        """How many files are being judged just now."""
        return len(self.schedule.claimed())

    def per_second(self, now: float) -> float:
        """Files judged a second, over the last minute."""
        recent = [at for at in tuple(self._at) if now - at <= _RATE_SECONDS]
        return len(recent) / max(1.0, min(_RATE_SECONDS, now - recent[0])) if recent else 0.0

    # --- what the threads use

    def rest(self, seconds: float) -> bool:
        """Wait; whether it is time to end instead."""
        return self._stopping.wait(seconds)

    def make_scanner(self) -> ClosableScans:
        """Start another sandbox."""
        return self._judging.scanner()

    def waits_for_slow(self) -> bool:
        """Wait for a moment until something waits in the slow lane; whether it does."""
        return not self._stopping.is_set() and self.schedule.wait_for_slow(_IDLE_SECONDS)

    def next_job(self, *, spare: bool) -> Claim | None:
        """Claim a job, waiting for a moment; None if there is none yet."""
        claim = None if self._stopping.is_set() else self.schedule.claim(_IDLE_SECONDS, spare=spare)
        if claim is not None and self._stopping.is_set():
            self.schedule.release(claim)
            return None
        return claim

    def process(self, claim: Claim, scanner: ClosableScans) -> None:
        """Judge one file and do what follows; leaves the job queued if that is not possible now."""
        from picklewatch.sandbox import ScanCancelledError

        again_in, put_off = 0.0, False
        try:
            again_in = self._process(claim, scanner)
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
            self.schedule.release(claim, again_in=again_in, put_off=put_off)

    def _process(self, claim: Claim, scanner: ClosableScans) -> float:
        job = claim.job
        try:
            claim.enter_step(LOOK_SECONDS)
            names = partial(self._store.records.names_of, job)
            with self._judging.opens(job.path, (job.device, job.inode), names) as subject:
                claim.enter_step(self._bound)
                claim.owner = os.fstat(subject.fd).st_uid
                if self._store.jobs.is_settled(subject.file, job.path, self._judging.engine.key):
                    self._store.jobs.drop(job)
                    return 0.0
                return self._judge(claim, subject, scanner)
        except ExhaustedError as problem:
            return self._exhausted(problem.message)
        except SubjectError as problem:
            self._give_up(claim, problem)
            return 0.0

    def _exhausted(self, reason: str) -> float:
        """Say that the machine has no more of something; in how many seconds the file is tried again."""
        hint = "Look at LimitNOFILE=, TasksMax= and MemoryMax= of the unit, or `ulimit -a`. Nothing is lost."
        self.health.degrade("scan-exhausted", f"files can't be scanned now: {reason}", hint=hint)
        return 1.0

    def _judge(self, claim: Claim, subject: Subject, scanner: ClosableScans) -> float:
        job = claim.job
        remote = self.is_remote(job.path)
        check_in = functools.partial(self.schedule.check_in, claim)
        fetching = PrefetchingScanner(scanner, claim, self._bound, remote=remote, check_in=check_in)
        record = judge(subject, fetching, self._judging.policy(), self._judging.engine)
        self.scan_peak_kib = max(self.scan_peak_kib, record.report.peak_kib)
        self.health.repair("scan-sandbox")
        self.health.repair("scan-exhausted")
        inode = (job.device, job.inode)
        now = time.monotonic()
        backoff = self.schedule.backoff
        streak = backoff.note_scan(inode, now)
        if OpenFailure.CHANGED.value in record.judgement.reasons and streak <= _CHANGES:
            self.health.count("changed-while-scanned")
            return max(0.5, backoff.pause(streak))
        record = self._named(record, job)
        claim.enter_step(math.inf)
        finished = self._keep(job, record)
        claim.enter_step(3 * LOOK_SECONDS if remote else self._bound)
        if finished is None:
            return 0.0
        self.judged += finished.fresh
        self._at.append(now)
        self._failures.pop(job.id, None)
        self._follow_up(record, finished, subject.fd)
        claim.enter_step(LOOK_SECONDS)
        return 0.0

    def _follow_up(self, record: Record, finished: Finished, fd: int) -> None:
        """Do what follows from a recorded outcome; what fails is done later, from the record."""
        try:
            if self._actions.after(record, finished, fd) and record.file is not None:
                self.schedule.backoff.forget((record.file.device, record.file.inode))
        except STORE_ERRORS as error:
            self.store_failures.report(error)
        except StateError as error:
            self.health.degrade("quarantine-store", error.message, hint=error.hint)
        except Exception:  # noqa: BLE001 - the verdict stands; the file is not at fault
            _log.exception("action.failed", path=printable(record.path))
            self.health.count("action-errors")

    def _named(self, record: Record, job: Job) -> Record:
        """The record with every name that leads to its content; a blob's link comes a moment after the blob."""
        if job.source is Source.EVENT and not record.names and display_names.is_named_by_links(record.path):
            record = _wait_for_link(record)
        if record.file is None:
            return record
        more = [path for path in self._store.records.names(record.file) if _leads_to(path, record.file)]
        return with_names(record, more)

    def _give_up(self, claim: Claim, problem: SubjectError) -> None:
        """Take a file off the queue that can't be opened; what is there and may not be read is recorded."""
        job = claim.job
        if problem.kind is not OpenFailure.DENIED:
            self.health.count("gone")
            self._store.jobs.drop(job)
            return
        record = problem_record(problem, self._judging.engine)
        try:
            status = os.lstat(problem.path)
        except OSError:
            self.unseen(problem.path)
            self._store.jobs.drop(job)
            return
        file = FileId.of(status)
        record = replace(record, file=file, size=status.st_size)
        is_foreign = isinstance(problem, ForeignError)
        if not is_foreign:
            self.unread(problem.path, file)
        claim.enter_step(math.inf)
        finished = self._keep(job, record)
        if is_foreign:  # whoever may read it, and has another name of it, is not to be told that it is judged
            self._store.records.judge_again(file)
        if finished is not None and finished.fresh:
            self._follow_up(record, finished, -1)

    def _failed(self, job: Job, error: Exception) -> float:
        """Deal with a fault of ours: try the file again in so many seconds; in the end call it unscannable."""
        if len(self._failures) > _FAILED_KEPT:
            self._failures.clear()
        self._failures[job.id] = failures = self._failures.get(job.id, 0) + 1
        _log.exception("scan.failed", path=printable(job.path), attempt=failures)
        self.health.count("scan-errors")
        if failures < _FAILURES:
            return float(failures)
        self._failures.pop(job.id, None)
        try:
            status = os.lstat(job.path)
        except OSError:
            self._store.jobs.drop(job)
            return 0.0
        record = _failed_record(job.path, FileId.of(status), self._judging.engine, error)
        finished = self._keep(job, record)
        if finished is not None and finished.fresh:
            self._follow_up(record, finished, -1)
        return 0.0

    def _keep(self, job: Job, record: Record) -> Finished | None:
        """Record an outcome, however long the disk is full; None if we are asked to stop before it could be."""
        while True:
            try:
                finished = self._store.finish(job, record, quarantine=self._actions.wants_move(record))
            except STORE_ERRORS as error:
                self.store_failures.report(error)
            else:
                self.store_failures.resolved()
                return finished
            if self.rest(1.0):
                return None


class _Worker(threading.Thread):
    """One thread with one scanner. A *spare* one does only what waits in the slow lane, and has no scanner before."""

    def __init__(self, pool: Workers, index: int, scanner: ClosableScans | None, *, spare: bool = False) -> None:
        super().__init__(name=f"picklewatch-scan-{index}", daemon=True)
        self.spare = spare
        self.claim: Claim | None = None
        self.is_given_up = False
        """Whether another thread has its place: it ends when it comes back."""
        self._pool = pool
        self._scanner = scanner

    def protections(self) -> object:
        """What its scanner protects from; waits for it."""
        return getattr(self._scanner, "protections", None)

    def part_with_scanner(self) -> ClosableScans | None:
        """Give its scanner away."""
        scanner, self._scanner = self._scanner, None
        return scanner

    def close(self) -> None:
        """End its scanner, from any thread."""
        if (scanner := self._scanner) is not None:
            scanner.close()

    def run(self) -> None:
        """Work until asked to stop."""
        try:
            while not self._pool.rest(0) and not self.is_given_up:
                self._work()
        finally:
            self.close()

    def _work(self) -> None:
        from picklewatch.sandbox import ScanCancelledError

        pool = self._pool
        if self.spare and not pool.waits_for_slow():
            return
        try:
            # made here: where a descriptor's server does not answer, starting a process may hang, for it closes them
            scanner = self._scanner = self._scanner or pool.make_scanner()
            if self.protections() is not None:  # no file waits in the hand of whose sandbox is not ready
                pool.health.repair("scan-sandbox")
            self.claim = pool.next_job(spare=self.spare)
            if self.claim is not None:
                pool.process(self.claim, scanner)
        except ScanCancelledError:
            pass
        except SandboxError as error:
            pool.health.degrade("scan-sandbox", error.message, hint=error.hint)
            pool.rest(5.0)
        except STORE_ERRORS as error:
            pool.store_failures.report(error)
            pool.rest(1.0)
        finally:
            self.claim = None


def _wait_for_link(record: Record) -> Record:
    end = time.monotonic() + _LINK_SECONDS
    while time.monotonic() < end:
        links = display_names.links_to(record.path)
        if links:
            return replace(record, name=display_names.describe(record.path), names=links)
        time.sleep(0.02)
    return record


def _leads_to(path: str, file: FileId) -> bool:
    try:
        status = os.stat(path)  # noqa: PTH116 - any bytes, no object needed
    except (OSError, ValueError):
        return False
    return (status.st_dev, status.st_ino) == (file.device, file.inode)


def _failed_record(path: str, file: FileId, engine: EngineVersion, error: Exception) -> Record:
    summary = f"picklewatch itself failed on this file: {type(error).__name__}: {printable(str(error))[:200]}"
    finding = Finding(rule="scan-crashed", level=Level.UNSCANNABLE, where="", summary=summary)
    report = ScanReport(format="other", complete=False, code_bearing=False, findings=(finding,))
    judgement = Judgement(verdict=Verdict.UNSCANNABLE, reasons=(finding.rule,))
    return Record(path=path, name=None, report=report, judgement=judgement, size=file.size, engine=engine, file=file)
