"""A part of a file's bytes: its name in findings, and how it is looked at without copying it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from picklewatch.analysis.sparse import solid

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

CHUNK = 1 << 20
"""Bytes that are copied or decompressed at a time."""

LARGEST = 1 << 63
"""More bytes than any file or memory holds; products stop there."""


class MalformedError(Exception):
    """The bytes break the rules of their own format; the message is a plain sentence."""


class Part(NamedTuple):
    """Bytes to be judged, and where they are."""

    data: memoryview
    where: str = ""
    """The member that they are, nested members joined by ``!``; empty for the file itself."""
    depth: int = 0
    """Containers around them."""

    def at(self, offset: int) -> str:
        """Return the place *offset* in these bytes, as findings name it."""
        return f"{self.where}:{offset:#x}" if self.where else f"{offset:#x}"

    def name(self, member: str) -> str:
        """Return the place of *member* in these bytes, as findings name it."""
        return f"{self.where}!{member}" if self.where else member

    def inside(self, member: str, data: memoryview | bytes) -> Part:
        """Return *data* as the content of *member*."""
        return Part(memoryview(data), self.name(member), self.depth + 1)

    def chunks(self) -> Iterator[memoryview]:
        """Yield the bytes in pieces."""
        for begin in range(0, len(self.data), CHUNK):
            yield self.data[begin : begin + CHUNK]

    def behind(self, start: int) -> Part:
        """Return the bytes from *start* on as a content of their own."""
        return Part(self.data[start:], self.at(start), self.depth + 1)


def bounded_product(number: int, factors: Iterable[int]) -> int:
    """Return the product of numbers that are not negative, or `LARGEST` if it is beyond that."""
    factors = tuple(factors)
    if 0 in factors:
        return 0
    for factor in factors:
        number *= min(factor, LARGEST)
        if number >= LARGEST:
            return LARGEST
    return number


def find(data: memoryview, needle: bytes, start: int = 0, stop: int | None = None) -> int:
    """Return the first offset of *needle* in ``data[start:stop]``, or -1, holes aside; copy at most `CHUNK` bytes."""
    for begin, end in solid(data, start, stop):
        found = _find(data, needle, begin, end)
        if found >= 0:
            return found
    return -1


def _find(data: memoryview, needle: bytes, start: int, end: int) -> int:
    while start < end:
        upto = min(start + CHUNK, end)
        found = bytes(data[start:upto]).find(needle)
        if found >= 0:
            return start + found
        if upto == end:
            break
        start = upto - len(needle) + 1
    return -1
