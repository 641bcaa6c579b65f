"""The layout of a zip archive beyond its directory: local headers by themselves, gaps and overlaps.

A streaming reader (bsdtar, Java's ``ZipInputStream``) goes from local header to local header and never sees the
directory, so members that no directory names are judged, too. Bytes that belong to no member are a hiding place, and
members that share bytes are how zip bombs and quines are built (Fifield, "A better zip bomb", 2019).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from picklewatch.analysis.formats.zipread import (
    CENTRAL,
    DESCRIPTOR,
    ENTRY,
    FULL32,
    LOCAL,
    LOCAL_HEADER,
    Member,
    decode_name,
    wide,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from picklewatch.analysis.formats.zipread import Archive, Charge


def local_walk(data: memoryview, start: int, stop: int, charge: Charge) -> Iterator[Member]:
    """Yield the members as a streaming reader sees them: local header after local header, from *start*."""
    at = start
    while at + LOCAL_HEADER.size <= stop and data[at : at + 4] == LOCAL:
        charge(ENTRY)
        _, _need, flags, method, _time, _date, crc, packed, size, nlen, xlen = LOCAL_HEADER.unpack_from(data, at)
        names_at = at + LOCAL_HEADER.size
        begin = names_at + nlen + xlen
        if FULL32 in (packed, size):
            size, packed, _ = wide(data[names_at + nlen : begin], size, packed, 0)
        if begin > stop:
            return
        name = decode_name(bytes(data[names_at : names_at + nlen]), flags)
        unknown = bool(flags & DESCRIPTOR) and packed == 0
        packed = min(packed, stop - begin) if not unknown else stop - begin
        yield Member(name, method, flags, crc, packed, size if not unknown else packed, at, begin, local=True)
        if unknown:
            return
        at = begin + packed
        if flags & DESCRIPTOR:
            at += _descriptor(data, at)


def _descriptor(data: memoryview, at: int) -> int:
    for size in (16, 12, 24, 20):
        if data[at + size : at + size + 4] in (LOCAL, CENTRAL):
            return size
    return 0


def uncovered(archive: Archive) -> Iterator[tuple[int, int]]:
    """Yield the ranges of the archive outside of local headers, members, directory and descriptors."""
    at = archive.start
    for member in sorted(archive.members, key=lambda m: m.header):
        if member.header > at + 24:
            yield at, member.header
        at = max(at, member.end)
    if archive.directory > at + 24:
        yield at, archive.directory


def overlaps(archive: Archive) -> Iterator[tuple[Member, Member]]:
    """Yield adjacent members that overlap, as in quines and zip bombs."""
    previous: Member | None = None
    for member in sorted((m for m in archive.members if not m.local), key=lambda m: m.header):
        if previous is not None and member.header < previous.end and member.header != previous.header:
            yield previous, member
        if previous is None or member.end > previous.end:
            previous = member
