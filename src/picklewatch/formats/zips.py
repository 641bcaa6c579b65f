"""Judges zip archives: torch's and everybody else's. What the headers say is read by `picklewatch.formats.zipread`."""

from __future__ import annotations

import zlib
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

from picklewatch.formats import zipkind
from picklewatch.formats.base import CHUNK, Format, Malformed, Part, Scan, find
from picklewatch.formats.codecs import DECODERS, Stream, lzma1
from picklewatch.formats.hidden import SMALLEST, search
from picklewatch.formats.names import escapes
from picklewatch.formats.pickles import behind
from picklewatch.formats.zipread import (
    CENTRAL,
    DESCRIPTOR,
    ENCRYPTED,
    END,
    LOCAL,
    ODD_FLAGS,
    Archive,
    Member,
    archives,
    local_walk,
    other_readings,
    overlaps,
    uncovered,
)
from picklewatch.model import Level

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from picklewatch.formats.zipkind import Kind

_STORED, _DEFLATED, _BZIP2, _LZMA, _ZSTD, _XZ = 0, 8, 12, 14, 93, 95
_CODECS = {_DEFLATED: "deflate", _BZIP2: "bzip2", _ZSTD: "zstd", _XZ: "xz"}

CRC_LIMIT = 64 << 20
"""Bytes of one member up to which its checksum is compared."""

_SMALLEST = 22

RAW_HEAD = 1 << 20
"""Bytes at the start of a raw tensor's member that are looked through, if the file has few of them."""

RAW_TOTAL = 16 << 20
"""Bytes of raw tensors that are looked through in one archive."""


def _matches(head: bytes, _data: memoryview) -> bool:
    return head.startswith((LOCAL, END, b"PK\x07\x08PK\x03\x04", b"PK00PK\x03\x04", CENTRAL))


def tail_archive(data: memoryview) -> bool:
    """Whether an archive ends the data although something else begins it."""
    return len(data) >= _SMALLEST and bool(archives(data))


def read(scan: Scan, part: Part) -> str:
    """Judge every reading of every archive in *data*; the first one's kind."""
    data = part.data
    found = archives(data)
    if not found:
        return _broken(scan, part)
    name = _archive(scan, part, found[0])
    for archive in found[1:]:
        scan.finding("zip-several-archives", Level.INFO, part.at(archive.start), "Several archives follow one another.")
        _archive(scan, part, archive)
    for later, archive in pairwise(found):
        if archive.end < later.start:
            behind(scan, part._replace(data=data[: later.start]), archive.end, place="between two archives")
    for archive in other_readings(data, found):
        _second_reading(scan, part, archive)
    first = found[-1].start
    if first > 0:
        _prefix(scan, part, first)
    if found[0].end < len(data):
        size = len(data) - found[0].end
        scan.finding("trailing-data", Level.INFO, part.at(found[0].end), f"{size} bytes follow the archive.")
        behind(scan, part, found[0].end, place="behind the end of an archive")
    return name


def _second_reading(scan: Scan, part: Part, archive: Archive) -> None:
    harm = scan.apart(lambda: _archive(scan, part, archive))
    level = Level.MALICIOUS if harm.rank >= Level.UNSAFE.rank else Level.UNSCANNABLE
    summary = "The archive has two end records that lead to different members."
    scan.finding("zip-two-end-records", level, part.at(archive.directory), summary)


def _prefix(scan: Scan, part: Part, stop: int) -> None:
    """Judge what lies before the first archive: self-extractors are honest, local headers without directory are not."""
    scan.finding("zip-prefix", Level.INFO, part.at(0), f"{stop} bytes come before the archive.")
    if part.data[:4] == LOCAL:
        _orphans(scan, part, 0, stop)
    search(scan, part, 0, stop, place="before an archive")


def _broken(scan: Scan, part: Part) -> str:
    """Judge an archive whose end record or directory is missing: no loader opens it, streaming readers do."""
    scan.code_bearing = True
    summary = "The archive has no end record that leads to a central directory: cut off or tampered."
    scan.finding("malformed-zip", Level.UNSCANNABLE, part.where, summary)
    _orphans(scan, part, 0, len(part.data))
    search(scan, part, place="in a broken archive")
    return "zip"


def _orphans(scan: Scan, part: Part, start: int, stop: int) -> None:
    members = list(_bounded(scan, local_walk(part.data, start, stop)))
    kind = zipkind.classify([member.name for member in members])
    for member in members:
        look = partial(_bytes, part, member)
        scan.guarded(part.name(member.name), partial(_content, scan, part, member, kind), look)


def _bounded(scan: Scan, members: Iterable[Member]) -> Iterable[Member]:
    for member in members:
        scan.member()
        yield member


def _archive(scan: Scan, part: Part, archive: Archive) -> str:
    for rule, offset, summary in archive.oddities[: scan.limits.findings]:
        scan.code_bearing = True
        scan.finding(rule, Level.UNSCANNABLE, part.at(offset), summary)
    kind = zipkind.classify([member.name for member in archive.members])
    scan.code_bearing = scan.code_bearing or kind.code_bearing
    raw_members = sum(1 for member in archive.members if kind.raw(member.name)) or 1
    kind.raw_head = max(512, min(RAW_HEAD, RAW_TOTAL // raw_members))
    for member in sorted(archive.members, key=lambda member: kind.order(member.name)):
        scan.member()
        if not _plain_tensor(scan, part, member, kind):
            _member(scan, part, member, kind)
    zipkind.finish(scan, kind, archive.members, part)
    _names(scan, archive, part)
    _gaps(scan, part, archive)
    return kind.name


def _plain_tensor(scan: Scan, part: Part, member: Member, kind: Kind) -> bool:
    """Judge a tensor as torch writes it, with few steps: an archive has tens of thousands; False if it is another."""
    if member.method != _STORED or member.differs or member.flags & ODD_FLAGS or not kind.raw(member.name):
        return False
    start, size = member.start, member.size
    if member.packed != size or start + size > len(part.data):
        return False
    if size >= SMALLEST:
        kind.judge_raw(scan, Part(part.data[start : start + size], part.name(member.name), part.depth + 1))
    return True


def _member(scan: Scan, part: Part, member: Member, kind: Kind) -> None:
    if member.name.endswith("/") and member.size == 0 and member.packed == 0:
        return
    inside = part.name(member.name)
    look = partial(_bytes, part, member)
    if not member.differs and not member.flags & ODD_FLAGS:
        scan.guarded(inside, lambda: _content(scan, part, member, kind), look)
        return
    harm = Level.INFO

    def work() -> None:
        nonlocal harm
        harm = scan.apart(lambda: _content(scan, part, member, kind))

    scan.guarded(inside, work, look)
    hides = harm.rank >= Level.UNSAFE.rank
    if member.differs:
        _told_apart(scan, member, inside, hides=hides)
    if member.flags & ODD_FLAGS:
        level = Level.MALICIOUS if hides else Level.UNSCANNABLE
        summary = f"The member's flag bits {member.flags & ODD_FLAGS:#x} make common readers refuse it."
        scan.finding("zip-flag-bits", level, inside, summary)


def _told_apart(scan: Scan, member: Member, inside: str, *, hides: bool) -> None:
    """Note that the local header contradicts the directory."""
    grave = set(member.differs) & {"name", "method", "size"}
    if not grave and set(member.differs) == {"flags"}:
        scan.finding("zip-headers-differ", Level.INFO, inside, "Local header and directory differ in flags.")
        return
    pickled = "name" in member.differs and member.name.lower().endswith((".pkl", ".npy", ".py"))
    level = Level.MALICIOUS if hides or pickled else Level.UNSCANNABLE if grave else Level.INFO
    summary = f"The member's local header and the central directory differ in {', '.join(member.differs)}."
    scan.finding("zip-headers-differ", level, inside, summary)


def _content(scan: Scan, part: Part, member: Member, kind: Kind) -> None:
    """Judge what the member holds."""
    inside = part.name(member.name)
    data = part.data
    if member.method == _STORED:
        size = max(member.packed, member.size) if member.size < len(data) else member.packed
        held = data[member.start : member.start + size]
        if len(held) < size:
            scan.code_bearing = True
            scan.finding(
                "malformed-zip", Level.UNSCANNABLE, inside, "The member reaches beyond the end of the archive."
            )
        elif member.packed != member.size and not member.local:
            scan.finding("malformed-zip", Level.UNSCANNABLE, inside, "A stored member declares two different sizes.")
    else:
        unpacked = _unpack(scan, data, member, kind, inside)
        if unpacked is None:
            return
        held = unpacked
    intact = _checksum(scan, held, member, kind, inside)
    if member.flags & ENCRYPTED and not intact:
        scan.code_bearing = True
        scan.finding(
            "encrypted-member", Level.UNSCANNABLE, inside, "The member is encrypted: its content can't be judged."
        )
        return
    kind.judge(scan, part.inside(member.name, held), member.name)


def _unpack(scan: Scan, data: memoryview, member: Member, kind: Kind, inside: str) -> memoryview | None:
    """The member's unpacked bytes; of a raw tensor only its head. None if nothing can be read (noted)."""
    packed = data[member.start : member.end]
    stream = _stream(packed, member)
    if stream is None:
        scan.code_bearing = True
        encrypted = member.method == 99  # noqa: PLR2004  (AE-x)
        rule = "encrypted-member" if encrypted else "compression-not-readable"
        summary = f"The member's compression method {member.method} can't be read here."
        scan.finding(rule, Level.UNSCANNABLE, inside, summary)
        return None
    chunks = _sound(scan, member, stream, inside)
    if not kind.raw(member.name):
        return scan.unpack(chunks, inside)
    held = bytearray()
    for chunk in chunks:
        scan.unpacked(len(chunk))
        held += chunk[: RAW_HEAD - len(held)]
    return memoryview(held).toreadonly()


def _stream(packed: memoryview, member: Member) -> Stream | None:
    if member.method == _LZMA:
        return _lzma(packed, member.size)
    make = DECODERS.get(_CODECS.get(member.method, ""))
    return None if make is None else Stream(make, packed)


def _bytes(part: Part, member: Member) -> Iterator[bytes | memoryview]:
    """Yield what the member holds once more, for who only looks."""
    packed = part.data[member.start : member.end]
    stream = None if member.method == _STORED else _stream(packed, member)
    return Part(packed).chunks() if stream is None else stream.chunks()


def _sound(scan: Scan, member: Member, stream: Stream, inside: str) -> Iterator[bytes]:
    """Yield what *stream* holds, and note where it breaks off or is of another size than declared."""
    total = 0
    try:
        for chunk in stream.chunks():
            total += len(chunk)
            yield chunk
    except Malformed as error:
        if not member.flags & ENCRYPTED:
            scan.code_bearing = True
            scan.finding("malformed-zip", Level.UNSCANNABLE, inside, str(error))
    else:
        if total != member.size and not member.local:
            summary = f"The member declares {member.size} bytes and unpacks to {total}."
            scan.finding("malformed-zip", Level.UNSCANNABLE, inside, summary)


def _lzma(packed: memoryview, size: int) -> Stream | None:
    """Zip's LZMA (APPNOTE 5.8): version, size of the properties, the properties, then a raw stream."""
    length = int.from_bytes(packed[2:4], "little")
    try:
        return Stream(lzma1(bytes(packed[4 : 4 + length]), size), packed, 4 + length)
    except Malformed:
        return None


def _checksum(scan: Scan, held: memoryview, member: Member, kind: Kind, inside: str) -> bool:
    """Whether the checksum fits; not looked at for raw tensors, which it would have to read whole."""
    if kind.raw(member.name) or len(held) > CRC_LIMIT or len(held) != member.size:
        return False
    actual = 0
    for begin in range(0, len(held), CHUNK):
        actual = zlib.crc32(held[begin : begin + CHUNK], actual)
    if actual == member.crc:
        return True
    if not member.flags & ENCRYPTED and not member.local:
        summary = f"The member's checksum is {actual:#010x}, the directory says {member.crc:#010x}."
        level = Level.INFO if kind.torch else Level.UNVERIFIED
        scan.finding("zip-wrong-crc", level, inside, summary)
    return False


def _names(scan: Scan, archive: Archive, part: Part) -> None:
    """Note names that lead out of a directory, and names given twice."""
    seen: dict[str, int] = {}
    for member in archive.members:
        if escapes(member.name):
            scan.code_bearing = True
            summary = "The member's name leads out of the directory that it is unpacked to."
            scan.finding("archive-unsafe-name", Level.UNSAFE, part.name(member.name), summary)
        key = member.name.lower()
        if not member.local and seen.setdefault(key, member.header) != member.header:
            summary = "Two members have the same name; readers disagree about which one counts. Both were judged."
            scan.finding("zip-duplicate-name", Level.UNVERIFIED, part.name(member.name), summary)
    for _first, second in overlaps(archive):
        scan.code_bearing = True
        summary = "The member lies inside another one: readers see different contents."
        scan.finding("zip-overlap", Level.UNSCANNABLE, part.name(second.name), summary)
        break


def _gaps(scan: Scan, part: Part, archive: Archive) -> None:
    """Judge bytes of the archive that no header covers, and its comment."""
    for start, stop in uncovered(archive):
        data = part.data
        if data[start : start + 4] == LOCAL or find(data, LOCAL, start, min(stop, start + CHUNK)) >= 0:
            begin = find(data, LOCAL, start, stop)
            scan.only_harm(partial(_orphans, scan, part, begin, stop))
        search(scan, part, start, stop, place="between the members of an archive")
    start, stop = archive.comment
    if stop > start:
        search(scan, part, start, stop, place="in the archive's comment")


FORMATS = (Format("zip", _matches, read),)

__all__ = ["DESCRIPTOR", "FORMATS", "read", "tail_archive"]
