"""The queue of events: the owners of directories take turns, and each owner's directories.

So a flood does not delay the events of others, in one directory or spread over ten thousand.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict, deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from picklewatch.watch.events import Event


def owner_of(directory: str) -> int:
    """Return the user that *directory* belongs to; -1 if it is not there any more."""
    try:
        return os.lstat(directory).st_uid
    except (OSError, ValueError):
        return -1


class FairEventQueue:
    """Holds at most *most* events: of one directory half of them, of one owner nine tenths. Any thread may `put`."""

    def __init__(self, most: int, owner: Callable[[str], int] = owner_of) -> None:
        self.most = most
        self._owner = owner
        self._condition = threading.Condition()
        self._queues: OrderedDict[int, OrderedDict[str, deque[Event]]] = OrderedDict()
        self._owners: dict[str, int] = {}
        """The owners of the directories with events."""
        self._held_of: dict[int, int] = {}
        self._held = 0

    def __len__(self) -> int:
        return self._held

    def put(self, event: Event) -> bool:
        """Add an event; return False if there is no room for it."""
        directory = os.path.dirname(event.path)  # noqa: PTH120 - any bytes, no object needed
        found = self._owners.get(directory)
        owner = self._owner(directory) if found is None else found  # asked for without the lock: a disk may be slow
        with self._condition:
            owner = self._owners.get(directory, owner)
            waiting = self._queues[owner][directory] if directory in self._owners else ()
            is_full = self._held >= self.most or len(waiting) >= self.most // 2
            if is_full or self._held_of.get(owner, 0) >= self.most * 9 // 10:
                return False
            self._owners[directory] = owner
            self._queues.setdefault(owner, OrderedDict()).setdefault(directory, deque()).append(event)
            self._held_of[owner] = self._held_of.get(owner, 0) + 1
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
                taken.append(self._next())
            self._held -= len(taken)
        return taken

    def _next(self) -> Event:
        owner, directories = next(iter(self._queues.items()))
        directory, waiting = next(iter(directories.items()))
        event = waiting.popleft()
        self._held_of[owner] -= 1
        directories.move_to_end(directory)
        self._queues.move_to_end(owner)
        if not waiting:
            del directories[directory], self._owners[directory]
        if not directories:
            del self._queues[owner], self._held_of[owner]
        return event
