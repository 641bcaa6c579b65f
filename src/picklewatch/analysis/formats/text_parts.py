"""The parts of a text as its parsers see them: keys with their values, tags, and the texts inside of its strings.

A string of JSON or YAML may be such a text again, which its consumer parses once more (Keras keeps configurations so),
so strings that may be such texts are read, too. Most texts hold none of the `text_signs` and are not read at all.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from picklewatch.analysis.formats.text_pairs import Pairs
from picklewatch.analysis.formats.text_signs import AS_KEY, BESIDE_OTHERS, ESCAPES, EXPRESSIONS, TEMPLATES, words_beside
from picklewatch.analysis.formats.yaml_scanner import YamlScanner
from picklewatch.analysis.pickle import LimitReached

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

_HELPERS = re.compile(rb"hydra\.(?:utils|_internal)\b|\.(?:getattr|partial)\b|\.instantiate_(?:class|module)\b")
"""Functions whose arguments name others: no text beside them may be skipped."""
_OTHER_BREAKS = tuple(map(re.compile, (rb"\xc2\x85", rb"\xe2\x80[\xa8\xa9]")))
"""Line breaks of YAML 1.1 that are characters in YAML 1.2 and JSON."""


def readings(scan: Scan, data: memoryview, found: set[bytes]) -> Iterator[Met]:
    """Yield the parts that parsers of JSON and YAML find in *data*, and in those of its strings that are such texts.

    *found* are its signs.
    """
    spelt = {sign: re.escape(sign) + (AS_KEY if sign in BESIDE_OTHERS else b"") for sign in sorted(found)}
    others = [re.escape(other) + AS_KEY for other in sorted(words_beside(found))]
    whole = _HELPERS.search(data) is not None or not EXPRESSIONS.isdisjoint(found)
    wanted = None if whole else re.compile(b"|".join([ESCAPES, *spelt.values(), *others]))
    a_text = re.compile(b"|".join([ESCAPES, *(spelt[sign] for sign in spelt if sign not in TEMPLATES)]))
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
