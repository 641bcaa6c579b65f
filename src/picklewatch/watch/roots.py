"""The directories that the user wants watched, and how their real places are found."""

from __future__ import annotations

import errno
import os
import queue
import stat
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from picklewatch.access.following import Links, NotFollowedError, Way
from picklewatch.access.ownership import Tree
from picklewatch.access.paths import beneath
from picklewatch.access.rights import is_privileged, user_of
from picklewatch.core.model import printable
from picklewatch.telemetry.daemon_report import RootReport
from picklewatch.telemetry.root_state import ASKED_FOR, RootState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from picklewatch.access.following import Lookup
    from picklewatch.telemetry.health import Health

LEADS_NOWHERE: Final = "leads to nothing"
_KERNELS: Final = ("/proc", "/sys")
EXCLUDED: Final = "nothing in it is looked at: watch.exclude names it, or it lies in picklewatch's own state or vault"
"""The end of the reason of a root that is not there because a link on the way to it is broken."""

HINTS: Final = {
    errno.ENOSPC: "Raise fs.inotify.max_user_watches with sysctl; meanwhile picklewatch walks them.",
    errno.EMFILE: "Raise fs.inotify.max_user_instances with sysctl; meanwhile picklewatch walks everything.",
    errno.EACCES: "picklewatch needs the right to list it.",
    errno.ENOTDIR: "Only directories are watched: name the one that it lies in.",
    errno.ELOOP: "Its links lead in a circle.",
}
"""What the user can do about an error number."""

_HUNG_AT_ONCE: Final = 3
"""Whoever looks has events to take in: a hundred links may lead to one server that is silent."""


@dataclass(slots=True)
class Root:
    """One directory that the user wants watched."""

    wanted: str
    """The path as it was asked for."""
    label: str = ""
    """The tool whose cache it is, or where it was asked for."""
    path: str | None = None
    """Its real path; None while it is not there."""
    state: RootState = RootState.WAITING
    reason: str = ""
    """Why it is not simply watched."""
    hint: str = ""
    """What the user can do about that, as the last `find` has it."""
    is_link: bool = False
    """True for a link to a directory that was met in another root (`LinkedDirectories`)."""
    is_over: bool = False
    """True once such a link is gone, or leads to no directory any more."""
    user: int | None = None
    """The user whose cache it is: the links of no other lead to it. None if somebody asked for it, or it is our own."""
    tree: Tree | None = None
    """The directory at `path`, and whose files may be moved there."""
    lookups: list[Lookup] = field(default_factory=list, compare=False, repr=False)
    """What the last look at it depended on, for `LookupWatches` to take."""

    @property
    def plan(self) -> tuple[str, str, int | None]:
        """Its identity in the configuration, whatever it is found to be."""
        return self.wanted, self.label, self.user

    def report(self) -> RootReport:
        """Return what `picklewatch status` shows of it."""
        return RootReport(
            wanted=self.wanted, label=self.label, path=self.path, state=self.state.value, reason=self.reason
        )


@dataclass(frozen=True, slots=True)
class Sight:
    """The result of a look at a root."""

    tree: Tree | None
    """The directory; None if it is not there, or no directory, or can't be looked at, or is not followed."""
    error: int = 0
    """The error number if there is none."""
    reason: str = ""
    """Why it is not followed."""
    hint: str = ""
    is_over: bool = False
    """True if a link that was met is none any more, or leads to no directory."""

    @property
    def path(self) -> str | None:
        """The real path."""
        return None if self.tree is None else self.tree.path

    @property
    def why(self) -> str:
        """Why there is no directory, in words; empty if there is one, or simply none."""
        if self.error == errno.ETIMEDOUT:
            return "looking at it takes too long"
        return self.reason or (os.strerror(self.error) if self.error not in (0, errno.ENOENT) else "")


def look_at(root: Root) -> Sight:
    """Find where *root* is now, as far as its user could go (`Way`)."""
    way = Way(None if root.user is None else user_of(root.user), Links.LEADING)
    root.lookups = way.lookups
    try:
        with way:
            way.go(root.wanted)
            if not stat.S_ISDIR(way.status.st_mode):
                return Sight(None, error=errno.ENOTDIR, is_over=root.is_link)
            if root.is_link:
                return _look_at_link(root, way)
            _check_kernels(way.path)
            return Sight(Tree(way.path, way.identity, _owner(root, way)))
    except NotFollowedError as error:
        return Sight(None, error=errno.EPERM, reason=error.reason, hint=error.hint)
    except OSError as error:
        reason = f"the link {printable(way.broken)} {LEADS_NOWHERE}" if way.broken else ""
        is_over = root.is_link and not os.path.islink(root.wanted)  # noqa: PTH114 - never raises
        return Sight(None, error=error.errno or errno.EIO, reason=reason, is_over=is_over)
    except ValueError:  # an embedded null byte
        return Sight(None, error=errno.EINVAL)


def _check_kernels(path: str) -> None:
    """Raise `NotFollowedError` for the kernel's files: reading some has effects, such as /proc/PID/clear_refs."""
    if any(beneath(path, place) for place in _KERNELS):
        reason = "holds files of the kernel, which are never looked at"
        raise NotFollowedError(path, reason, "Take it out of the configuration.")


def _look_at_link(root: Root, way: Way) -> Sight:
    """Look at what a link that was met leads to: never to some places, not even for who may go everywhere."""
    status = os.lstat(root.wanted)
    if not stat.S_ISLNK(status.st_mode):
        return Sight(None, error=errno.ENOENT, is_over=True)  # a directory by now, watched as such
    way.check_place(root.wanted, user_of(status.st_uid if is_privileged() else os.geteuid()))
    owner = _owner(root, way)
    # root's link in what the configuration names was not named itself, and may have come out of an archive
    return Sight(Tree(way.path, way.identity, owner, own_only=owner == 0 and root.user is None))


def _owner(root: Root, way: Way) -> int | None:
    """Return the user whose cache *root* is; None if the configuration names it and no user's link led elsewhere."""
    if way.users:
        return way.users[0].uid
    if root.label in ASKED_FOR:
        return None
    if root.is_link:
        return 0 if is_privileged() else os.geteuid()
    return root.user if root.user is not None else way.status.st_uid if is_privileged() else os.geteuid()


class RootFinder:
    """Looks at roots in threads of its own, with a time limit: the server of a network file system may never answer.

    A root that does not answer within *patience* seconds is left alone until it does, and shown as `errno.ETIMEDOUT`.
    """

    def __init__(self, look: Callable[[Root], Sight] = look_at, patience: float = 1.0) -> None:
        self._look = look
        self._patience = patience
        self._hung: set[str] = set()
        self._thread: _LookingThread | None = None

    def look(self, roots: Iterable[Root]) -> dict[str, Sight]:
        """Look at every one of *roots*; return what was found by the paths that are wanted.

        After a few that do not answer, the others have to wait for the next look.
        """
        wanted = {root.wanted: root for root in roots}
        sights = dict.fromkeys(wanted, Sight(None, error=errno.ETIMEDOUT))
        todo = [path for path in sights if path not in self._hung]
        most = len(self._hung) + _HUNG_AT_ONCE
        while todo and len(self._hung) < most:
            if self._thread is None:
                self._thread = _LookingThread(self._look, self._hung)
                self._thread.start()
            seen = self._thread.ask([wanted[path] for path in todo], self._patience)
            if seen is not None:
                return sights | seen
            todo.remove(self._thread.looking_at)
            self._hung.add(self._thread.looking_at)
            self._thread.abandon()
            self._thread = None
        return sights

    def stop(self) -> None:
        """End the thread."""
        if self._thread is not None:
            self._thread.abandon()
            self._thread = None


class _LookingThread(threading.Thread):
    """Looks at roots, one after the other; abandoned when one of them holds it up."""

    def __init__(self, look: Callable[[Root], Sight], hung: set[str]) -> None:
        super().__init__(name="picklewatch-look", daemon=True)
        self.looking_at = ""
        self._look, self._hung = look, hung
        self._looked = 0
        self._abandoned = threading.Event()
        self._asked: queue.SimpleQueue[list[Root]] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[dict[str, Sight]] = queue.SimpleQueue()

    def ask(self, roots: list[Root], patience: float) -> dict[str, Sight] | None:
        """Look at all of *roots*; return None if one of them, `looking_at`, takes longer than *patience* seconds."""
        self.looking_at = roots[0].wanted
        self._asked.put(list(roots))
        while True:
            before = self._looked
            try:
                return self._answers.get(timeout=patience)
            except queue.Empty:
                if self._looked == before:
                    return None

    def abandon(self) -> None:
        """Let the thread end when it comes back; the root that held it up may be looked at again then."""
        self._abandoned.set()
        self._asked.put([])

    def run(self) -> None:
        """Answer until abandoned."""
        while not self._abandoned.is_set():
            sights: dict[str, Sight] = {}
            for root in self._asked.get():
                self.looking_at = root.wanted
                sights[root.wanted] = self._look(root)
                self._looked += 1
                if self._abandoned.is_set():
                    self._hung.discard(root.wanted)
                    return
            self._answers.put(sights)


def find(roots: Iterable[Root], looker: RootFinder | None = None) -> None:
    """Find once where *roots* are, and why not."""
    looker = looker or RootFinder()
    sights = looker.look(roots := list(roots))
    looker.stop()
    for root in roots:
        sight = sights[root.wanted]
        root.tree, root.path, root.reason, root.is_over = sight.tree, sight.path, sight.why, sight.is_over
        root.hint = sight.hint or HINTS.get(sight.error, "")


def report(root: Root, sight: Sight, health: Health) -> None:
    """Report what a look at *root* showed; a cache that is not there is no problem."""
    error = sight.error
    root.reason = sight.why
    if error == errno.ETIMEDOUT:
        hint = "Does its server answer? The other roots are watched meanwhile."
        health.degrade("watch-root-hangs", root.reason, subject=root.wanted, hint=hint)
        return
    health.repair("watch-root-hangs", subject=root.wanted)
    root.is_over = sight.is_over
    comes_and_goes = error == errno.ENOENT or (error == errno.ENOTDIR and root.label not in ASKED_FOR)
    comes_and_goes |= root.is_link and error == errno.ELOOP  # nothing is behind a circle
    if not error or comes_and_goes:
        health.repair("watch-root", subject=root.wanted)
    else:
        hint = sight.hint or HINTS.get(error, "")
        health.degrade("watch-root", root.reason, subject=root.wanted, hint=hint)


def topmost(paths: Iterable[str]) -> list[str]:
    """Return *paths* without those that lie beneath others of them."""
    tops: list[str] = []
    for path in sorted(set(paths), key=lambda path: path.rstrip("/") + "/"):
        if not tops or not beneath(path, tops[-1]):
            tops.append(path)
    return tops


def enclosing(path: str, trees: Iterable[str]) -> str | None:
    """Return the nearest of *trees* (best a mapping or a set) that *path* lies in, or None."""
    while path not in trees:
        parent = os.path.dirname(path)  # noqa: PTH120 - no object is needed
        if parent == path:
            return None
        path = parent
    return path
