"""The cost that is in proportion to a file's size. Pure.

Honest writers store about a byte for each step that a reader has to take. A file that costs more than any of theirs is
made to exhaust scanners, which is evasion: the child that reads hostile bytes and the parent that supervises it report
that by the same measure.
"""

from __future__ import annotations

SMALL = 1 << 20
"""Bytes of a file up to which the size makes no difference."""
RATIO = 100
"""Bytes of memory per byte of a file that are in proportion: honest data unpacks to a tenth of that."""
_CPU = 20.0
_CPU_PER_BYTE = 40e-6


def above(size: int) -> int:
    """Return the bytes by which a file of *size* bytes exceeds a small one."""
    return max(0, size - SMALL)


def cpu_seconds(size: int) -> float:
    """Return the processor seconds that a file of *size* bytes may take: four times that of counted work."""
    return _CPU + _CPU_PER_BYTE * above(size)


def is_tiny_for(size: int, memory: int) -> bool:
    """Return True if no honest file of *size* bytes makes *memory* bytes of it."""
    return max(size, SMALL) * RATIO < memory
