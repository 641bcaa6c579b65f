"""Who may see what of a daemon."""

from __future__ import annotations

import os
import pwd
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from picklewatch.config.schema import SocketConfig
from picklewatch.core.model import FileId
from picklewatch.ipc.peers import Peer
from picklewatch.quarantine.item import item_of
from picklewatch.service.viewers import Viewer, Viewers

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ME = os.geteuid()
ADA, MALLORY = 12346, 12345


@pytest.fixture
def see(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int, str], Viewer]:
    """Say what a user with a home may see."""

    def viewer(uid: int, home: str) -> Viewer:
        entry = pwd.struct_passwd(("ada", "x", uid, uid, "", home, "/bin/sh"))
        monkeypatch.setattr("pwd.getpwuid", lambda _uid: entry)
        return Viewers(SocketConfig)(Peer(uid, frozenset({uid}), 1))

    return viewer


def test_root_the_daemons_user_and_the_group_see_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """A group by any of the peer's groups; one that does not exist trusts nobody."""
    config = SocketConfig(group="root")
    viewers = Viewers(lambda: config)
    assert viewers(Peer(0, frozenset(), 1)).whole
    assert viewers(Peer(ME, frozenset(), 1)).whole
    assert viewers(Peer(ADA, frozenset({ADA, 0}), 1)).whole
    assert not viewers(Peer(ADA, frozenset({ADA}), 1)).whole
    assert not Viewers(lambda: SocketConfig(group="nobody-has-this"))(Peer(ADA, frozenset({0}), 1)).whole
    assert not Viewers(SocketConfig)(Peer(ADA, frozenset({0}), 1)).whole


def test_a_user_of_another_namespace_is_nobody() -> None:
    """The kernel gives the same number for all of them: files of that number are not theirs."""
    viewer = Viewers(lambda: SocketConfig(group="root", users_may=("restore",)))(Peer(65534, frozenset({0}), 1))
    assert not viewer.whole
    assert not viewer.sees_item(replace(item_of("0" * 12, {}), uid=65534))
    assert viewer.homes == ()


def test_a_home_is_a_persons_own(tmp_path: Path, see: Callable[[int, str], Viewer]) -> None:
    """Not a service's, not somebody else's, not the whole machine; a link to it counts as itself and its place."""
    home = tmp_path / "ada"
    home.mkdir()
    owner = home.stat().st_uid
    if owner == ME == 0:
        os.chown(home, ADA, ADA)
        owner = ADA
    assert see(owner, str(home)).homes == ((str(home),) if owner >= 1000 else ())
    assert see(33, str(home)).homes == ()
    assert see(MALLORY, str(home)).homes == ()
    assert see(owner, "/").homes == see(owner, "").homes == see(owner, str(tmp_path / "gone")).homes == ()
    (tmp_path / "link").symlink_to(home)
    if owner >= 1000:
        assert see(owner, str(tmp_path / "link")).homes == (str(tmp_path / "link"), str(home))


def test_only_what_lies_in_the_home_is_seen() -> None:
    """Not what merely begins like it."""
    viewer = Viewer(uid=ADA, homes=("/home/ada",))
    assert viewer.sees_path("/home/ada/x")
    assert not viewer.sees_path("/home/adam/x")
    assert not viewer.sees_path("/home")
    item = item_of("0" * 12, {})
    assert viewer.sees_item(replace(item, uid=ADA, root="/srv", relative="m"))
    assert viewer.sees_item(replace(item, uid=0, root="/home/ada", relative="m"))
    assert not viewer.sees_item(replace(item, uid=MALLORY, root="/srv", relative="m"))


def test_a_file_elsewhere_is_its_owners_in_the_state_that_was_judged(tmp_path: Path) -> None:
    """Putting a file of one's own in its place shows nothing."""
    file = tmp_path / "model"
    file.write_bytes(b"x")
    status = file.stat()
    viewer = Viewer(uid=status.st_uid)
    state = FileId.of(status)
    assert viewer.owns(str(file), state)
    assert not replace(viewer, uid=status.st_uid + 1).owns(str(file), state)
    assert not viewer.owns(str(file), None)
    assert not viewer.owns(str(file), replace(state, ctime_ns=state.ctime_ns + 1))
    assert not viewer.owns(f"{file}\\x0a", state)
    file.unlink()
    assert not viewer.owns(str(file), state)


def test_restoring_is_for_ones_own_and_only_if_configured() -> None:
    """What lies in one's home and was root's is not one's own."""
    item = replace(item_of("0" * 12, {}), uid=ADA)
    assert not Viewer(uid=ADA, homes=("/home/ada",)).may_restore(item)
    assert Viewer(uid=ADA, restores=True).may_restore(item)
    in_home = replace(item, uid=0, root="/home/ada", relative="x")
    assert not Viewer(uid=ADA, homes=("/home/ada",), restores=True).may_restore(in_home)
    assert Viewer(uid=MALLORY, whole=True).may_restore(item)
