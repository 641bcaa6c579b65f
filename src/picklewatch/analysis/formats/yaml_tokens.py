"""The tokens of YAML, and the patterns that they are made of, as in PyYAML's scanner.py and libyaml's scanner.c.

Every pattern is possessive, so that no text makes it go back: a scan must not take quadratic time.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from functools import cache, lru_cache
from typing import NamedTuple


class TokenKind(Enum):
    """The kind of a token."""

    TAG = auto()
    ANCHOR = auto()
    ALIAS = auto()
    SCALAR = auto()
    KEY = auto()
    """A ``?``."""
    VALUE = auto()
    """A ``:`` behind a key."""
    ENTRY = auto()
    """A ``-`` or a comma."""
    OPEN = auto()
    CLOSE = auto()
    DOCUMENT = auto()


class Token(NamedTuple):
    """One token."""

    kind: TokenKind
    at: int
    text: bytes = b""
    """A scalar's value, a tag, an anchor's name, a bracket."""
    quoted: bool = False
    """True if the scalar is in quotes or a block, so that it may hold a text of its own."""


STANDARD = {b"!": b"!", b"!!": b"tag:yaml.org,2002:"}
BLANK = re.compile(
    rb"((?:(?:[ \t]|\xef\xbb\xbf(?!\#))*+(?:\#[^\r\n]*+)?+[\r\n])*+)(?:[ \t]|\xef\xbb\xbf(?!\#))*+(?:\#[^\r\n]*+\Z)?"
)
"""Blanks, comments and line breaks; first whole lines of them."""
MARK = re.compile(rb"(?:---|\.\.\.)(?=[ \t\r\n]|\Z)")
DIRECTIVE = re.compile(rb"%(?:TAG[ \t]+(!(?:[\w-]*!)?)[ \t]+([^ \t\r\n]+))?[^\r\n]*")
TAG = re.compile(rb"!<([^>\s]*)>|(!(?:[\w-]*!)?)([\w;/?:@&=+$.!~*'()%-]*+)")
_QUOTED = re.compile(rb"%([0-9A-Fa-f]{2})")
BRACKETS = re.compile(rb"[\w;/?:@&=+$.!~*'()%,\[\]-]*+")
NAME = re.compile(rb"[&*]([\w-]*+)")
DOUBLE = re.compile(rb'"([^"\\]*+(?:\\.[^"\\]*+)*+)"', re.DOTALL)
SINGLE = re.compile(rb"'([^']*+(?:''[^']*+)*+)'")
HEADER = re.compile(rb"[|>](?:[+-]?([1-9])?|([1-9])[+-])[ \t]*+(?:\#[^\r\n]*+)?(?:\r\n?|\n|\Z)")
EMPTY_LINES = re.compile(rb"((?: *(?:\r\n?|\n))*) *")
_WORD = (rb"(?:[^ \t\r\n:]++|:(?![ \t\r\n]|\Z))++", rb"(?:[^ \t\r\n:,\[\]{}]++|:(?![ \t\r\n,\[\]{}]|\Z))++")
"""A word of a plain scalar, in blocks and between brackets."""
_FOLD = rb"[ \t]*+(?:\r\n?|\n)(?:[ \t]*+(?:\r\n?|\n))*+"
FOLDED = re.compile(rb"(?<![ \t])" + _FOLD + rb"[ \t]*+")
"""Line breaks inside of a plain scalar."""
NO_PLAIN = frozenset(b"-?:,[]{}#&*!|>'\"%@`")
WHITE = frozenset(b" \t\r\n")
BLANKS = frozenset(b" \t\r\n#\xef")
ALONE = frozenset(b"%-.")
COMMA = ord(",")
_ITEM = rb'(?:"(?:[^"\\]++|\\.)*+"|(?:[-+0-9.eE]++|true|false|null)(?=\s*+[,\]}])|[:,\s]++)'
WORTH = 256
"""Bytes from which skipping such a stretch at once is worth while; it holds nothing that is wanted."""


def unquoted(tag: bytes) -> bytes:
    """Return *tag* with its ``%XX`` replaced by the bytes that they stand for."""
    return _QUOTED.sub(lambda match: bytes.fromhex(match[1].decode()), tag)


@cache
def dull() -> re.Pattern[bytes]:
    """Return a pattern of a stretch of JSON, with lists and dictionaries that are not nested deep."""
    return re.compile(_inside(4) + b"*+", re.DOTALL)


@cache
def dull_lines() -> re.Pattern[bytes]:
    """Return a pattern of lines of JSON, except the last of them."""
    return re.compile(rb"(?:[\[{]" + _inside(4) + rb"*+[\]}][ \t]*+\r?\n(?=[\[{]))*+", re.DOTALL)


def _inside(depth: int) -> bytes:
    if depth == 0:
        return _ITEM
    inner = _inside(depth - 1)
    return b"(?:" + _ITEM + rb"|\[" + inner + rb"*+\]|\{" + inner + rb"*+\})"


@lru_cache(maxsize=256)
def block_lines(indent: int) -> re.Pattern[bytes]:
    """Return a pattern of the lines of a block scalar that is indented so far."""
    return re.compile(rb"(?: {%d}[^\r\n]*+(?:\r\n?|\n|\Z)| {0,%d}(?:\r\n?|\n))*+" % (indent, indent - 1))


@lru_cache(maxsize=256)
def word_lines(column: int) -> re.Pattern[bytes]:
    """Return a pattern of one block's lines of single words, except the last one, which may go on in the next line."""
    line = rb"(?:\w++:[ ][\w.]++|-[ ][\w.]++)\r?\n"
    return re.compile(rb"(?:%s {%d}(?=%s))*+" % (line, column, line))


@lru_cache(maxsize=256)
def plain_scalar(indent: int, inside: int) -> re.Pattern[bytes]:
    """Return a pattern of a plain scalar whose further lines are indented so far, unless it is *inside* brackets."""
    word = _WORD[inside]
    line = rb"(?!\#)%s(?:[ \t]++(?!\#)%s)*+" % (word, word)
    margin = rb"(?!(?:---|\.\.\.)(?=[ \t\r\n]|\Z)) {%d,}+[ \t]*+" % indent
    return re.compile(b"%s(?:%s%s%s)*+" % (line, _FOLD, margin, line))
