"""The queue of events: each directory has its own, served in turn, so a flood in one doesn't delay the others."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict, deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from picklewatch.watch.events import Event


class FairEventQueue:
    """Holds at most *most* events, and of one directory at most half as many. Any thread may `put`."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._condition = threading.Condition()
        self._queues: OrderedDict[str, deque[Event]] = OrderedDict()
        self._held = 0

    def __len__(self) -> int:
        return self._held

    def put(self, event: Event) -> bool:
        """Add an event; return False if there is no room for it."""
        directory = os.path.dirname(event.path)  # noqa: PTH120 - any bytes, no object needed
        with self._condition:
            waiting = self._queues.get(directory)
            if self._held >= self.most or (waiting is not None and len(waiting) >= self.most // 2):
                return False
            if waiting is None:
                self._queues[directory] = waiting = deque()
            waiting.append(event)
            self._held += 1
            self._condition.notify()
        return True

    def wake(self) -> None:
        """End the wait of the thread in `take`."""
        with self._condition:
            self._condition.notify()

    def take(self, number: int, pause: float) -> list[Event]:
        """Take up to *number* events; wait up to *pause* seconds for the first."""
        taken: list[Event] = []
        with self._condition:
            if not self._queues and pause > 0:
                self._condition.wait(pause)
            while self._queues and len(taken) < number:
                directory, waiting = next(iter(self._queues.items()))
                taken.append(waiting.popleft())
                if waiting:
                    self._queues.move_to_end(directory)
                else:
                    del self._queues[directory]
            self._held -= len(taken)
        return taken
