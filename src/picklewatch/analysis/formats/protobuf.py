"""The top level of a protocol-buffers message: field numbers and wire types, nothing deeper.

Our own, because recognising a message (ONNX, TensorFlow, Core ML, Paddle) needs no schema: the protobuf package is a C
extension, and would need the compiled schema of each kind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_FIXED = {1: 8, 5: 4}
_VARINT, _BYTES = 0, 2
_LONG = 0x80
"""From this byte on a number goes on in the next."""


def fields(data: memoryview, allowed: Mapping[int, int]) -> dict[int, int]:
    """Return field number → wire type; empty unless all of *data* is one message of *allowed* fields only."""
    seen: dict[int, int] = {}
    position, size = 0, len(data)
    while 0 <= position < size:
        tag = data[position]
        if tag < _LONG:
            position += 1
        else:
            tag, position = _varint(data, position)
        number, kind = tag >> 3, tag & 7
        if position < 0 or allowed.get(number) != kind or kind not in (_VARINT, _BYTES, *_FIXED):
            return {}
        seen[number] = kind
        if kind == _BYTES and position < size and data[position] < _LONG:
            position += 1 + data[position]
        elif kind == _BYTES:
            length, position = _varint(data, position)
            position = position + length if position >= 0 else -1
        elif kind == _VARINT:
            _, position = _varint(data, position)
        else:
            position += _FIXED[kind]
    return seen if position == size else {}


def contents_of(data: memoryview, wanted: int) -> Iterator[memoryview]:
    """Yield the bytes of each field *wanted* of a message that `fields` has read to its end, of bytes and numbers."""
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        length, position = _varint(data, position)
        if tag & 7 == _BYTES:
            if tag >> 3 == wanted:
                yield data[position : position + length]
            position += length


def _varint(data: memoryview, position: int) -> tuple[int, int]:
    """Return the value and the offset behind it; an offset of -1 if it breaks off."""
    value = shift = 0
    for index in range(position, min(position + 10, len(data))):
        byte = data[index]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004
            return value, index + 1
        shift += 7
    return 0, -1
