"""Keeps the decisions which files are to be moved."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from picklewatch.core.model import Outcome
from picklewatch.store.rows import file_id, inode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from picklewatch.core.model import FileId, Verdict
    from picklewatch.store.database import Database
    from picklewatch.store.transaction import Row, Transaction


@dataclass(frozen=True, slots=True)
class Intent:
    """A file that is to be moved to quarantine."""

    id: int
    record: int
    path: str
    file: FileId
    """The state that was judged."""
    verdict: Verdict
    sha256: str | None
    fields: Mapping[str, Any]
    """The record, as `Record.to_json` gave it."""
    item: str | None
    """The item that the file was moved as before it was linked again."""


class Intents:
    """The moves of one store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def wanted(self, *, record: int | None = None, limit: int = 1000) -> list[Intent]:
        """Return the files that are to be moved and are not yet, oldest first; only that of *record* if given."""
        rows = self._database.query(
            "SELECT i.id, r.id, r.path, r.verdict, r.sha256, r.body, i.item, "
            "r.device, r.inode, r.size, r.mtime_ns, r.ctime_ns "
            "FROM intents AS i JOIN records AS r ON r.id = i.record "
            "WHERE i.state = 'wanted' AND (?1 IS NULL OR i.record = ?1) ORDER BY i.id LIMIT ?2",
            (record, limit),
        )
        return [_intent(row) for row in rows]

    def is_wanted(self, intent: int) -> bool:
        """Return True if *intent* is open and its verdict still holds: the content may be allowed by now."""
        sql = (
            "SELECT 1 FROM intents AS i JOIN records AS r ON r.id = i.record "
            "JOIN files AS f ON f.device = r.device AND f.inode = r.inode AND f.record = r.id "
            "WHERE i.id = ? AND i.state = 'wanted' AND NOT EXISTS (SELECT 1 FROM allowed WHERE sha256 = r.sha256)"
        )
        return bool(self._database.query(sql, (intent,)))

    def want_all(self, verdicts: Iterable[Verdict]) -> int:
        """Want every known file moved whose verdict is one of *verdicts*, also if that was refused before.

        For when the operator raises the level, or made room or gave rights. Return how many.
        """
        chosen = [verdict.value for verdict in verdicts]
        marks = ", ".join("?" * len(chosen))
        with self._database.transaction(durable=True) as transaction:
            return transaction.run(
                "INSERT INTO intents (record, state, at) SELECT record, 'wanted', ? FROM files "  # noqa: S608 - only marks
                f"WHERE verdict IN ({marks}) "
                "ON CONFLICT (record) DO UPDATE SET state = 'wanted', reason = NULL WHERE state = 'refused'",
                (time.time(), *chosen),
            ).rowcount

    def done(self, intent: int, item: str, file: FileId) -> None:
        """Close *intent*: the vault holds the file, judged in this state, as *item*.

        It stays open if the file was judged in another state meanwhile: then it was linked anew before this was noted.
        """
        with self._database.transaction() as transaction:
            transaction.run(
                "UPDATE intents SET item = ?1, reason = NULL, at = ?2, state = CASE WHEN EXISTS (SELECT 1 FROM records "
                "AS r WHERE r.id = record AND r.ctime_ns = ?3) THEN 'done' ELSE 'wanted' END "
                "WHERE id = ?4 AND state = 'wanted'",
                (item, time.time(), file.ctime_ns, intent),
            )
            transaction.run(
                "UPDATE files SET gone = 1 WHERE record = (SELECT record FROM intents WHERE id = ? AND state = 'done')",
                (intent,),
            )

    def refused(self, intent: int, reason: str) -> None:
        """Close *intent*: the file was not moved, for *reason*. A new outcome for the file opens it again."""
        with self._database.transaction() as transaction:
            transaction.run(
                "UPDATE intents SET state = 'refused', reason = ?, at = ? WHERE id = ? AND state = 'wanted'",
                (reason, time.time(), intent),
            )

    def postponed(self, intent: int, reason: str) -> None:
        """Keep *intent* open although the file could not be moved, for *reason*."""
        with self._database.transaction() as transaction:
            sql = "UPDATE intents SET reason = ?, at = ? WHERE id = ? AND state = 'wanted'"
            transaction.run(sql, (reason, time.time(), intent))

    def counts(self) -> dict[str, int]:
        """Return how many moves are ``wanted``, ``done`` and ``refused``."""
        return self._database.counts("intents")

    def refusals(self, limit: int = 10) -> list[dict[str, Any]]:
        """Return the newest files that were not moved, each with its ``path``, ``reason`` and ``verdict``."""
        rows = self._database.query(
            "SELECT r.path, i.reason, r.verdict FROM intents AS i JOIN records AS r ON r.id = i.record "
            "JOIN files AS f ON f.record = r.id "
            "WHERE i.state = 'refused' OR (i.state = 'wanted' AND i.reason IS NOT NULL) ORDER BY i.at DESC LIMIT ?",
            (limit,),
        )
        return [{"path": os.fsdecode(path), "reason": reason, "verdict": verdict} for path, reason, verdict in rows]


def is_back(transaction: Transaction, file: FileId | None) -> bool:
    """Return True if *file*'s state is not the last known one; call it before that is kept.

    A file that was moved is there again then: another user's, of which only one name was taken, was linked anew.
    """
    if file is None:
        return False
    row = transaction.one("SELECT ctime_ns FROM files WHERE device = ? AND inode = ?", inode(file))
    return row is not None and row[0] != file.ctime_ns


def want_move(
    transaction: Transaction, record: int, state: str = "wanted", cause: str | None = None, *, back: bool = False
) -> None:
    """Note that the file of *record* is to be moved, unless it was already and is not *back*.

    *state* and *cause* are those of `picklewatch.store.held_moves.state_of`.
    """
    transaction.run(
        "INSERT INTO intents (record, state, at, cause) VALUES (?, ?, ?, ?) ON CONFLICT (record) "
        "DO UPDATE SET state = 'wanted', reason = NULL WHERE state = 'refused' OR (state = 'done' AND ?)",
        (record, state, time.time(), cause, back),
    )


def carry_move(transaction: Transaction, former: int, record: int) -> None:
    """Let a move that is wanted of the *former* record of a file be one of its *record*."""
    wanted = transaction.one("SELECT id FROM intents WHERE record = ? AND state = 'wanted'", (former,))
    if wanted is not None:
        transaction.run("DELETE FROM intents WHERE record = ?", (record,))
        transaction.run("UPDATE intents SET record = ? WHERE id = ?", (record, wanted[0]))


def _intent(row: Row) -> Intent:
    number, record, path, verdict, sha256, body, item, *state = row
    return Intent(
        number, record, os.fsdecode(path), file_id(*state), Outcome(verdict).effective, sha256, json.loads(body), item
    )
