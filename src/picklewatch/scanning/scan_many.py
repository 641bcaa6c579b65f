"""Scans many contents at the same time, and gives their records in the order of the contents.

Small files that lie beside each other are first judged by the batch; the records of those that are not inert come from
a scan of their own.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections import deque
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple, Protocol

from picklewatch.access.held_directory import hold_directory
from picklewatch.access.open_file import Subject, SubjectError, open_subject
from picklewatch.core.model import BATCH, FileId
from picklewatch.scanning.scan_file import Scans, problem_record, record_of, scan_file, with_names
from picklewatch.scanning.small_files import SMALL, Copy, SmallFiles

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from concurrent.futures import Future

    from picklewatch.core.model import EngineVersion, Policy, Record, ScanReport
    from picklewatch.scanning.collect_paths import Target

WINDOW = 64
"""Contents, or batches, that a worker may be ahead of the oldest one that is not finished."""
_WORTH_A_PROCESS = 16
"""Batches for which another worker is started: its warm process costs as much as judging some thousand files."""
TICK = 0.1
"""Seconds between two looks at how far the work is."""


class ClosableScans(Scans, Protocol):
    """A scanner that can be closed from another thread, which ends a running scan."""

    def scan(self, fd: int, tick: Callable[[], None] = ..., harm: Callable[[ScanReport], None] = ...) -> ScanReport:
        """Scan *fd*; what *tick* raises, which is called a few times a second, ends the scan.

        *harm* is called with what is known whenever harm is seen.
        """
        ...

    def scan_batch(self, contents: Sequence[bytes], tick: Callable[[], None] = ...) -> list[ScanReport | None]:
        """Return the reports on those of *contents* that are inert, None for each that is to be scanned alone.

        Only the first answers, if *tick* ends it with `BatchStoppedError`.
        """
        ...

    def close(self) -> None:
        """End it."""
        ...


class _Ticking(NamedTuple):
    """A scanner that calls *tick* while it works."""

    scanner: ClosableScans
    tick: Callable[[], None]

    def scan(self, fd: int) -> ScanReport:
        """Scan *fd*."""
        return self.scanner.scan(fd, self.tick)


class ScanPool:
    """Scans targets with several scanners, one per thread; small ones in batches of up to *batch*."""

    def __init__(
        self,
        make_scanner: Callable[[], ClosableScans],
        policy: Policy,
        engine: EngineVersion,
        workers: int,
        *,
        batch: int = 1,
    ) -> None:
        self._make_scanner = make_scanner
        self._policy = policy
        self._engine = engine
        self._workers = workers
        self._batch = min(batch, BATCH)
        self._local = threading.local()
        self._scanners: list[ClosableScans] = []
        self._lock = threading.Lock()
        self._closed = False
        self._tick: Callable[[], None] = lambda: None
        self.done = 0
        """Contents judged so far."""
        self.done_bytes = 0
        """Their size."""

    def run(self, targets: Sequence[Target], tick: Callable[[], None] = lambda: None) -> Generator[Record, None, None]:
        """Judge *targets* and give their records in order; call *tick* now and then while waiting.

        Closing the iterator early ends all work at once.
        """
        groups = list(self._groups(targets))
        if len(groups) == len(targets) == 1:  # it needs no thread
            self._tick = tick
            try:
                yield from self._judge(groups[0])
            finally:
                self._close()
            return
        yield from self._run(groups, tick)

    def _run(self, groups: list[list[Target]], tick: Callable[[], None]) -> Generator[Record, None, None]:
        from concurrent.futures import ThreadPoolExecutor

        pool = ThreadPoolExecutor(self._threads(groups), thread_name_prefix="scan")
        waiting: deque[Future[list[Record]]] = deque()
        try:
            for group in groups:
                waiting.append(pool.submit(self._judge, group))
                if len(waiting) >= WINDOW * self._workers:
                    yield from self._wait(waiting.popleft(), tick)
            while waiting:
                yield from self._wait(waiting.popleft(), tick)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            self._close()
            pool.shutdown()

    def _groups(self, targets: Sequence[Target]) -> Iterator[list[Target]]:
        """Yield *targets* in their order: runs of small files of one directory, others each for itself."""
        for directory, group in groupby(targets, self._directory):
            found = list(group)
            size = 1 if directory is None else self._batch
            yield from (found[begin : begin + size] for begin in range(0, len(found), size))

    def _directory(self, target: Target) -> str | None:
        is_small = target.problem is None and target.fd is None and target.size <= SMALL
        return target.path.rpartition("/")[0] if is_small and self._batch > 1 else None

    def _threads(self, groups: list[list[Target]]) -> int:
        batches = sum(len(group) > 1 for group in groups)
        return max(1, min(self._workers, len(groups) - batches + batches // _WORTH_A_PROCESS))

    def _close(self) -> None:
        with self._lock:
            self._closed = True
            scanners = tuple(self._scanners)
        for scanner in scanners:
            scanner.close()

    def _wait(self, future: Future[list[Record]], tick: Callable[[], None]) -> list[Record]:
        while True:
            try:
                return future.result(TICK)
            except TimeoutError:
                if future.done():  # between the two, or it is the scan that timed out
                    return future.result()
                tick()

    def _judge(self, group: list[Target]) -> list[Record]:
        inert = self._inert(group) if len(group) > 1 else {}
        records = []
        for number, target in enumerate(group):
            records.append(inert.get(number) or self._alone(target))
            with self._lock:
                self.done += 1
                self.done_bytes += target.size
        return records

    def _inert(self, group: list[Target]) -> dict[int, Record]:
        """Return the records of those of *group* that a batch finds inert, by their places."""
        files = SmallFiles()
        with contextlib.suppress(SubjectError), hold_directory(group[0].path.rpartition("/")[0]) as directory:
            for number, target in enumerate(group):
                files.take(number, directory, target.path.rpartition("/")[2])
        if len(files.copies) < 2:  # noqa: PLR2004 - one file is no batch
            return {}
        reports = zip(files.copies, self._scanner().scan_batch(files.contents, self._tick), strict=True)
        return {copy.key: self._record(copy, report, group[copy.key]) for copy, report in reports if report}

    def _record(self, copy: Copy, report: ScanReport, target: Target) -> Record:
        return with_names(record_of(copy.path, copy.file, report, self._policy, self._engine), target.names)

    def _alone(self, target: Target) -> Record:
        if target.problem is not None:
            return problem_record(target.problem, self._engine)
        if target.fd is not None:
            return self._judge_descriptor(target.fd, target.path)
        try:
            with open_subject(target.path) as subject:
                record = scan_file(subject, self._scans(), self._policy, self._engine)
        except SubjectError as problem:
            return problem_record(problem, self._engine)
        return with_names(record, target.names)

    def _judge_descriptor(self, fd: int, name: str) -> Record:
        subject = Subject(fd, FileId.of(os.fstat(fd)), name)
        record = scan_file(subject, self._scans(), self._policy, self._engine)
        return replace(record, path=name, name=None, names=(), file=None)

    def _scans(self) -> Scans:
        return _Ticking(self._scanner(), self._tick)

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
