"""Deletes what no file, log line or move needs any more, and notes which files are gone, a few rows at a time."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Final

from picklewatch.store.rows import unsigned

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterable

    from picklewatch.store.database import Database
    from picklewatch.store.transaction import Row

BATCH: Final = 500
"""Records looked at in one step: it holds the database for some milliseconds."""
GONE_SECONDS: Final = 30 * 86400.0
"""How long the verdict on a file is kept that is not there any more; its disk may only be unmounted."""


class Tidying:
    """Goes through the records from the oldest to the newest, `step` by `step`. One thread at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._after = 0
        self._gone = 0

    def run(self, keep: int, stopping: threading.Event) -> None:
        """Make one pass, at work a twentieth of the time, until it ends or is *stopping*; see `step`."""
        began = time.monotonic()
        while self.step(keep, time.time()) and not stopping.wait(_REST * (time.monotonic() - began)):
            began = time.monotonic()

    def step(self, keep: int, now: float) -> bool:
        """Do the next few.

        Return False at the end of a pass; the next step begins anew.

        *keep* is how many outcomes of files that changed or went are remembered at least, and how many files
        that went.
        """
        rows = self._database.query(_NEXT, (self._after, BATCH))
        newest = self._database.query("SELECT max(id) FROM records")[0][0] or 0
        history = [row[0] for row in rows if row[5] is None and row[0] <= newest - keep]
        gone = {row[0]: self._is_gone(row) for row in rows if row[5] is not None}
        self._note(row for row in rows if row[5] is not None and gone[row[0]] != row[5])
        forgotten = [row for row in rows if gone.get(row[0]) and self._is_over(row, keep, now)]
        if history or forgotten:
            self._delete(history, forgotten)
        self._after = rows[-1][0] if rows else 0
        if not rows:
            self._gone = 0
        return bool(rows)

    def _is_gone(self, row: Row) -> bool:
        _, _, path, device, node, _ = row
        if _leads_to(path, device, node):
            return False
        names = self._database.query("SELECT path FROM names WHERE device = ? AND inode = ?", (device, node))
        return not any(_leads_to(name, device, node) for (name,) in names)

    def _note(self, changed: Iterable[Row]) -> None:
        """Note of files that they are gone, or there again: they are counted by that."""
        sql = "UPDATE files SET gone = ? WHERE device = ? AND inode = ? AND record = ?"
        noted = [(not gone, device, node, number) for number, _, _, device, node, gone in changed]
        if noted:
            with self._database.transaction() as transaction:
                for row in noted:
                    transaction.run(sql, row)

    def _is_over(self, row: Row, keep: int, now: float) -> bool:
        self._gone += 1
        return now - row[1] > GONE_SECONDS or self._gone > keep

    def _delete(self, history: Iterable[int], forgotten: Iterable[Row]) -> None:
        with self._database.transaction() as transaction:
            for number in history:
                transaction.run(
                    "DELETE FROM intents WHERE record = ?1 AND state <> 'wanted' "
                    "AND EXISTS (SELECT 1 FROM records WHERE id = ?1 AND reported = 1)",
                    (number,),
                )
                transaction.run(_DELETE_RECORD, (number,))
            for number, _, _, device, node, _ in forgotten:
                transaction.run(
                    "DELETE FROM files WHERE device = ? AND inode = ? AND record = ?", (device, node, number)
                )
                transaction.run(_DELETE_NAMES, (device, node))


_REST: Final = 20.0
_NEXT: Final = (
    "SELECT r.id, r.at, r.path, r.device, r.inode, f.gone FROM records AS r LEFT JOIN files AS f "
    "ON f.device = r.device AND f.inode = r.inode AND f.record = r.id WHERE r.id > ? ORDER BY r.id LIMIT ?"
)
_DELETE_RECORD: Final = (
    "DELETE FROM records WHERE id = ?1 AND reported = 1 AND NOT EXISTS (SELECT 1 FROM intents WHERE record = ?1) "
    "AND NOT EXISTS (SELECT 1 FROM files AS f "
    "WHERE f.device = records.device AND f.inode = records.inode AND f.record = records.id)"
)
_DELETE_NAMES: Final = (
    "DELETE FROM names WHERE device = ?1 AND inode = ?2 "
    "AND NOT EXISTS (SELECT 1 FROM files WHERE device = ?1 AND inode = ?2) "
    "AND NOT EXISTS (SELECT 1 FROM jobs WHERE device = ?1 AND inode = ?2)"
)


def _leads_to(path: bytes, device: int, node: int) -> bool:
    """Return True if *path* is that inode, or if that is not known."""
    try:
        status = os.stat(path)  # noqa: PTH116 - any bytes
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return (status.st_dev, status.st_ino) == (unsigned(device), unsigned(node))
