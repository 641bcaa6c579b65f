"""Who is at the other end of a Unix socket: the kernel's word, of the moment at which it was connected."""

from __future__ import annotations

import os
import socket
import struct
from dataclasses import dataclass
from typing import Final

_CREDENTIALS: Final = struct.Struct("iII")
"""``struct ucred``: process, user, group."""
_SO_PEERGROUPS: Final = 59
"""Of Linux 4.13; the `socket` module does not name it."""
_LONGEST: Final = 1024
"""Bytes that `socket.getsockopt` takes at most."""
_OVERFLOW: Final = 65534
"""Stands for every user and group that this namespace does not know; nobody's rights follow from it."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A process that connected, or that listens."""

    uid: int
    groups: frozenset[int]
    """All its groups, without the one that stands for unknown ones."""
    pid: int

    @property
    def is_known(self) -> bool:
        """False for a user of another namespace, who might be anybody."""
        return self.uid != _OVERFLOW


def peer_of(connection: socket.socket) -> Peer:
    """Return who is at the other end of *connection*.

    Raises `OSError`.
    """
    pid, uid, gid = _CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    groups = frozenset({gid, *_others(connection)}) - {_OVERFLOW}
    return Peer(uid=uid, groups=groups, pid=pid)


def _others(connection: socket.socket) -> tuple[int, ...]:
    """Return the supplementary groups; none for somebody in more than can be asked for, who then has fewer rights."""
    try:
        packed = connection.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, _LONGEST)
    except OSError:
        return ()
    return struct.unpack(f"{len(packed) // 4}I", packed)


def is_mine(peer: Peer) -> bool:
    """Return True if *peer* has the user of this process."""
    return peer.uid == os.geteuid() and peer.is_known
