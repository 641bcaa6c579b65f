"""Many contents at the same time."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest

from picklewatch.core.errors import Error, SandboxError
from picklewatch.core.model import EngineVersion, Policy, ScanReport, Verdict
from picklewatch.scanning.collect_paths import Target, collect
from picklewatch.scanning.scan_many import WINDOW, Batch

if TYPE_CHECKING:
    from pathlib import Path

ENGINE = EngineVersion(picklewatch="0", fickling="1", rules="2")


class Scans:
    """A scanner that takes as many milliseconds as the file's content says, and ends when it is closed."""

    def __init__(self) -> None:
        self.closed = threading.Event()
        self.threads: set[int] = set()
        self.ended = 0

    def scan(self, fd: int, tick: object = None, harm: object = None) -> ScanReport:
        """Wait, then find nothing."""
        del tick, harm
        self.threads.add(threading.get_ident())
        if self.closed.wait(int(os.pread(fd, 20, 0) or b"0") / 1000):
            raise Error("the scanner was closed")
        self.ended += 1
        return ScanReport(format="pickle", complete=True, code_bearing=True)

    def close(self) -> None:
        """End it."""
        self.closed.set()


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
    batch = Batch(pool, Policy(), ENGINE, 3)
    records = list(batch.run(files(tmp_path, 50, 0, 0, 20, 0)))
    assert [record.path[-1] for record in records] == list("01234")
    assert (batch.done, batch.done_bytes) == (5, 7)
    assert all(scans.closed.is_set() for scans in pool.made)
    assert all(len(scans.threads) == 1 for scans in pool.made)


def test_one_file_needs_one_scanner(tmp_path: Path) -> None:
    """Each costs a process; no file costs none."""
    pool = Pool()
    assert len(list(Batch(pool, Policy(), ENGINE, 8).run(files(tmp_path, 0)))) == 1
    assert len(pool.made) == 1
    assert list(Batch(pool, Policy(), ENGINE, 8).run([])) == []
    assert len(pool.made) == 1


def test_a_file_that_vanishes_is_a_record(tmp_path: Path) -> None:
    """It was there when the tree was walked."""
    targets = files(tmp_path, 0, 0)
    (tmp_path / "00000").unlink()
    records = list(Batch(Pool(), Policy(), ENGINE, 1).run(targets))
    assert [record.judgement.reasons for record in records] == [("path-missing",), ()]
    assert records[0].judgement.verdict is Verdict.UNSCANNABLE


def test_more_files_than_the_window(tmp_path: Path) -> None:
    """None is lost, none doubled."""
    targets = files(tmp_path, *[0] * (WINDOW * 2 + 10))
    records = list(Batch(Pool(), Policy(), ENGINE, 2).run(targets))
    assert [record.path for record in records] == [target.path for target in targets]


def test_a_failure_of_the_sandbox_reaches_the_caller(tmp_path: Path) -> None:
    """It is no file's verdict."""

    def refuse() -> Scans:
        raise SandboxError("no seccomp")

    with pytest.raises(SandboxError, match="no seccomp"):
        list(Batch(refuse, Policy(), ENGINE, 2).run(files(tmp_path, 0, 0)))


def test_closing_early_ends_what_is_at_work(tmp_path: Path) -> None:
    """Ctrl-C does not wait for scans that take longer."""
    pool = Pool()
    records = Batch(pool, Policy(), ENGINE, 2).run(files(tmp_path, 0, 90_000, 90_000))
    next(records)
    records.close()
    assert sum(scans.ended for scans in pool.made) == 1
    assert all(scans.closed.is_set() for scans in pool.made)


def test_the_caller_is_woken_while_it_waits(tmp_path: Path) -> None:
    """To draw progress."""
    ticks: list[int] = []
    list(Batch(Pool(), Policy(), ENGINE, 1).run(files(tmp_path, 450), lambda: ticks.append(1)))
    assert len(ticks) >= 2


def test_a_descriptor_is_judged_under_its_name(tmp_path: Path) -> None:
    """Standard input has no path, no inode that means anything, no other names."""
    (tmp_path / "x").write_text("0")
    fd = os.open(tmp_path / "x", os.O_RDONLY)
    (record,) = Batch(Pool(), Policy(), ENGINE, 1).run([Target(path="-", fd=fd)])
    os.close(fd)
    assert (record.path, record.name, record.file, record.size, record.names) == ("-", None, None, 1, ())
