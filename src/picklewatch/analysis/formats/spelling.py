r"""Texts as their parsers understand them: in UTF-8, without the escapes of JSON and YAML.

``"expr\u005fstr"`` is the key ``expr_str`` to a parser, but no search for the key finds it: that is how attacks hide
``_target_`` and ``!!python``. Mirrors Lib/json/decoder.py (``py_scanstring``, `json.detect_encoding`) and PyYAML's
scanner.py (``ESCAPE_REPLACEMENTS``).
"""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING

from picklewatch.analysis.formats.part import CHUNK
from picklewatch.analysis.sparse import solid

if TYPE_CHECKING:
    from collections.abc import Iterator

_CODED = rb"\\(?:u00([0-7][0-9a-fA-F])|x([0-7][0-9a-fA-F])|U000000([0-7][0-9a-fA-F])|(/)|(\r\n?|\n)[ \t]*+|\\)"
_ESCAPE = re.compile(_CODED)
"""An escape of an ASCII character, or of none: a backslash joins two lines in YAML."""

_WHOLE = re.compile(rb"[^A-Za-z0-9+/_=\\\s-]")
"""A byte that belongs to no escape, no line joined to another and no base64: a text can be cut behind it."""

_ANY_ESCAPE = re.compile(
    rb"\\(?:u([0-9a-fA-F]{4})(?:\\u([dD][c-fC-F][0-9a-fA-F]{2}))?|x([0-9a-fA-F]{2})|U([0-9a-fA-F]{8})"
    rb"|(?:\r\n?|\n)[ \t]*+|(.))",
    re.DOTALL,
)
_ESCAPED_STRING = re.compile(rb'(?:[^"]*+"[^"\\]*+")*+[^"]*+"([^"\\]*+(?:\\.[^"\\]*+)++)"', re.DOTALL)
"""The next string of JSON that has an escape."""
_SIMPLE = {
    b"0": b"\0", b"a": b"\a", b"b": b"\b", b"t": b"\t", b"\t": b"\t", b"n": b"\n", b"v": b"\v", b"f": b"\f",
    b"r": b"\r", b"e": b"\x1b", b"N": b"\xc2\x85", b"_": b"\xc2\xa0", b"L": b"\xe2\x80\xa8", b"P": b"\xe2\x80\xa9",
}  # fmt: skip

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_PATTERNS = (
    (re.compile(rb"\0\0\0[^\0]"), "utf-32-be"),
    (re.compile(rb"[^\0]\0\0\0"), "utf-32-le"),
    (re.compile(rb"\0[^\0]\0[^\0]"), "utf-16-be"),
    (re.compile(rb"[^\0]\0[^\0]\0"), "utf-16-le"),
)
"""The places of zeros, by which Python's json tells encodings without a mark apart (`json.detect_encoding`)."""


def encoding(head: bytes) -> str:
    """Return the encoding in which a parser of JSON or YAML reads a text that begins with *head*."""
    marked = next((name for mark, name in _MARKS if head.startswith(mark)), None)
    return marked or next((name for pattern, name in _PATTERNS if pattern.match(head)), "utf-8")


def is_marked(head: bytes) -> bool:
    """Return True if *head* begins with the mark of UTF-16 or UTF-32."""
    return any(head.startswith(mark) for mark, _ in _MARKS)


def in_utf8(data: memoryview) -> memoryview:
    """Return *data* in UTF-8, itself if it is that already, without a mark at its start."""
    name = encoding(bytes(data[:4]))
    if name != "utf-8":
        decoder = codecs.getincrementaldecoder(name)("replace")
        held = bytearray()
        for begin in range(0, len(data), CHUNK):
            last = begin + CHUNK >= len(data)
            held += decoder.decode(bytes(data[begin : begin + CHUNK]), last).encode("utf-8", "replace")
        data = memoryview(held).toreadonly()
    while bytes(data[:3]) == codecs.BOM_UTF8:
        data = data[3:]
    return data


def understood(data: memoryview | bytes) -> bytes:
    """Return *data* with the escapes of ASCII characters undone.

    Backslashes and quotes stay escaped, so that strings end where they did, and no two characters become an escape.
    """
    return _ESCAPE.sub(_meant, data)


def _meant(match: re.Match[bytes]) -> bytes:
    return match[0] if match.lastindex is None else _ASCII.get(match[match.lastindex], b"")


_ASCII = {b"/": b"/"} | {
    digits.encode(): b"\\" * (chr(code) in '\\"') + bytes([code])
    for code in range(128)
    for digits in (f"{code:02x}", f"{code:02X}")
}
"""Two hexadecimal digits, or a slash → the character. Protocol 0 spells arrays in millions of such escapes."""


def pieces(data: memoryview) -> Iterator[tuple[int, bytes]]:
    """Yield *data* without its holes, `understood`, in pieces that split no escape or base64, with their offsets."""
    for begin, stop in solid(data):
        while begin < stop:
            cut = _WHOLE.search(data, min(begin + CHUNK, stop), stop)
            end = cut.end() if cut is not None else stop
            piece = bytes(data[begin:end])
            yield begin, understood(piece) if b"\\" in piece else piece
            begin = end  # noqa: PLW2901


def unescaped(text: bytes) -> bytes:
    """Return the inside of a string in double quotes with the escapes of JSON and of YAML undone."""
    return _ANY_ESCAPE.sub(_character, text) if b"\\" in text else text


def escaped_strings(data: memoryview) -> Iterator[bytes]:
    """Yield the strings of a JSON text that have an escape, with the escapes undone."""
    at = 0
    while (match := _ESCAPED_STRING.match(data, at)) is not None:
        yield unescaped(match[1])
        at = match.end()


def _character(match: re.Match[bytes]) -> bytes:
    if match[5] is not None:
        return _SIMPLE.get(match[5], match[5])
    code = match[1] or match[3] or match[4]
    if code is None:
        return b""
    number = int(code, 16)
    if match[2] is not None and 0xD800 <= number < 0xDC00:  # noqa: PLR2004  (two halves of one character)
        number = 0x10000 + ((number & 0x3FF) << 10) + (int(match[2], 16) & 0x3FF)
        return chr(number).encode()
    character = chr(min(number, 0x10FFFF)).encode("utf-8", "replace")
    return character if match[2] is None else character + chr(int(match[2], 16)).encode("utf-8", "replace")
