"""Inputs that reach the bounds of texts: see `bounds.reach`."""

from __future__ import annotations

import json

from bounds.reach import Reached
from samples.containers import safetensors

from picklewatch.analysis.formats.text_parts import NESTED_TEXTS

_FORMATS = "picklewatch.analysis.formats"


def nested_texts() -> Reached:
    """A configuration in a string of a text, so often, and once more."""
    text = "_target_: os.path.join"
    for _ in range(NESTED_TEXTS):
        text = json.dumps([text])
    return Reached(text.encode(), json.dumps([text]).encode())


def lexed() -> Reached:
    """Expressions with a string that does not end: each is lexed to the end of the text."""
    return Reached(b"{{\\'}} ", b"{{\\'}} " * 500)


def items() -> Reached:
    """A map of MessagePack with a byte behind it is none; one of so many items is taken for one all the same."""
    small = {f"{_FORMATS}.msgpack._ITEMS": 8}
    return Reached(b"\x81\xa1a\xc0" + b"\xc1" * 20, b"\x81\xa1a\x9f" + b"\xc0" * 15 + b"\xc1", constants=small)


def safetensors_header() -> Reached:
    """A header of one byte more than the limit."""
    plain = safetensors({"__metadata__": {"format": "pt"}}, b"")
    length = int.from_bytes(plain[:8], "little")
    longer = safetensors({"__metadata__": {"format": "pt1"}}, b"")
    return Reached(plain, longer, constants={f"{_FORMATS}.inert._SAFETENSORS_HEADER": length})
