"""Pauses between attempts to move a file that the system does not let us move: longer and longer ones."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

FIRST_PAUSE: Final = 20.0
"""Seconds of the first pause; each further one is twice as long."""
_LONGEST: Final = 300.0


class MovePauses:
    """When each refused move is to be tried again. Lives as long as the daemon: a restart tries them all."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._pauses: dict[int, tuple[float, float]] = {}

    def put_off(self, intent: int) -> float:
        """Begin another pause; return its seconds."""
        former = self._pauses.get(intent)
        pause = FIRST_PAUSE if former is None else min(2 * former[1], _LONGEST)
        self._pauses[intent] = self._clock() + pause, pause
        return pause

    def is_due(self, intent: int) -> bool:
        """Return True unless a pause lasts."""
        return intent not in self._pauses or self._pauses[intent][0] <= self._clock()

    def keep(self, intents: Collection[int]) -> None:
        """Forget all others."""
        self._pauses = {intent: pause for intent, pause in self._pauses.items() if intent in intents}
