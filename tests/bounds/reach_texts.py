"""Inputs that reach the bounds of texts: see `bounds.reach`."""

from __future__ import annotations

import json
from functools import reduce

from bounds.reach import Reached
from samples.containers import safetensors

_FORMATS = "picklewatch.formats"


def texts_in_texts() -> Reached:
    """JSON in a string of JSON, and so on."""

    def within(levels: int) -> bytes:
        return reduce(lambda inner, _: json.dumps({"_target_": inner}), range(levels), "os.system").encode()

    return Reached(within(3), within(4), constants={f"{_FORMATS}.reading.NESTED_TEXTS": 2})


def safetensors_header() -> Reached:
    """A header of one byte more than the limit."""
    plain = safetensors({"__metadata__": {"format": "pt"}}, b"")
    length = int.from_bytes(plain[:8], "little")
    longer = safetensors({"__metadata__": {"format": "pt1"}}, b"")
    return Reached(plain, longer, constants={f"{_FORMATS}.inert._SAFETENSORS_HEADER": length})
