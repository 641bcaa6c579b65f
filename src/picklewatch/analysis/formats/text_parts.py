"""The parts of a text as its parsers see them: keys with their values, tags, and the texts inside of its strings.

A string of JSON or YAML may be such a text again, which its consumer parses once more (Keras keeps configurations so),
so strings that may be such texts are read, too. Most texts hold none of the `Signs` and are not read at all.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from picklewatch.analysis.formats.hidden_pickles import WELL_KNOWN
from picklewatch.analysis.formats.yaml_scanner import YamlScanner
from picklewatch.analysis.formats.yaml_tokens import Token, TokenKind
from picklewatch.analysis.pickle import LimitReached

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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
_KEYS = (b"_target_", b"py/", b"auto_map", b"chat_template", b"class_name", b"irVersion", b":serialized:")
_TARGET = b"target"
_SIGNS = (*_TAGS, *_KEYS, _TARGET, *TEMPLATES)
_LONGEST = max(map(len, _SIGNS)) - 1
_CALLABLE = re.compile(rb"\.(?:" + b"|".join(sorted(map(str.encode, WELL_KNOWN))) + rb")\b")
"""A name that counts even if a mere ``target`` gives it."""
_AS_KEY = rb"target(?=[\s\"'\\]*+[:#]|\s*+\\)"
"""The word where it can be a key: in the JSON and the single words that are skipped, nothing else makes it one."""
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


class Signs:
    """The keys, tags and templates that make a text worth reading, found in its `pieces`: complete, and fast."""

    def __init__(self) -> None:
        self._found: set[bytes] = set()
        self._names_a_function = False
        self._before = b""

    def look_in(self, piece: bytes) -> None:
        """Search the next piece."""
        text = self._before + piece
        self._found.update(sign for sign in _SIGNS if sign not in self._found and sign in text)
        self._names_a_function = self._names_a_function or _CALLABLE.search(text) is not None
        self._before = text[-_LONGEST:]

    @property
    def found(self) -> set[bytes]:
        """The signs in the pieces so far; a mere ``target`` counts only beside a function that attacks use."""
        return self._found if self._names_a_function else self._found - {_TARGET}


def readings(scan: Scan, data: memoryview, found: set[bytes]) -> Iterator[Met]:
    """Yield the parts that parsers of JSON and YAML find in *data*, and in those of its strings that are such texts.

    *found* are its signs.
    """
    spelt = {sign: _AS_KEY if sign == _TARGET else re.escape(sign) for sign in sorted(found)}
    wanted = re.compile(b"|".join([_ESCAPES, *spelt.values()]))
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
                    yield here
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


def _associated(scan: Scan, tokens: Iterable[Token]) -> Iterator[Met]:  # noqa: C901, PLR0912  (one loop, for speed)
    """Yield tags, pairs and lone scalars of *tokens*; an alias is replaced by its anchor's scalar."""
    anchors: dict[bytes, Token] = {}
    anchor: bytes | None = None
    key: Token | None = None
    last: Token | None = None
    """A scalar that is a value of *key*, or alone, unless a colon follows it."""
    for number, token in enumerate(tokens, 1):
        if number % _CHARGED == 0:
            scan.budget.charge(_CHARGED * _TOKEN)
            scan.check()
        kind = token.kind
        if kind is _SCALAR or kind is _ALIAS:
            scalar = token if kind is _SCALAR else anchors.get(token.text)
            if last is not None:
                yield _pair(key, last)
                key = None
            if scalar is not None and anchor is not None:
                anchors[anchor] = scalar
                anchor = None
            last = scalar
        elif kind is _VALUE:
            if key is not None:
                yield Met(key.at, key=key.text, quoted=True)
            key, last = last, None
        elif kind is _TAG:
            yield Met(token.at, tag=token.text)
        elif kind is _ANCHOR:
            anchor = token.text
        else:
            if last is not None:
                yield _pair(key, last)
            elif key is not None:
                yield Met(key.at, key=key.text, quoted=True)
            key = last = anchor = None
    if last is not None:
        yield _pair(key, last)


_SCALAR, _ALIAS, _VALUE = TokenKind.SCALAR, TokenKind.ALIAS, TokenKind.VALUE
_TAG, _ANCHOR = TokenKind.TAG, TokenKind.ANCHOR


def _pair(key: Token | None, value: Token) -> Met:
    if key is None:
        return Met(value.at, value=value.text, quoted=value.quoted)
    return Met(value.at, key=key.text, value=value.text, quoted=key.quoted or value.quoted)
