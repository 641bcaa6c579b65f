"""Keeps the contents that the operator vouched for."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

    from picklewatch.store.database import Database
    from picklewatch.store.transaction import Row, Transaction

_COLUMNS = 5


class KnownDigests:
    """The allowed digests as last read: what the daemon's memory saves of a database that is damaged."""

    def __init__(self) -> None:
        self.rows: list[AllowedContent] = []

    def salvage(self, database: Database, former: Path) -> None:
        """Put into *database* what was last read, and what can still be read from the *former*, damaged one."""
        found: list[Row] = [(each.sha256, each.reason, each.at, each.size, each.until) for each in self.rows]
        with contextlib.suppress(sqlite3.Error):
            connection = sqlite3.connect(f"{former.absolute().as_uri()}?mode=ro", uri=True)
            with contextlib.closing(connection), contextlib.suppress(sqlite3.Error):
                old = connection.execute("SELECT * FROM allowed")  # an older schema has fewer columns
                found.extend((*row, None, None)[:_COLUMNS] for row in old)
        with database.transaction(durable=True) as transaction:
            for row in found:
                sql = "INSERT OR IGNORE INTO allowed (sha256, reason, at, size, until) VALUES (?, ?, ?, ?, ?)"
                transaction.run(sql, row)


@dataclass(frozen=True, slots=True)
class AllowedContent:
    """A content that the operator vouched for."""

    sha256: str
    reason: str
    at: float
    """The Unix time since which it is allowed."""
    size: int | None
    """Bytes; None if it is not known."""
    until: float | None = None
    """The Unix time up to which it is allowed; None for good."""


class Allowed:
    """The digests that the operator vouched for, in one store. What is over counts no more, whoever reads it."""

    def __init__(self, database: Database, known: KnownDigests) -> None:
        self._database, self._known = database, known
        self.changes = 0
        """A number that changes with each change through this object."""

    def add(self, sha256: str, reason: str, size: int | None = None, until: float | None = None) -> None:
        """Vouch for a content of *size* bytes *until* a Unix time: it is shown as allowed, with *reason*."""
        with self._database.transaction(durable=True) as transaction:
            sql = "SELECT 1 FROM allowed WHERE sha256 = ? AND (until IS NULL OR until > ?)"
            known = transaction.one(sql, (sha256.lower(), time.time()))
            transaction.run(
                "INSERT INTO allowed (sha256, reason, at, size, until) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (sha256) DO UPDATE SET reason = excluded.reason, size = coalesce(excluded.size, size), "
                "until = excluded.until",
                (sha256.lower(), reason, time.time(), size, until),
            )
            if known is None:
                _judge_again(transaction, sha256, _NOW_ALLOWED)
        self.changes += 1

    def remove(self, sha256: str) -> bool:
        """Stop vouching for a content.

        Return True if somebody did.
        """
        with self._database.transaction(durable=True) as transaction:
            gone = transaction.run("DELETE FROM allowed WHERE sha256 = ?", (sha256.lower(),)).rowcount
            if gone:
                _judge_again(transaction, sha256, _AS_SCANNED)
        self.changes += 1
        return gone > 0

    def end_overdue(self, now: float) -> list[AllowedContent]:
        """Stop vouching for contents whose time is over, and return them; their files are judged again."""
        ended = [AllowedContent(*row) for row in self._database.query(f"{_SELECT} WHERE until <= ?", (now,))]
        if not ended:
            return []
        with self._database.transaction(durable=True) as transaction:
            for each in ended:
                transaction.run("DELETE FROM allowed WHERE sha256 = ? AND until <= ?", (each.sha256, now))
                _judge_again(transaction, each.sha256, _AS_SCANNED)
        self.changes += 1
        return ended

    def entries(self) -> list[AllowedContent]:
        """Return every allowed content, the oldest first."""
        rows = self._database.query(f"{_SELECT} WHERE until IS NULL OR until > ? ORDER BY at, sha256", (time.time(),))
        self._known.rows = [AllowedContent(*row) for row in rows]
        return self._known.rows

    def all(self) -> dict[str, str]:
        """Return every allowed digest with its reason."""
        return {each.sha256: each.reason for each in self.entries()}

    def sizes(self) -> dict[str, int]:
        """Return the allowed digests whose contents' sizes are known, with those."""
        return {each.sha256: each.size for each in self.entries() if each.size is not None}


_SELECT = "SELECT sha256, reason, at, size, until FROM allowed"


_NOW_ALLOWED: Final = "allowed = 1, verdict = CASE WHEN verdict IN ('clean', 'skipped') THEN verdict ELSE 'allowed' END"
_AS_SCANNED: Final = (
    "allowed = 0, verdict = (SELECT json_extract(r.body, '$.verdict') FROM records AS r WHERE r.id = files.record)"
)


def _judge_again(transaction: Transaction, sha256: str, until_then: str) -> None:
    """Have the files with that content judged again when they are met; they are counted as *until_then* has it.

    A record that says allowed is that of no file any more once nobody allows the content.
    """
    if until_then == _AS_SCANNED:
        sql = "DELETE FROM files WHERE record IN (SELECT id FROM records WHERE sha256 = ? AND verdict = 'allowed')"
        transaction.run(sql, (sha256.lower(),))
    sql = f"UPDATE files SET engine = '', {until_then} WHERE record IN (SELECT id FROM records WHERE sha256 = ?)"  # noqa: S608 - only ours
    transaction.run(sql, (sha256.lower(),))
