"""A tolerant reader of zip archives: each of their headers by itself, nothing decompressed.

Our own, because `zipfile` refuses archives that torch's miniz reads, and the other way round: a broken flag bit or CRC
makes a scanner on `zipfile` give up where `torch.load` runs the pickle (picklescan's CVE-2025-1944 and CVE-2025-1945).
So the structure is read without trust: every end record near the end, the central directory that it points at, every
local header that the directory points at, and the bytes between. Where headers disagree, both readings are returned.

Sources: PKWARE's APPNOTE 6.3.10 (4.3 record layouts, 4.4.4 flags, 4.5.3 zip64), Lib/zipfile, miniz 3's miniz_zip.c.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from itertools import repeat
from typing import TYPE_CHECKING, NamedTuple

from picklewatch.analysis.formats.zip_ordinary import ordinary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Charge = Callable[[int], object]

LOCAL = b"PK\x03\x04"
CENTRAL = b"PK\x01\x02"
END = b"PK\x05\x06"
END64 = b"PK\x06\x06"
LOCATOR64 = b"PK\x06\x07"

ENCRYPTED = 0x1
PATCHED = 0x20
STRONG = 0x40
DESCRIPTOR = 0x8
UTF8 = 0x800
MASKED = 0x2000
ODD_FLAGS = ENCRYPTED | PATCHED | STRONG | MASKED
"""Flag bits that make a common reader refuse a member."""

END_WINDOW = (1 << 16) + 22
"""Bytes from the end in which an archive's end record may start: the record and the longest comment."""

LOCAL_HEADER = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_END64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR64 = struct.Struct("<4sIQI")
_FULL16, FULL32 = 0xFFFF, 0xFFFFFFFF
_ZIP64_EXTRA = 1
_DEFERRED = {(0, 0, 0), (0, FULL32, FULL32)}
"""Checksum and sizes of a local header whose true values follow the member's bytes."""


class Member(NamedTuple):
    """One reading of one member."""

    name: str
    method: int
    flags: int
    crc: int
    packed: int
    """Bytes in the archive."""
    size: int
    """Bytes after decompression, as declared."""
    header: int
    """Offset of the local header in the data."""
    start: int
    """Offset of the member's bytes in the data."""
    differs: tuple[str, ...] = ()
    """The fields in which the local header differs."""
    local: bool = False
    """True if this is the local header's reading, which differs from the directory's."""

    @property
    def end(self) -> int:
        """The offset just behind the member's packed bytes."""
        return self.start + self.packed


@dataclass(slots=True)
class Archive:
    """One archive: an end record, its directory, the members it names."""

    base: int
    """Offset in the data that the archive's own offsets count from."""
    start: int
    """Offset of its first byte (the first local header)."""
    directory: int
    end: int
    """Offset just behind the end record and its comment."""
    members: list[Member] = field(default_factory=list)
    oddities: list[tuple[str, int, str]] = field(default_factory=list)
    """(rule, offset, sentence) for structures that no honest writer makes, or that readers disagree about."""
    comment: tuple[int, int] = (0, 0)
    ordinary: bool = field(default=False, compare=False)
    """True if its members follow one another without a gap, under different names that lead out of no directory."""


class _End(NamedTuple):
    offset: int
    entries: int
    size: int
    start: int
    """The directory's offset as the record has it."""
    stop: int
    """The end of the directory: this record, or the zip64 record before it."""
    comment: int
    zip64: bool


_RECORD, ENTRY, _ORDINARY, _COPIED = 10, 40, 15, 1000
"""Units of work per end record, per entry of a directory and of an ordinary one; bytes copied in the time of one."""


def ends_archive(data: memoryview, charge: Charge) -> bool:
    """Return True if an end record near the end of *data* leads to a directory."""
    return next(_places(data, len(data), charge), None) is not None


def archives(data: memoryview, charge: Charge) -> Iterator[Archive]:
    """Yield every archive in *data*: first the last end record's, which loaders take, then those before it."""
    stop = len(data)
    while stop >= _END.size:
        place = next(_places(data, stop, charge), None)
        if place is None:
            break
        archive = _read_directory(data, *place, charge)
        yield archive
        if archive.start <= 0 or archive.start >= stop:
            break
        stop = archive.start


def other_readings(data: memoryview, known: list[Archive], charge: Charge) -> Iterator[Archive]:
    """Yield the archives by another end record near the last one, or by another rule for its directory.

    *known* are the `archives` of the data: an end record inside of them is no other reading.
    """
    first = known[0]
    directories = {archive.directory for archive in known}
    for end, base, directory in _places(data, len(data), charge):
        if directory in directories or end.offset <= first.start:
            continue
        charge(1 + len(first.members) // 4)
        if not _inside(first, end.offset):
            yield _read_directory(data, end, base, directory, charge)


def _inside(archive: Archive, offset: int) -> bool:
    return any(member.start <= offset < member.end for member in archive.members)


def _places(data: memoryview, stop: int, charge: Charge) -> Iterator[tuple[_End, int, int]]:
    """Yield the end records in the last `END_WINDOW` bytes before *stop*, last first, with base and directory."""
    begin = max(0, stop - END_WINDOW)
    tail = bytes(data[begin:stop])
    charge(len(tail) // _COPIED)
    at = tail.rfind(END)
    while at >= 0:
        charge(_RECORD)
        if begin + at + _END.size <= stop:
            yield from _directories(data, begin + at, stop)
        at = tail.rfind(END, 0, at + len(END) - 1)


def _directories(data: memoryview, offset: int, limit: int) -> Iterator[tuple[_End, int, int]]:
    """Yield the directories that the end record at *offset* may point at: by zip64 or not, with a prefix or not."""
    _, _disk, _disk2, _here, count, size, start, comment = _END.unpack_from(data, offset)
    plain = _End(offset, count, size, start, offset, min(comment, limit - offset - _END.size), zip64=False)
    wide = _read_end64(data, plain)
    seen: set[int] = set()
    for end in (wide, plain._replace(stop=wide.stop)) if wide else (plain,):
        for base in (end.stop - end.size - end.start, 0):
            directory = base + end.start
            if base < 0 or directory in seen or not 0 <= directory <= end.stop:
                continue
            seen.add(directory)
            if (end.entries == 0 and end.size == 0) or data[directory : directory + 4] == CENTRAL:
                yield end, base, directory


def _read_end64(data: memoryview, end: _End) -> _End | None:
    at = end.offset - _LOCATOR64.size
    if at < _END64.size or data[at : at + 4] != LOCATOR64:
        return None
    where = _LOCATOR64.unpack_from(data, at)[2]
    for offset in (at - _END64.size, where):
        if 0 <= offset <= at - _END64.size and data[offset : offset + 4] == END64:
            fields = _END64.unpack_from(data, offset)
            return _End(end.offset, fields[7], fields[8], fields[9], offset, end.comment, zip64=True)
    return None


def _read_directory(data: memoryview, end: _End, base: int, directory: int, charge: Charge) -> Archive:
    return _read_ordinary(data, end, base, directory, charge) or _read_any(data, end, base, directory, charge)


def _read_ordinary(data: memoryview, end: _End, base: int, directory: int, charge: Charge) -> Archive | None:
    """Read a directory whose archive begins with the data and ends with an end record without a comment."""
    stop = end.offset + _END.size
    if base or end.comment or not 0 < end.entries <= end.size // _CENTRAL.size or end.stop - directory != end.size:
        return None
    charge(end.entries * _ORDINARY)
    columns = ordinary(data, directory, end.stop, end.entries)
    if columns is None:
        return None
    names, flags, checksums, sizes, headers, starts = columns
    members = map(Member, names, repeat(0), flags, checksums, sizes, sizes, headers, starts)
    return Archive(0, 0, directory, stop, [*members], comment=(stop, stop), ordinary=True)


def _read_any(data: memoryview, end: _End, base: int, directory: int, charge: Charge) -> Archive:
    stop = end.offset + _END.size
    archive = Archive(base, directory, directory, stop + end.comment, comment=(stop, stop + end.comment))
    at, count = directory, 0
    while at + _CENTRAL.size <= end.stop and data[at : at + 4] == CENTRAL:
        charge(ENTRY)
        at = _read_entry(data, archive, at, end.stop)
        count += 1
    if count != end.entries and count & _FULL16 != end.entries:
        archive.oddities.append(
            ("zip-entry-count", end.offset, f"The end record counts {end.entries} members, the directory has {count}.")
        )
    if at != end.stop and not end.zip64:
        archive.oddities.append(
            ("zip-directory-gap", at, "Other bytes lie between the central directory and the end record.")
        )
    return archive


def _read_entry(data: memoryview, archive: Archive, at: int, stop: int) -> int:
    (_, _made, _need, flags, method, _time, _date, crc, packed, size, nlen, xlen, clen, _disk, _attr, _ext, offset) = (
        _CENTRAL.unpack_from(data, at)
    )
    names_at = at + _CENTRAL.size
    after = names_at + nlen + xlen + clen
    if after > stop:
        archive.oddities.append(("malformed-zip", at, "An entry of the central directory is cut off."))
        return stop
    raw = bytes(data[names_at : names_at + nlen])
    if FULL32 in (packed, size, offset):
        size, packed, offset = wide(data[names_at + nlen : names_at + nlen + xlen], size, packed, offset)
    header = archive.base + offset
    archive.start = max(min(archive.start, header), 0)
    central = (decode_name(raw, flags), method, flags, crc, packed, size, header)
    if not 0 <= header <= len(data) - LOCAL_HEADER.size or data[header : header + 4] != LOCAL:
        summary = f"The directory's entry {central[0]!r} points at no local header."
        archive.oddities.append(("malformed-zip", max(header, 0), summary))
    else:
        archive.members.extend(_readings(data, central, raw))
    return int(after)


def wide(extra: memoryview, size: int, packed: int, offset: int) -> tuple[int, int, int]:
    """Apply the zip64 extra field to the values that are full in the header, in this order."""
    values = [size, packed, offset]
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        body = extra[at + 4 : at + 4 + length]
        if kind == _ZIP64_EXTRA:
            for index, value in enumerate(values):
                if value == FULL32 and len(body) >= 8:  # noqa: PLR2004
                    values[index] = struct.unpack_from("<Q", body)[0]
                    body = body[8:]
            break
        at += 4 + length
    return values[0], values[1], values[2]


def _readings(data: memoryview, central: tuple[str, int, int, int, int, int, int], raw: bytes) -> Iterator[Member]:
    """Yield the directory's reading of a member, and the local header's if it leads to other content."""
    _, method, flags, crc, packed, size, header = central
    _, _need, *local, nlen, xlen = LOCAL_HEADER.unpack_from(data, header)
    names_at = header + LOCAL_HEADER.size
    start = names_at + nlen + xlen
    local_raw = bytes(data[names_at : names_at + nlen])
    if local_raw == raw and local[0] == flags and local[1] == method:
        declared = tuple(local[4:])
        if declared == (crc, packed, size) or (flags & DESCRIPTOR and declared in _DEFERRED):
            yield Member(*central, start)
            return
    yield from _contradicted(data, Member(*central, start), local_raw, same_name=local_raw == raw)


def _contradicted(data: memoryview, member: Member, local_raw: bytes, *, same_name: bool) -> Iterator[Member]:
    _, _need, flags, method, _time, _date, crc, packed, size, nlen, _xlen = LOCAL_HEADER.unpack_from(
        data, member.header
    )
    if FULL32 in (packed, size):
        extra = data[member.header + LOCAL_HEADER.size + nlen : member.start]
        size, packed, _ = wide(extra, size, packed, 0)
    name = decode_name(local_raw, flags)
    local = Member(name, method, flags, crc, packed, size, member.header, member.start, local=True)
    differs = tuple(_differences(member, local, same_name=same_name))
    yield member._replace(differs=differs)
    if not {"name", "method", "size"}.isdisjoint(differs):
        yield local._replace(differs=differs)


def _differences(central: Member, local: Member, *, same_name: bool) -> Iterator[str]:
    """Yield the fields that differ; zeros in a local header with a descriptor behind its member are no difference."""
    if not same_name and central.name != local.name:
        yield "name"
    if central.method != local.method:
        yield "method"
    if central.flags != local.flags:
        yield "flags"
    deferred = bool((local.flags | central.flags) & DESCRIPTOR)
    if (local.packed, local.size) != (central.packed, central.size):
        full = {0, FULL32} if deferred else ()
        if not (local.packed in full and local.size in full):
            yield "size"
    if local.crc != central.crc and not (deferred and local.crc == 0):
        yield "crc"


def decode_name(raw: bytes, flags: int) -> str:
    """Decode a member's name as CPython's zipfile does, but without an error."""
    name = raw.decode("utf-8", "surrogateescape") if flags & UTF8 or raw.isascii() else raw.decode("cp437")
    return name.replace("\0", "\\x00")
