"""The same pickle in other words: opcodes that change nothing are put in, operands are spelt another way."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from fuzz.mutate_pickle import split

if TYPE_CHECKING:
    from random import Random

_NOTHING = (b"N0", b"(1", b"(0", b"(NN1", b"]0", b")0", b"}0", b"K\x000", b"(l0", b"N200", b"C\x02ab0", b"\x8c\x01a0")
"""What leaves stack and memo as they are."""
_NEEDS_TOP = frozenset(b"Rb\x85\x86\x87\x81\x92\x93as.qrp\x94Q")
"""Opcodes before which there is a value on the stack, or the pickle ends there."""
_FRAME, _PROTO = 0x95, 0x80
_UNUSED = 200
"""An index of the memo that a sample has no use for."""


def taken(data: bytes, rng: Random) -> bytes:
    """Yield pickles that mean the same as *data*."""
    pieces = [piece for piece in split(data) if piece[0] != _FRAME]
    memoizes = any(piece[0] == 0x94 for piece in pieces)
    used = any(piece[0] in b"qrp" and _index(piece) >= _UNUSED for piece in pieces)
    out = bytearray()
    for piece in pieces:
        if out and rng.random() < _OFTEN and piece[0] != _PROTO:
            out += rng.choice(_NOTHING)
        if piece[0] in _NEEDS_TOP and rng.random() < _OFTEN:
            out += b"20" if memoizes or used or rng.random() < 0.5 else b"q\xc80h\xc8"
        out += _respelt(piece, rng) if rng.random() < _OFTEN else piece
    return bytes(out)


_OFTEN = 0.3


def _index(piece: bytes) -> int:
    if piece[0] == ord("p"):
        return int(piece[1:-1]) if piece[1:-1].isdigit() else _UNUSED
    return int.from_bytes(piece[1:], "little")


def _respelt(piece: bytes, rng: Random) -> bytes:
    """One opcode in other words."""
    code, rest = piece[:1], piece[1:]
    other = {b")": b"(t", b"]": b"(l", b"}": b"(d", b"\x88": b"I01\n", b"\x89": b"I00\n"}.get(code)
    if other is not None:
        return other
    if code in {b"K", b"M"}:
        value = int.from_bytes(rest, "little")
        return rng.choice((b"J" + struct.pack("<i", value), b"I%d\n" % value, b"L%dL\n" % value, _long(value)))
    if code in {b"\x8c", b"X"}:
        raw = rest[1:] if code == b"\x8c" else rest[4:]
        return rng.choice((b"X" + struct.pack("<I", len(raw)) + raw, b"\x8d" + struct.pack("<Q", len(raw)) + raw))
    if code in {b"C", b"B"}:
        raw = rest[1:] if code == b"C" else rest[4:]
        return rng.choice((b"B" + struct.pack("<I", len(raw)) + raw, b"\x8e" + struct.pack("<Q", len(raw)) + raw))
    if code in {b"q", b"h"} and rest:
        return {b"q": b"r", b"h": b"j"}[code] + struct.pack("<I", rest[0])
    return _imported(piece) if code == b"c" else piece


def _long(value: int) -> bytes:
    raw = value.to_bytes(3, "little")
    return b"\x8a\x03" + raw


def _imported(piece: bytes) -> bytes:
    """GLOBAL as STACK_GLOBAL."""
    module, _, name = piece[1:-1].partition(b"\n")
    try:
        module.decode(), name.decode()
    except UnicodeDecodeError:
        return piece
    if not module or not name:
        return piece
    return b"".join(b"X" + struct.pack("<I", len(text)) + text for text in (module, name)) + b"\x93"
