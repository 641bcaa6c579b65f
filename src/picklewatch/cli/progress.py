"""One line on a terminal that says how far long work is. Written to standard error, never to a pipe.

Lines that are printed meanwhile go above it unbroken, which is why this is not a library's live display: those wrap
what they print, and a wrapped path can't be copied.
"""

from __future__ import annotations

import shutil
import sys
import time
from typing import TYPE_CHECKING

from picklewatch.units import human_size

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

DELAY = 0.4
"""Seconds of work before anything is shown."""
INTERVAL = 0.1
"""Seconds between two updates."""
_CLEAR = "\r\x1b[2K"
_BAR_WIDTH = 24


class Progress:
    """Shows done, total, a bar and an estimate of the time left; nothing at all where *stream* is no terminal."""

    def __init__(
        self,
        total: int,
        total_bytes: int,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._active = self._stream.isatty()
        self._clock = clock
        self._total = total
        self._total_bytes = total_bytes
        self._start = self._last = clock()
        self._shown = False

    def update(self, done: int, done_bytes: int) -> None:
        """Say that *done* files of *done_bytes* bytes are finished."""
        now = self._clock()
        if not self._active or now - self._start < DELAY or now - self._last < INTERVAL:
            return
        self._last = now
        width = shutil.get_terminal_size().columns
        text = self.text(done, done_bytes, now - self._start)[: width - 1]
        self._stream.write(f"{_CLEAR}{text}")
        self._stream.flush()
        self._shown = True

    def clear(self) -> None:
        """Take the line away, before something else is printed or at the end."""
        if self._shown:
            self._stream.write(_CLEAR)
            self._stream.flush()
            self._shown = False

    def text(self, done: int, done_bytes: int, elapsed: float) -> str:
        """Return the line. A file counts by half for itself and by half for its size."""
        by_files = done / self._total if self._total else 1.0
        by_bytes = done_bytes / self._total_bytes if self._total_bytes else by_files
        fraction = min(1.0, (by_files + by_bytes) / 2)
        filled = int(fraction * _BAR_WIDTH)
        bar = "█" * filled + "░" * (_BAR_WIDTH - filled)
        left = f", {_time(elapsed / fraction - elapsed)} left" if fraction > 0 else ""
        size = f"{human_size(done_bytes)} of {human_size(self._total_bytes)}"
        return f"{bar} {fraction:4.0%}  {done:,} of {self._total:,} files, {size}{left}"


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
