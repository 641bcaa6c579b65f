"""Retention: what is forgotten, what never is, and in how small steps."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from support.watching import ENGINE, make_candidate, make_record

from picklewatch.core.model import FileId, Verdict
from picklewatch.store import Store
from picklewatch.store.tidy import BATCH, GONE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from picklewatch.store import Finished


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    with closing(Store(tmp_path)) as store:
        yield store


def finish(store: Store, path: str, file: FileId, verdict: Verdict = Verdict.CLEAN, *, told: bool = True) -> Finished:
    """Record an outcome, logged unless *told* says otherwise."""
    finished = store.finish(None, make_record(path, file, verdict), quarantine=verdict is Verdict.MALICIOUS)
    if told:
        store.records.reported(finished.record)
    return finished


def tidy(store: Store, keep: int = 0, later: float = 0.0) -> None:
    """Make two passes: what is forgotten in the first is history in the second."""
    for _ in range(2):
        while store.tidying.step(keep, time.time() + later):
            pass


def versions(path: Path, number: int) -> list[FileId]:
    """Former states of a file, and the one in which it is."""
    path.write_bytes(b"x")
    now = make_candidate(path).file
    return [*(replace(now, mtime_ns=step) for step in range(number)), now]


def test_former_outcomes_go_but_for_the_newest(store: Store, tmp_path: Path) -> None:
    """The outcome of a file that is there stays, however old; so does a line that was not written yet."""
    path = tmp_path / "m"
    for step, file in enumerate(versions(path, 9)):
        finish(store, str(path), file, told=step != 3)
    tidy(store, keep=4, later=9 * GONE_SECONDS)
    assert [record["id"] for record in reversed(store.records.of_path(str(path)))] == [4, 7, 8, 9, 10]
    assert store.records.verdict(make_candidate(path).file, ENGINE.key) is Verdict.CLEAN


def test_a_file_that_is_gone_is_forgotten_after_a_month(store: Store, tmp_path: Path) -> None:
    """Not sooner: its disk may only be unmounted. Its outcome is history then."""
    path = tmp_path / "m"
    file = versions(path, 0)[0]
    finish(store, str(path), file)
    store.records.add_name(file, str(tmp_path / "link"))
    path.unlink()
    tidy(store, keep=1, later=GONE_SECONDS - 60)
    assert store.records.verdict(file, ENGINE.key) is Verdict.CLEAN
    tidy(store, keep=1, later=GONE_SECONDS + 60)
    assert store.records.verdict(file, ENGINE.key) is None
    assert store.records.names(file) == ()
    assert len(store.records) == 1
    tidy(store, keep=0)
    assert len(store.records) == 0


def test_files_that_are_gone_are_bounded_in_number(store: Store) -> None:
    """Whoever makes and removes files all day does not fill the disk for a month."""
    for number in range(30):
        finish(store, f"/none/{number}", FileId(7, number, 1, 1, 1))
    tidy(store, keep=10)
    assert sum(store.records.engines().values()) == 10
    assert len(store.records) == 20


def test_a_file_under_another_name_is_there(store: Store, tmp_path: Path) -> None:
    """A link that was remembered is enough; another file in its place is not."""
    path = tmp_path / "m"
    file = versions(path, 0)[0]
    finish(store, str(path), file)
    finish(store, str(tmp_path / "other"), replace(file, inode=file.inode + (1 << 40)))
    (tmp_path / "other").write_bytes(b"y")
    path.rename(tmp_path / "n")
    store.records.add_name(file, str(tmp_path / "n"))
    tidy(store, later=2 * GONE_SECONDS)
    assert store.records.verdict(file, ENGINE.key) is Verdict.CLEAN
    assert sum(store.records.engines().values()) == 1


def test_moves_are_forgotten_with_their_record_and_not_while_they_are_wanted(store: Store) -> None:
    """An open intent keeps everything that it needs."""
    first = finish(store, "/none/1", FileId(7, 1, 1, 1, 1), Verdict.MALICIOUS)
    finish(store, "/none/2", FileId(7, 2, 1, 1, 1), Verdict.MALICIOUS)
    (intent,) = store.intents.wanted(record=first.record)
    store.intents.done(intent.id, "item", intent.file)
    tidy(store, later=2 * GONE_SECONDS)
    assert store.intents.counts() == {"wanted": 1}
    assert [intent.path for intent in store.intents.wanted()] == ["/none/2"]
    assert len(store.records) == 1


def test_a_step_is_small(store: Store) -> None:
    """Nobody waits for the database while much is deleted."""
    for number in range(BATCH + 1):
        finish(store, "/none", FileId(7, 1, 1, number, 1))
    assert store.tidying.step(0, time.time())
    assert len(store.records) == 1
    assert store.tidying.step(0, time.time())
    assert not store.tidying.step(0, time.time())


def test_a_pass_goes_through_all_records(store: Store) -> None:
    """And ends by itself."""
    for number in range(20):
        finish(store, "/none", FileId(7, 1, 1, number, 1))
    store.tidying.run(1, threading.Event())
    assert len(store.records) == 1


def test_a_pass_ends_when_the_daemon_does(store: Store) -> None:
    """The rest is for the next one."""
    for number in range(2 * BATCH):
        finish(store, "/none", FileId(7, 1, 1, number, 1))
    stopping = threading.Event()
    stopping.set()
    store.tidying.run(1, stopping)
    assert len(store.records) == BATCH


def test_counts_are_of_files_that_are_there(store: Store, tmp_path: Path) -> None:
    """A pass notes what went, and what is back; a moved file is counted apart at once."""
    paths = [tmp_path / name for name in ("stays", "goes", "moved")]
    for path in paths:
        path.write_bytes(b"x")
    files = {path.name: FileId.of(path.stat()) for path in paths}
    for path in paths:
        verdict = Verdict.MALICIOUS if path.name == "moved" else Verdict.CLEAN
        store.finish(None, make_record(str(path), files[path.name], verdict), quarantine=path.name == "moved")
    (intent,) = store.intents.wanted()
    store.intents.done(intent.id, "0" * 12, files["moved"])
    assert store.records.counts()["malicious"] == 0
    paths[2].unlink()
    paths[1].rename(tmp_path / "elsewhere")
    tidy(store, keep=10)
    assert store.records.counts()["clean"] == 1
    assert store.records.away() == {"gone": 1, "moved": 1}
    (tmp_path / "elsewhere").rename(paths[1])
    tidy(store, keep=10)
    assert (store.records.counts()["clean"], store.records.away()["gone"]) == (2, 0)
    store.finish(None, make_record(str(paths[2]), replace(files["moved"], ctime_ns=1), Verdict.MALICIOUS))
    assert store.records.counts()["malicious"] == 1
    assert store.records.restored() == 0, "nobody allowed it: it only came back"
    store.allowed.add("ab" * 32, "given back", 1)
    assert (store.records.counts()["allowed"], store.records.restored()) == (1, 1)
