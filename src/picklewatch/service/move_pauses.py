"""Pauses between attempts to move a file that the system does not let us move: longer and longer ones.

What forbids it may be changed without an event (``chattr -i``), but not without the time of change of the file or its
directory: then the pause is over. No `watch.retry_book`: that tries all of its paths every so many seconds, while each
move here has a pause of its own, which grows.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

FIRST_PAUSE: Final = 20.0
"""Seconds of the first pause; each further one is twice as long."""
_LONGEST: Final = 300.0
_Changed = tuple[int, int] | None


class MovePauses:
    """When each refused move is to be tried again. Lives as long as the daemon: a restart tries them all."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._pauses: dict[int, tuple[float, float]] = {}
        self._seen: dict[int, tuple[str, _Changed]] = {}

    def put_off(self, intent: int, path: str = "") -> float:
        """Begin another pause of the move of *path*; return its seconds."""
        former = self._pauses.get(intent)
        pause = FIRST_PAUSE if former is None else min(2 * former[1], _LONGEST)
        self._pauses[intent] = self._clock() + pause, pause
        self._seen[intent] = path, _changed(path)
        return pause

    def is_due(self, intent: int) -> bool:
        """Return True unless a pause lasts, and nothing has changed."""
        if intent not in self._pauses or self._pauses[intent][0] <= self._clock():
            return True
        path, seen = self._seen[intent]
        return _changed(path) != seen

    def keep(self, intents: Collection[int]) -> None:
        """Forget all others."""
        self._pauses = {intent: pause for intent, pause in self._pauses.items() if intent in intents}
        self._seen = {intent: seen for intent, seen in self._seen.items() if intent in intents}


def _changed(path: str) -> _Changed:
    """Return when *path* and its directory changed; nobody can set these times."""
    try:
        return os.lstat(path).st_ctime_ns, os.lstat(os.path.dirname(path)).st_ctime_ns  # noqa: PTH120 - any bytes
    except (OSError, ValueError):
        return None
