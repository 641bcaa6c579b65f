"""What a file of a size may cost. Pure.

Honest writers store about a byte for each thing that a reader has to do. What costs more than any of them is made to
keep scanners from reading on, and whoever reads hostile bytes, or watches a process that does, says so by one measure.
"""

from __future__ import annotations

SMALL = 1 << 20
"""Bytes of a file up to which the size makes no difference."""
RATIO = 100
"""Bytes of memory for each byte of a file that are in proportion: honest data unpacks to a tenth of that."""
_CPU = 20.0
_CPU_PER_BYTE = 40e-6


def above(size: int) -> int:
    """Return how many bytes a file of *size* bytes is larger than a small one."""
    return max(0, size - SMALL)


def cpu_seconds(size: int) -> float:
    """Return the processor seconds that a file of *size* bytes may take: four times what counted work takes."""
    return _CPU + _CPU_PER_BYTE * above(size)


def is_tiny_for(size: int, memory: int) -> bool:
    """Return True if no honest file of *size* bytes makes *memory* bytes of it."""
    return max(size, SMALL) * RATIO < memory
