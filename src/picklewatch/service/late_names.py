"""Logs the outcomes of files that links give their names, once the links are there.

A downloader makes a blob's link a moment after the blob. The record and the move do not wait for it, and no worker:
only the line does, so that it has a name that a person understands.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from picklewatch.scanning import display_names

if TYPE_CHECKING:
    import threading

    from picklewatch.core.model import Record
    from picklewatch.service.outcome_log import OutcomeLog
    from picklewatch.store import Store

_SECONDS: Final = 0.4
"""How long a line waits for the link."""
_LOOK_SECONDS: Final = 0.05
_MOST: Final = 1_000


@dataclass(frozen=True, slots=True)
class _Line:
    until: float
    number: int
    record: Record


class LateNames:
    """The outcomes whose lines wait, *most* at most. Any thread may `keep`; one at a time may `report`."""

    def __init__(self, store: Store, outcomes: OutcomeLog, seconds: float = _SECONDS, most: int = _MOST) -> None:
        self._store, self._outcomes, self._seconds, self._most = store, outcomes, seconds, most
        self._waiting: deque[_Line] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def keep(self, number: int, record: Record) -> bool:
        """Take the outcome *number*; return False if it is to be logged at once: no link names it, or too many wait."""
        if record.names or len(self._waiting) >= self._most or not display_names.is_named_by_links(record.path):
            return False
        self._waiting.append(_Line(time.monotonic() + self._seconds, number, record))
        return True

    def report(self, stopping: threading.Event) -> None:
        """Log what waits, each when its link is there or did not come; all at once when *stopping*."""
        while self._waiting:
            for _ in range(len(self._waiting)):
                line = self._waiting.popleft()
                if not self._report(line, last=stopping.is_set() or time.monotonic() >= line.until):
                    self._waiting.append(line)
            if self._waiting:
                stopping.wait(_LOOK_SECONDS)

    def _report(self, line: _Line, *, last: bool) -> bool:
        """Log the outcome of *line* if its link is there, or if this is the *last* look. Return True if it is over."""
        record = line.record
        if links := display_names.links_to(record.path):
            record = replace(record, name=display_names.describe(record.path), names=links)
            self._store.records.put_names(line.number, record)
        elif not last:
            return False
        self._outcomes.report(line.number, record.to_json())
        return True
