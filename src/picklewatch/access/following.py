"""Walk to a file or directory, component by component, with the rights of the users whose links lead there.

A daemon that may read every file, and that follows links in other users' directories, can be led anywhere by them:
`ln -s /srv/secret ~/.cache/torch`. So a link is followed only where its owner could have gone, and only to a directory
that they own or may write to, or to a file that they may read. Each component is opened below the one before it and
nothing is resolved twice: however names are swapped meanwhile, the place that is held open in the end is the one that
was checked.
"""

from __future__ import annotations

import errno
import os
import stat
from collections import deque
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final, Self

from picklewatch.access.paths import beneath
from picklewatch.access.rights import homes, is_privileged, user_of
from picklewatch.core.model import printable

if TYPE_CHECKING:
    from picklewatch.access.rights import User

Identity = tuple[int, int]
"""Device and inode."""
Lookup = tuple[str, str]
"""A directory, without links, and the name that was looked up in it."""

_LINKS: Final = 40
"""Links on one way, as the kernel has it (MAXSYMLINKS)."""
_COMPONENTS: Final = 4_000
"""Components on one way, links resolved: a path of 4,096 bytes has at most half as many."""
_NOWHERE: Final = ("/proc", "/sys", "/dev")
"""No user's link to these is followed, whoever owns the target: there are no models."""
_NAME_IT: Final = "If it is to be watched all the same, name the directory that it leads to in watch.roots."


class Links(Enum):
    """The links that a way may take."""

    NONE = "none"
    LEADING = "leading"
    """Those that may say where a watched directory is."""
    ANY = "any"
    """All: for reading a file it is enough that all whose links are taken may read it."""


class NotFollowedError(OSError):
    """A link, or a directory, that is not followed: *reason* says why, *hint* what to do."""

    def __init__(self, path: str, reason: str, hint: str = "") -> None:
        self.reason = f"{printable(path)} {reason}"
        self.hint = hint
        super().__init__(errno.EPERM, self.reason, path)


@dataclass(frozen=True, slots=True)
class _Step:
    """One component, held open."""

    name: str
    fd: int
    status: os.stat_result
    is_root_s: bool
    """True if nobody but root could have put its entries there, or have moved it or a directory above it."""


@dataclass(frozen=True, slots=True)
class _Arrival:
    """Marks the end of a link's target in the components that are still to be walked."""

    link: str
    user: User | None
    """The user who must be able to use the target; None for the administrator's links, and where nobody is asked."""


class Way:
    """Walks to one place; use it in a ``with`` statement.

    Links of root's, in directories that only root can change, are the administrator's and always followed. Of others,
    `Links.LEADING` follows only those of *asker*, or, where nobody in particular asks, those of the owner of the
    directory that has them. Without privileges over others' files everything is followed: the kernel decides.
    """

    def __init__(self, asker: User | None, links: Links) -> None:
        self.users: list[User] = [asker] if asker is not None and is_privileged() else []
        """The users whose rights limit the way: the asker, and the owners of links on it."""
        self.broken = ""
        """The link whose target was not there, if that is why the way ended."""
        self._asker, self.links = asker, links
        self._steps: list[_Step] = []
        self._left: deque[str | _Arrival] = deque()
        self._followed = 0
        self.lookups: list[Lookup] = []
        """All that the way has depended on so far, whether it was there or not."""

    def __enter__(self) -> Self:
        self._push("", os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC))
        return self

    def __exit__(self, *_exception: object) -> None:
        for step in self._steps:
            os.close(step.fd)
        self._steps.clear()

    @property
    def path(self) -> str:
        """The present place, without links."""
        return "/".join(step.name for step in self._steps) or "/"

    @property
    def fd(self) -> int:
        """A descriptor of the present place (`os.O_PATH`); closed at the end of the ``with`` statement."""
        return self._steps[-1].fd

    @property
    def status(self) -> os.stat_result:
        """The status of the present place."""
        return self._steps[-1].status

    @property
    def identity(self) -> Identity:
        """Device and inode of the present place."""
        return self.status.st_dev, self.status.st_ino

    def go(self, path: str) -> None:
        """Walk on to *path*; an absolute one begins at ``/``.

        Raises `OSError`, `NotFollowedError`.
        """
        self._turn(path)
        try:
            self._walk(path)
        except FileNotFoundError:
            self.broken = next((left.link for left in self._left if isinstance(left, _Arrival)), "")
            raise

    def _walk(self, path: str) -> None:
        for _ in range(_COMPONENTS):
            if not self._left:
                return
            part = self._left.popleft()
            if isinstance(part, _Arrival):
                self._arrive(part)
            else:
                self._take(part)
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), path)

    def _turn(self, path: str) -> None:
        """Put *path* before what is left."""
        if path.startswith("/"):
            while len(self._steps) > 1:
                os.close(self._steps.pop().fd)
        self._left.extendleft(reversed(path.split("/")))

    def _take(self, part: str) -> None:
        top = self._steps[-1]
        if not stat.S_ISDIR(top.status.st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), self.path)
        if part == "..":
            if len(self._steps) > 1:
                os.close(self._steps.pop().fd)
        elif part not in ("", "."):
            self.lookups.append((self.path, part))
            self._check_reach(self.users, top)
            fd = os.open(part, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=top.fd)
            try:
                status = os.fstat(fd)
                if stat.S_ISLNK(status.st_mode):
                    self._follow(part, fd, status)
            except BaseException:
                os.close(fd)
                raise
            if stat.S_ISLNK(status.st_mode):
                os.close(fd)
            else:
                self._push(part, fd)

    def _push(self, name: str, fd: int) -> None:
        status = os.fstat(fd)
        above = self._steps[-1].is_root_s if self._steps else True
        self._steps.append(_Step(name, fd, status, above and _is_root_s(status)))

    def _check_reach(self, users: list[User], step: _Step) -> None:
        for user in users:
            if not user.may(step.fd, os.X_OK):
                at = "/".join(one.name for one in self._steps[: self._steps.index(step) + 1]) or "/"
                raise NotFollowedError(at, f"can't be entered by {user}")

    # --- links

    def _follow(self, name: str, fd: int, status: os.stat_result) -> None:
        link = f"{self.path.rstrip('/')}/{name}"
        self._followed += 1
        if self.links is Links.NONE or self._followed > _LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), link)
        leading = next((part for part in self._left if isinstance(part, _Arrival) and part.user is not None), None)
        if leading is not None and any(beneath(link, no) for no in _NOWHERE):
            # the kernel's own links lead wherever this process has something open: not where the user could go
            raise NotFollowedError(leading.link, f"is not followed: it leads through {printable(link)}")
        target, leader = os.readlink("", dir_fd=fd), None
        if is_privileged() and not (status.st_uid == 0 and self._steps[-1].is_root_s):
            user = user_of(status.st_uid)
            if self.links is Links.LEADING:
                self._check_leader(link, status, user)
                leader = user
            if all(user.uid != known.uid for known in self.users):
                self.users.append(user)
            for step in self._steps:
                self._check_reach([user], step)
        self._left.appendleft(_Arrival(link, leader))
        self._turn(target)

    def _check_leader(self, link: str, status: os.stat_result, owner: User) -> None:
        """Refuse a *link* that its *owner* need not have put there: whoever may write there renames and links links."""
        hint = "Name the directory that it leads to in watch.roots, or let its user make the link (chown -h)."
        if self._asker is not None and owner.uid != self._asker.uid:
            raise NotFollowedError(link, f"is not followed: it is a link of {owner}, not of {self._asker}", hint)
        if status.st_nlink != 1:
            raise NotFollowedError(link, "is not followed: it is a link with several names", hint)
        directory = self._steps[-1].status.st_uid
        if self._asker is None and owner.uid != directory:
            reason = f"is not followed: it is a link of {owner} in a directory of {user_of(directory)}"
            raise NotFollowedError(link, reason, hint)

    def _arrive(self, arrival: _Arrival) -> None:
        """Check the directory that a user's link leads to."""
        link, user, path = arrival.link, arrival.user, self.path
        if user is None:
            return
        self.check_place(link, user)
        hint = _NAME_IT
        if not user.may(self.fd, os.W_OK | os.X_OK):
            reason = f"is not followed: it leads to {printable(path)}, which {user} neither owns nor may write to"
            raise NotFollowedError(link, reason, hint)

    def check_place(self, link: str, user: User) -> None:
        """Raise `NotFollowedError` if no *link* of *user* may lead here, whoever owns what is here."""
        if self.path in ("/", "/home") or any(beneath(self.path, no) for no in _NOWHERE):
            raise NotFollowedError(link, f"is not followed: it leads to {printable(self.path)}", _NAME_IT)
        self._check_homes(link, user)

    def _check_homes(self, link: str, user: User) -> None:
        """Refuse a link into another user's home, or to where homes are."""
        known = homes()
        own = [home for uid, home in known if uid == user.uid]
        for uid, home in known:
            is_into = uid != user.uid and home not in own and beneath(self.path, home)
            if is_into or (self.path != home and beneath(home, self.path)):
                reason = f"is not followed: it leads to {printable(self.path)}, and {user_of(uid)}'s home is {home}"
                raise NotFollowedError(link, reason, _NAME_IT)

    # --- the end

    def check_readable(self) -> None:
        """Raise `NotFollowedError` if one of those who lead here may not read what is here."""
        for user in self.users:
            if not user.may(self.fd, os.R_OK):
                raise NotFollowedError(self.path, f"may not be read by {user}")


def _is_root_s(directory: os.stat_result) -> bool:
    """Return True if only root can remove, rename or replace root's entries of *directory*."""
    mode = directory.st_mode
    shared = mode & 0o002 or (mode & 0o020 and directory.st_gid != 0)
    return directory.st_uid == 0 and (not shared or bool(mode & stat.S_ISVTX))
