"""What was found since somebody last asked. The records are the outbox: they are there before anybody is told."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from picklewatch.store.rows import file_id

if TYPE_CHECKING:
    from collections.abc import Iterable

    from picklewatch.core.model import FileId, Verdict
    from picklewatch.store.database import Database

_WANTED: Final = "wanted"
"""The state of an intent to move a file whose move has not ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRecord:
    """One record, with what is known of its move."""

    number: int
    at: float
    file: FileId | None
    """The state that was judged."""
    sha256: str | None
    body: dict[str, Any]
    item: str | None
    is_moving: bool
    """True if the file is to be moved, and that has not ended."""


@dataclass(frozen=True, slots=True)
class NewRecords:
    """Records, oldest first, and how far everything was looked through."""

    records: tuple[NewRecord, ...]
    upto: int
    more: bool


class News:
    """The newest records of one store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def since(self, after: int, verdicts: Iterable[Verdict], limit: int, *, at: float = 0.0) -> NewRecords:
        """Return up to *limit* records behind the number *after*, judged at the Unix time *at* or later.

        One question for each verdict: together they would be sorted, which takes long behind an old number.
        """
        newest = self._database.query("SELECT coalesce(max(id), 0) FROM records")[0][0]
        rows = [
            row
            for verdict in verdicts
            for row in self._database.query(_SINCE, (verdict.value, after, newest, at, limit))
        ]
        rows.sort(key=lambda row: int(row[0]))
        records = tuple(
            NewRecord(
                number=number,
                at=judged,
                file=None if state[0] is None else file_id(*state),
                sha256=sha256,
                body=json.loads(body),
                item=item,
                is_moving=move == _WANTED,
            )
            for number, judged, *state, sha256, body, move, item in rows[:limit]
        )
        more = len(rows) >= limit
        upto = records[-1].number if more else max(after, newest)
        return NewRecords(records, upto, more)


_SINCE: Final = (
    "SELECT r.id, r.at, r.device, r.inode, r.size, r.mtime_ns, r.ctime_ns, r.sha256, r.body, i.state, i.item "
    "FROM records AS r LEFT JOIN intents AS i ON i.record = r.id "
    "WHERE r.verdict = ? AND r.id > ? AND r.id <= ? AND r.at >= ? ORDER BY r.id LIMIT ?"
)
