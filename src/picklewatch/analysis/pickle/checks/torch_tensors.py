"""The bounds of torch's tensors within their storages.

A tensor is rebuilt over a storage by offset, size and stride (``_rebuild_tensor_v2`` in ``torch/_utils.py``), which
``set_`` compares with the storage only in newer versions: a tensor that reaches beyond it reads and writes the
process's memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.report import Storage
from picklewatch.analysis.pickle.vm.values import Import, Obj, Persistent

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.report import Budget
    from picklewatch.analysis.pickle.vm.values import Value

ELEMENT_SIZES = {
    "FloatStorage": 4, "DoubleStorage": 8, "HalfStorage": 2, "BFloat16Storage": 2, "LongStorage": 8, "IntStorage": 4,
    "ShortStorage": 2, "CharStorage": 1, "ByteStorage": 1, "BoolStorage": 1, "ComplexFloatStorage": 8,
    "ComplexDoubleStorage": 16, "QInt8Storage": 1, "QUInt8Storage": 1, "QInt32Storage": 4, "UntypedStorage": 1,
}  # fmt: skip
"""Bytes per element."""
ELEMENT_SIZES |= {kind.replace("Storage", "Tensor"): size for kind, size in ELEMENT_SIZES.items()}  # has a dtype too
_PACKED = {"QUInt4x2Storage": 2, "QUInt2x4Storage": 4}
"""Elements of a tensor in one byte of its storage."""
ELEMENT_SIZES |= dict.fromkeys(_PACKED, 1)
DTYPE_SIZES = {
    "float32": 4, "float": 4, "float64": 8, "double": 8, "float16": 2, "half": 2, "bfloat16": 2, "int64": 8, "long": 8,
    "int32": 4, "int": 4, "int16": 2, "short": 2, "int8": 1, "uint8": 1, "uint16": 2, "uint32": 4, "uint64": 8,
    "bool": 1,
    "complex64": 8, "complex128": 16, "complex32": 4, "float8_e4m3fn": 1, "float8_e5m2": 1, "float8_e4m3fnuz": 1,
    "float8_e5m2fnuz": 1, "float8_e8m0fnu": 1, "qint8": 1, "quint8": 1, "qint32": 4,
    "cfloat": 8, "cdouble": 16, "chalf": 4, "quint4x2": 1, "quint2x4": 1, "float4_e2m1fn_x2": 1,
    "bits8": 1, "bits16": 2, "bits1x8": 1, "bits2x4": 1, "bits4x2": 1,
    **{f"{kind}{bits}": 1 for kind in ("int", "uint") for bits in range(1, 8)},
}  # fmt: skip
_SIZE_LIMIT = 1 << 63
_LARGEST = 16
"""Bytes of the largest element, assumed of a type that is not known."""


def storage_of(pid: Value) -> Storage | None:
    """Return the storage that the persistent id *pid* names, or None if it names none.

    ``('storage', class, key, location, elements[, (view key, offset, size)])``; legacy files may have bytes for text.
    """
    if not isinstance(pid, tuple) or not 5 <= len(pid) <= 6 or pid[0] not in ("storage", b"storage"):
        return None
    _tag, cls, key, location, elements = pid[:5]
    if not isinstance(cls, Import) or type(elements) is not int:
        return None
    if type(key) is int:  # torch.package numbers its storages, and torch's readers make a name of any key
        key = str(key)
    if type(key) is not str or not isinstance(location, str):
        return None
    if not 0 <= elements < _SIZE_LIMIT or (len(pid) == 6 and not _view_fits(pid[5], elements)):
        return Storage(key=key, kind=cls.name, location=location, elements=-1, element_size=ELEMENT_SIZES.get(cls.name))
    return Storage(
        key=key,
        kind=cls.name,
        location=location,
        elements=elements,
        element_size=ELEMENT_SIZES.get(cls.name),
        visible=_visible(pid[5]) if len(pid) == 6 else None,
    )


def _view_fits(view: Value, elements: int) -> bool:
    if view is None:
        return True
    if not isinstance(view, tuple) or len(view) != 3:
        return False
    _key, offset, size = view
    return type(offset) is int and type(size) is int and offset >= 0 and size >= 0 and offset + size <= elements


def _visible(view: Value) -> int | None:
    """Return the elements of a *view* that fits."""
    size = view[2] if isinstance(view, tuple) else None
    return size if isinstance(size, int) else None


def sizes(value: Value) -> tuple[int, ...] | None:
    """Return *value* as a tuple of plain sizes, or None; ``torch.Size((…))`` is one."""
    if isinstance(value, Obj) and isinstance(value.callee, Import) and value.callee.name == "Size" and value.args:
        value = value.args[0] if isinstance(value.args, tuple) else None
    if isinstance(value, list):
        value = tuple(value)
    if type(value) is not tuple:
        return None
    plain = tuple(number for number in value if type(number) is int and 0 <= number < _SIZE_LIMIT)
    return plain if len(plain) == len(value) else None


def out_of_bounds(args: Value, budget: Budget, dtype: Value = None) -> str:
    """Return what is wrong with ``(storage, offset, size, stride, …)``, or an empty text."""
    if type(args) is not tuple or len(args) < 4:
        return "a tensor is rebuilt from too few arguments"
    storage, offset, size, stride = args[:4]
    if isinstance(size, tuple | list):
        budget.charge(len(size) // 2)
    if type(size) is tuple and type(stride) is tuple:
        extent = offset if type(offset) is int else 0  # `_extent` reports any other offset
        try:
            for length, step in zip(size, stride, strict=True):
                if type(length) is not int or type(step) is not int or length < 0 or step < 0:
                    break
                extent += (length - 1) * step
            else:
                return _extent(storage, offset, extent, dtype, empty=0 in size)
        except (TypeError, ValueError):
            return "a tensor's offset, size and stride do not match"
    plain_size, plain_stride = sizes(size), sizes(stride)
    if plain_size is None or plain_stride is None or len(plain_size) != len(plain_stride):
        return "a tensor's size and stride are not two tuples of sizes"
    extent = (offset if type(offset) is int else 0) + sum(
        (n - 1) * s for n, s in zip(plain_size, plain_stride, strict=True)
    )
    return _extent(storage, offset, extent, dtype, empty=0 in plain_size)


def storage_under(value: Value) -> Storage | None:
    """Return the storage of *value*, which a tensor is rebuilt over, None if that cannot be told."""
    held = value.storage if type(value) is Persistent else value.state if type(value) is Obj else None
    return held if type(held) is Storage else None


def _extent(storage: Value, offset: Value, extent: int, dtype: Value, *, empty: bool) -> str:
    if type(offset) is not int or offset < 0:
        return "a tensor's offset is not a place in its storage"
    known = storage_under(storage)
    if empty or known is None or known.element_size is None:
        return ""
    last, room = extent + 1, (known.elements if known.visible is None else known.visible) * _PACKED.get(known.kind, 1)
    if dtype is not None:
        size = DTYPE_SIZES.get(dtype.name, _LARGEST) if isinstance(dtype, Import) else _LARGEST
        if known.kind == "UntypedStorage" or known.kind.startswith("_Untyped"):
            last *= size
        elif size > (known.element_size or 1):
            last, room = last * size, room * known.element_size
    if last > room:
        return f"a tensor reaches to element {last} of a storage of {room}"
    return ""
