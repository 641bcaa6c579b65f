"""What others do to the state's files under a living daemon is noticed, and costs nothing but work."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from support.watching import make_record

from picklewatch.core.errors import StateError, StateUnavailableError
from picklewatch.core.model import FileId
from picklewatch.core.state_layout import DATABASE, LOCK
from picklewatch.service.state_hold import open_store
from picklewatch.store import CorruptError, Store, database
from picklewatch.store.database import STORE_ERRORS
from picklewatch.store.failures import StoreFailures
from picklewatch.store.lock import StateLock, trouble
from picklewatch.telemetry.health import Health

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store with a hundred outcomes and an allowed digest, as the daemon knows it."""
    with closing(Store(tmp_path)) as store:
        for number in range(100):
            store.finish(None, make_record(f"/m/{number}", FileId(7, number, 1, 1, 1)))
        store.allowed.add("ab" * 32, "ours")
        store.allowed.all()
        yield store


def look(failures: StoreFailures) -> None:
    """Look as often as the daemon does in a few seconds, as it does."""
    for _ in range(3):
        try:
            failures.check_files()
        except STORE_ERRORS as error:
            failures.report(error)


def merge(state: Path) -> None:
    """Let another process bring the log into the database."""
    with closing(sqlite3.connect(state / DATABASE)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def works(store: Store) -> bool:
    """Return True if an outcome can be recorded and found again."""
    store.finish(None, make_record("/m/new", FileId(7, 999, 1, 1, 1)))
    return len(store.records.of_path("/m/new")) == 1


def read_all(failures: StoreFailures, store: Store) -> None:
    """Read the whole database, as the daemon does at its start and after an error."""
    try:
        store.check(threading.Event())
    except STORE_ERRORS as error:
        failures.report(error)


@pytest.mark.parametrize("side", ["", "-wal"])
def test_a_damaged_database_is_set_aside_when_it_is_read(store: Store, tmp_path: Path, side: str) -> None:
    """Although SQLite shows what it has in memory; what was allowed is kept."""
    if not side:
        merge(tmp_path)
    path = tmp_path / f"{DATABASE}{side}"
    with path.open("r+b") as file:
        file.seek(4096)  # the header is whole: opening it would not show the damage
        file.write(b"garbage" * (path.stat().st_size // 7 + 1))
    failures = StoreFailures(store, Health())
    read_all(failures, store)
    assert failures.walk_again.is_set()
    assert {problem.what for problem in failures.health.problems} == {"store-rebuilt"}
    assert store.set_aside is not None
    assert store.allowed.all() == {"ab" * 32: "ours"}
    assert len(store.records) == 0
    assert works(store)


@pytest.mark.parametrize("size", [100, 4096])
def test_a_database_cut_off_under_us_is_set_aside(store: Store, tmp_path: Path, size: int) -> None:
    """Also when what is left looks like a database."""
    merge(tmp_path)
    failures = StoreFailures(store, Health())
    with (tmp_path / DATABASE).open("r+b") as file:
        file.truncate(size)
    read_all(failures, store)
    assert failures.walk_again.is_set()
    assert store.allowed.all() == {"ab" * 32: "ours"}
    assert works(store)


def test_a_healthy_database_is_never_suspected(store: Store, tmp_path: Path) -> None:
    """While it grows, is merged by others, shrinks and is read all the time."""
    failures = StoreFailures(store, Health())
    for number in range(10):
        for step in range(20):
            store.finish(None, make_record("/m/x" * 300, FileId(7, number * 100 + step, 1, step, 1)))
        read_all(failures, store)
        merge(tmp_path)
        read_all(failures, store)
    while store.tidying.step(0, 1e12):
        read_all(failures, store)
    assert not failures.walk_again.is_set()
    assert failures.health.problems == ()


def test_reading_the_database_ends_when_the_daemon_does(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes minutes with millions of rows; what was not read to its end is not called damaged."""
    monkeypatch.setattr(database, "_STEPS", 1)
    stopping = threading.Event()
    stopping.set()
    store.check(stopping)
    assert store.set_aside is None


def test_errors_that_damage_may_have_caused_have_the_database_read(store: Store, tmp_path: Path) -> None:
    """At the start, and after a disk failed; not because another program writes or there is no room."""
    failures = StoreFailures(store, Health())
    assert failures.check_wanted.is_set()
    failures.check_wanted.clear()
    with closing(sqlite3.connect(tmp_path / DATABASE)) as other, closing(sqlite3.connect(tmp_path / DATABASE)) as we:
        other.execute("BEGIN IMMEDIATE")
        we.execute("PRAGMA busy_timeout = 0")
        with pytest.raises(sqlite3.OperationalError) as caught:
            we.execute("BEGIN IMMEDIATE")
    failures.report(caught.value)
    assert not failures.check_wanted.is_set()
    failures.report(sqlite3.OperationalError("disk I/O error"))
    assert failures.check_wanted.is_set()


def test_what_was_allowed_is_known_to_whoever_looks_first(store: Store, tmp_path: Path) -> None:
    """Nothing is left of the files; a worker that scans right after that was noticed lets be what was given back."""
    for side in ("", "-wal"):
        path = tmp_path / f"{DATABASE}{side}"
        path.write_bytes(b"garbage" * path.stat().st_size)
    with pytest.raises(CorruptError):
        store.check(threading.Event())
    assert store.allowed.all() == {"ab" * 32: "ours"}
    assert len(store.records) == 0


@pytest.mark.parametrize("removed", ["-wal", "-shm", ""])
def test_a_file_of_the_database_removed_under_us_is_noticed(store: Store, tmp_path: Path, removed: str) -> None:
    """What goes into a file without a name is seen by nobody."""
    (tmp_path / f"{DATABASE}{removed}").unlink()
    failures = StoreFailures(store, Health())
    look(failures)
    assert failures.health.counts["store-removed"] == 1
    assert failures.walk_again.is_set()
    assert store.allowed.all() == {"ab" * 32: "ours"}
    assert works(store)
    with closing(Store(tmp_path, read_only=True)) as reader:
        assert len(reader.records.of_path("/m/new")) == 1


def test_a_state_directory_removed_under_us_is_made_again(tmp_path: Path) -> None:
    """Until then nothing can be recorded, and nothing is lost by trying."""
    state = tmp_path / "state"
    state.mkdir()
    lock = StateLock(state)
    with closing(Store(state)) as store:
        failures = StoreFailures(store, Health())
        shutil.rmtree(state)
        look(failures)
        assert {problem.what for problem in failures.health.problems} == {"store-unwritable"}
        with pytest.raises(sqlite3.OperationalError):
            works(store)
        assert not lock.is_in_place()
        lock.retake()
        assert lock.is_in_place()
        with pytest.raises(StateError, match=f"process {os.getpid()}"):
            StateLock(state)
        look(failures)
        assert works(store)
    lock.release()
    StateLock(state).release()


def test_a_lock_that_another_daemon_has_by_now_is_not_taken(tmp_path: Path) -> None:
    """Two daemons on one state would each lose what the other does."""
    lock = StateLock(tmp_path)
    (tmp_path / LOCK).unlink()
    other = StateLock(tmp_path)
    with pytest.raises(StateError, match="belongs to a picklewatch daemon"):
        lock.retake()
    other.release()
    lock.retake()
    lock.release()


def test_what_the_database_can_not_take_is_told_beside_it(store: Store, tmp_path: Path) -> None:
    """`status` reads it in the lock, whose room is there already; it is gone when the database works again."""
    lock = StateLock(tmp_path)
    failures = StoreFailures(store, Health(), lock.note)
    size = (tmp_path / LOCK).stat().st_size
    failures.report(sqlite3.OperationalError("database or disk is full"))
    assert trouble(tmp_path) == "the database can't be used: database or disk is full"
    assert (tmp_path / LOCK).stat().st_size == size
    failures.resolved()
    assert trouble(tmp_path) == ""
    lock.release()


def test_that_there_is_trouble_is_told_without_a_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock's disk may only be read by now; only the reason is missing then."""
    lock = StateLock(tmp_path)

    def refused(*_: object) -> int:
        raise OSError(errno.EROFS, "Read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", refused)
        for text, told in (("full", "the database can't be used"), ("", "")):
            with pytest.raises(OSError, match="Read-only"):
                lock.note(text)
            assert trouble(tmp_path) == told
    lock.note("full")
    lock.release()
    assert trouble(tmp_path) == ""


def test_a_note_that_can_not_be_written_harms_nothing(store: Store) -> None:
    """The disk of the lock may be as broken; the problem is named all the same."""

    def note(_text: str) -> None:
        raise OSError(errno.EIO, "broken")

    failures = StoreFailures(store, Health(), note)
    failures.report(sqlite3.OperationalError("disk I/O error"))
    assert {problem.what for problem in failures.health.problems} == {"store-unwritable"}


def test_a_start_waits_for_its_disk(tmp_path: Path) -> None:
    """A folder stands where the database should; it goes while the start tries on."""
    (tmp_path / DATABASE).mkdir()
    heard: list[str] = []

    def wait(error: sqlite3.Error) -> bool:
        heard.append(str(error))
        if len(heard) == 3:
            (tmp_path / DATABASE).rmdir()
        return False

    open_store(tmp_path, wait=wait).close()
    assert len(heard) == 3


def test_a_start_that_waits_can_be_ended(tmp_path: Path) -> None:
    """With the status that says: start again."""
    (tmp_path / DATABASE).mkdir()
    with pytest.raises(StateUnavailableError, match="can't be opened") as caught:
        open_store(tmp_path, wait=lambda _error: True)
    assert caught.value.status == 75


def test_setting_aside_may_fail_and_is_tried_again(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The damaged file is on a disk that may only be read just now."""
    merge(tmp_path)
    with (tmp_path / DATABASE).open("r+b") as file:
        file.write(b"garbage" * 10_000)
    with monkeypatch.context() as patch:

        def refused(*_: object) -> None:
            raise OSError(errno.EROFS, "Read-only file system")

        patch.setattr("pathlib.Path.rename", refused)
        failures = StoreFailures(store, Health())
        read_all(failures, store)
        assert {problem.what for problem in failures.health.problems} == {"store-unwritable"}
    with pytest.raises(CorruptError):
        len(store.jobs)
    look(failures)
    assert works(store)
