"""The opcodes that bring texts, bytes and numbers, but for the most frequent ones (see `walk`)."""

from __future__ import annotations

from codecs import getincrementaldecoder
from collections.abc import Callable
from struct import Struct
from typing import TYPE_CHECKING, Any

from picklewatch.analysis.pickle.report import Stopped
from picklewatch.analysis.pickle.vm import protocol0
from picklewatch.analysis.pickle.vm.values import TEXT_CAP, Blob, Opaque, OpaqueKind, Python2Text

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.vm.interpreter import Walk

Handler = Callable[["Walk", int], None]
_I32, _U32, _U64 = (Struct(layout).unpack_from for layout in ("<i", "<I", "<Q"))
_STARTS = frozenset(b"\x80c(P")
"""How a pickle or a zip begins."""
_CHUNK = 1 << 20
_PER_LINE = 12
"""Units of work that a quoted text costs."""


def _latin(text: str) -> str:
    return text if text.isascii() else Python2Text(text)


def long_text(walk: Walk, start: int, end: int) -> Blob:
    """A text that stays where it is."""
    decoder = getincrementaldecoder("utf-8")("surrogatepass")  # both unpicklers raise if it is none
    for begin in range(start, end, _CHUNK):
        decoder.decode(bytes(walk.data[begin : min(begin + _CHUNK, end)]), begin + _CHUNK >= end)
    walk.machine.budget.charge((end - start) >> 9)
    return Blob(walk.data, start, end, text=True, budget=walk.machine.budget)


def _text(walk: Walk, start: int, end: int) -> None:
    end = walk.end(end)
    if end - start > TEXT_CAP:
        walk.stack.append(long_text(walk, start, end))
    else:
        walk.stack.append(str(walk.data[start:end], "utf-8", "surrogatepass"))
    walk.position = end


def _binunicode8(walk: Walk, position: int) -> None:
    _text(walk, position + 9, position + 9 + _U64(walk.data, position + 1)[0])


def _constant(walk: Walk, start: int, end: int) -> Any:
    """A bytes constant; what looks like a pickle is remembered."""
    end = walk.end(end)
    walk.position = end
    value: Any
    if end - start > TEXT_CAP:
        value = Blob(walk.data, start, end, text=False, budget=walk.machine.budget)
    else:
        value = bytes(walk.data[start:end])
    if end > start and (walk.data[start] in _STARTS or (type(value) is bytes and b"\n" in value)):
        walk.machine.embedded(value, start)
    return value


def line(walk: Walk, position: int) -> bytes:
    """The line behind the opcode at *position*; the walk goes on after it."""
    text, walk.position = protocol0.line(walk.data, position + 1)
    walk.machine.budget.copy(24 + len(text))
    return text


def _short_binbytes(walk: Walk, position: int) -> None:
    start = position + 2
    walk.stack.append(_constant(walk, start, start + walk.data[position + 1]))


def _binbytes(walk: Walk, position: int) -> None:
    start = position + 5
    walk.stack.append(_constant(walk, start, start + _U32(walk.data, position + 1)[0]))


def _binbytes8(walk: Walk, position: int) -> None:
    start = position + 9
    walk.stack.append(_constant(walk, start, start + _U64(walk.data, position + 1)[0]))


def _bytearray8(walk: Walk, position: int) -> None:
    start = position + 9
    walk.stack.append(Opaque(OpaqueKind.BYTEARRAY, _constant(walk, start, start + _U64(walk.data, position + 1)[0])))


def _short_binstring(walk: Walk, position: int) -> None:
    start = position + 2
    _python2_string(walk, _constant(walk, start, start + walk.data[position + 1]))


def _binstring(walk: Walk, position: int) -> None:
    length = _I32(walk.data, position + 1)[0]
    if length < 0:
        raise Stopped("a string of negative length")
    _python2_string(walk, _constant(walk, position + 5, position + 5 + length))


def _python2_string(walk: Walk, value: Any) -> None:
    """Python 2's str: bytes or text, as the reader's ``encoding`` says; Latin-1 keeps every byte."""
    walk.stack.append(value if isinstance(value, Blob) else _latin(value.decode("latin1")))


def _string(walk: Walk, position: int) -> None:
    text = line(walk, position)
    walk.machine.budget.charge(_PER_LINE)
    value = protocol0.string(text)
    walk.stack.append(_latin(value))
    if value[:1] in {"\x80", "c", "("}:
        walk.machine.embedded(value.encode("latin1"), position)


def _unicode(walk: Walk, position: int) -> None:
    walk.stack.append(protocol0.raw_unicode(line(walk, position)))


def _int(walk: Walk, position: int) -> None:
    walk.stack.append(protocol0.integer(line(walk, position)))


def _long(walk: Walk, position: int) -> None:
    walk.stack.append(protocol0.long(line(walk, position)))


def _float(walk: Walk, position: int) -> None:
    walk.stack.append(protocol0.real(line(walk, position)))


def _long1(walk: Walk, position: int) -> None:
    _counted_long(walk, position + 2, walk.data[position + 1])


def _long4(walk: Walk, position: int) -> None:
    length = _I32(walk.data, position + 1)[0]
    if length < 0:
        raise Stopped("a number of negative length")
    _counted_long(walk, position + 5, length)


def _counted_long(walk: Walk, start: int, length: int) -> None:
    walk.position = walk.end(start + length)
    longest = 256
    if length > longest:
        walk.stack.append(Opaque(OpaqueKind.INT))
    else:
        walk.stack.append(int.from_bytes(walk.data[start : start + length], "little", signed=True))


CONSTANTS: dict[int, Handler] = {
    ord("F"): _float, ord("I"): _int, ord("L"): _long, ord("S"): _string, ord("T"): _binstring,
    ord("U"): _short_binstring, ord("V"): _unicode, 0x8A: _long1, 0x8B: _long4, ord("B"): _binbytes,
    ord("C"): _short_binbytes, 0x8D: _binunicode8, 0x8E: _binbytes8, 0x96: _bytearray8,
}  # fmt: skip
"""Opcode → what it does to the walk at a position."""
