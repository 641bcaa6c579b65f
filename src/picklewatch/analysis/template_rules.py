"""The rules for Jinja's templates: the ways out of them into the interpreter, found in the tokens of one block.

Jinja fetches an attribute by any text: ``x["__cla" ~ "ss__"]`` and ``x|attr(name)`` reach what ``x.__class__`` does
(jinja2/environment.py, ``getitem``; CVE-2024-34359, CVE-2026-5760). Its sandbox refuses underscores, and was left by
``format`` (CVE-2024-56326) and ``attr`` (CVE-2025-27516). Templates of chats fetch by plain words and by numbers.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from picklewatch.analysis.jinja_lexer import JinjaKind
from picklewatch.analysis.template_names import ReadBlock, Role, key_of
from picklewatch.analysis.template_texts import Origin, combines, is_private, is_special, makes
from picklewatch.catalogue.imports import denied as bad
from picklewatch.catalogue.loaders import jinja_names as known
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ESCAPE, FILE, UNKNOWN = "template-escape", "template-file", "template-unknown"
"""The rules."""
PRIVATE = "a private name"


class Reach(NamedTuple):
    """A thing that a template does, or may do, beside putting a text together."""

    rule: str
    level: Level
    way: str

    def summary(self, where: str, loader: str) -> str:
        """Return the sentence about it, of a template that stands *where* and that *loader* renders."""
        return _SUMMARIES[self.rule].format(where=where, way=self.way, loader=loader)


_SUMMARIES = {
    ESCAPE: "{where} reaches {way}, which leads into the interpreter that {loader} it in.",
    FILE: "{where} loads another template, which is any file to some loaders: {way}.",
    UNKNOWN: "{where} holds {way}, which nobody vouched for.",
}

_NAMES = {*bad.DUNDERS, "__class__", "__init__", "__dict__", "__getitem__"}
_INTERNALS = re.compile(
    "|".join(sorted(re.escape(one) for name in _NAMES for one in (name, name[::-1]))), re.IGNORECASE
)
_FIELDS = re.compile(r"\{[^{}]*[.\[]")
"""A field of ``str.format`` that fetches."""
_MEASURED = re.compile(r"[-+*/%:.()\[\]<>=!]{1,2}")
"""Operators of numbers."""


class BlockJudge:
    """The rules, for one block."""

    def __init__(self, code: ReadBlock, held: Mapping[str, Origin]) -> None:
        self._code = code
        self._tokens = code.tokens
        self._held = held

    def reaches(self) -> Iterator[Reach]:
        """Yield what the block does."""
        yield from self._spelt()
        for at, role in enumerate(self._code.roles):
            if role is not None:
                yield from self._name(at, role)
        for opening, closing in self._code.fetches():
            if not self._plain(opening + 1, closing):
                spelt = " ".join(token.text for token in self._tokens[opening + 1 : min(closing, opening + 12)])
                yield Reach(ESCAPE, Level.UNSAFE, f"what it computes the name of ([{spelt[:60]}])")
            yield from self._called(opening, closing)
        for opening in self._code.closes:
            if self._code.operators[opening] == "(" and self._code.operators[opening - 1] in {")", "}"}:
                yield Reach(UNKNOWN, Level.UNVERIFIED, "a call of what it computes")

    def _called(self, opening: int, closing: int) -> Iterator[Reach]:
        """Judge a subscript that is called, as a method is by its name."""
        named = "".join(token.text for token in self._tokens[opening + 1 : closing] if token.kind is JinjaKind.STRING)
        called = self._code.operators[closing + 1] == "("
        owner = self._tokens[opening - 1].kind is JinjaKind.STRING
        if named in {"format", "format_map"} and (called or owner):
            yield Reach(ESCAPE, Level.UNSAFE, f"format by reference ({named})")
        elif called and named not in known.METHODS:
            named = named or self._tokens[opening + 1].text
            yield Reach(UNKNOWN, Level.UNVERIFIED, f"a call of {named[:40]!r}")

    def _spelt(self) -> Iterator[Reach]:
        """Yield the strings that name an internal, alone or joined to the next ones, and private ones that fetch."""
        joined: list[str] = []
        for at, token in enumerate([*self._tokens, None]):
            if token is not None and token.kind is JinjaKind.STRING:
                joined.append(token.text)
                if is_private(token.text) and self._fetches(at):
                    yield _private(token.text)
            elif token is None or self._code.operators[at] not in {"~", "+", "(", ")"}:
                text = "".join(joined)
                if "__" in text and (_INTERNALS.search(text) is not None or is_special(text)):
                    yield _private(text)
                joined.clear()

    def _fetches(self, at: int) -> bool:
        """Return True if the string at *at* is part of a subscript, or of what a filter takes for an attribute."""
        code = self._code
        bracket = code.opened_by[at]
        while bracket >= 0:
            subscript = code.operators[bracket] == "[" and code.ends_value(bracket - 1)
            by_name = code.roles[bracket - 1] is Role.FILTER and code.callee(bracket) in known.BY_NAME
            if subscript or by_name:
                return True
            bracket = code.opened_by[bracket]
        return False

    def _name(self, at: int, role: Role) -> Iterator[Reach]:
        text = self._tokens[at].text
        keyed = role is Role.ARGUMENT and self._code.callee(max(self._code.opened_by[at], 0)) == "dict"
        fetched = role in (Role.ATTRIBUTE, Role.FILTER, Role.TEST) or keyed
        if (fetched and text.startswith("_")) or (role is not Role.WORD and _INTERNALS.fullmatch(text) is not None):
            yield _private(text)
        if role is Role.TAG and text in known.FILES:
            target = next((token.text for token in self._tokens if token.kind is JinjaKind.STRING), "what it computes")
            yield Reach(FILE, Level.UNSAFE, f"{text} {target[:60]!r}")
        elif role is Role.VARIABLE and text in known.OBJECTS and not self._only_called(at):
            yield Reach(ESCAPE, Level.UNSAFE, f"an object of Python's that every template has ({text})")
        elif role is Role.FILTER and text == "attr":
            yield Reach(ESCAPE, Level.UNSAFE, "an attribute by the filter attr (attr)")
        elif role is Role.FILTER and text in known.BY_ATTRIBUTE and self._code.operators[at + 1] == "(":
            yield from self._by_attribute(at + 2, text)
        elif role is Role.ARGUMENT and text == "attribute" and not self._constant(at + 2):
            yield Reach(ESCAPE, Level.UNSAFE, "what it computes the name of (attribute=)")
        elif role is Role.ATTRIBUTE and text in {"format", "format_map"}:
            yield from self._format(at)

    def _only_called(self, at: int) -> bool:
        """Return True if the object at *at* is called; of ``self``, a block of the template is."""
        operators = self._code.operators
        block = self._tokens[at].text == "self" and operators[at + 1] == "." and operators[at + 3] == "("
        return operators[at + 1] == "(" or block

    def _by_attribute(self, at: int, name: str) -> Iterator[Reach]:
        """Judge the first argument of a filter that takes an attribute, or another filter's name."""
        named = self._tokens[at].text if at < len(self._tokens) else ""
        if self._code.operators[at] == ")" or self._code.operators[at + 1] == "=":
            return
        if not self._constant(at):
            yield Reach(ESCAPE, Level.UNSAFE, f"what it computes the name of ({name})")
        elif name == "map" and named == "attr":
            yield Reach(ESCAPE, Level.UNSAFE, "an attribute by the filter attr (map)")
        elif name == "map" and named not in known.FILTERS:
            yield Reach(UNKNOWN, Level.UNVERIFIED, f"the filter {named[:40]!r}")

    def _constant(self, at: int) -> bool:
        """Return True if a string or a number is the whole argument that begins at *at*."""
        if at >= len(self._tokens) or self._tokens[at].kind not in (JinjaKind.STRING, JinjaKind.NUMBER):
            return False
        return self._code.operators[at + 1] in {",", ")"}

    def _format(self, at: int) -> Iterator[Reach]:
        """Judge ``str.format``: by reference, or of a text that fetches or that is made."""
        text = self._tokens[at - 2].text if at > 1 and self._tokens[at - 2].kind is JinjaKind.STRING else None
        called = self._code.operators[at + 1] == "("
        if self._tokens[at].text == "format_map" or (not called and text is not None):
            yield Reach(ESCAPE, Level.UNSAFE, f"format by reference ({self._tokens[at].text})")
        elif text is not None and _FIELDS.search(text) is not None:
            yield Reach(ESCAPE, Level.UNSAFE, f"what a format fetches ({text[:40]})")
        elif text is None and self._is_text(at - 2):
            yield Reach(ESCAPE, Level.UNSAFE, "a format that it computes (format)")

    def _is_text(self, at: int) -> bool:
        """Return True if the value that ends at *at* may be a text of the template's own."""
        if at < 0 or self._tokens[at].kind is not JinjaKind.NAME:
            return self._code.operators[at] in {")", "]"}
        return self._held.get(key_of(self._code, at), Origin.OTHER) is not Origin.OTHER

    def _plain(self, start: int, stop: int) -> bool:
        """Return True if a subscript is a written text, a number, or a name of the conversation's."""
        tokens = self._tokens[start:stop]
        if len(tokens) == 1 and tokens[0].kind is not JinjaKind.NAME:
            return True
        bracket = start - 1
        if any(self._code.operators[at] == ":" and self._code.opened_by[at] == bracket for at in range(start, stop)):
            return True  # a slice: no name
        added = combines(self._code, start, stop)
        return all(self._harmless(at, added=added) for at in range(start, stop))

    def _harmless(self, at: int, *, added: bool) -> bool:
        token, code = self._tokens[at], self._code
        if token.kind is JinjaKind.OPERATOR:
            called = token.text == "(" and code.ends_value(at - 1) and code.callee(at) not in _NUMBERS
            return (_MEASURED.fullmatch(token.text) is not None and not called) or token.text in {"|", ","}
        if token.kind is JinjaKind.STRING:
            return not added and self._tokens[at - 1].kind is not JinjaKind.STRING
        if token.kind is JinjaKind.NUMBER or code.roles[at] in (Role.WORD, Role.TEST, Role.ARGUMENT):
            return True
        if code.roles[at] is Role.FILTER:
            return token.text in {*known.MEASURES, "first", "last", "min", "max", "sum", "default", "d", "trim"}
        state = self._held.get(key_of(code, at), Origin.OTHER)
        if makes(code, at) or state is Origin.MADE:
            return False
        return state is Origin.OTHER or not added


_NUMBERS = known.MEASURES | {"index", "find", "count", "get", "min", "max", "default"}
"""Methods and filters that a subscript may call."""


def _private(text: str) -> Reach:
    found = _INTERNALS.search(text)
    if found is not None:
        return Reach(ESCAPE, Level.MALICIOUS, found.group())
    return Reach(ESCAPE, Level.UNSAFE, f"{PRIVATE} ({text[:40]})")
