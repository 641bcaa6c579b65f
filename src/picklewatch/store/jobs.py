"""The queue: what waits to be judged, one job an inode."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from picklewatch.store.rows import add_name, identity, inode, known_verdict, unsigned
from picklewatch.watch.candidate import Source

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from picklewatch.store.database import Database, Transaction
    from picklewatch.watch.candidate import Candidate


@dataclass(frozen=True, slots=True)
class Job:
    """One file that waits to be judged."""

    id: int
    path: str
    device: int
    inode: int
    generation: int
    """Grows whenever the file is announced in another state or under another path."""
    source: Source


@dataclass(frozen=True, slots=True)
class Offered:
    """What became of offered candidates."""

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

    def offer(self, candidates: Iterable[Candidate], engine: str) -> Offered:
        """Queue every candidate whose verdict under *engine* is not known. One transaction."""
        queued: list[Candidate] = []
        waiting = known = 0
        with self._database.transaction() as transaction:
            for candidate in candidates:
                if candidate.link is not None:
                    add_name(transaction, candidate.file, candidate.link)
                if known_verdict(transaction, candidate.file, engine) is not None:
                    known += 1
                elif _queue(transaction, candidate):
                    queued.append(candidate)
                else:
                    waiting += 1
        return Offered(tuple(queued), waiting, known)

    def claim(self, busy: Collection[int] = (), *, oldest: bool = False) -> Job | None:
        """The job to do next, none of *busy*: the newest of the most urgent, or the one that waits longest.

        Claims are not stored: what a dead daemon had in hand is simply still queued.
        """
        order = "id" if oldest else "priority, rank DESC"
        rows = self._database.query(
            f"SELECT id, path, device, inode, generation, priority FROM jobs ORDER BY {order} LIMIT ?",  # noqa: S608 - one of two literals
            (len(busy) + 1,),
        )
        for number, path, device, node, generation, priority in rows:
            if number not in busy:
                return Job(number, os.fsdecode(path), unsigned(device), unsigned(node), generation, Source(priority))
        return None

    def drop(self, job: Job) -> bool:
        """Forget *job*: its file is gone, or its verdict is known. Whether it was announced again and waits on."""
        with self._database.transaction() as transaction:
            return end(transaction, job)

    def __len__(self) -> int:
        return int(self._database.query("SELECT count(*) FROM jobs")[0][0])


def end(transaction: Transaction, job: Job) -> bool:
    """Take *job* off the queue unless it was announced again since it was claimed; whether it was."""
    gone = transaction.run("DELETE FROM jobs WHERE id = ? AND generation = ?", (job.id, job.generation)).rowcount
    return not gone and transaction.one("SELECT 1 FROM jobs WHERE id = ?", (job.id,)) is not None


def _queue(transaction: Transaction, candidate: Candidate) -> bool:
    """Queue *candidate*, or renew the job that its inode has. Whether it is new in the queue."""
    file, path = candidate.file, os.fsencode(candidate.path)
    rank = file.mtime_ns if candidate.source >= Source.WALK else time.time_ns()
    present = transaction.one("SELECT id, path FROM jobs WHERE device = ? AND inode = ?", inode(file))
    if present is None:
        transaction.run(
            "INSERT INTO jobs (device, inode, size, mtime_ns, ctime_ns, path, priority, rank) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (*identity(file), path, candidate.source, rank),
        )
        return True
    number, old = present
    if old != path:
        add_name(transaction, file, os.fsdecode(old))
    state = identity(file)[2:]
    transaction.run(
        "UPDATE jobs SET generation = generation + (size <> ? OR mtime_ns <> ? OR ctime_ns <> ? OR path <> ?), "
        "path = ?, size = ?, mtime_ns = ?, ctime_ns = ?, rank = max(rank, ?), priority = min(priority, ?) WHERE id = ?",
        (*state, path, path, *state, rank, candidate.source, number),
    )
    return False
