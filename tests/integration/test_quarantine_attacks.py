"""Names and parents are swapped while we work; other users own files and directories."""

from __future__ import annotations

import contextlib
import os
import stat
from typing import TYPE_CHECKING

import pytest
from support.vaulting import CONTENT, NOBODY, Attacker, Lab, file_system, in_child, lab, root_only

from picklewatch.core.errors import QuarantineError, StateError
from picklewatch.core.model import FileId
from picklewatch.core.tombstone import tombstone
from picklewatch.quarantine import fs
from picklewatch.quarantine.vault import ChangedError, State, Vault

if TYPE_CHECKING:
    from collections.abc import Iterator


_TRIES = 50


@pytest.mark.parametrize("kind", ["plain", "other-mount"])
def test_names_swapped_in_a_tight_loop(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another file swapped in at any moment is never taken for the judged one, and never lost."""
    file_system(monkeypatch, kind)
    with lab() as small, Vault(small.store) as vault:
        innocent = small.path.with_name("innocent")
        directory = os.open(small.path.parent, os.O_RDONLY)
        outcomes = {"taken": 0, "refused": 0}
        with Attacker(lambda: _exchange(directory, os.fsencode(small.path.name), b"innocent")) as attacker:
            while _goes_on(outcomes):
                with attacker.waiting():
                    for path in small.path.parent.iterdir():
                        path.unlink()
                    innocent.write_bytes(b"innocent")
                    small.put()
                outcomes[_defend(small, vault)] += 1
                with attacker.waiting():
                    found = [path.read_bytes() for path in small.path.parent.iterdir()]
                    held = {item: (small.store / item.id / "data").read_bytes() for item in vault.items()}
                    assert b"innocent" in [*found, *held.values()]
                    assert all(item.state is State.FOREIGN for item, data in held.items() if data == b"innocent")
                    assert not [path for path in small.path.parent.iterdir() if path.name.startswith(".picklewatch")]
                    for item in held:
                        vault.removal.delete(item.id, keep_tombstone=True)
        os.close(directory)
        assert outcomes["taken"] > 5, outcomes


def _goes_on(outcomes: dict[str, int]) -> bool:
    """Return True until there were enough tries of which enough succeeded."""
    return sum(outcomes.values()) < _TRIES or outcomes["taken"] <= 5


def _exchange(directory: int, one: bytes, other: bytes) -> None:
    fs._renameat2(directory, one, directory, other, fs._RENAME_EXCHANGE)


def _defend(small: Lab, vault: Vault) -> str:
    """Take what the scan would judge hostile."""
    try:
        with small.suspect(sha256=None) as suspect:
            if os.pread(suspect.fd, 8, 0) != b"innocent":
                item = vault.quarantine(suspect)
                assert (small.store / item.id / "data").read_bytes() == CONTENT
                return "taken"
    except (FileNotFoundError, ChangedError):
        pass
    return "refused"


@root_only
def test_parents_swapped_by_another_user_while_we_are_root() -> None:
    """An unprivileged user who swaps directories for links in a tight loop makes root touch nothing else."""
    with lab() as small, Vault(small.store) as vault:
        secret = small.base / "secret"
        secret.mkdir(mode=0o700)
        precious = secret / small.path.name
        precious.write_bytes(b"precious")
        hub = small.root / "hub"
        hub.joinpath("link").symlink_to(secret)
        os.chown(hub, NOBODY, NOBODY)
        before = FileId.of(precious.stat())
        directory = os.open(hub, os.O_RDONLY)
        outcomes = {"taken": 0, "restored": 0, "refused": 0}
        held: str | None = None
        with Attacker(lambda: _exchange(directory, b"blobs", b"link"), uid=NOBODY):
            while _goes_on(outcomes):
                try:
                    if held is None:
                        with small.suspect(sha256=None) as suspect:
                            if os.pread(suspect.fd, 8, 0) != b"precious":
                                held = vault.quarantine(suspect).id
                                outcomes["taken"] += 1
                    else:
                        vault.restore(held, small.allow)
                        held = None
                        outcomes["restored"] += 1
                except (OSError, QuarantineError):
                    outcomes["refused"] += 1
        os.close(directory)
        assert FileId.of(precious.stat()) == before
        assert [path.name for path in secret.iterdir()] == [precious.name]
        assert outcomes["taken"] > 5, outcomes


@root_only
def test_as_an_ordinary_user(made: Lab) -> None:
    """Without any privilege, one's own files are taken and given back."""
    for path in [made.base, *made.base.rglob("*"), made.store.parent]:
        os.chown(path, NOBODY, NOBODY)

    def run() -> None:
        item = made.quarantine()
        assert item.locked
        made.check_books()
        with Vault(made.store) as vault:
            vault.restore(item.id, made.allow)
        assert made.path.read_bytes() == CONTENT

    assert in_child(run, uid=NOBODY) == 0


@root_only
def test_an_ordinary_user_and_someone_elses_file(made: Lab) -> None:
    """In one's own directory, someone else's file is taken, and that it can't be locked is recorded; it comes back."""
    for path in [made.base, *made.base.rglob("*"), made.store.parent]:
        os.chown(path, NOBODY, NOBODY)
    os.chown(made.path, 1234, 1234)
    made.path.chmod(0o644)

    def run() -> None:
        item = made.quarantine()
        assert item.locked == item.copied
        assert made.path.read_bytes() == tombstone(item.id)
        with Vault(made.store) as vault:
            if item.copied:
                with contextlib.suppress(QuarantineError):  # can't be made 1234's again
                    vault.restore(item.id, made.allow)
                    raise AssertionError("restored under another owner")
            else:
                vault.restore(item.id, made.allow)

    assert in_child(run, uid=NOBODY) == 0


@root_only
def test_not_permitted_changes_nothing(made: Lab) -> None:
    """A directory that we may not write to is refused with a hint; the file stays, the vault is empty."""
    os.chown(made.store.parent, NOBODY, NOBODY)

    def run() -> None:
        with made.suspect() as suspect, Vault(made.store) as vault:
            with pytest.raises(QuarantineError, match="not permitted") as caught:
                vault.quarantine(suspect)
            assert "drop-in" in caught.value.hint
            assert vault.items(history=True) == []
        assert made.copies() == 1

    made.path.chmod(0o644)
    made.store.mkdir(mode=0o700)
    os.chown(made.store, NOBODY, NOBODY)
    assert in_child(run, uid=NOBODY) == 0


@root_only
def test_owner_is_taken_and_given_back(made: Lab) -> None:
    """Root takes another user's file away from them, and gives it back to them; the tombstone is theirs to read."""
    os.chown(made.path, NOBODY, NOBODY)
    made.path.chmod(0o640)
    os.chown(made.path.parent, NOBODY, NOBODY)
    item = made.quarantine()
    data = (made.store / item.id / "data").stat()
    assert (data.st_uid, stat.S_IMODE(data.st_mode)) == (0, 0o400)
    stone = made.path.stat()
    assert (stone.st_uid, stat.S_IMODE(stone.st_mode)) == (NOBODY, 0o440)
    with Vault(made.store) as vault:
        vault.restore(item.id, made.allow)
    status = made.path.stat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (NOBODY, NOBODY, 0o640)


@root_only
def test_directory_of_someone_else_now_is_refused(small: Lab) -> None:
    """Whoever owns the directory by now may not be meant; --force says that it is fine."""
    os.chown(small.path, NOBODY, NOBODY)
    with Vault(small.store) as vault:
        item = small.quarantine(vault)
        os.chown(small.path.parent, 4321, 4321)
        with pytest.raises(QuarantineError, match="belongs to someone else now"):
            vault.restore(item.id, small.allow)
        assert small.allowed == []
        vault.restore(item.id, small.allow, force=True)
    assert small.path.read_bytes() == CONTENT


@root_only
def test_root_uses_a_service_users_store_with_care(small: Lab) -> None:
    """Root may work on the store of the service's user, but that store alone can't make root write into root's."""
    for path in [small.base, *small.base.rglob("*")]:
        os.chown(path, NOBODY, NOBODY)
    assert in_child(small.quarantine, uid=NOBODY) == 0
    small.store.joinpath("lock").unlink()
    with Vault(small.store) as vault:
        item = vault.items()[0]
        os.chown(small.path.parent, 0, 0)
        with pytest.raises(QuarantineError, match="belongs to someone else now"):
            vault.restore(item.id, small.allow)
        os.chown(small.path.parent, NOBODY, NOBODY)
        vault.restore(item.id, small.allow)
    assert small.path.stat().st_uid == NOBODY
    assert {path.stat().st_uid for path in small.store.rglob("*")} == {NOBODY}
    with pytest.raises(StateError), _as(NOBODY - 1):
        Vault(small.store)


@contextlib.contextmanager
def _as(uid: int) -> Iterator[None]:
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
