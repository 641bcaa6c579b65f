"""Jinja's templates that a loader renders: the ways out of them into the interpreter, never rendered.

Jinja fetches an attribute by any text: ``x["__cla" ~ "ss__"]`` and ``x|attr(name)`` reach what ``x.__class__`` does
(jinja2/environment.py, ``getitem``). Templates of chats fetch by plain words and by numbers.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from picklewatch.catalogue.imports import denied as bad
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from collections.abc import Iterator


class Reach(NamedTuple):
    """A way into the interpreter that a template takes, or may take."""

    level: Level
    way: str


LONGEST_INDEX = 120
"""Characters between the brackets of a fetch; no honest one is longer."""
_INSIDE = r"""(?:'(?:[^'\\]|\\.?)*+(?:'|\Z)|"(?:[^"\\]|\\.?)*+(?:"|\Z)|[^'"])*?"""
"""What stands in an expression or a statement: ``}}`` in a string does not end it (jinja2/lexer.py). A string without
an end goes on to that of the text, so that each character is read once."""
_BLOCKS = re.compile(rf"\{{\{{{_INSIDE}(?:\}}\}}|\Z)|\{{%{_INSIDE}(?:%\}}|\Z)", re.DOTALL)
_NAMES = {*bad.DUNDERS, "__class__", "__init__", "__dict__", "__getitem__"}
_INTERNALS = re.compile(
    "|".join(sorted(re.escape(one) for name in _NAMES for one in (name, name[::-1]))), re.IGNORECASE
)
_STRING = r"""(?:'(?:[^'\\]|\\.)*+'|"(?:[^"\\]|\\.)*+")"""
_A_STRING = re.compile(_STRING, re.DOTALL)
_STRINGS = re.compile(rf"{_STRING}(?:[\s~+()]*+{_STRING})*+", re.DOTALL)
"""Texts that are one: two in a row, and those that ``~`` or ``+`` join."""
_ESCAPE = re.compile(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{1,3}|N\{[^}]*+\})")
_COMPUTES = re.compile(
    rf"~|{_STRING}\s*+(?:[+*%\['\"])|[+*]\s*+['\"]|\|\s*+(?:join|format|replace|reverse|trim|sum|map|first|last|random|string)\b"
    r"|\.\s*+(?:join|format|replace|format_map|strip|translate|decode|__\w++)\s*+\("
    r"|(?<![.\w])(?!(?:range|and|or|not|in|is|if|else)\b)[^\W\d]\w*+\s*+\(",
    re.DOTALL,
)
"""What makes a text, which may be any name."""
_FETCHES = re.compile(
    rf"\|\s*+attr\s*+\((?!\s*+{_STRING}\s*+\))|\bmap\s*+\(\s*+['\"]attr['\"]|\battribute\s*+=(?!\s*+(?:{_STRING}\s*+[,)]|\d))"
    rf"|\|\s*+(?:selectattr|rejectattr|groupby)\s*+\((?!\s*+(?:{_STRING}\s*+[,)]|attribute\b))",
    re.DOTALL,
)
"""Filters that fetch by a name that is not written there."""
_SETS = re.compile(
    r"\{%[-+]?\s*+(?:set\s++([\w.]++)\s*+(?:=(.*)|[-+]?%\}|\|)|for\s++((?:(?!\sin\s)[\w\s,])++)\sin\s(.*))", re.DOTALL
)
_BRACKETS = re.compile(rf"{_STRING}|[^\W\d]\w*+|[\[\](){{}}]", re.DOTALL)
_NO_VALUES = frozenset({"in", "is", "not", "and", "or", "if", "else", "set", "elif", "do", "for", "recursive"})


def reaches(template: str) -> Reach | None:
    """Return the way into Python's internals that a Jinja *template* takes, or None."""
    blocks = [found.group() for found in _BLOCKS.finditer(template)]
    for block in blocks:
        found = _INTERNALS.search(block) or _written(block)
        if found is not None:
            return Reach(Level.MALICIOUS, found.group())
    made = {name for block in blocks for name in _made(block)}
    for block in blocks:
        fetch = _FETCHES.search(block)
        if fetch is not None:
            return Reach(Level.UNSAFE, f"what it computes the name of ({fetch.group().strip()})")
        for index in _indices(block):
            if len(index) > LONGEST_INDEX or index in made or _COMPUTES.search(index) is not None:
                return Reach(Level.UNSAFE, f"what it computes the name of ([{index[:40]}])")
    return None


def _written(block: str) -> re.Match[str] | None:
    """Return the name of an internal that strings of *block* spell together, or with escapes."""
    for strings in _STRINGS.finditer(block):
        text = "".join(one.group()[1:-1] for one in _A_STRING.finditer(strings.group()))
        found = _INTERNALS.search(_ESCAPE.sub(_character, text))
        if found is not None:
            return found
    return None


def _character(escape: re.Match[str]) -> str:
    code = escape.group()[1:]
    if code[0] == "N":
        return "_"
    number = int(code[1:], 16) if code[0] in "xuU" else int(code, 8)
    return chr(min(number, 0x10FFFF))


def _made(block: str) -> Iterator[str]:
    """Yield the variables that *block* gives a text that it makes."""
    match = _SETS.match(block)
    if match is None:
        return
    value = match[2] if match[1] else match[4]
    if value is None or _COMPUTES.search(value) is not None:
        yield from (name.strip() for name in (match[1] or match[3]).split(","))


def _indices(block: str) -> Iterator[str]:
    """Yield what stands in brackets behind a value: it is fetched from that."""
    open_: list[int] = []
    """Where the inside of each bracket begins; -1 for one that does not fetch."""
    valued = False
    for token in _BRACKETS.finditer(block):
        text = token.group()
        if text in {"[", "(", "{"}:
            open_.append(token.end() if text == "[" and valued else -1)
            valued = False
        elif text in {"]", ")", "}"}:
            begin = open_.pop() if open_ else -1
            if begin >= 0:
                yield block[begin : token.start()].strip()
            valued = True
        else:
            after = block[token.end() : token.end() + 16].lstrip()
            valued = text not in _NO_VALUES and after[:1] == "["
