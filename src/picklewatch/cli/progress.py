"""A progress line for long work on a terminal. Written to standard error, never to a pipe.

Lines that are printed meanwhile go above it unbroken, which is why this is not a library's live display: those wrap
what they print, and a wrapped path can't be copied.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from picklewatch.core.units import human_size

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

DELAY = 0.4
"""Seconds of work before anything is shown."""
TRUSTED = 1.5
"""Seconds of work before its speed is believed."""
INTERVAL = 0.1
"""Seconds between two updates."""
_CLEAR = "\r\x1b[2K"
_BAR_WIDTH = 24


class Progress:
    """Line with done, total, a bar and an estimate of the time left; nothing at all if *stream* is no terminal."""

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
        self._first: tuple[float, float] | None = None

    def update(self, done: int, done_bytes: int) -> None:
        """Show that *done* files of *done_bytes* bytes are finished."""
        now = self._clock()
        if self._first is None and done:
            self._first = (now, self._fraction(done, done_bytes))
        if not self._active or now - self._start < DELAY or now - self._last < INTERVAL:
            return
        self._last = now
        import shutil

        width = shutil.get_terminal_size().columns
        self._write(f"{_CLEAR}{self.text(done, done_bytes, now)[: width - 1]}")
        self._shown = True

    def clear(self) -> None:
        """Take the line away, before something else is printed or at the end."""
        if self._shown:
            self._write(_CLEAR)
            self._shown = False

    def text(self, done: int, done_bytes: int, now: float) -> str:
        """Return the line at the time *now*."""
        fraction = self._fraction(done, done_bytes)
        filled = int(fraction * _BAR_WIDTH)
        bar = "█" * filled + "░" * (_BAR_WIDTH - filled)
        size = f"{human_size(done_bytes)} of {human_size(self._total_bytes)}"
        return f"{bar} {fraction:4.0%}  {done:,} of {self._total:,} files, {size}{self._left(fraction, now)}"

    def _fraction(self, done: int, done_bytes: int) -> float:
        """Return the share that is done.

        A file counts by half for itself and by half for its size.
        """
        by_files = done / self._total if self._total else 1.0
        by_bytes = done_bytes / self._total_bytes if self._total_bytes else by_files
        return min(1.0, (by_files + by_bytes) / 2)

    def _left(self, fraction: float, now: float) -> str:
        """Estimate the time left by what was done since the first file was; starting the sandbox does not count."""
        if self._first is None or now - self._first[0] < TRUSTED:
            return ""
        since, at_first = self._first
        rate = (fraction - at_first) / (now - since)
        return f", {_time((1 - fraction) / rate)} left" if rate > 0 else ""

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError:  # the terminal is gone; the work goes on
            self._active = False


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
