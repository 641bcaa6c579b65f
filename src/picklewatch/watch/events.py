"""Events in a watched tree, independent of watchdog's classes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

EVENTS_HELD: Final = 100_000
"""Events that may wait in any queue of this process; beyond it they are dropped, as the kernel drops them."""


class EventKind(Enum):
    """The kinds of events."""

    CREATED = "created"
    CLOSED = "closed"
    MOVED = "moved"
    """A file was renamed from *path* to *target*."""
    DIRECTORY = "directory"
    """A directory appeared at *path*."""
    MISSED = "missed"
    """Only the periodic walk, or a proof (*target*: the walk's reason), found something in this directory."""
    LOST = "lost"
    """The directory *path* is there but its watch is gone, as after an unmount."""
    ROOTS = "roots"
    """A root may lead elsewhere, or people may have come."""
    OVERFLOW = "overflow"
    """Events were lost, anywhere."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened in a watched tree."""

    kind: EventKind
    path: str
    target: str = ""
