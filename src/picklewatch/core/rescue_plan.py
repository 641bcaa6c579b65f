"""The vocabulary of a rescue that both sides of the sandbox's border share: element types and bounds. Pure."""

from __future__ import annotations

import math
from typing import Final

COMPONENT_BYTES: Final = {
    "F64": 8, "F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "F8_E5M2": 1, "F8_E8M0": 1, "F8_E4M3FNUZ": 1,
    "F8_E5M2FNUZ": 1, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U64": 8, "U32": 4, "U16": 2, "U8": 1, "BOOL": 1,
    "C64": 4, "C128": 8,
}  # fmt: skip
"""Element type, by safetensors' name, → bytes of one number: a complex element has two."""
ELEMENT_BYTES: Final = {kind: size * (2 if kind[0] == "C" else 1) for kind, size in COMPONENT_BYTES.items()}
"""Element type → bytes of one element."""
NOT_IN_SAFETENSORS: Final = frozenset({"C128"})
"""Element types that only torch's own files can hold."""

LONGEST_NAME: Final = 2_000
"""Characters of a tensor's name."""
MOST_DIMENSIONS: Final = 64
"""Dimensions of a tensor: torch and numpy have no more."""
MOST_PARTS: Final = 200_000
"""Tensors, or storages, of one rescue."""
MOST_LEFT: Final = 5_000
"""Plain values, and others, that are listed as left out; all are counted."""
_FREE: Final = 1 << 30


def room(size: int) -> int:
    """Return how many bytes may be saved of a file of *size*: one storage may have many names, each written."""
    return 2 * size + _FREE


def is_countable(shape: tuple[int, ...], dtype: str) -> bool:
    """Return True if readers can multiply the lengths of *shape*, in any order, without an overflow.

    They refuse a whole file for one empty tensor of 2^62 by 2^62 by 0 (safetensors' ``ValidationOverflow``).
    """
    return math.prod(length or 1 for length in shape) * ELEMENT_BYTES[dtype] < 1 << 63
