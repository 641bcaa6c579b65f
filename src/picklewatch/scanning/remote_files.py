"""Scans that tell where they are, so that a file system which does not answer is known for what it is."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from picklewatch.core.model import ScanReport
    from picklewatch.queue.schedule import Hand
    from picklewatch.scanning.scan_many import ClosableScans

LOOK_SECONDS: Final = 10.0
"""Opening a file, looking at it or reading a piece of it hangs after so long: its server does not answer."""
_PIECE: Final = 1 << 20
_COPIED: Final = 16 << 20
"""Bytes of a remote file that are held in memory, so that its scan needs no server."""


class Fetching:
    """A scanner for the file in *hand*; a *remote* one is read to its end before it is scanned.

    Nobody can end a process that waits for a server. So this thread waits, and the scan works on a copy, or, if the
    file is large, on what is in the page cache. A scan that took too long is made once more, if the server answers.
    Raises `ScanCancelledError` if the scanner was given to somebody else meanwhile, and what *go_on* raises, which is
    asked all the time, while the file is read, too.
    """

    def __init__(
        self, scanner: ClosableScans, hand: Hand, seconds: float, *, remote: bool, go_on: Callable[[], None]
    ) -> None:
        self._scanner, self._hand, self._seconds, self._remote = scanner, hand, seconds, remote
        self._go_on = go_on

    def scan(self, fd: int) -> ScanReport:
        """Scan as the scanner does."""
        if not self._remote:
            return self._scan(fd)
        report = self._scan_fetched(fd)
        if any(finding.rule == "scan-timeout" for finding in report.findings):
            report = self._scan_fetched(fd)
        return report

    def _scan_fetched(self, fd: int) -> ScanReport:
        with self._fetched(fd) as content:
            return self._scan(content)

    def _scan(self, fd: int) -> ScanReport:
        from picklewatch.sandbox import ScanCancelledError

        if not self._hand.begin_scan(self._seconds):
            raise ScanCancelledError("somebody else has the scanner")
        try:
            return self._scanner.scan(fd, self._tick)
        finally:
            self._hand.end_scan(LOOK_SECONDS)

    def _tick(self) -> None:
        """Tell a hashing thread that waits for a server from one that works."""
        if self._remote:
            self._hand.begin(3 * LOOK_SECONDS)
        self._go_on()

    @contextlib.contextmanager
    def _fetched(self, fd: int) -> Iterator[int]:
        """Read everything; give a copy of a small file if it is whole, else the scan of *fd* tells what is wrong."""
        self._hand.begin(LOOK_SECONDS)
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
        """Read *fd* as far as it can be read, to *copy* if there is one; how many bytes that were."""
        at = 0
        with contextlib.suppress(OSError):
            while piece := os.pread(fd, _PIECE, at):
                self._hand.begin(LOOK_SECONDS)
                self._go_on()
                at += len(piece) if copy is None else os.pwrite(copy, piece, at)
        return at
