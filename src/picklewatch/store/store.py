"""Opens the store of one state directory, and finishes a job in one transaction."""

from __future__ import annotations

import json
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from picklewatch.core.state_layout import StateLayout
from picklewatch.store.allowances import Allowed, KnownDigests
from picklewatch.store.database import Database, no_fault
from picklewatch.store.decisions import Intents, carry_move, is_back, want_move
from picklewatch.store.found_records import FoundRecords
from picklewatch.store.held_moves import HeldMoves, state_of
from picklewatch.store.jobs import Jobs, end
from picklewatch.store.news import News
from picklewatch.store.outcomes import Finished, complete_record, keep_record, keep_standing_record
from picklewatch.store.records import Records
from picklewatch.store.tidy import Tidying

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from picklewatch.core.model import Record
    from picklewatch.store.jobs import Job

_IDENTITY: Final = "identity"


class Store:
    """The database of one state directory, which must exist.

    Raises `CorruptError` from any method after it found the database damaged, set it aside and began an empty one;
    the walk finds again what was lost. Raises `sqlite3.OperationalError` when the disk is full or fails: nothing was
    changed then, try again.
    """

    def __init__(self, directory: Path, *, fault: Callable[[str], None] = no_fault, read_only: bool = False) -> None:
        self.directory = directory
        self.path = StateLayout(directory).database
        known_digests = KnownDigests()
        self._database = Database(self.path, salvage=known_digests.salvage, fault=fault, read_only=read_only)
        self.jobs = Jobs(self._database)
        self.records = Records(self._database)
        self.found = FoundRecords(self._database)
        self.news = News(self._database)
        self.intents = Intents(self._database)
        self.held_moves = HeldMoves(self._database)
        self.upgrade_moves = 10
        """Files that one new version may move although an older one let the same content stay; more are held."""
        self._listeners: list[Callable[[Sequence[Record]], None]] = []
        self.allowed = Allowed(self._database, known_digests)
        self.tidying = Tidying(self._database)

    @property
    def set_aside(self) -> Path | None:
        """Return where the database that this object found damaged is kept, or None."""
        return self._database.set_aside

    def subscribe(self, listener: Callable[[Sequence[Record]], None]) -> None:
        """Have *listener* called with outcomes once they are recorded, by any thread; it must not wait."""
        self._listeners.append(listener)

    def _tell(self, records: Sequence[Record]) -> None:
        for listener in self._listeners:
            listener(records)

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def check(self, stopping: threading.Event) -> None:
        """Read all of the database on the disk, unless *stopping*; `CorruptError` if it is damaged."""
        self._database.check(stopping)

    def ensure_in_place(self) -> bool:
        """Open the database anew if somebody removed or replaced its file.

        Return True if that was so.
        """
        if self._database.is_in_place():
            return False
        self._database.reopen()
        return True

    def finish(self, job: Job | None, record: Record, *, quarantine: bool = False, linked: bool = False) -> Finished:
        """Record the outcome of *job*, take it off the queue, and note whether the file is to be moved: all or nothing.

        The same outcome for the same state of the same inode is recorded once. A file that was only renamed or
        touched keeps its record, which then shows the new path, or, if the former one is still *linked* to it, both.
        """
        with self._database.transaction(durable=quarantine) as transaction:
            back = is_back(transaction, record.file)
            state, cause = state_of(transaction, record, self.upgrade_moves)
            finished = keep_record(transaction, record, linked=linked)
            if quarantine:
                want_move(transaction, finished.record, state, cause, back=back)
            again = job is not None and end(transaction, job)
        self._tell([record])
        return replace(finished, again=again)

    def finish_all(self, outcomes: Sequence[tuple[Job, Record, bool]]) -> list[Finished]:
        """Do as `finish` for many outcomes that move no file: jobs with their records, and whether these are linked."""
        with self._database.transaction() as transaction:
            finished = [
                replace(keep_record(transaction, record, linked=linked), again=end(transaction, job))
                for job, record, linked in outcomes
            ]
        self._tell([record for _, record, _ in outcomes])
        return finished

    def begin(self, record: Record) -> int:
        """Record what is known of a file whose scan goes on, and that it is to be moved; return the record's number.

        The job stays queued, and the file counts as not judged, until `complete`. A record of the same content with as
        bad a verdict stands, of the file as it is now: a new name changes its ctime.
        """
        with self._database.transaction(durable=True) as transaction:
            back = is_back(transaction, record.file)
            state, cause = state_of(transaction, record, self.upgrade_moves)
            number = keep_standing_record(transaction, record)
            if number is None:
                number = keep_record(transaction, record, is_final=False).record
            want_move(transaction, number, state, cause, back=back)
        return number

    def complete(self, job: Job | None, begun: int, record: Record) -> Finished:
        """Finish *job* as `finish` does, in the place of the record *begun*; the move was decided with that."""
        with self._database.transaction(durable=True) as transaction:
            finished = complete_record(transaction, begun, record)
            if finished.record != begun:
                carry_move(transaction, begun, finished.record)
            again = job is not None and end(transaction, job)
        self._tell([record])
        return replace(finished, again=again)

    def changes_by_others(self) -> int:
        """Return a number that changes when another process commits to this database."""
        return int(self._database.query("PRAGMA data_version")[0][0])

    def identity(self) -> str:
        """Return the name of this database, made when it is first asked for: one that replaces it has another.

        A record's number that somebody remembers is a number of this database alone.
        """
        if not (name := self.get_state(_IDENTITY)):
            self.put_state(_IDENTITY, name := secrets.token_hex(8))
        return str(name)

    def put_state(self, key: str, value: object) -> None:
        """Keep a JSON *value* under *key*."""
        with self._database.transaction() as transaction:
            transaction.run(
                "INSERT INTO state (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                (key, json.dumps(value)),
            )

    def get_state(self, key: str) -> Any:
        """Return the JSON value under *key*, or None."""
        rows = self._database.query("SELECT value FROM state WHERE key = ?", (key,))
        return json.loads(rows[0][0]) if rows else None
