"""Texts: JSON, YAML, CSV, markdown, source code. A pickle spelt in text is judged before they come here."""

from __future__ import annotations

import base64
import binascii
import re
from functools import partial
from typing import TYPE_CHECKING

from picklewatch.formats.base import Part, Scan
from picklewatch.model import Level

if TYPE_CHECKING:
    from collections.abc import Iterator

SAMPLE = 1 << 16
"""Bytes at the start and at the end of a content by which it counts as text."""

_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_BASE64_PICKLE = re.compile(rb"gA[I-X][A-Za-z0-9+/]{6,}={0,2}")
_SEARCHED = 64 << 20
_PIECES = 1_000
_YAML_CALL = re.compile(
    rb"!!python/(?:object/(?:apply|new):|name:|module:)[ \t]*([\w.]+)"
    rb"|!!python/object:(?:os|subprocess|builtins|posix)\b.*"
)


def is_text(data: memoryview) -> bool:
    """Whether the start and the end of *data* are UTF-8 (or UTF-16 by its mark) without control characters."""
    head = bytes(data[:SAMPLE])
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _decodes(head, "utf-16")
    tail = bytes(data[-SAMPLE:]) if len(data) > SAMPLE else b""
    return all(_CONTROL.search(part) is None and _decodes(part, "utf-8") for part in (head, tail))


def _decodes(part: bytes, encoding: str) -> bool:
    """Whether *part* decodes, a character cut off at either end aside."""
    for begin in range(4):
        try:
            part[begin:].decode(encoding)
        except UnicodeDecodeError as error:
            if error.start + begin >= len(part) - 4 and error.start > 0:
                return True
            if error.start:
                return False
            continue
        return True
    return False


def judge_text(scan: Scan, part: Part) -> None:
    """Judge what a loader takes out of a text: pickles in base64 (stable-baselines3's JSON), YAML's Python objects."""
    text = bytes(part.data[:_SEARCHED])
    for offset, decoded in _encoded(text):
        found = Part(memoryview(decoded), f"{part.at(offset)}!(base64)", part.depth + 1)
        scan.only_harm(partial(scan.content, found))
    match = _YAML_CALL.search(text)
    if match is not None and b"\n" in text:
        scan.code_bearing = True
        line = match.group().decode("latin-1")
        summary = "The YAML names a Python object to call or import, which yaml.load with an unsafe loader does."
        level = Level.UNVERIFIED if text[:1] in b"#<" else Level.UNSAFE
        scan.finding("yaml-python-object", level, part.at(match.start()), summary, line)


def _encoded(text: bytes) -> Iterator[tuple[int, bytes]]:
    """Offsets and bytes of what decodes from base64 to the header of a pickle."""
    for count, match in enumerate(_BASE64_PICKLE.finditer(text)):
        if count >= _PIECES:
            return
        piece = match.group().rstrip(b"=")
        try:
            yield match.start(), base64.b64decode(piece[: len(piece) // 4 * 4] + _rest(piece))
        except binascii.Error:
            continue


def _rest(piece: bytes) -> bytes:
    rest = piece[len(piece) // 4 * 4 :]
    return rest + b"=" * (4 - len(rest)) if len(rest) > 1 else b""
