"""Sparse and nested tensors, whose bounds lie in other tensors (``torch/_utils.py``).

``_rebuild_sparse_tensor`` and ``_rebuild_nested_tensor`` take indices, sizes and offsets from tensors of the file and
compare nothing; torch.load does so only where somebody enabled it (``check_sparse_tensor_invariants``). Kernels believe
them: an index beyond the size reads and writes the process's memory. The walk cannot read them, for they lie in
storages; it says where, and whoever has the storages looks (`formats.torch_records`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from picklewatch.analysis.pickle.checks.arguments import values_of
from picklewatch.analysis.pickle.checks.torch_tensors import sizes, storage_under
from picklewatch.analysis.pickle.report import IndexKind, IndexTable, Indices
from picklewatch.analysis.pickle.vm.values import Import, Obj

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.vm.values import Value

_BLOCKED: Final = {"sparse_csr": (0, 0), "sparse_csc": (1, 0), "sparse_bsr": (0, 2), "sparse_bsc": (1, 2)}
"""Layout → the dimension that is compressed, and the dimensions of a block."""
_MATRIX: Final = 2


class _Tensor(NamedTuple):
    """A tensor over a storage, as ``_rebuild_tensor_v2`` was told."""

    table: IndexTable
    made: Obj


def indices_of(callee: Import, args: Value) -> Indices | None:
    """Return where the indices of the tensor that *callee* rebuilds lie, None if that cannot be told."""
    values = values_of(args)
    if callee.name == "_rebuild_nested_tensor":
        return _nested(values)
    data = values[1] if len(values) == _MATRIX else None
    layout = _layout(values[0]) if values else ""
    if not isinstance(data, tuple):
        return None
    if layout == "sparse_coo" and callee.name == "_rebuild_sparse_tensor":
        return _coordinates(data)
    if layout in _BLOCKED:
        return _compressed(layout, data)
    return None


def _layout(value: Value) -> str:
    if isinstance(value, Obj) and isinstance(value.callee, Import) and value.callee.name == "_get_layout":
        named = values_of(value.args)
        return named[0].removeprefix("torch.") if len(named) == 1 and isinstance(named[0], str) else ""
    return value.name if isinstance(value, Import) and value.module == "torch" else ""


def _tensor(value: Value) -> _Tensor | None:
    """Return *value* if it is a tensor made by ``_rebuild_tensor_v2``."""
    if not isinstance(value, Obj) or not isinstance(value.callee, Import):
        return None
    args = value.args
    if value.callee.key != "torch._utils._rebuild_tensor_v2" or not isinstance(args, tuple) or len(args) < 4:
        return None
    storage, size, stride = storage_under(args[0]), sizes(args[2]), sizes(args[3])
    if storage is None or storage.visible is not None or size is None or stride is None or type(args[1]) is not int:
        return None
    return _Tensor(IndexTable(storage, args[1], size, stride), value)


def _integers(value: Value, dimensions: int) -> _Tensor | None:
    """Return *value* if it is a tensor of 64-bit integers with that many *dimensions*."""
    found = _tensor(value)
    fits = found is not None and found.table.storage.kind == "LongStorage" and len(found.table.size) == dimensions
    return found if fits else None


def _coordinates(data: tuple[Value, ...]) -> Indices | None:
    """COO: ``(indices, values, size[, is_coalesced])``; row i of the indices counts within size[i]."""
    if not 3 <= len(data) <= 4:
        return None
    rows, values, size = _integers(data[0], 2), _tensor(data[1]), sizes(data[2])
    if rows is None or values is None or size is None:
        return None
    sparse, count = rows.table.size
    if sparse > len(size) or values.table.size != (count, *size[sparse:]):
        return None
    return Indices(IndexKind.COORDINATES, (rows.table,), size[:sparse], (rows.made, values.made))


def _compressed(layout: str, data: tuple[Value, ...]) -> Indices | None:
    """CSR and its kind: ``(pointers, indices, values, size)``, not in batches."""
    if len(data) != 4:
        return None
    pointers, plain = _integers(data[0], 1), _integers(data[1], 1)
    values, size = _tensor(data[2]), sizes(data[3])
    if pointers is None or plain is None or values is None or size is None:
        return None
    dimension, block_dimensions = _BLOCKED[layout]
    shape, count = values.table.size, plain.table.size[0]
    if len(shape) != 1 + block_dimensions + max(len(size) - _MATRIX, 0) or shape[0] != count or len(size) < _MATRIX:
        return None
    block = shape[1:3] if block_dimensions else (1, 1)
    if 0 in block or any(length % part for length, part in zip(size, block, strict=False)):
        return None
    if shape[1 + block_dimensions :] != size[_MATRIX:]:
        return None
    blocks = tuple(length // part for length, part in zip(size, block, strict=False))
    if pointers.table.size[0] != blocks[dimension] + 1:
        return None
    tensors = (pointers.made, plain.made, values.made)
    return Indices(IndexKind.COMPRESSED, (pointers.table, plain.table), (blocks[1 - dimension], count), tensors)


def _nested(values: tuple[Value, ...]) -> Indices | None:
    """``(buffer, sizes, strides, offsets)``: each part reaches from its offset, within the buffer."""
    if len(values) != 4:
        return None
    buffer, offsets = _tensor(values[0]), _integers(values[3], 1)
    lengths, strides = (_integers(one, 2) for one in values[1:3])
    if buffer is None or lengths is None or strides is None or offsets is None:
        return None
    parts = lengths.table.size[0]
    if lengths.table.size != strides.table.size or offsets.table.size != (parts,) or buffer.table.stride != (1,):
        return None
    tables = (lengths.table, strides.table, offsets.table)
    tensors = (buffer.made, lengths.made, strides.made, offsets.made)
    return Indices(IndexKind.NESTED, tables, buffer.table.size, tensors)
