"""Compressed streams: gzip, bzip2, xz, lzma, zlib, zstd, lz4, joblib's old Z-files, and the bytes behind them.

Mirrors Lib/gzip.py and Lib/_compression.py, whose readers join stream after stream to one content; joblib
(compressor.py, numpy_pickle_utils.py) and pandas open files through them. A pickle may be split between two streams,
stand behind an empty one, or follow zeros that gzip and xz skip, so all streams of a file are read as these readers do.
"""

from __future__ import annotations

from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

from picklewatch.analysis.formats import numpy_files, tars
from picklewatch.analysis.formats.codecs import COSTS, DECODERS, ERRORS, Stream, opens
from picklewatch.analysis.formats.context import HEAD, Format, Scan
from picklewatch.analysis.formats.hidden_pickles import search
from picklewatch.analysis.formats.part import CHUNK, MalformedError, Part
from picklewatch.analysis.formats.pickles import behind
from picklewatch.analysis.formats.text import is_text
from picklewatch.analysis.formats.unpacking import counted, unpack
from picklewatch.analysis.sparse import skip_zeros
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MAGIC = {
    "gzip": (b"\x1f\x8b\x08",),
    "bzip2": tuple(b"BZh%d" % level for level in range(1, 10)),
    "xz": (b"\xfd7zXZ\x00",),
    "zstd": (b"\x28\xb5\x2f\xfd", *(bytes([0x50 + n]) + b"\x2a\x4d\x18" for n in range(16))),
    "lz4": (b"\x04\x22\x4d\x18", b"\x02\x21\x4c\x18", *(bytes([0x50 + n]) + b"\x2a\x4d\x18" for n in range(16))),
}
"""Codec → how each of its streams (and skippable frames) may begin."""

_ZFILE = b"ZF"
"""Old joblib: prefix and unpacked length, padded to 21 bytes, then zlib (joblib/numpy_pickle_compat.py)."""
_ZFILE_HEADER = 21
_PROSE = 1 << 14
"""More bytes than prose that begins like a stream unpacks to."""
_STREAM = 200
"""Units of work per stream."""
_EMPTIES = 16
"""Empty streams of lzma-alone in a row that are skipped to find one with content; more of them are no accident, and the
reader goes on."""
_DICTIONARIES = {size << bit for bit in range(11, 31) for size in (2, 3)}
"""Sizes of the dictionary that the reader of lzma-alone accepts: powers of two, and half as much again."""
_ANY_SIZE = 0xFFFFFFFF
"""A dictionary without a size, which the reader accepts as well; in other data it is a negative number."""
_LZMA_PROPERTIES = 225
_LARGEST, _UNKNOWN_SIZE = 1 << 38, (1 << 64) - 1
_EMPTY = 18
"""Bytes of an empty stream of lzma-alone."""

_HINTS = {
    "zstd": "install picklewatch with its dependencies (backports.zstd before Python 3.14)",
}


class _Streams:
    """All streams of one codec, one after the other, as one content."""

    def __init__(self, codec: str, data: memoryview, start: int, charge: Callable[[int], object]) -> None:
        self._charge = charge
        self._codec = codec
        self._data = data
        self.position = start
        """After `chunks`: the offset just behind the last stream that was read to its end."""
        self.broken = ""
        """The reason why the last stream was not read to its end, or empty."""

    def chunks(self) -> Iterator[bytes]:
        """Yield the content of all streams; one that breaks off ends it and sets `broken`."""
        while True:
            self._charge(_STREAM)
            make = DECODERS[self._codec]
            assert make is not None
            stream = Stream(make, self._data, self.position)
            try:
                yield from stream.chunks()
            except MalformedError as error:
                self.broken = str(error)
                return
            self.position = stream.position
            if self._codec in ("gzip", "xz"):  # which allow zeros behind a stream
                self.position = skip_zeros(self._data, self.position)
            rest = self._data[self.position :]
            if self._codec in ("xz", "lzma"):
                following = _in_turn(rest)
                if following is None:
                    return
                self._codec = following
            elif not bytes(rest[:8]).startswith(_MAGIC.get(self._codec, ())):
                return


def _reader(codec: str, start: int = 0) -> Callable[[Scan, Part], None]:
    def read(scan: Scan, part: Part) -> None:
        if DECODERS[codec] is None:
            scan.code_bearing = True
            summary = f"Content compressed with {codec} can't be read here: {_HINTS[codec]}."
            scan.finding("compression-not-readable", Level.UNSCANNABLE, part.where, summary)
            return
        inside = part.name(f"({codec})")
        packed = part.data[start:]
        cost = COSTS[codec]
        scan.budget.charge(int(cost.per_byte * len(packed)))
        streams = _Streams(codec, part.data, start, scan.budget.charge)
        head, chunks = _head(streams.chunks())
        if numpy_files.is_numbers(head):
            begin = part.inside(f"({codec})", head)
            scan.guarded(inside, lambda: numpy_files.read_on(scan, begin, counted(scan, chunks, cost.per_unit)))
        else:
            archive = partial(_tar, scan, part, codec, start, head) if tars.matches(head, memoryview(head)) else None
            held = unpack(scan, chunks, inside, archive, per_unit=cost.per_unit)
            if held is None:
                return
            inner = part.inside(f"({codec})", held)
            scan.guarded(inside, lambda: scan.content(inner), inner.chunks)
        if streams.broken:
            scan.code_bearing = True
            scan.finding("malformed-stream", Level.UNSCANNABLE, part.where, streams.broken)
        if streams.broken:
            search(scan, part, place="in a broken compressed stream")
        elif streams.position < len(part.data):
            _trailing(scan, part, streams.position)

    return read


def _tar(scan: Scan, part: Part, codec: str, start: int, head: bytes) -> None:
    """Judge an archive that is too large to be held."""
    streams = _Streams(codec, part.data, start, scan.budget.charge)
    tars.read_on(scan, part.inside(f"({codec})", head), streams.chunks(), COSTS[codec].per_unit)


def _head(chunks: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """Return the first bytes of *chunks*, and all of them."""
    taken: list[bytes] = []
    size = 0
    for chunk in chunks:
        taken.append(chunk)
        size += len(chunk)
        if size >= HEAD:
            break
    return b"".join(taken)[:HEAD], chain(taken, chunks)


def _trailing(scan: Scan, part: Part, start: int) -> None:
    size = len(part.data) - start
    scan.finding("trailing-data", Level.INFO, part.at(start), f"{size} bytes follow the end of the compressed stream.")
    behind(scan, part, start, place="behind the end of a compressed stream")


def _magic(codec: str) -> Callable[[bytes, memoryview], bool]:
    prefixes = _MAGIC[codec]
    return lambda head, _data: head.startswith(prefixes)


def _is_zlib(head: bytes, data: memoryview) -> bool:
    """Return True if *data* has a zlib header (RFC 1950: deflate, check bits, no dictionary) and decompresses."""
    if len(head) < 2 or head[0] & 0x0F != 8 or head[0] > 0x78 or (head[0] << 8 | head[1]) % 31 or head[1] & 0x20:  # noqa: PLR2004
        return False
    return opens("zlib", data) and (not is_text(data) or _finishes(data))


def _finishes(data: memoryview) -> bool:
    """Return True if the stream goes on, or reaches its end: prose may begin like one, and one may be all letters."""
    make = DECODERS["zlib"]
    assert make is not None
    decoder = make()
    try:
        out = decoder.decompress(bytes(data[:CHUNK]), _PROSE)
    except ERRORS:
        return False
    return decoder.eof or len(out) >= _PROSE or len(data) > CHUNK


def _is_lzma(head: bytes, data: memoryview, left: int = _EMPTIES) -> bool:
    """Return True if ``lzma.open`` takes *data* for lzma-alone (liblzma's ``alone_decoder.c``) and can read it."""
    if len(head) <= 13 or head[0] >= _LZMA_PROPERTIES or head[13] != 0:  # noqa: PLR2004
        return False
    dictionary, size = int.from_bytes(head[1:5], "little"), int.from_bytes(head[5:13], "little")
    usual = head[0] == 0x5D and head[1] == 0  # noqa: PLR2004
    if not usual and (dictionary not in (*_DICTIONARIES, _ANY_SIZE) or _LARGEST < size < _UNKNOWN_SIZE):
        return False
    if dictionary == _ANY_SIZE and size:
        return _unpacks(head, data)
    if not usual and not size:  # an empty stream, as zeros in any data are: the reader goes on behind it
        return left == 0 or _in_turn(data[_EMPTY:], left - 1) is not None
    return opens("lzma", data)


def _unpacks(head: bytes, data: memoryview) -> bool:
    """Return True if a stream of lzma-alone decompresses with a small dictionary in place of its own.

    Its own may be larger than a scan's memory.
    """
    packed = head[:1] + CHUNK.to_bytes(4, "little") + bytes(data[5:CHUNK])
    make = DECODERS["lzma"]
    assert make is not None
    try:
        return bool(make().decompress(packed, _PROSE))
    except ERRORS:
        return False


def _in_turn(data: memoryview, left: int = _EMPTIES) -> str | None:
    """Return the codec with which ``lzma.open`` would go on in *data*: it may change from stream to stream."""
    head = bytes(data[:HEAD])
    if head.startswith(_MAGIC["xz"]):
        return "xz"
    return "lzma" if _is_lzma(head, data, left) else None


def _is_zfile(head: bytes, data: memoryview) -> bool:
    """Return True if joblib would accept the length: it parses with ``int(…, 16)``; its writer emits ``0x…``."""
    if not head.startswith(_ZFILE):
        return False
    try:
        int(head[len(_ZFILE) : _ZFILE_HEADER].decode("ascii"), 16)
    except ValueError:
        return False
    return head.startswith(b"ZF0x") or opens("zlib", data[_zlib_start(data) :])


def _zlib_start(data: memoryview) -> int:
    return _ZFILE_HEADER + (bytes(data[_ZFILE_HEADER : _ZFILE_HEADER + 1]) == b" ")


def _read_zfile(scan: Scan, part: Part) -> None:
    _reader("zlib", _zlib_start(part.data))(scan, part)


def codec_of(head: bytes, data: memoryview) -> tuple[str, int] | None:
    """Return the codec of the streams that *data* is, and where they begin; None if it is none."""
    for form in FORMATS:
        if form.matches(head, data):
            return ("zlib", _zlib_start(data)) if form.name == "joblib-zfile" else (form.name, 0)
    return None


def content_of(codec: str, data: memoryview, start: int, charge: Callable[[int], object]) -> Iterator[bytes]:
    """Yield the content of all streams of *data*; raises `MalformedError` where one breaks off."""
    if DECODERS[codec] is None:
        raise MalformedError(f"Content compressed with {codec} can't be read here: {_HINTS[codec]}.")
    charge(int(COSTS[codec].per_byte * len(data)))
    streams = _Streams(codec, data, start, charge)
    yield from streams.chunks()
    if streams.broken:
        raise MalformedError(streams.broken)


FORMATS = (
    Format("gzip", _magic("gzip"), _reader("gzip")),
    Format("bzip2", _magic("bzip2"), _reader("bzip2")),
    Format("xz", _magic("xz"), _reader("xz")),
    Format("zstd", _magic("zstd"), _reader("zstd")),
    Format("lz4", _magic("lz4"), _reader("lz4")),
    Format("joblib-zfile", _is_zfile, _read_zfile),
    Format("zlib", _is_zlib, _reader("zlib")),
    Format("lzma", _is_lzma, _reader("lzma")),
)
