"""Reads files of network file systems before they are scanned, so that a server that does not answer is noticed."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from picklewatch.core.model import ScanReport
    from picklewatch.queue.schedule import Claim
    from picklewatch.scanning.scan_many import ClosableScans

LOOK_SECONDS: Final = 10.0
"""Opening a file, looking at it or reading a piece of it hangs after so long: its server does not answer."""
_PIECE: Final = 1 << 20
_COPIED: Final = 16 << 20
"""Bytes of a remote file that are held in memory, so that its scan needs no server."""


class PrefetchingScanner:
    """A scanner for one claimed file; a *remote* one is read to its end before it is scanned.

    A process that waits for a server can't be killed. So this thread waits, and the sandbox scans a copy, or, if the
    file is large, what is in the page cache. A scan that took too long is made once more, if the server answers.
    Raises `ScanCancelledError` if another thread took the scanner over, and whatever *check_in* raises: it is called
    all the time, also while the file is read. *begin* is called before each scan, *harm* with what is
    known whenever harm is seen.
    """

    def __init__(  # noqa: PLR0913 - what it stands between
        self,
        scanner: ClosableScans,
        claim: Claim,
        seconds: float,
        *,
        remote: bool,
        check_in: Callable[[], None],
        begin: Callable[[], None] = lambda: None,
        harm: Callable[[ScanReport], None] = lambda _seen: None,
    ) -> None:
        self._scanner, self._claim, self._seconds, self._remote = scanner, claim, seconds, remote
        self._check_in, self._begin, self._harm = check_in, begin, harm

    def scan(self, fd: int) -> ScanReport:
        """Scan as the scanner does."""
        if not self._remote:
            return self._scan(fd)
        report = self._scan_prefetched(fd)
        if any(finding.rule == "scan-timeout" for finding in report.findings):
            report = self._scan_prefetched(fd)
        return report

    def _scan_prefetched(self, fd: int) -> ScanReport:
        with self._prefetched(fd) as content:
            return self._scan(content)

    def _scan(self, fd: int) -> ScanReport:
        from picklewatch.sandbox import ScanCancelledError

        if not self._claim.start_scan(self._seconds):
            raise ScanCancelledError("another thread has the scanner")
        try:
            self._begin()
            return self._scanner.scan(fd, self._tick, self._harm)
        finally:
            self._claim.end_scan(LOOK_SECONDS)

    def _tick(self) -> None:
        """Show that the thread works: one that hashes a remote file may wait for a server instead."""
        if self._remote:
            self._claim.enter_step(3 * LOOK_SECONDS)
        self._check_in()

    @contextlib.contextmanager
    def _prefetched(self, fd: int) -> Iterator[int]:
        """Read everything; give a copy of a small file if it is whole, else *fd*, whose scan reports what is wrong."""
        self._claim.enter_step(LOOK_SECONDS)
        size = os.fstat(fd).st_size
        if size > _COPIED:
            self._read(fd, None)
            yield fd
            return
        copy = os.memfd_create("picklewatch", os.MFD_CLOEXEC)
        try:
            yield copy if self._read(fd, copy) == size else fd
        finally:
            os.close(copy)

    def _read(self, fd: int, copy: int | None) -> int:
        """Read *fd* as far as it can be read, to *copy* if there is one.

        Return how many bytes that were.
        """
        at = 0
        with contextlib.suppress(OSError):
            while piece := os.pread(fd, _PIECE, at):
                self._claim.enter_step(LOOK_SECONDS)
                self._check_in()
                at += len(piece) if copy is None else os.pwrite(copy, piece, at)
        return at
