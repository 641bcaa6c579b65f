"""Decompressors with one interface: `Stream.chunks` yields the content in pieces of bounded size.

The interpreter's own codecs do the work. zstd comes from the interpreter (3.14) or from ``backports.zstd``, the same
code; where neither is there the stream is reported as not readable. lz4 is read by
`picklewatch.analysis.formats.lz4_frames` alone, so that every machine reads the same bytes the same way (python-lz4's
bindings would be one more C extension in the process that meets hostile bytes, and an optional one). Bytes behind a
stream's end are the caller's to judge.
"""

from __future__ import annotations

import bz2
import importlib
import lzma
import zlib
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from picklewatch.analysis.formats.lz4_frames import Lz4Decompressor
from picklewatch.analysis.formats.part import CHUNK, MalformedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Decoder(Protocol):
    """The interface of bz2's and lzma's decompressors."""

    @property
    def eof(self) -> bool:
        """True once the end of the stream was reached."""

    @property
    def needs_input(self) -> bool:
        """True if nothing more comes out without more input."""

    @property
    def unused_data(self) -> bytes:
        """The bytes behind the end of the stream."""

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        """Return at most *max_length* bytes."""


class _Zlib:
    """zlib's decompressor with the interface of bz2's."""

    def __init__(self, wbits: int) -> None:
        self._inner = zlib.decompressobj(wbits)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        out = self._inner.decompress(self._inner.unconsumed_tail + data, max(max_length, 0))
        # output may be left behind the last byte of input: a repetition, as in zeros
        self.needs_input = not self._inner.unconsumed_tail and len(out) != max_length
        return out


def _gzip() -> Decoder:
    return _Zlib(31)


def _zlib() -> Decoder:
    return _Zlib(15)


def _deflate() -> Decoder:
    return _Zlib(-15)


def _xz() -> Decoder:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ)


def _lzma_alone() -> Decoder:
    return lzma.LZMADecompressor(lzma.FORMAT_ALONE)


def lzma1(properties: bytes, size: int) -> Callable[[], Decoder]:
    """Return a maker of decompressors for a raw LZMA stream with five *properties* that unpacks to *size* bytes."""
    if len(properties) != 5 or properties[0] >= 225:  # noqa: PLR2004
        raise MalformedError("The properties of an LZMA stream are not valid.")
    rest, lc = divmod(properties[0], 9)
    pb, lp = divmod(rest, 5)
    dictionary = max(4096, min(int.from_bytes(properties[1:], "little"), size + 4096))
    spec = {"id": lzma.FILTER_LZMA1, "dict_size": dictionary, "lc": lc, "lp": lp, "pb": pb}
    return partial(lzma.LZMADecompressor, lzma.FORMAT_RAW, filters=[spec])


def _zstd() -> tuple[Callable[[], Decoder] | None, tuple[type[Exception], ...]]:
    """Return the class that decompresses zstd, None if there is none here, and what it raises for broken bytes."""
    for name in ("compression.zstd", "backports.zstd"):
        try:
            module: Any = importlib.import_module(name)
        except ImportError:
            continue
        return module.ZstdDecompressor, (module.ZstdError,)
    return None, ()


_ZSTD, _ZSTD_ERRORS = _zstd()

DECODERS: dict[str, Callable[[], Decoder] | None] = {
    "gzip": _gzip,
    "zlib": _zlib,
    "deflate": _deflate,
    "bzip2": bz2.BZ2Decompressor,
    "xz": _xz,
    "lzma": _lzma_alone,
    "zstd": _ZSTD,
    "lz4": Lz4Decompressor,
}
"""Codec → how to make a decompressor for one stream, or None where nothing here can read it."""


class Cost(NamedTuple):
    """The cost of a decompressor, measured on zeros, on repetitions and on bytes that barely compress."""

    per_byte: float
    """Units of work per packed byte."""
    per_unit: int
    """Bytes that it yields in the time of one unit of work."""


COSTS = {
    "gzip": Cost(0.1, 200), "zlib": Cost(0.1, 200), "deflate": Cost(0.1, 200), "bzip2": Cost(5, 48),
    "xz": Cost(0.5, 128), "lzma": Cost(0.5, 128), "zstd": Cost(0.1, 256), "lz4": Cost(2, 256),
}  # fmt: skip
"""Codec → its cost."""

ERRORS: tuple[type[Exception], ...] = (
    zlib.error,
    lzma.LZMAError,
    OSError,
    EOFError,
    ValueError,
    RuntimeError,
    *_ZSTD_ERRORS,
)
"""The exceptions of decompressors for bytes that break their format."""


class Stream:
    """One compressed stream inside *data*, read once."""

    def __init__(self, make: Callable[[], Decoder], data: memoryview, start: int = 0, stop: int | None = None) -> None:
        try:
            self._decoder = make()
        except ERRORS as error:
            raise MalformedError(f"The stream's parameters are broken: {error}.") from None
        self._data = data
        self._stop = len(data) if stop is None else min(stop, len(data))
        self.position = start
        """After `chunks` is exhausted: the offset just behind the stream."""
        self.finished = False
        """True once the stream's own end was reached."""

    def chunks(self) -> Iterator[bytes]:
        """Yield the content; raise `MalformedError` where the stream breaks off or breaks its format."""
        decoder = self._decoder
        while not decoder.eof:
            piece = b""
            if decoder.needs_input:
                piece = bytes(self._data[self.position : min(self.position + CHUNK // 16, self._stop)])
                self.position += len(piece)
                if not piece:
                    raise MalformedError("The compressed stream breaks off.")
            try:
                out = decoder.decompress(piece, CHUNK)
            except ERRORS as error:
                raise MalformedError(f"The compressed stream is broken: {error}.") from None
            if out:
                yield out
        self.position -= len(decoder.unused_data)
        self.finished = True


def opens(codec: str, data: memoryview, limit: int = 1 << 16) -> bool:
    """Return True if the first bytes really decompress: magic numbers of a byte or two occur in any data."""
    make = DECODERS[codec]
    if make is None:
        return True
    decoder = make()
    try:
        out = decoder.decompress(bytes(data[:limit]), 1)
    except ERRORS:
        return False
    except MemoryError:  # its dictionary is larger than a scan may be, which the reader will report
        return True
    return bool(out) or decoder.eof or len(data) > limit
