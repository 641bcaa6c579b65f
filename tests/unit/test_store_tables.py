"""From every released schema to this one, whatever interrupts the way; and no way back."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from support.watching import ENGINE, make_record

from picklewatch.core.candidate import Candidate, Source
from picklewatch.core.errors import StateError
from picklewatch.core.model import FileId, Verdict
from picklewatch.core.state_layout import DATABASE, LOCK
from picklewatch.store import Store
from picklewatch.store.lock import StateLock
from picklewatch.store.tables import MIGRATIONS, VERSION, statements

LEFT = Path(__file__).parents[1] / "samples/schema"
"""Databases as older schemas left them, as SQL."""
OLD = range(1, VERSION)
RELEASED = ("e8677347", "41fa2316", "7a383c81", "419f9486", "053300aa", "c29f274f")
TABLES = ("jobs", "records", "files", "names", "intents", "allowed", "state")


class Killed(BaseException):
    """The process dies here."""


def make(state: Path, version: int) -> None:
    """Put a database of *version* there."""
    with closing(sqlite3.connect(state / DATABASE)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript((LEFT / f"{version}.sql").read_text())


def rows(state: Path) -> dict[str, list[tuple[object, ...]]]:
    """Everything that the user's database holds."""
    with closing(sqlite3.connect(state / DATABASE)) as connection:
        return {table: connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in TABLES}


def test_a_released_migration_never_changes() -> None:
    """Databases that it made are out there. A new version gets a new line here, and a database in ``LEFT``."""
    digests = [hashlib.sha256("\n".join(statements(script)).encode()).hexdigest()[:8] for script in MIGRATIONS]
    assert tuple(digests) == RELEASED


@pytest.mark.parametrize("version", OLD)
def test_an_older_database_is_brought_up_to_date(tmp_path: Path, version: int) -> None:
    """With everything in it, and it works on."""
    make(tmp_path, version)
    before = rows(tmp_path)
    with closing(Store(tmp_path)) as store:
        assert_kept(tmp_path, before)
        check_counts(tmp_path, store)
        assert store.records.verdict(FileId(7, 2, 100, 1, 1), ENGINE.key) is Verdict.MALICIOUS
        assert store.allowed.all() == {"ab" * 32: "ours"}
        assert [intent.path for intent in store.intents.wanted()] == ["/m/bad.pt"]
        store.jobs.offer([Candidate("/m/9", FileId(7, 9, 1, 1, 1), Source.EVENT)], ENGINE.key)
        while (job := store.jobs.claim()) is not None:
            store.finish(job, make_record(job.path, FileId(7, job.inode, 1, 1, 1)))
        check_counts(tmp_path, store)


def assert_kept(state: Path, before: dict[str, list[tuple[object, ...]]]) -> None:
    """Assert that all that was there is; rows may have more columns."""
    for table, now in rows(state).items():
        assert [row[: len(old)] for row, old in zip(now, before[table], strict=True)] == before[table]


def test_what_an_older_version_called_clean_because_it_is_allowed_is_not(tmp_path: Path) -> None:
    """It is counted apart, and what is clean without anybody's word stays clean."""
    make(tmp_path, 4)
    body = '{"verdict":"clean","reasons":["allowed-digest"],"allowed":"ours"}'
    with closing(sqlite3.connect(tmp_path / DATABASE)) as connection, connection:
        number = connection.execute("SELECT record FROM files ORDER BY inode LIMIT 1").fetchone()[0]
        connection.execute("UPDATE records SET verdict = 'clean', body = ? WHERE id = ?", (body, number))
        connection.execute("UPDATE files SET verdict = 'clean', allowed = 1 WHERE record = ?", (number,))
    with closing(Store(tmp_path)) as store:
        assert store.records.counts()["allowed"] == 1
        check_counts(tmp_path, store)


def check_counts(state: Path, store: Store) -> None:
    """Assert that the numbers that are kept are those of the rows."""
    held = rows(state)
    assert len(store.jobs) == len(held["jobs"])
    assert len(store.records) == len(held["records"])
    assert sum(store.records.counts().values()) == len(held["files"])
    assert sum(store.intents.counts().values()) == len(held["intents"])
    assert sum(store.records.engines().values()) == len(held["files"])


class Fuse:
    """A fault hook that kills at the *n*-th point."""

    def __init__(self, number: int) -> None:
        self.left = number

    def __call__(self, point: str) -> None:
        """Die if it is time."""
        if self.left == 0:
            raise Killed(point)
        self.left -= 1


@pytest.mark.parametrize("version", [0, *OLD])
def test_a_migration_may_die_at_every_statement(tmp_path: Path, version: int) -> None:
    """The next start repeats it, and nothing is lost; killed again at each one, too."""
    changes = 3 + sum(len(statements(script)) for script in MIGRATIONS[version:])  # BEGIN, the version, COMMIT
    for number in range(changes + 1):
        state = tmp_path / str(number)
        state.mkdir()
        if version:
            make(state, version)
        before = rows(state) if version else {table: [] for table in TABLES}
        for again in (number, number // 2):
            try:
                Store(state, fault=Fuse(again)).close()
            except Killed:
                assert number < changes
            else:
                assert number == changes or again < number
        with closing(Store(state)) as store:
            check_counts(state, store)
        assert_kept(state, before)


def test_a_newer_schema_is_refused_and_not_touched(tmp_path: Path) -> None:
    """An older picklewatch, after a downgrade, says so and leaves what the newer one knows."""
    with closing(sqlite3.connect(tmp_path / DATABASE)) as connection:
        connection.executescript("CREATE TABLE hidden (x); INSERT INTO hidden VALUES (1); PRAGMA user_version = 999")
    content = (tmp_path / DATABASE).read_bytes()
    for read_only in (False, True):
        with pytest.raises(StateError, match="newer picklewatch") as caught:
            Store(tmp_path, read_only=read_only)
        assert (caught.value.status, "Upgrade" in caught.value.hint) == (78, True)
    assert [path.name for path in tmp_path.iterdir()] == [DATABASE]
    assert (tmp_path / DATABASE).read_bytes() == content


@pytest.mark.parametrize("version", OLD)
def test_a_reader_of_an_older_schema_says_what_to_do(tmp_path: Path, version: int) -> None:
    """`picklewatch status` after an upgrade, before the daemon was started again."""
    make(tmp_path, version)
    with pytest.raises(StateError, match="older picklewatch") as caught:
        Store(tmp_path, read_only=True)
    assert "Start the daemon" in caught.value.hint


@pytest.mark.parametrize("version", OLD)
def test_an_older_daemon_keeps_its_schema_while_it_runs(tmp_path: Path, version: int) -> None:
    """`quarantine restore` after an upgrade does not pull the tables from under it."""
    make(tmp_path, version)
    lock = StateLock(tmp_path)
    (tmp_path / LOCK).write_text(str(os.getpid() + 1))  # as if another process had it
    with pytest.raises(StateError, match="an older picklewatch runs"):
        Store(tmp_path)
    lock.release()
    Store(tmp_path).close()
