"""Reads the headers of tar archives as CPython's `tarfile` reads them (Lib/tarfile.py), in linear time.

`tarfile` searches extended headers with patterns that take time without end (CVE-2024-6232) and cannot be interrupted
in them, recurses for each header that describes the next one, and gives up all members for one bad header. Here every
step is charged, and members before a bad header stay. Single blocks are parsed by `tarfile` itself.
"""

from __future__ import annotations

import re
import tarfile
from typing import TYPE_CHECKING, NamedTuple, Protocol

from picklewatch.analysis.formats.part import CHUNK, MalformedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BLOCK = 512
_HEADER = 80
"""Units of work per header block."""
_READ = 64
"""Bytes of an extended header that are read in the time of one unit of work."""
_LONG = {tarfile.GNUTYPE_LONGNAME: "name", tarfile.GNUTYPE_LONGLINK: "link"}
_PAX = {tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE}
_RECORD = re.compile(rb"(\d{1,4300}) ([^=]+)=")
"""A record of an extended header; `int` takes no more digits."""
_KNOWN = {"path", "linkpath", "size"}
_OFFSETS = re.compile(rb"\d GNU.sparse.offset=(\d+)\n")
_SIZES = re.compile(rb"\d GNU.sparse.numbytes=(\d+)\n")

Blocks = list[tuple[int, int]]
"""Offsets and sizes of the parts of a sparse file that are stored."""


class ArchiveBytes(Protocol):
    """The bytes of an archive."""

    def piece(self, offset: int, size: int) -> bytes:
        """Return up to *size* bytes at *offset*."""


class TarMember(NamedTuple):
    """One member."""

    name: str
    kind: bytes
    """The type flag; `tarfile.REGTYPE` and the like."""
    link: str
    """The target of a link."""
    size: int
    start: int
    """Offset of the member's bytes."""
    sparse: Blocks | None = None

    @property
    def regular(self) -> bool:
        """True if it is extracted as a file; `tarfile` takes types that it does not know for files."""
        return self.kind in tarfile.REGULAR_TYPES or self.kind not in tarfile.SUPPORTED_TYPES


class _Before(NamedTuple):
    """An extended header, which describes the next one."""

    kind: bytes
    raw: bytes
    pax: dict[str, str]


class Headers:
    """The headers of one archive, read once."""

    def __init__(self, source: ArchiveBytes, charge: Callable[[int], object]) -> None:
        self._source = source
        self._charge = charge
        self._global: dict[str, str] = {}
        self.offset = 0
        """The offset at which the next header is expected."""

    def entries(self) -> Iterator[TarMember]:
        """Yield each member; raise `MalformedError` where `tarfile` would give up."""
        while True:
            if self.offset and not self._source.piece(self.offset - 1, 1):
                raise MalformedError("The tar archive breaks off: unexpected end of data.")
            begun = self.offset
            try:
                info, at = self._block(begun)
            except tarfile.HeaderError:
                return
            yield self._member(info, at)
            if self.offset <= begun:
                raise MalformedError("A header of the tar archive declares less than nothing.")

    def _block(self, offset: int) -> tuple[tarfile.TarInfo, int]:
        """Parse one header block, and return it and the offset behind it."""
        self._charge(_HEADER)
        return tarfile.TarInfo.frombuf(self._source.piece(offset, BLOCK), "utf-8", "surrogateescape"), offset + BLOCK

    def _member(self, info: tarfile.TarInfo, at: int) -> TarMember:
        before: list[_Before] = []
        while info.type in _PAX or info.type in _LONG:
            size = _rounded(info.size)
            if size < 0:
                raise MalformedError("A header of the tar archive declares less than nothing.")
            raw = self._source.piece(at, size)
            self._charge(len(raw) // _READ)
            before.append(_Before(info.type, raw, self._pax(info.type, raw) if info.type in _PAX else {}))
            try:
                info, at = self._block(at + len(raw))
            except tarfile.HeaderError as error:
                raise MalformedError(f"The tar archive is broken: {error}.") from None
        entry = self._sparse(info, at) if info.type == tarfile.GNUTYPE_SPARSE else self._plain(info, at)
        for header in reversed(before):
            entry = self._patched(entry, header)
        return entry

    def _plain(self, info: tarfile.TarInfo, at: int) -> TarMember:
        entry = TarMember(info.name, info.type, info.linkname, info.size, at)
        self.offset = at + _rounded(info.size) if entry.regular else at
        return _applied(entry, self._global)

    def _sparse(self, info: tarfile.TarInfo, at: int) -> TarMember:
        """Read GNU's old sparse header and its continuation blocks."""
        block = self._source.piece(at - BLOCK, BLOCK)
        blocks = _numbers(block, 386, 4)
        size = _number(block[483:495])
        extended = bool(block[482])
        while extended:
            self._charge(_HEADER)
            block = self._source.piece(at, BLOCK)
            if len(block) < BLOCK:
                raise MalformedError("The tar archive breaks off in a sparse header.")
            at += BLOCK
            blocks += [each for each in _numbers(block, 0, 21) if all(each)]
            extended = bool(block[504])
        self.offset = at + _rounded(info.size)
        return TarMember(info.name, info.type, info.linkname, size, at, blocks)

    def _pax(self, kind: bytes, raw: bytes) -> dict[str, str]:
        """Read an extended header, or a global one; return its relevant keywords with the global ones."""
        held = self._global if kind == tarfile.XGLTYPE else dict(self._global)
        at = 0
        while match := _RECORD.match(raw, at):
            self._charge(1 + (match.end() - at) // 4)
            length = int(match[1])
            if not length:
                raise MalformedError("The tar archive is broken: invalid header.")
            keyword = match[2].decode("utf-8", "surrogateescape")
            if keyword in _KNOWN or keyword.startswith("GNU.sparse."):
                value = raw[match.end() : max(at + length - 1, 0)]
                self._charge(len(value) // _READ)
                held[keyword] = value.decode("utf-8", "surrogateescape")
            at += length
        return held

    def _patched(self, entry: TarMember, header: _Before) -> TarMember:
        """Return *entry* as changed by an extended header."""
        if header.kind in _LONG:
            text = header.raw.partition(b"\0")[0].decode("utf-8", "surrogateescape")
            return entry._replace(**{_LONG[header.kind]: text})  # type: ignore[arg-type]
        pax = header.pax
        try:
            if "GNU.sparse.map" in pax:
                numbers = self._split(pax["GNU.sparse.map"])
                entry = entry._replace(sparse=list(zip(numbers[::2], numbers[1::2], strict=False)))
            elif "GNU.sparse.size" in pax:
                offsets, sizes = ([int(m[1]) for m in pattern.finditer(header.raw)] for pattern in (_OFFSETS, _SIZES))
                entry = entry._replace(sparse=list(zip(offsets, sizes, strict=False)))
            elif pax.get("GNU.sparse.major") == "1" and pax.get("GNU.sparse.minor") == "0":
                entry = self._sparse_map(entry)
            if header.kind != tarfile.XGLTYPE:
                entry = _applied(entry, pax)
        except ValueError:
            raise MalformedError("The tar archive is broken: a header holds no number where one belongs.") from None
        if header.kind != tarfile.XGLTYPE and "size" in pax:
            self.offset = entry.start + (_rounded(entry.size) if entry.regular else 0)
        return entry

    def _split(self, text: str) -> list[int]:
        self._charge(1 + len(text) // 4)
        return [int(number) for number in text.split(",")]

    def _sparse_map(self, entry: TarMember) -> TarMember:
        """Read the map of a sparse file that GNU's format 1.0 keeps before the data."""
        at = entry.start
        lines: list[bytes] = [b""]
        wanted = 1
        while len(lines) <= wanted:
            block = self._source.piece(at, BLOCK)
            if not block:
                raise MalformedError("The tar archive breaks off in a sparse header.")
            self._charge(_HEADER + len(lines[-1]) // _READ)
            at += len(block)
            more = block.split(b"\n")
            lines[-1] += more[0]
            lines += more[1:]
            if len(lines) > 1:
                wanted = 1 + 2 * max(int(lines[0]), 0)
        numbers = [int(line) for line in lines[1:wanted]]
        return entry._replace(start=at, sparse=list(zip(numbers[::2], numbers[1::2], strict=True)))


def _applied(entry: TarMember, pax: dict[str, str]) -> TarMember:
    for keyword, value in pax.items():
        if keyword in ("path", "GNU.sparse.name"):
            entry = entry._replace(name=value.rstrip("/") if keyword == "path" else value)
        elif keyword == "linkpath":
            entry = entry._replace(link=value)
        elif keyword in ("GNU.sparse.size", "GNU.sparse.realsize"):
            entry = entry._replace(size=int(value))
        elif keyword == "size":
            try:
                entry = entry._replace(size=int(value))
            except ValueError:
                entry = entry._replace(size=0)
    return entry


def _rounded(size: int) -> int:
    return -(-size // BLOCK) * BLOCK


def _number(field: bytes) -> int:
    """Return a number field, or raise `MalformedError`."""
    try:
        return int(tarfile.nti(field))  # type: ignore[attr-defined]
    except tarfile.HeaderError:
        raise MalformedError("The tar archive is broken: a header holds no number where one belongs.") from None


def _numbers(block: bytes, at: int, count: int) -> Blocks:
    """Return up to *count* pairs of numbers, as many as there are."""
    found: Blocks = []
    for begin in range(at, at + 24 * count, 24):
        try:
            found.append((_number(block[begin : begin + 12]), _number(block[begin + 12 : begin + 24])))
        except MalformedError:
            break
    return found


def content(source: ArchiveBytes, entry: TarMember, charge: Callable[[int], object]) -> Iterator[bytes]:
    """Yield the member's bytes, with zeros for the holes of a sparse file, as far as there are any."""
    stored = [(True, 0, entry.size, entry.start)] if entry.sparse is None else _map(entry)
    at = index = 0
    while at < entry.size:
        for _ in stored:
            filled, begin, end, offset = stored[index]
            if begin <= at < end:
                break
            index = (index + 1) % len(stored)
            charge(1)
        else:
            return
        size = min(end - at, entry.size - at, CHUNK)
        piece = source.piece(offset + at - begin, size) if filled else bytes(size)
        charge(1)
        if not piece:
            return
        yield piece
        at += len(piece)


def _map(entry: TarMember) -> list[tuple[bool, int, int, int]]:
    """Return the parts of a sparse file: stored or a hole, begin and end in the file, offset in the archive."""
    parts: list[tuple[bool, int, int, int]] = []
    last, stored = 0, entry.start
    for offset, size in entry.sparse or ():
        if offset > last:
            parts.append((False, last, offset, 0))
        parts.append((True, offset, offset + size, stored))
        stored += size
        last = offset + size
    if last < entry.size:
        parts.append((False, last, entry.size, 0))
    return parts
