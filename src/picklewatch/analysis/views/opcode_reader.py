"""Reading one pickle's opcodes as CPython's C unpickler reads them (``Modules/_pickle.c``): frames bind nothing.

Total: whatever the bytes are, it yields opcodes and ends, or raises `BrokenError` with the place and the reason.
"""

from __future__ import annotations

import pickletools
import struct
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import mmap
    from collections.abc import Callable, Iterator, Mapping

    Buffer = bytes | memoryview | mmap.mmap

NAMES: Final[dict[int, str]] = {ord(opcode.code): opcode.name for opcode in pickletools.opcodes}
"""Byte → opcode, protocols 0 to 5."""
_LINE_CHUNK: Final = 4096
GAP: Final = "(array)"
NO_GAPS: Final[Mapping[int, int]] = MappingProxyType({})
SHOWN: Final = 4096
"""Bytes of one argument that are looked at; the rest is skipped."""


class BrokenError(Exception):
    """The bytes at *offset* are not what an unpickler could go on with."""

    def __init__(self, offset: int, why: str) -> None:
        super().__init__(why)
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Op:
    """One opcode with its argument."""

    offset: int
    name: str
    argument: Any
    """None, an int, a float, a str, bytes (at most `SHOWN` of them), or for GLOBAL and INST a pair of texts."""
    length: int
    """Bytes (or characters) that the argument really has, where it is a text or bytes; else 0."""
    end: int
    """The offset behind it."""


def read(data: Buffer, start: int, gaps: Mapping[int, int] = NO_GAPS) -> Iterator[Op]:
    """Read the opcodes from *start* up to and including STOP.

    *gaps* maps the begin of bytes that the loader reads itself (joblib's arrays) to their end: an `Op` named `GAP`
    stands for them.
    """
    position, size = start, len(data)
    while position < size:
        if position in gaps:
            yield Op(position, GAP, None, gaps[position] - position, gaps[position])
            position = gaps[position]
            continue
        name = NAMES.get(data[position])
        if name is None:
            raise BrokenError(position, f"0x{data[position]:02x} is not an opcode")
        try:
            argument, length, end = _READERS.get(name, _nothing)(data, position + 1)
        except _CutError as error:
            raise BrokenError(position, f"{name}: {error}") from None
        yield Op(position, name, argument, length, end)
        if name == "STOP":
            return
        position = end
    raise BrokenError(size, "the data end without STOP")


class _CutError(Exception):
    """The argument does not fit the data."""


def _nothing(_data: Buffer, position: int) -> tuple[None, int, int]:
    return None, 0, position


def _number(layout: str) -> Callable[[Buffer, int], tuple[Any, int, int]]:
    size = struct.calcsize(layout)

    def reader(data: Buffer, position: int) -> tuple[Any, int, int]:
        return struct.unpack(layout, _bytes(data, position, size))[0], 0, position + size

    return reader


def _bytes(data: Buffer, position: int, size: int) -> bytes:
    if position + size > len(data):
        raise _CutError(f"the data end {position + size - len(data)} bytes too early")
    return bytes(data[position : position + size])


def _counted(layout: str, *, text: bool) -> Callable[[Buffer, int], tuple[Any, int, int]]:
    number = _number(layout)

    def reader(data: Buffer, position: int) -> tuple[Any, int, int]:
        size, _, begin = number(data, position)
        if size < 0:
            raise _CutError("a negative length")
        if begin + size > len(data):
            raise _CutError(f"it says {size} bytes, {len(data) - begin} are left")
        shown = bytes(data[begin : begin + min(size, SHOWN)])
        return (shown.decode("utf-8", "backslashreplace") if text else shown), size, begin + size

    return reader


def _line(data: Buffer, position: int) -> tuple[bytes, int]:
    """Read the line at *position*: its first `SHOWN` bytes, and where the next begins."""
    shown = b""
    for begin in range(position, len(data), _LINE_CHUNK):
        chunk = bytes(data[begin : begin + _LINE_CHUNK])
        found = chunk.find(b"\n")
        if len(shown) < SHOWN:
            shown += chunk[:found] if found >= 0 else chunk
        if found >= 0:
            return shown[:SHOWN], begin + found + 1
    raise _CutError("the data end before the end of the line")


def _text_line(data: Buffer, position: int) -> tuple[str, int, int]:
    line, end = _line(data, position)
    return line.decode("utf-8", "backslashreplace"), end - position - 1, end


def _unicode_line(data: Buffer, position: int) -> tuple[str, int, int]:
    line, end = _line(data, position)
    try:
        return line.decode("raw-unicode-escape"), end - position - 1, end
    except UnicodeDecodeError:
        return line.decode("latin-1"), end - position - 1, end


def _two_lines(data: Buffer, position: int) -> tuple[tuple[str, str], int, int]:
    module, _, middle = _text_line(data, position)
    name, _, end = _text_line(data, middle)
    return (module, name), 0, end


def _long(layout: str) -> Callable[[Buffer, int], tuple[Any, int, int]]:
    counted = _counted(layout, text=False)

    def reader(data: Buffer, position: int) -> tuple[Any, int, int]:
        shown, size, end = counted(data, position)
        exact = 64
        value = int.from_bytes(shown, "little", signed=True) if size <= exact else f"<number of {size} bytes>"
        return value, 0, end

    return reader


_READERS: Final[dict[str, Callable[[Buffer, int], tuple[Any, int, int]]]] = {
    "PROTO": _number("<B"),
    "FRAME": _number("<Q"),
    "BININT": _number("<i"),
    "BININT1": _number("<B"),
    "BININT2": _number("<H"),
    "BINFLOAT": _number(">d"),
    "LONG1": _long("<B"),
    "LONG4": _long("<i"),
    "BINGET": _number("<B"),
    "LONG_BINGET": _number("<I"),
    "BINPUT": _number("<B"),
    "LONG_BINPUT": _number("<I"),
    "EXT1": _number("<B"),
    "EXT2": _number("<H"),
    "EXT4": _number("<i"),
    "SHORT_BINSTRING": _counted("<B", text=False),
    "BINSTRING": _counted("<i", text=False),
    "SHORT_BINBYTES": _counted("<B", text=False),
    "BINBYTES": _counted("<I", text=False),
    "BINBYTES8": _counted("<Q", text=False),
    "BYTEARRAY8": _counted("<Q", text=False),
    "SHORT_BINUNICODE": _counted("<B", text=True),
    "BINUNICODE": _counted("<I", text=True),
    "BINUNICODE8": _counted("<Q", text=True),
    "INT": _text_line,
    "LONG": _text_line,
    "FLOAT": _text_line,
    "STRING": _text_line,
    "PERSID": _text_line,
    "GET": _text_line,
    "PUT": _text_line,
    "UNICODE": _unicode_line,
    "GLOBAL": _two_lines,
    "INST": _two_lines,
}
