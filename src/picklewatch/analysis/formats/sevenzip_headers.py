"""The headers of 7z archives: the places of packed bytes, their coders, the files' names. Unpacks nothing.

A header of a few bytes can count billions of things, so each counted thing costs work, and none may be counted that the
header has no room for. Source: 7zFormat.txt of the LZMA SDK.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from picklewatch.analysis.formats.part import MalformedError

if TYPE_CHECKING:
    from collections.abc import Callable

SIGNATURE = 32
"""Bytes of the first header, from which offsets count."""
_THING = 8
"""Units of work that each thing that a header counts costs, which bounds their memory, too."""

_END, HEADER, _PROPERTIES, _EXTRA_STREAMS, _STREAMS, _FILES = range(6)
_PACK, _UNPACK, _SUBSTREAMS, _SIZE, _CRC, _FOLDER, _CODER_SIZES, _COUNTS, _EMPTY = range(6, 15)
_NAMES, ENCODED = 0x11, 0x17


class Coder(NamedTuple):
    """One step of unpacking."""

    method: bytes
    properties: bytes
    streams: int
    """Input streams; more than one only for BCJ2."""


class Folder(NamedTuple):
    """Coders that unpack the same bytes, one after another."""

    coders: list[Coder]
    order: list[int]
    """Coders from the packed bytes to the folder's content; empty if they are no plain chain."""
    pack_streams: int


class PackedStreams(NamedTuple):
    """The places of the packed bytes, and the sizes that they unpack to."""

    position: int
    packed: list[int]
    folders: list[Folder]
    sizes: list[list[int]]
    """Bytes that each coder of each folder yields."""
    files: list[list[int]]
    """Sizes of the files in each folder."""


class HeaderReader:
    """A position in a header."""

    def __init__(self, data: bytes, charge: Callable[[int], object]) -> None:
        self.data = data
        self.charge = charge
        self.at = 0

    def byte(self) -> int:
        """Read one byte."""
        return self.take(1)[0]

    def take(self, size: int) -> bytes:
        """Read *size* bytes, or raise `MalformedError`."""
        piece = self.data[self.at : self.at + size]
        if len(piece) < size:
            raise MalformedError("A header of the 7z archive breaks off.")
        self.at += size
        return piece

    def number(self) -> int:
        """Read a number of one to nine bytes: the first one has a leading 1 for each that follows."""
        first = self.byte()
        extra = 0
        while extra < 8 and first & (0x80 >> extra):  # noqa: PLR2004
            extra += 1
        low = int.from_bytes(self.take(extra), "little")
        return low | ((first & ((0x80 >> extra) - 1)) << (8 * extra) if extra < 7 else 0)  # noqa: PLR2004

    def count(self) -> int:
        """Read a number of things, each of which takes at least a bit of the header, and costs work."""
        value = self.number()
        if value > 8 * len(self.data) + 8:
            raise MalformedError("A header of the 7z archive counts more than it can hold.")
        self.charge(_THING * value)
        return value

    def bits(self, count: int) -> list[bool]:
        """Read *count* flags."""
        raw = self.take((count + 7) // 8)
        return [bool(raw[index // 8] & (0x80 >> index % 8)) for index in range(count)]

    def digests(self, count: int) -> None:
        """Skip the checksums of *count* things."""
        defined = count if self.byte() else -1
        if defined < 0:
            defined = sum(self.bits(count))
        self.take(4 * defined)


def streams_info(reader: HeaderReader) -> PackedStreams:
    """Read the part of a header about packed bytes."""
    position = 0
    packed: list[int] = []
    folders: list[Folder] = []
    sizes: list[list[int]] = []
    files: list[list[int]] | None = None
    while (kind := reader.byte()) != _END:
        if kind == _PACK:
            position, packed = _pack(reader)
        elif kind == _UNPACK:
            folders, sizes = _unpack_info(reader)
        elif kind == _SUBSTREAMS:
            files = _substreams(reader, _totals(folders, sizes))
        else:
            raise MalformedError("A header of the 7z archive holds an unknown property.")
    if files is None:
        files = [[total] for total in _totals(folders, sizes)]
    return PackedStreams(position, packed, folders, sizes, files)


def _totals(folders: list[Folder], sizes: list[list[int]]) -> list[int]:
    """Return the bytes that each folder unpacks to."""
    return [each[folder.order[-1] if folder.order else 0] for folder, each in zip(folders, sizes, strict=True)]


def _pack(reader: HeaderReader) -> tuple[int, list[int]]:
    position, count = reader.number(), reader.count()
    packed: list[int] = []
    while (kind := reader.byte()) != _END:
        if kind == _SIZE:
            packed = [reader.number() for _ in range(count)]
        elif kind == _CRC:
            reader.digests(count)
        else:
            raise MalformedError("The packed streams' header holds an unknown property.")
    return position, packed


def _unpack_info(reader: HeaderReader) -> tuple[list[Folder], list[list[int]]]:
    if reader.byte() != _FOLDER:
        raise MalformedError("The folders' header is not where it belongs.")
    count = reader.count()
    if reader.byte():
        raise MalformedError("The folders' header lies outside of the header.")
    folders = [_folder(reader) for _ in range(count)]
    sizes: list[list[int]] = []
    while (kind := reader.byte()) != _END:
        if kind == _CODER_SIZES:
            sizes = [[reader.number() for _ in folder.coders] for folder in folders]
        elif kind == _CRC:
            reader.digests(count)
        else:
            raise MalformedError("The folders' header holds an unknown property.")
    if len(sizes) != count:
        raise MalformedError("The folders' sizes are missing.")
    return folders, sizes


def _folder(reader: HeaderReader) -> Folder:
    coders: list[Coder] = []
    inputs = outputs = 0
    for _ in range(reader.count()):
        flags = reader.byte()
        method = reader.take(flags & 0x0F)
        ins, outs = (reader.count(), reader.count()) if flags & 0x10 else (1, 1)
        properties = reader.take(reader.number()) if flags & 0x20 else b""
        coders.append(Coder(method, properties, max(ins, outs)))
        inputs += ins
        outputs += outs
    pairs = {}
    for _ in range(max(outputs - 1, 0)):
        taker = reader.number()
        pairs[taker] = reader.number()
    packs = inputs - outputs + 1
    for _ in range(packs if packs > 1 else 0):
        reader.number()
    if not coders:
        raise MalformedError("A folder of the 7z archive has no coder.")
    return Folder(coders, _order(coders, pairs), max(packs, 1))


def _order(coders: list[Coder], pairs: dict[int, int]) -> list[int]:
    """Follow the bound inputs from the coder that yields the content to the one that reads the packed bytes."""
    if any(coder.streams != 1 for coder in coders):
        return []
    free = set(range(len(coders))) - set(pairs.values())
    order: dict[int, None] = {}
    at: int | None = free.pop() if len(free) == 1 else None
    while at is not None and at not in order:
        order[at] = None
        at = pairs.get(at)
    return list(order)[::-1] if len(order) == len(coders) and at is None else []


def _substreams(reader: HeaderReader, unpacked: list[int]) -> list[list[int]]:
    counts = [1] * len(unpacked)
    files = [[size] for size in unpacked]
    while (kind := reader.byte()) != _END:
        if kind == _COUNTS:
            counts = [reader.count() for _ in unpacked]
            files = [[total] if number == 1 else [] for total, number in zip(unpacked, counts, strict=True)]
        elif kind == _SIZE:
            files = [_sizes(reader, total, number) for total, number in zip(unpacked, counts, strict=True)]
        elif kind == _CRC:
            reader.digests(sum(counts))
        else:
            raise MalformedError("The files' sizes hold an unknown property.")
    return files


def _sizes(reader: HeaderReader, total: int, count: int) -> list[int]:
    if not count:
        return []
    sizes = [reader.number() for _ in range(count - 1)]
    return [*sizes, max(total - sum(sizes), 0)]


def _names(reader: HeaderReader) -> list[tuple[str, bool]]:
    """Read the names of the files, and whether each has bytes in a folder."""
    count = reader.count()
    names: list[str] = []
    empty = [False] * count
    while (kind := reader.number()) != _END:
        body = HeaderReader(reader.take(reader.number()), reader.charge)
        if kind == _NAMES and not body.byte():
            reader.charge(len(body.data) // 2)
            names = body.data[1:].decode("utf-16-le", "replace").split("\0")
        elif kind == _EMPTY:
            empty = body.bits(count)
    names += ["?"] * (count - len(names))
    return [(names[index], not empty[index]) for index in range(count)]


def contents(reader: HeaderReader) -> tuple[PackedStreams | None, list[tuple[str, bool]]]:
    """Read the archive's own header: the packed bytes, and each file's name and whether it has bytes in a folder."""
    streams: PackedStreams | None = None
    names: list[tuple[str, bool]] = []
    while (kind := reader.byte()) != _END:
        if kind == _STREAMS:
            streams = streams_info(reader)
        elif kind == _FILES:
            names = _names(reader)
        elif kind == _PROPERTIES:
            while reader.byte() != _END:
                reader.take(reader.number())
        elif kind == _EXTRA_STREAMS:
            streams_info(reader)
        else:
            raise MalformedError("The 7z archive's header holds an unknown property.")
    return streams, names


def next_header(data: memoryview) -> tuple[bytes, int]:
    """Return the header's bytes and the offset of its end."""
    if len(data) < SIGNATURE:
        raise MalformedError("The 7z archive breaks off in its first header.")
    offset, size = struct.unpack_from("<2Q", data, 12)
    end = SIGNATURE + offset + size
    if end > len(data):
        raise MalformedError("The 7z archive's header reaches beyond its end.")
    return bytes(data[SIGNATURE + offset : end]), end
