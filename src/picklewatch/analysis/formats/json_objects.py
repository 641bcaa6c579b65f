"""The dictionaries of a JSON text, one after another.

Not `json.loads` (Lib/json/decoder.py): it recurses, holds the whole text as objects, and keeps the last of two equal
keys, where another parser takes the first. Here nothing recurses, and both are kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from picklewatch.analysis.formats.yaml_scanner import YamlScanner
from picklewatch.analysis.formats.yaml_tokens import TokenKind

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator

    from picklewatch.analysis.formats.yaml_tokens import Token


@dataclass(slots=True, eq=False)
class Node:
    """One dictionary, closed or not."""

    strings: dict[bytes, dict[bytes, int]] = field(default_factory=dict)
    """Key → the strings that are its value, or are in the list that is its value, in order, and where each stands."""
    broken: bool = False
    """True if the text was no JSON up to here."""
    key: bytes | None = None
    last: bytes | None = None

    def texts(self, key: bytes) -> dict[bytes, int]:
        """Return the strings of *key*."""
        return self.strings.get(key, {})

    def note(self, token: Token, bracket: bytes) -> None:
        """Take in a token that stands in this dictionary, or in a list of it (*bracket*)."""
        if token.kind is TokenKind.SCALAR and self.key is not None:
            held = self.strings.setdefault(self.key, {})
            held.pop(token.text, None)
            held[token.text] = token.at
        elif token.kind is TokenKind.SCALAR:
            self.last = token.text
        elif bracket == b"{":
            self.key = self.last if token.kind is TokenKind.VALUE else None
            self.last = None


def nodes(data: memoryview | bytes, wanted: re.Pattern[bytes] | None = None) -> Iterator[Node]:
    """Yield every dictionary of *data* when it ends; the last one's `Node.broken` is that of the whole text.

    Text that *wanted* does not match may be left out, except the values of keys that it does.
    """
    scanner = YamlScanner(data, wanted=wanted)
    outer: list[Node] = []
    brackets: list[bytes] = []
    broken = False
    for token in scanner:
        if token.kind is TokenKind.OPEN:
            brackets.append(token.text)
            if token.text == b"{":
                outer.append(Node())
        elif token.kind is TokenKind.CLOSE:
            opened = brackets.pop() if brackets else b""
            broken = broken or opened + token.text not in (b"{}", b"[]") or scanner.refused > 0
            if opened == b"{":
                node = outer.pop()
                node.broken = broken
                yield node
        elif outer:
            outer[-1].note(token, brackets[-1])
            key = outer[-1].key
            scanner.whole = key is not None and wanted is not None and wanted.search(key) is not None
        else:
            broken = broken or token.kind is not TokenKind.SCALAR
    for node in reversed(outer):
        node.broken = True
        yield node
