"""The inbox of the watching thread: events, and files that walks found."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, Final

from picklewatch.watch.events import EVENTS_HELD, Event, EventKind
from picklewatch.watch.fair_event_queue import FairEventQueue

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_AT_ONCE: Final = 500
"""Events taken in before what has settled is queued: another owner's event waits no longer than these take."""
_FINDS: Final = 10_000


class EventInbox:
    """Holds events of any thread until one thread takes them. Events that were dropped become one overflow event."""

    def __init__(self) -> None:
        self._events = FairEventQueue(EVENTS_HELD)
        self._finds: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._has_lost = False
        self._closed = threading.Event()

    def put(self, event: Event) -> None:
        """Take an event at once; if there is no room, remember that one was lost."""
        if not self._events.put(event):
            self._has_lost = True

    def put_finds(self, paths: Iterable[str]) -> None:
        """Take files that a walk found and that may still be written to; wait while there are too many."""
        for path in paths:
            self._finds.put(path)
        while self._finds.qsize() > _FINDS and not self._closed.wait(0.01):
            pass  # the walk is faster than the watching thread

    def note_loss(self) -> None:
        """Note that events were taken out and lost."""
        self._has_lost = True

    def events(self, pause: float) -> Iterator[Event]:
        """Take out what has happened, waiting up to *pause* seconds for the first event."""
        yield from self._events.take(_AT_ONCE, pause)
        if self._has_lost and len(self._events) < self._events.most // 2:
            self._has_lost = False
            yield Event(EventKind.OVERFLOW, "")

    def finds(self) -> Iterator[str]:
        """Take out some of the walks' finds."""
        for _ in range(min(self._finds.qsize(), _AT_ONCE)):
            yield self._finds.get_nowait()

    def has_finds(self) -> bool:
        """Return True if there are finds to take out."""
        return not self._finds.empty()

    def wake(self) -> None:
        """End the wait of the thread that takes events."""
        self._events.wake()

    def close(self) -> None:
        """End every wait."""
        self._closed.set()
        self._events.wake()
