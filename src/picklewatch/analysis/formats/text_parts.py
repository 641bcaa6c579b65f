"""The parts of a text as its parsers see them: keys with their values, tags, and the texts inside of its strings.

A string of JSON or YAML may be such a text again, which its consumer parses once more (Keras keeps configurations so),
so strings that may be such texts are read, too. Most texts hold none of the `Signs` and are not read at all.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from picklewatch.analysis.formats.hidden_pickles import WELL_KNOWN
from picklewatch.analysis.formats.spelling import pieces
from picklewatch.analysis.formats.yaml_scanner import YamlScanner
from picklewatch.analysis.formats.yaml_tokens import Token, TokenKind
from picklewatch.analysis.pickle import LimitReached
from picklewatch.catalogue.loaders.loader_keys import LOADER_KEYS
from picklewatch.catalogue.loaders.loader_names import DENIED_ROOTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from picklewatch.analysis.formats.context import Scan

NESTED_TEXTS = 8
"""Texts in strings of texts that are read; a deeper one is reported as ``limit-depth``: the scan is incomplete."""

_CHARGED = 0x1000
"""Tokens that are charged for at a time."""
_TOKEN = 5
"""Units of work of one token."""

TEMPLATES = (b"{{", b"{%")
_TAGS = (b"!!p", b"!!%70", b"!<t", b"!<%74", b"%TAG")
"""One of them is in every text in which a tag is one of ``tag:yaml.org,2002:python/…``, however it is spelt."""
_KEYS = (b"irVersion", b":serialized:", b"class_name", b"${")
_COMPANIONS: dict[bytes, tuple[bytes, ...]] = {}
"""Keys that loaders act on → words of which one is in the text, too, or the key is an everyday word."""
for _entry in filter(lambda entry: entry.in_texts, LOADER_KEYS):
    _COMPANIONS[_entry.key.encode()] = (
        *_COMPANIONS.get(_entry.key.encode(), ()),
        *(other.encode() for other in (*_entry.companions, *_entry.words)),
    )
_TARGET = b"target"
_OTHERS = {other for others in _COMPANIONS.values() for other in others} - set(_COMPANIONS)
_SIGNS = (*_TAGS, *_KEYS, *_COMPANIONS, *TEMPLATES)
_LOOKED_FOR = (*_SIGNS, *sorted(_OTHERS.difference(_SIGNS)))
_LONGEST = max(map(len, _LOOKED_FOR)) - 1
_CALLABLE = re.compile(rb"\.(?:" + b"|".join(sorted(map(str.encode, WELL_KNOWN))) + rb")\b")
"""A name that counts even if a mere ``target`` gives it."""
_AS_KEY = rb"(?=[\s\"'\\]*+[:#]|\s*+\\)"
"""Behind an everyday word, where it can be a key: in the JSON and the single words that are skipped, nothing else
makes it one."""
_HELPERS = re.compile(rb"hydra\.(?:utils|_internal)\b|\.(?:getattr|partial)\b|\.instantiate_(?:class|module)\b")
"""Functions whose arguments name others: no text beside them may be skipped."""
_ESCAPES = rb"\\(?:u00[2-7]|x[2-7]|U000000[2-7]|/|[\r\n])"
"""Escapes that a sign could be spelt with."""
_OTHER_BREAKS = tuple(map(re.compile, (rb"\xc2\x85", rb"\xe2\x80[\xa8\xa9]")))
"""Line breaks of YAML 1.1 that are characters in YAML 1.2 and JSON."""


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


class Signs:
    """The keys, tags and templates that make a text worth reading, found in its `pieces`: complete, and fast."""

    def __init__(self) -> None:
        self._found: set[bytes] = set()
        self._names_a_function = False
        self._before = b""

    def look_in(self, piece: bytes) -> None:
        """Search the next piece."""
        text = self._before + piece
        self._found.update(sign for sign in _LOOKED_FOR if sign not in self._found and sign in text)
        self._names_a_function = self._names_a_function or _CALLABLE.search(text) is not None
        self._before = text[-_LONGEST:]

    @property
    def found(self) -> set[bytes]:
        """The signs in the pieces so far: everyday words beside a companion, ``target`` beside an attack's function."""
        alone = {sign for sign, others in _COMPANIONS.items() if others and self._found.isdisjoint(others)}
        if self._names_a_function:
            alone.discard(_TARGET)
        return {sign for sign in _SIGNS if sign in self._found} - alone


_EVERYDAY = {sign for sign, others in _COMPANIONS.items() if others} - {b"class_name"}
_DULL = rb"[\"']?+[ \t]*+[:=][ \t]*+(?:-?[0-9]|null|true|false|\[|\"([^\"\\.]*+)\")"
"""Behind a key: a value that names nothing, or a module at most."""


def worth_reading(data: memoryview, found: set[bytes]) -> set[bytes]:
    """Return *found* without everyday words of which every value is dull: large data sets have a ``target``, too."""
    return found - {sign for sign in found & _EVERYDAY if _is_dull(data, re.escape(sign))}


def _is_dull(data: memoryview, sign: bytes) -> bool:
    """Return True if each key *sign* has a number or a plain word as its value, however it is spelt."""
    as_key, dull = re.compile(sign + _AS_KEY + rb"|" + sign + rb"[\"']?+[ \t]*+="), re.compile(sign + _DULL)
    left = 0
    for _, piece in pieces(data):
        left += sum(1 for _ in as_key.finditer(piece))
        for match in dull.finditer(piece):
            left -= (match[1] or b"").decode("latin-1") not in DENIED_ROOTS
    return left == 0


def readings(scan: Scan, data: memoryview, found: set[bytes]) -> Iterator[Met]:
    """Yield the parts that parsers of JSON and YAML find in *data*, and in those of its strings that are such texts.

    *found* are its signs.
    """
    spelt = {sign: re.escape(sign) + (_AS_KEY if _COMPANIONS.get(sign) else b"") for sign in sorted(found)}
    others = [re.escape(other) + _AS_KEY for other in sorted(_OTHERS)]
    whole = _HELPERS.search(data) is not None
    wanted = None if whole else re.compile(b"|".join([_ESCAPES, *spelt.values(), *others]))
    a_text = re.compile(b"|".join([_ESCAPES, *(spelt[sign] for sign in spelt if sign not in TEMPLATES)]))
    waiting: list[tuple[memoryview | bytes, int, int]] = [(data, -1, 0)]
    known: set[bytes] = set()
    while waiting:
        text, outer, depth = waiting.pop()
        for reading in _spellings(text):
            # The inside of a string may be the rest of what another parser takes for a list: it is read so, too.
            for flow in (False, True) if depth == 1 else (False,):
                for met in _associated(scan, YamlScanner(reading, flow=flow, wanted=wanted)):
                    here = met if outer < 0 else met._replace(at=outer)
                    yield here if not met.ends or not is_json(text) else here._replace(loads=True)
                    inner = met.value
                    if not met.quoted or inner is None or len(inner) < 4 or inner in known:  # noqa: PLR2004
                        continue
                    if a_text.search(inner) is None:
                        continue
                    if depth >= NESTED_TEXTS:
                        error = LimitReached("limit-depth", f"Texts are nested more than {NESTED_TEXTS} deep.")
                        scan.stopped(error, "")
                        continue
                    known.add(inner)
                    waiting.append((inner, here.at, depth + 1))


def _spellings(text: memoryview | bytes) -> Iterator[memoryview | bytes]:
    """Yield *text* and, if it has line breaks that only some parsers know, how the others read it."""
    yield text
    if any(pattern.search(text) for pattern in _OTHER_BREAKS):
        for pattern in _OTHER_BREAKS:
            text = pattern.sub(lambda match: b" " * (len(match.group()) - 1) + b"\n", text)
        yield text


_JSON = re.compile(rb"[\s\xef\xbb\xbf]*+(?:\{\s*+[\"}]|\[\s*+(?:[\"\[{\]\d-]|true|false|null))")


def is_json(text: memoryview | bytes) -> bool:
    """Return True if *text* begins as JSON does: its parsers read what those of YAML refuse, a tab for example."""
    return _JSON.match(text) is not None


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


class _Pairs:
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


def _associated(scan: Scan, scanner: YamlScanner) -> Iterator[Met]:
    """Yield tags, pairs and lone scalars of the scanner's tokens, and the ends of documents."""
    pairs = _Pairs(scanner)
    for number, token in enumerate(scanner, 1):
        if number % _CHARGED == 0:
            scan.budget.charge(_CHARGED * _TOKEN)
            scan.check()
        yield from pairs.take(token)
    yield from pairs.rest()


_SCALAR, _ALIAS, _VALUE = TokenKind.SCALAR, TokenKind.ALIAS, TokenKind.VALUE
_TAG, _ANCHOR, _CLOSE, _DOCUMENT = TokenKind.TAG, TokenKind.ANCHOR, TokenKind.CLOSE, TokenKind.DOCUMENT
