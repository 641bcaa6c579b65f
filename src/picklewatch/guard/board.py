"""Memory that the guard's processes share: their signs of life, and what the answerer counts. Standard library only."""

from __future__ import annotations

import mmap
import os
import struct
import time
from enum import IntEnum
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Sequence

_SIZE: Final = 4096
_TIME: Final = struct.Struct("=d")
_NUMBERS_AT: Final = 1024


class Beat(IntEnum):
    """The processes that show that they live."""

    ANSWERER = 0
    JUDGE = 1


class GuardCount(IntEnum):
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


_NUMBERS: Final = struct.Struct(f"={len(GuardCount)}Q")


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

    def write(self, numbers: Sequence[int]) -> None:
        """Show the *numbers*, one for each `GuardCount` in its order; only the answerer does."""
        _NUMBERS.pack_into(self._memory, _NUMBERS_AT, *numbers)

    def get(self, what: GuardCount) -> int:
        """Return a number."""
        return int(_NUMBERS.unpack_from(self._memory, _NUMBERS_AT)[what])

    def numbers(self) -> dict[str, int]:
        """Return all numbers by their names."""
        return {what.name.lower(): self.get(what) for what in GuardCount}
