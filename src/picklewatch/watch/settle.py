"""When a file is worth scanning. Pure debounce: the caller owns the clock and the file system.

A file that was closed by its writer or moved into place is due at once. A file that only appeared is due
when it has been quiet: files in directories made a moment ago are mostly announced like that, and so are links.
Scanning too early only costs a second scan: whatever changes is announced or found again.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from enum import Enum
from itertools import count
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Sign(Enum):
    """An announcement about a path."""

    CREATED = "created"
    """It is there: perhaps still being written, perhaps a link, perhaps complete."""
    CLOSED = "closed"
    """A writer closed it."""
    MOVED = "moved"
    """It was renamed to this path."""


@dataclass(frozen=True, slots=True)
class Look:
    """The result of a look at a path."""

    size: int
    """Bytes."""
    mtime_ns: int
    writer: bool | None = None
    """True if somebody has it open for writing; None if that can't be known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delays:
    """Waiting times, in seconds."""

    first: float = 0.05
    """From an appearance to the first look."""
    quiet: float = 0.1
    """Between two looks that must agree. Doubles at every disagreement, up to *patience*."""
    grace: float = 1.0
    """For a temporary name to be renamed; after that the file is scanned under the name that it has."""
    patience: float = 5.0
    """For an open but silent writer; also the longest pause between two looks."""
    ceiling: float = 300.0
    """After this a file that never rests is scanned as it is."""
    capacity: int = 50_000
    """Paths held at once; beyond it the oldest are due unseen."""


DEFAULT_DELAYS = Delays()
_AT_ONCE: Final = 0.0
"""Before anything else that is due: a flood of files that only appeared delays none that a writer closed."""


@dataclass(slots=True)
class _Pending:
    since: float
    due: float
    certain: bool
    wait: float
    quiet_since: float = 0.0
    sized_since: float = 0.0
    last: Look | None = None


class Settle:
    """Holds the paths that were announced and are not due yet.

    *is_temporary* says whether a file's name is one that downloaders rename in the end; that only ever delays.
    """

    def __init__(self, delays: Delays = DEFAULT_DELAYS, *, is_temporary: Callable[[str], bool]) -> None:
        self._delays = delays
        self._is_temporary = is_temporary
        self._pending: dict[str, _Pending] = {}
        self._heap: list[tuple[float, int, str]] = []
        self._order = count()

    def __len__(self) -> int:
        return len(self._pending)

    def __contains__(self, path: str) -> bool:
        return path in self._pending

    def notice(self, path: str, sign: Sign, now: float) -> None:
        """Note that *path* was announced by *sign* at *now* (monotonic seconds)."""
        known = self._pending.get(path)
        certain = sign is not Sign.CREATED
        if known is not None and (known.certain or not certain):
            return
        is_temporary = self._is_temporary(path.rpartition("/")[2])
        delay = self._delays.grace if is_temporary else self._delays.first
        due = _AT_ONCE if certain and not is_temporary else now + delay
        since = now if known is None else known.since
        self._schedule(path, _Pending(since, due, certain, self._delays.quiet))

    def rename(self, source: str, target: str, now: float) -> None:
        """Note that *source* is called *target* from now on."""
        self.forget(source)
        self.notice(target, Sign.MOVED, now)

    def forget(self, path: str) -> None:
        """Note that *path* is no longer there."""
        self._pending.pop(path, None)

    def wake_at(self) -> float | None:
        """Return the time at which `due` has something to do next; None while nothing is pending."""
        while self._heap:
            at, _, path = self._heap[0]
            pending = self._pending.get(path)
            if pending is not None and pending.due == at:
                return at
            heapq.heappop(self._heap)
        return None

    def due(self, now: float, look: Callable[[str], Look | None]) -> Iterator[str]:
        """Yield every path that is due at *now*, once; *look* returns None for a path that has vanished."""
        while (at := self.wake_at()) is not None and (at <= now or len(self._pending) > self._delays.capacity):
            path = heapq.heappop(self._heap)[2]
            pending = self._pending[path]
            if pending.certain or at > now or self._rested(path, pending, now, look):
                self._pending.pop(path, None)
                yield path

    def _rested(self, path: str, pending: _Pending, now: float, look: Callable[[str], Look | None]) -> bool:
        """Return True if *path* may be scanned; if not, schedule the next look, or forget a path that is gone."""
        seen = look(path)
        if seen is None:
            self.forget(path)
            return False
        before, pending.last = pending.last, seen
        if now - pending.since >= self._delays.ceiling:
            return True
        if before is None or before.size != seen.size:
            pending.sized_since = now
        elif seen.writer is False or now - pending.sized_since >= self._delays.patience:
            return True  # anybody may set times: touching a file all the time must not keep it from being scanned
        if before is None or (before.size, before.mtime_ns) != (seen.size, seen.mtime_ns):
            pending.quiet_since = now
            pending.wait = self._longer(pending.wait) if before is not None else pending.wait
        elif seen.writer is not True or now - pending.quiet_since >= self._delays.patience:
            return True
        else:
            pending.wait = self._longer(pending.wait)
        pending.due = now + pending.wait
        self._schedule(path, pending)
        return False

    def _longer(self, wait: float) -> float:
        return min(wait * 2, self._delays.patience)

    def _schedule(self, path: str, pending: _Pending) -> None:
        self._pending[path] = pending
        heapq.heappush(self._heap, (pending.due, next(self._order), path))
