"""The holes of a sparse file: ranges without blocks on the disk, which read as zeros (lseek(2), SEEK_HOLE).

A hole costs its author nothing at any size, and reading it takes as long as reading data. On tmpfs, reading it through
a mapping even fills it with memory.
"""

from __future__ import annotations

import contextlib
import errno
import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

LEAST: Final = 64 << 10
"""Bytes of a hole that is worth a look; a smaller one is read as data."""
MOST: Final = 16_384
"""Holes that are looked for in one file; what is behind the last is read as data. A kernel maps 65,530 pieces at most,
and each hole may make two of them."""
_EDGE: Final = 4096
"""Bytes at both ends of each hole that are read all the same: some file systems have had bugs by which data that was
just written was reported as a hole."""


def is_sparse(descriptor: int, size: int) -> bool:
    """Return True if the file behind *descriptor* has fewer blocks than *size* bytes need."""
    return size >= LEAST and os.fstat(descriptor).st_blocks * 512 < size


def holes(descriptor: int, size: int) -> list[tuple[int, int]]:
    """Return the begin and the end of each hole in the first *size* bytes of *descriptor*, ascending.

    None where the file system does not know, or is wrong about one.
    """
    if not is_sparse(descriptor, size):
        return []
    found: list[tuple[int, int]] = []
    try:
        with _offset_kept(descriptor):
            end = 0
            while end < size and len(found) < MOST:
                begin = os.lseek(descriptor, end, os.SEEK_HOLE)
                end = _data(descriptor, begin, size)
                if end - begin >= LEAST:
                    found.append((begin, end))
        return found if all(_is_empty(descriptor, begin, end) for begin, end in found) else []
    except OSError:
        return []


def is_hole(descriptor: int, begin: int, end: int) -> bool:
    """Return True if all that lies between *begin* and *end* in the file behind *descriptor* is a hole now."""
    with _offset_kept(descriptor):
        return _data(descriptor, begin, end) == end and _is_empty(descriptor, begin, end)


def _data(descriptor: int, begin: int, end: int) -> int:
    """Return where the next data are, *end* at most."""
    if begin >= end:
        return end
    try:
        return min(os.lseek(descriptor, begin, os.SEEK_DATA), end)
    except OSError as error:
        return end if error.errno == errno.ENXIO else begin  # ENXIO: no data behind it


@contextlib.contextmanager
def _offset_kept(descriptor: int) -> Iterator[None]:
    """Put the descriptor's offset, which others may share, back to where it was."""
    before = os.lseek(descriptor, 0, os.SEEK_CUR)
    try:
        yield
    finally:
        os.lseek(descriptor, before, os.SEEK_SET)


def _is_empty(descriptor: int, begin: int, end: int) -> bool:
    edges = os.pread(descriptor, _EDGE, begin), os.pread(descriptor, _EDGE, end - _EDGE)
    return not any(map(any, edges))
