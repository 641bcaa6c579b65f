"""The opcodes of texts, bytes and numbers, but for the most frequent ones, which are in `interpreter.Walk` itself."""

from __future__ import annotations

from codecs import getincrementaldecoder
from collections.abc import Callable
from struct import Struct
from typing import TYPE_CHECKING

from picklewatch.analysis import sparse
from picklewatch.analysis.pickle.report import Stopped
from picklewatch.analysis.pickle.vm import protocol0
from picklewatch.analysis.pickle.vm.values import TEXT_CAP, Blob, Opaque, OpaqueKind, Python2Text

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.vm.state import WalkState

Handler = Callable[["WalkState", int], None]
_I32, _U32, _U64 = (Struct(layout).unpack_from for layout in ("<i", "<I", "<Q"))
_STARTS = frozenset(b"\x80c(P")
"""First bytes of a pickle or a zip."""
_CHUNK = 1 << 20
_NEWLINE = ord("\n")
_PER_LINE = 12
"""Units of work that a quoted text costs."""


def _latin(text: str) -> str:
    return text if text.isascii() else Python2Text(text)


def long_text(state: WalkState, start: int, end: int) -> Blob:
    """Return a text that stays where it lies in the data; raises if it is not valid UTF-8."""
    decoder = getincrementaldecoder("utf-8")("surrogatepass")  # both unpicklers raise if it is none
    for first, last in sparse.solid(state.data, start, end):
        for begin in range(first, last, _CHUNK):
            decoder.decode(bytes(state.data[begin : min(begin + _CHUNK, last)]))
    decoder.decode(b"", final=True)
    state.machine.budget.charge((end - start) >> 9)
    return Blob(state.data, start, end, text=True, budget=state.machine.budget)


def _text(state: WalkState, start: int, end: int) -> None:
    end = state.end(end)
    if end - start > TEXT_CAP:
        state.stack.append(long_text(state, start, end))
    else:
        state.stack.append(str(state.data[start:end], "utf-8", "surrogatepass"))
    state.position = end


def _binunicode8(state: WalkState, position: int) -> None:
    _text(state, position + 9, position + 9 + _U64(state.data, position + 1)[0])


def _constant(state: WalkState, start: int, end: int) -> bytes | Blob:
    """Return a bytes constant, which is judged as well if it looks like a pickle."""
    end = state.end(end)
    state.position = end
    value: bytes | Blob
    if end - start > TEXT_CAP:
        value = Blob(state.data, start, end, text=False, budget=state.machine.budget)
    else:
        value = bytes(state.data[start:end])
    if end > start and (state.data[start] in _STARTS or (type(value) is bytes and b"\n" in value)):
        state.machine.observations.embedded(value, start)
    return value


def number(state: WalkState, position: int) -> bytes:
    """Return the number on the line behind the opcode at *position*; the walk goes on after it."""
    end, state.position = protocol0.line_end(state.data, position + 1)
    text = protocol0.digits(state.data, position + 1, end)
    state.machine.budget.copy(24 + len(text))
    return text


def _text_line(state: WalkState, position: int, quotes: bytes = b"") -> bytes:
    """Return the text behind the opcode at *position*, in any of *quotes*; the walk goes on after it.

    A long one that has no end, or is not in quotes, is not copied: no reader gets beyond it.
    """
    start = position + 1
    end, after = protocol0.line_end(state.data, start)
    if end - start > protocol0.LONG_LINE:
        if quotes and (state.data[start] not in quotes or state.data[end - 1] != state.data[start]):
            raise protocol0.Malformed("a string without quotes")
        if end + 1 == after == len(state.data) and state.data[end] != _NEWLINE:
            raise Stopped("the pickle ends without STOP")
    state.position = after
    state.machine.budget.copy(24 + end - start)
    return bytes(state.data[start:end])


def _short_binbytes(state: WalkState, position: int) -> None:
    start = position + 2
    state.stack.append(_constant(state, start, start + state.data[position + 1]))


def _binbytes(state: WalkState, position: int) -> None:
    start = position + 5
    state.stack.append(_constant(state, start, start + _U32(state.data, position + 1)[0]))


def _binbytes8(state: WalkState, position: int) -> None:
    start = position + 9
    state.stack.append(_constant(state, start, start + _U64(state.data, position + 1)[0]))


def _bytearray8(state: WalkState, position: int) -> None:
    start = position + 9
    state.stack.append(Opaque(OpaqueKind.BYTEARRAY, _constant(state, start, start + _U64(state.data, position + 1)[0])))


def _short_binstring(state: WalkState, position: int) -> None:
    start = position + 2
    _python2_string(state, _constant(state, start, start + state.data[position + 1]))


def _binstring(state: WalkState, position: int) -> None:
    length = _I32(state.data, position + 1)[0]
    if length < 0:
        raise Stopped("a string of negative length")
    _python2_string(state, _constant(state, position + 5, position + 5 + length))


def _python2_string(state: WalkState, value: bytes | Blob) -> None:
    """Push Python 2's str: bytes or text, as the reader's ``encoding`` says; Latin-1 keeps every byte."""
    state.stack.append(value if isinstance(value, Blob) else _latin(value.decode("latin1")))


def _string(state: WalkState, position: int) -> None:
    text = _text_line(state, position, b"'\"")
    state.machine.budget.charge(_PER_LINE)
    value = protocol0.string(text)
    state.stack.append(_latin(value))
    if value[:1] in {"\x80", "c", "("}:
        state.machine.observations.embedded(value.encode("latin1"), position)


def _unicode(state: WalkState, position: int) -> None:
    state.stack.append(protocol0.raw_unicode(_text_line(state, position)))


def _int(state: WalkState, position: int) -> None:
    state.stack.append(protocol0.integer(number(state, position)))


def _long(state: WalkState, position: int) -> None:
    state.stack.append(protocol0.long(number(state, position)))


def _float(state: WalkState, position: int) -> None:
    state.stack.append(protocol0.real(number(state, position)))


def _long1(state: WalkState, position: int) -> None:
    _counted_long(state, position + 2, state.data[position + 1])


def _long4(state: WalkState, position: int) -> None:
    length = _I32(state.data, position + 1)[0]
    if length < 0:
        raise Stopped("a number of negative length")
    _counted_long(state, position + 5, length)


def _counted_long(state: WalkState, start: int, length: int) -> None:
    state.position = state.end(start + length)
    longest = 256
    if length > longest:
        state.stack.append(Opaque(OpaqueKind.INT))
    else:
        state.stack.append(int.from_bytes(state.data[start : start + length], "little", signed=True))


CONSTANTS: dict[int, Handler] = {
    ord("F"): _float, ord("I"): _int, ord("L"): _long, ord("S"): _string, ord("T"): _binstring,
    ord("U"): _short_binstring, ord("V"): _unicode, 0x8A: _long1, 0x8B: _long4, ord("B"): _binbytes,
    ord("C"): _short_binbytes, 0x8D: _binunicode8, 0x8E: _binbytes8, 0x96: _bytearray8,
}  # fmt: skip
"""Opcode → its handler."""
