"""Whatever statement a crash interrupts, nothing is lost and nothing is doubled."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from support.watching import ENGINE, make_record

from picklewatch.core.candidate import Candidate, Source
from picklewatch.core.model import FileId, Verdict
from picklewatch.store import Store


class Crash(BaseException):
    """The process dies here."""


class Killer:
    """A fault hook that kills at the *n*-th point."""

    def __init__(self, after: int) -> None:
        self.left = after

    def __call__(self, point: str) -> None:
        """Die if it is time."""
        self.left -= 1
        if self.left < 0:
            raise Crash(point)


def state(inode: int, version: int) -> FileId:
    """The state number *version* of a pretended file."""
    return FileId(1, inode, 10, version, version)


def sha(version: int) -> str:
    """The digest of that state's content."""
    return f"{version:064x}"


operations = st.lists(
    st.tuples(st.sampled_from(["announce", "scan", "report", "move"]), st.integers(1, 3), st.integers(1, 3)),
    min_size=1,
    max_size=25,
)


def act(store: Store, operation: tuple[str, int, int], disk: dict[int, int]) -> None:
    """Do one step as the daemon does it."""
    kind, inode, version = operation
    if kind == "announce":
        disk[inode] = max(disk.get(inode, 0), version)
        store.jobs.offer([Candidate(f"/{inode}", state(inode, disk[inode]), Source.EVENT)], ENGINE.key)
    elif kind == "scan":
        job = store.jobs.claim()
        if job is not None:
            now = state(job.inode, disk[job.inode])
            if store.records.verdict(now, ENGINE.key) is not None:
                store.jobs.drop(job)
                return
            record = make_record(job.path, now, Verdict.UNSAFE, sha(disk[job.inode]))
            store.finish(job, record, quarantine=True)
    elif kind == "report":
        for number, _ in store.records.unreported(1):
            store.records.reported(number)
    elif kind == "move":
        for intent in store.intents.wanted(limit=1):
            store.intents.done(intent.id, f"item-{intent.record}", intent.file)


@settings(max_examples=60)
@given(operations, st.lists(st.integers(0, 60), max_size=4))
def test_crashes_lose_nothing_and_double_nothing(history: list[tuple[str, int, int]], crashes: list[int]) -> None:
    """After any crashes, every file that was announced has one record for its state, and one move at most."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        disk: dict[int, int] = {}
        waiting = list(history)
        for fuse in [*crashes, 1_000_000]:
            killer = Killer(fuse)
            store: Store | None = None
            try:
                store = Store(directory, fault=killer)
                # the start-up walk: whatever is on the disk is offered again
                for inode, version in disk.items():
                    store.jobs.offer([Candidate(f"/{inode}", state(inode, version), Source.WALK)], ENGINE.key)
                while waiting:
                    act(store, waiting[0], disk)
                    waiting.pop(0)
            except Crash:
                pass
            finally:
                if store is not None:
                    store.close()
        store = Store(directory)
        for _ in range(10):
            act(store, ("scan", 0, 0), disk)
        try:
            assert len(store.jobs) == 0
            for inode, version in disk.items():
                assert store.records.verdict(state(inode, version), ENGINE.key) is Verdict.UNSAFE
                digests = [record["sha256"] for record in store.records.of_path(f"/{inode}")]
                assert len(digests) == len(set(digests))
            moves = store.intents.counts()
            assert sum(moves.values()) == len(store.records)
        finally:
            store.close()
