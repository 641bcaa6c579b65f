"""A tensor's elements in their order, whatever its strides and its byte order; a few megabytes at a time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from picklewatch.analysis.rescue.tensors import steps
from picklewatch.core.rescue_plan import COMPONENT_BYTES, ELEMENT_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from picklewatch.analysis.rescue.tensors import Tensor

_BLOCK = 1 << 20
"""Bytes that are put in order at a time."""
_CELLS: dict[int, Literal["B", "H", "I", "Q"]] = {1: "B", 2: "H", 4: "I", 8: "Q"}
"""Bytes of a number → a type of that size: its bits are moved, and mean nothing here."""


def elements(tensor: Tensor) -> Iterator[bytes | memoryview]:
    """Yield the bytes of *tensor* as they are to be written."""
    data = memoryview(tensor.source.load())
    if tensor.plain:
        start = tensor.offset * ELEMENT_BYTES[tensor.dtype]
        for at in range(start, start + tensor.bytes, _BLOCK):
            yield data[at : min(at + _BLOCK, start + tensor.bytes)]
        return
    each, shape, stride = COMPONENT_BYTES[tensor.dtype], tensor.shape, tensor.stride
    offset = tensor.offset
    if ELEMENT_BYTES[tensor.dtype] > each:  # complex: two numbers
        shape, stride, offset = (*shape, 2), (*(2 * step for step in stride), 1), 2 * offset
    cells = data[: len(data) // each * each].cast("B").cast(_CELLS[each])
    for lengths, first in _blocks(shape, stride, offset, _BLOCK // each):
        block = _block(cells, lengths, stride[len(stride) - len(lengths) :], first, each)
        yield _swapped(block, each) if tensor.swap else block


def _blocks(
    shape: tuple[int, ...], stride: tuple[int, ...], first: int, most: int
) -> Iterator[tuple[tuple[int, ...], int]]:
    """Cut a tensor into parts of at most *most* elements: the shape of each and its first element."""
    inner = math.prod(shape[1:])
    if not shape or inner * shape[0] <= most:
        yield shape, first
    elif inner > most:
        for number in range(shape[0]):
            yield from _blocks(shape[1:], stride[1:], first + number * stride[0], most)
    else:
        rows = most // inner
        for number in range(0, shape[0], rows):
            yield (min(rows, shape[0] - number), *shape[1:]), first + number * stride[0]


def _block(cells: memoryview, shape: tuple[int, ...], stride: tuple[int, ...], first: int, each: int) -> bytes:
    """Put one part in order, along its longest axis at a time: the loop is in C there."""
    out = bytearray(math.prod(shape) * each)
    ordered, target = memoryview(out).cast(_CELLS[each]), steps(shape)
    if not shape:
        ordered[0] = cells[first]
        return bytes(out)
    axis = max(range(len(shape)), key=lambda number: shape[number])
    length, source_step, target_step = shape[axis], stride[axis] or 1, target[axis]
    others = [number for number in range(len(shape)) if number != axis]
    sources = _offsets([shape[n] for n in others], [stride[n] for n in others], first)
    targets = _offsets([shape[n] for n in others], [target[n] for n in others], 0)
    for begin, put in zip(sources, targets, strict=True):
        row = cells[begin : begin + (length - 1) * source_step + 1 : source_step]
        ordered[put : put + (length - 1) * target_step + 1 : target_step] = row
    return bytes(out)


def _offsets(lengths: Sequence[int], strides: Sequence[int], first: int) -> list[int]:
    found = [first]
    for length, step in zip(lengths, strides, strict=True):
        found = [base + number * step for base in found for number in range(length)]
    return found


def _swapped(block: bytes, each: int) -> bytes:
    out = bytearray(len(block))
    for at in range(each):
        out[at::each] = block[each - 1 - at :: each]
    return bytes(out)
