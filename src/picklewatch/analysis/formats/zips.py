"""Judges zip archives: torch's and everybody else's; `zipread` reads their headers.

Mirrors torch/serialization.py (``_load``, on caffe2/serialize/inline_container.cc), numpy/lib/npyio.py (``NpzFile``)
and Lib/zipfile, which take different members if names are given twice, headers disagree or archives follow each other.
Every reading is judged, and the disagreement, with which attacks blind scanners, is a finding.
"""

from __future__ import annotations

from functools import partial
from itertools import chain, pairwise
from typing import TYPE_CHECKING, NamedTuple

from picklewatch.analysis.formats import zipkind
from picklewatch.analysis.formats.context import Format, Scan
from picklewatch.analysis.formats.hidden_pickles import SMALLEST, search
from picklewatch.analysis.formats.member_names import escapes
from picklewatch.analysis.formats.numpy_files import is_numbers, read_on
from picklewatch.analysis.formats.part import CHUNK, Part, find
from picklewatch.analysis.formats.pickles import behind
from picklewatch.analysis.formats.unpacking import counted, unpack
from picklewatch.analysis.formats.zip_layout import local_walk, overlaps, uncovered
from picklewatch.analysis.formats.zip_members import (
    CRC_LIMIT,
    STORED,
    bytes_of,
    checksum,
    is_intact,
    stored,
    unpacked_of,
)
from picklewatch.analysis.formats.zipread import (
    CENTRAL,
    DESCRIPTOR,
    ENCRYPTED,
    END,
    LOCAL,
    ODD_FLAGS,
    Archive,
    Member,
    archives,
    ends_archive,
    other_readings,
)
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from collections.abc import Iterator

    from picklewatch.analysis.formats.zip_members import Unpacked
    from picklewatch.analysis.formats.zipkind import ArchiveKind

_SMALLEST = 22

RAW_HEAD = 1 << 20
"""Bytes at the start of a raw tensor's member that are searched, if the file has few of them."""

RAW_TOTAL = 16 << 20
"""Bytes of raw tensors that are searched in one archive."""


def _matches(head: bytes, _data: memoryview) -> bool:
    return head.startswith((LOCAL, END, b"PK\x07\x08PK\x03\x04", b"PK00PK\x03\x04", CENTRAL))


def tail_archive(scan: Scan, data: memoryview) -> bool:
    """Return True if an archive ends the data although another format begins it."""
    return len(data) >= _SMALLEST and ends_archive(data, scan.budget.charge)


def read(scan: Scan, part: Part) -> str:
    """Judge every reading of every archive in *data*, and return the first one's kind."""
    data, name = part.data, ""
    found: list[Archive] = []
    scan.guarded(part.where, lambda: found.extend(archives(data, scan.budget.charge)), part.chunks)
    if not found:
        return _broken(scan, part)
    for archive in found:
        kind = _archive(scan, part, archive)
        name = name or kind
        if archive is not found[0]:
            summary = "Several archives follow one another."
            scan.finding("zip-several-archives", Level.INFO, part.at(archive.start), summary)
    for later, archive in pairwise(found):
        if archive.end < later.start:
            before = part._replace(data=data[: later.start])
            work = partial(behind, scan, before, archive.end, place="between two archives")
            scan.guarded(part.at(archive.end), work)
    scan.guarded(part.where, partial(_other_readings, scan, part, found))
    first = found[-1].start
    if first > 0:
        scan.guarded(part.where, partial(_prefix, scan, part, first), Part(data[:first]).chunks)
    if found[0].end < len(data):
        size = len(data) - found[0].end
        scan.finding("trailing-data", Level.INFO, part.at(found[0].end), f"{size} bytes follow the archive.")
        behind(scan, part, found[0].end, place="behind the end of an archive")
    return name


def _other_readings(scan: Scan, part: Part, found: list[Archive]) -> None:
    for archive in other_readings(part.data, found, scan.budget.charge):
        _second_reading(scan, part, archive)


def _second_reading(scan: Scan, part: Part, archive: Archive) -> None:
    harm = scan.apart(lambda: _archive(scan, part, archive))
    level = Level.MALICIOUS if harm.rank >= Level.UNSAFE.rank else Level.UNSCANNABLE
    summary = "The archive has two end records that lead to different members."
    scan.finding("zip-two-end-records", level, part.at(archive.directory), summary)


def _prefix(scan: Scan, part: Part, stop: int) -> None:
    """Judge the bytes before the first archive: self-extractors are honest, local headers there are not."""
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
    members = list(local_walk(part.data, start, stop, scan.budget.charge))
    kind = zipkind.classify([member.name for member in members])
    for member in sorted(members, key=lambda member: kind.order(member.name)):
        scan.member()
        look = partial(bytes_of, part, member)
        scan.guarded(part.name(member.name), partial(_content, scan, part, member, kind), look)


def _archive(scan: Scan, part: Part, archive: Archive) -> str:
    for rule, offset, summary in archive.oddities:
        scan.code_bearing = True
        scan.finding(rule, Level.UNSCANNABLE, part.at(offset), summary)
    kind = zipkind.classify([member.name for member in archive.members])
    scan.code_bearing = scan.code_bearing or kind.code_bearing
    raw_members = sum(1 for member in archive.members if kind.raw(member.name)) or 1
    kind.raw_head = max(512, min(RAW_HEAD, RAW_TOTAL // raw_members))
    for work in (
        lambda: _members(scan, part, archive, kind),
        lambda: zipkind.finish(scan, kind, archive.members, part),
        *(() if archive.ordinary else (lambda: _names(scan, archive, part), lambda: _gaps(scan, part, archive))),
    ):
        scan.guarded(part.where, work)
    return kind.name


def _members(scan: Scan, part: Part, archive: Archive, kind: ArchiveKind) -> None:
    """Judge the members in their loader's order; bytes that several entries share are judged once."""
    judged: dict[_JudgedAs, Level] = {}
    for member in sorted(archive.members, key=lambda member: kind.order(member.name)):
        scan.member()
        if not _plain_tensor(scan, part, member, kind):
            reading = _JudgedAs(member.start, member.packed, member.size, member.method, kind.role(member.name))
            harm = judged.get(reading)
            judged[reading] = _member(scan, part, member, kind, harm)


class _JudgedAs(NamedTuple):
    """The properties of a member that decide how it is judged."""

    start: int
    packed: int
    size: int
    method: int
    role: str


def _plain_tensor(scan: Scan, part: Part, member: Member, kind: ArchiveKind) -> bool:
    """Judge a tensor as torch writes it, in few steps, since an archive has tens of thousands; False if it is none."""
    if member.method != STORED or member.differs or member.flags & ODD_FLAGS or not kind.raw(member.name):
        return False
    start, size = member.start, member.size
    if member.packed != size or start + size > len(part.data):
        return False
    if size >= SMALLEST:
        kind.judge_raw(scan, Part(part.data[start : start + size], part.name(member.name), part.depth + 1))
    return True


def _member(scan: Scan, part: Part, member: Member, kind: ArchiveKind, harm: Level | None) -> Level:
    """Judge one member and return how harmful its content is, which may be known as *harm*."""
    if member.name.endswith("/") and member.size == 0 and member.packed == 0:
        return Level.INFO
    inside = part.name(member.name)
    if harm is None:
        harm = scan.apart(
            lambda: scan.guarded(inside, lambda: _content(scan, part, member, kind), partial(bytes_of, part, member))
        )
    hides = harm.rank >= Level.UNSAFE.rank
    if member.differs:
        _report_difference(scan, member, inside, hides=hides)
    if member.flags & ODD_FLAGS:
        level = Level.MALICIOUS if hides else Level.UNSCANNABLE
        summary = f"The member's flag bits {member.flags & ODD_FLAGS:#x} make common readers refuse it."
        scan.finding("zip-flag-bits", level, inside, summary)
    return harm


def _report_difference(scan: Scan, member: Member, inside: str, *, hides: bool) -> None:
    """Report that the local header contradicts the directory."""
    grave = set(member.differs) & {"name", "method", "size"}
    if not grave and set(member.differs) == {"flags"}:
        scan.finding("zip-headers-differ", Level.INFO, inside, "Local header and directory differ in flags.")
        return
    pickled = "name" in member.differs and member.name.lower().endswith((".pkl", ".npy", ".py"))
    level = Level.MALICIOUS if hides or pickled else Level.UNSCANNABLE if grave else Level.INFO
    summary = f"The member's local header and the central directory differ in {', '.join(member.differs)}."
    scan.finding("zip-headers-differ", level, inside, summary)


def _content(scan: Scan, part: Part, member: Member, kind: ArchiveKind) -> None:
    """Judge the content of a member."""
    inside = part.name(member.name)
    held: memoryview | None
    if member.method == STORED:
        held = stored(scan, part, member)
        intact = len(held) <= CRC_LIMIT and is_intact(scan, checksum(held), member, kind, inside)
    else:
        unpacked = unpacked_of(scan, part.data, member, inside)
        if unpacked is None:
            return
        chunks = unpacked.chunks()
        begin = next(chunks, b"")
        held = _held(scan, part.inside(member.name, begin), kind, unpacked, chain((begin,), chunks))
        intact = is_intact(scan, (unpacked.size, unpacked.crc), member, kind, inside)
    if member.flags & ENCRYPTED and not intact:
        scan.code_bearing = True
        summary = "The member is encrypted: its content can't be judged."
        scan.finding("encrypted-member", Level.UNSCANNABLE, inside, summary)
    elif held is not None:
        kind.judge(scan, part.inside(member.name, held), member.name)


def _held(scan: Scan, begin: Part, kind: ArchiveKind, unpacked: Unpacked, chunks: Iterator[bytes]) -> memoryview | None:
    """Unpack a member and return its bytes in memory; None for arrays of numbers, which are judged piece by piece."""
    name, first = unpacked.member.name, bytes(begin.data)
    raw = kind.raw(name)
    if is_numbers(first) and not raw:
        read_on(scan, begin, counted(scan, chunks, unpacked.cost.per_unit))
        return None
    if not raw or kind.needs_all(first):
        return unpack(scan, chunks, begin.where, per_unit=unpacked.cost.per_unit)
    head = bytearray()
    for chunk in counted(scan, chunks, unpacked.cost.per_unit):
        head += chunk[: RAW_HEAD - len(head)]
    return memoryview(head).toreadonly()


def _names(scan: Scan, archive: Archive, part: Part) -> None:
    """Report names that lead out of a directory, and names given twice."""
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
