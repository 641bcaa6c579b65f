"""The layout of torch's zip archive, as ``torch.save`` writes it (caffe2/serialize/inline_container.cc): all stored."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from picklewatch.rescue.new_file import NewFile
    from picklewatch.rescue.planned import CheckedPlan, Sent

_ALIGNMENT = 64
_UTF8 = 0x800
_FULL16, _FULL32 = 0xFFFF, 0xFFFFFFFF
_WIDE = _FULL32
"""Sizes and places from which on they stand in a field of their own."""
_ZIP64 = 45
"""The version of zip that knows more than four gigabytes."""
_PER_MEMBER = 512
"""Bytes of a member's headers and padding, at most: names here are short."""


def write(source: int, plan: CheckedPlan, sent: Sent, new: NewFile) -> None:
    """Write the new pickle and the storages of *plan*, from the file *source* and from what is *sent*, to *new*."""
    pickle = plan.pickle or 0
    new.reserve(pickle + sum(part.size for part in plan.parts) + _PER_MEMBER * (len(plan.parts) + 4))
    archive = _Archive(new)
    archive.add("data.pkl", sent.take(pickle))
    archive.add("byteorder", [b"little"])
    for part in plan.parts:
        if part.begin >= 0:
            archive.add_range(f"data/{part.name}", source, part.begin, part.size)
        else:
            archive.add(f"data/{part.name}", sent.take(part.size))
    archive.add("version", [b"3\n"])
    archive.finish()


class _Archive:
    """Members one after the other, and their directory."""

    def __init__(self, new: NewFile) -> None:
        self._new = new
        self._at = 0
        self._directory = bytearray()
        self._members = 0

    def add(self, name: str, content: Iterable[bytes | memoryview]) -> None:
        """Add a member."""
        start = self._start(name)
        crc, at = 0, start
        for piece in content:
            self._new.write(piece, at)
            crc, at = zlib.crc32(piece, crc), at + len(piece)
        self._close(name, start, at - start, crc)

    def add_range(self, name: str, source: int, begin: int, size: int) -> None:
        """Add a member that lies in *source* as it is."""
        start, crc = self._start(name), 0
        self._new.copy(source, begin, start, size)
        for piece in self._new.pieces(start, size):
            crc = zlib.crc32(piece, crc)
        self._close(name, start, size, crc)

    def _start(self, name: str) -> int:
        """Return where the content of the next member begins: aligned, behind a header of the longest kind."""
        header = self._at + 30 + len(f"archive/{name}") + 24
        return header + -header % _ALIGNMENT

    def _close(self, name: str, start: int, size: int, crc: int) -> None:
        """Write the headers of the member that was written at *start*."""
        raw, header = f"archive/{name}".encode("ascii"), self._at
        wide = max(size, header) >= _WIDE
        small = _FULL32 if wide else size
        extra = struct.pack("<2H2Q", 1, 16, size, size) if wide else b""
        padding = start - header - 30 - len(raw) - len(extra) - 4
        extra += struct.pack("<2s H", b"FB", padding) + b"Z" * padding
        fields = (_ZIP64 if wide else 0, _UTF8, 0, 0, 0, crc, small, small, len(raw))
        self._new.write(struct.pack("<4s5H3I2H", b"PK\3\4", *fields, len(extra)) + raw + extra, header)
        full = struct.pack("<2H3Q", 1, 24, size, size, header) if wide else b""
        rest = (len(full), 0, 0, 0, 0, _FULL32 if wide else header)
        self._directory += struct.pack("<4s6H3I5H2I", b"PK\1\2", 0, *fields, *rest) + raw + full
        self._members += 1
        self._at = start + size

    def finish(self) -> None:
        """Write the directory, and the end records as torch does: the large one always."""
        start, count, size = self._at, self._members, len(self._directory)
        end = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, _ZIP64, _ZIP64, 0, 0, count, count, size, start)
        end += struct.pack("<4sIQI", b"PK\6\7", 0, start + size, 1)
        few = min(count, _FULL16)
        end += struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, few, few, min(size, _FULL32), min(start, _FULL32), 0)
        self._new.write(bytes(self._directory) + end, start)
        self._new.cut(start + size + len(end))
