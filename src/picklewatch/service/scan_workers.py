"""Runs the pool of workers: threads that claim jobs and run them, each with a sandbox of its own."""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING, Final

from picklewatch.core.errors import SandboxError
from picklewatch.queue.schedule import spare_workers
from picklewatch.scanning.remote_files import LOOK_SECONDS
from picklewatch.service.batch_job import BatchRunner
from picklewatch.service.scan_job import JobRunner
from picklewatch.store.database import STORE_ERRORS

if TYPE_CHECKING:
    from picklewatch.queue.schedule import Claim
    from picklewatch.scanning.scan_many import ClosableScans
    from picklewatch.service.scan_context import ScanContext, Stages

_IDLE_SECONDS: Final = 5.0
"""Between two looks at a queue of which nothing can be claimed."""
SPARE_SECONDS: Final = 30.0
"""A spare worker's sandbox is ended after so long without work for it."""
_HUNG_WORKERS: Final = 16
"""Threads to leave behind in file systems that do not answer; beyond it the service manager must start us anew."""


class Workers:
    """The pool of one configuration. After a reload it ends its last files while another one takes over."""

    def __init__(self, stages: Stages, context: ScanContext, number: int) -> None:
        self.stages, self.context = stages, context
        self.store_failures, self.health = stages.store_failures, stages.store_failures.health
        self._schedule = stages.schedule
        self._schedule.set_workers(number, context.seconds)
        self._stopping = threading.Event()
        self.runner = BatchRunner(JobRunner(stages, context, self._stopping), stages, context, self._stopping)
        self._workers = [_Worker(self, index, context.make_scanner()) for index in range(number)]
        spare = range(number, number + spare_workers(number))
        self._workers += [_Worker(self, index, None, spare=True) for index in spare]
        self._hung: list[_Worker] = []

    def start(self) -> None:
        """Start the threads; their sandboxes warm up by themselves."""
        for worker in self._workers:
            worker.start()

    def protections(self) -> object:
        """Return what the sandbox really protects from, once it is ready; None from a scanner that does not say.

        Raises `SandboxError` where it can't be had.
        """
        return self._workers[0].protections()

    def wake(self) -> None:
        """Let the threads look for jobs."""
        self._schedule.wake()

    def ask_to_stop(self) -> None:
        """Let every worker end after the file that it has."""
        self._stopping.set()
        self.wake()

    def join(self, seconds: float) -> bool:
        """Wait until the threads end, *seconds* at most.

        Return True if all have ended.
        """
        end = time.monotonic() + seconds
        for worker in self._workers:
            if worker.ident is not None:
                worker.join(max(0.0, end - time.monotonic()))
        return not any(worker.is_alive() for worker in self._workers)

    def cancel(self) -> None:
        """End running scans now; their files stay queued."""
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
            elif _hangs(worker.claim, now) and len(self._hung) < _HUNG_WORKERS:
                self._replace(index, self._give_up_on(worker))
        self._look_after_hung()

    def _replace(self, index: int, scanner: ClosableScans | None) -> None:
        self._workers[index] = _Worker(self, index, scanner, spare=self._workers[index].spare)
        self._workers[index].start()

    def _give_up_on(self, worker: _Worker) -> ClosableScans | None:
        """Leave *worker* behind.

        Return its scanner, unless it is scanning.
        """
        worker.is_given_up = True
        self._hung.append(worker)
        claim = worker.claim
        if claim is None:
            return None
        self._schedule.abandon(claim)
        hint = "Does its server answer? Files on it wait; all others are judged meanwhile."
        self.health.degrade("scan-hangs", "a file system does not let a scan go on", subject=claim.job.path, hint=hint)
        return worker.part_with_scanner() if claim.give_up() else None

    def _look_after_hung(self) -> None:
        """Leave file systems alone that do not answer, until they do."""
        self._hung = [worker for worker in self._hung if worker.is_alive()]
        jobs = [claim.job for worker in self._hung if (claim := worker.claim) is not None]
        self._schedule.avoid({job.device for job in jobs})
        self.health.repair_all("scan-hangs", but={job.path for job in jobs})

    def stuck(self, now: float) -> str | None:
        """Describe a scan that takes longer than any can; None if there is none."""
        claims = [claim for worker in self._workers if _hangs(claim := worker.claim, now - LOOK_SECONDS) and claim]
        longest = max((now - claim.since for claim in claims), default=0.0)
        return f"a scan has not ended for {longest:.0f} s" if claims else None

    # --- how it is doing

    @property
    def judged(self) -> int:
        """Return how many outcomes were recorded since the daemon's start."""
        return self.stages.statistics.judged

    @property
    def scan_peak_kib(self) -> int:
        """Return the largest resident memory of a scanning process."""
        return self.stages.statistics.peak_kib

    def per_second(self, now: float) -> float:
        """Return how many files were judged per second, over the last minute."""
        return self.stages.statistics.per_second(now)

    def files_claimed(self) -> int:
        """Return how many files are being scanned."""
        return len(self._schedule.claimed())

    # --- what the threads use

    def rest(self, seconds: float) -> bool:
        """Wait.

        Return True if it is time to end instead.
        """
        return self._stopping.wait(seconds)

    def waits_for_spare_work(self, *, soon: bool, idle: float = math.inf) -> bool:
        """Wait until there is work for a spare worker, or may *soon* be; for *idle* seconds, and sometimes a moment.

        Return True if so.
        """
        return not self._stopping.is_set() and self._schedule.wait_for_spare_work(
            _IDLE_SECONDS, soon=soon, idle=idle, is_over=self._stopping.is_set
        )

    def next_job(self, *, spare: bool) -> Claim | None:
        """Claim a job, waiting for one; None if there is none yet after a moment, or it is time to end."""
        is_over = self._stopping.is_set
        claim = None if is_over() else self._schedule.claim(_IDLE_SECONDS, spare=spare, is_over=is_over)
        if claim is not None and self._stopping.is_set():
            self._schedule.release(claim)
            return None
        return claim


def _hangs(claim: Claim | None, now: float) -> bool:
    return claim is not None and now - claim.step > claim.patience


class _Worker(threading.Thread):
    """One thread with one scanner. A *spare* one works only when the others do not do, and has none before."""

    def __init__(self, pool: Workers, index: int, scanner: ClosableScans | None, *, spare: bool = False) -> None:
        super().__init__(name=f"picklewatch-scan-{index}", daemon=True)
        self.spare = spare
        self.claim: Claim | None = None
        self.is_given_up = False
        """Set when another thread has its place: it ends when it comes back."""
        self._pool = pool
        self._scanner = scanner
        self._used_at = 0.0
        """When a spare worker last had work."""

    def protections(self) -> object:
        """Return what its scanner protects from; waits for it."""
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

    def _is_needed(self) -> bool:
        """Wait for work of a spare worker; one that has had none for a while keeps no sandbox's memory."""
        is_new = self._scanner is None
        left = math.inf if is_new else max(0.0, self._used_at + SPARE_SECONDS - time.monotonic())
        if self._pool.waits_for_spare_work(soon=is_new, idle=left):
            self._used_at = time.monotonic()
            return True
        if not is_new and time.monotonic() >= self._used_at + SPARE_SECONDS:
            self.close()
            self._scanner = None
        return False

    def _work(self) -> None:
        from picklewatch.sandbox import ScanCancelledError

        pool = self._pool
        if self.spare and not self._is_needed():
            return
        try:
            # made here: where a descriptor's server does not answer, starting a process may hang, for it closes them
            scanner = self._scanner = self._scanner or pool.context.make_scanner()
            if self.protections() is not None:  # no file waits for a sandbox that is not ready
                pool.health.repair("scan-sandbox")
            if self.spare and not pool.waits_for_spare_work(soon=False):
                return
            self.claim = pool.next_job(spare=self.spare)
            if self.claim is not None:
                pool.runner.run(self.claim, scanner)
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
