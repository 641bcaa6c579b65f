"""Tags, pairs and lone scalars out of the tokens of YAML and JSON, with the mappings and lists that they stand in."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from picklewatch.analysis.formats.yaml_tokens import Token, TokenKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from picklewatch.analysis.formats.yaml_scanner import YamlScanner


class Met(NamedTuple):
    """A tag, a key with its value, or a string."""

    at: int
    tag: bytes = b""
    key: bytes = b""
    value: bytes | None = None
    """None: a collection."""
    quoted: bool = False
    """True if the key or the value is in quotes, or the value is a collection."""
    scope: int = 0
    """The number of the mapping or list that it stands in."""
    opens: int = -1
    """The number of the mapping or list that is the value; -1 for none."""
    ends: bool = False
    """True for the end of a document, after all that stands in it."""
    loads: bool = True
    """For an end: False if every parser of YAML refuses the document, as it does prose."""


class _Scopes:
    """The mappings and lists that a token stands in, by the keys that opened them."""

    def __init__(self, scanner: YamlScanner) -> None:
        self._scanner = scanner
        self._open: list[tuple[int, int, int]] = []
        """Depth of brackets, column and number of each."""
        self._count = 0
        self._wholly = -1
        """The number of the one in which nothing may be skipped, or -1."""

    @property
    def current(self) -> int:
        """The number of the innermost."""
        return self._open[-1][2] if self._open else 0

    def leave(self, column: int) -> None:
        """Leave those that end before a key at *column*."""
        depth = self._scanner.depth
        while self._open and (
            self._open[-1][0] > depth or (self._open[-1][0] == depth and column <= self._open[-1][1])
        ):
            if self._open.pop()[2] == self._wholly:
                self._wholly, self._scanner.whole = -1, False

    def enter(self, column: int, *, whole: bool) -> int:
        """Enter the value of a key at *column*, and return its number."""
        self._count += 1
        self._open.append((self._scanner.depth, column, self._count))
        if whole and self._wholly < 0:
            self._wholly, self._scanner.whole = self._count, True
        return self._count

    def clear(self) -> None:
        """Leave all."""
        self._open.clear()
        self._wholly, self._scanner.whole = -1, False


class Pairs:
    """Makes tags, pairs and lone scalars of tokens; an alias is replaced by its anchor's scalar."""

    def __init__(self, scanner: YamlScanner) -> None:
        self._scanner = scanner
        self._scopes = _Scopes(scanner)
        self._anchors: dict[bytes, Token] = {}
        self._anchor: bytes | None = None
        self._key: Token | None = None
        self._scope = 0
        """The scope of the key."""
        self._opens = -1
        self._last: tuple[Token, int] | None = None
        """A scalar that is a value of the key, or alone, unless a colon follows it, and its column."""

    def take(self, token: Token) -> Iterator[Met]:
        """Take in the next token, and yield what is complete with it."""
        kind = token.kind
        if kind is _SCALAR or kind is _ALIAS:
            scalar = token if kind is _SCALAR else self._anchors.get(token.text)
            yield from self._flushed()
            if scalar is not None and self._anchor is not None:
                self._anchors[self._anchor] = scalar
                self._anchor = None
            self._last = None if scalar is None else (scalar, self._scanner.column(token.at))
        elif kind is _VALUE:
            if self._key is not None:
                yield self._collection(self._key)
            self._begin_value()
        elif kind is _TAG:
            yield Met(token.at, tag=token.text)
        elif kind is _ANCHOR:
            self._anchor = token.text
        else:
            if self._last is None and self._key is not None:
                yield self._collection(self._key)
            yield from self._flushed()
            self._key = self._anchor = None
            if kind is _CLOSE:
                self._scopes.leave(_NO_COLUMN)
            elif kind is _DOCUMENT:
                self._scopes.clear()
                yield self.end()

    def _begin_value(self) -> None:
        self._key, column = self._last if self._last is not None else (None, _NO_COLUMN)
        self._last = None
        if self._key is None:
            return
        self._scopes.leave(-1 if self._scanner.depth else column)
        self._scope = self._scopes.current
        whole = self._key.text in _WHOLE
        self._opens = self._scopes.enter(_NO_COLUMN if self._scanner.depth else column, whole=whole)

    def _flushed(self) -> Iterator[Met]:
        """Yield the scalar that waits, as the value of the key if there is one."""
        if self._last is None:
            return
        (value, _column), key = self._last, self._key
        self._last = self._key = None
        if key is not None:
            yield Met(value.at, key=key.text, value=value.text, quoted=key.quoted or value.quoted, scope=self._scope)
        else:
            yield Met(value.at, value=value.text, quoted=value.quoted, scope=self._scopes.current)

    def _collection(self, key: Token) -> Met:
        return Met(key.at, key=key.text, quoted=True, scope=self._scope, opens=self._opens)

    def end(self) -> Met:
        """Return the end of a document."""
        return Met(0, ends=True, loads=self._scanner.refused == 0)

    def rest(self) -> Iterator[Met]:
        """Yield what is left at the end of the text."""
        yield from self._flushed()
        yield self.end()


_NO_COLUMN = 1 << 30
"""The column of what stands in brackets: there the depth alone counts."""
_WHOLE = frozenset({b"auto_map", b"weight_map", b"custom_pipeline", b"architecture"})
"""Keys whose mappings are read to their end."""


_SCALAR, _ALIAS, _VALUE = TokenKind.SCALAR, TokenKind.ALIAS, TokenKind.VALUE
_TAG, _ANCHOR, _CLOSE, _DOCUMENT = TokenKind.TAG, TokenKind.ANCHOR, TokenKind.CLOSE, TokenKind.DOCUMENT
