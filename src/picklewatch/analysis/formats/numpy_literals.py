"""A strict parser of the Python literals in a ``.npy`` header: no names but True and False, no operators.

Our own, because numpy's way (numpy/lib/format.py, ``_read_array_header``: `ast.literal_eval`) runs CPython's recursive
compiler over hostile bytes, which can crash or exhaust memory (numpy limits the header to 10,000 characters for that).
This reads strings, integers, tuples, lists and dictionaries only, to a small depth. Two quotes in a row after a string
would begin a string in three quotes to Python and hide what follows, so they are refused.
"""

from __future__ import annotations

import re

from picklewatch.analysis.formats.part import MalformedError

_TOKEN = re.compile(
    r"\s*(?:(?P<string>[uUbB]?(?:'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\")(?!['\"]))|(?P<number>-?\d{1,19}L?)|(?P<word>True|False)|(?P<mark>[\[\](){},:]))"
)
_DEPTH = 12
"""Brackets in brackets; more of them, and numbers of over 19 digits, are reported as ``malformed-npy``."""
_CLOSERS = {"[": "]", "(": ")", "{": "}"}


def parse(text: str) -> object:
    """Return the value of *text* as a whole; raise `MalformedError` if it is anything but a literal."""
    tokens = _tokens(text)
    value, after = _value(tokens, 0, 0)
    if after != len(tokens):
        raise MalformedError("The header holds more than one literal.")
    return value


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    at = 0
    text = text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise MalformedError("The header is not a plain literal.")
        tokens.append((match.lastgroup or "", match.group(match.lastgroup or 0)))
        at = match.end()
    return tokens


def _value(tokens: list[tuple[str, str]], at: int, depth: int) -> tuple[object, int]:
    if at >= len(tokens) or depth > _DEPTH:
        raise MalformedError("The header breaks off or is nested too deep.")
    kind, text = tokens[at]
    if kind == "string":
        return _string(tokens, at)
    if kind == "number":
        return int(text.rstrip("L")), at + 1
    if kind == "word":
        return text == "True", at + 1
    if text == "{":
        return _dict(tokens, at + 1, depth + 1)
    if text in ("[", "("):
        return _sequence(tokens, at + 1, depth + 1, text)
    raise MalformedError("The header is not a plain literal.")


def _string(tokens: list[tuple[str, str]], at: int) -> tuple[str, int]:
    """Join adjacent strings; escapes are kept as written, since no name that numpy writes needs them undone."""
    parts = []
    while at < len(tokens) and tokens[at][0] == "string":
        text = tokens[at][1].lstrip("uUbB")
        parts.append(text[1:-1])
        at += 1
    return "".join(parts), at


def _sequence(tokens: list[tuple[str, str]], at: int, depth: int, opener: str) -> tuple[object, int]:
    items: list[object] = []
    comma = False
    closer = _CLOSERS[opener]
    while at < len(tokens) and tokens[at][1] != closer:
        item, at = _value(tokens, at, depth)
        items.append(item)
        comma = at < len(tokens) and tokens[at] == ("mark", ",")
        if not comma:
            break
        at += 1
    if at >= len(tokens) or tokens[at] != ("mark", closer):
        raise MalformedError("A bracket of the header is not closed.")
    if opener == "[":
        return items, at + 1
    return (items[0] if len(items) == 1 and not comma else tuple(items)), at + 1


def _dict(tokens: list[tuple[str, str]], at: int, depth: int) -> tuple[dict[object, object], int]:
    found: dict[object, object] = {}
    while at < len(tokens) and tokens[at] != ("mark", "}"):
        key, at = _value(tokens, at, depth)
        if not isinstance(key, str) or key in found or at >= len(tokens) or tokens[at] != ("mark", ":"):
            raise MalformedError("The header's dictionary is not a plain one, or names a key twice.")
        found[key], at = _value(tokens, at + 1, depth)
        if at < len(tokens) and tokens[at] == ("mark", ","):
            at += 1
        else:
            break
    if at >= len(tokens) or tokens[at] != ("mark", "}"):
        raise MalformedError("A bracket of the header is not closed.")
    return found, at + 1
