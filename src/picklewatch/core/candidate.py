"""Candidates: files that may be new or changed. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from picklewatch.core.model import FileId


class Source(IntEnum):
    """The finder of a file: the smaller, the sooner the file is judged."""

    GUARD = 0
    """A loader waits for the verdict."""
    EVENT = 1
    """An event has just announced it."""
    WALK = 2
    """The start-up walk, or the walk of a root that appeared, found it."""
    RESCAN = 3
    """The periodic safety net found it."""
    AGAIN = 4
    """A walk found it, and its content seems to be what was judged before: by an older version, or before its links,
    rights or owner changed."""


class UnavailableError(Exception):
    """The queue can't take candidates at the moment (such as when its disk is full): none was taken, try again."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A regular file that should be judged unless its verdict is known."""

    path: str
    """The content itself: never a symbolic link."""
    file: FileId
    """Its state when it was found."""
    source: Source
    """Its finder."""
    link: str | None = None
    """The symbolic link that led to it, if one did."""
    owner: int = 0
    """The user that it belongs to: users take turns in the queue."""
