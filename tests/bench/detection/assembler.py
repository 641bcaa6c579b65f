"""Pickles written opcode by opcode: nothing here is ever loaded, and nothing needs to exist to be named."""

from __future__ import annotations

import itertools
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Ref:
    """An import, pushed but not called."""

    module: str
    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """Return values of callables, by their arguments."""

    function: Any
    arguments: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Raw:
    """Opcodes that push one value."""

    opcodes: bytes


Spelling = "Callable[[Assembler, str, str], bytes]"


class Assembler:
    """Turns values into opcodes; how an import is spelt is the caller's choice."""

    def __init__(self, spell: Callable[[Assembler, str, str], bytes] | None = None, *, text: bool = False) -> None:
        self._spell = spell or plain_global
        self._text = text
        self.memo = itertools.count(1000)
        """Memo slots that nothing else uses."""

    def push(self, value: Any) -> bytes:
        """Opcodes that leave *value* on the stack."""
        match value:
            case Raw():
                return value.opcodes
            case Ref():
                return self._spell(self, value.module, value.name)
            case Call():
                return self.push(value.function) + self.push(value.arguments) + b"R"
        return self._container(value)

    def _container(self, value: Any) -> bytes:
        match value:
            case tuple():
                return b"(" + b"".join(map(self.push, value)) + b"t"
            case list():
                return b"(l" + b"".join(self.push(item) + b"a" for item in value)
            case dict():
                return b"(d" + b"".join(self.push(key) + self.push(item) + b"s" for key, item in value.items())
        return _atom_as_text(value) if self._text else _atom(value)


def _atom(value: object) -> bytes:
    match value:
        case None:
            return b"N"
        case bool():
            return b"\x88" if value else b"\x89"
        case int():
            return b"J" + struct.pack("<i", value)
        case float():
            return b"G" + struct.pack(">d", value)
        case str():
            return unicode(value)
        case bytes():
            return b"B" + struct.pack("<I", len(value)) + value
    raise TypeError(type(value))


def _atom_as_text(value: object) -> bytes:
    match value:
        case None:
            return b"N"
        case bool():
            return b"I01\n" if value else b"I00\n"
        case int():
            return b"I%d\n" % value
        case float():
            return f"F{value!r}\n".encode()
        case str():
            return text(value)
        case bytes():
            return string(value)
    raise TypeError(type(value))


def pickled(body: bytes, protocol: int | None = 4) -> bytes:
    """*body* as a whole pickle; without PROTO if *protocol* is None."""
    return (b"" if protocol is None else b"\x80" + bytes([protocol])) + body + b"."


def unicode(value: str) -> bytes:
    """The shortest binary string opcode for *value*."""
    encoded = value.encode("utf-8", "surrogatepass")
    short = 255
    return (
        b"\x8c" + bytes([len(encoded)]) + encoded
        if len(encoded) <= short
        else b"X" + struct.pack("<I", len(encoded)) + encoded
    )


def text(value: str) -> bytes:
    """UNICODE, protocol 0."""
    return b"V" + value.encode("raw_unicode_escape").replace(b"\n", b"\\u000a") + b"\n"


def string(value: bytes) -> bytes:
    """STRING, protocol 0: what Python 2 wrote for bytes."""
    return b"S" + repr(value)[1:].encode() + b"\n"


def plain_global(_: Assembler, module: str, name: str) -> bytes:
    """GLOBAL."""
    return f"c{module}\n{name}\n".encode()


def frame(length: int) -> bytes:
    """FRAME with a length that may lie."""
    return b"\x95" + struct.pack("<Q", length)
