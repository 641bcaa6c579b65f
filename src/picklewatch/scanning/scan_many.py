"""Scans many contents at the same time, and gives their records in the order of the contents."""

from __future__ import annotations

import os
import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from picklewatch.access.open_file import Subject, SubjectError, open_subject
from picklewatch.core.model import FileId
from picklewatch.scanning.scan_file import Scans, problem_record, scan_file, with_names

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from picklewatch.core.model import EngineVersion, Policy, Record, ScanReport
    from picklewatch.scanning.collect_paths import Target

WINDOW = 64
"""Contents a worker may be ahead of the oldest one that is not finished."""
TICK = 0.1
"""Seconds between two looks at how far the work is."""


class ClosableScans(Scans, Protocol):
    """A scanner that can be closed from another thread, which ends a running scan."""

    def scan(self, fd: int, tick: Callable[[], None] = ..., harm: Callable[[ScanReport], None] = ...) -> ScanReport:
        """Scan *fd*; what *tick* raises, which is called a few times a second, ends the scan.

        *harm* is called with what is known whenever harm is seen.
        """
        ...

    def close(self) -> None:
        """End it."""
        ...


class Batch:
    """Scans targets with several scanners, one per thread."""

    def __init__(
        self, make_scanner: Callable[[], ClosableScans], policy: Policy, engine: EngineVersion, workers: int
    ) -> None:
        self._make_scanner = make_scanner
        self._policy = policy
        self._engine = engine
        self._workers = workers
        self._local = threading.local()
        self._scanners: list[ClosableScans] = []
        self._lock = threading.Lock()
        self._closed = False
        self.done = 0
        """Contents judged so far."""
        self.done_bytes = 0
        """Their size."""

    def run(self, targets: Sequence[Target], tick: Callable[[], None] = lambda: None) -> Generator[Record, None, None]:
        """Judge *targets* and give their records in order; call *tick* now and then while waiting.

        Closing the iterator early ends all work at once.
        """
        pool = ThreadPoolExecutor(max(1, min(self._workers, len(targets))), thread_name_prefix="scan")
        waiting: deque[Future[Record]] = deque()
        todo = iter(targets)
        try:
            for target in todo:
                waiting.append(pool.submit(self._judge, target))
                if len(waiting) >= WINDOW * self._workers:
                    yield self._wait(waiting.popleft(), tick)
            while waiting:
                yield self._wait(waiting.popleft(), tick)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            self._close()
            pool.shutdown()

    def _close(self) -> None:
        with self._lock:
            self._closed = True
            scanners = tuple(self._scanners)
        for scanner in scanners:
            scanner.close()

    def _wait(self, future: Future[Record], tick: Callable[[], None]) -> Record:
        while True:
            try:
                return future.result(TICK)
            except TimeoutError:
                if future.done():  # between the two, or it is the scan that timed out
                    return future.result()
                tick()

    def _judge(self, target: Target) -> Record:
        record = self._record(target)
        with self._lock:
            self.done += 1
            self.done_bytes += target.size
        return record

    def _record(self, target: Target) -> Record:
        if target.problem is not None:
            return problem_record(target.problem, self._engine)
        if target.fd is not None:
            return self._judge_descriptor(target.fd, target.path)
        try:
            with open_subject(target.path) as subject:
                record = scan_file(subject, self._scanner(), self._policy, self._engine)
        except SubjectError as problem:
            return problem_record(problem, self._engine)
        return with_names(record, target.names)

    def _judge_descriptor(self, fd: int, name: str) -> Record:
        subject = Subject(fd, FileId.of(os.fstat(fd)), name)
        record = scan_file(subject, self._scanner(), self._policy, self._engine)
        return replace(record, path=name, name=None, names=(), file=None)

    def _scanner(self) -> ClosableScans:
        scanner: ClosableScans | None = getattr(self._local, "scanner", None)
        if scanner is None:
            scanner = self._local.scanner = self._make_scanner()
            with self._lock:
                self._scanners.append(scanner)
                closed = self._closed
            if closed:
                scanner.close()
        return scanner
