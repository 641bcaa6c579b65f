"""Memory that the C library keeps after it was freed."""

from __future__ import annotations

import contextlib
import ctypes


def return_free_memory() -> None:
    """Give the C library's free memory back to the kernel: it counts as ours, and every fork copies its page tables."""
    with contextlib.suppress(AttributeError):  # glibc alone has it
        ctypes.CDLL(None).malloc_trim(ctypes.c_size_t(0))
