"""Somebody swaps files in the very moment of a step: deterministic, one race a test."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import pytest
from support import quarantine_steps
from support.vaulting import CONTENT, Lab, file_system, in_child, lab

from picklewatch.core.errors import QuarantineError
from picklewatch.core.tombstone import tombstone
from picklewatch.quarantine.refusals import KeptError
from picklewatch.quarantine.vault import ChangedError, State, Vault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def made() -> Iterator[Lab]:
    """Give a laboratory."""
    with lab() as result:
        yield result


class At:
    """A hook that acts just before the steps of one name: the first action at the first of them, and so on."""

    def __init__(self, step: str, *acts: Callable[[], object]) -> None:
        self._step, self._acts = step, list(acts)

    def __call__(self, step: str) -> None:
        """Act if it is time."""
        if step == self._step and self._acts:
            self._acts.pop(0)()


def put(made: Lab, content: bytes) -> Callable[[], object]:
    """Return what replaces whatever has the hostile file's name, as a download does."""

    def act() -> None:
        new = made.base / "new"
        new.write_bytes(content)
        new.rename(made.path)

    return act


def swap_in_directory(made: Lab) -> None:
    """Put a directory where the file was."""
    made.path.unlink()
    made.path.mkdir()
    made.path.joinpath("precious").write_bytes(b"precious")


def nothing() -> None:
    """Let the step be."""


@pytest.mark.parametrize(
    ("kind", "step"),
    [("plain", "exchange"), ("no-exchange", "move"), ("links-only", "move"), ("other-mount", "exchange")],
)
def test_a_stranger_gets_its_name_back(made: Lab, kind: str, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replaced just before it is taken: the other file is where it was, and there is no item."""
    file_system(monkeypatch, kind)
    # the tombstone itself is moved into its name first; across mounts the first exchange fails
    earlier = [nothing] if kind != "plain" else []
    monkeypatch.setattr(quarantine_steps, "observer", At(step, *earlier, put(made, b"stranger")))
    with pytest.raises(ChangedError):
        made.quarantine()
    monkeypatch.setattr(quarantine_steps, "observer", quarantine_steps.nothing)
    assert made.watched_files() == {made.relative: b"stranger"}
    assert made.items() == []
    made.check_books()


def test_a_directory_gets_its_name_back(made: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory swapped in comes back with what is in it."""
    monkeypatch.setattr(quarantine_steps, "observer", At("exchange", lambda: swap_in_directory(made)))
    with pytest.raises(ChangedError):
        made.quarantine()
    assert made.path.joinpath("precious").read_bytes() == b"precious"
    assert made.items() == []


def foreign(made: Lab, monkeypatch: pytest.MonkeyPatch, stranger: Callable[[], object]) -> str:
    """Make a foreign item: a stranger is taken, and its name is taken meanwhile."""
    monkeypatch.setattr(quarantine_steps, "observer", At("exchange", stranger, put(made, b"newcomer")))
    with pytest.raises(KeptError, match="is kept in quarantine") as caught:
        made.quarantine()
    monkeypatch.setattr(quarantine_steps, "observer", quarantine_steps.nothing)
    (item,) = made.items()
    assert item.id in caught.value.hint
    assert item.state is State.FOREIGN
    return item.id


def test_a_stranger_without_a_name_is_kept(made: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is lost: one of both has the name, the other is in the vault, and can be had from there."""
    item_id = foreign(made, monkeypatch, put(made, b"stranger"))
    data = made.store / item_id / "data"
    assert {made.path.read_bytes(), data.read_bytes()} == {b"stranger", b"newcomer"}
    with Vault(made.store) as vault:
        assert vault.recover() == []
        with pytest.raises(QuarantineError, match="another file at the place"):
            vault.restore(item_id, made.allow)
        given = made.base / "given"
        vault.restore(item_id, made.allow, to=given)
    assert {made.path.read_bytes(), given.read_bytes()} == {b"stranger", b"newcomer"}
    assert made.allowed == []
    made.check_books()


def test_a_foreign_item_can_be_deleted(made: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the operator's to say."""
    item_id = foreign(made, monkeypatch, put(made, b"stranger"))
    with Vault(made.store) as vault:
        assert vault.removal.delete(item_id).state is State.DELETED
    made.check_books()


def test_without_a_tombstone_a_stranger_is_kept_too(made: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name is taken again while the stranger is out of it."""
    monkeypatch.setattr(quarantine_steps, "observer", At("move", put(made, b"stranger"), put(made, b"newcomer")))
    with pytest.raises(KeptError, match="is kept in quarantine"):
        made.quarantine(tombstone=False)
    (item,) = made.items()
    assert (item.state, (made.store / item.id / "data").read_bytes()) == (State.FOREIGN, b"stranger")
    assert made.path.read_bytes() == b"newcomer"


def test_across_mounts_a_stranger_is_kept_beside_its_name(made: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """There it can't come into the vault: it gets a name that people see."""
    file_system(monkeypatch, "other-mount")
    monkeypatch.setattr(
        quarantine_steps, "observer", At("move", nothing, put(made, b"stranger"), put(made, b"newcomer"))
    )
    with pytest.raises(KeptError, match="is kept beside it: kept-by-picklewatch-"):
        made.quarantine(tombstone=False)
    kept = [name for name in made.watched_files() if "kept-by-picklewatch-" in name]
    assert len(kept) == 1
    assert made.watched_files() == {made.relative: b"newcomer", kept[0]: b"stranger"}
    assert made.items() == []


@pytest.mark.parametrize("kind", ["plain", "other-mount", "no-exchange"])
def test_restoring_replaces_nothing_that_comes_in_between(
    made: Lab, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tombstone is replaced just before it is swapped out: the newcomer stays, the item stays."""
    item = made.quarantine()
    file_system(monkeypatch, kind)
    step = "move" if kind == "no-exchange" else "exchange"
    earlier = [nothing] if kind == "other-mount" else []
    monkeypatch.setattr(quarantine_steps, "observer", At(step, *earlier, put(made, b"newcomer")))
    with Vault(made.store) as vault:
        with pytest.raises(QuarantineError, match="another file"):
            vault.restore(item.id, made.allow)
        monkeypatch.setattr(quarantine_steps, "observer", quarantine_steps.nothing)
        assert vault.show(item.id).state is State.QUARANTINED
        assert vault.recover() == []
    assert made.watched_files() == {made.relative: b"newcomer"}
    assert (made.store / item.id / "data").read_bytes() == CONTENT


def test_killed_while_a_newcomer_is_in_the_vault(made: Lab) -> None:
    """The same, and killed before it can be given back: recovery does."""
    item = made.quarantine()

    def restore() -> None:
        quarantine_steps.observer = At("exchange", put(made, b"newcomer"), lambda: os._exit(99))
        Vault(made.store).restore(item.id, made.allow)

    assert in_child(restore) == 99
    with Vault(made.store) as vault:
        assert [recovery.outcome for recovery in vault.recover()] == ["quarantined"]
        assert vault.recover() == []
    assert made.watched_files() == {made.relative: b"newcomer"}
    assert (made.store / item.id / "data").read_bytes() == CONTENT


@pytest.mark.parametrize("gone", [False, True])
def test_killed_while_a_stranger_is_in_the_vault(made: Lab, gone: bool) -> None:  # noqa: FBT001 - a parameter
    """Recovery gives it back, or keeps it if there is no directory to give it back to."""

    def take() -> None:
        quarantine_steps.observer = At("exchange", put(made, b"stranger"), lambda: os._exit(99))
        made.quarantine()

    assert in_child(take) == 99
    if gone:
        made.path.unlink()
        made.path.parent.rmdir()
    with Vault(made.store) as vault:
        assert [recovery.outcome for recovery in vault.recover()] == ["foreign" if gone else "rolled-back"]
        assert vault.recover() == []
        if gone:
            (item,) = vault.items()
            vault.restore(item.id, None, to=made.base / "given")
    place = made.base / "given" if gone else made.path
    assert place.read_bytes() == b"stranger"
    made.check_books()


def test_deleting_spares_what_took_the_tombstones_place(made: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replaced just before the tombstone is taken away: the newcomer stays."""
    item = made.quarantine()
    monkeypatch.setattr(quarantine_steps, "observer", At("move", put(made, b"newcomer")))
    with Vault(made.store) as vault:
        assert vault.removal.delete(item.id).state is State.DELETED
    assert made.watched_files() == {made.relative: b"newcomer"}
    made.check_books(replaced=True)


def test_written_while_copied(made: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that grows while it is copied is copied again: nothing of it is lost, and it can't be loaded meanwhile."""
    file_system(monkeypatch, "other-mount")

    def append() -> None:
        (aside,) = made.path.parent.glob(".picklewatch-*.taken")
        aside.chmod(0o600)
        with aside.open("ab") as file:
            file.write(b"more")

    monkeypatch.setattr(quarantine_steps, "observer", At("allocate", *[nothing] * 4, append))
    item = made.quarantine(sha256=None)
    assert made.path.read_bytes() == tombstone(item.id)
    assert (made.store / item.id / "data").read_bytes() == CONTENT + b"more"
    assert item.sha256 == hashlib.sha256(CONTENT + b"more").hexdigest()
    made.check_books()


def test_no_room_to_disarm_hard_links(made: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the other names are only closed, and the item says so."""
    made.other.hardlink_to(made.path)

    def full() -> None:
        raise OSError(28, "full")

    monkeypatch.setattr(quarantine_steps, "observer", At("allocate", nothing, nothing, full))
    item = made.quarantine()
    assert (item.state, item.links, item.disarmed) == (State.QUARANTINED, 1, False)
    assert made.other.read_bytes() == CONTENT
    made.check_books()
