"""Memory that the guard's processes share: their signs of life, and what the answerer counts. Standard library only."""

from __future__ import annotations

import mmap
import os
import struct
import time
from enum import IntEnum
from typing import Final, Self

_SIZE: Final = 4096
_TIME: Final = struct.Struct("=d")
_NUMBER: Final = struct.Struct("=Q")
_NUMBERS_AT: Final = 1024


class Beat(IntEnum):
    """The processes that show that they live."""

    ANSWERER = 0
    JUDGE = 1


class Tally(IntEnum):
    """What is counted."""

    ASKED = 0
    """Questions of the kernel."""
    OUTSIDE = 1
    """Questions about files outside the trees."""
    KNOWN = 2
    """Questions that the table answered."""
    JUDGED = 3
    """Contents that the judge was asked about."""
    DENIED = 4
    """Opens and reads that were refused."""
    LATE = 5
    """Opens and reads that were answered without a verdict, as the configuration says."""
    FULL = 6
    """Those of them for which no descriptor was left."""
    WRITERS = 7
    """Opens that were allowed because somebody writes."""
    HELD = 8
    """Opens and reads that wait now."""
    LONGEST_MS = 9
    """Milliseconds of the longest wait."""
    UNREADABLE = 10
    """Events that could not be read: the kernel refused those opens."""
    QUIETED = 11
    """Directories outside the trees of which the kernel was told not to ask."""


class Board:
    """The shared page."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._memory = mmap.mmap(fd, _SIZE)

    @classmethod
    def create(cls) -> Self:
        """Make a new one, whose descriptor children inherit by being given it."""
        fd = os.memfd_create("picklewatch-guard", os.MFD_CLOEXEC)
        os.ftruncate(fd, _SIZE)
        return cls(fd)

    def beat(self, who: Beat) -> None:
        """Show that *who* lives."""
        _TIME.pack_into(self._memory, who * _TIME.size, time.monotonic())

    def last_beat(self, who: Beat) -> float:
        """Return the time of the last `beat`, 0.0 if there was none."""
        return float(_TIME.unpack_from(self._memory, who * _TIME.size)[0])

    def add(self, what: Tally, number: int = 1) -> None:
        """Tally *number* more; only the answerer does."""
        self.put(what, self.get(what) + number)

    def put(self, what: Tally, number: int) -> None:
        """Set a number."""
        _NUMBER.pack_into(self._memory, _NUMBERS_AT + what * _NUMBER.size, number)

    def get(self, what: Tally) -> int:
        """Return a number."""
        return int(_NUMBER.unpack_from(self._memory, _NUMBERS_AT + what * _NUMBER.size)[0])

    def numbers(self) -> dict[str, int]:
        """Return all numbers by their names."""
        return {what.name.lower(): self.get(what) for what in Tally}
