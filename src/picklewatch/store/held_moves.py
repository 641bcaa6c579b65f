"""Holds back the moves that nothing but a new version's lists wants, until a person has looked at them.

A mistake in a list would empty every cache at the first start after an upgrade. So a file whose content was judged
before, and was to stay, is moved on a new version's word alone only as long as few are. More of them wait.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from picklewatch.core.model import Outcome
from picklewatch.store.rows import identity, inode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from picklewatch.core.model import Record, Verdict
    from picklewatch.store.database import Database
    from picklewatch.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class HeldMove:
    """A file that would be moved, and waits for a person."""

    id: int
    path: str
    verdict: Verdict
    fields: Mapping[str, Any]
    """The record, as `Record.to_json` gave it."""


class HeldMoves:
    """The moves of one store that wait for a person."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[HeldMove]:
        """Return them, those of the worst verdicts first; not what was judged anew since."""
        rows = self._database.query(f"SELECT i.id, r.path, r.verdict, r.body {_HELD} ORDER BY i.id")
        found = [HeldMove(row[0], os.fsdecode(row[1]), Outcome(row[2]).effective, json.loads(row[3])) for row in rows]
        return sorted(found, key=lambda held: -held.verdict.rank)

    def __len__(self) -> int:
        if not self._database.counts("intents").get("held"):
            return 0
        return int(self._database.query(f"SELECT count(*) {_HELD}")[0][0])

    def apply(self, moves: Iterable[HeldMove]) -> int:
        """Have the daemon make *moves*; return how many still waited."""
        return self._decide(moves, "wanted", None)

    def dismiss(self, moves: Iterable[HeldMove], reason: str) -> int:
        """Leave the files of *moves* where they are, for *reason*; return how many still waited."""
        return self._decide(moves, "dismissed", reason)

    def _decide(self, moves: Iterable[HeldMove], state: str, reason: str | None) -> int:
        sql = "UPDATE intents SET state = ?, reason = ? WHERE id = ? AND state = 'held'"
        with self._database.transaction(durable=True) as transaction:
            return sum(transaction.run(sql, (state, reason, held.id)).rowcount for held in moves)


_HELD: Final = (
    "FROM intents AS i JOIN records AS r ON r.id = i.record JOIN files AS f "
    "ON f.device = r.device AND f.inode = r.inode AND f.record = r.id WHERE i.state = 'held'"
)


def state_of(transaction: Transaction, record: Record, most: int) -> tuple[str, str | None]:
    """Return the state and the cause of an intent to move the file of *record*; call it before that is kept.

    The cause is the engine's version if nothing else wants the move: the same content had been judged by another one,
    and was to stay. Beyond *most* moves with one cause they are ``held``. The content is the same if not even the time
    of change differs, which nobody can set, or by its digest.
    """
    if record.file is None:
        return "wanted", None
    row = transaction.one(
        "SELECT f.size, f.mtime_ns, f.ctime_ns, f.engine, r.sha256, EXISTS (SELECT 1 FROM intents WHERE record = r.id) "
        "FROM files AS f JOIN records AS r ON r.id = f.record WHERE f.device = ? AND f.inode = ?",
        inode(record.file),
    )
    cause = record.engine.key
    if row is None or row[3] in {"", cause} or row[5]:
        return "wanted", None
    is_same = row[:3] == identity(record.file)[2:] or (row[4] is not None and row[4] == record.report.sha256)
    if not is_same:
        return "wanted", None
    known = transaction.one("SELECT count(*) FROM intents WHERE cause = ?", (cause,))
    return ("held" if known is not None and known[0] >= most else "wanted"), cause
