"""Protocol 0's text arguments, as leniently as CPython's C unpickler reads them (``Modules/_pickle.c``)."""

from __future__ import annotations

import codecs
import re
import warnings
from typing import TYPE_CHECKING

from picklewatch.analysis import sparse
from picklewatch.analysis.pickle.vm.values import Opaque, OpaqueKind

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.report import Buffer

NEWLINE = re.compile(rb"\n")
_OCTAL = re.compile(rb"\s*[+-]?0[0-7]+\s*\Z")
_LONG = re.compile(rb"([+-]?)(?:0[xX]([0-9a-fA-F_]+)|0[oO]([0-7_]+)|0[bB]([01_]+)|(0[0-7_]*)|([0-9_]+))\Z")
_INDEX = re.compile(rb"[\s\x1c-\x1f]*+([+-]?)([0-9](?:_?[0-9])*+)[\s\x1c-\x1f]*+\Z")
_EXACT_DIGITS = 600
"""Characters up to which a number is parsed: conversion is quadratic, and CPython refuses more than 4300. A longer one
is an `Opaque`: no check takes it for a number, and those that need one report it."""
_INDEX_DIGITS = 18
"""Digits of a memo index that is kept as a number; of longer ones the digits themselves are the key."""


class Malformed(ValueError):  # noqa: N818 - a property of the pickle, not an error of ours
    """Text that both of CPython's unpicklers raise on."""


_NEAR = 4096
LONG_LINE = 1 << 16
"""Bytes of a line beyond which it is copied only where it has to be: any two bytes of another format may be an opcode
with a text argument, and its line then ends anywhere."""
_NUMERIC = re.compile(rb"[\s\x1c-\x1f0-9A-Za-z_.+-]*+")
"""The characters of all numbers: another one ends the number, or is none."""


def line_end(data: Buffer, position: int) -> tuple[int, int]:
    """Return the end of the line at *position*, and where the next begins.

    A last line without newline loses its last character: both unpicklers cut one off unseen.
    """
    match = NEWLINE.search(data, position, position + _NEAR) or sparse.first(NEWLINE, data, position + _NEAR)
    if match is not None:
        return match.start(), match.end()
    end = len(data)
    if end - position < 1:
        raise Malformed("the pickle ends where a line was to be read")
    return end - 1, end


def name(data: Buffer, position: int, end: int) -> str:
    """Return the name between *position* and *end*, as much of it as any module's or attribute's may have."""
    whole = end - position <= LONG_LINE
    return codecs.utf_8_decode(bytes(data[position : min(end, position + LONG_LINE)]), "strict", whole)[0]


def digits(data: Buffer, position: int, end: int) -> bytes:
    """Return the line between *position* and *end* as far as a number goes, and the NUL that ends it for C."""
    if end - position > LONG_LINE:
        run = _NUMERIC.match(data, position, end)
        assert run is not None
        if run.end() < end:
            if data[run.end()] != 0:
                raise Malformed("not a number")
            end = run.end() + 1
    return bytes(data[position:end])


def integer(text: bytes) -> int | bool | Opaque:
    """Return what INT makes of *text*: C's ``strtol`` and then ``int(…, 0)``; ``00`` and ``01`` are booleans."""
    if not text:
        raise Malformed("an empty number")
    if text in {b"00", b"01"}:
        return text == b"01"
    if text[0] == 0:  # to ``strtol`` the end of a number without digits, which C's reader takes for 0
        return 0
    return _number(text.split(b"\0", 1)[0])


def long(text: bytes) -> int | Opaque:
    """Return what LONG makes of *text*, its ``L`` optional."""
    if not text:
        raise Malformed("an empty number")
    return _number(text.removesuffix(b"L").split(b"\0", 1)[0])


def _number(text: bytes) -> int | Opaque:
    text = text.strip()
    if len(text) > _EXACT_DIGITS:
        return _long_number(text)
    if _OCTAL.match(text):
        return int(text, 8)
    try:
        return int(text.decode("ascii", "replace"), 0)
    except ValueError:
        raise Malformed("not a number") from None


def _long_number(text: bytes) -> int | Opaque:
    match = _LONG.match(text)
    if match is None or match.lastindex is None:
        raise Malformed("not a number")
    digits = match[match.lastindex].replace(b"_", b"").lstrip(b"0") or b"0"
    if len(digits) > _EXACT_DIGITS:
        return Opaque(OpaqueKind.INT)
    return int(match[1] + digits, {2: 16, 3: 8, 4: 2, 5: 8, 6: 10}[match.lastindex])


def index(text: bytes) -> int | bytes:
    """Return what GET and PUT make of *text*: zeros may lead, as many as the attacker likes.

    A number that no memo has room for is its digits: as numbers they could be chosen to collide as keys.
    """
    match = _INDEX.match(text.split(b"\0", 1)[0])
    if match is None:
        raise Malformed("not a memo index")
    digits = match[2].replace(b"_", b"").lstrip(b"0") or b"0"
    if len(digits) > _INDEX_DIGITS:
        return match[1].replace(b"+", b"") + digits
    return int(match[1] + digits)


def real(text: bytes) -> float:
    """Return what FLOAT makes of *text*."""
    try:
        return float(text.split(b"\0", 1)[0])
    except ValueError:
        raise Malformed("not a floating-point number") from None


def string(text: bytes) -> str:
    """Return what STRING makes of *text* in the encoding that loses nothing, Latin-1."""
    if len(text) < 2 or text[:1] != text[-1:] or text[:1] not in {b"'", b'"'}:
        raise Malformed("a string without quotes")
    if b"\\" not in text:
        return text[1:-1].decode("latin1")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # CPython warns of unknown escapes and keeps them
            return codecs.escape_decode(text[1:-1])[0].decode("latin1")
    except ValueError:
        raise Malformed("a string with a bad escape") from None


def raw_unicode(text: bytes) -> str:
    """Return what UNICODE makes of *text*."""
    try:
        return text.decode("raw-unicode-escape")
    except UnicodeDecodeError:
        raise Malformed("a text with a bad escape") from None
