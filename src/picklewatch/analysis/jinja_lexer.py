"""The tokens of a Jinja template, as Jinja's own lexer makes them (jinja2/lexer.py of 3.1.6).

Chat software renders templates with the default delimiters alone. What Jinja's lexer refuses is refused here; Jinja
renders nothing of it, so that reading ends there. Every step is linear in the text.
"""

from __future__ import annotations

import re
import unicodedata
import warnings
from enum import IntEnum
from typing import NamedTuple


class JinjaKind(IntEnum):
    """A kind of token; the numbers are those of the pattern's groups."""

    NAME = 1
    STRING = 2
    NUMBER = 3
    OPERATOR = 4


class JinjaToken(NamedTuple):
    """One token of an expression or a statement."""

    kind: JinjaKind
    text: str
    """A name as Python reads it, a string without quotes and escapes."""


class Block(NamedTuple):
    """What stands between ``{{`` and ``}}``, or between ``{%`` and ``%}``."""

    statement: bool
    tokens: list[JinjaToken]
    marked: bool = False
    """True behind a dollar sign: ``${{ … }}`` is also an expression of GitHub's workflows."""


class Lexed(NamedTuple):
    """The code of a template."""

    blocks: list[Block]
    whole: bool
    """False if Jinja refuses the template, or it has more tokens or brackets than are read."""
    long: bool = False
    """True for the latter."""


MOST_TOKENS = 1 << 16
"""Tokens of a template that are read; the longest honest ones have 10,000."""
DEEPEST = 32
"""Brackets in brackets that are read; Jinja's parser recurses, and gives up at about 70."""

_BEGIN = re.compile(r"(\{%[-+]?\s*+raw\s*+(?:-%\}\s*+|%\}))|(\{%[-+]?)|(\{\{[-+]?)|\{#[-+]?")
_END_OF_RAW = re.compile(r"\{%[-+]?\s*+endraw\s*+(?:[-+]?%\})")
_NAME = r"(?!\d)(?:\w|[^\x00-\x7f\s])++"
"""Jinja's own pattern leaves out what no identifier may have (jinja2/_identifier.py); such a name is refused below."""
_STRING = r"'(?:[^'\\]++|\\.)*+'|\"(?:[^\"\\]++|\\.)*+\""
_FLOAT = r"(?<!\.)(?:\d++_)*+\d++(?:(?:\.(?:\d++_)*+\d++)?[eE][+\-]?(?:\d++_)*+\d++|\.(?:\d++_)*+\d++)"
_INTEGER = r"0[bB](?:_?[01])++|0[oO](?:_?[0-7])++|0[xX](?:_?[\da-fA-F])++|[1-9](?:_?\d)*+|0(?:_?0)*+"
_OPERATOR = r"\*\*|//|==|!=|>=|<=|[-+/*%~\[\](){}><=.:|,;]"


def _steps(end: str) -> re.Pattern[str]:
    tokens = rf"({_NAME})|({_STRING})|({_FLOAT}|{_INTEGER})|({_OPERATOR})"
    return re.compile(rf"\s*+(?:{end}{tokens})", re.DOTALL)


_NESTED = _steps("")
_IN_STATEMENT = _steps(r"[-+]?%\}|")
_IN_EXPRESSION = _steps(r"-?\}\}|")
_KINDS = (JinjaKind.NAME, *JinjaKind)
"""By the group's number."""
_PAIRS = {"(": ")", "[": "]", "{": "}"}


def lex(template: str) -> Lexed:
    """Return the code of *template*."""
    text = template.replace("\r\n", "\n").replace("\r", "\n") if "\r" in template else template
    blocks: list[Block] = []
    at = count = 0
    while (found := _BEGIN.search(text, at)) is not None:
        if found[2] is None and found[3] is None:
            end = _END_OF_RAW.search(text, found.end()) if found[1] is not None else None
            at = end.end() if end is not None else -1
            if found[1] is None:
                at = text.find("#}", found.end()) + 2
            if at < 2:  # noqa: PLR2004  (not found)
                # Jinja takes a comment or a raw block without an end if the text ends right behind its beginning
                return Lexed(blocks, whole=text[found.end() :] in {"", "\n"})
            continue
        block = Block(found[2] is not None, [], found.start() > 0 and text[found.start() - 1] == "$")
        blocks.append(block)
        at = _block(text, found.end(), block, MOST_TOKENS - count)
        count += len(block.tokens)
        if at < 0:
            return Lexed(blocks, whole=False, long=at == _TOO_MUCH)
    return Lexed(blocks, whole=True)


def _block(text: str, at: int, block: Block, most: int) -> int:
    """Read the tokens of *block*, and return the offset behind it, `_REFUSED` or `_TOO_MUCH`."""
    last = _IN_STATEMENT if block.statement else _IN_EXPRESSION
    tokens = block.tokens
    brackets: list[str] = []
    while (match := (_NESTED if brackets else last).match(text, at)) is not None:
        at = match.end()
        number = match.lastindex
        if number is None:
            return at
        value = match[number]
        if number == JinjaKind.OPERATOR:
            if value in _PAIRS:
                brackets.append(_PAIRS[value])
                if len(brackets) > DEEPEST:
                    return _TOO_MUCH
            elif value in {")", "]", "}"} and (not brackets or brackets.pop() != value):
                return _REFUSED
        elif number != JinjaKind.NUMBER:
            meant = _inside(value) if number == JinjaKind.STRING else _identifier(value)
            if meant is None:
                return _REFUSED
            value = meant
        tokens.append(JinjaToken(_KINDS[number], value))
        if len(tokens) >= most:
            return _TOO_MUCH
    return _REFUSED


_REFUSED, _TOO_MUCH = -1, -2


def _identifier(name: str) -> str | None:
    """Return a name as Python has it, which a keyword argument becomes, or None if it is none."""
    if name.isascii():
        return name
    return unicodedata.normalize("NFKC", name) if name.isidentifier() else None


def _inside(string: str) -> str | None:
    """Return the text that a string means, or None if it is none."""
    text = string[1:-1]
    if "\\" not in text:
        return text
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return text.encode("ascii", "backslashreplace").decode("unicode-escape")
    except ValueError:
        return None
