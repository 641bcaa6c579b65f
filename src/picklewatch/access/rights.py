"""Decide what another user of the machine could do with an open file, whatever this process may do.

A daemon that may read every file must not do for a user what that user could not do, so it asks here first. It can't
ask the kernel: a service that only has CAP_DAC_READ_SEARCH may not become that user (setfsuid needs CAP_SETUID). So
the kernel's own rule is applied (`acl_permission_check` in fs/namei.c): owner, access list, groups, others. An owner
counts as permitted, for they can give themselves any right.
"""

from __future__ import annotations

import errno
import functools
import os
import pwd
import struct
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from picklewatch.access.people import people

if TYPE_CHECKING:
    from collections.abc import Iterator

_ACL: Final = "system.posix_acl_access"
_NO_ACL: Final = (errno.ENODATA, errno.EOPNOTSUPP)
_USER, _GROUP_OBJECT, _GROUP, _MASK = 2, 4, 8, 16  # tags of entries in that attribute (posix_acl.h)
_OVERRIDING: Final = 0b1111
"""CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER (capability.h): rights over other users' files."""
REMEMBERED_SECONDS: Final = 60.0
"""What the user database says is remembered for so long."""


@dataclass(frozen=True, slots=True)
class User:
    """A user of this machine."""

    uid: int
    groups: frozenset[int] = frozenset()
    name: str = ""

    def __str__(self) -> str:
        return self.name or f"user {self.uid}"

    def may(self, fd: int, wanted: int) -> bool:
        """Return True if the user could do *wanted* (`os.R_OK`, `os.W_OK`, `os.X_OK`) with what *fd* shows."""
        status = os.fstat(fd)
        if self.uid in (0, status.st_uid):
            return True
        entries = _access_list(fd)
        if entries is None:
            return False
        if entries:
            return self._may_by_list(entries, status, wanted)
        bits = status.st_mode >> 3 if status.st_gid in self.groups else status.st_mode
        return bits & wanted == wanted

    def may_remove_from(self, directory: int) -> bool:
        """Return True if the user could take another's file out of the *directory* (a descriptor)."""
        status = os.fstat(directory)
        is_sticky = bool(status.st_mode & 0o1000) and self.uid not in (0, status.st_uid)
        return not is_sticky and self.may(directory, os.W_OK | os.X_OK)

    def _may_by_list(self, entries: list[tuple[int, int, int]], status: os.stat_result, wanted: int) -> bool:
        """Follow `posix_acl_permission` in fs/posix_acl.c."""
        mask = next((bits for tag, bits, _ in entries if tag == _MASK), 7)
        for tag, bits, number in entries:
            if tag == _USER and number == self.uid:
                return bits & mask & wanted == wanted
        groups = {_GROUP_OBJECT: status.st_gid}
        named = [(groups.get(tag, number), bits) for tag, bits, number in entries if tag in (_GROUP_OBJECT, _GROUP)]
        ours = [bits & mask for group, bits in named if group in self.groups]
        if ours:
            return any(bits & wanted == wanted for bits in ours)
        return status.st_mode & wanted == wanted


def _access_list(fd: int) -> list[tuple[int, int, int]] | None:
    """Return the access list of *fd*, often an empty one; None if it can't be read, so that nobody may anything."""
    try:
        data = os.getxattr(f"/proc/self/fd/{fd}", _ACL)
        return [(tag, bits, number) for tag, bits, number in struct.iter_unpack("<HHI", data[4:])]
    except OSError as error:
        return [] if error.errno in _NO_ACL else None
    except struct.error:
        return None


def user_of(uid: int) -> User:
    """Return the user *uid* with all groups; what the user database says is remembered for a minute."""
    return _user(uid, int(time.monotonic() / REMEMBERED_SECONDS))


@functools.lru_cache(maxsize=1_000)
def _user(uid: int, _minute: int) -> User:
    try:
        entry = pwd.getpwuid(uid)
        groups = os.getgrouplist(entry.pw_name, entry.pw_gid)
    except (KeyError, OSError):
        return User(uid)
    return User(uid, frozenset(groups), entry.pw_name)


@functools.cache
def is_privileged() -> bool:
    """Return True if this process may do more with other users' files than the kernel lets an ordinary user do."""
    return os.geteuid() == 0 or bool(_capabilities() & _OVERRIDING)


def _capabilities() -> int:
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
        return next(int(line.split()[1], 16) for line in lines if line.startswith("CapEff:"))
    except (OSError, StopIteration, ValueError, IndexError):
        return 0


def homes() -> tuple[tuple[int, str], ...]:
    """Return whose home is where, as the user database spells it and as it is really called; for a minute."""
    return _homes(int(time.monotonic() / REMEMBERED_SECONDS))


@functools.lru_cache(maxsize=1)
def _homes(_minute: int) -> tuple[tuple[int, str], ...]:
    return tuple(_spelled())


def _spelled() -> Iterator[tuple[int, str]]:
    for user in people():
        home = os.path.normpath(user.pw_dir)
        parent, name = os.path.split(home)
        yield user.pw_uid, home
        yield user.pw_uid, os.path.join(os.path.realpath(parent), name)  # noqa: PTH118 - the home itself may hang
