"""Jinja's templates that a loader renders: what they do beside putting a text together. Never rendered."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from picklewatch.analysis.jinja_lexer import JinjaKind, Lexed, lex
from picklewatch.analysis.template_names import ReadBlock, Role, understand
from picklewatch.analysis.template_rules import ESCAPE, PRIVATE, UNKNOWN, BlockJudge, Reach
from picklewatch.analysis.template_texts import held_texts
from picklewatch.catalogue.loaders import jinja_names as known
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PER_CHARACTER, PER_TOKEN = 1 / 16, 6
"""Units of work."""
_DEEP = re.compile(
    r"__(?:globals|builtins|subclasses|import|mro|bases?|code|closure|getattribute|reduce|reduce_ex|loader|spec)__",
    re.IGNORECASE,
)
"""Internals of which texts that are no templates of chats never speak in an expression."""
_OF_CHATS = frozenset({"add_generation_prompt", "bos_token", "eos_token", "raise_exception", "strftime_now"})
_OF_MESSAGES = frozenset({"role", "content", "tool_calls"})


class Template:
    """One template."""

    def __init__(self, text: str) -> None:
        self.lexed: Lexed = lex(text)
        count = sum(len(block.tokens) for block in self.lexed.blocks)
        self.cost = int(PER_CHARACTER * len(text)) + PER_TOKEN * count
        self.codes = [understand(block) for block in self.lexed.blocks]
        self.whole = self.lexed.whole and not any(map(_refused, self.codes))
        """False if Jinja refuses it."""

    @property
    def acts(self) -> bool:
        """Return True if it does more than print variables."""
        return any(code.block.statement or len(code.tokens) > 1 for code in self.codes)

    @property
    def states(self) -> bool:
        """Return True if it has a statement of Jinja's."""
        tags = known.TAGS | known.FILES
        return any(code.block.statement and code.tokens and code.tokens[0].text in tags for code in self.codes)

    def is_of_chat(self) -> bool:
        """Return True if it uses names that only software for chats has."""
        used = {code.tokens[at].text for code in self.codes for at, role in enumerate(code.roles) if role is not None}
        texts = {token.text for code in self.codes for token in code.tokens if token.kind is JinjaKind.STRING}
        of_messages = "messages" in used and not _OF_MESSAGES.isdisjoint(used | texts)
        return of_messages or not _OF_CHATS.isdisjoint(used)

    def reaches(self, *, rendered: bool) -> list[Reach]:
        """Return the worst that it does by each rule.

        *rendered* is True if a loader is known to render it, as a chat's template.
        """
        worst: dict[str, Reach] = {}
        for reach in self._reaches(rendered=rendered):
            if reach.rule not in worst or reach.level.rank > worst[reach.rule].level.rank:
                worst[reach.rule] = reach
        return [*worst.values()]

    def _reaches(self, *, rendered: bool) -> list[Reach]:
        if self.lexed.long and not rendered:
            return [Reach(UNKNOWN, Level.UNVERIFIED, "more code than is read")]
        if not self.whole and not rendered:
            return []
        held = held_texts(self.codes)
        found = [reach for code in self.codes for reach in BlockJudge(code, held).reaches()]
        if rendered:
            if not self.whole:
                why = "more code than is read" if self.lexed.long else "what Jinja refuses to read"
                found.append(Reach(UNKNOWN, Level.UNVERIFIED, why))
            return [*found, *self._unknown(self.codes)]
        unmarked = [code for code in self.codes if not code.block.marked]
        ways = {one.way.partition(" (")[0] for one in found if one.rule == ESCAPE and one.level is Level.UNSAFE}
        several = len(ways - {PRIVATE}) > 1
        return [*(_softened(one, several=several) for one in found), *self._unknown(unmarked)]

    def _unknown(self, codes: Sequence[ReadBlock]) -> Iterator[Reach]:
        """Yield the first name of *codes* that is on no list, of each kind."""
        own = {
            code.tokens[1].text
            for code in self.codes
            if len(code.tokens) > 1 and code.tokens[0].text == "macro" and code.block.statement
        }
        assigned = {
            code.tokens[at].text
            for code in self.codes
            for at, role in enumerate(code.roles)
            if role is Role.ARGUMENT or (role is Role.VARIABLE and code.tokens[0].text in _ASSIGNING)
        }
        own |= assigned
        seen: set[str] = set()
        for code in codes:
            for at, role in enumerate(code.roles):
                kind = None if role is None else _unlisted(code, at, role, own)
                if kind is not None and kind not in seen:
                    seen.add(kind)
                    yield Reach(UNKNOWN, Level.UNVERIFIED, f"the {kind} {code.tokens[at].text[:40]!r}")


_ASSIGNING = frozenset({"macro", "for", "set", "call"})


def _refused(code: ReadBlock) -> bool:
    """Return True for what Jinja's parser refuses and other languages write: braces that are no dictionary.

    Python's ``f"{{{name}}}"`` and React's ``style={{width: 1}}`` are read by its lexer.
    """
    if "{" not in code.operators and ":" not in code.operators:
        return False
    colons = {code.opened_by[at] for at, operator in enumerate(code.operators) if operator == ":"}
    if -1 in colons and not code.block.statement:
        return True
    return any(
        code.operators[opening] == "{" and closing > opening + 1 and opening not in colons
        for opening, closing in code.closes.items()
    )


def _softened(reach: Reach, *, several: bool) -> Reach:
    """Return *reach* as it counts in a text of which no loader of models is known to render it."""
    if reach.rule != ESCAPE or (reach.level is Level.MALICIOUS and _DEEP.search(reach.way) is not None):
        level = reach.level if reach.rule == ESCAPE else Level.UNVERIFIED
    else:
        level = Level.UNSAFE if several else Level.UNVERIFIED
    return reach._replace(level=level)


def _unlisted(code: ReadBlock, at: int, role: Role, own: set[str]) -> str | None:
    """Return the kind of the name at *at* if it is on no list."""
    text = code.tokens[at].text
    called = code.operators[at + 1] == "("
    if role is Role.TAG:
        unlisted = text not in known.TAGS and text not in known.FILES
    elif role is Role.FILTER:
        unlisted = text not in known.FILTERS
    elif role is Role.TEST:
        unlisted = text not in known.TESTS
    elif role is Role.ATTRIBUTE:
        unlisted = called and text not in known.METHODS and text not in own
    else:
        unlisted = role is Role.VARIABLE and called and text not in known.FUNCTIONS and text not in own
    names = {Role.TAG: "tag", Role.FILTER: "filter", Role.TEST: "test", Role.ATTRIBUTE: "method"}
    return names.get(role, "function") if unlisted else None
