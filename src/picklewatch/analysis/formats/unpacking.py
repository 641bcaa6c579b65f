"""Decompressed contents: counted, and held in memory as far as the limits go.

A member is held as a whole because most loaders read it so, and because what it nests is judged in place. That makes
decompression bombs an attack on the scan, so bytes are counted as they come, and zeros, which bombs are made of and
honest arrays are full of, take no memory.
"""

from __future__ import annotations

import mmap
import weakref
from typing import TYPE_CHECKING

from picklewatch.analysis.formats.part import CHUNK
from picklewatch.analysis.pickle import LimitReached, evasion
from picklewatch.core.proportion import RATIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from picklewatch.analysis.formats.context import Scan

HELD = 96 << 20
"""Bytes that a small file's unpacked contents may hold in memory at a time; zeros are not held, see `Held`."""


def unpack(
    scan: Scan,
    chunks: Iterator[bytes],
    where: str,
    otherwise: Callable[[], None] | None = None,
    *,
    per_unit: int | None = None,
) -> memoryview | None:
    """Return the bytes of *chunks*, held in memory up to the limit for a member; the rest is only looked through.

    A limit is reported, and the bytes before it are returned: an attack at the beginning runs whatever follows.
    If content that is too large to be held can be judged in another way, *otherwise* does that, and None is returned.
    *per_unit* is how many bytes the decompressor yields in the time of one unit of work, None if the chunks are
    counted already.
    """
    held = Held()
    try:
        for chunk in chunks:
            if per_unit is not None:
                _count(scan, len(chunk), per_unit)
            held.add(chunk)
            _check(scan, held)
    except LimitReached as error:
        if otherwise is not None:
            otherwise()
            return None
        scan.stopped(error, where)
        scan.look(where, lambda: chunks)
    return held.view(scan)


def _check(scan: Scan, held: Held) -> None:
    if held.size > scan.limits.member:
        raise LimitReached("limit-member", f"A member unpacks to more than {scan.limits.member} bytes.")
    if scan.held + held.filled > max(HELD, RATIO * scan.size):
        raise evasion(f"it unpacks to more than {RATIO} times its size")


def counted(scan: Scan, chunks: Iterator[bytes], per_unit: int) -> Iterator[bytes]:
    """Yield decompressed *chunks*, and count them."""
    for chunk in chunks:
        _count(scan, len(chunk), per_unit)
        yield chunk


def _count(scan: Scan, size: int, per_unit: int) -> None:
    """Count *size* decompressed bytes, *per_unit* in the time of one unit of work."""
    scan.unpacked_left -= size
    scan.budget.charge(1 + size // per_unit)
    scan.check()
    if scan.unpacked_left < 0:
        raise LimitReached("limit-unpacked", f"The file unpacks to more than {scan.limits.unpacked} bytes.")


class Held:
    """Unpacked bytes, held in memory. Zeros cost none: honest arrays are full of them, and so are bombs."""

    def __init__(self) -> None:
        self._small = bytearray()
        self._large: mmap.mmap | None = None
        self.size = 0
        """Bytes added."""
        self.filled = 0
        """Bytes of them that take memory."""

    def add(self, chunk: bytes) -> None:
        """Append *chunk*."""
        size = len(chunk)
        if self._large is None and self.size + size <= CHUNK:
            self._small += chunk
            self.size += size
            self.filled += size
            return
        if self._large is None:
            self._large = mmap.mmap(-1, 4 * CHUNK, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
            self._large[: len(self._small)] = self._small
            self._small = bytearray()
        if self.size + size > len(self._large):
            self._large.resize(2 * len(self._large) + size)
        if chunk != _ZEROS[:size]:
            self._large[self.size : self.size + size] = chunk
            self.filled += size
        self.size += size

    def view(self, scan: Scan) -> memoryview:
        """Return the bytes; they count as held by *scan* as long as anything refers to them."""
        if self._large is None:
            return memoryview(self._small).toreadonly()
        scan.held += self.filled
        weakref.finalize(self._large, scan.release, self.filled)
        return memoryview(self._large)[: self.size].toreadonly()


_ZEROS = bytes(CHUNK)
