"""Sparse and nested tensors: their bounds lie in the archive's records, and each number there is looked at."""

from __future__ import annotations

import io
import struct
import zipfile
from typing import TYPE_CHECKING

import pytest
from samples.judging import levels
from samples.opcodes import BUILD, NONE, call, global_, number, pickle, put, sizes, storage, tensor, text, tuple_
from samples.torch_checkpoint import torch_zip

from picklewatch.core.model import Level

if TYPE_CHECKING:
    from collections.abc import Sequence


def integers(key: str, shape: Sequence[int], stride: Sequence[int], start: int = 0) -> bytes:
    """Return a tensor of integers over the storage *key* of eight."""
    return tensor(storage(key, 8, "LongStorage"), sizes(*shape), sizes(*stride), start)


def values(*shape: int) -> bytes:
    """Return a tensor of numbers."""
    strides = [1] * len(shape)
    for at in range(len(shape) - 2, -1, -1):
        strides[at] = strides[at + 1] * max(shape[at + 1], 1)
    return tensor(storage("v", 64), sizes(*shape), sizes(*strides))


def layout(name: str) -> bytes:
    """Return how picklers name a layout."""
    return call("torch.serialization", "_get_layout", text(f"torch.{name}"))


def coordinates(shape: Sequence[int], size: Sequence[int]) -> bytes:
    """Return a sparse tensor of *size* with indices of that *shape* in the storage ``a``."""
    rows = integers("a", shape, (shape[1], 1))
    held = tuple_(rows, values(shape[1]), call("torch", "Size", sizes(*size)))
    return call("torch._utils", "_rebuild_sparse_tensor", layout("sparse_coo"), held)


def compressed(name: str, pointers: int, count: int, shape: Sequence[int], size: Sequence[int]) -> bytes:
    """Return a compressed sparse tensor, pointers in the storage ``a``, numbers in ``b``."""
    held = tuple_(integers("a", (pointers,), (1,)), integers("b", (count,), (1,)), values(*shape), sizes(*size))
    return call("torch._utils", "_rebuild_sparse_tensor", layout(name), held)


def nested(parts: int, room: int) -> bytes:
    """Return a nested tensor of *parts* of two dimensions in a buffer of *room*."""
    tables = [integers("a", (parts, 2), (2, 1)), integers("b", (parts, 2), (2, 1)), integers("c", (parts,), (1,))]
    return call("torch._utils", "_rebuild_nested_tensor", values(room), *tables)


def found(made: bytes, **storages: Sequence[int]) -> Level | None:
    """Return the level at which the tensor that is *made* over *storages* is reported."""
    held = {key: struct.pack("<8q", *numbers, *[0] * (8 - len(numbers))) for key, numbers in storages.items()}
    return levels(torch_zip(pickle(2, made), held | {"v": bytes(256)})).get("tensor-out-of-bounds")


COO = coordinates((2, 3), (4, 5))
CSR = compressed("sparse_csr", 3, 4, (4,), (2, 3))
BSC = compressed("sparse_bsc", 3, 2, (2, 2, 2), (6, 4))


@pytest.mark.parametrize(
    ("made", "storages"),
    [
        (COO, {"a": [0, 1, 3, 4, 0, 2]}),
        (coordinates((1, 0), (4,)), {"a": []}),
        (CSR, {"a": [0, 1, 4], "b": [2, 0, 1, 2]}),
        (BSC, {"a": [0, 0, 2], "b": [0, 2]}),
        (nested(2, 8), {"a": [2, 2, 1, 3], "b": [2, 1, 3, 1], "c": [0, 4]}),
        (nested(1, 8), {"a": [0, 9], "b": [9, 1], "c": [0]}),
    ],
    ids=["coo", "none", "csr", "bsc", "nested", "nested and empty"],
)
def test_numbers_within_their_bounds_are_clean(made: bytes, storages: dict[str, list[int]]) -> None:
    """As torch writes them; the last number that fits is there."""
    assert found(made, **storages) is None


@pytest.mark.parametrize(
    ("made", "storages"),
    [
        (COO, {"a": [0, 1, 4, 4, 0, 2]}),
        (COO, {"a": [0, 1, 3, 4, 5, 2]}),
        (COO, {"a": [0, -1, 3, 4, 0, 2]}),
        (CSR, {"a": [0, 1, 4], "b": [3, 0, 1, 2]}),
        (CSR, {"a": [1, 1, 4], "b": [2, 0, 1, 2]}),
        (CSR, {"a": [0, 1, 5], "b": [2, 0, 1, 2]}),
        (CSR, {"a": [0, 4, 4], "b": [2, 0, 1, 2]}),
        (compressed("sparse_csr", 4, 4, (4,), (3, 3)), {"a": [0, 3, 1, 4], "b": [2, 0, 1, 2]}),
        (BSC, {"a": [0, 0, 2], "b": [0, 3]}),
        (nested(2, 8), {"a": [2, 2, 1, 3], "b": [2, 1, 3, 1], "c": [0, 6]}),
        (nested(2, 8), {"a": [2, 2, 1, 3], "b": [9, 1, 3, 1], "c": [0, 4]}),
        (nested(2, 8), {"a": [2, 2, 1, 3], "b": [2, 1, 3, 1], "c": [-1, 4]}),
        (nested(2, 8), {"a": [2, -2, 1, 3], "b": [2, 1, 3, 1], "c": [0, 4]}),
    ],
)
def test_a_number_beyond_its_bounds_is_malicious(made: bytes, storages: dict[str, list[int]]) -> None:
    """Kernels believe it, and read memory that is not the tensor's."""
    assert found(made, **storages) is Level.MALICIOUS


def test_what_cannot_be_compared_is_not_clean() -> None:
    """Integers of other types, other shapes, unknown layouts, big-endian records, and storages that are not at hand."""
    other = tensor(storage("a", 8, "IntStorage"), sizes(1, 3), sizes(3, 1))
    size = sizes(4)
    sparse = "_rebuild_sparse_tensor"
    for made in (
        call("torch._utils", sparse, layout("sparse_coo"), tuple_(other, values(3), size)),
        call("torch._utils", sparse, layout("sparse_coo"), tuple_(integers("a", (3,), (1,)), values(3), size)),
        call("torch._utils", sparse, layout("sparse_coo"), tuple_(integers("a", (1, 3), (3, 1)), values(4), size)),
        call("torch._utils", sparse, layout("sparse_coo"), tuple_(integers("a", (1, 3), (3, 0)), values(3), size)),
        call("torch._utils", sparse, layout("other"), tuple_(integers("a", (1, 3), (3, 1)), values(3), size)),
        call("torch._utils", sparse, layout("sparse_coo"), NONE),
    ):
        assert found(made, a=[0, 1, 2]) is Level.UNVERIFIED
    archive = torch_zip(pickle(2, COO), {"a": struct.pack(">8q", 0, 1, 3, 4, 0, 2, 0, 0), "v": bytes(256)})
    assert levels(archive.replace(b"little", b"big\0\0\0"))["tensor-out-of-bounds"] is not Level.INFO
    assert levels(pickle(2, COO))["tensor-out-of-bounds"] is Level.UNVERIFIED


def test_a_tensor_that_is_changed_afterwards_is_not_clean() -> None:
    """BUILD gives the indices another storage: what was compared is not what the kernel reads."""
    rows = integers("a", (1, 3), (3, 1)) + put(9)
    made = call("torch._utils", "_rebuild_sparse_tensor", layout("sparse_coo"), tuple_(rows, values(3), sizes(4)))
    other = tuple_(storage("b", 8, "LongStorage"), number(0), sizes(1, 3), sizes(3, 1))
    assert found(made, a=[0, 1, 2], b=[9, 9, 9]) is None
    changed = made + b"0" + b"h\x09" + other + BUILD
    assert found(changed, a=[0, 1, 2], b=[9, 9, 9]) in {Level.UNVERIFIED, Level.MALICIOUS}


def test_a_layout_by_its_name_is_the_same() -> None:
    """Older versions import it."""
    rows = tuple_(integers("a", (1, 3), (3, 1)), values(3), sizes(4))
    made = call("torch._utils", "_rebuild_sparse_tensor", global_("torch", "sparse_coo"), rows)
    assert found(made, a=[0, 1, 3]) is None
    assert found(made, a=[0, 1, 4]) is Level.MALICIOUS


def test_a_record_beside_the_loaders_own_proves_nothing() -> None:
    """The numbers that are compared must be those that are read: two places of one key are not told apart."""
    good, bad = (struct.pack("<8q", 0, 1, 3, last, 0, 2, 0, 0) for last in (4, 9))
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("archive/data.pkl", pickle(2, COO))
        archive.writestr("archive/data/a", bad, zipfile.ZIP_DEFLATED)
        archive.writestr("archive/data/v", bytes(256))
        archive.writestr("archive/constants/a", good)
    assert levels(held.getvalue())["tensor-out-of-bounds"] is Level.UNVERIFIED
