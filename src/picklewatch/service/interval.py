"""Times what the main loop does every few seconds. Pure: the caller owns the clock."""

from __future__ import annotations


class Interval:
    """Becomes due every *seconds*, for the first time at *first*."""

    def __init__(self, seconds: float, first: float = 0.0) -> None:
        self._seconds, self._next = seconds, first

    def is_due(self, now: float) -> bool:
        """Return True if the time has come, which begins the next interval."""
        if now < self._next:
            return False
        self._next = now + self._seconds
        return True

    def expire(self) -> None:
        """Make it due at once."""
        self._next = 0.0
