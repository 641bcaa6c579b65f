"""The directories that the user wants watched, and where they really are just now."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from picklewatch.watch.candidate import beneath

if TYPE_CHECKING:
    from collections.abc import Iterable

Identity = tuple[int, int]
"""Device and inode of a directory."""


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

    def resolve(self) -> Identity:
        """Find out where the root is now, and what is there. Raises `OSError`."""
        self.path = None
        status = Path(self.wanted).stat()
        if not stat.S_ISDIR(status.st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), self.wanted)
        self.path = os.path.realpath(self.wanted, strict=True)
        return status.st_dev, status.st_ino


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
