"""Small files that a walk found are judged together; nothing about them depends on it but the cost."""

from __future__ import annotations

import os
import time
from functools import partial
from typing import TYPE_CHECKING

import pytest
from support.watching import ENGINE, FakeScanner, eventually, make_candidate
from support.worker_pool import Pool

from picklewatch.core.candidate import Source
from picklewatch.core.model import Verdict
from picklewatch.sandbox import BatchStoppedError
from picklewatch.scanning.small_files import SMALL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from picklewatch.core.model import ScanReport


class Scanners:
    """Makes scanners of *kind*, and keeps them."""

    def __init__(self, kind: type[FakeScanner] = FakeScanner) -> None:
        self.kind = kind
        self.made: list[FakeScanner] = []

    def __call__(self) -> FakeScanner:
        """Make one."""
        self.made.append(self.kind())
        return self.made[-1]

    @property
    def batches(self) -> list[int]:
        """The sizes of all batches."""
        return [size for scanner in self.made for size in scanner.batches]

    @property
    def alone(self) -> int:
        """The number of scans of one file."""
        return sum(scanner.scans for scanner in self.made)


@pytest.fixture
def scanners() -> Scanners:
    """Ordinary ones."""
    return Scanners()


@pytest.fixture
def pool(tmp_path: Path, scanners: Scanners) -> Iterator[Pool]:
    """One worker that takes up to eight files together, once it is started: a test announces all of them before."""
    pool = Pool(tmp_path, scanners, batch=8, start=False)
    yield pool
    pool.stop()


def files(folder: Path, *contents: bytes) -> list[Path]:
    """Write a file for each of *contents*."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{number}" for number in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    return paths


def judged(pool: Pool, number: int) -> bool:
    """Wait until *number* files have a verdict and none waits."""
    return eventually(lambda: len(pool.verdicts()) == number and len(pool.store.jobs) == 0)


def test_what_is_inert_is_recorded_and_what_is_not_is_scanned_alone(
    pool: Pool, scanners: Scanners, tmp_path: Path
) -> None:
    """Each file has its verdict, whoever its neighbours are; only the others cost a scan of their own."""
    paths = files(tmp_path / "m", *[b"inert"] * 5, b"evil", b"odd")
    pool.announce(*paths)
    pool.workers.start()
    assert judged(pool, 7)
    verdicts = ["clean"] * 5 + ["malicious", "unverified"]
    assert pool.verdicts() == dict(zip(map(str, paths), verdicts, strict=True))
    assert scanners.batches == [7]
    assert scanners.alone == 2
    assert pool.store.jobs.offer([make_candidate(path) for path in paths], ENGINE.key).known == 7
    assert pool.store.records.unreported() == []


def test_a_batch_holds_the_files_of_one_directory(pool: Pool, scanners: Scanners, tmp_path: Path) -> None:
    """A stranger's file elsewhere can't put an attack beside somebody's download."""
    pool.announce(*files(tmp_path / "a", *[b"inert"] * 3), *files(tmp_path / "b", *[b"inert"] * 4))
    pool.workers.start()
    assert judged(pool, 7)
    assert sorted(scanners.batches) == [3, 4]


def test_files_announced_as_anothers_are_in_no_batch_of_mine(pool: Pool, scanners: Scanners, tmp_path: Path) -> None:
    """Nor files that are another's by the time when they are open."""
    mine, others = files(tmp_path / "a", *[b"inert"] * 2), files(tmp_path / "a" / "x", b"inert")
    others[0].rename(tmp_path / "a" / "other")
    pool.announce(*mine)
    pool.announce(tmp_path / "a" / "other", owner=os.getuid() + 1)
    pool.workers.start()
    assert judged(pool, 3)
    assert scanners.batches == [2]
    assert scanners.alone == 1


def test_large_files_and_downloads_go_alone(pool: Pool, scanners: Scanners, tmp_path: Path) -> None:
    """A fresh file is judged at once, by its own process."""
    paths = files(tmp_path / "m", b"inert", b"inert" + bytes(SMALL), b"inert")
    pool.announce(*paths[:1], source=Source.EVENT)
    pool.announce(*paths[1:])
    pool.workers.start()
    assert judged(pool, 3)
    assert scanners.batches == []
    assert scanners.alone == 3


def is_judged(pool: Pool, path: Path) -> bool:
    """Return True if there is a verdict on *path* as it is."""
    return pool.store.records.verdict(make_candidate(path).file, ENGINE.key) is not None


class Patient(FakeScanner):
    """Its batches end only when something more urgent waits."""

    def scan_batch(self, contents: Sequence[bytes], tick: Callable[[], None] = lambda: None) -> list[ScanReport | None]:
        """Answer for the first content, and wait."""
        try:
            while True:
                tick()
                time.sleep(0.005)
        except BatchStoppedError:
            return super().scan_batch(contents)[:1]


def test_a_download_ends_the_batch_that_is_at_work(tmp_path: Path) -> None:
    """Answered files count; the rest waits as before, and nothing is lost."""
    scanners = Scanners(Patient)
    pool = Pool(tmp_path, scanners, batch=8)
    try:
        found = files(tmp_path / "m", *[b"inert"] * 6)
        pool.announce(*found)
        assert eventually(lambda: bool(pool.schedule.claimed()))
        for number in range(20):  # each download lets one batch go on
            (fresh,) = files(tmp_path / f"new{number}", b"good")
            pool.announce(fresh, source=Source.EVENT)
            assert eventually(partial(is_judged, pool, fresh))
            if len(pool.store.jobs) == 0:
                break
        assert all(is_judged(pool, path) for path in found)
    finally:
        for scanner in scanners.made:
            scanner.close()
        pool.stop()


class Broken(FakeScanner):
    """Its batches have a fault of ours."""

    def scan_batch(self, contents: Sequence[bytes], tick: Callable[[], None] = lambda: None) -> list[ScanReport | None]:
        """Fail."""
        raise ValueError(len(contents), tick)


def test_a_fault_of_ours_in_a_batch_costs_each_file_its_own_scan(tmp_path: Path) -> None:
    """It is counted, and no file is tried in a batch again and again."""
    scanners = Scanners(Broken)
    pool = Pool(tmp_path, scanners, batch=8, start=False)
    try:
        pool.announce(*files(tmp_path / "m", *[b"inert"] * 3, b"evil"))
        pool.workers.start()
        assert judged(pool, 4)
        assert sorted(pool.verdicts().values()) == ["clean", "clean", "clean", "malicious"]
        assert pool.health.counts["scan-errors"] == 1
    finally:
        pool.stop()


def test_files_that_are_gone_or_links_by_now_are_left_to_their_own_run(
    pool: Pool, scanners: Scanners, tmp_path: Path
) -> None:
    """What they are is found out as without batches."""
    paths = files(tmp_path / "m", *[b"inert"] * 4)
    (other,) = files(tmp_path / "elsewhere", b"evil")
    candidates = [make_candidate(path, Source.WALK) for path in paths]
    paths[0].unlink()
    paths[1].unlink()
    paths[1].symlink_to(other)
    pool.store.jobs.offer(candidates, ENGINE.key)
    pool.schedule.announce(candidates)
    pool.workers.start()
    assert judged(pool, 3)
    assert pool.verdicts()[str(other)] == "malicious"
    assert scanners.batches == [2]
    assert pool.health.counts["gone"] == 1


def test_every_file_is_judged_when_many_walks_and_writers_meet(tmp_path: Path) -> None:
    """Two workers, files announced again while they are in a batch: one record for the last content of each."""
    scanners = Scanners()
    pool = Pool(tmp_path, scanners, workers=2, batch=8)
    try:
        paths = [path for name in "abc" for path in files(tmp_path / name, *[b"inert"] * 20)]
        pool.announce(*paths)
        for path in paths[::7]:
            path.write_bytes(b"evil now")
            pool.announce(path, source=Source.EVENT)
        assert eventually(lambda: all(is_judged(pool, path) for path in paths) and len(pool.store.jobs) == 0)
        verdicts = [pool.store.records.verdict(make_candidate(path).file, ENGINE.key) for path in paths]
        assert verdicts == [Verdict.CLEAN if number % 7 else Verdict.MALICIOUS for number in range(60)]
    finally:
        pool.stop()
