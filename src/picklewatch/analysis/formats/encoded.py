"""Pickles spelt in base64 or hexadecimal inside texts and other pickles.

stable-baselines3 keeps cloudpickles so in its JSON (and unpickles them); elsewhere it is a way around scanners.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING

from picklewatch.analysis.formats.hidden_pickles import search
from picklewatch.analysis.formats.part import Part
from picklewatch.analysis.formats.spelling import pieces

if TYPE_CHECKING:
    from collections.abc import Iterator

    from picklewatch.analysis.formats.context import Scan

_HEADERS = (
    re.compile(rb"gA[I-X][A-Za-z0-9+/_-]{6,}={0,2}"),
    re.compile(rb"80(?:02|03|04|05)(?:[0-9a-fA-F]{2}){6,}"),
)
"""Base64 and hexadecimal of a protocol header (0x80, then 2 to 5)."""

_RUNS = (
    re.compile(rb"(?:[A-Za-z0-9+/_-]{2}[\r\n \t]{0,2}){8,}={0,2}"),
    re.compile(rb"(?:[0-9a-fA-F]{2}[\r\n \t]{0,2}){10,}"),
)
"""Base64 and hexadecimal of anything, possibly wrapped."""

_CLOSE_LIMIT = 64 << 10
"""Bytes of a pickle up to which whatever decodes is judged, not only what decodes to a header: no loader decodes it."""


def search_headers(scan: Scan, part: Part) -> None:
    """Judge what decodes to the header of a pickle, as far as it would do harm."""
    _search(scan, part, _HEADERS)


def search_runs(scan: Scan, part: Part) -> None:
    """Judge whatever decodes, in small contents; as far as it would do harm."""
    _search(scan, part, _HEADERS if len(part.data) > _CLOSE_LIMIT else _RUNS)


def _search(scan: Scan, part: Part, patterns: tuple[re.Pattern[bytes], ...]) -> None:
    known: set[bytes] = set()
    for offset, piece in pieces(part.data):
        for pattern in patterns:
            for match in pattern.finditer(piece):
                text = match.group()
                if text in known:
                    continue
                known.add(text)
                _judge(scan, part, offset + match.start(), text)


def _judge(scan: Scan, part: Part, offset: int, text: bytes) -> None:
    scan.check()
    for meant in decoded(text):
        found = Part(memoryview(meant), f"{part.at(offset)}!(encoded)", part.depth + 1)
        search(scan, found, place="in an encoded text")


def judge_serialized(scan: Scan, part: Part, offset: int, text: bytes) -> None:
    """Judge what stable-baselines3 gives to cloudpickle (``":serialized:"``), whatever it decodes to."""
    place = f"{part.at(offset)}!(encoded)"
    found = Part(memoryview(_base64(text)), place, part.depth + 1)
    if len(found.data):
        scan.guarded(place, lambda: scan.pickle(found))


def _base64(text: bytes) -> bytes:
    """Return what `base64.b64decode` makes of *text*; what it would refuse is decoded all the same, padding left out.

    Foreign characters are dropped, and so is padding that ends no group of four.
    """
    try:
        return binascii.a2b_base64(text)
    except binascii.Error:
        text = re.sub(rb"[^A-Za-z0-9+/]", b"", text)
        return binascii.a2b_base64(text[: len(text) - (len(text) % 4 == 1)] + b"==")


def decoded(text: bytes) -> Iterator[bytes]:
    """What *text* may mean: hexadecimal, or base64 at each of the four places that a letter before it leaves."""
    text = re.sub(rb"[\s=]", b"", text)
    if re.fullmatch(rb"[0-9a-fA-F]+", text):
        yield binascii.unhexlify(text[: len(text) // 2 * 2])
    text = text.translate(bytes.maketrans(b"-_", b"+/"))
    for skip in range(4):
        piece = text[skip:]
        rest = len(piece) % 4
        piece = piece[:-1] if rest == 1 else piece + b"=" * (-len(piece) % 4)
        yield base64.b64decode(piece)
