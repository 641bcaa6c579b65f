r"""The text of a Python file as the interpreter decodes it (PEP 263, Lib/tokenize.py ``detect_encoding``).

A declared encoding may turn a comment into code: in UTF-7 ``+AAo-`` is a line break, in unicode_escape ``\n`` is one.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_COOKIE = re.compile(rb"(?:[ \t\f]*+(?:#[^\n\r]*+)?(?:\r\n?|\n))?[ \t\f]*+#[^\n\r]*?coding[:=][ \t]*+([-\w.]++)")
"""A declaration in the first line, or in the second one behind a comment."""
_SAME = re.compile(
    rb"(?:utf[-_]?8(?:[-_].*)?|us[-_]?ascii|ascii|latin[-_]?1?|l1|iso[-_]?8859[-_]?\d*|cp125\d|windows[-_]125\d|cp437|koi8[-_]?[ru])\Z",
    re.IGNORECASE,
)
"""Encodings in which each character of ASCII is itself, and only that."""
_HIDING = re.compile(rb"utf[-_]?7|u7|.*escape.*|punycode|idna|hz.*|rot[-_]?13|.*2022.*", re.IGNORECASE)
"""Encodings that make other characters of plain ones."""


class Decoded(NamedTuple):
    """A text, and what its declaration does to it."""

    text: str
    hides: str = ""
    """The declared encoding, if it makes code of what looks like comments."""
    doubtful: str = ""
    """The declared encoding, if it may read some bytes otherwise."""


def decode(data: bytes) -> Decoded:
    """Return *data* as text; a byte that is no UTF-8 is taken for one character."""
    data = data.removeprefix(b"\xef\xbb\xbf")
    match = _COOKIE.match(data)
    name = match[1] if match is not None else b"utf-8"
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    shown = name.decode("latin-1")[:40]
    if _HIDING.fullmatch(name) is not None:
        return Decoded(text, hides=shown)
    return Decoded(text, doubtful="" if _SAME.match(name) is not None else shown)
