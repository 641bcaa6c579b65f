"""Protocol 0's text arguments, as leniently as CPython's C unpickler reads them (``Modules/_pickle.c``)."""

from __future__ import annotations

import codecs
import re
import warnings
from typing import TYPE_CHECKING

from picklewatch.engine.values import Opaque

if TYPE_CHECKING:
    from picklewatch.engine.report import Buffer

NEWLINE = re.compile(rb"\n")
_OCTAL = re.compile(rb"\s*[+-]?0[0-7]+\s*\Z")
_DIGITS = re.compile(rb"\s*[+-]?(0[xX][0-9a-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|[0-9_]+)\s*\Z")
_LEADING_ZEROS = re.compile(rb"\s*([+-]?)0(?:_?0)*(?=_?[0-9])_?")
_EXACT_DIGITS = 4_000
"""Digits up to which a number is parsed: conversion is quadratic and CPython 3.11 refuses more than 4300."""


class Malformed(ValueError):  # noqa: N818 - a property of the pickle, not an error of ours
    """What both of CPython's unpicklers would raise on."""


def line(data: Buffer, position: int) -> tuple[bytes, int]:
    """The line at *position* without its end, and where the next begins.

    A last line without newline loses its last character: both unpicklers cut one off unseen.
    """
    match = NEWLINE.search(data, position)
    if match is None:
        end = len(data)
        if end - position < 1:
            raise Malformed("the pickle ends where a line was to be read")
        return bytes(data[position : end - 1]), end
    end = match.start()
    return bytes(data[position:end]), end + 1


def integer(text: bytes) -> int | bool | Opaque:
    """What INT makes of *text*: C's ``strtol`` and then ``int(…, 0)``; ``00`` and ``01`` are booleans."""
    if not text:
        raise Malformed("an empty number")
    if text in {b"00", b"01"}:
        return text == b"01"
    if text[0] == 0:  # to ``strtol`` the end of a number without digits, which C's reader takes for 0
        return 0
    return _number(text.split(b"\0", 1)[0])


def long(text: bytes) -> int | Opaque:
    """What LONG makes of *text*, its ``L`` optional."""
    if not text:
        raise Malformed("an empty number")
    return _number(text.removesuffix(b"L").split(b"\0", 1)[0])


def _number(text: bytes) -> int | Opaque:
    if len(text) > _EXACT_DIGITS:
        if _DIGITS.match(text):
            return Opaque("int")
        raise Malformed("not a number")
    if _OCTAL.match(text):
        return int(text, 8)
    try:
        return int(text.decode("ascii", "replace"), 0)
    except ValueError:
        raise Malformed("not a number") from None


def index(text: bytes) -> int:
    """What GET and PUT make of *text*: zeros may lead, as many as the attacker likes."""
    number = text.split(b"\0", 1)[0]
    match = _LEADING_ZEROS.match(number)
    if match is not None:
        number = match[1] + number[match.end() :]
    try:
        return int(number[: _EXACT_DIGITS + 1].decode("ascii", "replace"), 10)
    except ValueError:
        raise Malformed("not a memo index") from None


def real(text: bytes) -> float:
    """What FLOAT makes of *text*."""
    try:
        return float(text.split(b"\0", 1)[0][:4096])
    except ValueError:
        raise Malformed("not a floating-point number") from None


def string(text: bytes) -> str:
    """What STRING makes of *text* in the encoding that loses nothing, Latin-1."""
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
    """What UNICODE makes of *text*."""
    try:
        return text.decode("raw-unicode-escape")
    except UnicodeDecodeError:
        raise Malformed("a text with a bad escape") from None
