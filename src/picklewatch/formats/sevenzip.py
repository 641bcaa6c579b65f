"""7z archives, read with the interpreter's own codecs: Copy, LZMA, LZMA2, Deflate, BZip2, the BCJ and delta filters.

Other methods (PPMd, BCJ2, AES) are told as not readable. Source: 7zFormat.txt of the LZMA SDK.
"""

from __future__ import annotations

import lzma
import struct
from functools import partial
from typing import TYPE_CHECKING

from picklewatch.formats.base import Format, Malformed, Part, Scan
from picklewatch.formats.codecs import DECODERS, Stream, lzma1
from picklewatch.formats.hidden import search
from picklewatch.formats.names import escapes
from picklewatch.formats.pickles import behind
from picklewatch.formats.sevenhead import (
    ENCODED,
    HEADER,
    HEADER_LIMIT,
    SIGNATURE,
    Coder,
    Reader,
    Streams,
    contents,
    next_header,
    streams_info,
)
from picklewatch.model import Level

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from picklewatch.formats.codecs import Decoder

MAGIC = b"7z\xbc\xaf\x27\x1c"

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


def _unfold(scan: Scan, data: memoryview, streams: Streams) -> Iterator[memoryview]:
    """Unpack folder after folder."""
    at, pack = SIGNATURE + streams.position, 0
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


def _undo(scan: Scan, coder: Coder, data: memoryview, size: int) -> memoryview:
    if coder.method == _COPY:
        return data
    if coder.method in _BRANCH:
        return _filtered(scan, {"id": _BRANCH[coder.method]}, data)
    if coder.method == _DELTA:
        return _filtered(scan, {"id": lzma.FILTER_DELTA, "dist": (coder.properties or b"\0")[0] + 1}, data)
    if coder.method == _AES:
        raise _NotReadable("encrypted-member", "The 7z archive is encrypted: its content can't be judged.")
    stream = Stream(_decoder(coder, size), data)
    return _held(scan, _upto(stream, size))


def _held(scan: Scan, chunks: Iterator[bytes]) -> memoryview:
    return scan.unpack(chunks, "") or memoryview(b"")


def _upto(stream: Stream, size: int) -> Iterator[bytes]:
    """What *stream* holds, up to *size* bytes: LZMA's raw streams don't say where they end."""
    for chunk in stream.chunks():
        yield chunk
        size -= len(chunk)
        if size <= 0:
            return


def _decoder(coder: Coder, size: int) -> Callable[[], Decoder]:
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
    return _held(scan, stream.chunks())


def _read(scan: Scan, part: Part) -> None:
    scan.code_bearing = True
    try:
        header, end = next_header(part.data)
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
    reader = Reader(header)
    kind = reader.byte()
    for _ in range(4):
        if kind != ENCODED:
            break
        unfolded = next(_unfold(scan, part.data, streams_info(reader)), None)
        if unfolded is None or len(unfolded) > HEADER_LIMIT:
            raise Malformed("The 7z archive's packed header is empty or too long.")
        reader = Reader(bytes(unfolded))
        kind = reader.byte()
    if kind != HEADER:
        raise Malformed("The 7z archive's header is not one.")
    streams, names = contents(reader)
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
            scan.guarded(member.where, partial(_member, scan, member, size), member.chunks)
            at += size
            index += 1


def _member(scan: Scan, member: Part, size: int) -> None:
    if len(member.data) < size:
        scan.finding("malformed-7z", Level.UNSCANNABLE, member.where, "The member unpacks to less than it declares.")
    scan.content(member)


def _matches(head: bytes, _data: memoryview) -> bool:
    return head.startswith(MAGIC)


FORMATS = (Format("7z", _matches, _read),)
