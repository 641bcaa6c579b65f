"""The records of scans: what is asked of them, and what becomes of them later."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Final

from picklewatch.core.model import Outcome, Verdict, printable
from picklewatch.store.outcomes import body_text
from picklewatch.store.rows import VERDICT, add_name, file_id, identity, inode, signed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from picklewatch.core.model import FileId, Record
    from picklewatch.store.database import Database
    from picklewatch.store.jobs import Job
    from picklewatch.store.transaction import Row


_LOWEST: Final = -(1 << 63)
"""Below every number that SQLite keeps."""


class Records:
    """The outcomes of one store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def verdict(self, file: FileId, engine: str) -> Verdict | None:
        """Return the verdict that is acted on, for exactly this state of this inode by *engine*, or None."""
        rows = self._database.query(VERDICT, (*identity(file), engine))
        return Outcome(rows[0][0]).effective if rows else None

    def verdicts(self, engine: str, size: int) -> Iterator[list[tuple[FileId, Verdict]]]:
        """Yield the verdict that is acted on of every file that *engine* judged, *size* files at a time."""
        sql = (
            "SELECT device, inode, size, mtime_ns, ctime_ns, verdict FROM files "
            "WHERE (device, inode) > (?, ?) AND engine = ? ORDER BY device, inode LIMIT ?"
        )
        last = (_LOWEST, _LOWEST)
        while rows := self._database.query(sql, (*last, engine, size)):
            yield [(file_id(*state), Outcome(verdict).effective) for *state, verdict in rows]
            last = rows[-1][0], rows[-1][1]

    def add_name(self, file: FileId, path: str) -> None:
        """Remember that *path* leads to the inode of *file*."""
        with self._database.transaction() as transaction:
            add_name(transaction, file, path)

    def names(self, file: FileId) -> tuple[str, ...]:
        """Return the remembered paths that led to the inode of *file*; they may lead elsewhere by now."""
        return self.names_at(file.device, file.inode)

    def names_of(self, job: Job) -> tuple[str, ...]:
        """Return the same for the inode that *job* is about."""
        return self.names_at(job.device, job.inode)

    def names_at(self, device: int, number: int) -> tuple[str, ...]:
        """Return the same for the inode *number* on *device*."""
        sql = (
            "SELECT path FROM names WHERE device = ?1 AND inode = ?2 UNION SELECT r.path FROM files AS f "
            "JOIN records AS r ON r.id = f.record WHERE f.device = ?1 AND f.inode = ?2"
        )
        return tuple(os.fsdecode(path) for (path,) in self._database.query(sql, (signed(device), signed(number))))

    def known(self, files: Iterable[FileId]) -> set[FileId]:
        """Return those of *files* of whose inode there is a record, or a remembered name."""
        by_device: dict[int, dict[int, FileId]] = {}
        for file in files:
            device, number = inode(file)
            by_device.setdefault(device, {})[number] = file
        sql = (
            "WITH asked AS (SELECT value AS inode FROM json_each(?2)) "
            "SELECT inode FROM asked JOIN files USING (inode) WHERE device = ?1 "
            "UNION SELECT inode FROM asked JOIN names USING (inode) WHERE device = ?1"
        )
        return {
            asked[number]
            for device, asked in by_device.items()
            for (number,) in self._database.query(sql, (device, json.dumps(list(asked))))
        }

    def put_names(self, number: int, record: Record) -> None:
        """Have the record *number* show the names of *record*: they were found a moment later."""
        shown = record.to_json()
        with self._database.transaction() as transaction:
            row = transaction.one("SELECT body FROM records WHERE id = ?", (number,))
            if row is not None:
                body = {**json.loads(row[0]), "name": shown["name"], "names": shown["names"]}
                text = body_text(body)
                transaction.run("UPDATE records SET body = ? WHERE id = ?", (text, number))

    def path(self, file: FileId) -> str | None:
        """Return the path in the record of the inode of *file*, or None if there is none."""
        sql = "SELECT r.path FROM files AS f JOIN records AS r ON r.id = f.record WHERE f.device = ? AND f.inode = ?"
        rows = self._database.query(sql, inode(file))
        return os.fsdecode(rows[0][0]) if rows else None

    def note_path(self, file: FileId, path: str, name: str | None, names: Sequence[str], *, linked: bool) -> str | None:
        """Give the record of *file* the new *path* with its *name*, or one more name if the old one is still *linked*.

        *names* are all others that still lead to it. Return the verdict, or None if nothing is new.
        """
        with self._database.transaction() as transaction:
            row = transaction.one(
                "SELECT r.id, r.path, r.body, f.verdict FROM files AS f JOIN records AS r ON r.id = f.record "
                "WHERE f.device = ? AND f.inode = ?",
                inode(file),
            )
            if row is None or os.fsdecode(row[1]) == path:
                return None
            number, kept, body = row[0], row[1], json.loads(row[2])
            if linked:
                if not add_name(transaction, file, path):
                    return None
                body["names"] = list(dict.fromkeys((*body["names"], printable(path))))
            else:
                transaction.run("DELETE FROM names WHERE device = ? AND inode = ?", inode(file))
                for known in names:
                    add_name(transaction, file, known)
                kept = os.fsencode(path)
                body |= {"path": printable(path), "name": None if name is None else printable(name)}
                body["names"] = [printable(known) for known in names]
            transaction.run("UPDATE records SET path = ?, body = ? WHERE id = ?", (kept, body_text(body), number))
            return str(row[3])

    def reported(self, *records: int) -> None:
        """Mark *records* as logged."""
        with self._database.transaction() as transaction:
            sql = "UPDATE records SET reported = 1 WHERE id IN (SELECT value FROM json_each(?))"
            transaction.run(sql, (json.dumps(records),))

    def unreported_of(self, records: Iterable[int]) -> set[int]:
        """Return those of *records* that exist and were not logged."""
        sql = "SELECT id FROM records WHERE reported = 0 AND id IN (SELECT value FROM json_each(?))"
        return {number for (number,) in self._database.query(sql, (json.dumps(list(records)),))}

    def unreported(self, limit: int = 1000) -> list[tuple[int, dict[str, Any]]]:
        """Return the records that were not logged, oldest first: a daemon died before it could."""
        rows = self._database.query("SELECT id, body FROM records WHERE reported = 0 ORDER BY id LIMIT ?", (limit,))
        return [(number, json.loads(body)) for number, body in rows]

    def counts(self) -> dict[str, int]:
        """Return the number of files per outcome, as last judged, without those that are known as gone."""
        counted = self._database.counts("files")
        gone: dict[str, int] = dict(
            self._database.query("SELECT verdict, count(*) FROM files WHERE gone = 1 GROUP BY verdict")
        )
        return {outcome.value: counted.get(outcome.value, 0) - gone.get(outcome.value, 0) for outcome in Outcome}

    def away(self) -> dict[str, int]:
        """Return the number of judged files that are known not to be there: ``moved`` to quarantine, or ``gone``."""
        sql = (
            "SELECT count(*), count(CASE WHEN EXISTS (SELECT 1 FROM intents AS i WHERE i.record = files.record "
            "AND i.state = 'done') THEN 1 END) FROM files WHERE gone = 1"
        )
        ((number, moved),) = self._database.query(sql)
        return {"gone": number - moved, "moved": moved}

    def restored(self) -> int:
        """Return the number of allowed files that were moved to quarantine, and are where they were again."""
        sql = (
            "SELECT count(DISTINCT f.record) FROM intents AS i JOIN records AS m ON m.id = i.record "
            "JOIN records AS r ON r.sha256 = m.sha256 AND r.path = m.path JOIN files AS f ON f.record = r.id "
            "WHERE i.state = 'done' AND f.gone = 0 AND f.verdict = 'allowed'"
        )
        ((number,),) = self._database.query(sql)
        return int(number)

    def engines(self) -> dict[str, int]:
        """Return the number of files per engine that judged them last; an empty one is to judge again."""
        return self._database.counts("engines")

    def latest(self, outcomes: Iterable[Outcome | Verdict] = tuple(Outcome), limit: int = 10) -> list[dict[str, Any]]:
        """Return the newest records with one of *outcomes*, newest first, each with ``id`` and ``at`` (Unix time)."""
        rows: list[Row] = []
        for outcome in outcomes:
            rows += self._database.query(
                "SELECT id, at, body FROM records WHERE verdict = ? ORDER BY id DESC LIMIT ?", (outcome.value, limit)
            )
        return [_with_id(*row) for row in sorted(rows, reverse=True)[:limit]]

    def states(self, numbers: Iterable[int]) -> dict[int, FileId]:
        """Return the state of the inode that each of these records is about; none of one that has no file."""
        wanted = list(numbers)
        sql = (
            "SELECT id, device, inode, size, mtime_ns, ctime_ns FROM records WHERE device IS NOT NULL "  # noqa: S608 - only marks
            f"AND id IN ({', '.join('?' * len(wanted))})"
        )
        rows = self._database.query(sql, wanted)
        return {number: file_id(*state) for number, *state in rows}

    def of_path(self, path: str) -> list[dict[str, Any]]:
        """Return every record under exactly this path, newest first.

        Reads the whole table.
        """
        sql = "SELECT id, at, body FROM records WHERE path = ? ORDER BY id DESC"
        return [_with_id(*row) for row in self._database.query(sql, (os.fsencode(path),))]

    def digest_before(self, file: FileId, engine: str) -> str | None:
        """Return the SHA-256 of the content that *engine* found harmless in *file* before only its ctime moved.

        None if nothing is known, size or mtime differ, or the verdict is not of that kind: what may have to be moved,
        and what a limit ended, is scanned again.
        """
        sql = (
            "SELECT r.sha256, f.verdict FROM files AS f JOIN records AS r ON r.id = f.record WHERE f.device = ? "
            "AND f.inode = ? AND f.size = ? AND f.mtime_ns = ? AND f.ctime_ns <> ? AND f.engine = ? AND f.allowed = 0"
        )
        rows = self._database.query(sql, (*identity(file), engine))
        is_harmless = bool(rows) and Outcome(rows[0][1]).rank < Verdict.UNSCANNABLE.rank
        return rows[0][0] if is_harmless else None

    def confirm(self, file: FileId) -> None:
        """Note that the verdict on *file* holds for its present state: the content is the same."""
        node = inode(file)
        with self._database.transaction() as transaction:
            transaction.run(
                "UPDATE records SET ctime_ns = ? WHERE id = (SELECT record FROM files WHERE device = ? AND inode = ?)",
                (file.ctime_ns, *node),
            )
            transaction.run("UPDATE files SET ctime_ns = ? WHERE device = ? AND inode = ?", (file.ctime_ns, *node))

    def judge_again(self, file: FileId) -> None:
        """Have exactly this state of *file* judged again when it is met; the same outcome makes no new record."""
        sql = (
            "UPDATE files SET engine = '' WHERE device = ? AND inode = ? AND size = ? AND mtime_ns = ? AND ctime_ns = ?"
        )
        with self._database.transaction() as transaction:
            transaction.run(sql, identity(file))

    def judge_all_again(self, verdicts: Iterable[Verdict]) -> int:
        """Have every file with one of *verdicts* judged again when it is met, behind new files.

        Return how many are there. Records stay, and the same outcome makes no new one.
        """
        chosen = [verdict.value for verdict in verdicts]
        marks = ", ".join("?" * len(chosen))
        sql = (
            f"UPDATE files SET engine = '' WHERE (verdict IN ({marks}) OR (verdict = 'allowed' AND record IN "  # noqa: S608 - only marks
            f"(SELECT id FROM records WHERE json_extract(body, '$.verdict') IN ({marks})))) AND gone = ?"
        )
        with self._database.transaction() as transaction:
            transaction.run(sql, [*chosen, *chosen, True])  # one that is back counts, too
            return transaction.run(sql, [*chosen, *chosen, False]).rowcount

    def learn_digest(self, item: str, sha256: str) -> None:
        """Complete the record of the file that is in quarantine as *item*, if its digest was not known before."""
        sql = (
            "UPDATE records SET sha256 = ?1, body = json_set(body, '$.sha256', ?1) WHERE sha256 IS NULL "
            "AND id IN (SELECT record FROM intents WHERE state = 'done' AND item = ?2)"
        )
        with self._database.transaction() as transaction:
            transaction.run(sql, (sha256, item))

    def forget_verdicts(self, at_least: Verdict = Verdict.UNVERIFIED) -> int:
        """Have files judged again whose verdict is *at_least* this, and allowed ones; return how many.

        Records stay.
        """
        chosen = [verdict.value for verdict in Verdict if verdict.rank >= at_least.rank]
        marks = ", ".join("?" * len(chosen))
        with self._database.transaction() as transaction:
            sql = f"DELETE FROM files WHERE verdict IN ({marks}) OR allowed = 1"  # noqa: S608 - only marks
            return transaction.run(sql, chosen).rowcount

    def __len__(self) -> int:
        return sum(self._database.counts("records").values())


def _with_id(number: int, at: float, body: str) -> dict[str, Any]:
    return {**json.loads(body), "id": number, "at": at}
