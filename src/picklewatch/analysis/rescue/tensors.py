"""The tensor that a call of torch's would rebuild; nothing that the pickle says of its bounds is believed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from picklewatch.analysis.pickle.checks.torch_tensors import sizes, storage_under
from picklewatch.analysis.pickle.vm.values import Import, Obj
from picklewatch.analysis.rescue.byte_sources import NotSavedError
from picklewatch.core.rescue_plan import COMPONENT_BYTES, ELEMENT_BYTES, MOST_DIMENSIONS, is_countable

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.vm.values import Value
    from picklewatch.analysis.rescue.byte_sources import ByteSource

_STORAGES = {
    "Float": "F32", "Double": "F64", "Half": "F16", "BFloat16": "BF16", "Long": "I64", "Int": "I32", "Short": "I16",
    "Char": "I8", "Byte": "U8", "Bool": "BOOL", "ComplexFloat": "C64", "ComplexDouble": "C128", "Untyped": "U8",
}  # fmt: skip
"""torch's class of storages → element type."""
_DTYPES = {
    "float32": "F32", "float": "F32", "float64": "F64", "double": "F64", "float16": "F16", "half": "F16",
    "bfloat16": "BF16", "int64": "I64", "long": "I64", "int32": "I32", "int": "I32", "int16": "I16", "short": "I16",
    "int8": "I8", "uint8": "U8", "uint16": "U16", "uint32": "U32", "uint64": "U64", "bool": "BOOL",
    "complex64": "C64", "cfloat": "C64", "complex128": "C128", "cdouble": "C128", "float8_e4m3fn": "F8_E4M3",
    "float8_e5m2": "F8_E5M2", "float8_e8m0fnu": "F8_E8M0", "float8_e4m3fnuz": "F8_E4M3FNUZ",
    "float8_e5m2fnuz": "F8_E5M2FNUZ",
}  # fmt: skip
"""torch's dtype → element type."""
_MODULES = frozenset({"torch._utils", "torch._tensor", "torch.nn.parameter"})
_PARAMETERS = frozenset({"_rebuild_parameter", "_rebuild_parameter_with_state", "Parameter"})
_WRAPPERS = 8
"""Calls around a tensor that are looked through: a parameter of a subclass has two."""
_VIEW = 4
"""Storage, offset, size and stride."""
_METADATA = {"_rebuild_tensor_v2": 6, "_rebuild_tensor_v3": 7}
"""The argument that says that a view is conjugated or negated."""
_DTYPE = 6
"""The argument of ``_rebuild_tensor_v3`` that has the type."""


@dataclass(slots=True, eq=False)
class Tensor:
    """One tensor over its source; raises `NotSavedError` for a shape that its readers can't count."""

    dtype: str
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    """In elements."""
    source: ByteSource
    """The whole storage."""
    offset: int = 0
    """In elements, from the start of the source."""
    swap: bool = False
    """True if its numbers are big-endian."""

    def __post_init__(self) -> None:
        if not is_countable(self.shape, self.dtype):
            raise NotSavedError("its lengths are too large to be multiplied")

    @property
    def bytes(self) -> int:
        """Bytes of its elements, each once."""
        return math.prod(self.shape) * ELEMENT_BYTES[self.dtype]

    @property
    def plain(self) -> bool:
        """True if its elements lie in the source in their order, as they will be written."""
        swapped = self.swap and COMPONENT_BYTES[self.dtype] > 1
        return not swapped and (0 in self.shape or row_major(self.shape, self.stride))

    @property
    def expanded(self) -> bool:
        """True if it has more elements than lie between its first and its last."""
        return math.prod(self.shape) > extent(self.shape, self.stride)


class Storages(Protocol):
    """Finds the bytes of torch's storages in one file."""

    swap: bool
    """True if they are big-endian."""

    def find(self, held: Value) -> ByteSource:
        """Return the source of a storage; raises `NotSavedError`."""


def row_major(shape: tuple[int, ...], stride: tuple[int, ...]) -> bool:
    """Return True if the elements follow one another in their order."""
    return all(length == 1 or step == want for length, step, want in zip(shape, stride, steps(shape), strict=True))


def steps(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the stride of a tensor whose elements follow one another."""
    found = [1]
    for length in reversed(shape[1:]):
        found.append(found[-1] * length)
    return tuple(reversed(found[: len(shape)]))


def extent(shape: tuple[int, ...], stride: tuple[int, ...]) -> int:
    """Return the number of elements from the first to the last, 0 if there are none."""
    if 0 in shape:
        return 0
    return 1 + sum((length - 1) * step for length, step in zip(shape, stride, strict=True))


def torch_tensor(value: Obj, storages: Storages) -> Tensor | None:
    """Return the tensor that the call *value* rebuilds, None if it rebuilds none.

    Raises `NotSavedError` for one that can't be written. See ``torch/_utils.py`` and ``torch/_tensor.py``.
    """
    made = _unwrapped(value)
    if made is None or not isinstance(made.callee, Import):
        return None
    callee, args = made.callee, made.args
    if callee.module == "torch._utils" and callee.name.startswith("_rebuild_"):
        if callee.name not in {"_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3"}:
            raise NotSavedError(f"a tensor of {callee.name}: only dense tensors of plain numbers are saved")
        if type(args) is not tuple or len(args) < _VIEW:
            raise NotSavedError("it is rebuilt from too few arguments")
        typed = callee.name == "_rebuild_tensor_v3" and len(args) > _DTYPE
        if any(args[_METADATA.get(callee.name, len(args)) :]):
            raise NotSavedError("a conjugated or negated view: its values are not those that are stored")
        return _view(args[:_VIEW], args[_DTYPE] if typed else None, storages)
    of_old = callee.module.startswith("torch") and callee.name.endswith("Tensor")
    if of_old and type(made.state) is tuple and len(made.state) == _VIEW:  # before torch 0.4
        return _view(made.state, None, storages)
    return None


def _unwrapped(value: Obj) -> Obj | None:
    """Return the call within parameters and subclasses of tensors, None if there is something else in them."""
    for _ in range(_WRAPPERS):
        callee, args = value.callee, value.args
        if not isinstance(callee, Import) or callee.module not in _MODULES or type(args) is not tuple or not args:
            return value
        inner: Value
        if callee.name in _PARAMETERS:
            inner = args[0]
        elif callee.name == "_rebuild_from_type_v2" and len(args) > 2:  # noqa: PLR2004 - function, type, arguments
            inner = Obj(args[0], args[2], value.offset, value.kind)
        else:
            return value
        if type(inner) is not Obj:
            return None
        value = inner
    return None


def _view(args: tuple[Value, ...], dtype: Value, storages: Storages) -> Tensor:
    held, offset, size, stride = args
    storage, shape, steps_ = storage_under(held), sizes(size), sizes(stride)
    if storage is None or type(offset) is not int or offset < 0 or shape is None or steps_ is None:
        raise NotSavedError("its storage, offset, size or stride can't be told")
    if len(shape) != len(steps_) or len(shape) > MOST_DIMENSIONS:
        raise NotSavedError("its size and stride do not match")
    name = dtype.name if isinstance(dtype, Import) else storage.kind
    kind = (
        _DTYPES.get(name) if dtype is not None else _STORAGES.get(name.removesuffix("Storage").removesuffix("Tensor"))
    )
    if kind is None:
        raise NotSavedError(f"elements of type {name[:100]} can't be saved")
    source, need = storages.find(held), (offset + extent(shape, steps_)) * ELEMENT_BYTES[kind]
    if 0 not in shape and need > source.size:
        raise NotSavedError(f"it reaches to byte {need} of a storage of {source.size}")
    untyped = dtype is not None and storage.kind.startswith("Untyped")
    if storages.swap and untyped and COMPONENT_BYTES[kind] > 1:
        raise NotSavedError("its storage is big-endian, and of no type by which it could be turned round")
    return Tensor(kind, shape, steps_, source, offset if 0 not in shape else 0, storages.swap)
