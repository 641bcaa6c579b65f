"""Jinja's templates among other text: statements, and expressions that fetch, call or filter."""

from __future__ import annotations

import re

LEXED = 16
"""How often all bytes of a text are lexed; where expressions without end cost more it is taken for a template, which is
told as ``format-not-judged``."""

_STATEMENT = re.compile(
    rb"\{%[-+]?(?:\s|\\[nrt])*+(?:if|for|set|macro|block|import|include|extends|generation|from|call|filter|with|do|print|raw"
    rb"|autoescape|trans)\b"
)
_CHAT = re.compile(
    rb"\{\{[-+]?(?:\s|\\[nrt])*+(?:messages|bos_token|eos_token|add_generation_prompt|raise_exception)\b"
)
"""Names of chats."""
_REACHING = rb"__\w|\\x5f|\|\s*+attr\b"
_REACHES = re.compile(_REACHING)
_ACTS = re.compile(rb"\w\s*+\[\s*+['\"]|\.\s*+\w++\s*+\(|\|\s*+\w|" + _REACHING)
_LEXED = re.compile(
    rb"(?:[^'\"{}\[\]()]++|(?<![\w\])}])'(?:[^'\\]++|\\.)*+'|(?<![\w\])}])\"(?:[^\"\\]++|\\.)*+\"|([\[({])|(\]|\)|\}(?!\})))",
    re.DOTALL,
)
"""A step of an expression. A string stands behind no name and no bracket, as an apostrophe does."""


def is_template(text: memoryview | bytes) -> bool:
    """Return True if *text* holds what makes Jinja do more than print a variable."""
    return any(pattern.search(text) for pattern in (_STATEMENT, _CHAT)) or _expressions(bytes(text))


def _expressions(text: bytes) -> bool:
    """Whether an expression fetches, calls or filters: a plain name does no harm. ``${{ … }}`` is GitHub's own, too."""
    at = text.find(b"{{")
    lexed, left = 0, LEXED * len(text)
    while at >= 0:
        end = text.find(b"}}", at)
        end = len(text) if end < 0 else end
        if at >= lexed and text.find(b"'", at, end) + text.find(b'"', at, end) > -2:  # noqa: PLR2004  (either is there)
            stopped, found = _end(text, at + 2)
            left -= stopped - at
            lexed = stopped if found else 0
            end = max(end, lexed)
            if left < 0:
                return True
        if (_REACHES if text[at - 1 : at] == b"$" else _ACTS).search(text, at, end):
            return True
        at = text.find(b"{{", end)
    return False


def _end(text: bytes, at: int) -> tuple[int, bool]:
    """Where the expression that begins at *at* ends for Jinja's lexer, whose strings and brackets may hold ``}}``.

    False besides: it does not end, and whatever was looked at for it ends there.
    """
    depth = 0
    while (match := _LEXED.match(text, at)) is not None:
        depth += (match[1] is not None) - (match[2] is not None)
        at = match.end()
        if depth < 0:
            return at, False
        if text.startswith(b"}}", at) and not depth:
            return at, True
        if text.startswith(b"}}", at):
            at += 1
            depth -= 1
    return (len(text) if text[at : at + 1] in (b"'", b'"') else at), False
