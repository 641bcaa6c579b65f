"""Files are taken into the vault and given back on real file systems."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from support.vaulting import CONTENT, NOBODY, SHA256, Lab, lab, needs_two, root_only
from support.watching import named

from picklewatch.access import leases, paths
from picklewatch.core.errors import QuarantineError, StateError
from picklewatch.core.model import FileId, Verdict
from picklewatch.core.tombstone import tombstone
from picklewatch.quarantine import moving
from picklewatch.quarantine.journal import is_tombstone
from picklewatch.quarantine.vault import ChangedError, State, Suspect, Vault

if TYPE_CHECKING:
    from pathlib import Path


def test_taken_and_given_back(made: Lab) -> None:
    """The content moves, a tombstone stands there; restoring brings content, mode and time back and allows it."""
    os.utime(made.path, ns=(1, 1_234_567_890_123_456_789))
    item = made.quarantine()
    assert (item.state, item.sha256, item.links, item.tombstone) == (State.QUARANTINED, SHA256, 0, True)
    assert item.path == str(made.path)
    assert made.path.read_bytes() == tombstone(item.id)
    made.check_books()
    with Vault(made.store) as vault:
        given = vault.restore(item.id, made.allow, reason="looked at it")
    assert given.state is State.RESTORED
    assert made.allowed == [(SHA256, "looked at it")]
    assert made.path.read_bytes() == CONTENT
    status = made.path.stat()
    assert (stat.S_IMODE(status.st_mode), status.st_mtime_ns) == (0o640, 1_234_567_890_123_456_789)
    made.check_books()


def test_without_tombstone(made: Lab) -> None:
    """Without a tombstone the name is gone, and comes back."""
    item = made.quarantine(tombstone=False)
    assert not made.path.exists()
    with Vault(made.store) as vault:
        vault.restore(item.id, made.allow)
    assert made.path.read_bytes() == CONTENT
    made.check_books()


def test_digest_is_computed_if_the_scan_did_not(made: Lab) -> None:
    """A scan that gave no SHA-256 is no hindrance."""
    assert made.quarantine(sha256=None).sha256 == SHA256


def test_what_is_recorded_is_shown(small: Lab) -> None:
    """Names, verdict, reasons, owner and mode are kept, in JSON with every text printable."""
    small.give_away()
    small.path.chmod(0o4751)
    item = small.quarantine()
    shown = item.to_json()
    assert shown["names"] == [str(small.root / "hub/snapshots/main/model.bin")]
    assert (shown["name"], shown["verdict"], shown["reasons"]) == (
        "org/model@main: model.bin",
        "malicious",
        ["dangerous-import"],
    )
    assert (shown["owner"], shown["mode"]) == (small.path.stat().st_uid, "4751")
    assert shown["path"].endswith(r"/hub/blobs/mod\xff\x0ael.bin")
    assert all(text.isprintable() for text in shown.values() if isinstance(text, str))


def test_set_id_bits_never_come_back(made: Lab) -> None:
    """A file that was set-id is not in the vault, nor afterwards; that it was is recorded."""
    made.give_away()
    made.path.chmod(0o6755)
    item = made.quarantine()
    assert item.mode == 0o6755
    assert stat.S_IMODE((made.store / item.id / "data").stat().st_mode) == 0o400
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o444
    with Vault(made.store) as vault:
        vault.restore(item.id, made.allow)
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o755


def test_hard_links_elsewhere_are_disarmed(small: Lab) -> None:
    """Every other name, and every open descriptor, leads to the tombstone, and to the content after restoring."""
    small.other.hardlink_to(small.path)
    with small.path.open("rb") as reader:
        item = small.quarantine()
        assert (item.links, item.disarmed) == (1, True)
        assert reader.read() == small.other.read_bytes() == tombstone(item.id)
    assert stat.S_IMODE(small.other.stat().st_mode) == 0o440
    small.check_books()
    with Vault(small.store) as vault:
        vault.restore(item.id, small.allow)
    assert small.path.read_bytes() == small.other.read_bytes() == CONTENT
    assert small.path.samefile(small.other)
    assert stat.S_IMODE(small.other.stat().st_mode) == 0o640
    small.check_books()


@needs_two
def test_hard_links_on_another_file_system_are_closed() -> None:
    """Where the content was copied, its other names keep it; nobody but us may read it there."""
    with lab(cross=True) as made:
        made.other.hardlink_to(made.path)
        item = made.quarantine()
        assert (item.links, item.disarmed) == (1, False)
        assert stat.S_IMODE(made.other.stat().st_mode) == 0o400


def test_hard_links_that_went_away(small: Lab) -> None:
    """With no other name left, restoring is as ever."""
    small.other.hardlink_to(small.path)
    with Vault(small.store) as vault:
        item = small.quarantine(vault)
        small.other.unlink()
        vault.restore(item.id, small.allow)
    assert small.path.read_bytes() == CONTENT
    small.check_books()


@pytest.mark.parametrize("where", ["here", pytest.param("on another file system", marks=needs_two)])
def test_restoring_elsewhere_gives_the_other_names_their_content(small: Lab, where: str, tmp_path: Path) -> None:
    """Who vouches for a content gets it under every hard link, wherever the file itself is to go."""
    given = (small.base if where == "here" else tmp_path) / "given"
    small.other.hardlink_to(small.path)
    with Vault(small.store) as vault:
        item = small.quarantine(vault)
        assert vault.restore(item.id, small.allow, to=given).state is State.RESTORED
    assert given.read_bytes() == small.other.read_bytes() == CONTENT
    assert given.samefile(small.other) == (where == "here")
    assert small.path.read_bytes() == tombstone(item.id)
    small.check_books()


def test_a_copy_to_look_at_leaves_the_item(made: Lab) -> None:
    """Not vouched for, only a copy goes out; the item, its tombstone and its hard links stay, and can be restored."""
    made.other.hardlink_to(made.path)
    with Vault(made.store) as vault:
        item = made.quarantine(vault)
        before = made.other.read_bytes()
        for name in ("first", "second"):
            given = vault.restore(item.id, None, to=made.base / name)
            assert (given.state, given.target) == (State.QUARANTINED, str(made.base / name))
            assert (made.base / name).read_bytes() == CONTENT
        with pytest.raises(QuarantineError, match="another file"):
            vault.restore(item.id, None, to=made.path)
        assert (made.path.read_bytes(), made.other.read_bytes()) == (tombstone(item.id), before)
        made.check_books()
        assert vault.restore(item.id, made.allow).target is None
    assert made.path.read_bytes() == made.other.read_bytes() == CONTENT


@root_only
def test_a_link_to_someone_elses_file_does_not_reach_it(made: Lab) -> None:
    """Who links another's file into a watched directory gets the name taken, and nothing else of the file changed."""
    os.chown(made.path.parent, NOBODY, NOBODY)
    made.other.hardlink_to(made.path)
    before = made.other.stat()
    item = made.quarantine()
    after = made.other.stat()
    assert (item.copied, item.links, item.disarmed) == (True, 1, False)
    assert made.other.read_bytes() == CONTENT
    assert (before.st_uid, before.st_mode, before.st_mtime_ns) == (after.st_uid, after.st_mode, after.st_mtime_ns)
    assert made.path.read_bytes() == tombstone(item.id)
    made.check_books()


def test_without_tombstones_hard_links_are_closed(small: Lab) -> None:
    """Where no tombstones are wanted, none is written under another name either."""
    small.other.hardlink_to(small.path)
    item = small.quarantine(tombstone=False)
    assert (item.links, item.disarmed) == (1, False)
    assert small.other.read_bytes() == CONTENT
    assert stat.S_IMODE(small.other.stat().st_mode) == 0o400


def test_every_step_knows_what_was_done_before(small: Lab) -> None:
    """An item that is gone is refused in words; history stays for `show`; deleting twice is one deletion."""
    with Vault(small.store) as vault:
        item = small.quarantine(vault)
        vault.removal.delete(item.id)
        assert vault.removal.delete(item.id).state is State.DELETED
        assert not small.path.exists()
        with pytest.raises(QuarantineError, match="not in quarantine any more: it was deleted"):
            vault.restore(item.id, small.allow)
        assert vault.items() == []
        assert [old.id for old in vault.items(history=True)] == [item.id]
        assert vault.show(item.id).state is State.DELETED
        for unknown in ("0" * 12, "../../etc", ""):
            with pytest.raises(QuarantineError, match="there is no quarantined item"):
                vault.show(unknown)


def test_delete_can_keep_the_tombstone(small: Lab) -> None:
    """Then clients still don't download it again; deleting once more removes it."""
    with Vault(small.store) as vault:
        item = small.quarantine(vault)
        vault.removal.delete(item.id, keep_tombstone=True)
        assert small.path.read_bytes() == tombstone(item.id)
        vault.removal.delete(item.id)
    assert not small.path.exists()
    small.check_books()


@pytest.mark.parametrize("content", [b"something new", b"", tombstone("0" * 12)])
def test_only_our_own_tombstone_is_replaced(made: Lab, content: bytes) -> None:
    """Whatever took the tombstone's place stays, also another item's tombstone."""
    with Vault(made.store) as vault:
        item = made.quarantine(vault)
        made.path.unlink()
        made.path.write_bytes(content)
        with pytest.raises(QuarantineError, match="there is another file at the place now"):
            vault.restore(item.id, made.allow)
        assert made.allowed == []
        vault.removal.delete(item.id)
    assert made.path.read_bytes() == content


@pytest.mark.parametrize("kind", ["symlink", "dangling symlink", "directory", "fifo"])
def test_restore_writes_through_nothing(made: Lab, kind: str) -> None:
    """A link, directory or FIFO in the place is refused, and left as it is."""
    victim = made.base / "victim"
    with Vault(made.store) as vault:
        item = made.quarantine(vault)
        made.path.unlink()
        match kind:
            case "directory":
                made.path.mkdir()
            case "fifo":
                os.mkfifo(made.path)
            case _:
                made.path.symlink_to(victim)
                if kind == "symlink":
                    victim.write_bytes(b"precious")
        before = made.path.lstat()
        with pytest.raises(QuarantineError, match="there is another file"):
            vault.restore(item.id, made.allow)
    assert made.path.lstat().st_ino == before.st_ino
    assert not victim.exists() or victim.read_bytes() == b"precious"


def test_restore_through_a_swapped_directory_is_refused(small: Lab) -> None:
    """A directory on the way that became a link leads nowhere."""
    elsewhere = small.base / "elsewhere"
    elsewhere.mkdir()
    with Vault(small.store) as vault:
        item = small.quarantine(vault)
        small.path.parent.rename(small.base / "aside")
        small.path.parent.symlink_to(elsewhere)
        where = re.escape(str(small.path.parent))
        with pytest.raises(QuarantineError, match=f"(gone|is a link now): {where}$") as caught:
            vault.restore(item.id, small.allow)
        assert "--to" in caught.value.hint
    assert list(elsewhere.iterdir()) == []


def test_restore_to_a_vanished_directory_says_what_to_do(small: Lab) -> None:
    """The hint names --to, and that works, with a directory or a file name."""
    with Vault(small.store) as vault:
        item = small.quarantine(vault)
        small.path.unlink()
        small.path.parent.rmdir()
        with pytest.raises(QuarantineError, match="is gone") as caught:
            vault.restore(item.id, small.allow)
        assert "--to" in caught.value.hint
        with pytest.raises(QuarantineError, match=r"is gone: .*/nowhere$"):
            vault.restore(item.id, small.allow, to=small.base / "nowhere" / "sample.bin")
        given = vault.restore(item.id, small.allow, to=small.base)
        assert given.target == str(small.base / small.path.name)
    assert (small.base / small.path.name).read_bytes() == CONTENT


def test_restore_elsewhere_leaves_the_tombstone(made: Lab) -> None:
    """Given back elsewhere, the tombstone stays where it is, and `delete` takes it away."""
    with Vault(made.store) as vault:
        item = made.quarantine(vault)
        vault.restore(item.id, None, to=made.base / "sample.bin")
        assert (made.base / "sample.bin").read_bytes() == CONTENT
        assert made.path.read_bytes() == tombstone(item.id)
        made.check_books()
        vault.removal.delete(item.id)
    assert not made.path.exists()
    assert made.allowed == []


@pytest.mark.parametrize("changed", ["not", "content", "time"])
def test_what_is_too_much_to_be_read_is_taken_unread(small: Lab, monkeypatch: pytest.MonkeyPatch, changed: str) -> None:
    """A sparse file of a terabyte holds nothing up; it is given back if its size and time are what they were."""
    monkeypatch.setattr(moving, "DIGEST_SECONDS", -1.0)
    small.other.hardlink_to(small.path)
    with small.path.open("r+b") as writer, Vault(small.store) as vault:
        item = small.quarantine(vault, sha256=None)
        assert (item.state, item.sha256, item.links, item.disarmed) == (State.QUARANTINED, None, 1, False)
        assert stat.S_IMODE(small.other.stat().st_mode) == 0o400
        assert small.path.read_bytes() == tombstone(item.id)
        if changed == "not":
            vault.restore(item.id, small.allow, reason="ours")
            assert small.path.read_bytes() == small.other.read_bytes() == CONTENT
            assert small.allowed == [(SHA256, "ours")]
            return
        if changed == "content":
            writer.write(b"more than there was" * 100)
            writer.flush()
        else:
            os.utime(small.store / item.id / "data")
        with pytest.raises(QuarantineError, match="was changed since it was judged"):
            vault.restore(item.id, small.allow)
    assert small.allowed == []


def test_changed_content_is_not_given_back(made: Lab) -> None:
    """A file changed through an open descriptor was not judged: only --force gives it back, not allowed."""
    with made.path.open("r+b") as writer, Vault(made.store) as vault:
        item = made.quarantine(vault)
        stored = made.store / item.id / "data"
        writer.write(b"EVIL")
        writer.flush()
        if item.copied:  # the copy is out of the writer's reach
            assert stored.read_bytes() == CONTENT
            return
        with pytest.raises(QuarantineError, match="was changed since it was judged"):
            vault.restore(item.id, made.allow)
        vault.restore(item.id, made.allow, force=True)
    assert made.allowed == []
    assert made.path.read_bytes()[:4] == b"EVIL"


def test_allowing_comes_first(small: Lab) -> None:
    """If the digest can't be allowed, nothing is given back."""

    def refuse(_sha256: str, _reason: str, _size: int) -> None:
        raise QuarantineError("the store is locked")

    with Vault(small.store) as vault:
        item = small.quarantine(vault)
        with pytest.raises(QuarantineError, match="the store is locked"):
            vault.restore(item.id, refuse)
        assert vault.show(item.id).state is State.QUARANTINED
    small.check_books()


def test_a_touched_file_does_not_escape(small: Lab) -> None:
    """Times that change while the content stays are no reason to scan again."""
    with small.suspect() as suspect, Vault(small.store) as vault:
        os.utime(small.path)
        assert vault.quarantine(suspect).state is State.QUARANTINED


def test_a_touched_file_without_a_digest_does_not_escape_a_lease(small: Lab) -> None:
    """It proves that the content is what was scanned; without it nothing does, and the file is scanned again."""
    with small.suspect(sha256=None) as suspect, Vault(small.store) as vault:
        os.utime(small.path)
        with pytest.raises(ChangedError):
            vault.quarantine(suspect)
        if not leases.hold(suspect.fd):
            pytest.skip("no leases on this file system")
        os.utime(small.path)
        assert vault.quarantine(suspect).state is State.QUARANTINED


@pytest.mark.parametrize("change", ["appended", "rewritten", "replaced", "removed", "symlink", "fifo", "directory"])
def test_what_was_not_judged_is_not_touched(made: Lab, change: str) -> None:
    """A file that changed, or another thing under its name, is refused, and stays as it is."""
    with made.suspect() as suspect, Vault(made.store) as vault:
        match change:
            case "appended":
                with made.path.open("ab") as writer:
                    writer.write(b"more")
            case "rewritten":
                made.path.write_bytes(b"\0" * len(CONTENT))
            case _:
                made.path.unlink()
        match change:
            case "replaced":
                made.path.write_bytes(CONTENT)
            case "symlink":
                made.path.symlink_to("/etc/passwd")
            case "fifo":
                os.mkfifo(made.path)
            case "directory":
                made.path.mkdir()
        before = made.path.lstat() if change != "removed" else None
        with pytest.raises(ChangedError):
            vault.quarantine(suspect)
        assert vault.items(history=True) == []
        assert before is None or FileId.of(made.path.lstat()) == FileId.of(before)


@pytest.mark.parametrize("openat2", [True, False], ids=["openat2", "walk"])
def test_no_link_on_the_way_is_followed(small: Lab, openat2: bool, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: FBT001
    """A parent swapped for a link to a directory with the very same file is refused (CVE-2020-3350)."""
    monkeypatch.setattr(paths, "has_openat2", lambda: openat2)
    with small.suspect() as suspect, Vault(small.store) as vault:
        small.path.parent.rename(small.base / "moved")
        small.path.parent.symlink_to(small.base / "moved")
        with pytest.raises(ChangedError):
            vault.quarantine(suspect)
        for relative in ("../x", "hub/../hub/blobs/x", "/etc/passwd", "hub//x", "", ".", "hub/./x", "a\0b"):
            with pytest.raises(QuarantineError):
                vault.quarantine(replace(suspect, relative=relative))
        assert vault.items(history=True) == []


@pytest.mark.parametrize("openat2", [True, False], ids=["openat2", "walk"])
def test_long_paths(small: Lab, openat2: bool, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: FBT001
    """Paths longer than the kernel takes at once, of names of 255 bytes, are taken and given back."""
    monkeypatch.setattr(paths, "has_openat2", lambda: openat2)
    directory = os.open(small.root, os.O_RDONLY)
    names = []
    for index in range(20):
        name = os.fsdecode(bytes([255 - index]) * 254 + b"\n")
        names.append(name)
        os.mkdir(name, dir_fd=directory)
        below = os.open(name, os.O_RDONLY, dir_fd=directory)
        os.close(directory)
        directory = below
    last = os.fsdecode(b"\x01\x1b[31m\\'\"$(id)" + b"x" * 230)
    fd = os.open(last, os.O_RDWR | os.O_CREAT, 0o600, dir_fd=directory)
    os.write(fd, CONTENT)
    try:
        suspect = Suspect(
            trees=(named(small.root),),
            relative="/".join([*names, last]),
            fd=fd,
            scanned=FileId.of(os.fstat(fd)),
            verdict=Verdict.UNSAFE,
        )
        with Vault(small.store) as vault:
            item = vault.quarantine(suspect)
            assert is_tombstone(directory, os.fsencode(last), item.id)
            assert os.stat(last, dir_fd=directory).st_ino != os.fstat(fd).st_ino
            vault.restore(item.id, small.allow)
            assert os.stat(last, dir_fd=directory).st_ino == os.fstat(fd).st_ino
    finally:
        os.close(fd)
        os.close(directory)
        subprocess.run(["rm", "-rf", small.root], check=True)  # shutil can't


@pytest.mark.parametrize("openat2", [True, False], ids=["openat2", "walk"])
def test_deep_paths(small: Lab, openat2: bool, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: FBT001
    """Directories nested two thousand deep are no hindrance."""
    monkeypatch.setattr(paths, "has_openat2", lambda: openat2)
    small.relative = "d/" * 1990 + "file"
    directory = os.open(small.root, os.O_RDONLY)
    for _ in range(1990):
        os.mkdir("d", dir_fd=directory)
        below = os.open("d", os.O_RDONLY, dir_fd=directory)
        os.close(directory)
        directory = below
    try:
        fd = os.open("file", os.O_RDWR | os.O_CREAT, 0o600, dir_fd=directory)
        with os.fdopen(fd, "wb") as file, Vault(small.store) as vault:
            suspect = Suspect(
                trees=(named(small.root),),
                relative=small.relative,
                fd=file.fileno(),
                scanned=FileId.of(os.fstat(file.fileno())),
                verdict=Verdict.UNSAFE,
            )
            item = vault.quarantine(suspect)
            vault.restore(item.id, small.allow)
            assert os.stat("file", dir_fd=directory).st_ino == os.fstat(file.fileno()).st_ino
    finally:
        os.close(directory)
        subprocess.run(["rm", "-rf", small.root], check=True)  # shutil can't


def test_downloaded_again(made: Lab) -> None:
    """The same content at the same place again is taken again and counted; only one copy is kept."""
    with Vault(made.store) as vault:
        for times in range(1, 5):
            made.path.unlink()
            made.put()
            item = made.quarantine(vault)
            assert item.times == times
            assert [held.id for held in vault.items()] == [item.id]
            made.check_books(replaced=True)
    assert made.copies() == 1


def test_same_content_elsewhere_is_another_item(small: Lab) -> None:
    """Each place has its own item, so that each can be given back."""
    with Vault(small.store) as vault:
        small.quarantine(vault)
        small.relative = "second"
        small.put()
        assert small.quarantine(vault).times == 1
        assert len(vault.items()) == 2


def test_purge(small: Lab) -> None:
    """The oldest go until every bound is kept; a dry run only tells; tombstones stay unless told otherwise."""
    with Vault(small.store) as vault:
        ids = []
        for index in range(6):
            small.relative = f"file{index}"
            small.put()
            ids.append(small.quarantine(vault).id)
        size = len(CONTENT)
        assert [item.id for item in vault.removal.purge(max_items=4, dry_run=True)] == ids[:2]
        assert len(vault.items()) == 6
        assert [item.id for item in vault.removal.purge(max_items=4)] == ids[:2]
        assert small.root.joinpath("file0").read_bytes() == tombstone(ids[0])
        assert [item.id for item in vault.removal.purge(max_bytes=size * 3 + 1)] == ids[2:3]
        assert [item.id for item in vault.removal.purge(older_than=0, keep_tombstones=False)] == ids[3:]
        assert not small.root.joinpath("file3").exists()
        assert vault.items() == []
        kept = {item.id for item in vault.items(history=True)}
        assert kept == set(ids[:3]), "history goes with its tombstone"
    small.check_books()


def test_store_must_be_ours_alone(small: Lab) -> None:
    """A store that others can enter, that is a link, or a file, is refused with what to do."""
    small.store.mkdir()
    small.store.chmod(0o755)  # whatever the umask
    with pytest.raises(StateError, match="not ours alone"):
        Vault(small.store)
    link = small.base / "link"
    small.store.chmod(0o700)
    link.symlink_to(small.store)
    with pytest.raises(StateError, match="can't be used"):
        Vault(link)
    file = small.base / "file"
    file.touch()
    with pytest.raises(StateError, match="can't be used"):
        Vault(file)


def test_a_lost_journal_loses_no_content(small: Lab) -> None:
    """An item whose journal a damaged disk has lost is kept, and can be restored elsewhere."""
    item = small.quarantine()
    (small.store / item.id / "journal").write_bytes(b"\0" * 100)
    with Vault(small.store) as vault:
        assert [recovery.outcome for recovery in vault.recover()] == ["rescued"]
        assert vault.recover() == []
        assert vault.show(item.id).state is State.FOREIGN
        vault.restore(item.id, small.allow, to=small.base / "rescued")
    assert (small.base / "rescued").read_bytes() == CONTENT
