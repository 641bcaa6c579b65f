"""Actions after a verdict, and their failures."""

from __future__ import annotations

import errno
import hashlib
import math
import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from support import quarantine_steps
from support.vaulting import Steps
from support.watching import make_record, named

from picklewatch.core.errors import QuarantineError
from picklewatch.core.model import FileId, Verdict
from picklewatch.core.tombstone import parse_tombstone
from picklewatch.quarantine.recovery import Recovery
from picklewatch.quarantine.refusals import (
    ChangedError,
    DiskFailsError,
    KeptError,
    NotPermittedError,
    StoreFullError,
    UnfinishedError,
)
from picklewatch.quarantine.vault import State, Vault
from picklewatch.service import moves
from picklewatch.service.actions import Actions
from picklewatch.service.late_names import LateNames
from picklewatch.service.move_pauses import MovePauses
from picklewatch.service.moves import Mover
from picklewatch.service.outcome_log import OutcomeLog
from picklewatch.service.quarantine_policy import QuarantinePolicy
from picklewatch.store import Store
from picklewatch.telemetry.health import Health

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from picklewatch.quarantine.item import Item
    from picklewatch.quarantine.moving import Suspect
    from picklewatch.quarantine.removal import Removal
    from picklewatch.quarantine.restoring import Allow
    from picklewatch.quarantine.taking import Taking


SHA256 = hashlib.sha256(b"evil").hexdigest()


class Refusing:
    """A vault that refuses, as often as it is told to, then works."""

    def __init__(self, directory: Path, *refusals: QuarantineError) -> None:
        self._vault = Vault(directory)
        self._refusals = list(refusals)

    def take(self, suspect: Suspect, *, tombstone: bool = True) -> Taking:
        """Refuse, or take the file in."""
        if self._refusals:
            raise self._refusals.pop(0)
        return self._vault.take(suspect, tombstone=tombstone)

    def finish(self, item_id: str) -> Item | None:
        """Let a content follow."""
        return self._vault.finish(item_id)

    def is_set_aside(self, path: str, file: FileId, owner: int) -> bool:
        """Return True if it is to follow."""
        return self._vault.is_set_aside(path, file, owner)

    def discard(self, item_id: str) -> None:
        """Remove an item."""
        self._vault.discard(item_id)

    @property
    def removal(self) -> Removal:
        """Delete items."""
        return self._vault.removal

    def restore(self, item_id: str, allow: Allow | None, *, reason: str = "") -> Item:
        """Give an item back."""
        return self._vault.restore(item_id, allow, reason=reason)

    def items(self, *, history: bool = False) -> list[Item]:
        """The held items."""
        return self._vault.items(history=history)

    def recover(self, *, whole: bool = True) -> list[Recovery]:
        """End what is left, and say that one step was ended."""
        return [*self._vault.recover(whole=whole), Recovery(id="0123456789ab", outcome="rolled-back", item=None)]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    (tmp_path / "state").mkdir()
    store = Store(tmp_path / "state")
    yield store
    store.close()


def judged(
    tmp_path: Path,
    store: Store,
    *refusals: QuarantineError,
    sha256: str | None = None,
    moved: Collection[Verdict] = (Verdict.UNSAFE, Verdict.MALICIOUS),
) -> tuple[Actions, Health, Path]:
    """A hostile file whose verdict was recorded and acted upon, with a vault that refuses."""
    root = tmp_path / "root"
    root.mkdir()
    path = root / "bad.pt"
    path.write_bytes(b"evil")
    health = Health()
    vault = Refusing(tmp_path / "vault", *refusals)
    policy = QuarantinePolicy(takes=lambda verdict: verdict in moved, trees=lambda: (named(root),))
    outcomes = OutcomeLog(store)
    mover = Mover(store, health, lambda: vault, lambda: policy)
    actions = Actions(outcomes, mover, LateNames(store, outcomes))
    fd = os.open(path, os.O_RDONLY)
    record = make_record(str(path), FileId.of(os.fstat(fd)), Verdict.MALICIOUS, sha256=sha256)
    actions.after(record, store.finish(None, record, quarantine=actions.mover.wants(record)), fd)
    os.close(fd)
    return actions, health, path


def test_a_full_vault_is_tried_again_until_there_is_room(tmp_path: Path, store: Store) -> None:
    """Degraded meanwhile, with what to do; then moved."""
    actions, health, path = judged(tmp_path, store, StoreFullError("no room", "Make room."))
    assert path.read_bytes() == b"evil"
    assert [(problem.what, problem.hint) for problem in health.problems] == [("quarantine-full", "Make room.")]
    assert store.intents.counts() == {"wanted": 1}
    assert actions.mover.retry_all() == 1
    assert store.intents.counts() == {"done": 1}
    assert not list(health.problems)


@pytest.mark.parametrize("change", ["level", "allowed", "policy"])
def test_what_waits_for_room_stays_if_somebody_thinks_better_of_it(tmp_path: Path, store: Store, change: str) -> None:
    """The level was set to off, or the content allowed: a move that could not be made before is not made any more."""
    moved = {Verdict.MALICIOUS}
    full = StoreFullError("no room", "make room")
    actions, health, path = judged(tmp_path, store, full, sha256=SHA256, moved=moved)
    assert store.intents.counts() == {"wanted": 1}
    if change == "level":
        moved.clear()
    elif change == "allowed":
        store.allowed.add(SHA256, "ours")
    else:
        store.records.forget_verdicts()
    actions.mover.retry_all()
    assert path.read_bytes() == b"evil"
    assert store.intents.counts() == {"refused": 1}
    actions.mover.retry_all()
    assert health.problems == ()
    if change == "level":  # and again
        moved.add(Verdict.MALICIOUS)
        store.intents.want_all([Verdict.MALICIOUS])
        assert actions.mover.retry_all() == 1
        assert parse_tombstone(path.read_bytes())


def test_a_move_that_another_holds_up_is_made_later(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other's file system may not answer: whoever judges files does not wait for it."""
    monkeypatch.setattr(moves, "_MOVING_SECONDS", 0.01)
    actions, health, path = judged(tmp_path, store, StoreFullError("no room", "make room"))
    with actions.mover._moving:
        assert actions.mover.retry_all() == 0
    assert path.exists()
    assert store.intents.counts() == {"wanted": 1}
    assert actions.mover.retry_all() == 1
    assert store.intents.counts() == {"done": 1}
    assert not list(health.problems)


def test_an_unfinished_move_stays_wanted(tmp_path: Path, store: Store) -> None:
    """The vault's journal has it; it is ended later."""
    actions, _, _ = judged(tmp_path, store, UnfinishedError("half way"))
    assert store.intents.counts() == {"wanted": 1}
    actions.catch_up()
    assert store.intents.counts() == {"done": 1}


def test_a_disk_that_fails_is_tried_again(tmp_path: Path, store: Store) -> None:
    """It is no reason to leave the file where it is for good; until then something is wrong."""
    actions, health, _ = judged(tmp_path, store, DiskFailsError("broken"), UnfinishedError("half way"))
    assert [problem.what for problem in health.problems] == ["quarantine-disk"]
    assert actions.mover.retry_all() == 0
    assert actions.mover.retry_all() == 1
    assert store.intents.counts() == {"done": 1}
    assert not list(health.problems)


@pytest.mark.parametrize("at", range(30))
def test_a_move_that_a_disk_stopped_half_way_is_not_taken_for_made(tmp_path: Path, store: Store, at: int) -> None:
    """Whatever the step was from which on everything failed: when the disk works again, the file is moved."""

    def fail() -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    before, quarantine_steps.observer = quarantine_steps.observer, Steps(at, fail, forever=True)
    try:
        actions, health, path = judged(tmp_path, store)
        actions.mover.retry_all()
    finally:
        quarantine_steps.observer = before
    actions.mover.retry_all()
    actions.mover.contents.finish()
    assert store.intents.counts() == {"done": 1}
    with Vault(tmp_path / "vault") as vault:
        (item,) = vault.items()
    assert item.state is State.QUARANTINED
    assert parse_tombstone(path.read_bytes()) == item.id
    actions.mover.retry_all()
    assert not list(health.problems)


@pytest.mark.parametrize(
    ("refusal", "level"),
    [
        (ChangedError("another file now"), "info"),
        (KeptError("replaced, and what was swapped in is kept"), "warning"),
        (QuarantineError("not permitted", "Use the drop-in."), "error"),
    ],
)
def test_a_refusal_is_said_and_not_repeated(
    tmp_path: Path, store: Store, refusal: QuarantineError, level: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing was changed; only a new outcome, a restart or a reload asks again."""
    actions, _, path = judged(tmp_path, store, refusal)
    assert store.intents.counts() == {"refused": 1}
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "quarantine.refused" in line]
    assert level in line
    assert refusal.message in line
    assert actions.mover.retry_all() == 0
    assert path.read_bytes() == b"evil"
    assert store.intents.want_all([Verdict.MALICIOUS]) == 1
    assert actions.mover.retry_all() == 1
    assert store.intents.counts() == {"done": 1}


def test_a_file_that_may_not_be_moved_is_a_problem_until_it_is(
    tmp_path: Path, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    """An immutable file, say: status is not healthy, it is tried again, and the log says so once."""
    refusals = [NotPermittedError("not permitted", "Use the drop-in.") for _ in range(3)]
    actions, health, path = judged(tmp_path, store, *refusals)
    assert [(problem.what, problem.subject) for problem in health.problems] == [("quarantine-refused", str(path))]
    assert store.intents.counts() == {"wanted": 1}
    assert store.intents.refusals() == [{"path": str(path), "reason": "not permitted", "verdict": "malicious"}]
    assert actions.mover.retry_all() == 0
    assert store.intents.counts() == {"wanted": 1}, "it pauses"
    for _ in range(3):
        actions.mover._refusals._pauses._clock = lambda: math.inf
        actions.mover.retry_all()
    assert parse_tombstone(path.read_bytes()) is not None
    assert not health.problems
    assert store.intents.refusals() == []
    assert capsys.readouterr().out.count("quarantine.refused") == 1


def test_the_pauses_between_attempts_grow() -> None:
    """Up to five minutes; a move that is closed is forgotten."""
    now = 0.0
    pauses = MovePauses(lambda: now)
    assert pauses.is_due(1)
    assert [pauses.put_off(1) for _ in range(6)] == [20.0, 40.0, 80.0, 160.0, 300.0, 300.0]
    assert not pauses.is_due(1)
    now = 300.0
    assert pauses.is_due(1)
    pauses.keep([2])
    assert pauses.put_off(1) == 20.0


def test_a_pause_is_over_when_what_forbids_the_move_may_have_changed(tmp_path: Path) -> None:
    """``chattr -i`` and ``chmod`` of the directory are not announced, and change these times."""
    pauses = MovePauses(lambda: 0.0)
    path = tmp_path / "held" / "m"
    path.parent.mkdir()
    path.touch()
    for forbidding in (path, path.parent):
        pauses.put_off(1, str(path))
        assert not pauses.is_due(1)
        time.sleep(0.02)  # the kernel's clock of files ticks slowly
        forbidding.chmod(0o700)
        assert pauses.is_due(1)


def test_a_wanted_file_that_is_gone_closes_the_intent(tmp_path: Path, store: Store) -> None:
    """Somebody deleted it before it could be moved."""
    actions, _, path = judged(tmp_path, store, StoreFullError("no room"))
    path.unlink()
    assert actions.mover.retry_all() == 1
    assert store.intents.counts() == {"refused": 1}


def test_what_was_moved_about_is_judged_again_where_it_is(tmp_path: Path, store: Store) -> None:
    """A refusal because the file is not where it was judged queues it under its present name, with no new outcome."""
    _, _, path = judged(tmp_path, store, ChangedError("another file now"))
    job = store.jobs.claim()
    assert job is not None
    assert job.path == str(path)
    record = make_record(str(path), FileId.of(path.stat()), Verdict.MALICIOUS, sha256=None)
    assert not store.finish(job, record, quarantine=True).fresh
    assert store.intents.counts() == {"wanted": 1}


def test_what_the_vault_recovers_is_logged(tmp_path: Path, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """The operator learns what a crash had left."""
    actions, _, _ = judged(tmp_path, store)
    actions.mover.recover()
    assert "quarantine.recovered" in capsys.readouterr().out


def test_an_allowed_or_harmless_file_is_never_moved(tmp_path: Path, store: Store) -> None:
    """Only the verdict and the operator's level decide."""
    actions, _, path = judged(tmp_path, store)
    file = FileId(1, 2, 3, 4, 5)
    assert not actions.mover.wants(make_record(str(path), file, Verdict.UNVERIFIED))
    assert not actions.mover.wants(make_record(str(path), None, Verdict.MALICIOUS))
    assert actions.mover.wants(make_record(str(path), file, Verdict.UNSAFE))


def test_one_allowed_import_does_not_save_a_file_from_another_s_harm(tmp_path: Path, store: Store) -> None:
    """The verdict says what is left after the allowing, and that counts."""
    actions, _, path = judged(tmp_path, store)
    partly = make_record(str(path), FileId(1, 2, 3, 4, 5), Verdict.UNSAFE)
    assert actions.mover.wants(replace(partly, judgement=replace(partly.judgement, allowed="mylib.Net: ours")))


@pytest.mark.parametrize("told", [True, False], ids=["vouched", "not vouched"])
def test_what_was_given_back_stays_when_the_database_is_lost(tmp_path: Path, store: Store, told: bool) -> None:  # noqa: FBT001 - a parameter
    """The vault's journals know what somebody vouched for; nothing else is allowed by them."""
    judged(tmp_path, store)
    with Vault(tmp_path / "vault") as vault:
        (item,) = vault.items()
        assert item.sha256 is not None
        vault.restore(item.id, store.allowed.add if told else None, reason="ours \x1b[2J" * 100)
    store.close()
    for path in (tmp_path / "state").glob("picklewatch.db*"):
        path.write_bytes(b"garbage" * 10_000)
    again = Store(tmp_path / "state")
    mover = Mover(again, Health(), lambda: Refusing(tmp_path / "vault"), QuarantinePolicy)
    assert again.allowed.all() == {}
    for _ in range(2):
        mover.recover()
        assert list(again.allowed.all()) == ([item.sha256] if told else [])
    assert all(reason.startswith("ours") for reason in again.allowed.all().values())
    again.close()
