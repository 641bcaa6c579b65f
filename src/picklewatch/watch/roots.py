"""The directories that the user wants watched, and where they really are just now."""

from __future__ import annotations

import errno
import os
import queue
import stat
import threading
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from picklewatch.watch.candidate import beneath

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Identity = tuple[int, int]
"""Device and inode of a directory."""

COMMAND_LINE: Final = "command line"
CONFIGURATION: Final = "watch.roots"
ASKED_FOR: Final = (COMMAND_LINE, CONFIGURATION)
"""The labels of directories that a person asked for, and wants to know of if they are missing: caches come and go."""


class RootState(StrEnum):
    """How a root is doing."""

    WAITING = "waiting"
    """It is not there (yet)."""
    WATCHED = "watched"
    """Its changes are announced."""
    POLLED = "polled"
    """It is walked every few seconds: nothing, or not everything, is announced."""


@dataclass(slots=True)
class Root:
    """One directory that the user wants watched."""

    wanted: str
    """As it was asked for."""
    label: str = ""
    """Which tool's cache it is, or where it was asked for."""
    path: str | None = None
    """Where it really is; None while it is not there."""
    state: RootState = RootState.WAITING
    reason: str = ""
    """Why it is not simply watched."""

    def told(self) -> dict[str, Any]:
        """For `status`."""
        return {
            "wanted": self.wanted,
            "label": self.label,
            "path": self.path,
            "state": self.state.value,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class Sight:
    """What a look at a root showed."""

    path: str | None
    """Where it really is, or None if it is not there, or no directory, or can't be looked at."""
    identity: Identity = (0, 0)
    error: int = 0
    """Why not, as an error number."""


def look_at(wanted: str) -> Sight:
    """See where the root *wanted* is now, and what is there."""
    try:
        status = Path(wanted).stat()
        if not stat.S_ISDIR(status.st_mode):
            return Sight(None, error=errno.ENOTDIR)
        return Sight(os.path.realpath(wanted, strict=True), (status.st_dev, status.st_ino))
    except OSError as error:
        return Sight(None, error=error.errno or errno.EIO)
    except ValueError:  # an embedded null byte
        return Sight(None, error=errno.EINVAL)


class Looker:
    """Looks at roots in threads of its own: the server of a network file system may never answer.

    A root that does not answer within *patience* seconds is left alone until it does, and shown as `errno.ETIMEDOUT`.
    """

    def __init__(self, look: Callable[[str], Sight] = look_at, patience: float = 1.0) -> None:
        self._look = look
        self._patience = patience
        self._hung: set[str] = set()
        self._thread: _LookingThread | None = None

    def look(self, wanted: Iterable[str]) -> dict[str, Sight]:
        """See every one of *wanted*."""
        sights = dict.fromkeys(wanted, Sight(None, error=errno.ETIMEDOUT))
        todo = [path for path in sights if path not in self._hung]
        while todo:
            if self._thread is None:
                self._thread = _LookingThread(self._look, self._hung)
                self._thread.start()
            seen = self._thread.ask(todo, self._patience)
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
    def __init__(self, look: Callable[[str], Sight], hung: set[str]) -> None:
        super().__init__(name="picklewatch-look", daemon=True)
        self.looking_at = ""
        self._look, self._hung = look, hung
        self._abandoned = threading.Event()
        self._asked: queue.SimpleQueue[list[str]] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[dict[str, Sight]] = queue.SimpleQueue()

    def ask(self, wanted: list[str], patience: float) -> dict[str, Sight] | None:
        """Look at all of *wanted*; None if one of them, `looking_at`, takes longer than *patience* seconds."""
        self.looking_at = wanted[0]
        self._asked.put(list(wanted))
        try:
            return self._answers.get(timeout=patience)
        except queue.Empty:
            return None

    def abandon(self) -> None:
        """Let the thread end when it comes back; the root that held it up may be looked at again then."""
        self._abandoned.set()
        self._asked.put([])

    def run(self) -> None:
        """Answer until abandoned."""
        while not self._abandoned.is_set():
            sights: dict[str, Sight] = {}
            for path in self._asked.get():
                self.looking_at = path
                sights[path] = self._look(path)
                if self._abandoned.is_set():
                    self._hung.discard(path)
                    return
            self._answers.put(sights)


def topmost(paths: Iterable[str]) -> list[str]:
    """*paths* without those that lie beneath others of them."""
    tops: list[str] = []
    for path in sorted(set(paths), key=lambda path: path.rstrip("/") + "/"):
        if not tops or not beneath(path, tops[-1]):
            tops.append(path)
    return tops


def enclosing(path: str, trees: Iterable[str]) -> str | None:
    """The member of *trees* (best a mapping or a set) that *path* lies in, the nearest one, or None."""
    while path not in trees:
        parent = os.path.dirname(path)  # noqa: PTH120 - no object is needed
        if parent == path:
            return None
        path = parent
    return path
