"""A kill at every single statement that changes the store: each operation happened, or it did not."""

from __future__ import annotations

import ast
import contextlib
import os
import sqlite3
import sys
import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.watching import ENGINE, make_record

import picklewatch.store
from picklewatch.core.candidate import Candidate, Source
from picklewatch.core.model import FileId, Verdict
from picklewatch.core.state_layout import DATABASE
from picklewatch.store import Store
from picklewatch.store.allowances import KnownDigests

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from picklewatch.core.model import Record

SOURCES = Path(picklewatch.store.__file__).parent
TABLES = ("jobs", "records", "files", "names", "intents", "allowed", "state", "counts")
LATER = 5e9
"""A time at which everything is old."""


def file(number: int, version: int = 1) -> FileId:
    """A pretended file that is not there."""
    return FileId(7, number, 10, version, version)


def offer(store: Store) -> None:
    """Announce new, known and changed files, and a link."""
    found = [Candidate(f"/none/{n}", file(n), Source.WALK) for n in (1, 2, 3)]
    found += [
        Candidate("/none/1b", file(1, 2), Source.EVENT),
        Candidate("/none/2", file(2), Source.EVENT, "/none/link"),
    ]
    store.jobs.offer(found, ENGINE.key)


def finish(store: Store) -> None:
    """Record an outcome that leads to a move."""
    store.finish(store.jobs.claim(), make_record("/none/1", file(1, 2), Verdict.UNSAFE), quarantine=True)


def finish_renamed(store: Store) -> None:
    """The same again, under another name."""
    renamed = FileId(7, 1, 10, 2, 9)
    store.finish(None, make_record("/none/one", renamed, Verdict.UNSAFE), quarantine=True)


def offer_renamed(store: Store) -> None:
    """A name that came after the verdict, of a file that is to be moved."""
    store.jobs.offer([Candidate("/none/other", FileId(7, 1, 10, 2, 9), Source.EVENT)], ENGINE.key)


def finish_more(store: Store) -> None:
    """Record an outcome of another kind, and one that is of no file."""
    store.finish(store.jobs.claim(), make_record("/none/2", file(2), Verdict.UNVERIFIED, "cd" * 32))


def drop(store: Store) -> None:
    """Take a file off the queue that is gone."""
    job = store.jobs.claim()
    assert job is not None
    store.jobs.drop(job)


def report(store: Store, number: int) -> None:
    """Note that so many outcomes were logged."""
    for record, _ in store.records.unreported(number):
        store.records.reported(record)


def early(verdict: Verdict, number: int = 8) -> Record:
    """An outcome of a file that is moved while it is scanned."""
    return make_record("/none/early", file(number), verdict, None)


BEGUN: list[int] = []
"""The record that the last `begin_again` had."""


def begin_again(store: Store) -> None:
    """Begin to move a file whose record was logged."""
    found = early(Verdict.MALICIOUS, 7)
    store.records.reported(store.finish(None, found).record)
    BEGUN[:] = [store.begin(found)]


def moved(store: Store, item: str) -> None:
    """Close the last open intent."""
    intent = store.intents.wanted()[-1]
    store.intents.done(intent.id, item, intent.file)


def wanted(store: Store) -> int:
    """An open intent."""
    return store.intents.wanted()[0].id


def hold(store: Store) -> None:
    """Judge by another version what this one let stay."""
    store.upgrade_moves = 0
    worse = make_record("/none/held", file(9), Verdict.MALICIOUS)
    store.finish(None, replace(worse, engine=replace(ENGINE, rules="newer")), quarantine=True)


OPERATIONS: tuple[tuple[str, Callable[[Store], object]], ...] = (
    ("offer", offer),
    ("finish", finish),
    ("finish renamed", finish_renamed),
    ("finish more", finish_more),
    ("drop", drop),
    ("name", lambda store: store.records.add_name(file(2), "/none/another")),
    ("report", lambda store: report(store, 1)),
    ("offer under another name", offer_renamed),
    ("postpone", lambda store: store.intents.postponed(wanted(store), "not permitted")),
    ("refuse", lambda store: store.intents.refused(wanted(store), "gone")),
    ("want all", lambda store: store.intents.want_all([Verdict.UNSAFE, Verdict.UNVERIFIED])),
    ("moved", lambda store: moved(store, "item")),
    ("path", lambda store: store.records.note_path(file(2), "/none/moved", None, ["/none/another"], linked=False)),
    ("begin", lambda store: store.begin(early(Verdict.UNSAFE))),
    ("moved early", lambda store: moved(store, "early")),
    ("learn", lambda store: store.records.learn_digest("early", "09" * 32)),
    ("complete", lambda store: store.complete(None, max(store.records.unreported())[0], early(Verdict.MALICIOUS))),
    ("begin again", begin_again),
    ("carry", lambda store: store.complete(None, BEGUN[0], early(Verdict.UNVERIFIED, 7))),
    ("late names", lambda store: store.records.put_names(1, replace(early(Verdict.UNSAFE), names=("/none/late",)))),
    ("let stay", lambda store: store.finish(None, make_record("/none/held", file(9)))),
    ("hold", hold),
    ("dismiss", lambda store: store.held_moves.dismiss(store.held_moves.all(), "stays")),
    ("judge again", lambda store: store.records.judge_again(file(2))),
    ("judge all again", lambda store: store.records.judge_all_again(tuple(Verdict))),
    ("confirm", lambda store: store.records.confirm(replace(file(2), ctime_ns=77))),
    ("allow", lambda store: store.allowed.add("cd" * 32, "ours")),
    ("take back", lambda store: store.allowed.remove("cd" * 32)),
    ("allow again", lambda store: store.allowed.add("ef" * 32, "ours")),
    ("allow for a while", lambda store: store.allowed.add("ab" * 32, "ours", 1, 5.0)),
    ("end", lambda store: store.allowed.end_overdue(6.0)),
    ("salvage", lambda store: KnownDigests().salvage(store._database, store.directory / "other.db")),
    ("forget", lambda store: store.records.forget_verdicts()),
    ("state", lambda store: store.put_state("policy", [1, 2])),
    ("again", finish_more),
    ("report all", lambda store: report(store, 1000)),
    ("forget the gone", lambda store: store.tidying.step(1, LATER)),
    ("forget history", lambda store: [store.tidying.step(0, LATER) for _ in range(2)]),
)
"""Everything that changes the store, in an order that leaves none of them without effect."""


class Killed(BaseException):
    """The process dies here."""


class Fuse:
    """A fault hook that kills at the *n*-th point, and notes which functions change something."""

    def __init__(self, number: int = sys.maxsize) -> None:
        self.number = number
        self.points = 0
        self.functions: set[str] = set()

    def __call__(self, point: str) -> None:
        """Die if it is time."""
        frame: FrameType | None = sys._getframe(1)
        while frame is not None:
            if frame.f_code.co_filename.startswith(str(SOURCES)):
                self.functions.add(frame.f_code.co_name)
            frame = frame.f_back
        self.points += 1
        if self.points > self.number:
            raise Killed(point)


def changing_functions() -> set[str]:
    """The functions of the store's source that run a changing statement."""
    found: set[str] = set()
    for path in SOURCES.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                calls = [call.func for call in ast.walk(node) if isinstance(call, ast.Call)]
                if any(isinstance(call, ast.Attribute) and call.attr == "run" for call in calls):
                    found.add(node.name)
    return found


def rows(state: Path) -> dict[str, list[tuple[object, ...]]]:
    """Everything that is in the database, but for the times at which it came there."""
    with closing(sqlite3.connect(state / DATABASE)) as connection:
        held = {}
        for table in TABLES:
            names = [
                row[1] for row in connection.execute(f"PRAGMA table_info({table})") if row[1] not in ("at", "rank")
            ]
            held[table] = connection.execute(f"SELECT {', '.join(names)} FROM {table} ORDER BY 1, 2").fetchall()
        return held


def fresh(state: Path) -> Store:
    """An empty store, beside a database from which something can be saved."""
    with closing(sqlite3.connect(state / "other.db")) as connection:
        connection.executescript("CREATE TABLE allowed (sha256, reason, at); INSERT INTO allowed VALUES ('a', 'b', 1)")
    return Store(state)


def test_no_statement_is_left_out() -> None:
    """The operations below reach every function of the source that changes something, and each has an effect."""
    with tempfile.TemporaryDirectory() as name:
        state = Path(name)
        fuse = Fuse()
        fresh(state).close()
        with closing(Store(state, fault=fuse)) as store:
            for what, operation in OPERATIONS:
                before = rows(state)
                operation(store)
                assert rows(state) != before, what
        assert changing_functions() - fuse.functions == {"_migrate"}  # tests/unit/test_store_tables.py


def consistent(held: dict[str, list[tuple[object, ...]]]) -> bool:
    """Return True if the numbers that are kept are those of the rows."""
    numbers = dict.fromkeys(("jobs", "records", "files", "intents", "engines"), 0)
    for what, _, number in held["counts"]:
        numbers[str(what)] += int(str(number))
    return all(len(held["files" if table == "engines" else table]) == number for table, number in numbers.items())


@pytest.mark.parametrize("index", range(len(OPERATIONS)), ids=[name for name, _ in OPERATIONS])
def test_killed_at_every_statement(index: int) -> None:
    """Each operation is whole after a kill, or it never began; those of several transactions, each of these."""
    name, operation = OPERATIONS[index]
    states: list[dict[str, list[tuple[object, ...]]]] = []
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as folder:
        fuse = Fuse(-1)
        while fuse.points > fuse.number:  # it was killed the last time
            state = Path(folder) / str(len(states))
            state.mkdir()
            with closing(fresh(state)) as store:
                for _, earlier in OPERATIONS[:index]:
                    earlier(store)
            before = rows(state)
            fuse = Fuse(len(states))
            with closing(Store(state, fault=fuse)) as store, contextlib.suppress(Killed):
                operation(store)
            states.append(rows(state))
    whole = states[-1]
    assert whole != before
    assert all(map(consistent, states))
    assert name in SEVERAL or all(found in (before, whole) for found in states)
    assert len(states) > 4  # BEGIN, a statement, COMMIT, after it
    assert states[0] == before


SEVERAL = ("forget the gone", "begin again", "report all", "forget history")
"""Operations of several transactions."""
