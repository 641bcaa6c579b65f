"""Who may see what: root, the daemon's user and the configured group everything, others what concerns their files."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from picklewatch.access.paths import beneath
from picklewatch.access.people import FIRST_HUMAN_UID
from picklewatch.core.model import FileId, printable
from picklewatch.ipc.peers import is_mine
from picklewatch.watch.mounts import mount_of, read_mounts

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from picklewatch.config.schema import SocketConfig
    from picklewatch.core.found_record import FoundRecord
    from picklewatch.ipc.peers import Peer
    from picklewatch.quarantine.item import Item

RESTORE: Final = "restore"
ALLOW: Final = "allow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """One who asks."""

    uid: int
    whole: bool = False
    """True if they may see and do everything."""
    homes: tuple[str, ...] = ()
    """The paths of their home; nobody else's directory is one."""
    restores: bool = False
    """True if they may have their own quarantined files restored."""
    allows: bool = False
    """True if they may have contents of their own files allowed."""

    hears: bool = False
    """True if they are told of everybody's finds; that gives no other right."""

    def sees_path(self, path: str) -> bool:
        """Return True if *path*, or a printable one, lies in their home."""
        return self.whole or any(beneath(path, home) for home in self.homes)

    def sees_item(self, item: Item) -> bool:
        """Return True if the file was theirs, or lay in their home."""
        return self.whole or item.uid == self.uid or self.sees_path(item.path)

    def sees_record(self, found: FoundRecord, items: Container[str]) -> bool:
        """Return True if the file is theirs now, lies or lay in their home, or is one of the *items* that they see."""
        return self.whole or found.owner == self.uid or self.sees_path(found.path) or found.item in items

    def owns(self, path: str, state: FileId | None) -> bool:
        """Return True if the printable *path* is that of a file of theirs, in the very *state* that was judged.

        What lies on a disk that may not answer is not looked at, nor what has a name that was made printable.
        """
        if state is None or "\\" in path:
            return False
        mount = mount_of(path, read_mounts())
        if mount is None or mount.is_network:
            return False
        try:
            status = os.lstat(path)
        except OSError:
            return False
        return status.st_uid == self.uid and FileId.of(status) == state

    def may_restore(self, item: Item) -> bool:
        """Return True if they may have *item* given back."""
        return self.whole or (self.restores and item.uid == self.uid)


def quickly_answering() -> Callable[[str], bool]:
    """Return what tells of a path that it may be looked at: it lies on no disk that may not answer."""
    mounts = read_mounts()

    def may_look(path: str) -> bool:
        mount = mount_of(path, mounts)
        return mount is not None and not mount.is_network

    return may_look


class Viewers:
    """Knows who asks. *config* returns what is configured now."""

    def __init__(self, config: Callable[[], SocketConfig]) -> None:
        self._config = config

    def __call__(self, peer: Peer) -> Viewer:
        """Return what *peer* may see."""
        if not peer.is_known:
            return Viewer(uid=-1)
        if peer.uid == 0 or is_mine(peer) or self._is_trusted(peer):
            return Viewer(uid=peer.uid, whole=True)
        if self._is_notifier(peer):
            return Viewer(uid=peer.uid, hears=True)
        may = self._config().users_may
        return Viewer(uid=peer.uid, homes=_homes(peer.uid), restores=RESTORE in may, allows=ALLOW in may)

    def _is_notifier(self, peer: Peer) -> bool:
        """Return True for the user of the unit that tells others: it has the network, so it may do nothing."""
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(self._config().notifier).pw_uid == peer.uid
        return False

    def _is_trusted(self, peer: Peer) -> bool:
        name = self._config().group
        if not name:
            return False
        try:
            return grp.getgrnam(name).gr_gid in peer.groups
        except KeyError:
            return False


def _homes(uid: int) -> tuple[str, ...]:
    """Return the home of a person, as the user database has it and without links.

    A service's is often a directory of everybody's, such as ``/`` or ``/var/www``: it has none. Nor has a person whose
    home is somebody else's. On a disk that may not answer the database is believed.
    """
    try:
        home = os.path.normpath(pwd.getpwuid(uid).pw_dir)
    except KeyError:
        return ()
    if uid < FIRST_HUMAN_UID or not home.startswith("/") or home == "/" or home != printable(home) or "\\" in home:
        return ()
    mount = mount_of(home, read_mounts())
    if mount is not None and mount.is_network:
        return (home,)
    with contextlib.suppress(OSError):
        real = os.path.realpath(home, strict=True)
        if os.stat(real).st_uid == uid:  # noqa: PTH116 - a text
            return (home,) if real == home else (home, real)
    return ()
