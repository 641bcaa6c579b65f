"""Zip archives as torch reads them: miniz 3 (``mz_zip_reader_read_central_dir``, ``mz_zip_reader_extract_to_mem``).

It differs from `zipfile`: the last signature of an end record counts, offsets are from the start of the file, a
checksum may be wrong (torch leaves that check out), a NUL ends a name.
"""

from __future__ import annotations

import contextlib
import struct
import zlib
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_END = struct.Struct("<4s4H2IH")
_LOCATOR = struct.Struct("<4sIQI")
_END64 = struct.Struct("<4sQ2H2I4Q")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_LOCAL = struct.Struct("<4s5H3I2H")
_FULL = 0xFFFFFFFF
_REACH = 0xFFFF + _END.size
_REFUSED = 0x1 | 0x20 | 0x40
"""Encryption and patches."""
_MASKED = 0x2000
_ZIP64 = 1
_DEFLATED = 8


class _Entry(NamedTuple):
    name: str
    method: int
    flags: int
    packed: int
    size: int
    header: int


class RefusedError(Exception):
    """Miniz does not open this."""


def members(data: bytes, most: int) -> Iterator[tuple[str, bytes]]:
    """Name and content of each member that miniz extracts, up to *most* bytes of it."""
    for entry in list(_entries(data)):
        held = _extracted(data, entry, most)
        if held is not None:
            yield entry.name, held


def _check(sound: bool) -> None:  # noqa: FBT001 - reads as an assertion
    if not sound:
        raise RefusedError


def _entries(data: bytes) -> Iterator[_Entry]:
    total, size, start, disk = _directory(data)
    _check(size >= total * _CENTRAL.size and start + size <= len(data))
    at, left = start, size
    for _ in range(total):
        _check(left >= _CENTRAL.size and data[at : at + 4] == b"PK\x01\x02")
        fields = _CENTRAL.unpack_from(data, at)
        flags, method, packed, unpacked = fields[3], fields[4], fields[8], fields[9]
        name_size, extra_size, comment_size, on_disk, header = (*fields[10:14], fields[16])
        names = at + _CENTRAL.size
        whole = _CENTRAL.size + name_size + extra_size + comment_size
        _check(on_disk in {disk, 1} and not flags & _MASKED and whole <= left)
        _check(packed == _FULL or header + _LOCAL.size + packed <= len(data))
        if _FULL in (packed, unpacked, header):
            extra = data[names + name_size : names + name_size + extra_size]
            unpacked, packed, header = _wide(extra, unpacked, packed, header)
        name = data[names : names + name_size].partition(b"\0")[0].decode("utf-8", "replace")
        yield _Entry(name, method, flags, packed, unpacked, header)
        at += whole
        left -= whole


def _directory(data: bytes) -> tuple[int, int, int, int]:
    """Entries, size, offset and disk of the central directory."""
    at = data.rfind(b"PK\x05\x06", 0, len(data) - _END.size + 4)
    _check(at >= 0 and len(data) - at <= _REACH)
    _, disk, directory_disk, here, total, size, start, _comment = _END.unpack_from(data, at)
    if at >= _LOCATOR.size + _END64.size and data[at - _LOCATOR.size :][:4] == b"PK\x06\x07":
        _, _disk, where, disks = _LOCATOR.unpack_from(data, at - _LOCATOR.size)
        _check(where <= len(data) - _END64.size)
        if data[where : where + 4] == b"PK\x06\x06":
            _, length, _, _, disk, directory_disk, here, total, size, start = _END64.unpack_from(data, where)
            _check(length >= _END64.size - 12 and disks == 1)
    _check(total == here and (disk, directory_disk) in {(0, 0), (1, 1)})
    return total, size, start, disk


def _wide(extra: bytes, *values: int) -> tuple[int, ...]:
    """Full values in the header stand in the zip64 field of *extra*, in turn."""
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<2H", extra, at)
        if kind == _ZIP64:
            body, told = extra[at + 4 : at + 4 + size], list(values)
            for number, value in enumerate(values):
                if value == _FULL:
                    (told[number],) = struct.unpack_from("<Q", body)
                    body = body[8:]
            return tuple(told)
        at += 4 + size
    return values


def _extracted(data: bytes, entry: _Entry, most: int) -> bytes | None:
    """Return the content of a member; torch does not ask whether unpacking failed, and takes what was there."""
    if entry.flags & _REFUSED or data[entry.header : entry.header + 4] != b"PK\x03\x04" or not entry.packed:
        return None
    if entry.header + _LOCAL.size > len(data):
        return None
    name_size, extra_size = _LOCAL.unpack_from(data, entry.header)[9:]
    start = entry.header + _LOCAL.size + name_size + extra_size
    if start + entry.packed > len(data):
        return None
    if entry.method == 0:
        return data[start : start + min(entry.size, most)]
    return _inflated(data[start : start + entry.packed], min(entry.size, most)) if entry.method == _DEFLATED else None


def _inflated(packed: bytes, most: int) -> bytes:
    held, stream = bytearray(), zlib.decompressobj(-15)
    with contextlib.suppress(zlib.error):
        for at in range(len(packed)):
            held += stream.decompress(packed[at : at + 1])
    return bytes(held[:most])
