"""The outlet between the program and its log: a log that fails or is slow does not hold up the work.

A queue with a thread behind it would not do: a verdict counts as reported only once its line is written, and lines that
wait in a queue are lost with the process.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from picklewatch.telemetry.log.json_lines import Output

KEPT: Final = "file.scanned"
"""The event that is not lost when its line can't be written: the store has it, and it is written later."""
SHARE: Final = 0.1
"""The part of the time that may be spent waiting for the log."""
LONGEST: Final = 1.0
"""Seconds to wait at once, at most."""
_HICCUP_SECONDS: Final = 2.0
"""A failure that is over sooner is no trouble: a burst is faster than the journal."""


class Outlet:
    """Passes events on to `output`, waiting for it at most a tenth of the time; counts and reports lost lines."""

    def __init__(self, output: Output | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.output = output
        """The output that events go to now; None for none."""
        self._failure: tuple[str, float] | None = None
        """The reason why the last event could not be written, and the time since which none could."""
        self._unreported = 0
        """Lost lines that the log does not report yet."""
        self._lock = threading.Lock()
        self._clock = clock
        self._credit = LONGEST
        """Seconds that may be waited now."""
        self._at = clock()

    def emit(self, event: dict[str, Any]) -> bool:
        """Write *event*, which is clean.

        Return True if it was written; no failure of the output is raised.
        """
        with self._lock:
            if self._report_lost(event.get("timestamp", "")) and self._write(event):
                return True
            if event["event"] != KEPT:
                self._unreported += 1
            return False

    @property
    def trouble(self) -> str | None:
        """The reason why nothing could be written for a while; None if all is well."""
        failure = self._failure
        return failure[0] if failure is not None and self._clock() - failure[1] >= _HICCUP_SECONDS else None

    def retry(self) -> None:
        """Report how many lines were lost, if the log takes that by now."""
        with self._lock:
            if self._unreported:  # asked every second
                self._report_lost(timestamp(time.time()))

    def _report_lost(self, stamp: str) -> bool:
        if not self._unreported:
            return True
        event = {"event": "log.dropped", "level": "error", "timestamp": stamp, "dropped": self._unreported}
        if not self._write({**event, "message": f"{self._unreported} lines before this one could not be written"}):
            return False
        self._unreported = 0
        return True

    def _write(self, event: dict[str, Any]) -> bool:
        if self.output is None:
            return True
        began = self._clock()
        self._credit = min(LONGEST, self._credit + SHARE * max(0.0, began - self._at))
        try:
            self.output.emit(event, self._credit)
        except OSError as error:
            since = began if self._failure is None else self._failure[1]
            self._failure = error.strerror or str(error), since
            return False
        finally:
            self._at = self._clock()
            self._credit = max(0.0, self._credit - (self._at - began))
        self._failure = None
        return True


def timestamp(now: float) -> str:
    """Return the Unix time *now* as ISO 8601 in UTC with milliseconds."""
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(now))}.{int(now * 1000) % 1000:03d}Z"
