"""The store's memory, and acts that it never does twice."""

from __future__ import annotations

import os
import resource
import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from support.watching import ENGINE, make_candidate, make_record

from picklewatch.core.candidate import Candidate, Source
from picklewatch.core.errors import StateError
from picklewatch.core.model import FileId, Verdict
from picklewatch.core.state_layout import DATABASE
from picklewatch.store import CorruptError, Store
from picklewatch.store.lock import StateLock, holder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    store = Store(tmp_path)
    yield store
    store.close()


def candidate(number: int, path: str = "", source: Source = Source.EVENT, mtime: int = 1) -> Candidate:
    """A pretended file with inode *number*."""
    return Candidate(path or f"/m/{number}", FileId(7, number, 100, mtime, 1), source)


def test_a_candidate_is_queued_once(store: Store) -> None:
    """Announcing the same state of the same inode again adds nothing."""
    assert store.jobs.offer([candidate(1), candidate(1)], ENGINE.key).queued == (candidate(1),)
    assert store.jobs.offer([candidate(1)], ENGINE.key).waiting == 1
    assert len(store.jobs) == 1


def test_two_names_of_one_inode_are_one_job_with_both_names(store: Store) -> None:
    """Hard links are judged once; every name is remembered."""
    store.jobs.offer([candidate(1, "/m/a"), candidate(1, "/m/b")], ENGINE.key)
    assert len(store.jobs) == 1
    assert set(store.records.names(candidate(1).file)) == {"/m/a"}
    job = store.jobs.claim()
    assert job is not None
    assert job.path == "/m/b"


def test_a_known_verdict_is_not_queued_again(store: Store) -> None:
    """An unchanged file is scanned once by one engine, and again by another."""
    store.finish(None, make_record("/m/1", candidate(1).file))
    assert store.jobs.offer([candidate(1)], ENGINE.key).known == 1
    assert len(store.jobs) == 0
    assert store.jobs.offer([candidate(1)], "another/engine/0").queued


@pytest.mark.parametrize("change", ["device", "inode", "size", "mtime_ns", "ctime_ns"])
def test_any_change_of_the_file_asks_for_a_new_verdict(store: Store, change: str) -> None:
    """Device, inode, size, mtime and ctime each make another state."""
    file = candidate(1).file
    store.finish(None, make_record("/m/1", file))
    numbers = {name: getattr(file, name) for name in ("device", "inode", "size", "mtime_ns", "ctime_ns")}
    numbers[change] += 1
    changed = FileId(**numbers)
    assert store.records.verdict(file, ENGINE.key) is Verdict.CLEAN
    assert store.records.verdict(changed, ENGINE.key) is None
    assert store.jobs.offer([Candidate("/m/1", changed, Source.EVENT)], ENGINE.key).queued


def test_events_go_before_walks_and_the_newest_first(store: Store) -> None:
    """A fresh download does not wait for the start-up walk."""
    store.jobs.offer([candidate(n, source=Source.WALK, mtime=n) for n in (1, 3, 2)], ENGINE.key)
    store.jobs.offer([candidate(9, source=Source.EVENT, mtime=0)], ENGINE.key)
    order: list[int] = []
    busy: set[int] = set()
    while (job := store.jobs.claim(busy.__contains__)) is not None:
        busy.add(job.id)
        order.append(job.inode)
    assert order == [9, 3, 2, 1]


def test_the_oldest_can_be_claimed_too(store: Store) -> None:
    """One hostile directory can't keep the others waiting for ever."""
    store.jobs.offer([candidate(1, source=Source.WALK)], ENGINE.key)
    store.jobs.offer([candidate(2), candidate(3)], ENGINE.key)
    job = store.jobs.claim(oldest=True)
    assert job is not None
    assert job.inode == 1


def test_an_event_makes_a_walks_job_urgent(store: Store) -> None:
    """The more urgent source wins."""
    store.jobs.offer([candidate(1, source=Source.WALK)], ENGINE.key)
    store.jobs.offer([candidate(1, source=Source.EVENT)], ENGINE.key)
    job = store.jobs.claim()
    assert job is not None
    assert job.source is Source.EVENT


def test_finishing_records_and_dequeues(store: Store) -> None:
    """The outcome is there and the job is gone."""
    store.jobs.offer([candidate(1)], ENGINE.key)
    job = store.jobs.claim()
    finished = store.finish(job, make_record("/m/1", candidate(1).file, Verdict.UNSAFE))
    assert finished.fresh
    assert not finished.again
    assert len(store.jobs) == 0
    assert store.records.counts()["unsafe"] == 1
    assert [record["path"] for record in store.records.latest()] == ["/m/1"]


def test_a_file_announced_again_while_it_was_scanned_waits_on(store: Store) -> None:
    """A judged state is recorded, and the newer one is judged too."""
    store.jobs.offer([candidate(1)], ENGINE.key)
    job = store.jobs.claim()
    store.jobs.offer([candidate(1, mtime=2)], ENGINE.key)
    finished = store.finish(job, make_record("/m/1", candidate(1).file))
    assert finished.again
    assert len(store.jobs) == 1


def test_the_same_outcome_is_recorded_once(store: Store) -> None:
    """Finishing twice, as after a crash, makes one record."""
    record = make_record("/m/1", candidate(1).file)
    first, second = store.finish(None, record), store.finish(None, record)
    assert (first.fresh, second.fresh) == (True, False)
    assert len(store.records) == 1


def test_a_renamed_file_keeps_its_record(store: Store) -> None:
    """A rename changes ctime only: the record moves along, and says so once."""
    file = candidate(1).file
    store.finish(None, make_record("/m/x.tmp", file))
    later = replace(file, ctime_ns=2)
    finished = store.finish(None, make_record("/m/x", later))
    assert (finished.fresh, finished.was) == (False, "/m/x.tmp")
    assert len(store.records) == 1
    assert store.records.verdict(later, ENGINE.key) is Verdict.CLEAN
    assert store.records.verdict(file, ENGINE.key) is None


def test_an_upgrade_that_finds_the_same_makes_no_new_record(store: Store) -> None:
    """A newer engine judges everything again; only what it sees otherwise is news."""
    record = make_record("/m/1", candidate(1).file)
    store.finish(None, record)
    newer = replace(ENGINE, rules="ffffffffffff")
    assert not store.finish(None, replace(record, engine=newer)).fresh
    assert store.records.verdict(candidate(1).file, newer.key) is Verdict.CLEAN
    worse = make_record("/m/1", candidate(1).file, Verdict.UNSAFE)
    assert store.finish(None, replace(worse, engine=newer)).fresh
    assert len(store.records) == 2


@pytest.mark.parametrize("sha256", ["cd" * 32, None])
def test_other_content_in_the_same_inode_is_a_record_of_its_own(store: Store, sha256: str | None) -> None:
    """Forged time stamps don't hide a change."""
    file = candidate(1).file
    store.finish(None, make_record("/m/1", file))
    assert store.finish(None, make_record("/m/1", replace(file, ctime_ns=2), sha256=sha256)).fresh
    assert len(store.records) == 2


def test_a_new_file_in_a_reused_inode_is_a_record_of_its_own(store: Store) -> None:
    """The same hostile content downloaded again is reported again."""
    file = candidate(1).file
    store.finish(None, make_record("/m/1", file, Verdict.MALICIOUS))
    again = replace(file, mtime_ns=99, ctime_ns=99)
    assert store.finish(None, make_record("/m/1", again, Verdict.MALICIOUS)).fresh


def test_paths_of_any_bytes_come_back_as_they_were(store: Store, tmp_path: Path) -> None:
    """Names that are not UTF-8 and huge inode numbers survive the database."""
    name = os.fsdecode(b"/m/\xff\xfe\n.bin")
    odd = Candidate(name, FileId(2**64 - 1, 2**64 - 2, 1, 1, 1), Source.WALK)
    store.jobs.offer([odd], ENGINE.key)
    job = store.jobs.claim()
    assert job is not None
    assert (job.path, job.device, job.inode) == (name, 2**64 - 1, 2**64 - 2)
    store.finish(job, make_record(name, odd.file, Verdict.UNSAFE), quarantine=True)
    (intent,) = store.intents.wanted()
    assert (intent.path, intent.file) == (name, odd.file)


def test_an_intent_is_recorded_with_the_outcome_and_closed_once(store: Store) -> None:
    """A crash between the record and the move can't forget the move."""
    finished = store.finish(None, make_record("/m/1", candidate(1).file, Verdict.MALICIOUS), quarantine=True)
    (intent,) = store.intents.wanted(record=finished.record)
    assert (intent.path, intent.file, intent.verdict) == ("/m/1", candidate(1).file, Verdict.MALICIOUS)
    store.intents.done(intent.id, "item-1", intent.file)
    store.finish(None, make_record("/m/1", candidate(1).file, Verdict.MALICIOUS), quarantine=True)
    assert store.intents.wanted() == []
    assert store.intents.counts() == {"done": 1}
    back = replace(candidate(1).file, ctime_ns=9)
    store.finish(None, make_record("/m/2", back, Verdict.MALICIOUS), quarantine=True)
    assert [intent.path for intent in store.intents.wanted()] == ["/m/2"], "it has been linked again"


def test_a_move_that_is_noted_late_does_not_close_one_that_is_wanted_since(store: Store) -> None:
    """Another user's file loses one name; before that is noted, another worker judges it under a new one."""
    store.finish(None, make_record("/m/1", candidate(1).file, Verdict.MALICIOUS), quarantine=True)
    (first,) = store.intents.wanted()
    back = replace(candidate(1).file, ctime_ns=9)
    store.finish(None, make_record("/m/2", back, Verdict.MALICIOUS), quarantine=True)
    store.intents.done(first.id, "item-1", first.file)
    (second,) = store.intents.wanted()
    assert (second.path, second.item) == ("/m/2", "item-1")
    store.intents.done(second.id, "item-2", second.file)
    assert store.intents.wanted() == []


def test_a_refused_move_is_wanted_again_when_the_file_is_judged_again(store: Store) -> None:
    """A move that failed under one name is tried under the next."""
    file = candidate(1).file
    store.finish(None, make_record("/m/x.tmp", file, Verdict.UNSAFE), quarantine=True)
    (intent,) = store.intents.wanted()
    store.intents.refused(intent.id, "gone")
    store.finish(None, make_record("/m/x", replace(file, ctime_ns=5), Verdict.UNSAFE), quarantine=True)
    (intent,) = store.intents.wanted()
    assert intent.path == "/m/x"


def test_what_was_not_logged_is_known(store: Store) -> None:
    """A record whose line never made it to the log is found after a restart."""
    number = store.finish(None, make_record("/m/1", candidate(1).file)).record
    assert [found for found, _ in store.records.unreported()] == [number]
    store.records.reported(number)
    assert store.records.unreported() == []


def test_allowing_a_digest_lets_its_files_be_judged_again(store: Store) -> None:
    """What the operator vouches for is shown as such at the next look, and no longer when he takes it back."""
    record = make_record("/m/1", candidate(1).file, Verdict.UNSAFE)
    store.finish(None, record)
    assert record.report.sha256 is not None
    store.allowed.add(record.report.sha256.upper(), "ours")
    assert store.allowed.all() == {record.report.sha256: "ours"}
    assert store.records.verdict(candidate(1).file, ENGINE.key) is None
    allowed = replace(record, judgement=replace(record.judgement, allowed="ours", standing=Verdict.CLEAN))
    assert store.finish(None, allowed).fresh
    store.allowed.add(record.report.sha256, "still ours", 5)
    assert store.allowed.sizes() == {record.report.sha256: 5}
    store.allowed.add(record.report.sha256, "still ours")
    assert store.allowed.sizes() == {record.report.sha256: 5}, "what is known stays"
    assert not store.finish(None, allowed).fresh, "nothing new was said"
    assert store.allowed.remove(record.report.sha256)
    assert not store.allowed.remove(record.report.sha256)


def test_a_change_of_policy_forgets_all_but_the_harmless(store: Store) -> None:
    """Clean stays clean under any allowlist; the rest is judged again."""
    store.finish(None, make_record("/m/1", candidate(1).file))
    store.finish(None, make_record("/m/2", candidate(2).file, Verdict.UNVERIFIED))
    assert store.records.forget_verdicts() == 1
    assert store.records.verdict(candidate(1).file, ENGINE.key) is Verdict.CLEAN
    assert store.records.verdict(candidate(2).file, ENGINE.key) is None


def test_changes_of_another_process_are_noticed(store: Store, tmp_path: Path) -> None:
    """`picklewatch quarantine restore` allows a digest while the daemon runs."""
    before = store.changes_by_others()
    other = Store(tmp_path)
    other.allowed.add("ab" * 32, "restored")
    other.close()
    assert store.changes_by_others() != before
    assert store.allowed.all() == {"ab" * 32: "restored"}


@pytest.mark.parametrize("damage", [b"not a database at all, but long enough to be looked at" * 40, None])
def test_a_damaged_database_is_set_aside_and_what_can_be_read_is_kept(tmp_path: Path, damage: bytes | None) -> None:
    """Starting over a damaged file works; the allowed digests are saved where they can be."""
    store = Store(tmp_path)
    for number in range(300):
        store.finish(None, make_record(f"/m/{number}", candidate(number).file))
    store.allowed.add("ab" * 32, "ours")
    store.close()
    path = tmp_path / DATABASE
    if damage is None:  # only the schema of records is broken
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA writable_schema = 1")
        root = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'records'").fetchone()[0]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
        connection.close()
        with path.open("r+b") as file:
            file.seek((root - 1) * size)
            file.write(b"\xff" * size)
    else:
        path.write_bytes(damage)
    store = Store(tmp_path)
    if damage is None:
        with pytest.raises(CorruptError):
            store.records.of_path("/m/1")
        assert store.allowed.all() == {"ab" * 32: "ours"}
    assert store.set_aside is not None
    assert store.set_aside.exists()
    assert len(store.records) == 0
    assert store.finish(None, make_record("/m/1", candidate(1).file)).fresh
    store.close()


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    """An older picklewatch does not touch a newer one's database."""
    connection = sqlite3.connect(tmp_path / DATABASE)
    connection.execute("PRAGMA user_version = 999")
    connection.close()
    with pytest.raises(StateError, match="newer picklewatch"):
        Store(tmp_path)


def test_reading_only_does_not_create_anything(tmp_path: Path) -> None:
    """`picklewatch status` looks and touches nothing."""
    with pytest.raises(sqlite3.OperationalError):
        Store(tmp_path, read_only=True)
    assert list(tmp_path.iterdir()) == []


def test_a_reader_sees_a_running_daemons_state(store: Store, tmp_path: Path) -> None:
    """The read-only store sees what was committed and can't write."""
    store.put_state("daemon", {"pid": 1})
    reader = Store(tmp_path, read_only=True)
    assert reader.get_state("daemon") == {"pid": 1}
    assert reader.get_state("nothing") is None
    with pytest.raises(sqlite3.OperationalError):
        reader.put_state("daemon", 1)
    reader.close()


def test_one_daemon_a_state_directory(tmp_path: Path) -> None:
    """The second daemon is told which process has the directory; the lock goes with the holder."""
    assert holder(tmp_path) is None
    lock = StateLock(tmp_path)
    assert holder(tmp_path) == os.getpid()
    with pytest.raises(StateError, match=f"process {os.getpid()}") as caught:
        StateLock(tmp_path)
    assert caught.value.status == 78
    lock.release()
    assert holder(tmp_path) is None
    StateLock(tmp_path).release()


def test_an_unusable_state_directory_is_explained(tmp_path: Path) -> None:
    """No traceback when the directory is missing."""
    with pytest.raises(StateError, match="can't be used"):
        StateLock(tmp_path / "missing")


def test_candidates_name_what_is_there(tmp_path: Path) -> None:
    """The helper of these tests sees a file as the watcher does."""
    file = tmp_path / "m"
    file.write_bytes(b"12")
    assert make_candidate(file).file.size == 2


def test_a_lock_on_a_full_disk_is_explained(tmp_path: Path) -> None:
    """As a limit on the size of files has it, which fails alike; the lock is not held then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        with pytest.raises(StateError, match="can't be written"):
            StateLock(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    StateLock(tmp_path).release()


def test_a_move_that_was_begun_with_a_former_record_is_one_of_the_outcome(store: Store) -> None:
    """A file that was judged before, and refused: the new outcome is another record, and the file is still moved."""
    file = candidate(1).file
    former = store.finish(None, make_record("/m/1", file, Verdict.MALICIOUS)).record
    store.records.reported(former)
    begun = store.begin(make_record("/m/1", file, Verdict.UNSAFE, None))
    assert begun == former
    outcome = store.complete(None, begun, make_record("/m/1", file, Verdict.MALICIOUS, "12" * 32))
    assert outcome.record != former
    assert outcome.fresh
    (intent,) = store.intents.wanted()
    assert intent.record == outcome.record
    assert store.intents.is_wanted(intent.id)
    assert store.intents.counts() == {"wanted": 1}
