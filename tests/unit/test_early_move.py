"""Harm that is known is acted on while the rest of the file is still read."""

from __future__ import annotations

import functools
import hashlib
import os
import threading
from typing import TYPE_CHECKING

import pytest
from support.vaulting import NOBODY, root_only
from support.watching import ENGINE, PATIENCE, FakeScanner, LocalWatch, eventually, make_candidate, make_record, named

from picklewatch.access.digest import DIGEST_ALWAYS
from picklewatch.access.held_directory import hold_directory
from picklewatch.access.open_file import open_subject
from picklewatch.core.model import FileId, Policy, Verdict
from picklewatch.core.tombstone import parse_tombstone
from picklewatch.quarantine.vault import State, Vault
from picklewatch.queue.schedule import PutOffError, Schedule
from picklewatch.scanning.scan_file import scan_file
from picklewatch.service.actions import Actions
from picklewatch.service.early_move import EarlyMove, LinkedError
from picklewatch.service.late_names import LateNames
from picklewatch.service.moves import Mover
from picklewatch.service.outcome_log import OutcomeLog
from picklewatch.service.quarantine_policy import QuarantinePolicy
from picklewatch.service.scan_context import ScanContext, ScanStatistics, Stages
from picklewatch.service.scan_workers import Workers
from picklewatch.service.self_test_answers import SelfTestAnswers
from picklewatch.store import Store
from picklewatch.store.failures import StoreFailures
from picklewatch.telemetry.health import Health

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from picklewatch.access.following import Identity
    from picklewatch.access.open_file import Subject
    from picklewatch.core.model import Record, ScanReport
    from picklewatch.queue.schedule import Claim

LONG = b"evil bomb"
"""A content whose harm is known, and whose scan goes on until it is defused."""
SHA256 = hashlib.sha256(LONG).hexdigest()


class PuttingOff(Schedule):
    """A schedule that puts a scan off when it is told to."""

    is_full = False

    def check_in(self, claim: Claim) -> None:
        """As the real one, but for that."""
        if self.is_full:
            raise PutOffError
        super().check_in(claim)


class House:
    """One worker with a vault, above a fake scanner."""

    def __init__(self, tmp_path: Path, *, policy: Policy = Policy(), takes: bool = True) -> None:  # noqa: B008 - frozen
        self.root, self.state = tmp_path / "root", tmp_path / "state"
        for directory in (self.root, self.state):
            directory.mkdir(exist_ok=True)
        self.policy, self.defused, self.health = policy, threading.Event(), Health()
        self.store, self.vault = Store(self.state), Vault(self.state / "vault")
        self.schedule = PuttingOff(self.store)
        self.moves = QuarantinePolicy(
            takes=lambda verdict: takes and verdict.rank >= Verdict.UNSAFE.rank, trees=lambda: (named(self.root),)
        )
        self.mover = Mover(self.store, self.health, lambda: self.vault, lambda: self.moves)
        outcomes = OutcomeLog(self.store)
        self.stages = Stages(
            store=self.store,
            store_failures=StoreFailures(self.store, self.health),
            schedule=self.schedule,
            actions=Actions(outcomes, self.mover, LateNames(self.store, outcomes)),
            watch=LocalWatch(),
            self_tests=SelfTestAnswers(self.store, self.state / "canary", lambda: self.vault, lambda: self.moves),
            statistics=ScanStatistics(),
        )
        context = ScanContext(
            make_scanner=functools.partial(FakeScanner, self.defused),
            policy=lambda: self.policy,
            engine=ENGINE,
            opens=self._open,
            holds=hold_directory,
            seconds=60.0,
        )
        self.workers = Workers(self.stages, context, 2)
        self.workers.start()

    def _open(self, path: str, _identity: Identity, _more: Callable[[], Iterable[str]]) -> Subject:
        return open_subject(path)

    def put(self, name: str, content: bytes) -> Path:
        """Write a file and queue it."""
        path = self.root / name
        path.write_bytes(content)
        self.offer(path)
        return path

    def offer(self, path: Path) -> None:
        """Queue a file."""
        self.store.jobs.offer([make_candidate(path)], ENGINE.key)
        self.workers.wake()

    def gone(self, path: Path) -> bool:
        """Return True if the file loses its name in time."""
        return eventually(lambda: parse_tombstone(path.read_bytes()) is not None)

    def ended(self) -> bool:
        """Return True if every scan ends in time."""
        return eventually(lambda: not len(self.store.jobs) and not self.schedule.claimed())

    def close(self) -> None:
        """End it."""
        self.workers.cancel()
        assert self.workers.join(PATIENCE)
        self.store.close()
        self.vault.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A worker with a vault."""
    house = House(tmp_path)
    yield house
    house.close()


def test_the_name_is_gone_while_the_scan_goes_on(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """The record is completed when it ends: one record, one line, and the item knows what the whole scan found."""
    path = house.put("m", LONG)
    assert house.gone(path)
    assert len(house.schedule.claimed()) == 1, "the scan goes on"
    (early,) = house.store.records.latest()
    assert (early["verdict"], early["sha256"]) == ("malicious", None)
    assert "missing" in early["findings"][-1]["summary"], "what a crash leaves says what it lacks"
    assert [item.state for item in house.vault.items()] == [State.MOVING]
    assert house.vault.recover() == [], "nobody touches the item meanwhile"
    house.defused.set()
    assert house.ended()
    (record,) = house.store.records.latest()
    assert (record["id"], record["sha256"], record["reasons"]) == (early["id"], SHA256, ["unsafe-import"])
    assert [finding["rule"] for finding in record["findings"]] == ["unsafe-import"]
    (item,) = house.vault.items()
    assert (item.state, item.sha256, item.reasons) == (State.QUARANTINED, SHA256, ("unsafe-import",))
    assert house.store.intents.counts() == {"done": 1}
    assert capsys.readouterr().out.count("file.scanned") == 1


@pytest.mark.parametrize("how", ["put off", "cancelled"])
def test_a_scan_that_ends_early_leaves_a_record_that_says_what_is_missing(house: House, how: str) -> None:
    """Nobody would find the file again under its name; its digest comes from the vault."""
    path = house.put("m", LONG)
    assert house.gone(path)
    if how == "put off":
        house.schedule.is_full = True
    else:
        house.workers.cancel()
    assert house.ended()
    (record,) = house.store.records.latest()
    assert record["reasons"] == ["unsafe-import", "scan-incomplete"]
    assert "missing" in record["findings"][-1]["summary"]
    (item,) = house.vault.items()
    assert item.state is State.QUARANTINED
    assert record["sha256"] == item.sha256 == SHA256


def test_a_scan_that_is_put_off_acts_on_the_harm_first(house: House) -> None:
    """However soon that is."""
    house.schedule.is_full = True
    path = house.put("m", LONG)
    assert house.gone(path)
    assert house.ended()


def test_hard_links_lose_the_content_when_the_scan_has_ended(house: House) -> None:
    """Not before: the scan reads the very inode that they lead to."""
    other = house.state / "other"
    path = house.root / "m"
    path.write_bytes(LONG)
    other.hardlink_to(path)
    house.put("m", LONG)
    assert house.gone(path)
    assert other.read_bytes() == LONG
    house.defused.set()
    assert house.ended()
    assert parse_tombstone(other.read_bytes()) is not None
    (item,) = house.vault.items()
    assert item.disarmed


def test_a_file_that_is_not_to_be_moved_is_scanned_to_its_end(tmp_path: Path) -> None:
    """With quarantine off, nothing is recorded before."""
    house = House(tmp_path, takes=False)
    path = house.put("m", LONG)
    house.put("n", b"good")  # the other worker's: when it is judged, the first has seen its harm
    assert eventually(lambda: len(house.store.records) == 1)
    house.defused.set()
    assert house.ended()
    assert path.read_bytes() == LONG
    assert len(house.store.records) == 2
    house.close()


@pytest.mark.parametrize("has_size", [True, False])
def test_an_allowed_content_is_hashed_before_it_is_moved(tmp_path: Path, has_size: bool) -> None:  # noqa: FBT001 - a parameter
    """It stays, although its harm is known long before a scan would have hashed it; others of its size go."""
    ours, theirs = b"evil bomb 1", b"evil bomb 2"
    digest = hashlib.sha256(ours).hexdigest()
    allowed = Policy(allowed_digests={digest: "ours"}, allowed_sizes={digest: len(ours)} if has_size else {})
    house = House(tmp_path, policy=allowed)
    path = house.put("ours", ours)
    assert house.gone(house.put("theirs", theirs))
    house.defused.set()
    assert house.ended()
    assert path.read_bytes() == ours
    assert house.store.records.counts()["allowed"] == 1
    house.close()


def test_a_refused_move_is_recorded_once(tmp_path: Path, house: House) -> None:
    """The early record is completed in its place, and the refusal is not asked for again."""
    house.moves = QuarantinePolicy(takes=lambda _verdict: True)
    path = house.put("m", LONG)
    assert eventually(lambda: house.store.intents.counts() == {"refused": 1})
    house.defused.set()
    assert house.ended()
    assert path.read_bytes() == LONG
    (record,) = house.store.records.latest()
    assert (record["sha256"], record["reasons"]) == (SHA256, ["unsafe-import"])
    assert house.store.intents.counts() == {"refused": 1}
    assert house.store.jobs.offer([make_candidate(path)], ENGINE.key).known == 1


def test_what_was_moved_early_is_not_lost_by_a_kill(house: House) -> None:
    """A daemon that dies during the scan leaves a record, and an item that the next one completes."""
    path = house.root / "m"
    path.write_bytes(LONG)
    with open_subject(path) as subject:
        early = EarlyMove(subject, Policy(), ENGINE, house.stages, lambda: None)

        def act() -> None:
            early.act()
            house.defused.set()

        FakeScanner(house.defused).scan(subject.fd, act, early.see)
    assert early._taking is not None
    early._taking.close()  # as the kernel does
    house.mover.recover()
    house.mover.contents.finish()
    (item,) = house.vault.items()
    assert (item.state, item.sha256) == (State.QUARANTINED, SHA256)
    assert parse_tombstone(path.read_bytes()) == item.id
    ((_, record),) = house.store.records.unreported()
    assert (record["sha256"], record["reasons"]) == (SHA256, ["unsafe-import", "scan-incomplete"])
    assert house.store.intents.counts() == {"done": 1}


def test_one_touch_does_not_keep_a_file_in_its_place_for_the_next_scan_as_well(house: House) -> None:
    """A file touched during one scan is taken early during the next, not at the end of the third."""
    path = house.root / "m"
    path.write_bytes(LONG)
    taken: list[bool] = []
    with open_subject(path) as subject:
        early = EarlyMove(subject, Policy(), ENGINE, house.stages, lambda: None)

        def touch() -> None:
            os.utime(path, (0, 0))
            act()

        def act() -> None:
            early.act()
            taken.append(early.is_taken)
            house.defused.set()

        for during in (touch, act):
            house.defused.clear()
            early.begin()
            FakeScanner(house.defused).scan(subject.fd, during, early.see)
        early.close()
    assert taken == [False, True]


class Scanning:
    """Scans a file as a worker does, and does something to it after each harm that is seen."""

    def __init__(self, house: House, path: Path, during: Callable[[], object]) -> None:
        self._house, self._path, self._during = house, path, during
        self._early: EarlyMove
        self.scans = 0

    def scan(self, fd: int) -> ScanReport:
        """As the real one does."""
        self.scans += 1
        self._house.defused.clear()
        self._early.begin()
        return FakeScanner(self._house.defused).scan(fd, self._act, self._early.see)

    def _act(self) -> None:
        self._during()
        self._house.defused.set()
        self._early.act()

    def run(self) -> Record:
        """Scan it until it is judged."""
        with open_subject(self._path) as subject:
            self._early = EarlyMove(subject, Policy(), ENGINE, self._house.stages, lambda: None)
            record = scan_file(subject, self, Policy(), ENGINE, is_taken=lambda: self._early.is_taken)
            self._early.close()
            return record


@pytest.mark.parametrize("size", [1 << 10, DIGEST_ALWAYS + 1])
@pytest.mark.parametrize("where", [os.SEEK_CUR, os.SEEK_END])
def test_a_writer_buys_a_harmful_file_no_time(house: House, size: int, where: int) -> None:
    """Held open and written to all the time, no two looks at it agree; its harm is there in both, and it is taken."""
    path = house.root / "m"
    path.write_bytes(LONG)
    os.truncate(path, size)
    with path.open("r+b", buffering=0) as writer:
        writer.seek(len(LONG))

        def write() -> None:
            writer.seek(0, where)
            writer.write(b"x")

        scanning = Scanning(house, path, write)
        assert scanning.run().judgement.verdict is Verdict.MALICIOUS
        assert scanning.scans == 2
        assert parse_tombstone(path.read_bytes()) is not None
        writer.seek(0)
        writer.write(b"its writer goes on")
    (item,) = house.vault.items()
    assert (house.state / "vault" / item.id / "data").read_bytes().startswith(b"its writer goes on")


@pytest.mark.parametrize("size", [1 << 10, DIGEST_ALWAYS + 1])
def test_harm_that_its_writer_took_away_moves_nothing(house: House, size: int) -> None:
    """What one scan saw may have been replaced by something honest: that stays."""
    path = house.root / "m"
    path.write_bytes(LONG)
    os.truncate(path, size)
    with path.open("r+b", buffering=0) as writer:
        Scanning(house, path, lambda: writer.write(b"good")).run()
    assert path.read_bytes().startswith(b"good")
    assert house.vault.items() == []


@pytest.mark.parametrize("size", [1 << 10, DIGEST_ALWAYS + 1])
def test_a_shape_moves_nothing_that_is_written_to(house: House, size: int) -> None:
    """Half of an honest archive that is being replaced can look like a forged one, and in two scans in a row."""
    path = house.root / "m"
    path.write_bytes(LONG + b" shape")
    os.truncate(path, size)
    with path.open("r+b", buffering=0) as writer:
        writer.seek(len(LONG) + 10)
        record = Scanning(house, path, lambda: writer.write(b"x")).run()
    assert "changed-while-scanned" in record.judgement.reasons
    assert path.read_bytes().startswith(LONG)
    assert house.vault.items() == []


@root_only
def test_a_file_that_is_linked_again_is_moved_again(house: House) -> None:
    """Only a name in the watched directory is taken from another user's file that has more; each new one goes, too."""
    house.defused.set()
    theirs = house.root.parent / "theirs"
    theirs.write_bytes(b"evil file")
    os.chown(theirs, NOBODY, NOBODY)
    for name in ("first", "second"):
        (house.root / name).hardlink_to(theirs)
        house.offer(house.root / name)
        assert house.gone(house.root / name)
    assert theirs.read_bytes() == b"evil file"


@root_only
def test_a_file_that_is_linked_again_is_moved_while_its_scan_goes_on(house: House) -> None:
    """Its record is of the name that is gone until the scan has ended: the new one is known from the scan."""
    theirs = house.root.parent / "theirs"
    theirs.write_bytes(LONG)
    os.chown(theirs, NOBODY, NOBODY)
    for name in ("first", "second", "third"):
        house.defused.clear()
        (house.root / name).hardlink_to(theirs)
        house.offer(house.root / name)
        assert house.gone(house.root / name)
        house.defused.set()
        assert house.ended()
    assert theirs.read_bytes() == LONG
    assert house.store.intents.counts() == {"done": 1}


@root_only
def test_a_name_that_a_file_gets_during_a_long_scan_does_not_wait_for_its_end(house: House) -> None:
    """The scan of the first name goes on for ever; each other is taken with the harm that is known."""
    theirs = house.root.parent / "theirs"
    theirs.write_bytes(LONG)
    os.chown(theirs, NOBODY, NOBODY)
    for name in ("first", "second", "third"):
        (house.root / name).hardlink_to(theirs)
        house.offer(house.root / name)
        assert house.gone(house.root / name)
    house.defused.set()
    assert house.ended()
    assert theirs.read_bytes() == LONG
    assert set(house.store.intents.counts()) == {"done"}


def test_a_link_that_is_made_during_a_long_scan_loses_the_content(house: House) -> None:
    """A file that was moved as a whole has it under every name, for as long as the scan reads it; that ends."""
    other = house.state / "other"
    path = house.root / "m"
    path.write_bytes(LONG)
    other.hardlink_to(path)
    house.offer(path)
    assert house.gone(path)
    (house.root / "linked").hardlink_to(other)
    house.offer(house.root / "linked")
    assert house.gone(house.root / "linked")
    assert house.gone(other)
    (record,) = house.store.records.latest((Verdict.MALICIOUS,))
    assert record["reasons"] == ["unsafe-import", "scan-incomplete"]


def test_names_that_cannot_be_taken_do_not_keep_a_scan_from_its_end(house: House) -> None:
    """One that was known when the move was refused is dealt with; only what comes later ends the scan."""
    watched = house.moves
    house.defused.set()
    house.moves = QuarantinePolicy(takes=lambda _verdict: True)
    path, other, later = (house.root / name for name in ("m", "other", "later"))
    path.write_bytes(LONG)
    other.hardlink_to(path)
    with open_subject(path) as subject:
        house.store.records.add_name(subject.file, str(other))
        early = EarlyMove(subject, Policy(), ENGINE, house.stages, lambda: None)
        early.begin()
        FakeScanner(house.defused).scan(subject.fd, harm=early.see)
        early.act()
        assert house.store.intents.counts() == {"refused": 1}
        house.moves = watched
        early.tick()
        later.hardlink_to(path)
        house.store.records.add_name(subject.file, str(later))

        def is_seen() -> bool:
            try:
                early.tick()
            except LinkedError:
                return True
            return False

        assert eventually(is_seen)


@root_only
def test_each_of_several_names_is_taken(house: House) -> None:
    """Whoever links another user's file twice before it is judged saves neither name, and the file stays."""
    house.defused.set()
    theirs = house.root.parent / "theirs"
    theirs.write_bytes(b"evil file")
    os.chown(theirs, NOBODY, NOBODY)
    names = [house.root / f"{number}" for number in range(3)]
    for path in names:
        path.hardlink_to(theirs)
    house.store.jobs.offer([make_candidate(path) for path in names], ENGINE.key)
    house.workers.wake()
    for path in names:
        assert house.gone(path)
    assert theirs.read_bytes() == b"evil file"


@root_only
def test_a_new_name_of_a_file_whose_content_is_to_follow_is_judged(house: House) -> None:
    """Whoever links the name that it has beside its place, and touches that, does not hide the link behind it."""
    house.defused.set()
    theirs = house.root.parent / "theirs"
    theirs.write_bytes(b"evil file".ljust(17 << 20))
    os.chown(theirs, NOBODY, NOBODY)
    (house.root / "first").hardlink_to(theirs)
    house.offer(house.root / "first")
    assert house.gone(house.root / "first")
    assert house.ended()
    (beside,) = house.root.glob(".picklewatch-*.taken")
    (house.root / "second").hardlink_to(beside)
    house.store.jobs.offer([make_candidate(house.root / "second"), make_candidate(beside)], ENGINE.key)
    house.workers.wake()
    assert house.gone(house.root / "second")
    assert theirs.read_bytes().startswith(b"evil file")


@pytest.mark.parametrize("how", ["at once", "later"])
def test_what_was_given_back_by_force_and_is_hostile_is_taken_again(house: House, how: str) -> None:
    """It was changed in the vault, and is not allowed; also if the move is made later, from the record."""
    house.defused.set()
    path = house.put("m", b"evil file")
    assert house.gone(path)
    assert house.ended()
    (first,) = house.vault.items()
    stored = house.state / "vault" / first.id / "data"
    stored.chmod(0o600)
    stored.write_bytes(LONG)
    house.vault.restore(first.id, None, force=True)
    if how == "at once":
        house.offer(path)
    else:
        record = make_record(str(path), FileId.of(path.stat()), Verdict.MALICIOUS, sha256=SHA256)
        house.store.finish(None, record, quarantine=True)
        assert house.mover.retry_all() == 1
    assert house.gone(path)
    assert house.ended()
    (second,) = house.vault.items()
    assert second.sha256 == SHA256
    assert house.store.intents.counts() == {"done": 2}
