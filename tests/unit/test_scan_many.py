"""Many contents at the same time."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from picklewatch.access.held_directory import HeldDirectory, hold_directory
from picklewatch.core.errors import Error, SandboxError
from picklewatch.core.model import EngineVersion, Policy, ScanReport, Verdict
from picklewatch.scanning.collect_paths import Target, collect
from picklewatch.scanning.scan_many import WINDOW, ScanPool
from picklewatch.scanning.small_files import SMALL, SmallFiles

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from picklewatch.access.open_file import Subject

ENGINE = EngineVersion(picklewatch="0", fickling="1", rules="2")


class Scans:
    """A scanner that takes as many milliseconds as the file's content says, and ends when it is closed."""

    def __init__(self) -> None:
        self.closed = threading.Event()
        self.threads: set[int] = set()
        self.ended = 0
        self.batches: list[list[bytes]] = []

    def scan(self, fd: int, tick: object = None, harm: object = None) -> ScanReport:
        """Wait, then find nothing."""
        del tick, harm
        self.threads.add(threading.get_ident())
        if self.closed.wait(int(os.pread(fd, 20, 0) or b"0") / 1000):
            raise Error("the scanner was closed")
        self.ended += 1
        return ScanReport(format="pickle", complete=True, code_bearing=True)

    def scan_batch(self, contents: Sequence[bytes], tick: object = None) -> list[ScanReport | None]:
        """Find inert what takes no time."""
        del tick
        self.batches.append(list(contents))
        inert = ScanReport(format="pickle", complete=True, code_bearing=True)
        return [inert if content == b"0" else None for content in contents]

    def close(self) -> None:
        """End it."""
        self.closed.set()


@dataclass(frozen=True)
class Changing(HeldDirectory):
    """A directory whose files change when they are opened."""

    change: Callable[[], None] = lambda: None

    def open(self, name: str) -> Subject:
        """Open a file, which then is another one."""
        subject = HeldDirectory.open(self, name)
        self.change()
        return subject


class Pool:
    """Makes scanners and keeps them."""

    def __init__(self) -> None:
        self.made: list[Scans] = []

    def __call__(self) -> Scans:
        """Make one."""
        self.made.append(Scans())
        return self.made[-1]


def files(root: Path, *milliseconds: int) -> list[Target]:
    """Make a file for each of *milliseconds*."""
    for number, wait in enumerate(milliseconds):
        (root / f"{number:05}").write_text(str(wait))
    return collect([str(root)]).items


def test_records_come_in_order_although_the_work_does_not(tmp_path: Path) -> None:
    """The slow first file holds nobody up but its place in the output."""
    pool = Pool()
    batch = ScanPool(pool, Policy(), ENGINE, 3)
    records = list(batch.run(files(tmp_path, 50, 0, 0, 20, 0)))
    assert [record.path[-1] for record in records] == list("01234")
    assert (batch.done, batch.done_bytes) == (5, 7)
    assert all(scans.closed.is_set() for scans in pool.made)
    assert all(len(scans.threads) == 1 for scans in pool.made)


def test_one_file_needs_one_scanner(tmp_path: Path) -> None:
    """Each costs a process; no file costs none."""
    pool = Pool()
    assert len(list(ScanPool(pool, Policy(), ENGINE, 8).run(files(tmp_path, 0)))) == 1
    assert len(pool.made) == 1
    assert list(ScanPool(pool, Policy(), ENGINE, 8).run([])) == []
    assert len(pool.made) == 1


def test_a_file_that_vanishes_is_a_record(tmp_path: Path) -> None:
    """It was there when the tree was walked."""
    targets = files(tmp_path, 0, 0)
    (tmp_path / "00000").unlink()
    records = list(ScanPool(Pool(), Policy(), ENGINE, 1).run(targets))
    assert [record.judgement.reasons for record in records] == [("path-missing",), ()]
    assert records[0].judgement.verdict is Verdict.UNSCANNABLE


def test_more_files_than_the_window(tmp_path: Path) -> None:
    """None is lost, none doubled."""
    targets = files(tmp_path, *[0] * (WINDOW * 2 + 10))
    records = list(ScanPool(Pool(), Policy(), ENGINE, 2).run(targets))
    assert [record.path for record in records] == [target.path for target in targets]


def test_a_failure_of_the_sandbox_reaches_the_caller(tmp_path: Path) -> None:
    """It is no file's verdict."""

    def refuse() -> Scans:
        raise SandboxError("no seccomp")

    with pytest.raises(SandboxError, match="no seccomp"):
        list(ScanPool(refuse, Policy(), ENGINE, 2).run(files(tmp_path, 0, 0)))


def test_closing_early_ends_what_is_at_work(tmp_path: Path) -> None:
    """Ctrl-C does not wait for scans that take longer."""
    pool = Pool()
    records = ScanPool(pool, Policy(), ENGINE, 2).run(files(tmp_path, 0, 90_000, 90_000))
    next(records)
    records.close()
    assert sum(scans.ended for scans in pool.made) == 1
    assert all(scans.closed.is_set() for scans in pool.made)


def test_the_caller_is_woken_while_it_waits(tmp_path: Path) -> None:
    """To draw progress; a single content is scanned without a thread, and its scanner calls the same function."""
    ticks: list[int] = []
    list(ScanPool(Pool(), Policy(), ENGINE, 1).run(files(tmp_path, 450, 0), lambda: ticks.append(1)))
    assert len(ticks) >= 2


def test_a_descriptor_is_judged_under_its_name(tmp_path: Path) -> None:
    """Standard input has no path, no inode that means anything, no other names."""
    (tmp_path / "x").write_text("0")
    fd = os.open(tmp_path / "x", os.O_RDONLY)
    (record,) = ScanPool(Pool(), Policy(), ENGINE, 1).run([Target(path="-", fd=fd)])
    os.close(fd)
    assert (record.path, record.name, record.file, record.size, record.names) == ("-", None, None, 1, ())


def test_small_files_of_a_directory_share_a_batch_and_keep_their_order(tmp_path: Path) -> None:
    """What is inert is not scanned again, what is not is scanned alone; a large file is in no batch."""
    targets = files(tmp_path, 0, 1, 0, 0, 0)
    (tmp_path / "00001x").write_bytes(b"0" * (SMALL + 1))
    (tmp_path / "below").mkdir()
    targets = collect([str(tmp_path)]).items + files(tmp_path / "below", 0)
    pool = Pool()
    records = list(ScanPool(pool, Policy(), ENGINE, 1, batch=3).run(targets))
    assert [record.path for record in records] == [target.path for target in targets]
    assert all(record.file is not None and record.size == record.file.size for record in records)
    assert pool.made[0].batches == [[b"0", b"1"], [b"0"] * 3]
    assert pool.made[0].ended == 3


def test_a_batch_holds_files_of_one_owner(tmp_path: Path) -> None:
    """Another user's file is judged alone: nobody's file is believed for what a stranger's says."""
    (target,) = files(tmp_path, 0)
    with hold_directory(str(tmp_path)) as directory:
        assert SmallFiles(os.getuid()).take(1, directory, Path(target.path).name)
        assert not SmallFiles(os.getuid() + 1).take(1, directory, Path(target.path).name)


def test_a_file_that_changes_while_it_is_copied_is_in_no_batch(tmp_path: Path) -> None:
    """Size, mtime and ctime are as they were when it was opened, or it goes alone."""
    (target,) = files(tmp_path, 0)
    path = Path(target.path)
    changes: list[Callable[[Path], None]] = [partial(os.utime, ns=(0, 0)), partial(os.truncate, length=0)]
    with hold_directory(str(tmp_path)) as held:
        for change in changes:
            assert not SmallFiles().take(0, Changing(held.fd, held.path, change=partial(change, path)), path.name)
        assert SmallFiles().take(0, held, path.name)


def test_a_link_that_came_after_the_walk_is_not_followed_into_a_batch(tmp_path: Path) -> None:
    """It is judged alone, where it leads, as it always was."""
    targets = files(tmp_path, 0, 0, 0)
    other = tmp_path / "other"
    other.write_text("0")
    Path(targets[1].path).unlink()
    Path(targets[1].path).symlink_to(other)
    pool = Pool()
    records = list(ScanPool(pool, Policy(), ENGINE, 1, batch=8).run(targets))
    assert [record.path for record in records] == [targets[0].path, str(other), targets[2].path]
    assert [len(batch) for batch in pool.made[0].batches] == [2]


def test_without_batches_every_file_is_scanned_alone(tmp_path: Path) -> None:
    """``batch = 1``."""
    pool = Pool()
    assert len(list(ScanPool(pool, Policy(), ENGINE, 1, batch=1).run(files(tmp_path, 0, 0)))) == 2
    assert pool.made[0].batches == []
    assert pool.made[0].ended == 2
