"""The smallest 7z archives that its readers accept (7zFormat.txt of the LZMA SDK)."""

from __future__ import annotations

import lzma
import struct
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def _number(value: int) -> bytes:
    """The format's variable-length number."""
    for extra in range(8):
        if value < 1 << (7 * (extra + 1)):
            first = (0xFF << (8 - extra)) & 0xFF | value >> (8 * extra)
            return bytes([first]) + (value & (1 << (8 * extra)) - 1).to_bytes(extra, "little")
    return b"\xff" + value.to_bytes(8, "little")


def seven_zip(members: Mapping[str, bytes], *, lzma1: bool = False) -> bytes:
    """An archive of *members*, one folder each, stored or by LZMA."""
    packed, folders = [], b""
    for content in members.values():
        if lzma1:
            alone = lzma.compress(content, lzma.FORMAT_ALONE)
            packed.append(alone[13:])
            folders += b"\x01\x23\x03\x01\x01" + _number(5) + alone[:5]
        else:
            packed.append(content)
            folders += b"\x01\x01\x00"
    count = _number(len(members))
    header = b"\x01\x04\x06" + _number(0) + count + b"\x09" + b"".join(_number(len(part)) for part in packed) + b"\0"
    header += b"\x07\x0b" + count + b"\0" + folders + b"\x0c" + b"".join(_number(len(c)) for c in members.values())
    header += b"\x0a\x01" + b"".join(struct.pack("<I", zlib.crc32(content)) for content in members.values()) + b"\0\0"
    names = b"\0" + b"".join(name.encode("utf-16-le") + b"\0\0" for name in members)
    header += b"\x05" + count + b"\x11" + _number(len(names)) + names + b"\0\0"
    body = b"".join(packed)
    start = struct.pack("<QQI", len(body), len(header), zlib.crc32(header))
    return b"7z\xbc\xaf\x27\x1c\x00\x04" + struct.pack("<I", zlib.crc32(start)) + start + body + header
