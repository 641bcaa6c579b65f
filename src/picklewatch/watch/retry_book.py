"""One book for all that could not be done and has to be tried again, because no event announces that it can be done.

inotify is silent about rights that are given back, a limit that is raised, a directory that is no longer too deep. So
each such path is looked at every few seconds, as long as it is in the book.
"""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

State = TypeVar("State")


class RetryBook(Generic[State]):
    """Paths that are to be tried again every *seconds*, each with what was seen of it. Any thread may use it.

    At most *most* of them; None for as many as there are.
    """

    def __init__(self, *, seconds: float, most: int | None = None) -> None:
        self._seconds = seconds
        self._most = most
        self._lock = threading.Lock()
        self._states: dict[str, State] = {}
        self._due_at = 0.0

    @property
    def is_empty(self) -> bool:
        """Return True if nothing is to be tried again."""
        return not self._states

    def __contains__(self, path: str) -> bool:
        return path in self._states

    def note(self, path: str, state: State) -> bool:
        """Keep *path* with its latest *state*; return False if there is no room for it."""
        with self._lock:
            if path not in self._states and self._most is not None and len(self._states) >= self._most:
                return False
            self._states[path] = state
            return True

    def strike(self, path: str) -> None:
        """Forget *path*."""
        with self._lock:
            self._states.pop(path, None)

    def strike_below(self, directory: str) -> None:
        """Forget *directory* and all below it."""
        with self._lock:
            self._states.pop(directory, None)
            prefix = directory.rstrip("/") + "/"  # not `beneath`: events wait while thousands of paths are compared
            for path in [path for path in self._states if path.startswith(prefix)]:
                del self._states[path]

    def is_due(self, now: float) -> bool:
        """Return True if it is time for another attempt at *now* (monotonic seconds); the next one is later then."""
        if now < self._due_at:
            return False
        self._due_at = now + self._seconds
        return True

    def states(self) -> dict[str, State]:
        """Return a copy of everything."""
        with self._lock:
            return dict(self._states)

    def hurry(self) -> None:
        """Make everything due at once."""
        self._due_at = 0.0
