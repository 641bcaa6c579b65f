"""A file of our own in a watched directory of our own: if its event does not arrive, no event does.

watchdog's threads can be alive and pass nothing on; nothing but an event that we cause ourselves shows that.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from picklewatch.core.state_layout import ALIVE

if TYPE_CHECKING:
    from pathlib import Path


class Canary:
    """Proves that events arrive. It writes nothing into its file, so a full disk does not silence it."""

    def __init__(self, directory: Path, *, pause: float = 30.0, deadline: float = 5.0) -> None:
        self._directory = directory
        self._pause = pause
        self._deadline = deadline
        self._touched_at: float | None = None
        self._next_at = 0.0
        self.identity = (0, 0)
        self.is_proven = False
        """True if an event has arrived since the last `reset`."""
        self.path = os.path.join(os.path.realpath(directory), ALIVE)  # noqa: PTH118 - compared with event paths

    @property
    def directory(self) -> str | None:
        """The real directory, made if it is missing; None if that is not possible."""
        try:
            status = self._made()
        except OSError:
            return None
        self.identity = (status.st_dev, status.st_ino)
        return os.path.dirname(self.path)  # noqa: PTH120

    def _made(self) -> os.stat_result:
        with contextlib.suppress(FileNotFoundError):
            return self._directory.stat()
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self._directory.stat()

    @property
    def is_waited_for(self) -> bool:
        """Return True if the file was touched and its event has not arrived."""
        return self._touched_at is not None

    def touch(self, now: float) -> None:
        """Touch the file if it is time for it."""
        if self._touched_at is not None or now < self._next_at:
            return
        try:
            os.close(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
        except OSError:
            self._next_at = now + self._pause
            return
        self._touched_at = now

    def seen(self, now: float) -> bool:
        """Note that the event arrived; return True if it was waited for."""
        waited = self._touched_at is not None
        self._touched_at = None
        self._next_at = now + self._pause
        self.is_proven = True
        return waited

    def is_overdue(self, now: float) -> bool:
        """Return True if an event is missing."""
        return self._touched_at is not None and now - self._touched_at > self._deadline

    def may_be_lost(self, now: float) -> None:
        """Note that events were lost, perhaps this one: try again, and don't report silence for it."""
        self._touched_at = None
        self._next_at = now

    def hurry(self) -> None:
        """Touch the file at the next opportunity, without waiting out the pause."""
        self._next_at = 0.0

    def reset(self) -> None:
        """Start again: the observer was replaced."""
        self._touched_at = None
        self._next_at = 0.0
        self.is_proven = False
