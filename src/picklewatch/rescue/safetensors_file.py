"""The layout of a safetensors file: the header's length, the header, the tensors (safetensors/src/tensor.rs)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from picklewatch.core.errors import Error
from picklewatch.core.rescue_plan import ELEMENT_BYTES

if TYPE_CHECKING:
    from picklewatch.rescue.new_file import NewFile
    from picklewatch.rescue.planned import CheckedPlan, Sent

_HEADER = 100_000_000
"""Bytes of a header that readers accept."""
_ALIGNMENT = 8
_SHORTEST = 264
"""Bytes of a header: a smaller length, with its seven zeros, looks like the first letter of a text in UTF-32 to readers
that tell encodings by the places of zeros (`json.detect_encoding`), and ours would read all of the tensors as one."""


def write(source: int, plan: CheckedPlan, sent: Sent, new: NewFile) -> None:
    """Write the tensors of *plan*, from the file *source* and from what is *sent*, to *new*; raises `Error`."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    places: dict[str, int] = {}
    size = 0
    # the largest elements first: each tensor is then aligned to its own
    for part in sorted(plan.parts, key=lambda part: -ELEMENT_BYTES[part.dtype]):
        header[part.name] = {"dtype": part.dtype, "shape": part.shape, "data_offsets": [size, size + part.size]}
        places[part.name] = size
        size += part.size
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=True).encode("ascii")
    text = text.ljust(_SHORTEST)
    text += b" " * (-len(text) % _ALIGNMENT)
    if len(text) > _HEADER:
        raise Error("there are more names than a safetensors file may have", "Take a part of them: --only NAME.")
    start = _ALIGNMENT + len(text)
    new.reserve(start + size)
    new.write(len(text).to_bytes(_ALIGNMENT, "little") + text, 0)
    for part in plan.parts:
        at = start + places[part.name]
        if part.begin >= 0:
            new.copy(source, part.begin, at, part.size)
            continue
        for piece in sent.take(part.size):
            new.write(piece, at)
            at += len(piece)
