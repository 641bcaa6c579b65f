"""Recognises MessagePack (Flax's checkpoints, flax/serialization.py): a walk over its items, nothing built.

Our own, because recognising needs no objects: the msgpack package would build them, in a C extension, out of hostile
bytes. MessagePack has no magic number; a whole message of one map is the least that chance does not produce.
"""

from __future__ import annotations

_ITEMS = 50_000
"""Items that are walked; data that goes on so far is taken for MessagePack and reported as ``format-not-judged``."""
_FIXED = {0xCA: 4, 0xCB: 8, 0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8, 0xD0: 1, 0xD1: 2, 0xD2: 4, 0xD3: 8,
          0xD4: 2, 0xD5: 3, 0xD6: 5, 0xD7: 9, 0xD8: 17, 0xC0: 0, 0xC2: 0, 0xC3: 0}  # fmt: skip
_SIZED = {0xC4: (1, 0), 0xC5: (2, 0), 0xC6: (4, 0), 0xC7: (1, 1), 0xC8: (2, 1), 0xC9: (4, 1),
          0xD9: (1, 0), 0xDA: (2, 0), 0xDB: (4, 0)}  # fmt: skip
"""Tag → bytes of the length, bytes between it and the data."""
_COUNTED = {0xDC: (2, 1), 0xDD: (4, 1), 0xDE: (2, 2), 0xDF: (4, 2)}
"""Tag → bytes of the count, items for each."""


def matches(head: bytes, data: memoryview) -> bool:
    """Return True if *data* is one map that begins with a text key, to its end (or for its first many items)."""
    if not head or not (0x81 <= head[0] <= 0x8F or head[0] in (0xDE, 0xDF)):  # noqa: PLR2004
        return False
    begin = 1 if head[0] <= 0x8F else 3 if head[0] == 0xDE else 5  # noqa: PLR2004
    if len(head) <= begin or not (0xA1 <= head[begin] <= 0xBF or head[begin] in (0xD9, 0xDA)):  # noqa: PLR2004
        return False
    return _walks(data)


def _walks(data: memoryview) -> bool:
    at, left = 0, 1
    for _ in range(_ITEMS):
        if not left:
            return at == len(data)
        if at >= len(data):
            return False
        tag = data[at]
        step, items = _item(data, at, tag)
        if step < 0:
            return False
        at += step
        left += items - 1
    return True


def _item(data: memoryview, at: int, tag: int) -> tuple[int, int]:
    """Return the bytes of the item's head and data, -1 if it is no item, and the number of items inside it."""
    if tag in _FIXED or tag <= 0x7F or tag >= 0xE0:  # noqa: PLR2004
        return 1 + _FIXED.get(tag, 0), 0
    if tag <= 0x9F:  # noqa: PLR2004
        return 1, (tag & 0x0F) * (2 if tag <= 0x8F else 1)  # noqa: PLR2004
    if tag <= 0xBF:  # noqa: PLR2004
        return 1 + (tag & 0x1F), 0
    if tag in _SIZED:
        width, more = _SIZED[tag]
        return 1 + width + more + int.from_bytes(data[at + 1 : at + 1 + width], "big"), 0
    if tag in _COUNTED:
        width, each = _COUNTED[tag]
        return 1 + width, each * int.from_bytes(data[at + 1 : at + 1 + width], "big")
    return -1, 0
