"""7z archives, read with the interpreter's own codecs: Copy, LZMA, LZMA2, Deflate, BZip2, the BCJ and delta filters.

Other methods (PPMd, BCJ2, AES) are told as not readable. Source: 7zFormat.txt of the LZMA SDK.
"""

from __future__ import annotations

import lzma
import struct
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from picklewatch.formats.base import Format, Malformed, Part, Scan
from picklewatch.formats.codecs import DECODERS, Stream, lzma1
from picklewatch.formats.hidden import search
from picklewatch.formats.names import escapes
from picklewatch.formats.pickles import behind
from picklewatch.model import Level

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from picklewatch.formats.codecs import Decoder

MAGIC = b"7z\xbc\xaf\x27\x1c"
_SIGNATURE = 32
_HEADER_LIMIT = 64 << 20

_END, _HEADER, _PROPERTIES, _EXTRA_STREAMS, _STREAMS, _FILES = range(6)
_PACK, _UNPACK, _SUBSTREAMS, _SIZE, _CRC, _FOLDER, _CODER_SIZES, _COUNTS, _EMPTY = range(6, 15)
_NAMES, _ENCODED = 0x11, 0x17

_COPY, _LZMA, _LZMA2 = b"\0", b"\x03\x01\x01", b"\x21"
_DEFLATE, _BZIP2, _AES = b"\x04\x01\x08", b"\x04\x02\x02", b"\x06\xf1\x07\x01"
_DELTA = b"\x03"
_BRANCH = {
    b"\x03\x03\x01\x03": lzma.FILTER_X86, b"\x04": lzma.FILTER_X86,
    b"\x03\x03\x02\x05": lzma.FILTER_POWERPC, b"\x05": lzma.FILTER_POWERPC,
    b"\x03\x03\x04\x01": lzma.FILTER_IA64, b"\x06": lzma.FILTER_IA64,
    b"\x03\x03\x05\x01": lzma.FILTER_ARM, b"\x07": lzma.FILTER_ARM,
    b"\x03\x03\x07\x01": lzma.FILTER_ARMTHUMB, b"\x08": lzma.FILTER_ARMTHUMB,
    b"\x03\x03\x08\x05": lzma.FILTER_SPARC, b"\x09": lzma.FILTER_SPARC,
}  # fmt: skip
"""Method → the branch converter that undoes it."""


class _NotReadable(Exception):  # noqa: N818
    """The archive uses a method that nothing here undoes; *rule* says which finding that is."""

    def __init__(self, rule: str, summary: str) -> None:
        super().__init__(summary)
        self.rule = rule


class _Coder(NamedTuple):
    method: bytes
    properties: bytes
    streams: int
    """Input streams; more than one only for BCJ2."""


class _Folder(NamedTuple):
    coders: list[_Coder]
    order: list[int]
    """Coders from the packed bytes to the folder's own; empty where they are no plain chain."""
    pack_streams: int


class _Streams(NamedTuple):
    """Where packed bytes lie and what they unpack to."""

    position: int
    packed: list[int]
    folders: list[_Folder]
    sizes: list[list[int]]
    """Bytes that each coder of each folder gives."""
    files: list[list[int]]
    """Sizes of the files in each folder."""


class _Reader:
    """A position in a header."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def byte(self) -> int:
        return self.take(1)[0]

    def take(self, size: int) -> bytes:
        piece = self.data[self.at : self.at + size]
        if len(piece) < size:
            raise Malformed("A header of the 7z archive breaks off.")
        self.at += size
        return piece

    def number(self) -> int:
        """A number of one to nine bytes: the leading ones of the first say how many follow."""
        first = self.byte()
        extra = 0
        while extra < 8 and first & (0x80 >> extra):  # noqa: PLR2004
            extra += 1
        low = int.from_bytes(self.take(extra), "little")
        return low | ((first & ((0x80 >> extra) - 1)) << (8 * extra) if extra < 7 else 0)  # noqa: PLR2004

    def count(self) -> int:
        """A number of things, each of which takes at least a bit of the header or of the limits."""
        value = self.number()
        if value > 8 * len(self.data) + 8:
            raise Malformed("A header of the 7z archive counts more than it can hold.")
        return value

    def bits(self, count: int) -> list[bool]:
        raw = self.take((count + 7) // 8)
        return [bool(raw[index // 8] & (0x80 >> index % 8)) for index in range(count)]

    def digests(self, count: int) -> None:
        defined = count if self.byte() else -1
        if defined < 0:
            defined = sum(self.bits(count))
        self.take(4 * defined)


def _streams(reader: _Reader) -> _Streams:
    position = 0
    packed: list[int] = []
    folders: list[_Folder] = []
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
            raise Malformed("A header of the 7z archive holds an unknown property.")
    if files is None:
        files = [[total] for total in _totals(folders, sizes)]
    return _Streams(position, packed, folders, sizes, files)


def _totals(folders: list[_Folder], sizes: list[list[int]]) -> list[int]:
    """Bytes that each folder unpacks to."""
    return [each[folder.order[-1] if folder.order else 0] for folder, each in zip(folders, sizes, strict=True)]


def _pack(reader: _Reader) -> tuple[int, list[int]]:
    position, count = reader.number(), reader.count()
    packed: list[int] = []
    while (kind := reader.byte()) != _END:
        if kind == _SIZE:
            packed = [reader.number() for _ in range(count)]
        elif kind == _CRC:
            reader.digests(count)
        else:
            raise Malformed("The packed streams' header holds an unknown property.")
    return position, packed


def _unpack_info(reader: _Reader) -> tuple[list[_Folder], list[list[int]]]:
    if reader.byte() != _FOLDER:
        raise Malformed("The folders' header is not where it belongs.")
    count = reader.count()
    if reader.byte():
        raise Malformed("The folders' header lies outside of the header.")
    folders = [_folder(reader) for _ in range(count)]
    sizes: list[list[int]] = []
    while (kind := reader.byte()) != _END:
        if kind == _CODER_SIZES:
            sizes = [[reader.number() for _ in folder.coders] for folder in folders]
        elif kind == _CRC:
            reader.digests(count)
        else:
            raise Malformed("The folders' header holds an unknown property.")
    if len(sizes) != count:
        raise Malformed("The folders' sizes are missing.")
    return folders, sizes


def _folder(reader: _Reader) -> _Folder:
    coders: list[_Coder] = []
    inputs = outputs = 0
    for _ in range(reader.count()):
        flags = reader.byte()
        method = reader.take(flags & 0x0F)
        ins, outs = (reader.count(), reader.count()) if flags & 0x10 else (1, 1)
        properties = reader.take(reader.count()) if flags & 0x20 else b""
        coders.append(_Coder(method, properties, max(ins, outs)))
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
        raise Malformed("A folder of the 7z archive has no coder.")
    return _Folder(coders, _order(coders, pairs), max(packs, 1))


def _order(coders: list[_Coder], pairs: dict[int, int]) -> list[int]:
    """Follow the bound inputs from the coder whose output nobody takes to the one that reads the packed bytes."""
    if any(coder.streams != 1 for coder in coders):
        return []
    free = set(range(len(coders))) - set(pairs.values())
    order: list[int] = []
    at: int | None = free.pop() if len(free) == 1 else None
    while at is not None and at not in order:
        order.append(at)
        at = pairs.get(at)
    return order[::-1] if len(order) == len(coders) and at is None else []


def _substreams(reader: _Reader, unpacked: list[int]) -> list[list[int]]:
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
            raise Malformed("The files' sizes hold an unknown property.")
    return files


def _sizes(reader: _Reader, total: int, count: int) -> list[int]:
    if not count:
        return []
    sizes = [reader.number() for _ in range(count - 1)]
    return [*sizes, max(total - sum(sizes), 0)]


def _names(reader: _Reader) -> list[tuple[str, bool]]:
    """Names of the files, and whether each has bytes in a folder."""
    count = reader.count()
    names: list[str] = []
    empty = [False] * count
    while (kind := reader.number()) != _END:
        body = _Reader(reader.take(reader.number()))
        if kind == _NAMES and not body.byte():
            names = body.data[1:].decode("utf-16-le", "replace").split("\0")
        elif kind == _EMPTY:
            empty = body.bits(count)
    names += ["?"] * (count - len(names))
    return [(names[index], not empty[index]) for index in range(count)]


def _unfold(scan: Scan, data: memoryview, streams: _Streams) -> Iterator[memoryview]:
    """Unpack folder after folder."""
    at, pack = _SIGNATURE + streams.position, 0
    for folder, sizes in zip(streams.folders, streams.sizes, strict=True):
        taken = streams.packed[pack : pack + folder.pack_streams]
        if folder.pack_streams != 1 or not folder.order:
            raise _NotReadable(
                "archive-not-readable", "The 7z archive joins its coders in a way that can't be read here."
            )
        if not taken or at + taken[0] > len(data):
            raise Malformed("The packed bytes reach beyond the end of the archive.")
        held = data[at : at + taken[0]]
        for index in folder.order:
            held = _undo(scan, folder.coders[index], held, sizes[index])[: sizes[index]]
        yield held
        at += sum(taken)
        pack += folder.pack_streams


def _undo(scan: Scan, coder: _Coder, data: memoryview, size: int) -> memoryview:
    if coder.method == _COPY:
        return data
    if coder.method in _BRANCH:
        return _filtered(scan, {"id": _BRANCH[coder.method]}, data)
    if coder.method == _DELTA:
        return _filtered(scan, {"id": lzma.FILTER_DELTA, "dist": (coder.properties or b"\0")[0] + 1}, data)
    if coder.method == _AES:
        raise _NotReadable("encrypted-member", "The 7z archive is encrypted: its content can't be judged.")
    stream = Stream(_decoder(coder, size), data)
    return scan.unpack(_upto(stream, size))


def _upto(stream: Stream, size: int) -> Iterator[bytes]:
    """What *stream* holds, up to *size* bytes: LZMA's raw streams don't say where they end."""
    for chunk in stream.chunks():
        yield chunk
        size -= len(chunk)
        if size <= 0:
            return


def _decoder(coder: _Coder, size: int) -> Callable[[], Decoder]:
    if coder.method == _LZMA:
        return lzma1(coder.properties, size)
    if coder.method == _LZMA2 and len(coder.properties) == 1:
        return partial(lzma.LZMADecompressor, lzma.FORMAT_RAW, filters=[_lzma2(coder.properties[0], size)])
    codec = {_DEFLATE: "deflate", _BZIP2: "bzip2"}.get(coder.method, "")
    make = DECODERS.get(codec)
    if make is None:
        raise _NotReadable("archive-not-readable", f"The 7z method {coder.method.hex()} can't be read here.")
    return make


def _lzma2(code: int, size: int) -> dict[str, int]:
    dictionary = (2 | code & 1) << (code // 2 + 11) if code < 40 else 0xFFFFFFFF  # noqa: PLR2004
    return {"id": lzma.FILTER_LZMA2, "dict_size": max(4096, min(dictionary, size + 4096))}


def _filtered(scan: Scan, spec: dict[str, int], data: memoryview) -> memoryview:
    """Undo a filter alone: liblzma wants a compressor last, so the bytes are wrapped as LZMA2 chunks that store."""
    wrapped = bytearray()
    for begin in range(0, len(data), 1 << 16):
        piece = data[begin : begin + (1 << 16)]
        wrapped += struct.pack(">BH", 1 if begin == 0 else 2, len(piece) - 1) + piece
    wrapped += b"\0"
    filters = [spec, {"id": lzma.FILTER_LZMA2, "dict_size": 1 << 16}]
    stream = Stream(partial(lzma.LZMADecompressor, lzma.FORMAT_RAW, filters=filters), memoryview(wrapped))
    return scan.unpack(stream.chunks())


def _next_header(data: memoryview) -> tuple[bytes, int]:
    """The header's bytes and where it ends."""
    if len(data) < _SIGNATURE:
        raise Malformed("The 7z archive breaks off in its first header.")
    offset, size = struct.unpack_from("<2Q", data, 12)
    end = _SIGNATURE + offset + size
    if end > len(data) or size > _HEADER_LIMIT:
        raise Malformed("The 7z archive's header reaches beyond its end.")
    return bytes(data[_SIGNATURE + offset : end]), end


def _read(scan: Scan, part: Part) -> None:
    scan.code_bearing = True
    try:
        header, end = _next_header(part.data)
        if end < len(part.data):
            summary = f"{len(part.data) - end} bytes follow the archive."
            scan.finding("trailing-data", Level.INFO, part.at(end), summary)
            behind(scan, part, end, place="behind the end of an archive")
        if header:
            _members(scan, part, header)
    except Malformed as error:
        scan.finding("malformed-7z", Level.UNSCANNABLE, part.where, str(error))
        search(scan, part, place="in a broken archive")
    except _NotReadable as error:
        scan.finding(error.rule, Level.UNSCANNABLE, part.where, str(error))


def _members(scan: Scan, part: Part, header: bytes) -> None:
    reader = _Reader(header)
    kind = reader.byte()
    for _ in range(4):
        if kind != _ENCODED:
            break
        unfolded = next(_unfold(scan, part.data, _streams(reader)), None)
        if unfolded is None or len(unfolded) > _HEADER_LIMIT:
            raise Malformed("The 7z archive's packed header is empty or too long.")
        reader = _Reader(bytes(unfolded))
        kind = reader.byte()
    if kind != _HEADER:
        raise Malformed("The 7z archive's header is not one.")
    streams, names = _index(reader)
    filled = [name for name, has_bytes in names if has_bytes]
    for name, _ in names:
        scan.member()
        if escapes(name):
            summary = "The member's name leads out of the directory that it is unpacked to."
            scan.finding("archive-unsafe-name", Level.UNSAFE, part.name(name), summary)
    if streams is None:
        return
    index = 0
    for held, sizes in zip(_unfold(scan, part.data, streams), streams.files, strict=False):
        at = 0
        for size in sizes:
            name = filled[index] if index < len(filled) else f"({index})"
            member = part.inside(name, held[at : at + size])
            scan.guarded(member.where, partial(_member, scan, member, size))
            at += size
            index += 1


def _member(scan: Scan, member: Part, size: int) -> None:
    if len(member.data) < size:
        scan.finding("malformed-7z", Level.UNSCANNABLE, member.where, "The member unpacks to less than it declares.")
    scan.content(member)


def _index(reader: _Reader) -> tuple[_Streams | None, list[tuple[str, bool]]]:
    streams: _Streams | None = None
    names: list[tuple[str, bool]] = []
    while (kind := reader.byte()) != _END:
        if kind == _STREAMS:
            streams = _streams(reader)
        elif kind == _FILES:
            names = _names(reader)
        elif kind == _PROPERTIES:
            while reader.byte() != _END:
                reader.take(reader.number())
        elif kind == _EXTRA_STREAMS:
            _streams(reader)
        else:
            raise Malformed("The 7z archive's header holds an unknown property.")
    return streams, names


def _matches(head: bytes, _data: memoryview) -> bool:
    return head.startswith(MAGIC)


FORMATS = (Format("7z", _matches, _read),)
