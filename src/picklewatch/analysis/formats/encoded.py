"""Pickles spelt in base64 or hexadecimal inside texts and other pickles.

stable-baselines3 keeps cloudpickles so in its JSON and unpickles them (common/save_util.py, ``json_to_data``).
Elsewhere it is a way around scanners: a first stage decodes the text and unpickles it.
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
    re.compile(rb"800[2-5](?:[0-9a-fA-F]{2}){6,}"),
)
"""Base64 and hexadecimal of a protocol header (0x80, then 2 to 5)."""

_RUNS = (
    re.compile(rb"(?:[A-Za-z0-9+/_-]{2}[\r\n \t]{0,2}){8,}={0,2}"),
    re.compile(rb"(?:[0-9a-fA-F]{2}[\r\n \t]{0,2}){10,}"),
)
"""Base64 and hexadecimal of anything, possibly wrapped."""

_CLOSE_LIMIT = 64 << 10
"""Bytes of a pickle up to which whatever decodes is judged, not only what decodes to a header."""


class EncodedPickles:
    """A search of one content for encoded pickles that would do harm, piece after piece.

    Of a small pickle (*in_pickle*) whatever decodes is judged: no loader decodes it by itself, so it is there for a
    second stage. Elsewhere only what decodes to a pickle's header is.
    """

    def __init__(self, scan: Scan, part: Part, *, in_pickle: bool = False) -> None:
        self._scan = scan
        self._part = part
        self._patterns = _RUNS if in_pickle and len(part.data) <= _CLOSE_LIMIT else _HEADERS
        self._known: set[bytes] = set()

    def look_in(self, piece: bytes, offset: int) -> None:
        """Judge what is encoded in *piece*, which stands at *offset*."""
        for pattern in self._patterns:
            for match in pattern.finditer(piece):
                text = match.group()
                if text not in self._known:
                    self._known.add(text)
                    self._judge(offset + match.start(), text)

    def _judge(self, offset: int, text: bytes) -> None:
        self._scan.check()
        part = self._part
        for meant in decoded(text):
            found = Part(memoryview(meant), f"{part.at(offset)}!(encoded)", part.depth + 1)
            search(self._scan, found, place="in an encoded text")


def search_encoded(scan: Scan, part: Part) -> None:
    """Judge what is encoded in a pickle."""
    search_in = EncodedPickles(scan, part, in_pickle=True)
    for offset, piece in pieces(part.data):
        search_in.look_in(piece, offset)


def judge_serialized(scan: Scan, part: Part, offset: int, text: bytes) -> None:
    """Judge the text that stable-baselines3 gives to cloudpickle (``":serialized:"``), whatever it decodes to."""
    place = f"{part.at(offset)}!(encoded)"
    found = Part(memoryview(_base64(text)), place, part.depth + 1)
    if len(found.data):
        scan.guarded(place, lambda: scan.pickle(found))


def _base64(text: bytes) -> bytes:
    """Decode *text* as `base64.b64decode` does; text that it would refuse is decoded without its padding.

    Foreign characters are dropped, and so is padding that ends no group of four.
    """
    try:
        return binascii.a2b_base64(text)
    except binascii.Error:
        text = re.sub(rb"[^A-Za-z0-9+/]", b"", text)
        return binascii.a2b_base64(text[: len(text) - (len(text) % 4 == 1)] + b"==")


def decoded(text: bytes) -> Iterator[bytes]:
    """Yield each meaning of *text*: hexadecimal, and base64 that begins at any of four places in a group."""
    text = re.sub(rb"[\s=]", b"", text)
    if re.fullmatch(rb"[0-9a-fA-F]+", text):
        yield binascii.unhexlify(text[: len(text) // 2 * 2])
    text = text.translate(bytes.maketrans(b"-_", b"+/"))
    for skip in range(4):
        piece = text[skip:]
        rest = len(piece) % 4
        piece = piece[:-1] if rest == 1 else piece + b"=" * (-len(piece) % 4)
        yield base64.b64decode(piece)
