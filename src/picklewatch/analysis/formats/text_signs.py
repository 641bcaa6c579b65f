"""Signs that a text holds what a loader acts on: keys, tags, templates. Most texts hold none, and are not read at all.

A key of the table counts only beside everything without which its loader does nothing: ``"type"`` is in every second
file of JSON, but the loader of sentence-transformers wants an ``idx``, a ``name`` and a ``path`` beside it. So only the
least everyday word of each is looked for in every text, and by the rarest of its letters, which is what makes it fast.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from picklewatch.analysis.formats.hidden_pickles import WELL_KNOWN
from picklewatch.analysis.formats.spelling import pieces, understood
from picklewatch.catalogue.loaders.loader_entry import Names
from picklewatch.catalogue.loaders.loader_keys import BY_KEY, LOADER_KEYS
from picklewatch.catalogue.loaders.loader_names import DENIED_ROOTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from picklewatch.catalogue.loaders.loader_entry import LoaderKey

TEMPLATES = (b"{{", b"{%")
_TAGS = (b"!!p", b"!!%70", b"!<t", b"!<%74", b"%TAG", b"!%6", b"!<!%6")
"""One of them is in every text in which a tag is one of ``tag:yaml.org,2002:python/…``, however it is spelt."""
KERAS = (b"Sequential", b"Functional", b"Model", b"Lambda")
"""Classes that a description of a Keras model names."""
_LAMBDAS = (b"Lambda", b"__lambda__")
_ALONE = (*_TAGS, *TEMPLATES, b"irVersion", b":serialized:", b"${")
"""Signs that need nothing beside them."""
ESCAPES = rb"\\(?:u00[2-7]|x[2-7]|U000000[2-7]|/|[\r\n])"
"""Escapes that a sign could be spelt with."""
_ESCAPED = re.compile(ESCAPES)
_ESCAPED_TWICE = re.compile(rb"\\" + ESCAPES)
"""An escape in a text that is a string of another one."""
_TEXTS_IN_TEXTS = 8
"""Times that such escapes are undone: see `picklewatch.analysis.formats.text_parts.NESTED_TEXTS`."""


_MARKED = re.compile(
    rb"\$(?!\{|\d[\d,.]*+(?!\s*+(?:or|and|if|in|is|not|[-+*/%<>=|&^@(\[.])))"
    rb"(?:(?<=[\"'\s:,\[{?>|-]\$)(?:(?<=[\"'\n:,\[{?>|-]\$)|(?<=[\"'\s:,\[{?>|-][ \t]\$)))"
)
"""A dollar sign that may begin a text, and no sum of money: MONAI evaluates what follows it, whatever it is."""


class _Need(NamedTuple):
    """A sign, and what else is in a text in which it counts."""

    sign: bytes
    beside: tuple[tuple[bytes, ...], ...] = ()
    """Groups of words: one of each is there."""
    first: tuple[bytes, ...] = ()
    """The one of the groups that is looked for first: the least everyday words."""

    @property
    def words(self) -> tuple[bytes, ...]:
        """All words."""
        return (self.sign, *(word for group in self.beside for word in group))

    def known_absent(self, found: set[bytes], looked_for: Iterable[bytes]) -> bool:
        """Return True if a word that is needed is not among the *found*, of those that were *looked_for*."""
        groups = ((self.sign,), *self.beside)
        return any(found.isdisjoint(group) and all(word in looked_for for word in group) for group in groups)


_COMMON = frozenset(
    {b"pip", b"download", b"type", b"class", b"template", b"impl", b"provider", b"plugins", b"head", b"module"}
)
"""Keys that are in every second text: what stands beside them is rarer."""


def _need(entry: LoaderKey) -> _Need:
    """Return what `picklewatch.analysis.loader_acts` needs to judge *entry*, as words of the text."""
    key = entry.key.encode()
    others = tuple(other.encode() for other in (*entry.companions, *entry.words))
    groups: list[tuple[bytes, ...]] = [others] if others else []
    if entry.names is Names.LIBRARY:
        groups = [(other,) for other in others]
    if entry.rest:
        groups.append((entry.rest.encode(),))
    if entry.names is Names.LAMBDA:
        groups.append(_LAMBDAS)
    rarest = groups[-1 if entry.rest else 0] if key in _COMMON else (key,)
    return _Need(key, tuple(groups), rarest)


def _loosely(need: _Need) -> _Need:
    """Return *need* with any of its words beside it."""
    return need._replace(beside=(tuple(word for group in need.beside for word in group),) if need.beside else ())


_KEYS = tuple(entry for entry in LOADER_KEYS if entry.in_texts)
_NEEDS = (
    *(_Need(sign, first=(sign,)) for sign in _ALONE),
    *map(_need, _KEYS),
    _Need(b"class_name", (KERAS,), (b"class_name",)),
)
_LOOSE = (*map(_loosely, _NEEDS), _Need(b"class_name"))
"""The same for texts of which parts may be spelt in another way: in strings in strings, and in templates."""
_FIRST = frozenset(word for need in _NEEDS for word in need.first)
BESIDE_OTHERS = frozenset(entry.key.encode() for entry in _KEYS if entry.companions or entry.words)
"""Keys that count only beside others."""
EXPRESSIONS = frozenset(entry.key.encode() for entry in _KEYS if entry.names is Names.MARKED)
"""Beginnings of texts that are evaluated."""
_EVERYDAY = BESIDE_OTHERS - {b"class_name", b"plugins", b"backbone", b"head", b"pip", b"build_dependencies"}
_COMPANIONS: set[bytes] = {
    other.encode() for entry in _KEYS for other in (*entry.companions, *entry.words) if other not in BY_KEY
}
_TARGET = b"target"
_CALLABLE = re.compile(rb"\.(?:" + b"|".join(sorted(map(str.encode, WELL_KNOWN))) + rb")\b")
"""A name that counts even if a mere ``target`` gives it."""
_LONGEST = (
    max(len(word) for need in _NEEDS for word in (need.sign, *(one for group in need.beside for one in group))) - 1
)
AS_KEY = rb"(?=[\s\"'\\]*+[:#]|\s*+\\)"
"""Behind an everyday word, where it can be a key: in the JSON and the single words that are skipped, nothing else
makes it one."""
_DULL = rb"[\"']?+[ \t]*+[:=][ \t]*+(?:-?[0-9]|null|true|false|\[|\"([^\"\\.:]*+)\")"
"""Behind a key: a value that names nothing, or a module at most."""
_ANCHORS = b"_$@{!%(Vxgy"
"""Characters of signs, rarer in texts than the rest of the sign: one search for each finds all signs that have it."""


def _anchor(word: bytes) -> bytes:
    return next((bytes([code]) for code in _ANCHORS if code in word), b"")


_BY_ANCHOR = {
    anchor: frozenset(word for word in _FIRST if _anchor(word) == anchor) for anchor in set(map(_anchor, _FIRST))
}
"""Anchor → the words that are looked for first."""


@lru_cache(maxsize=256)
def _anchored(words: frozenset[bytes], anchor: bytes) -> re.Pattern[bytes]:
    """Return a pattern of *words* that begins with their *anchor*, for which the engine has a fast search."""
    by_next: dict[bytes, list[bytes]] = {}
    for word in sorted(words):
        at = word.index(anchor) + 1
        behind = b"(?<=" + re.escape(word) + b")" if at > 1 else b""
        by_next.setdefault(word[at : at + 1], []).append(re.escape(word[at + 1 :]) + behind)
    spelt = (re.escape(letter) + b"(?:" + b"|".join(rest) + b")" for letter, rest in by_next.items())
    return re.compile(re.escape(anchor) + b"(?:" + b"|".join(spelt) + b")")


_OFTEN = 256
"""Occurrences of words after which the search goes on without those that were found: its pattern is made anew."""


class Signs:
    """The signs of one text, found in its `pieces`, one after another."""

    def __init__(self) -> None:
        self._found: set[bytes] = set()
        self._left = dict(_BY_ANCHOR)
        """Anchor → the words with it that were not found yet."""
        self._loose = False
        self._before = b"\n"

    def look_in(self, piece: bytes) -> None:
        """Search the next piece."""
        text = self._before + piece
        for layer in _layers(text):
            self._search(layer)
        self._before = text[-_LONGEST:]

    def _search(self, text: bytes) -> None:
        for anchor, words in self._left.items():
            if not anchor:
                self._met(anchor, {word for word in words if word in text})
            elif words and anchor in text:
                self._look_at(text, anchor)
        self._loose = (
            self._loose
            or (b"\\" in text and _ESCAPED.search(text) is not None)
            or (b"$" in text and _MARKED.search(text) is not None)
        )

    def _look_at(self, text: bytes, anchor: bytes) -> None:
        words = self._left[anchor]
        at = hits = 0
        while (match := _anchored(words, anchor).search(text, at)) is not None:
            at = match.start()
            self._met(anchor, {word for word in words if text.startswith(word, max(at - word.index(anchor), 0))})
            at += 1
            hits += 1
            if hits >= _OFTEN:  # words that come again and again are left out from here on
                words, hits = self._left[anchor], 0
                if not words:
                    break

    def _met(self, anchor: bytes, words: set[bytes]) -> None:
        if words:
            self._found |= words
            self._left[anchor] -= words

    def counting(self, data: memoryview) -> set[bytes]:
        """Return the signs with all that they need in *data*, whose pieces were searched."""
        loose = self._loose or not self._found.isdisjoint(TEMPLATES)
        if not self._found and not loose:
            return set()
        looked_for = set(_FIRST)
        needs = [need for need in (_LOOSE if loose else _NEEDS) if not need.known_absent(self._found, looked_for)]
        if any(need.beside or need.sign not in looked_for for need in needs):
            words = {word for need in needs for word in need.words}.difference(looked_for)
            self._found |= _words(data, words)
            looked_for |= words
            needs = [need for need in needs if not need.known_absent(self._found, looked_for)]
        signs = {need.sign for need in needs}
        if _TARGET in self._found and _TARGET not in signs and _names_a_function(data):
            signs.add(_TARGET)
        return signs


def warm() -> None:
    """Make the patterns: a child would make them again for each text."""
    for anchor, words in _BY_ANCHOR.items():
        if anchor:
            _anchored(words, anchor)


def words_beside(signs: set[bytes]) -> set[bytes]:
    """Return the words that stand beside keys, with all those beside *signs* that are keys themselves."""
    own = {
        word for entry in _KEYS if entry.key.encode() in signs for word in (*entry.companions, *entry.words, entry.rest)
    }
    return _COMPANIONS.union(word.encode() for word in own if word).difference(signs)


def keys_of(signs: set[bytes]) -> set[bytes]:
    """Return those of *signs* that are keys of the table."""
    return {sign for sign in signs if sign.decode() in BY_KEY}


def worth_reading(data: memoryview, counting: set[bytes]) -> set[bytes]:
    """Return *counting* without everyday words of which every value is dull: large data sets have a ``target``, too."""
    return counting - {sign for sign in counting & _EVERYDAY if _is_dull(data, sign)}


def _words(data: memoryview, words: set[bytes]) -> set[bytes]:
    """Return those of *words* that are in *data*."""
    left = set(words)
    for text in _windows(data):
        left -= {word for word in left if word in text}
        if not left:
            break
    return words - left


def _names_a_function(data: memoryview) -> bool:
    """Return True if *data* names a function of attacks, and ``target`` is a key in it with a value that may do so."""
    return not _is_dull(data, _TARGET) and any(_CALLABLE.search(text) is not None for text in _windows(data))


def _windows(data: memoryview) -> Iterator[bytes]:
    """Yield the pieces of *data*, each with the end of the one before."""
    before = b""
    for _, piece in pieces(data):
        text = before + piece
        yield from _layers(text)
        before = text[-_LONGEST:]


def _layers(text: bytes) -> Iterator[bytes]:
    """Yield *text*, and what its strings hold as texts of their own, if words may be spelt with escapes there."""
    yield text
    for _ in range(_TEXTS_IN_TEXTS):
        if b"\\\\" not in text or _ESCAPED_TWICE.search(text) is None:
            return
        text = understood(text.replace(b"\\\\", b"\\"))
        yield text


def _is_dull(data: memoryview, key: bytes) -> bool:
    """Return True if *key* has a number or a plain word as its value wherever it is a key, however it is spelt."""
    if any(_ESCAPED_TWICE.search(piece) is not None for _, piece in pieces(data)):
        return False
    sign = re.escape(key)
    as_key, dull = re.compile(sign + b"(?:" + AS_KEY + rb"|[\"']?+[ \t]*+=)"), re.compile(sign + _DULL)
    left = 0
    for _, piece in pieces(data):
        left += sum(1 for _ in as_key.finditer(piece))
        for match in dull.finditer(piece):
            left -= (match[1] or b"").decode("latin-1") not in DENIED_ROOTS
    return left == 0
