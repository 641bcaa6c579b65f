"""The sizes of numpy's arrays and element types, compared with the bytes that fill them.

``array_setstate`` (``numpy/_core/src/multiarray/methods.c``) and ``arraydescr_setstate`` (``descriptor.c``) believe
much of what a pickle says: a size that its parts do not have makes numpy read and write outside of its memory, and an
element type with the object flag over raw bytes makes pointers of them, which is a call of any address (``O`` dtype
confusion).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from picklewatch.analysis.pickle.vm.values import (
    DICT_CAP,
    Blob,
    Import,
    Obj,
    Opaque,
    OpaqueKind,
    Python2Text,
    as_bytes,
    as_text,
)
from picklewatch.catalogue.imports.entries import Kind

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.semantics.observations import Observations
    from picklewatch.analysis.pickle.vm.values import Value

# Looked up once, for speed: see `picklewatch.catalogue.imports.entries`.
_BYTEARRAY: Final = OpaqueKind.BYTEARRAY
_NDARRAY_DONE: Final = Kind.NDARRAY_DONE
_SCALAR: Final = Kind.SCALAR

_TYPE = re.compile(r"[<>|=]?([?bBhHiIlLqQpPuefdgcFDGSUaVOMm])(\d*)\Z")
_LETTERS = {
    "?": 1,
    "b": 1,
    "B": 1,
    "h": 2,
    "H": 2,
    "e": 2,
    "f": 4,
    "d": 8,
    "F": 8,
    "D": 16,
    "q": 8,
    "Q": 8,
    "M": 8,
    "m": 8,
    "c": 1,
    "i": 4,
    "I": 4,
}
_NAMED = {
    "bool": 1, "int8": 1, "uint8": 1, "int16": 2, "uint16": 2, "float16": 2, "int32": 4, "uint32": 4, "float32": 4,
    "int64": 8, "uint64": 8, "float64": 8, "complex64": 8, "complex128": 16, "datetime64": 8, "timedelta64": 8,
}  # fmt: skip
OBJECT = -1
"""The size of an element that is a pointer to an object."""
HIDES_OBJECTS = "hides that it holds pointers to objects"
POINTERS_FROM_NOWHERE = "says that it holds pointers to objects and has no part that does"
UNKNOWN_PART = "has a part whose size cannot be told"
_POINTER = 8
_HAS_OBJECTS = 0x01
"""``NPY_ITEM_REFCOUNT``: set wherever an element holds pointers."""


def item_size(dtype: Value) -> int | None:
    """Return the bytes of one element of *dtype*, `OBJECT` if any part of it is a pointer, None if it is not known."""
    if not isinstance(dtype, Obj) or not isinstance(dtype.args, tuple):
        return None
    dtype.used = True
    return size_of(dtype) if dtype.state is None else dtype.size


def size_of(dtype: Obj) -> int | None:
    """Return what `item_size` says from now on of *dtype*, which has just been given its state, or will get none.

    Each element type is looked at once, when its own parts are complete: one that changes later is reported, see
    `Obj.used`. They may lie within each other as deep, and be shared as often, as an attacker likes.
    """
    if not isinstance(dtype.args, tuple):
        return None
    if not isinstance(dtype.callee, Import) or dtype.callee.name != "dtype":
        return OBJECT if isinstance(dtype.callee, Import) and dtype.callee.name == "ObjectDType" else None
    spelling = dtype.args[0] if dtype.args else None
    base = _of_spelling(spelling)
    flexible = not isinstance(spelling, str) or spelling.lstrip("<>|=")[:1] in {"S", "U", "V", "a"}
    found = _of_state(base, dtype.state)
    return found if flexible or found == OBJECT or base is None else base


def _of_spelling(text: Value) -> int | None:
    if isinstance(text, Import):
        text = text.name
    if not isinstance(text, str):
        return None
    if text in {"object", "object_"}:
        return OBJECT
    if text in _NAMED:
        return _NAMED[text]
    match = _TYPE.match(text)
    if match is None or len(match[2]) > 18:
        return None
    letter, digits = match[1], match[2]
    if letter == "O":
        return OBJECT
    if not digits:
        return _LETTERS.get(letter)
    return int(digits) * (4 if letter == "U" else 1)


def _of_state(base: int | None, state: Value) -> int | None:
    """Return the size that ``(version, byte order, subtype, names, fields, size, alignment, flags…)`` gives."""
    if state is None:
        return base
    if not isinstance(state, tuple) or len(state) < 6:
        return None
    subtype, fields, size = state[2], state[4], state[5]
    if isinstance(subtype, tuple) and subtype and item_size(subtype[0]) == OBJECT:
        return OBJECT
    if isinstance(fields, dict):
        for field in fields.values():
            if isinstance(field, tuple) and field and item_size(field[0]) == OBJECT:
                return OBJECT
    if base == OBJECT:
        return OBJECT
    if type(size) is int and size >= 0:
        return size
    return base


def bad_type(state: Value, own: int | None) -> str:
    """Return why *state* describes no sound element type, or an empty text; *own* is the size of its owner.

    ``dtype.__setstate__`` (``descriptor.c``) believes what it is given: a field outside the element, a size other than
    its parts' or an object without the flag that says so make numpy read and write where it must not.
    """
    if not isinstance(state, tuple) or not 6 <= len(state) <= 9:
        return "is no plain tuple of six to nine"
    named = len(state) > 6
    subtype, fields = state[2], state[4 if named else 3]
    size = state[5 if named else 4]
    flags = state[7] if len(state) > 7 else None
    numbers = (state[0], state[5 + named], flags or 0)
    if type(size) is not int or size < -1 or not all(isinstance(one, int) for one in numbers):
        return "gives no plain size"  # any other object would be asked for its __index__
    if subtype is not None:
        return _bad_subtype(subtype, size, flags)
    if not _are_texts(state[3] if named else None):
        return "has names that are no texts"  # numpy looks for them in the fields: it hashes them
    if fields is None:
        return POINTERS_FROM_NOWHERE if own != OBJECT and _says_objects(flags) else ""
    if not isinstance(fields, dict) or len(fields) >= DICT_CAP:
        return "hides its fields"
    parts = [field for field in fields.values() if isinstance(field, tuple)]
    if len(parts) < len(fields):
        return "hides its fields"
    if _says_objects(flags) and own != OBJECT and not any(item_size(field[0]) == OBJECT for field in parts):
        return POINTERS_FROM_NOWHERE
    return next((problem for field in parts if (problem := _bad_field(field, size, flags))), "")


def _are_texts(names: Value) -> bool:
    return names is None or (isinstance(names, tuple) and all(isinstance(name, str | bytes | Blob) for name in names))


def _says_objects(flags: Value) -> bool:
    """Return True if *flags* hold `_HAS_OBJECTS`, or may."""
    return flags is not None and (type(flags) is not int or flags & _HAS_OBJECTS != 0)


def _bad_subtype(subtype: Value, size: int, flags: Value) -> str:
    if not isinstance(subtype, tuple) or len(subtype) != 2:
        return "hides its subtype"
    one, elements = item_size(subtype[0]), count(subtype[1])
    if one == OBJECT:
        one = _POINTER
        if not _says_objects(flags):
            return HIDES_OBJECTS
    elif _says_objects(flags):
        return POINTERS_FROM_NOWHERE
    if one is None:
        return UNKNOWN_PART
    if elements is None or one * elements != size:
        return "has a size that is not its parts'"
    return ""


def _bad_field(field: tuple[Value, ...], size: int, flags: Value) -> str:
    if len(field) < 2 or type(field[1]) is not int or field[1] < 0:
        return "has a field at no plain place"
    one = item_size(field[0])
    if one == OBJECT:
        one = _POINTER
        if type(flags) is not int or not flags & _HAS_OBJECTS:
            return HIDES_OBJECTS
    if field[1] + (one or 0) > size:
        return "has a field beyond its end"
    return UNKNOWN_PART if one is None else ""


_DIMENSIONS = 64
"""Dimensions that numpy has at most (``NPY_MAXDIMS``): it raises on more."""


def count(shape: Value) -> int | None:
    """Return the elements of *shape*, or None if it is no tuple of plain sizes."""
    if type(shape) is int:
        shape = (shape,)
    if not isinstance(shape, tuple) or len(shape) > _DIMENSIONS:
        return None
    total = 1
    for size in shape:
        number = integer(size)
        if number is None or number < 0 or number.bit_length() > 63:
            return None
        total *= number
    return total


def integer(value: Value) -> int | None:
    """Return the number that *value* is, or None if it is no plain one and no scalar of numpy's."""
    if type(value) is int:
        return value
    if isinstance(value, Obj) and value.kind is _SCALAR and isinstance(value.args, tuple) and len(value.args) > 1:
        raw = as_bytes(value.args[1])
        return None if raw is None or len(raw) > 8 else int.from_bytes(raw, "little", signed=True)
    return None


def elements(array: Obj) -> int | None:
    """Return the elements of an array that was rebuilt and filled, or None if they are not known."""
    if isinstance(array.state, dict):  # joblib's
        return count(array.state.get("shape"))
    if array.kind is _NDARRAY_DONE and isinstance(array.args, tuple) and len(array.args) > 2:
        return count(array.args[2])
    if isinstance(array.state, tuple) and len(array.state) >= 5:
        return count(array.state[1])
    return None


def length(raw: Value, observations: Observations) -> int | None:
    """Return the bytes that *raw* holds, its items if it is a list, or None if that is not known."""
    if isinstance(raw, list):
        return len(raw) + observations.dropped.get(id(raw), (0, None))[0]
    if isinstance(raw, Blob) and not raw.text:
        return raw.size
    if isinstance(raw, Opaque):
        return length(raw.content, observations) if raw.kind is _BYTEARRAY else None
    text = as_text(raw)
    if text is not None:
        return len(text)
    if isinstance(raw, Obj) and isinstance(raw.callee, Import) and raw.callee.name == "encode":
        spelt = raw.args[0] if isinstance(raw.args, tuple) and raw.args else None
        if isinstance(spelt, Python2Text):
            return len(spelt)  # in the one encoding in which such arrays can be read at all
    content = as_bytes(raw)
    return None if content is None else len(content)


def mismatch(shape: Value, dtype: Value, raw: Value, observations: Observations) -> tuple[str, str]:
    """Return the rule and the sentence if *raw* does not fill an array of *shape* and *dtype*, else empty texts."""
    size, elements = item_size(dtype), count(shape)
    if size == OBJECT and not isinstance(raw, list):
        return "object-dtype-over-bytes", "an array of object pointers is to be filled from raw bytes"
    if size is None or elements is None:
        return "", ""
    found = length(raw, observations)
    if found is None:
        return "", ""
    wanted = elements if isinstance(raw, list) else elements * size
    if found != wanted:
        return "numpy-size-mismatch", f"an array that needs {wanted} bytes is to be filled from {found}"
    return "", ""
