"""The order in which the judge takes contents: small ones need not wait behind large ones."""

from __future__ import annotations

import threading
from collections import deque
from typing import Final, Generic, TypeVar

SMALL: Final = 4 << 20
"""Bytes of a small content, at most. One scanner takes no larger ones."""

T = TypeVar("T")


class Lanes(Generic[T]):
    """Two queues that threads may share."""

    def __init__(self) -> None:
        self._small: deque[T] = deque()
        self._large: deque[T] = deque()
        self._changed = threading.Condition()

    def put(self, item: T, size: int) -> None:
        """Add *item*, of *size* bytes."""
        with self._changed:
            (self._small if size <= SMALL else self._large).append(item)
            self._changed.notify_all()

    def take(self, *, only_small: bool) -> T:
        """Wait for an item and remove it: with *only_small* a small one, else a large one first."""
        with self._changed:
            while True:
                lanes = (self._small,) if only_small else (self._large, self._small)
                for lane in lanes:
                    if lane:
                        return lane.popleft()
                self._changed.wait()
