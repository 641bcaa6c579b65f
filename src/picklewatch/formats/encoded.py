"""Pickles spelt in base64 or hexadecimal inside texts and other pickles.

stable-baselines3 keeps cloudpickles so in its JSON (and unpickles them); elsewhere it is a way around scanners.
"""

from __future__ import annotations

import base64
import binascii
import re
from itertools import islice
from typing import TYPE_CHECKING

from picklewatch.formats.base import Part, Scan
from picklewatch.formats.hidden import search
from picklewatch.formats.spelling import understood

if TYPE_CHECKING:
    from collections.abc import Iterator

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

_SERIALIZED = re.compile(rb"\":serialized:\"\s*:\s*\"((?:[^\"\\]|\\.){4,}+)\"", re.DOTALL)
"""What stable-baselines3 gives to cloudpickle, whatever it decodes to."""

_PIECES = 1_000
_LIMIT = 64 << 20
_CLOSE_LIMIT = 64 << 10


def search_headers(scan: Scan, part: Part) -> None:
    """Judge what decodes to the header of a pickle, as far as it would do harm; and what a loader would decode.

    Of an `understood` text, whose first megabytes are searched.
    """
    data = part.data[:_LIMIT]
    for match in islice(_SERIALIZED.finditer(data), _PIECES):
        scan.pickle(Part(memoryview(_base64(match[1])), f"{part.at(match.start())}!(encoded)", part.depth + 1))
    for pattern in _HEADERS:
        for match in islice(pattern.finditer(data), _PIECES):
            for meant in decoded(match.group()):
                found = Part(memoryview(meant), f"{part.at(match.start())}!(encoded)", part.depth + 1)
                search(scan, found, place="in an encoded text")


def search_runs(scan: Scan, part: Part) -> None:
    """Judge whatever decodes, in small contents; as far as it would do harm."""
    if len(part.data) > _CLOSE_LIMIT:
        search_headers(scan, part._replace(data=understood(part.data[:_LIMIT])))
        return
    for pattern in _RUNS:
        for match in islice(pattern.finditer(part.data), _PIECES):
            for meant in decoded(match.group()):
                found = Part(memoryview(meant), f"{part.at(match.start())}!(encoded)", part.depth + 1)
                search(scan, found, place="in an encoded text")


def _base64(text: bytes) -> bytes:
    """What `base64.b64decode` makes of *text*: foreign characters are dropped, what follows the padding is lost."""
    text = re.sub(rb"\\(?:u[0-9a-fA-F]{4}|.)|[^A-Za-z0-9+/]", b"", text.partition(b"=")[0])
    return base64.b64decode(text[: len(text) - (len(text) % 4 == 1)] + b"=" * (-len(text) % 4))


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
