"""The parts that the names of a Jinja template play."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

from picklewatch.analysis.jinja_lexer import Block, JinjaKind, JinjaToken
from picklewatch.catalogue.loaders import jinja_names as known

if TYPE_CHECKING:
    from collections.abc import Iterator


class Role(IntEnum):
    """The part that a name plays."""

    WORD = 0
    TAG = 1
    VARIABLE = 2
    ATTRIBUTE = 3
    FILTER = 4
    TEST = 5
    ARGUMENT = 6
    """In front of an equals sign: a keyword argument, or what is assigned to."""


class ReadBlock(NamedTuple):
    """A block with the parts of its names, and where its brackets end."""

    block: Block
    roles: list[Role | None]
    """For each token that is a name."""
    closes: dict[int, int]
    """Opening bracket → closing one."""
    opened_by: list[int]
    """For each token: the innermost bracket that it stands in, or -1."""
    tokens: list[JinjaToken]
    operators: list[str]
    """For each token: itself if it is an operator, or nothing; and some nothings behind the last one."""

    def ends_value(self, at: int) -> bool:
        """Return True if a value ends at *at*, of which a bracket or a point behind it fetches."""
        if at < 0:
            return False
        token = self.tokens[at]
        if token.kind is JinjaKind.NAME:
            return self.roles[at] not in (Role.WORD, Role.TAG)
        return token.kind is not JinjaKind.OPERATOR or token.text in {")", "]", "}"}

    def fetches(self) -> Iterator[tuple[int, int]]:
        """Yield the brackets of each subscript."""
        for opening, closing in self.closes.items():
            if self.operators[opening] == "[" and self.ends_value(opening - 1):
                yield opening, closing

    def callee(self, opening: int) -> str:
        """Return the name of what is called, filtered or tested by the bracket at *opening*; nothing for others."""
        named = opening > 0 and self.operators[opening] == "(" and self.tokens[opening - 1].kind is JinjaKind.NAME
        return self.tokens[opening - 1].text if named and self.roles[opening - 1] is not Role.WORD else ""


def understand(block: Block) -> ReadBlock:
    """Return *block* with the parts of its names."""
    operators = [token.text if token.kind is _OPERATOR else "" for token in block.tokens]
    code = ReadBlock(block, [], {}, [], block.tokens, operators + [""] * _BEHIND)
    stack: list[int] = []
    roles, opened_by = code.roles, code.opened_by
    for at, token in enumerate(block.tokens):
        operator = operators[at]
        if operator in _CLOSING and stack:
            code.closes[stack.pop()] = at
        opened_by.append(stack[-1] if stack else -1)
        if operator in _OPENING:
            stack.append(at)
        roles.append(_role(code, at) if token.kind is _NAME else None)
    return code


_OPERATOR, _NAME = JinjaKind.OPERATOR, JinjaKind.NAME
_OPENING, _CLOSING = frozenset({"(", "[", "{"}), frozenset({")", "]", "}"})
_BEHIND = 4
"""Tokens behind a name that are looked at."""


def _role(code: ReadBlock, at: int) -> Role:
    tokens, before = code.tokens, code.operators[at - 1]
    text = tokens[at].text
    if code.block.statement and not at:
        return Role.TAG
    if before in {".", "|"}:
        return Role.ATTRIBUTE if before == "." else Role.FILTER
    if at == 1 and code.block.statement and tokens[0].text == "filter":
        return Role.FILTER
    asked = at - 2 if is_word(code, at - 1, "not") else at - 1
    if is_word(code, asked, "is"):
        return Role.WORD if text == "not" and asked == at - 1 else Role.TEST
    if code.operators[at + 1] == "=":
        return Role.ARGUMENT
    return Role.WORD if text in known.WORDS else Role.VARIABLE


def is_word(code: ReadBlock, at: int, word: str) -> bool:
    """Return True if *word* stands at *at*, and is no name."""
    return 0 <= at < len(code.roles) and code.roles[at] is Role.WORD and code.tokens[at].text == word


def key_of(code: ReadBlock, at: int) -> str:
    """Return the name at *at*, an attribute's with its point."""
    return "." * (code.roles[at] is Role.ATTRIBUTE) + code.tokens[at].text
