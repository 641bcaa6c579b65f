"""A small LZ4 frame decompressor, the only one that reads a scanned file.

Our own, because the lz4 package is a C extension that may be missing: the same bytes must get the same verdict on every
machine. A block's size is bounded by its frame, so a bomb of matches is refused before it is unpacked. Checksums are
not compared: joblib's reader (lz4.frame) refuses a wrong one only after it has passed the bytes on.

Source: the LZ4 frame format 1.6.4 and block format.
"""

from __future__ import annotations

import struct

_MAGIC = 0x184D2204
_SKIPPABLE = 0x184D2A50
_WINDOW = 1 << 16
_BLOCK_SIZES = {4: 1 << 16, 5: 1 << 18, 6: 1 << 20, 7: 1 << 22}


class Lz4Decompressor:
    """One frame, with the interface of `bz2.BZ2Decompressor`."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._ready = bytearray()
        self._window = b""
        self._block_size = 0
        self._block_checksum = self._content_checksum = self._linked = False
        self._trailer = False
        self.needs_input = True
        """True if nothing more comes out without more input."""
        self.eof = False
        self.unused_data = b""

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        """Return at most *max_length* bytes; raise `ValueError` for bytes that are no LZ4 frame."""
        self._held += data
        self.needs_input = False
        while not self.eof and (max_length < 0 or len(self._ready) < max_length):
            if not self._step():
                self.needs_input = not self._ready
                break
        size = len(self._ready) if max_length < 0 else max_length
        out = bytes(self._ready[:size])
        del self._ready[:size]
        return out

    def _step(self) -> bool:
        """Take one header or block from the input; return False if more is needed."""
        if self._trailer:
            return self._end()
        return self._block() if self._block_size else self._header()

    def _header(self) -> bool:
        if len(self._held) < 7:  # noqa: PLR2004
            return False
        (magic,) = struct.unpack_from("<I", self._held)
        if magic & 0xFFFFFFF0 == _SKIPPABLE:
            size = 8 + struct.unpack_from("<I", self._held, 4)[0] if len(self._held) >= 8 else 1 << 40  # noqa: PLR2004
            if len(self._held) < size:
                return False
            del self._held[:size]
            return True
        flags, block = self._held[4], self._held[5]
        if magic != _MAGIC or flags >> 6 != 1 or block >> 4 & 7 not in _BLOCK_SIZES:
            raise ValueError("not an LZ4 frame")
        size = 7 + (8 if flags & 0x08 else 0) + (4 if flags & 0x01 else 0)
        if len(self._held) < size:
            return False
        self._linked = not flags & 0x20
        self._block_checksum, self._content_checksum = bool(flags & 0x10), bool(flags & 0x04)
        self._block_size = _BLOCK_SIZES[block >> 4 & 7]
        del self._held[:size]
        return True

    def _block(self) -> bool:
        if len(self._held) < 4:  # noqa: PLR2004
            return False
        (field,) = struct.unpack_from("<I", self._held)
        if field == 0:
            del self._held[:4]
            self._trailer = True
            return True
        size = field & 0x7FFFFFFF
        if size > self._block_size:
            raise ValueError("a block is larger than the frame allows")
        whole = 4 + size + (4 if self._block_checksum else 0)
        if len(self._held) < whole:
            return False
        packed = bytes(self._held[4 : 4 + size])
        del self._held[:whole]
        window = self._window if self._linked else b""
        out = packed if field >> 31 else unpack_block(packed, window, self._block_size)
        self._window = (window + out)[-_WINDOW:]
        self._ready += out
        return True

    def _end(self) -> bool:
        size = 4 if self._content_checksum else 0
        if len(self._held) < size:
            return False
        self.unused_data = bytes(self._held[size:])
        self._held.clear()
        self.eof = True
        return True


def unpack_block(packed: bytes, window: bytes, limit: int) -> bytes:
    """Return the content of one block; *window* are the bytes before it."""
    out = bytearray(window)
    begin = len(window)
    at = 0
    while at < len(packed):
        token = packed[at]
        literals, at = _length(packed, at + 1, token >> 4)
        out += packed[at : at + literals]
        at += literals
        if at >= len(packed):
            break
        distance = int.from_bytes(packed[at : at + 2], "little")
        length, at = _length(packed, at + 2, token & 15)
        length += 4
        if not 0 < distance <= len(out) or len(out) - begin + length > limit:
            raise ValueError("a match reaches outside of the block")
        start = len(out) - distance
        piece = bytes(out[start : start + length])
        out += piece if distance >= length else (piece * (length // distance + 1))[:length]
    if at > len(packed) or len(out) - begin > limit:
        raise ValueError("a block breaks off or holds too much")
    return bytes(out[begin:])


def _length(packed: bytes, at: int, value: int) -> tuple[int, int]:
    """Return a length and the offset behind it.

    Fifteen is followed by bytes to add, up to one that is not 255.
    """
    if value == 15:  # noqa: PLR2004
        while at < len(packed):
            value += packed[at]
            at += 1
            if packed[at - 1] != 0xFF:  # noqa: PLR2004
                break
    return value, at
