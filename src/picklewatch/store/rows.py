"""Converts values for SQLite: paths are bytes, 64-bit numbers are signed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from picklewatch.core.model import FileId

if TYPE_CHECKING:
    from picklewatch.store.transaction import Transaction

_SIGNED: Final = 1 << 63
_NAMES_KEPT: Final = 64


def signed(number: int) -> int:
    """Return an unsigned 64-bit number, such as an inode's, as SQLite can hold it."""
    return number - (_SIGNED << 1) if number >= _SIGNED else number


def unsigned(number: int) -> int:
    """Undo `signed`."""
    return number + (_SIGNED << 1) if number < 0 else number


def inode(file: FileId) -> tuple[int, int]:
    """Return what identifies an inode: device and number."""
    return signed(file.device), signed(file.inode)


def identity(file: FileId) -> tuple[int, int, int, int, int]:
    """Return the five columns of a file's state."""
    return *inode(file), file.size, file.mtime_ns, file.ctime_ns


def file_id(device: int, number: int, size: int, mtime_ns: int, ctime_ns: int) -> FileId:
    """Undo `identity`."""
    return FileId(unsigned(device), unsigned(number), size, mtime_ns, ctime_ns)


def add_name(transaction: Transaction, file: FileId, path: str) -> bool:
    """Remember that *path* leads to the inode of *file*, up to a bound.

    Return False if it was known.
    """
    if not has_room_for_name(transaction, file):
        return True
    row = (*inode(file), os.fsencode(path))
    return bool(transaction.run("INSERT OR IGNORE INTO names VALUES (?, ?, ?)", row).rowcount)


def known_verdict(transaction: Transaction, file: FileId, engine: str) -> str | None:
    """Return the verdict on exactly this state by *engine*, or None."""
    row = transaction.one(VERDICT, (*identity(file), engine))
    return None if row is None else str(row[0])


def is_new_name(transaction: Transaction, file: FileId, path: bytes) -> bool:
    """Return True if *file* has a verdict, and *path* is not among its names."""
    sql = (
        "SELECT 1 FROM files AS f JOIN records AS r ON r.id = f.record WHERE f.device = ?1 AND f.inode = ?2 "
        "AND r.path <> ?3 AND NOT EXISTS (SELECT 1 FROM names WHERE device = ?1 AND inode = ?2 AND path = ?3)"
    )
    return transaction.one(sql, (*inode(file), path)) is not None


def has_room_for_name(transaction: Transaction, file: FileId) -> bool:
    """Return True if another name of *file* would be remembered."""
    kept = transaction.one("SELECT count(*) FROM names WHERE device = ? AND inode = ?", inode(file))
    return kept is None or kept[0] < _NAMES_KEPT


def is_undecided(transaction: Transaction, file: FileId, path: bytes) -> bool:
    """Return True if *file* was not moved, and *path* is a name of it that was not decided on.

    It may have been judged by a name outside, that a link led to, and have got one inside just now, a hard link: then
    the move is decided anew, for the link by which it stays where it is would hide it for good.
    """
    sql = (
        "SELECT 1 FROM files AS f JOIN records AS r ON r.id = f.record JOIN intents AS i ON i.record = r.id "
        "WHERE f.device = ? AND f.inode = ? AND r.path <> ? AND i.state IN ('refused', 'wanted')"
    )
    return transaction.one(sql, (*inode(file), path)) is not None


VERDICT: Final = (
    "SELECT verdict FROM files WHERE device = ? AND inode = ? AND size = ? AND mtime_ns = ? AND ctime_ns = ? "
    "AND engine = ?"
)
