"""The names of a Jinja template that hold a text which the template makes.

Jinja fetches an attribute by any text, so that a name in brackets may be spelt in pieces: over ``set``, loops, macros'
arguments, namespaces and lists. A name is `Origin.TEXT` if a text of the template is its value, and `Origin.MADE` if
such texts are combined or formatted.
"""

from __future__ import annotations

import re
from collections import defaultdict
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

from picklewatch.analysis.jinja_lexer import JinjaKind
from picklewatch.analysis.template_names import ReadBlock, Role, is_word, key_of
from picklewatch.catalogue.loaders import jinja_names as known

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


class Origin(IntEnum):
    """The origin of a name's value."""

    OTHER = 0
    TEXT = 1
    MADE = 2


class _Value(NamedTuple):
    """An expression whose value some names get."""

    targets: tuple[str, ...]
    code: ReadBlock
    start: int
    """Its first token, or `_PARAMETER` or `_BLOCK`."""
    stop: int
    """The end of it; of a macro's parameter, its number."""


_PARAMETER, _BLOCK = -1, -2


_PASSED = "()"
"""Stands for all arguments of macros that are called by another name; behind its name, for those of one macro."""


def held_texts(codes: Sequence[ReadBlock]) -> dict[str, Origin]:
    """Return the names of a template that hold a text of its own."""
    held: dict[str, Origin] = {}
    macros = {code.tokens[1].text for code in codes if code.block.statement and _tag(code) == "macro"}
    edges: dict[str, list[tuple[str, bool]]] = defaultdict(list)
    waiting: list[tuple[str, Origin]] = []
    for number, value in enumerate(one for code in codes for one in _values(code, macros)):
        own, uses, combined = _weigh(value)
        expression = f"= {number}"  # between the names of an expression and all that get its value
        edges[expression] = [(target, False) for target in value.targets]
        waiting.append((expression, own))
        for name in uses:
            edges[name].append((expression, combined))
    while waiting:
        name, state = waiting.pop()
        if state <= held.get(name, Origin.OTHER):
            continue
        held[name] = state
        for target, combined in edges[name]:
            waiting.append((target, Origin.MADE if combined else state))
    return held


def _tag(code: ReadBlock) -> str:
    return code.tokens[0].text if code.block.statement and len(code.tokens) > 1 else ""


def _values(code: ReadBlock, macros: set[str]) -> Iterator[_Value]:
    tag = _tag(code)
    end = len(code.tokens)
    if tag == "set":
        yield from _set(code, end)
    elif tag == "for":
        words = (at for at in range(1, end) if code.opened_by[at] < 0 and is_word(code, at, "in"))
        inside = next(words, end)
        yield _Value(_names(code, 1, inside), code, inside, end)
    elif tag in {"macro", "call"}:
        opening = 2 if tag == "macro" else 1
        for number, (at, _stop) in enumerate(_parts(code, opening, code.closes.get(opening, 0))):
            yield _Value((code.tokens[at].text,), code, _PARAMETER, number)
    for at, role in enumerate(code.roles):
        if role is Role.ARGUMENT and (tag != "set" or code.opened_by[at] >= 0):
            name = code.tokens[at].text
            yield _Value((name, "." + name), code, at + 2, _end_of(code, at))
    yield from _arguments(code, macros)


def _set(code: ReadBlock, end: int) -> Iterator[_Value]:
    equals = next((at for at in range(1, end) if code.opened_by[at] < 0 and code.operators[at] == "="), -1)
    if equals < 0:  # the block up to ``endset``
        yield _Value(_names(code, 1, end), code, _BLOCK, 0)
    else:
        yield _Value(_names(code, 1, equals), code, equals + 1, end)


def _arguments(code: ReadBlock, macros: set[str]) -> Iterator[_Value]:
    """Yield what is passed to macros, and what is put into lists."""
    for opening, closing in code.closes.items():
        callee = code.callee(opening)
        called = code.operators[opening] == "(" and code.ends_value(opening - 1)
        if not called or (opening in {1, 2} and _tag(code) in {"macro", "call"}):
            continue
        role = code.roles[opening - 1]
        if role is Role.ATTRIBUTE and callee in known.STORES:
            if opening > 2:  # noqa: PLR2004  (name, point, method)
                yield _Value((key_of(code, opening - 3),), code, opening + 1, closing)
        elif callee in macros or callee not in (known.METHODS if role is Role.ATTRIBUTE else _PLAIN):
            own = callee if callee in macros and role is Role.VARIABLE else ""
            for number, (start, stop) in enumerate(_parts(code, opening, closing)):
                if code.roles[start] is not Role.ARGUMENT:
                    exact = own and code.operators[start] not in {"*", "**"}
                    yield _Value((_passed(own, number) if exact else _PASSED,), code, start, stop)


_PLAIN = (known.FUNCTIONS - {"caller", "loop"}) | known.FILTERS | known.TESTS
"""Functions, filters and tests that pass nothing on to a macro."""


def _passed(macro: str, number: int) -> str:
    return f"{macro}{_PASSED}{number}"


def _parts(code: ReadBlock, opening: int, closing: int) -> Iterator[tuple[int, int]]:
    """Yield where each argument between two brackets begins and ends."""
    start = position = opening + 1
    while position < closing:
        if code.operators[position] == ",":
            yield start, position
            start = position + 1
        position = code.closes.get(position, position) + 1
    if start < closing:
        yield start, closing


def _names(code: ReadBlock, start: int, stop: int) -> tuple[str, ...]:
    """Return what is assigned to between the offsets: variables, and attributes of namespaces."""
    roles = (Role.VARIABLE, Role.ATTRIBUTE, Role.ARGUMENT)
    found = (at for at in range(start, stop) if code.roles[at] in roles and code.operators[at + 1] != ".")
    return tuple(dict.fromkeys(key_of(code, at) for at in found))


def _end_of(code: ReadBlock, at: int) -> int:
    """Return the end of the argument that begins at *at*."""
    bracket = code.opened_by[at]
    last = code.closes.get(bracket, len(code.tokens))
    position = at + 2
    while position < last and code.operators[position] != ",":
        position = code.closes.get(position, position) + 1
    return min(position, last)


def _weigh(value: _Value) -> tuple[Origin, Iterable[str], bool]:
    """Return what an expression holds by itself, the names in it, and True if it combines them."""
    code = value.code
    if value.start < 0:
        macro = code.tokens[1].text if _tag(code) == "macro" else ""
        passed = [_PASSED, _passed(macro, value.stop)] if value.start == _PARAMETER else []
        return (Origin.OTHER if passed else Origin.MADE), passed, False
    own, combined = Origin.OTHER, combines(code, value.start, value.stop)
    uses: dict[str, None] = {}
    for at in range(value.start, value.stop):
        token = code.tokens[at]
        if token.kind is JinjaKind.NAME:
            if code.roles[at] in (Role.VARIABLE, Role.ATTRIBUTE) and not _asked(code, at):
                uses[key_of(code, at)] = None
            own = max(own, Origin.MADE if makes(code, at) else Origin.OTHER)
        elif token.kind is JinjaKind.STRING and token.text and not _asked(code, at):
            own = max(own, Origin.MADE if is_private(token.text) else Origin.TEXT)
        elif token.text == "~" and token.kind is JinjaKind.OPERATOR:
            own = Origin.MADE
    return (Origin.MADE if combined and own is Origin.TEXT else own), uses, combined


def is_private(text: str) -> bool:
    """Return True for a string that begins with an underscore, in any of its parts, or holds a special name."""
    if _WRITTEN_OUT.fullmatch(text) is not None:
        return text.lower() in known.SPECIAL
    return _PRIVATE.fullmatch(text) is not None


def is_special(text: str) -> bool:
    """Return True if *text* holds a special name of Python's own objects."""
    return any(found.group().lower() in known.SPECIAL for found in _WRITTEN_OUT.finditer(text))


_PRIVATE = re.compile(r"_.*|[\w.]*\._\w*|.*__[^\W_]\w*__.*", re.DOTALL)
_WRITTEN_OUT = re.compile(r"__[A-Za-z](?:\w*?[^\W_])?__")


def makes(code: ReadBlock, at: int) -> bool:
    """Return True if the name at *at* makes a text: a filter, a method, a function of the template's own, a token."""
    text, role = code.tokens[at].text, code.roles[at]
    called = code.operators[at + 1] == "("
    if role is Role.FILTER:
        return text in known.MAKERS or text not in known.FILTERS
    if role is Role.ATTRIBUTE:
        return called and (text in known.TEXT_METHODS or text not in known.METHODS)
    return role is Role.VARIABLE and (text.endswith(("_token", "_tokens")) or (called and text not in known.FUNCTIONS))


def combines(code: ReadBlock, start: int, stop: int) -> bool:
    """Return True if texts are put together between the offsets, or each n-th character is taken.

    Any other slice, or a method such as ``split``, takes a part as it is written: its string was judged.
    """
    operators = code.operators
    colons = [code.opened_by[at] for at in range(start, stop) if operators[at] == ":"]
    if len(colons) != len(set(colons)):
        return True
    return any(operators[at] in _COMBINING and not _adds_list(code, at) for at in range(start, stop))


def _adds_list(code: ReadBlock, at: int) -> bool:
    """Return True if a list is added, none of whose parts is fetched: texts stay as they are."""
    operators = code.operators
    listed = operators[at] == "+" and operators[at + 1] == "["
    return listed and operators[code.closes.get(at + 1, at + 1) + 1] not in {"[", ".", "|", "*", "%"}


_COMBINING = frozenset({"+", "*", "%", "~"})


def _asked(code: ReadBlock, at: int) -> bool:
    """Return True if the value at *at* is only compared, or the argument of what asks: it is no part of the result."""
    if code.operators[at - 1] in {"==", "!="} or code.operators[at + 1] in {"==", "!="} or is_word(code, at + 1, "in"):
        return True
    bracket = code.opened_by[at]
    if bracket < 0:
        return False
    subscript = code.operators[bracket] == "[" and code.ends_value(bracket - 1)
    return subscript or code.callee(bracket) in known.ASKS
