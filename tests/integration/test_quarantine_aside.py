"""Files whose content can't be moved: the name goes first, the content is copied afterwards and holds nobody up."""

from __future__ import annotations

import os
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.directories import open_places
from support.vaulting import CONTENT, NOBODY, SHA256, Lab, file_system, lab, root_only
from support.watching import PATIENCE

from picklewatch.core.errors import QuarantineError
from picklewatch.core.model import FileId
from picklewatch.core.tombstone import tombstone
from picklewatch.quarantine import copying
from picklewatch.quarantine.refusals import StoreFullError, UnfinishedError
from picklewatch.quarantine.vault import State, Vault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from picklewatch.quarantine.place import Place


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """A laboratory whose vault is on another mount than the files."""
    file_system(monkeypatch, "other-mount")
    with lab() as made:
        yield made


def before_copying(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    """Let *act* happen before each copy of a content."""
    real = copying.copy

    def copy(source: int, target: Place, size: int) -> str:
        act()
        return real(source, target, size)

    monkeypatch.setattr(copying, "copy", copy)


def full() -> None:
    """There is no room."""
    raise OSError(28, "full")


def waiting(made: Lab, monkeypatch: pytest.MonkeyPatch) -> str:
    """The id of an item whose content finds no room in the vault."""
    before_copying(monkeypatch, full)
    with pytest.raises(UnfinishedError) as caught:
        made.quarantine()
    assert isinstance(caught.value.cause, StoreFullError)
    (item,) = made.items()
    assert item.state in {State.TAKEN, State.COPYING}
    assert made.path.read_bytes() == tombstone(item.id)
    assert made.copies() == 1
    return item.id


def test_the_name_is_gone_before_anything_is_copied(made: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """While three gigabytes are copied, nobody can load them by their name, nor read them under the other one."""
    seen: list[tuple[bytes, int]] = []

    def look() -> None:
        (beside,) = made.path.parent.glob(".picklewatch-*.taken")
        seen.append((made.path.read_bytes(), beside.stat().st_mode & 0o777))

    before_copying(monkeypatch, look)
    item = made.quarantine()
    assert seen == [(tombstone(item.id), 0o400)]
    assert (item.state, item.copied, item.sha256) == (State.QUARANTINED, True, SHA256)
    made.check_books()


def test_a_copy_at_work_holds_up_no_other_move(made: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """While one content is copied, other files are taken and given back, and nobody touches the item at work."""
    copying_now, go_on = threading.Event(), threading.Event()

    def wait() -> None:
        if not copying_now.is_set():
            copying_now.set()
            assert go_on.wait(PATIENCE)

    before_copying(monkeypatch, wait)
    thread = threading.Thread(target=made.quarantine)
    thread.start()
    try:
        assert copying_now.wait(PATIENCE)
        (large,) = made.items()
        made.relative, first = "hub/small.bin", made.relative
        made.put()
        with Vault(made.store) as vault:
            small = made.quarantine(vault)
            assert vault.recover() == []
            assert vault.finish(large.id) is None
            assert vault.show(large.id).state is not State.QUARANTINED
            vault.restore(small.id, made.allow)
    finally:
        go_on.set()
        thread.join()
    assert {item.relative: item.state for item in made.items()} == {
        first: State.QUARANTINED,
        "hub/small.bin": State.RESTORED,
    }
    made.check_books()


def test_a_content_without_room_waits_beside_its_place(made: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name stays gone; when there is room, the content follows."""
    item_id = waiting(made, monkeypatch)
    monkeypatch.undo()
    file_system(monkeypatch, "other-mount")
    with Vault(made.store) as vault:
        item = vault.finish(item_id)
    assert item is not None
    assert item.state is State.QUARANTINED
    made.check_books()


def test_what_waits_for_room_can_be_given_back(made: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """To its old place, without a copy; elsewhere only once it is in the vault."""
    item_id = waiting(made, monkeypatch)
    with Vault(made.store) as vault:
        with pytest.raises(QuarantineError, match="not in the vault yet"):
            vault.restore(item_id, made.allow, to=made.base / "elsewhere")
        assert vault.restore(item_id, made.allow, reason="ours").state is State.RESTORED
    assert made.allowed == [(SHA256, "ours")]
    assert made.path.read_bytes() == CONTENT
    assert made.path.stat().st_mode & 0o777 == 0o640
    made.check_books()


def test_what_waits_for_room_can_be_deleted(made: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its tombstone, as any item."""
    item_id = waiting(made, monkeypatch)
    with Vault(made.store) as vault:
        assert vault.removal.delete(item_id).state is State.DELETED
    assert made.copies() == 0
    made.check_books()


@pytest.mark.parametrize("how", ["removed", "renamed", "replaced"])
def test_what_somebody_takes_away_meanwhile_is_history(made: Lab, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The directory's owner can; the item says so, and a file that is not ours is left alone."""
    item_id = waiting(made, monkeypatch)
    (beside,) = made.path.parent.glob(".picklewatch-*.taken")
    with Vault(made.store) as vault:
        assert vault.is_set_aside(str(beside), FileId.of(beside.stat()), os.geteuid())
        if how == "removed":
            beside.unlink()
        else:
            beside.rename(made.root / beside.name)
        if how == "renamed":
            moved = made.root / beside.name
            assert not vault.is_set_aside(str(moved), FileId.of(moved.stat()), os.geteuid()), (
                "it is judged like any file"
            )
        if how == "replaced":
            beside.write_bytes(b"theirs")
            assert not vault.is_set_aside(str(beside), FileId.of(beside.stat()), os.geteuid())
        item = vault.finish(item_id)
        assert item is not None
        assert item.state is State.DELETED
        assert "removed" in item.note
        assert vault.recover() == []
    assert how != "replaced" or beside.read_bytes() == b"theirs"
    assert made.path.read_bytes() == tombstone(item_id)


def test_holes_stay_holes(made: Lab) -> None:
    """A hostile file with a hole of a terabyte finds room, too, and comes back as it was."""
    hole = 64 << 20
    with made.path.open("ab") as file:
        file.truncate(hole)
    item = made.quarantine(sha256=None)
    data = made.store / item.id / "data"
    assert (data.stat().st_size, data.read_bytes()[: len(CONTENT)]) == (hole, CONTENT)
    assert data.stat().st_blocks * 512 < hole // 8
    with Vault(made.store) as vault:
        vault.restore(item.id, made.allow)
    assert made.path.stat().st_blocks * 512 < hole // 8
    assert os.path.getsize(made.path) == hole  # noqa: PTH202


@pytest.mark.parametrize("kind", ["plain", "other-mount", "hard link"])
def test_extended_attributes_come_back(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user's own ones, whichever way the content went; what would be a right never does."""
    if kind == "other-mount":
        file_system(monkeypatch, kind)
    place = next((place for place in open_places() if has_attributes(place)), None)
    if place is None:
        pytest.skip("no file system has attributes")
    with lab(base=Path(tempfile.mkdtemp(dir=place))) as made:
        values = {"user.source": b"hub\0\xff", "user.empty": b""}
        for name, value in values.items():
            os.setxattr(made.path, name, value)
        if kind == "hard link":
            made.other.hardlink_to(made.path)
        item = made.quarantine()
        if kind == "hard link":
            made.other.unlink()
        with Vault(made.store) as vault:
            vault.restore(item.id, made.allow)
        assert {name: os.getxattr(made.path, name) for name in os.listxattr(made.path)} == values
        made.check_books()


def has_attributes(directory: Path) -> bool:
    """Return True if files in *directory* may have attributes of their users."""
    with tempfile.NamedTemporaryFile(dir=directory) as file:
        try:
            os.setxattr(file.name, "user.picklewatch", b"")
        except OSError:
            return False
    return True


def test_downloads_that_come_to_rest_in_another_order_are_one_item() -> None:
    """The second is whole before the first: one copy is kept, and it counts both."""
    with lab() as made, Vault(made.store) as vault:
        with made.suspect() as suspect, vault.take(suspect) as first:
            made.path.unlink()
            made.put()
            with made.suspect() as again, vault.take(again) as second:
                last = second.finish()
                assert last.times == 1
            item = first.finish()
        assert (item.id, item.times, item.formerly) == (last.id, 2, (first.item.id,))
        assert [held.id for held in vault.items(history=True)] == [item.id]
        vault.restore(item.id, made.allow)
        made.check_books()


@pytest.mark.parametrize("sha256", [SHA256, None])
def test_what_was_written_to_since_is_not_vouched_for(
    made: Lab, sha256: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever had the file open writes to it while it waits for room; its digest may not be known before the copy."""
    before_copying(monkeypatch, full)
    with made.path.open("r+b") as theirs:
        with pytest.raises(UnfinishedError):
            made.quarantine(sha256=sha256)
        theirs.write(CONTENT[::-1])
    (item,) = made.items()
    with Vault(made.store) as vault, pytest.raises(QuarantineError, match="changed since it was judged"):
        vault.restore(item.id, made.allow, reason="looked at it")
    assert made.allowed == []


@root_only
def test_what_took_the_place_of_a_file_that_was_set_aside_is_judged(made: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The directory's owner removes the file and makes another one, which gets its inode's number: it hides nothing."""
    made.put()
    os.chown(made.path, NOBODY, NOBODY)
    os.chown(made.path.parent, NOBODY, NOBODY)
    before_copying(monkeypatch, full)
    with Vault(made.store) as vault, pytest.raises(UnfinishedError):
        made.quarantine(vault)
    (item,) = made.items()
    (beside,) = made.path.parent.glob(".picklewatch-*.taken")
    reused = FileId.of(beside.stat())
    with Vault(made.store) as vault:
        assert vault.is_set_aside(str(beside), reused, os.geteuid())
        assert not vault.is_set_aside(str(beside), reused, NOBODY)
        os.chown(beside, NOBODY + 1, NOBODY + 1)  # as if another user's new file had the number
        monkeypatch.undo()
        file_system(monkeypatch, "other-mount")
        gone = vault.finish(item.id)
    assert gone is not None
    assert gone.state is State.DELETED
    assert beside.stat().st_uid == NOBODY + 1, "it is neither copied nor removed"


@pytest.mark.parametrize("state", [State.COPYING, State.RESTORING])
def test_a_disk_that_is_not_mounted_yet_loses_no_file_that_was_set_aside(
    made: Lab, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a power cut the daemon may start before the disk is there; the journal is kept until it is."""
    before_copying(monkeypatch, full)
    with made.suspect() as suspect, Vault(made.store) as vault, vault.take(suspect) as taking:
        if state is State.RESTORING:
            taking._note()
            rested = {"rested": State.TAKEN.value, "sample": False, "target_copied": False}
            taking._entry.append(state, target_root=taking._entry.fields["root"], **rested)
    assert [item.state for item in made.items()] == [state]
    away = made.path.parent.rename(made.base / "unmounted")
    with Vault(made.store) as vault:
        assert vault.recover() == []
        away.rename(made.path.parent)
        vault.recover(whole=False)
        monkeypatch.undo()
        file_system(monkeypatch, "other-mount")
        vault.recover()
    (item,) = made.items()
    assert (item.state, item.sha256) == (State.QUARANTINED, SHA256)
    made.check_books()
