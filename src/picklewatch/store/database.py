"""Opens one SQLite file: one writing connection, one lock.

WAL with ``synchronous = NORMAL``: a commit survives the death of the process (kill -9) at once, and a loss of power up
to the last checkpoint; what a power cut takes back is consistent and simply scanned again. Intents to move
a file are committed with ``FULL``: on the disk before the file is touched.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from typing import TYPE_CHECKING, Final

from picklewatch.core.errors import StateError
from picklewatch.store.lock import holder
from picklewatch.store.tables import MIGRATIONS, VERSION, statements
from picklewatch.store.transaction import begun

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from picklewatch.store.transaction import Row, Transaction

_CORRUPT: Final = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_BUSY_SECONDS: Final = 10.0
_STEPS: Final = 100_000
"""Steps of SQLite's machine between two looks at whether a check is to end. Reading all pages is one step."""
_SIDE_FILES: Final = ("", "-wal", "-shm")


class CorruptError(Exception):
    """The database was corrupt: it has been set aside and an empty one is in its place. Walk, and try again."""

    def __init__(self, aside: Path) -> None:
        super().__init__(f"the database was corrupt and is kept as {aside}")
        self.aside = aside


STORE_ERRORS: Final = (sqlite3.OperationalError, CorruptError)
"""Raised by any use of a store without a fault of ours; give them to `StoreFailures.report`, and try again."""
StoreError = sqlite3.OperationalError | CorruptError


def no_fault(_point: str) -> None:
    """Do nothing at a fault point: what a `Database` does outside of tests."""


def no_salvage(_database: Database, _former: Path) -> None:
    """Take nothing over."""


def is_corrupt(error: sqlite3.Error) -> bool:
    """Return True if *error* says that the database file is damaged (rather than busy, full, or not readable)."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in _CORRUPT


class Database:
    """The connection. *fault* is called before and after every statement that changes state (tests kill there).

    *salvage* takes over what is left in a former database, before anybody else uses the new one.
    """

    def __init__(
        self,
        path: Path,
        *,
        salvage: Callable[[Database, Path], object] = no_salvage,
        fault: Callable[[str], None] = no_fault,
        read_only: bool = False,
    ) -> None:
        self.path = path
        self._salvage = salvage
        self._fault = fault
        self._read_only = read_only
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._closed = False
        self._identity: tuple[tuple[int, int], ...] = ()
        self._former: Path | None = None
        self.set_aside: Path | None = None
        try:
            self._connection = self._open()
        except sqlite3.DatabaseError as error:
            if read_only or not is_corrupt(error):
                raise
            self.rebuild()

    def close(self) -> None:
        """Close the connection; waits for a transaction of another thread."""
        with self._lock:
            self._closed = True
            self._let_go()

    def query(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        """Return all rows of a reading statement."""
        with self._lock, self._noticing_corruption():
            return self._live().execute(sql, parameters).fetchall()

    def counts(self, what: str) -> dict[str, int]:
        """Return how many rows of each kind the table *what* has: triggers keep count, so it takes no time."""
        return dict(self.query("SELECT kind, number FROM counts WHERE what = ? AND number > 0", (what,)))

    @contextlib.contextmanager
    def transaction(self, *, durable: bool = False) -> Iterator[Transaction]:
        """Begin a transaction: committed at the end (*durable*: on the disk by then), rolled back on any exception."""
        with self._lock, self._noticing_corruption():
            connection = self._live()
            if durable:
                connection.execute("PRAGMA synchronous = FULL")
            try:
                with begun(connection, self._fault) as transaction:
                    yield transaction
            finally:
                if durable:
                    connection.execute("PRAGMA synchronous = NORMAL")
        self._fault("after COMMIT")

    def is_in_place(self) -> bool:
        """Return True if the open files are still those under the path; else nobody would see what is written."""
        return self._identity == _identities(self.path)

    def check(self, stopping: threading.Event) -> None:
        """Read the whole database once, unless *stopping*; set it aside and raise `CorruptError` if it is damaged.

        On a connection of its own, so that nobody waits for it: a gigabyte takes some ten seconds.
        """
        identity = self._identity
        if self._is_whole(stopping):
            return
        with self._lock:
            if self._identity == identity:  # nobody else has noticed it meanwhile
                raise CorruptError(self.rebuild())

    def _is_whole(self, stopping: threading.Event) -> bool:
        try:
            with contextlib.closing(sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=ro", uri=True)) as reader:
                reader.set_progress_handler(stopping.is_set, _STEPS)
                return reader.execute("PRAGMA quick_check(1)").fetchall() == [("ok",)]
        except sqlite3.DatabaseError as error:
            return not is_corrupt(error)  # else it was interrupted, or others will meet the error, too

    def reopen(self) -> None:
        """Open the database that is under the path now, or a new one."""
        with self._lock, self._noticing_corruption():
            self._let_go()
            self._former = self.path
            self._connection = self._open()

    def rebuild(self) -> Path:
        """Set the damaged file aside and start an empty one.

        Return where the old one is kept.
        """
        with self._lock:
            self._let_go()
            aside = self._free_name()
            for suffix in _SIDE_FILES:
                part = self.path.with_name(self.path.name + suffix)
                with contextlib.suppress(FileNotFoundError), _as_operational():
                    part.rename(aside.with_name(aside.name + suffix))
            self.set_aside = self._former = aside
            self._connection = self._open()
            return aside

    def _let_go(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _free_name(self) -> Path:
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        names = (self.path.with_name(f"{self.path.name}.corrupt-{stamp}-{number}") for number in range(1_000_000))
        return next(name for name in names if not name.exists())

    def _live(self) -> sqlite3.Connection:
        if self._closed:
            raise sqlite3.ProgrammingError("the store is closed")
        if self._connection is None:  # it could not be opened again at the time
            self._connection = self._open()
        if self._former is not None:
            former, self._former = self._former, None
            try:
                self._salvage(self, former)
            except BaseException:
                self._former = former
                raise
        return self._connection

    @contextlib.contextmanager
    def _noticing_corruption(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            if self._read_only or not is_corrupt(error):
                raise
            raise CorruptError(self.rebuild()) from error

    def _open(self) -> sqlite3.Connection:
        location = f"{self.path.absolute().as_uri()}?mode={'ro' if self._read_only else 'rwc'}"
        connection = sqlite3.connect(
            location, uri=True, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            self._check_version(connection)
            if not self._read_only:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = NORMAL")
                connection.execute("PRAGMA journal_size_limit = 16777216")
                self._migrate(connection)
            self._identity = _identities(self.path)
        except BaseException:
            connection.close()
            raise
        return connection

    def _check_version(self, connection: sqlite3.Connection) -> None:
        """Refuse a database that another version of picklewatch works with, before anything is touched."""
        version = _version(connection)
        if version > VERSION:
            raise StateError(
                f"{self.path} was written by a newer picklewatch (schema {version}, this one knows {VERSION})",
                "Upgrade picklewatch, or give this one another state directory.",
            )
        if not 0 < version < VERSION:
            return
        if self._read_only:
            raise StateError(
                f"{self.path} was written by an older picklewatch (schema {version}, this one needs {VERSION})",
                "Start the daemon, again if it runs: it brings its state up to date.",
            )
        daemon = holder(self.path.parent)
        if daemon not in (None, os.getpid()):
            raise StateError(
                f"an older picklewatch runs with {self.path} (process {daemon}, schema {version})",
                "Restart the daemon: it brings its state up to date.",
            )

    def _migrate(self, connection: sqlite3.Connection) -> None:
        if _version(connection) == VERSION:
            return
        with begun(connection, self._fault) as transaction:
            for number in range(_version(connection), VERSION):  # 0 steps if another process was faster
                for statement in statements(MIGRATIONS[number]):
                    transaction.run(statement)
            transaction.run(f"PRAGMA user_version = {VERSION}")


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _identities(path: Path) -> tuple[tuple[int, int], ...]:
    """Return device and inode of the database and the files beside it; zeros for a missing one."""
    found = []
    for suffix in _SIDE_FILES:
        try:
            status = os.stat(f"{path}{suffix}")  # noqa: PTH116 - asked every two seconds
        except OSError:
            found.append((0, 0))
        else:
            found.append((status.st_dev, status.st_ino))
    return tuple(found)


@contextlib.contextmanager
def _as_operational() -> Iterator[None]:
    """Turn a refused step on the files into the error that SQLite raises: nothing was changed, try again."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise sqlite3.OperationalError(str(error)) from error
