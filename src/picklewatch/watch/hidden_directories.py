"""Directories that could not be entered when a file in them was to be looked at; walked as soon as they can be.

Rights that come back are announced to nobody: without this, what was written meanwhile would wait for a periodic walk.
"""

from __future__ import annotations

import os
import stat
import threading
from typing import TYPE_CHECKING, Final

from picklewatch.access.paths import beneath
from picklewatch.core.candidate import Source
from picklewatch.watch import unlistable
from picklewatch.watch.directory_walk import WalkRequest

if TYPE_CHECKING:
    from picklewatch.telemetry.health import Health
    from picklewatch.watch.directory_walk import DirectoryWalker

LOOK_SECONDS: Final = 2.0
_MOST: Final = 1_000


class HiddenDirectories:
    """The closed directories. Any thread may `note`; one looks after them."""

    def __init__(self, health: Health) -> None:
        self._health = health
        self._lock = threading.Lock()
        self._directories: dict[str, None] = {}
        self._look_at = 0.0

    def note(self, path: str) -> None:
        """Note that nothing was seen at *path*: if that is for want of rights, its directory is looked after."""
        try:
            if not stat.S_ISREG(os.lstat(path).st_mode):
                return
        except PermissionError:
            pass
        except (OSError, ValueError):
            return
        directory = _topmost(path)
        with self._lock:
            if directory in self._directories:
                return
            if len(self._directories) >= _MOST:
                self._health.count("watch-closed-left-out")  # the periodic walk finds what is in it
                return
            self._directories[directory] = None
        unlistable.tell(self._health, directory)

    def look_after(self, walker: DirectoryWalker, trees: list[str], now: float) -> None:
        """Have every directory walked that can be entered by now; only what lies in the watched *trees*.

        So are those that a walk could not list.
        """
        if now < self._look_at:
            return
        self._look_at = now + LOOK_SECONDS
        with self._lock:
            directories = list(self._directories)
        for directory in directories:
            if _is_closed(directory):
                unlistable.tell(self._health, directory)
            else:
                with self._lock:
                    del self._directories[directory]
                self._walk(directory, walker, trees)
        for problem in self._health.problems:
            if problem.what == unlistable.WHAT and problem.subject and unlistable.is_over(problem.subject):
                self._walk(problem.subject, walker, trees)

    def _walk(self, directory: str, walker: DirectoryWalker, trees: list[str]) -> None:
        self._health.repair(unlistable.WHAT, subject=directory)
        inside = any(beneath(directory, tree) for tree in trees)
        for tree in [directory] if inside else [tree for tree in trees if beneath(tree, directory)]:
            walker.request(WalkRequest(tree, Source.WALK, "readable-again"))


def _topmost(path: str) -> str:
    directory = os.path.dirname(path)  # noqa: PTH120 - any bytes, no object needed
    while (parent := os.path.dirname(directory)) != directory and _is_closed(parent):  # noqa: PTH120
        directory = parent
    return directory


def _is_closed(directory: str) -> bool:
    """Whether *directory* is there and can't be entered."""
    try:
        os.stat(f"{directory}/.")  # noqa: PTH116
    except PermissionError:
        return True
    except (OSError, ValueError):
        return False
    return False
