"""The directory of an archive as torch writes it, read in one pass: every local header and descriptor is compared.

A checkpoint has tens of thousands of records. They are stored, not packed, follow each other without a gap from the
first byte to the directory, and both headers of each say the same. Whatever deviates in one byte is left to `zipread`.
"""

from __future__ import annotations

import re
import struct
from typing import NamedTuple

_CENTRAL = struct.Struct("<4s2x24s3H6xI")
"""Signature, what both headers have, sizes of extra field and comment, disk, offset."""
_SIZES = struct.Struct("<10x3IH")
"""Of what both headers have: checksum, packed size, size, length of the name."""
_LOCAL = b"PK\x03\x04"
_DIRECTORY = b"PK\x01\x02"
_DESCRIPTOR = b"PK\x07\x08"
_HEAD = 30
_DEFERRED = bytes(12)
"""Checksum and sizes of a local header if a descriptor follows the member's bytes."""
_STORED = {bytes((follows, utf8, 0, 0)) for follows in (0, 0x8) for utf8 in (0, 0x8)}
"""Flags and method of a member that is not packed: a descriptor may follow it, its name may be in UTF-8."""
_FULL = 0xFFFFFFFF
_NAMES = re.compile(rb"(?:(?![./])[\w.-]+(?:/(?!\.{1,2}/)[\w.-]+)*+(?<![/.])\n)++")
"""Names in ASCII without steps upwards, a line each."""


class Columns(NamedTuple):
    """The members of an archive, property by property."""

    names: list[str]
    flags: list[int]
    checksums: list[int]
    sizes: list[int]
    headers: list[int]
    """Offsets of the local headers."""
    starts: list[int]
    """Offsets of the members' bytes."""


def ordinary(data: memoryview, directory: int, stop: int, count: int) -> Columns | None:
    """Return the *count* members of the directory from *directory* to *stop*, or None if it is not ordinary.

    The members begin at the first byte of *data* and end where the directory begins.
    """
    entries = bytes(data[directory:stop])
    columns = Columns([], [], [], [], [], [])
    names: list[bytes] = []
    at = position = 0
    between = b""
    for _ in range(count):
        if at + _CENTRAL.size > len(entries):
            return None
        signature, common, extra, comment, disk, offset = _CENTRAL.unpack_from(entries, at)
        crc, packed, size, length = _SIZES.unpack(common)
        begin = at + _CENTRAL.size
        name = entries[begin : begin + length]
        at = begin + length + extra
        if signature != _DIRECTORY or common[2:6] not in _STORED or packed != size or size == _FULL or comment or disk:
            return None
        # from the end of the last member's bytes: its descriptor, this one's header up to the size of its extra field
        follows = common[2]
        between += _LOCAL + (common[:10] + _DEFERRED + common[22:] if follows else common)
        fixed = len(between)
        said = bytes(data[position : position + fixed + 2 + length])
        if said[:fixed] != between or said[fixed + 2 :] != name or offset != position + fixed + 2 - _HEAD:
            return None
        start = position + len(said) + said[fixed] + (said[fixed + 1] << 8)
        position = start + size
        between = _DESCRIPTOR + common[10:22] if follows else b""
        names.append(name)
        columns.flags.append(follows | common[3] << 8)
        columns.checksums.append(crc)
        columns.sizes.append(size)
        columns.headers.append(offset)
        columns.starts.append(start)
    behind = bytes(data[position : position + len(between)])
    if at != len(entries) or behind != between or position + len(between) != directory or not _different(names):
        return None
    columns.names.extend(name.decode("ascii") for name in names)
    return columns


def _different(names: list[bytes]) -> bool:
    """Return True if no two names are the same for a reader that compares without case, and none leads upwards."""
    lines = b"\n".join(names) + b"\n"
    if lines.count(b"\n") != len(names) or _NAMES.fullmatch(lines) is None:
        return False
    return len(set(lines.lower().splitlines())) == len(names)
