"""Files of the network are read before they are scanned, and not in the sandbox."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from picklewatch.core.candidate import Source
from picklewatch.core.model import Finding, Level, ScanReport
from picklewatch.queue.schedule import Claim, PutOffError
from picklewatch.sandbox import ScanCancelledError
from picklewatch.scanning import remote_files
from picklewatch.scanning.remote_files import PrefetchingScanner
from picklewatch.store.jobs import Job

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path


class _Scanner:
    """Remembers what it was given; its first scan takes too long if it is *slow*."""

    def __init__(self, *, slow: bool = False) -> None:
        self.seen: list[tuple[bytes, int]] = []
        self._slow = slow

    def close(self) -> None:
        """End nothing."""

    def scan_batch(self, contents: Sequence[bytes], tick: Callable[[], None] = lambda: None) -> list[ScanReport | None]:
        """Find nothing inert."""
        del tick
        return [None] * len(contents)

    def scan(self, fd: int, tick: Callable[[], None] = lambda: None, harm: object = None) -> ScanReport:
        """Note the content and the inode."""
        tick()
        self.seen.append((os.pread(fd, 100, 0), os.fstat(fd).st_ino))
        late = (Finding(rule="scan-timeout", level=Level.UNSCANNABLE, where="", summary="Late."),)
        findings = late if self._slow and len(self.seen) == 1 else ()
        return ScanReport(format="other", complete=not findings, code_bearing=False, findings=findings)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[int]:
    """A descriptor of a file."""
    path = tmp_path / "a.bin"
    path.write_bytes(b"content")
    fd = os.open(path, os.O_RDONLY)
    yield fd
    os.close(fd)


def _claim() -> Claim:
    return Claim(Job(1, "/net/a.bin", 1, 2, 0, Source.EVENT), since=0.0)


def prefetching(
    scanner: _Scanner, claim: Claim, *, remote: bool, check_in: Callable[[], None] = lambda: None
) -> PrefetchingScanner:
    """Make a scanner of *scanner*."""
    return PrefetchingScanner(scanner, claim, 5.0, remote=remote, check_in=check_in)


def test_a_remote_file_is_scanned_from_a_copy(opened: int) -> None:
    """Its scan can't hang in a server; a local one is scanned where it is."""
    scanner = _Scanner()
    prefetching(scanner, _claim(), remote=True).scan(opened)
    prefetching(scanner, _claim(), remote=False).scan(opened)
    (copied, copy), (content, inode) = scanner.seen
    assert copied == content == b"content"
    assert inode == os.fstat(opened).st_ino != copy


def test_a_large_remote_file_is_scanned_where_it_is(opened: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was read before, so that it is in the page cache."""
    monkeypatch.setattr(remote_files, "_COPIED", 3)
    scanner = _Scanner()
    prefetching(scanner, _claim(), remote=True).scan(opened)
    assert scanner.seen == [(b"content", os.fstat(opened).st_ino)]


def test_half_a_copy_is_not_scanned(opened: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not be read to its end is for the scan to tell; a beginning alone may look harmless."""
    scanner = _Scanner()
    real = os.pread
    monkeypatch.setattr(os, "pread", lambda fd, size, at: b"" if at else real(fd, min(size, 3), at))
    prefetching(scanner, _claim(), remote=True).scan(opened)
    assert scanner.seen[0][1] == os.fstat(opened).st_ino


def test_a_scan_that_took_too_long_is_made_once_more(opened: int) -> None:
    """The server may have been silent."""
    scanner = _Scanner(slow=True)
    report = prefetching(scanner, _claim(), remote=True).scan(opened)
    assert report.complete
    assert len(scanner.seen) == 2


def test_who_was_given_up_on_scans_no_more(opened: int) -> None:
    """Somebody else has the scanner."""
    claim = _claim()
    assert claim.give_up()
    with pytest.raises(ScanCancelledError):
        prefetching(_Scanner(), claim, remote=True).scan(opened)


def test_a_scanner_at_work_is_not_given_away() -> None:
    """It hangs with its thread."""
    claim = _claim()
    assert claim.start_scan(5.0)
    assert not claim.give_up()
    claim.end_scan(5.0)
    assert not claim.start_scan(5.0)


def test_reading_is_put_off_like_scanning(opened: int) -> None:
    """A server that is slow keeps a worker no longer than a scan may."""

    def refuse() -> None:
        raise PutOffError

    scanner = _Scanner()
    for remote in (True, False):
        with pytest.raises(PutOffError):
            prefetching(scanner, _claim(), remote=remote, check_in=refuse).scan(opened)
    assert not scanner.seen
