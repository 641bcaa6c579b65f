"""The parts of a text as its parsers see them: keys with their values, tags, and the texts inside of its strings.

A string of JSON or YAML may be such a text again, which its consumer parses once more (Keras keeps configurations so),
so strings that may be such texts are read, too. Most texts hold none of the `Signs` and are not read at all.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from picklewatch.analysis.formats.hidden_pickles import WELL_KNOWN
from picklewatch.analysis.formats.spelling import pieces
from picklewatch.analysis.formats.text_pairs import Pairs
from picklewatch.analysis.formats.yaml_scanner import YamlScanner
from picklewatch.analysis.pickle import LimitReached
from picklewatch.catalogue.loaders.loader_entry import Names
from picklewatch.catalogue.loaders.loader_keys import LOADER_KEYS
from picklewatch.catalogue.loaders.loader_names import DENIED_ROOTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from picklewatch.analysis.formats.context import Scan
    from picklewatch.analysis.formats.text_pairs import Met

NESTED_TEXTS = 8
"""Texts in strings of texts that are read; a deeper one is reported as ``limit-depth``: the scan is incomplete."""

_CHARGED = 0x1000
"""Tokens that are charged for at a time."""
_TOKEN = 5
"""Units of work of one token."""

TEMPLATES = (b"{{", b"{%")
_TAGS = (b"!!p", b"!!%70", b"!<t", b"!<%74", b"%TAG", b"!%6", b"!<!%6")
"""One of them is in every text in which a tag is one of ``tag:yaml.org,2002:python/…``, however it is spelt."""
_KEYS = (b"irVersion", b":serialized:", b"class_name", b"${")
_COMPANIONS: dict[bytes, tuple[bytes, ...]] = {}
"""Keys that loaders act on → words of which one is in the text, too, or the key is an everyday word."""
for _entry in filter(lambda entry: entry.in_texts, LOADER_KEYS):
    _COMPANIONS[_entry.key.encode()] = (
        *_COMPANIONS.get(_entry.key.encode(), ()),
        *(other.encode() for other in (*_entry.companions, *_entry.words)),
    )
_EXPRESSIONS = {entry.key.encode() for entry in LOADER_KEYS if entry.names is Names.MARKED}
_TARGET = b"target"
_OTHERS = {other for others in _COMPANIONS.values() for other in others} - set(_COMPANIONS)
_SIGNS = (*_TAGS, *_KEYS, *_COMPANIONS, *TEMPLATES)
_LOOKED_FOR = (*_SIGNS, *sorted(_OTHERS.difference(_SIGNS)))
_LONGEST = max(map(len, _LOOKED_FOR)) - 1
_STEMS = (
    b"__", b"target", b"class", b"emplate", b"ctivation", b"import", b"module", b"omponent", b"doc_to_", b"attn_imp",
    b"param", b"py/", b"default_", b"train_", b"custom_", b"_config", b"_map", b"_version", b"_model", b"impl", b"$",
    b"!",
)  # fmt: skip
"""Parts that several of them have: where it is missing, they are not looked for."""
_BY_STEM: dict[bytes, list[bytes]] = {}
for _sign in _LOOKED_FOR:
    _BY_STEM.setdefault(next((stem for stem in _STEMS if stem in _sign), _sign), []).append(_sign)
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


class Signs:
    """The keys, tags and templates that make a text worth reading, found in its `pieces`: complete, and fast."""

    def __init__(self) -> None:
        self._found: set[bytes] = set()
        self._names_a_function = False
        self._before = b""

    def look_in(self, piece: bytes) -> None:
        """Search the next piece."""
        text = self._before + piece
        for stem, signs in _BY_STEM.items():
            if stem in text:
                self._found.update(sign for sign in signs if sign not in self._found and sign in text)
        self._names_a_function = self._names_a_function or _CALLABLE.search(text) is not None
        self._before = text[-_LONGEST:]

    @property
    def found(self) -> set[bytes]:
        """The signs in the pieces so far: everyday words beside a companion, ``target`` beside an attack's function."""
        alone = {sign for sign, others in _COMPANIONS.items() if others and self._found.isdisjoint(others)}
        if self._names_a_function:
            alone.discard(_TARGET)
        return {sign for sign in _SIGNS if sign in self._found} - alone


_EVERYDAY = {sign for sign, others in _COMPANIONS.items() if others} - {b"class_name", b"plugins", b"backbone", b"head"}
_DULL = rb"[\"']?+[ \t]*+[:=][ \t]*+(?:-?[0-9]|null|true|false|\[|\"([^\"\\.:]*+)\")"
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
    whole = _HELPERS.search(data) is not None or not _EXPRESSIONS.isdisjoint(found)
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


def _associated(scan: Scan, scanner: YamlScanner) -> Iterator[Met]:
    """Yield tags, pairs and lone scalars of the scanner's tokens, and the ends of documents."""
    pairs = Pairs(scanner)
    for number, token in enumerate(scanner, 1):
        if number % _CHARGED == 0:
            scan.budget.charge(_CHARGED * _TOKEN)
            scan.check()
        yield from pairs.take(token)
    yield from pairs.rest()
