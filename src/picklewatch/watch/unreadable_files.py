"""Files that may not be read: scanned as soon as that changes. inotify announces changed permissions, but not to us.

The event would be ``IN_ATTRIB``, which every change of a time stamp causes, too.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from picklewatch.core.model import FileId
from picklewatch.watch.retry_book import RetryBook

if TYPE_CHECKING:
    from collections.abc import Callable

    from picklewatch.telemetry.health import Health

LOOK_SECONDS: Final = 2.0
_MOST: Final = 1_000


class UnreadableFiles:
    """Unreadable files, each in the state in which it could not be read.

    Any thread may note one; *on_note* wakes who looks again.
    """

    def __init__(self, health: Health, on_note: Callable[[], None] = lambda: None) -> None:
        self._health, self._on_note = health, on_note
        self._book = RetryBook[FileId | None](seconds=LOOK_SECONDS, most=_MOST)

    def note(self, path: str, file: FileId | None) -> None:
        """Note that *path* could not be read in the state *file*; None for the state at the next look."""
        if not self._book.note(path, file):
            self._health.count("watch-denied-left-out")  # the periodic walk looks at it
        self._on_note()

    @property
    def is_empty(self) -> bool:
        """Return True if none is known."""
        return self._book.is_empty

    def changed(self, now: float) -> list[str]:
        """Return the files whose permissions, or anything else, changed, and forget them and those that are gone."""
        changed: list[str] = []
        if not self._book.is_due(now):
            return changed
        for path, file in self._book.states().items():
            state = _state(path)
            if state == file:
                continue
            self._book.strike(path)
            if state is not None and file is None:
                self.note(path, state)
            elif state is not None:
                changed.append(path)
        return changed


def _state(path: str) -> FileId | None:
    try:
        return FileId.of(os.lstat(path))
    except (OSError, ValueError):
        return None
