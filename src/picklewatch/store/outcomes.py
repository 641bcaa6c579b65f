"""Outcomes of scans: each different one is kept once, with the verdict on every file as it is now."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from picklewatch.core.model import Judgement, Outcome, ScanReport
from picklewatch.core.record_fields import outcome_fields
from picklewatch.store.rows import add_name, identity, inode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from picklewatch.core.model import FileId, Record
    from picklewatch.store.transaction import Transaction


@cache
def _outcome_keys() -> tuple[str, ...]:
    """Return the keys that agree if two outcomes of one inode are one record: not for those who only read."""
    return (*outcome_fields(Judgement), *outcome_fields(ScanReport))


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
    if row is None or Outcome(row[1]).rank < record.judgement.effective.rank:
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
    outcome, sha256 = record.judgement.outcome.value, record.report.sha256
    body = body_text(record.to_json())
    transaction.run(
        "UPDATE records SET path = ?, verdict = ?, sha256 = ?, body = ?, engine = ?, "
        "size = ?, mtime_ns = ?, ctime_ns = ? WHERE id = ?",
        (os.fsencode(record.path), outcome, sha256, body, record.engine.key, *identity(record.file)[2:], begun),
    )
    _put_file(transaction, record, record.file, begun)
    return Finished(begun, fresh=True)


def keep_record(transaction: Transaction, record: Record, *, linked: bool = False, is_final: bool = True) -> Finished:
    """Record an outcome; a path of the same outcome that is still *linked* to the file stays the record's.

    A newer engine that finds the same in an unchanged file makes no new record either: an upgrade is not news.
    """
    file = record.file
    shown = record.to_json()
    body = body_text(shown)
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
        (os.fsencode(path), body_text(shown), file.ctime_ns, record.engine.key, number),
    )
    _put_file(transaction, record, file, number)
    return Finished(number, fresh=False, was=was, other=other)


def body_text(body: Mapping[str, Any]) -> str:
    """Return *body*, the JSON of a record, as the table has it."""
    return json.dumps(body, separators=(",", ":"))


def _forget_name(transaction: Transaction, file: FileId, path: str) -> None:
    """Forget that *path* is another name of *file*: it is the record's."""
    transaction.run("DELETE FROM names WHERE device = ? AND inode = ? AND path = ?", (*inode(file), os.fsencode(path)))


def _same(body: str, shown: Mapping[str, Any]) -> bool:
    old = json.loads(body)
    return all(old.get(key) == shown[key] for key in _outcome_keys())


def _insert(transaction: Transaction, record: Record, body: str) -> int:
    file = record.file
    device, number, _, mtime_ns, ctime_ns = (None,) * 5 if file is None else identity(file)
    cursor = transaction.run(
        "INSERT INTO records (at, device, inode, size, mtime_ns, ctime_ns, engine, path, verdict, sha256, body) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(time.time(), device, number, record.size, mtime_ns, ctime_ns, record.engine.key),
            *(os.fsencode(record.path), record.judgement.outcome.value, record.report.sha256, body),
        ),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def _put_file(transaction: Transaction, record: Record, file: FileId, number: int) -> None:
    judgement = record.judgement
    transaction.run(
        "INSERT INTO files (device, inode, size, mtime_ns, ctime_ns, engine, verdict, allowed, record) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (device, inode) DO UPDATE SET gone = 0, "
        "size = excluded.size, mtime_ns = excluded.mtime_ns, ctime_ns = excluded.ctime_ns, engine = excluded.engine, "
        "verdict = excluded.verdict, allowed = excluded.allowed, record = excluded.record",
        (*identity(file), record.engine.key, judgement.outcome.value, judgement.allowed is not None, number),
    )
