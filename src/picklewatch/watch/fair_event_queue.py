"""Events that wait to be taken in: directories take turns, so that one that is flooded does not delay the others'."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict, deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from picklewatch.watch.events import Event


class FairEventQueue:
    """A queue of at most *most* events, with a lane a directory; no lane takes more than half. Any thread may `put`."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._condition = threading.Condition()
        self._lanes: OrderedDict[str, deque[Event]] = OrderedDict()
        self._held = 0

    def __len__(self) -> int:
        return self._held

    def put(self, event: Event) -> bool:
        """Add an event; False if there is no room for it."""
        directory = os.path.dirname(event.path)  # noqa: PTH120 - any bytes, no object needed
        with self._condition:
            lane = self._lanes.get(directory)
            if self._held >= self.most or (lane is not None and len(lane) >= self.most // 2):
                return False
            if lane is None:
                self._lanes[directory] = lane = deque()
            lane.append(event)
            self._held += 1
            self._condition.notify()
        return True

    def wake(self) -> None:
        """End the wait of who takes."""
        with self._condition:
            self._condition.notify()

    def take(self, number: int, pause: float) -> list[Event]:
        """Take up to *number* events; waits up to *pause* seconds for the first."""
        taken: list[Event] = []
        with self._condition:
            if not self._lanes and pause > 0:
                self._condition.wait(pause)
            while self._lanes and len(taken) < number:
                directory, lane = next(iter(self._lanes.items()))
                taken.append(lane.popleft())
                if lane:
                    self._lanes.move_to_end(directory)
                else:
                    del self._lanes[directory]
            self._held -= len(taken)
        return taken
