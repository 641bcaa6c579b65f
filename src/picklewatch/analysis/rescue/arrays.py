"""The array of numbers that a call of numpy's or joblib's would rebuild."""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.checks.torch_tensors import sizes
from picklewatch.analysis.pickle.vm.values import Import, Obj
from picklewatch.analysis.rescue.byte_sources import NotSavedError, bytes_of
from picklewatch.analysis.rescue.tensors import Tensor, steps
from picklewatch.core.rescue_plan import ELEMENT_BYTES, MOST_DIMENSIONS

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.vm.values import Key, Value
    from picklewatch.analysis.rescue.byte_sources import ByteSource, ByteSources

_TYPES = {
    "f8": "F64", "f4": "F32", "f2": "F16", "i8": "I64", "i4": "I32", "i2": "I16", "i1": "I8", "u8": "U64", "u4": "U32",
    "u2": "U16", "u1": "U8", "b1": "BOOL", "?": "BOOL", "c8": "C64", "c16": "C128", "b": "I8", "B": "U8",
    "d": "F64", "f": "F32", "e": "F16", "q": "I64", "Q": "U64", "h": "I16", "H": "U16", "F": "C64", "D": "C128",
}  # fmt: skip
"""numpy's spelling of a type, without the byte order → element type."""
_ORDERS = "<>|="
_SCALARS = {"F64": "d", "F32": "f", "F16": "e", "I64": "q", "I32": "i", "I16": "h", "I8": "b", "U64": "Q", "U32": "I",
            "U16": "H", "U8": "B", "BOOL": "?"}  # fmt: skip
_JOBLIB = frozenset({"NumpyArrayWrapper", "NDArrayWrapper", "ZNDArrayWrapper"})
_STATE, _FROM_BUFFER = 5, 4


def numpy_array(value: Obj, sources: ByteSources) -> Tensor | None:
    """Return the array that *value* is, None if it is none; raises `NotSavedError` for one that can't be written.

    See ``_reconstruct`` and ``_frombuffer`` in ``numpy/_core``, and joblib's ``numpy_pickle.py``.
    """
    callee, state, args = value.callee, value.state, value.args
    if not isinstance(callee, Import):
        return None
    if callee.name in _JOBLIB and ".numpy_pickle" in callee.module:  # also scikit-learn's own copy of joblib
        return _between_opcodes(state if isinstance(state, dict) else {}, sources)
    if not callee.module.startswith("numpy"):
        return None
    if callee.name == "_reconstruct":
        if type(state) is tuple and state and type(state[0]) is tuple:
            state = state[0]  # a subclass's, with its own beside it
        if type(state) is tuple and len(state) == _STATE:
            return array(descr(state[2]), state[1], state[3] is True, sources.of_bytes(state[4]))
    if callee.name == "_frombuffer" and type(args) is tuple and len(args) == _FROM_BUFFER:
        return array(descr(args[1]), args[2], args[3] == "F", sources.of_bytes(args[0]))
    return None


def _between_opcodes(state: dict[Key, Value], sources: ByteSources) -> Tensor:
    """Return an array of joblib's, whose bytes the walk has found between the opcodes."""
    if "" not in state:
        raise NotSavedError("an array of objects, or in another file: only numbers in this one are saved")
    return array(descr(state.get("dtype")), state.get("shape"), state.get("order") == "F", sources.of_bytes(state[""]))


def descr(dtype: Value) -> str:
    """Return ``<f4`` and the like, empty for what is no plain type."""
    if type(dtype) is not Obj or type(dtype.args) is not tuple or not dtype.args or type(dtype.args[0]) is not str:
        return ""
    state, spelling = dtype.state, dtype.args[0]
    order = state[1] if type(state) is tuple and len(state) > 1 and type(state[1]) is str else spelling[:1]
    return (order if order in {*_ORDERS} else "|") + spelling.lstrip(_ORDERS)


def array(spelling: str, shape: Value, fortran: object, source: ByteSource | None) -> Tensor:
    """Return the array over *source*; raises `NotSavedError`."""
    kind, lengths = _TYPES.get(spelling.lstrip(_ORDERS)), sizes(shape)
    if kind is None:
        raise NotSavedError(f"an array of {spelling[:100] or 'objects or texts'}: only numbers are saved")
    if lengths is None or len(lengths) > MOST_DIMENSIONS:
        raise NotSavedError("an array without a sound shape")
    if source is None:
        raise NotSavedError("an array whose bytes can't be told")
    need = math.prod(lengths) * ELEMENT_BYTES[kind]
    if need > source.size:
        raise NotSavedError(f"an array that needs {need} bytes and has {source.size}")
    stride = tuple(reversed(steps(lengths[::-1]))) if fortran else steps(lengths)
    return Tensor(kind, lengths, stride, source.part(0, need), swap=spelling.startswith(">"))


def number(value: Obj) -> bool | float | None:
    """Return the number that a scalar of numpy's is, None if *value* is none."""
    callee, args = value.callee, value.args
    if not isinstance(callee, Import) or not callee.module.startswith("numpy") or callee.name != "scalar":
        return None
    if type(args) is not tuple or len(args) != 2:  # noqa: PLR2004 - type and bytes
        return None
    spelling, raw = descr(args[0]), bytes_of(args[1])
    kind = _TYPES.get(spelling.lstrip(_ORDERS), "")
    if kind not in _SCALARS or raw is None or len(raw) != ELEMENT_BYTES[kind]:
        return None
    found: bool | float = struct.unpack((">" if spelling.startswith(">") else "<") + _SCALARS[kind], raw)[0]
    return found
