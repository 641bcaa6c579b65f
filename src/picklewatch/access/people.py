"""The people of this machine: those whom the user database lists, and those who are found all the same.

A directory service (SSSD, LDAP) answers who somebody is, but usually does not list everybody.
"""

from __future__ import annotations

import contextlib
import glob
import os
import pwd
import stat
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FIRST_HUMAN_UID = 1000
"""User ids from here on are people's (``UID_MIN`` of login.defs); smaller ones are root and services."""
NOBODY = 65534
"""The user id that owns nothing."""
LOGINS: Final = "/run/user"
"""Has a directory for everybody who is logged in (``pam_systemd``), called by the user id."""
DATABASE: Final = ("/etc", ("passwd", "group"))
"""Where a change of the local user database is seen."""
_USUAL: Final = "/home"
_MOST: Final = 10_000
"""Directories that are taken for homes, for each directory of homes and each pattern."""

_found: tuple[pwd.struct_passwd, ...] = ()


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """What the configuration says of people whom the database does not list."""

    names: tuple[str, ...] = ()
    homes: tuple[str, ...] = ()
    """Patterns of directories that are homes; ``*`` as the shell has it."""


def people() -> tuple[pwd.struct_passwd, ...]:
    """List root and the people of this machine whose home directory is a real one, each home once."""
    homes: dict[str, pwd.struct_passwd] = {}
    for user in (*sorted(pwd.getpwall(), key=lambda user: user.pw_uid), *_found):
        if (user.pw_uid == 0 or _is_human(user.pw_uid) or user in _found) and _has_home(user):
            homes.setdefault(user.pw_dir, user)
    return tuple(homes.values())


def note_found(found: tuple[pwd.struct_passwd, ...]) -> None:
    """Count these as people of this machine from now on, whoever asks: nobody's link may lead into their homes."""
    global _found  # noqa: PLW0603 - the user database is the process's, too
    _found = found


def found() -> tuple[pwd.struct_passwd, ...]:
    """Return those that were noted last."""
    return _found


def find_unlisted(where: Whereabouts, *, looking: bool) -> tuple[pwd.struct_passwd, ...]:
    """Find those whom the database does not list: by name and, if *looking*, by login, and by their homes.

    Homes are looked for in the directories that the homes of known people are in. This may take long: a directory
    service or the server of homes may not answer.
    """
    known = [user for user in pwd.getpwall() if _is_human(user.pw_uid) and _has_home(user)]
    found = [user for name in where.names if (user := by_name(name)) is not None]
    if looking:
        found += [user for uid in _logged_in() if (user := _by_uid(uid)) is not None and _has_home(user)]
        found += _at_home([*known, *found])
    for pattern in where.homes:
        homes = (path for path in islice(glob.iglob(pattern), _MOST) if os.path.isabs(path))  # noqa: PTH117, PTH207
        found += [_stranger(uid, path) for path in homes if (uid := _owner(path, follow=True)) is not None]
    taken = {user.pw_dir for user in known}
    return tuple({user.pw_dir: user for user in reversed(found) if user.pw_dir not in taken}.values())


def _at_home(known: list[pwd.struct_passwd]) -> Iterator[pwd.struct_passwd]:
    """Yield those whose homes are beside the homes of *known* people."""
    listed = {user.pw_uid for user in known}
    for directory in directories_of_homes(known):
        for path in _directories(directory):
            uid = _owner(path, follow=False)
            if uid is not None and _is_human(uid) and uid not in listed:
                yield _by_uid(uid) or _stranger(uid, path)


def directories_of_homes(users: Iterable[pwd.struct_passwd]) -> tuple[str, ...]:
    """Return the directories that the homes of *users* are in, and where homes usually are; only root's."""
    parents = {os.path.dirname(os.path.normpath(user.pw_dir)) for user in users if user.pw_uid}  # noqa: PTH120
    return tuple(path for path in sorted({*parents, _USUAL}) if path != "/" and _is_root_s(path))


def by_name(name: str) -> pwd.struct_passwd | None:
    """Return the user called *name*, or None."""
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _by_uid(uid: int) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwuid(uid)
    except KeyError:
        return None


def _stranger(uid: int, home: str) -> pwd.struct_passwd:
    """Return somebody of whom only the home is known."""
    user = _by_uid(uid)
    name = user.pw_name if user is not None else os.path.basename(home)  # noqa: PTH119
    return pwd.struct_passwd((name, "x", uid, user.pw_gid if user is not None else uid, "", os.path.normpath(home), ""))


def _is_human(uid: int) -> bool:
    return FIRST_HUMAN_UID <= uid != NOBODY


def _has_home(user: pwd.struct_passwd) -> bool:
    return user.pw_dir.startswith("/") and user.pw_dir not in ("/", "/nonexistent")


def _logged_in() -> Iterator[int]:
    with contextlib.suppress(OSError):
        yield from (int(name) for name in os.listdir(LOGINS) if name.isdecimal() and _is_human(int(name)))  # noqa: PTH208


def _is_root_s(directory: str) -> bool:
    """Return True if only root puts homes into *directory*: in ``/tmp`` everybody does."""
    try:
        status = os.stat(directory)  # noqa: PTH116 - a text
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == 0 and not status.st_mode & 0o022


def _directories(directory: str) -> list[str]:
    try:
        with os.scandir(directory) as entries:
            return [entry.path for entry in islice(entries, _MOST) if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []


def _owner(path: str, *, follow: bool) -> int | None:
    """Return who owns the directory *path*; None if it is none. Nothing is mounted for the question (stat(2))."""
    try:
        status = os.stat(path, follow_symlinks=follow)  # noqa: PTH116 - a text
    except (OSError, ValueError):
        return None
    return status.st_uid if stat.S_ISDIR(status.st_mode) else None
