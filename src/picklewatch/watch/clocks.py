"""Notice that the machine slept or that its clock was set: its clocks then disagree about the time that passed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_NOTABLE_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Reading:
    """The clocks at one moment, in seconds."""

    awake: float
    """Stands still while the machine sleeps; every pause in picklewatch is measured with it."""
    running: float
    """Goes on while the machine sleeps."""
    day: float
    """The time of day, which may be set."""


@dataclass(frozen=True, slots=True)
class Jump:
    """The differences between two looks, in seconds; 0 for anything too small to report."""

    slept: float = 0.0
    set_by: float = 0.0
    """How far the time of day was set forward, or (negative) back."""


def read_clocks() -> Reading:
    """Read the machine's clocks."""
    return Reading(time.monotonic(), time.clock_gettime(time.CLOCK_BOOTTIME), time.time())


class Clocks:
    """Compares the clocks with how they were at the last look."""

    def __init__(self, read: Callable[[], Reading] = read_clocks) -> None:
        self._read = read
        self._last = read()

    def look(self) -> Jump:
        """Return what happened since the last look."""
        before, self._last = self._last, self._read()
        slept = (self._last.running - before.running) - (self._last.awake - before.awake)
        set_by = (self._last.day - before.day) - (self._last.running - before.running)
        return Jump(slept if slept > _NOTABLE_SECONDS else 0.0, set_by if abs(set_by) > _NOTABLE_SECONDS else 0.0)
