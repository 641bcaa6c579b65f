"""What watching produces: files that may be new or changed, named by what they are, never opened."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from picklewatch.core.model import FileId

_NO_FILES: Final = ("/proc/", "/sys/", "/dev/")
"""Where what looks like a regular file is none: reading it may block, or do something."""


class Source(IntEnum):
    """Who found a file. The smaller, the sooner it is judged."""

    GUARD = 0
    """A loader waits for the verdict."""
    EVENT = 1
    """It was announced just now."""
    WALK = 2
    """The start-up walk, or the walk of a root that appeared, found it."""
    RESCAN = 3
    """The periodic safety net found it."""


class UnavailableError(Exception):
    """The queue can't take candidates just now (its disk is full, say): nothing was taken, try again."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A regular file that should be judged unless its verdict is known."""

    path: str
    """The content itself: never a symbolic link."""
    file: FileId
    """Its state when it was found."""
    source: Source
    """Who found it."""
    link: str | None = None
    """The symbolic link that led to it, if one did."""
    owner: int = 0
    """The user that it belongs to: users take turns in the queue."""


def identify(path: str, source: Source) -> Candidate | None:
    """The candidate behind *path*, or None if nothing regular is there (or it can't be seen).

    A symbolic link stands for what it points at, wherever that is: stores that share one content between
    repositories make nothing but links.
    """
    try:
        status = os.lstat(path)
        if stat.S_ISREG(status.st_mode):
            return Candidate(path, FileId.of(status), source, owner=status.st_uid)
        if not stat.S_ISLNK(status.st_mode):
            return None
        content = os.path.realpath(path, strict=True)
        if content.startswith(_NO_FILES):
            return None
        status = os.lstat(content)
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return Candidate(content, FileId.of(status), source, link=path, owner=status.st_uid)
