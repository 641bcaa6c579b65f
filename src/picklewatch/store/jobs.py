"""Keeps the queue: files that wait to be scanned, one job per inode."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from picklewatch.core.candidate import Source
from picklewatch.store.rows import (
    add_name,
    has_room_for_name,
    identity,
    inode,
    is_new_name,
    is_undecided,
    known_verdict,
    signed,
    unsigned,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from picklewatch.core.candidate import Candidate
    from picklewatch.core.model import FileId
    from picklewatch.store.database import Database
    from picklewatch.store.transaction import Row, Transaction


@dataclass(frozen=True, slots=True)
class Job:
    """One file that waits to be scanned."""

    id: int
    path: str
    device: int
    inode: int
    generation: int
    """Grows whenever the file is announced in another state or under another path."""
    source: Source
    owner: int = 0
    """The user that the file belonged to when it was announced."""
    size: int = 0
    """Bytes, then."""


@dataclass(frozen=True, slots=True)
class Without:
    """What is not claimed now."""

    devices: frozenset[int] = frozenset()
    """Those that do not answer."""
    owners: frozenset[int] = frozenset()
    """Those who have as many workers as they may have."""


NOBODY: Final = Without()


@dataclass(frozen=True, slots=True)
class Offered:
    """The outcome of offering candidates."""

    queued: tuple[Candidate, ...] = ()
    """Files that wait now and did not before."""
    waiting: int = 0
    """Files that waited already."""
    known: int = 0
    """Files whose verdict is known."""


class Jobs:
    """The queue of one store."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._look_again_at = 0.0
        self._passed: dict[bool, Row] = {}
        """The last row of the busy ones at the front of the queue, by whether the oldest are asked for."""

    def offer(self, candidates: Iterable[Candidate], engine: str) -> Offered:
        """Queue every candidate whose verdict under *engine* is not known.

        One transaction.
        """
        queued: list[Candidate] = []
        waiting = known = 0
        candidates = tuple(candidates)
        with self._database.transaction() as transaction:
            judged = self._judged(candidates, engine)
            for candidate in candidates:
                is_judged = judged.get(inode(candidate.file))
                if candidate.link is not None:
                    add_name(transaction, candidate.file, candidate.link)
                elif is_judged == (*identity(candidate.file)[2:], os.fsencode(candidate.path), 1):
                    known += 1  # as most of what a walk finds
                    continue
                if is_judged is not None and _is_settled(transaction, candidate, engine):
                    known += 1
                    continue
                if is_judged is not None:
                    candidate = _again(transaction, candidate)  # noqa: PLW2901 - the same, less urgent
                if _queue(transaction, candidate):
                    queued.append(candidate)
                else:
                    waiting += 1
        return Offered(tuple(queued), waiting, known)

    def _judged(self, candidates: Iterable[Candidate], engine: str) -> dict[Row, Row]:
        """Return the state, the path, and whether *engine* judged it, of those inodes that have a verdict."""
        by_device: dict[int, list[int]] = {}
        for candidate in candidates:
            device, number = inode(candidate.file)
            by_device.setdefault(device, []).append(number)
        sql = (
            "SELECT f.inode, f.size, f.mtime_ns, f.ctime_ns, r.path, f.engine = ? FROM files AS f "
            "LEFT JOIN records AS r ON r.id = f.record "
            "WHERE f.device = ? AND f.inode IN (SELECT value FROM json_each(?))"
        )
        return {
            (device, row[0]): row[1:]
            for device, numbers in by_device.items()
            for row in self._database.query(sql, (engine, device, json.dumps(numbers)))
        }

    def is_settled(self, file: FileId, path: str, engine: str) -> bool:
        """Return True if *file*, announced under *path*, need not be scanned."""
        with self._database.transaction() as transaction:
            is_known = known_verdict(transaction, file, engine) is not None
            return is_known and not is_undecided(transaction, file, os.fsencode(path))

    def put(self, candidate: Candidate) -> None:
        """Queue *candidate*, whether or not its verdict is known."""
        with self._database.transaction() as transaction:
            _queue(transaction, candidate)

    def claim(
        self,
        is_busy: Callable[[int], bool] = lambda _number: False,
        *,
        oldest: bool = False,
        but: Without = NOBODY,
    ) -> Job | None:
        """Return the job to do next: the newest of the most urgent, or the one of a new file that has waited longest.

        None that *is_busy*, and none of *but*. Claims are not stored: the jobs of a dead daemon are
        simply still queued. What is busy at the front is passed once a second, not for each job: it may be thousands.
        """
        now = time.monotonic()
        if now >= self._look_again_at:
            self.look_again()
            self._look_again_at = now + _LOOK_SECONDS
        page = self._oldest if oldest else self._most_urgent
        size = _PAGE
        while rows := page(self._passed.get(oldest), but, size):
            for row in rows:
                if not is_busy(row[0]):
                    return self._with_id(row[0])
                self._passed[oldest] = row
            size = min(size * 4, _LARGEST_PAGE)
        return None

    def look_again(self) -> None:
        """Let `claim` begin at the front of the queue: what was passed may not be busy any more."""
        self._passed.clear()

    def _oldest(self, passed: Row | None, but: Without, size: int) -> list[Row]:
        number = -1 if passed is None else passed[0]
        return self._page("id > ? AND priority < ?", "id", (number, Source.AGAIN), but, size)

    def _most_urgent(self, passed: Row | None, but: Without, size: int) -> list[Row]:
        """Look in two steps, each of which is a range of the index."""
        if passed is None:
            return self._page("priority > ?", "priority, rank DESC, id", (-1,), but, size)
        number, priority, rank = passed
        within = "priority = ? AND rank <= ? AND (rank < ? OR id > ?)"
        rows = self._page(within, "rank DESC, id", (priority, rank, rank, number), but, size)
        return rows or self._page("priority > ?", "priority, rank DESC, id", (priority,), but, size)

    def _page(self, where: str, order: str, values: tuple[int, ...], but: Without, size: int) -> list[Row]:
        """Return up to *size* rows of id, priority and rank, which the index has: thousands may be busy."""
        others = "".join(
            f" AND {column} NOT IN ({', '.join('?' * len(values))})"
            for column, values in (("device", but.devices), ("owner", but.owners))
            if values
        )
        return self._database.query(
            f"SELECT id, priority, rank FROM jobs WHERE {where}{others} ORDER BY {order} LIMIT ?",  # noqa: S608 - literals and marks
            (*values, *map(signed, but.devices), *but.owners, size),
        )

    def _with_id(self, number: int) -> Job | None:
        rows = self._database.query(f"SELECT {_COLUMNS} FROM jobs WHERE id = ?", (number,))  # noqa: S608 - a literal
        return _job(rows[0]) if rows else None

    def of(self, device: int, number: int) -> Job | None:
        """Return the job of the inode *number* on *device*, if one waits."""
        rows = self._database.query(
            f"SELECT {_COLUMNS} FROM jobs WHERE device = ? AND inode = ?",  # noqa: S608 - a literal
            (signed(device), signed(number)),
        )
        return _job(rows[0]) if rows else None

    def of_all(self, keys: Iterable[tuple[int, int]]) -> dict[tuple[int, int], Job]:
        """Return the jobs of the inodes *keys*, devices with numbers, as far as they wait."""
        by_device: dict[int, list[int]] = {}
        for device, number in keys:
            by_device.setdefault(signed(device), []).append(signed(number))
        sql = f"SELECT {_COLUMNS} FROM jobs WHERE device = ? AND inode IN (SELECT value FROM json_each(?))"  # noqa: S608 - a literal
        jobs = [
            _job(row)
            for device, numbers in by_device.items()
            for row in self._database.query(sql, (device, json.dumps(numbers)))
        ]
        return {(job.device, job.inode): job for job in jobs}

    def drop(self, job: Job) -> bool:
        """Drop *job*: its file is gone, or its verdict is known.

        Return True if it was announced again and waits on.
        """
        with self._database.transaction() as transaction:
            return end(transaction, job)

    def __len__(self) -> int:
        return sum(self._database.counts("jobs").values())

    def again(self) -> int:
        """Return how many wait whose content was judged before."""
        return self._database.counts("jobs").get(str(int(Source.AGAIN)), 0)


_COLUMNS: Final = "id, path, device, inode, generation, priority, owner, size"
_PAGE: Final = 16
_LARGEST_PAGE: Final = 4_096
_LOOK_SECONDS: Final = 1.0


def _job(row: Row) -> Job:
    number, path, device, node, generation, priority, owner, size = row
    return Job(number, os.fsdecode(path), unsigned(device), unsigned(node), generation, Source(priority), owner, size)


def end(transaction: Transaction, job: Job) -> bool:
    """Remove *job* unless it was announced again since it was claimed.

    Return True if it was.
    """
    gone = transaction.run("DELETE FROM jobs WHERE id = ? AND generation = ?", (job.id, job.generation)).rowcount
    return not gone and transaction.one("SELECT 1 FROM jobs WHERE id = ?", (job.id,)) is not None


def _is_settled(transaction: Transaction, candidate: Candidate, engine: str) -> bool:
    """Return True if nothing is left to do about *candidate*.

    Under a new name it is queued, for a worker to find out whether it was renamed; it is scanned again only if that
    name was not decided on.
    """
    file, path = candidate.file, os.fsencode(candidate.path)
    if known_verdict(transaction, file, engine) is None:
        return False
    if candidate.link is not None or not is_new_name(transaction, file, path):
        return True
    if is_undecided(transaction, file, path):
        add_name(transaction, file, candidate.path)
        transaction.run("UPDATE files SET engine = '' WHERE device = ? AND inode = ?", inode(file))
        return False
    return not has_room_for_name(transaction, file)


def _again(transaction: Transaction, candidate: Candidate) -> Candidate:
    """Return *candidate* with the least urgent source if a walk found what was judged before, by size and time.

    Both may lie: whoever writes to a file can set its time back. So this decides nothing but the order.
    """
    if candidate.source < Source.WALK:
        return candidate
    sql = "SELECT 1 FROM files WHERE device = ? AND inode = ? AND size = ? AND mtime_ns = ? AND engine <> ''"
    is_known = transaction.one(sql, identity(candidate.file)[:4]) is not None
    return replace(candidate, source=Source.AGAIN) if is_known else candidate


def _queue(transaction: Transaction, candidate: Candidate) -> bool:
    """Queue *candidate*, or renew the job of its inode.

    Return True if it is new in the queue.
    """
    file, path = candidate.file, os.fsencode(candidate.path)
    rank = file.mtime_ns if candidate.source >= Source.WALK else time.time_ns()
    present = transaction.one("SELECT id, path FROM jobs WHERE device = ? AND inode = ?", inode(file))
    if present is None:
        transaction.run(
            "INSERT INTO jobs (device, inode, size, mtime_ns, ctime_ns, path, priority, rank, owner) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*identity(file), path, candidate.source, rank, candidate.owner),
        )
        return True
    number, old = present
    if old != path and candidate.link is not None:  # what a link leads to may lie outside, the name that is known not
        add_name(transaction, file, candidate.path)
        path = old
    elif old != path:
        add_name(transaction, file, os.fsdecode(old))
    state = identity(file)[2:]
    transaction.run(
        "UPDATE jobs SET generation = generation + (size <> ? OR mtime_ns <> ? OR ctime_ns <> ? OR path <> ?), "
        "path = ?, size = ?, mtime_ns = ?, ctime_ns = ?, rank = max(rank, ?), priority = min(priority, ?), owner = ? "
        "WHERE id = ?",
        (*state, path, path, *state, rank, candidate.source, candidate.owner, number),
    )
    return False
