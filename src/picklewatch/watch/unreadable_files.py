"""Files that may not be read: judged as soon as that changes. Changed permissions are announced to nobody here."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Final

from picklewatch.core.model import FileId

if TYPE_CHECKING:
    from collections.abc import Callable

    from picklewatch.telemetry.health import Health

LOOK_SECONDS: Final = 2.0
_MOST: Final = 1_000


class UnreadableFiles:
    """The files. Any thread may `note`; one looks after them."""

    def __init__(self, health: Health) -> None:
        self._health = health
        self._lock = threading.Lock()
        self._files: dict[str, FileId | None] = {}
        self._look_at = 0.0

    def note(self, path: str, file: FileId | None) -> None:
        """Note that *path* could not be read in the state *file*; None if that is the one at the next look."""
        with self._lock:
            if path in self._files or len(self._files) < _MOST:
                self._files[path] = file
                return
        self._health.count("watch-denied-left-out")  # the periodic walk looks at it

    def look_after(self, changed: Callable[[str], None], now: float) -> None:
        """Tell *changed* of every file whose permissions, or whatever else, changed."""
        if now < self._look_at:
            return
        self._look_at = now + LOOK_SECONDS
        with self._lock:
            files = dict(self._files)
        for path, file in files.items():
            state = _state(path)
            if state == file:
                continue
            with self._lock:
                self._files.pop(path, None)
            if state is not None and file is None:
                self.note(path, state)
            elif state is not None:
                changed(path)


def _state(path: str) -> FileId | None:
    try:
        return FileId.of(os.lstat(path))
    except (OSError, ValueError):
        return None
