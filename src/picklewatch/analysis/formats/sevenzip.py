"""7z archives, read with the interpreter's own codecs: Copy, LZMA, LZMA2, Deflate, BZip2, the BCJ and delta filters.

Other methods (PPMd, BCJ2, AES) are reported as not readable. Our own, because py7zr brings 10 distributions and 7 C
extensions into the process that meets hostile bytes, and extracts to files. An archive of 7z is a way around scanners
that know zip only (nullifAI, 2025: models on a hub that were 7z archives of broken pickles). Source: 7zFormat.txt of
the LZMA SDK.
"""

from __future__ import annotations

import lzma
import struct
from functools import partial
from itertools import chain, count
from typing import TYPE_CHECKING, NamedTuple

from picklewatch.analysis.formats.codecs import COSTS, DECODERS, Cost, Stream, lzma1
from picklewatch.analysis.formats.context import CONTENT, Format, Scan
from picklewatch.analysis.formats.hidden_pickles import search
from picklewatch.analysis.formats.member_names import climbs, escapes
from picklewatch.analysis.formats.part import MalformedError, Part
from picklewatch.analysis.formats.pickles import behind
from picklewatch.analysis.formats.sevenzip_headers import (
    ENCODED,
    HEADER,
    SIGNATURE,
    Coder,
    Folder,
    HeaderReader,
    PackedStreams,
    contents,
    next_header,
    streams_info,
)
from picklewatch.analysis.formats.unpacking import unpack
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from picklewatch.analysis.formats.codecs import Decoder

MAGIC = b"7z\xbc\xaf\x27\x1c"

_COPY, _LZMA, _LZMA2 = b"\0", b"\x03\x01\x01", b"\x21"
_DEFLATE, _BZIP2, _AES = b"\x04\x01\x08", b"\x04\x02\x02", b"\x06\xf1\x07\x01"
_DELTA = b"\x03"
_CODECS = {_DEFLATE: "deflate", _BZIP2: "bzip2"}
_CHEAP = Cost(0.1, 128)
"""The cost of undoing a filter."""
_HEADER = 16
"""Bytes of a header that are copied in the time of one unit of work, and parsed in that of two."""
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
    """The archive uses a method that can't be undone here; *rule* is that of the finding."""

    def __init__(self, rule: str, summary: str) -> None:
        super().__init__(summary)
        self.rule = rule


class _Packed(NamedTuple):
    """A folder, the place of its bytes, and the output sizes of its coders."""

    folder: Folder
    sizes: list[int]
    at: int
    taken: list[int]


def _packed(streams: PackedStreams) -> Iterator[_Packed]:
    """Yield each folder with the place of its bytes."""
    at, pack = SIGNATURE + streams.position, 0
    for folder, sizes in zip(streams.folders, streams.sizes, strict=True):
        taken = streams.packed[pack : pack + folder.pack_streams]
        yield _Packed(folder, sizes, at, taken)
        at += sum(taken)
        pack += folder.pack_streams


def _unfold(scan: Scan, part: Part, packed: _Packed, where: str) -> memoryview:
    """Unpack a folder as far as possible."""
    folder = packed.folder
    if folder.pack_streams != 1 or not folder.order:
        raise _NotReadable("archive-not-readable", "The 7z archive joins its coders in a way that can't be read here.")
    if not packed.taken or packed.at + packed.taken[0] > len(part.data):
        raise MalformedError("The packed bytes reach beyond the end of the archive.")
    held = part.data[packed.at : packed.at + packed.taken[0]]
    for index in folder.order:
        scan.budget.charge(CONTENT)
        size = packed.sizes[index]
        held = _undo(scan, folder.coders[index], held, size, where)[:size]
    return held


def _undo(scan: Scan, coder: Coder, data: memoryview, size: int, where: str) -> memoryview:
    if coder.method == _COPY:
        return data
    if coder.method == _AES:
        raise _NotReadable("encrypted-member", "The 7z archive is encrypted: its content can't be judged.")
    cost, chunks = _CHEAP, None
    if coder.method in _BRANCH:
        chunks = _filtered({"id": _BRANCH[coder.method]}, data)
    elif coder.method == _DELTA:
        chunks = _filtered({"id": lzma.FILTER_DELTA, "dist": (coder.properties or b"\0")[0] + 1}, data)
    else:
        cost = COSTS[_CODECS.get(coder.method, "lzma")]
        chunks = _upto(Stream(_decoder(coder, size), data), size)
    scan.budget.charge(int(cost.per_byte * len(data)))
    held = unpack(scan, _as_far(scan, chunks, where), where, per_unit=cost.per_unit)
    return memoryview(b"") if held is None else held


def _as_far(scan: Scan, chunks: Iterator[bytes], where: str) -> Iterator[bytes]:
    """Yield the bytes that can be unpacked, and report if that ends early."""
    try:
        yield from chunks
    except (MalformedError, lzma.LZMAError) as error:
        scan.finding("malformed-7z", Level.UNSCANNABLE, where, f"The packed bytes are broken: {error}")


def _upto(stream: Stream, size: int) -> Iterator[bytes]:
    """Yield up to *size* bytes of *stream*: LZMA's raw streams have no mark at their end."""
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
    make = DECODERS.get(_CODECS.get(coder.method, ""))
    if make is None:
        raise _NotReadable("archive-not-readable", f"The 7z method {coder.method.hex()} can't be read here.")
    return make


def _lzma2(code: int, size: int) -> dict[str, int]:
    dictionary = (2 | code & 1) << (code // 2 + 11) if code < 40 else 0xFFFFFFFF  # noqa: PLR2004
    return {"id": lzma.FILTER_LZMA2, "dict_size": max(4096, min(dictionary, size + 4096))}


def _filtered(spec: dict[str, int], data: memoryview) -> Iterator[bytes]:
    """Undo a filter alone: liblzma wants a compressor last, so the bytes are wrapped in LZMA2 chunks that store."""
    filters = [spec, {"id": lzma.FILTER_LZMA2, "dict_size": _STORED}]
    decoder = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters)
    for begin in range(0, len(data), _STORED):
        piece = bytes(data[begin : begin + _STORED])
        yield decoder.decompress(struct.pack(">BH", 1 if begin == 0 else 2, len(piece) - 1) + piece)
    yield decoder.decompress(b"\0")


_STORED = 1 << 16
"""Bytes of an LZMA2 chunk that stores."""


def _read(scan: Scan, part: Part) -> None:
    scan.code_bearing = True
    end = len(part.data)

    def work() -> None:
        nonlocal end
        header, end = next_header(part.data)
        scan.budget.charge(len(header) // _HEADER)
        if header:
            _members(scan, part, header)

    scan.guarded(part.where, partial(_or_report, scan, part, work), part.chunks)
    if end < len(part.data):
        summary = f"{len(part.data) - end} bytes follow the archive."
        scan.finding("trailing-data", Level.INFO, part.at(end), summary)
        behind(scan, part, end, place="behind the end of an archive")


def _or_report(scan: Scan, part: Part, work: Callable[[], None]) -> None:
    """Do *work*, and report what keeps it from reading on."""
    try:
        work()
    except MalformedError as error:
        scan.finding("malformed-7z", Level.UNSCANNABLE, part.where, str(error))
        search(scan, part, place="in a broken archive")
    except _NotReadable as error:
        scan.finding(error.rule, Level.UNSCANNABLE, part.where, str(error))


def _members(scan: Scan, part: Part, header: bytes) -> None:
    reader = HeaderReader(header, scan.budget.charge)
    kind = reader.byte()
    while kind == ENCODED:
        scan.budget.charge(CONTENT)
        packed = next(_packed(streams_info(reader)), None)
        unfolded = b"" if packed is None else bytes(_unfold(scan, part, packed, part.where))
        if not unfolded:
            raise MalformedError("The 7z archive's packed header is empty.")
        reader = HeaderReader(unfolded, scan.budget.charge)
        kind = reader.byte()
    if kind != HEADER:
        raise MalformedError("The 7z archive's header is not one.")
    streams, names = contents(reader)
    for name, _ in names:
        if escapes(name):
            summary = "The member's name leads out of the directory that it is unpacked to."
            # an absolute name is taken for a relative one by all but old readers (py7zr's CVE-2022-44900)
            level = Level.UNSAFE if climbs(name) else Level.UNVERIFIED
            scan.finding("archive-unsafe-name", level, part.name(name), summary)
    if streams is None:
        return
    filled = (name for name, has_bytes in names if has_bytes)
    unnamed = (f"({number})" for number in count(sum(has_bytes for _, has_bytes in names)))
    each = chain(filled, unnamed)
    for packed, sizes in zip(_packed(streams), streams.files, strict=True):
        files = [(next(each), size) for size in sizes]
        if files:
            work = partial(_folder, scan, part, packed, files)
            taken = packed.taken[0] if packed.taken else 0
            look = Part(part.data[packed.at : packed.at + taken]).chunks
            scan.guarded(part.name(files[0][0]), partial(_or_report, scan, part, work), look)


def _folder(scan: Scan, part: Part, packed: _Packed, files: list[tuple[str, int]]) -> None:
    """Judge the members that a folder holds."""
    held = _unfold(scan, part, packed, part.name(files[0][0]))
    at = 0
    for name, size in files:
        scan.member()
        member = part.inside(name, held[at : at + size])
        scan.guarded(member.where, partial(_member, scan, member, size), member.chunks)
        at += size


def _member(scan: Scan, member: Part, size: int) -> None:
    if len(member.data) < size:
        scan.finding("malformed-7z", Level.UNSCANNABLE, member.where, "The member unpacks to less than it declares.")
    scan.content(member)


def _matches(head: bytes, _data: memoryview) -> bool:
    return head.startswith(MAGIC)


FORMATS = (Format("7z", _matches, _read),)
