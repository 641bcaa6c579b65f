"""The content of a member of a zip archive: its bytes, unpacked if they are packed, and whether they are intact.

Readers differ in what they tolerate: Python's zipfile checks the CRC at the end, when a stream's reader has passed the
bytes on already; torch's miniz is built without the check (MINIZ_DISABLE_ZIP_READER_CRC32_CHECKS). So a wrong size or
CRC is a finding of its own, and the bytes are judged all the same.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from picklewatch.analysis.formats.codecs import COSTS, DECODERS, Cost, Stream, lzma1
from picklewatch.analysis.formats.part import CHUNK, MalformedError, Part
from picklewatch.analysis.formats.zipread import ENCRYPTED, Member
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from collections.abc import Iterator

    from picklewatch.analysis.formats.context import Scan
    from picklewatch.analysis.formats.zipkind import ArchiveKind

STORED = 0
_LZMA, _AES = 14, 99
_CODECS = {8: "deflate", 12: "bzip2", 93: "zstd", 95: "xz", _LZMA: "lzma"}

CRC_LIMIT = 64 << 20
"""Bytes of a stored member up to which its checksum is compared. A wrong one means that some readers refuse it, and
hides nothing of the content."""


class Unpacked:
    """A packed member while it is unpacked."""

    def __init__(self, scan: Scan, member: Member, stream: Stream, inside: str) -> None:
        self._scan = scan
        self._stream = stream
        self._inside = inside
        self.member = member
        self.size = 0
        """Bytes unpacked so far."""
        self.crc = 0
        """Their checksum."""

    @property
    def cost(self) -> Cost:
        """The cost of unpacking."""
        return COSTS[_CODECS[self.member.method]]

    def chunks(self) -> Iterator[bytes]:
        """Yield the member's content, and report if it breaks off or is of another size than declared."""
        member = self.member
        try:
            for chunk in self._stream.chunks():
                self.size += len(chunk)
                self.crc = zlib.crc32(chunk, self.crc)
                yield chunk
        except MalformedError as error:
            if not member.flags & ENCRYPTED:
                self._scan.code_bearing = True
                self._scan.finding("malformed-zip", Level.UNSCANNABLE, self._inside, str(error))
        else:
            if self.size != member.size and not member.local:
                summary = f"The member declares {member.size} bytes and unpacks to {self.size}."
                self._scan.finding("malformed-zip", Level.UNSCANNABLE, self._inside, summary)


def cost_of(member: Member) -> Cost | None:
    """Return the cost of unpacking *member*, None if its method is not known."""
    codec = _CODECS.get(member.method)
    return None if codec is None else COSTS[codec]


def unpacked_of(scan: Scan, data: memoryview, member: Member, inside: str) -> Unpacked | None:
    """Return an unpacker of the member, or report that there is none and return None."""
    packed = data[member.start : member.end]
    stream = stream_of(packed, member)
    if stream is None:
        scan.code_bearing = True
        rule = "encrypted-member" if member.method == _AES else "compression-not-readable"
        summary = f"The member's compression method {member.method} can't be read here."
        scan.finding(rule, Level.UNSCANNABLE, inside, summary)
        return None
    unpacked = Unpacked(scan, member, stream, inside)
    scan.budget.charge(int(unpacked.cost.per_byte * len(packed)))
    return unpacked


def stream_of(packed: memoryview, member: Member) -> Stream | None:
    """Return an unpacker of the bytes *packed* of *member*, None if its method is not known."""
    if member.method == _LZMA:
        return _lzma(packed, member.size)
    make = DECODERS.get(_CODECS.get(member.method, ""))
    return None if make is None else Stream(make, packed)


def _lzma(packed: memoryview, size: int) -> Stream | None:
    """Return zip's LZMA stream (APPNOTE 5.8): version, size of the properties, the properties, a raw stream."""
    length = int.from_bytes(packed[2:4], "little")
    try:
        return Stream(lzma1(bytes(packed[4 : 4 + length]), size), packed, 4 + length)
    except MalformedError:
        return None


def bytes_of(part: Part, member: Member) -> Iterator[bytes | memoryview]:
    """Yield the member's content once more, for the last look."""
    packed = part.data[member.start : member.end]
    stream = None if member.method == STORED else stream_of(packed, member)
    return Part(packed).chunks() if stream is None else stream.chunks()


def stored(scan: Scan, part: Part, member: Member) -> memoryview:
    """Return the bytes of a member that is not packed."""
    inside = part.name(member.name)
    size = max(member.packed, member.size) if member.size < len(part.data) else member.packed
    held = part.data[member.start : member.start + size]
    if len(held) < size:
        scan.code_bearing = True
        scan.finding("malformed-zip", Level.UNSCANNABLE, inside, "The member reaches beyond the end of the archive.")
    elif member.packed != member.size and not member.local:
        scan.finding("malformed-zip", Level.UNSCANNABLE, inside, "A stored member declares two different sizes.")
    return held


def checksum(held: memoryview) -> tuple[int, int]:
    """Return the number of bytes and their checksum."""
    crc = 0
    for begin in range(0, len(held), CHUNK):
        crc = zlib.crc32(held[begin : begin + CHUNK], crc)
    return len(held), crc


def is_intact(scan: Scan, actual: tuple[int, int], member: Member, kind: ArchiveKind, inside: str) -> bool:
    """Return True if size and checksum are as declared; False for raw tensors, which are not read whole."""
    size, crc = actual
    if kind.raw(member.name) or size != member.size:
        return False
    if crc == member.crc:
        return True
    if not member.flags & ENCRYPTED and not member.local:
        summary = f"The member's checksum is {crc:#010x}, the directory says {member.crc:#010x}."
        level = Level.INFO if kind.torch else Level.UNVERIFIED
        scan.finding("zip-wrong-crc", level, inside, summary)
    return False
