"""Outcomes of scans: each different one is kept once, with the verdict on every file as it is now."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from picklewatch.core.model import Judgement, ScanReport, Verdict, printable
from picklewatch.core.record_fields import outcome_fields
from picklewatch.store.rows import VERDICT, add_name, identity, inode, signed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from picklewatch.core.model import FileId, Record
    from picklewatch.store.database import Database, Row, Transaction
    from picklewatch.store.jobs import Job

_OUTCOME: Final = (*outcome_fields(Judgement), *outcome_fields(ScanReport))
"""The keys that agree if two outcomes of one inode are one record."""


@dataclass(frozen=True, slots=True)
class Finished:
    """The result of recording an outcome."""

    record: int
    """The record's number."""
    fresh: bool
    """True if this outcome had not been recorded before: it is to be logged."""
    was: str | None = None
    """The path that the same content was judged under before, if it has another now."""
    other: str | None = None
    """The path that it was judged under before and still has, if the present one is new."""
    again: bool = False
    """True if the file was announced again meanwhile and keeps waiting."""


class Records:
    """The outcomes of one store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def verdict(self, file: FileId, engine: str) -> Verdict | None:
        """Return the verdict on exactly this state of this inode by *engine*, or None."""
        rows = self._database.query(VERDICT, (*identity(file), engine))
        return Verdict(rows[0][0]) if rows else None

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

    def put_names(self, number: int, record: Record) -> None:
        """Have the record *number* show the names of *record*: they were found a moment later."""
        shown = record.to_json()
        with self._database.transaction() as transaction:
            row = transaction.one("SELECT body FROM records WHERE id = ?", (number,))
            if row is not None:
                body = {**json.loads(row[0]), "name": shown["name"], "names": shown["names"]}
                text = _text(body)
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
            transaction.run("UPDATE records SET path = ?, body = ? WHERE id = ?", (kept, _text(body), number))
            return str(row[3])

    def reported(self, *records: int) -> None:
        """Mark *records* as logged."""
        with self._database.transaction() as transaction:
            for record in records:
                transaction.run("UPDATE records SET reported = 1 WHERE id = ?", (record,))

    def is_unreported(self, record: int) -> bool:
        """Return True if *record* exists and was not logged."""
        return bool(self._database.query("SELECT 1 FROM records WHERE id = ? AND reported = 0", (record,)))

    def unreported(self, limit: int = 1000) -> list[tuple[int, dict[str, Any]]]:
        """Return the records that were not logged, oldest first: a daemon died before it could."""
        rows = self._database.query("SELECT id, body FROM records WHERE reported = 0 ORDER BY id LIMIT ?", (limit,))
        return [(number, json.loads(body)) for number, body in rows]

    def counts(self) -> dict[str, int]:
        """Return the number of files per verdict, as last judged; every verdict is listed."""
        counted = self._database.counts("files")
        return {verdict.value: counted.get(verdict.value, 0) for verdict in Verdict}

    def engines(self) -> dict[str, int]:
        """Return the number of files per engine that judged them last; an empty one is to judge again."""
        return self._database.counts("engines")

    def latest(self, verdicts: Iterable[Verdict] = tuple(Verdict), limit: int = 10) -> list[dict[str, Any]]:
        """Return the newest records with one of *verdicts*, newest first, each with ``id`` and ``at`` (Unix time)."""
        rows: list[Row] = []
        for verdict in verdicts:
            rows += self._database.query(
                "SELECT id, at, body FROM records WHERE verdict = ? ORDER BY id DESC LIMIT ?", (verdict.value, limit)
            )
        return [_with_id(*row) for row in sorted(rows, reverse=True)[:limit]]

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
        is_harmless = bool(rows) and Verdict(rows[0][1]).rank < Verdict.UNSCANNABLE.rank
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


_NOT_FINAL: Final = ""
"""The engine of a verdict that does not settle anything: the file is judged again when it is met."""


def keep_standing_record(transaction: Transaction, record: Record) -> int | None:
    """Let the record of the same content be of its present state if it has as bad a verdict, and return its number.

    None if there is none.
    """
    if record.file is None:
        return None
    row = transaction.one(
        "SELECT r.id, r.verdict FROM files AS f JOIN records AS r ON r.id = f.record "
        "WHERE f.device = ? AND f.inode = ? AND r.size = ? AND r.mtime_ns = ?",
        (*inode(record.file), record.file.size, record.file.mtime_ns),
    )
    if row is None or Verdict(row[1]).rank < record.judgement.verdict.rank:
        return None
    transaction.run("UPDATE records SET ctime_ns = ? WHERE id = ?", (record.file.ctime_ns, row[0]))
    return int(row[0])


def complete_record(transaction: Transaction, begun: int, record: Record) -> Finished:
    """Record the outcome of a scan that had a record *begun*; return the same as `keep_record`.

    A record that was logged before stands for itself, as does one of another file, or one that was deleted.
    """
    row = transaction.one("SELECT reported, device, inode FROM records WHERE id = ?", (begun,))
    if row is None or row[0] or record.file is None or row[1:] != inode(record.file):
        return keep_record(transaction, record)
    verdict, sha256 = record.judgement.verdict.value, record.report.sha256
    body = _text(record.to_json())
    transaction.run(
        "UPDATE records SET path = ?, verdict = ?, sha256 = ?, body = ?, engine = ?, "
        "size = ?, mtime_ns = ?, ctime_ns = ? WHERE id = ?",
        (os.fsencode(record.path), verdict, sha256, body, record.engine.key, *identity(record.file)[2:], begun),
    )
    _put_file(transaction, record, record.file, begun)
    return Finished(begun, fresh=True)


def keep_record(transaction: Transaction, record: Record, *, linked: bool = False, is_final: bool = True) -> Finished:
    """Record an outcome; a path of the same outcome that is still *linked* to the file stays the record's.

    A newer engine that finds the same in an unchanged file makes no new record either: an upgrade is not news.
    """
    file = record.file
    shown = record.to_json()
    body = _text(shown)
    if file is None:
        return Finished(_insert(transaction, record, body), fresh=True)
    present = transaction.one("SELECT record FROM files WHERE device = ? AND inode = ?", inode(file))
    if present is not None:
        old = transaction.one("SELECT path, body, size, mtime_ns FROM records WHERE id = ?", present)
        if old is not None and old[2:] == (file.size, file.mtime_ns) and _same(old[1], shown):
            return _keep_same(transaction, present[0], record, file, os.fsdecode(old[0]), old[1], linked=linked)
    number = _insert(transaction, record, body)
    _put_file(transaction, record, file, number)
    if not is_final:
        transaction.run("UPDATE files SET engine = ? WHERE record = ?", (_NOT_FINAL, number))
    return Finished(number, fresh=True)


def _keep_same(  # noqa: PLR0913, PLR0917 - both outcomes
    transaction: Transaction, number: int, record: Record, file: FileId, former: str, old_body: str, *, linked: bool
) -> Finished:
    """Keep the record *number*, whose outcome is that of *record*; what may differ is the path."""
    shown, path, was, other = record.to_json(), record.path, None, None
    if linked:
        old, path = json.loads(old_body), former
        names = (shown["path"], *shown["names"])
        shown |= {"path": old["path"], "name": old["name"], "names": [name for name in names if name != old["path"]]}
        other = former if add_name(transaction, file, record.path) else None
    else:
        was = former if former != path else None
        _forget_name(transaction, file, path)
    transaction.run(
        "UPDATE records SET path = ?, body = ?, ctime_ns = ?, engine = ? WHERE id = ?",
        (os.fsencode(path), _text(shown), file.ctime_ns, record.engine.key, number),
    )
    _put_file(transaction, record, file, number)
    return Finished(number, fresh=False, was=was, other=other)


def _text(body: Mapping[str, Any]) -> str:
    return json.dumps(body, separators=(",", ":"))


def _forget_name(transaction: Transaction, file: FileId, path: str) -> None:
    """Forget that *path* is another name of *file*: it is the record's."""
    transaction.run("DELETE FROM names WHERE device = ? AND inode = ? AND path = ?", (*inode(file), os.fsencode(path)))


def _with_id(number: int, at: float, body: str) -> dict[str, Any]:
    return {**json.loads(body), "id": number, "at": at}


def _same(body: str, shown: Mapping[str, Any]) -> bool:
    old = json.loads(body)
    return all(old.get(key) == shown[key] for key in _OUTCOME)


def _insert(transaction: Transaction, record: Record, body: str) -> int:
    file = record.file
    device, number, _, mtime_ns, ctime_ns = (None,) * 5 if file is None else identity(file)
    cursor = transaction.run(
        "INSERT INTO records (at, device, inode, size, mtime_ns, ctime_ns, engine, path, verdict, sha256, body) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(time.time(), device, number, record.size, mtime_ns, ctime_ns, record.engine.key),
            *(os.fsencode(record.path), record.judgement.verdict.value, record.report.sha256, body),
        ),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def _put_file(transaction: Transaction, record: Record, file: FileId, number: int) -> None:
    judgement = record.judgement
    transaction.run(
        "INSERT INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (device, inode) DO UPDATE SET "
        "size = excluded.size, mtime_ns = excluded.mtime_ns, ctime_ns = excluded.ctime_ns, engine = excluded.engine, "
        "verdict = excluded.verdict, allowed = excluded.allowed, record = excluded.record",
        (*identity(file), record.engine.key, judgement.verdict.value, judgement.allowed is not None, number),
    )
