"""Checks of what libraries call when their objects are rebuilt: numpy, torch, pandas, Arrow, astropy, scikit-learn."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from picklewatch.analysis.pickle.checks import argument_signs, numpy_arrays, torch_tensors
from picklewatch.analysis.pickle.checks.arguments import HUGE, Doubt, odd, plain, take_types, values_of
from picklewatch.analysis.pickle.report import Storage, Why
from picklewatch.analysis.pickle.semantics import attributes
from picklewatch.analysis.pickle.vm.values import Blob, How, Import, Obj, Persistent, as_bytes
from picklewatch.catalogue.imports.entries import Check, Kind, Status
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.semantics.build import Machine

_UFUNC_MODULE = re.compile(r"numpy(\.(core|_core)(\.(_multiarray_umath|umath))?)?\Z|scipy\.special(\._ufuncs)?\Z")


def index_class(machine: Machine, callee: Import, args: Any, offset: int) -> Doubt | None:
    """``_new_Index(cls, state)`` is ``cls.__new__(cls, **state)``: only a class of indexes may stand there."""
    values = values_of(args)
    made = values[0] if values else None
    if (
        not isinstance(made, Import)
        or not made.name.endswith("Index")
        or made.judged.status not in {Status.VOUCHED, Status.FOREIGN}
    ):
        return Doubt("indirect-call", Level.UNSAFE, f"{callee.key} is made to make something other than an index")
    return plain(machine, callee, args, offset)


_UNITS = re.compile(r"astropy\.units\.[\w.]+\.[A-Z]\w+|pint\.[\w.]*\b(Plain)?(Quantity|Unit|Measurement)")


def unit_class(machine: Machine, callee: Import, args: Any, offset: int) -> Doubt | None:
    """``_recreate_irreducible_unit(cls, names, registered)`` calls *cls*: only a class of units may stand there."""
    values = values_of(args)
    if not values or not isinstance(values[0], Import) or not _UNITS.fullmatch(values[0].key):
        return Doubt("indirect-call", Level.UNSAFE, f"{callee.key} is made to call something other than a unit")
    return plain(machine, callee, args, offset)


_ARRAY_CLASSES = frozenset({"ndarray", "MaskedArray", "mvoid", "matrix", "recarray", "chararray", "MaskedConstant"})


def masked(machine: Machine, callee: Import, args: Any, offset: int) -> Doubt | None:
    """``_mareconstruct(cls, base, shape, type)`` makes an instance of *cls*: only classes of arrays may stand there."""
    classes = values_of(args)[:2]
    for made in classes:
        known = isinstance(made, Import) and (made.name in _ARRAY_CLASSES or made.judged.status is Status.FOREIGN)
        if not known:
            return Doubt("indirect-call", Level.UNSAFE, f"{callee.key} is made to make something other than an array")
    return plain(machine, callee, args, offset)


def tree(machine: Machine, callee: Import, args: Any, offset: int) -> Doubt | None:
    """``Tree(features, classes, outputs)``, ``Gini(outputs, classes)`` believe the number of outputs."""
    for value in values_of(args):
        if not isinstance(value, Obj) or value.kind not in {Kind.NDARRAY, Kind.NDARRAY_DONE}:
            continue
        outputs = values_of(args)[2:3] if callee.name == "Tree" else values_of(args)[:1]
        held, said = numpy_arrays.elements(value), numpy_arrays.integer(outputs[0] if outputs else None)
        if held is None or said is None or not 0 <= said <= held:
            return Doubt("numpy-size-mismatch", Level.MALICIOUS, f"{callee.key} is to read beyond its array of classes")
    return plain(machine, callee, args, offset)


def arrow(machine: Machine, callee: Import, args: Any, offset: int) -> Doubt | None:
    """``_restore_array((type, length, nulls, offset, buffers, children, dictionary))``: Arrow believes the length."""
    values = values_of(args)
    told = values_of(values[0]) if values else ()
    fewest = 6
    if len(told) < fewest:
        return odd(f"{callee.key} is given something other than an array's parts")
    length, start, buffers, children = numpy_arrays.integer(told[1]), numpy_arrays.integer(told[3]), told[4], told[5]
    if length is None or start is None or length < 0 or start < 0:
        return Doubt("numpy-size-mismatch", Level.MALICIOUS, "an array of Arrow has no plain length and offset")
    buffers = buffers if isinstance(buffers, list | tuple) else ()
    machine.budget.charge(2 * len(buffers))
    held = [_arrow_bytes(one, machine) for one in buffers if one is not None]
    known = [one for one in held if one is not None]
    if len(known) < len(held):
        return Doubt("numpy-size-mismatch", Level.UNVERIFIED, "the buffers of an array of Arrow are of unknown size")
    if known and not children and (length + start + 7) // 8 > max(known):
        return Doubt("numpy-size-mismatch", Level.MALICIOUS, "an array of Arrow is longer than all of its buffers")
    return plain(machine, callee, args, offset)


def _arrow_bytes(value: Any, machine: Machine) -> int | None:
    if isinstance(value, Obj) and isinstance(value.args, tuple) and len(value.args) == 1:
        return numpy_arrays.length(value.args[0], machine)
    return None


def np_reconstruct(machine: Machine, callee: Import, args: Any, _offset: int) -> Doubt | None:
    """``_reconstruct(ndarray, (0,), b'b')``: an array class and a small shape."""
    values = values_of(args)
    if len(values) < 2 or not isinstance(values[0], Import):
        return odd(f"{callee.key} is not given an array class")
    elements = numpy_arrays.count(values[1])
    take_types(args, machine)
    if elements is None or elements > HUGE:
        return Doubt("resource-bomb", Level.UNSAFE, f"{callee.key} is asked for an array of an impossible shape")
    if values[0].judged.status in {Status.VOUCHED, Status.FOREIGN}:
        return None
    return odd(f"{callee.key} is given {values[0].key} as an array class")


def np_scalar(machine: Machine, callee: Import, args: Any, _offset: int) -> Doubt | None:
    """``scalar(dtype, bytes)``: as many bytes as the type has; no pointers from bytes."""
    values = values_of(args)
    if not values:
        return odd(f"{callee.key} is called without a type")
    size = numpy_arrays.item_size(values[0])
    if len(values) == 1:
        return None
    if size == numpy_arrays.OBJECT:
        if isinstance(values[1], bytes | Blob) or as_bytes(values[1]) is not None:
            return Doubt("object-dtype-over-bytes", Level.MALICIOUS, "an object pointer is to be made from raw bytes")
        return None
    found = numpy_arrays.length(values[1], machine)
    if size is not None and found is not None and found < size:
        return Doubt("numpy-size-mismatch", Level.MALICIOUS, f"a number of {size} bytes is to be made from {found}")
    return None if argument_signs.plain(args, machine) else odd(f"{callee.key} is given something other than data")


def np_frombuffer(machine: Machine, callee: Import, args: Any, _offset: int) -> Doubt | None:
    """``_frombuffer(bytes, dtype, shape, order)``."""
    values = values_of(args)
    if len(values) < 3:
        return odd(f"{callee.key} is given too few arguments")
    rule, summary = numpy_arrays.mismatch(values[2], values[1], values[0], machine)
    if rule:
        return Doubt(rule, Level.MALICIOUS, summary)
    return None if argument_signs.plain(args, machine) else odd(f"{callee.key} is given something other than data")


def np_dtype(machine: Machine, callee: Import, args: Any, _offset: int) -> Doubt | None:
    """An element type by its name, or a description of one in plain data."""
    take_types(args, machine)
    return None if argument_signs.plain(args, machine) else odd(f"{callee.key} is given something other than data")


def np_random(_machine: Machine, callee: Import, args: Any, _offset: int) -> Doubt | None:
    """The second argument is called with the first by numpy: only numpy's own constructor may stand there."""
    for value in values_of(args):
        if isinstance(value, Import):
            if not value.module.startswith("numpy.random") or value.judged.status is not Status.VOUCHED:
                return Doubt("indirect-call", Level.MALICIOUS, f"{callee.key} is made to call {value.key}")
        elif not isinstance(value, str | int | None) and not (
            isinstance(value, Obj) and value.known and value.kind is not Kind.CALLABLE
        ):
            return odd(f"{callee.key} is given something other than a generator")
    return None


def array_file(machine: Machine, callee: Import, args: Any, _offset: int) -> Doubt | None:
    """Made by NEWOBJ without arguments; its state is checked when BUILD gives it."""
    return None if not args else plain(machine, callee, args, _offset)


def torch_tensor(machine: Machine, callee: Import, args: Any, _offset: int) -> Doubt | None:
    """Offset, size and stride inside the storage."""
    dtype_at = 6
    dtype = (
        args[dtype_at]
        if callee.name == "_rebuild_tensor_v3" and isinstance(args, tuple) and len(args) > dtype_at
        else None
    )
    summary = torch_tensors.out_of_bounds(args, machine.budget, dtype)
    if summary:
        return Doubt("tensor-out-of-bounds", Level.MALICIOUS, summary)
    storage = args[0]
    if type(storage) is Persistent:
        return (
            None if type(storage.storage) is Storage else odd("a tensor is rebuilt over something that is no storage")
        )
    if isinstance(storage, Obj) and storage.kind is Kind.STORAGE and storage.state is None:
        return Doubt("tensor-out-of-bounds", Level.UNVERIFIED, "a tensor's storage does not tell its size")
    if isinstance(storage, Obj) and (storage.kind is Kind.STORAGE or not storage.known):
        return None
    return odd("a tensor is rebuilt over something that is no storage")


_OF_TENSORS = frozenset({"_rebuild_parameter", "_rebuild_parameter_with_state"})


def _tensor(args: Any) -> bool:
    """Whether the first of *args* is a tensor, or may be one for all that is known: its methods will be called."""
    values = values_of(args)
    if not values or isinstance(values[0], Import):
        return False
    made = values[0]
    return not isinstance(made, Obj) or made.kind in {Kind.TENSOR, Kind.PARAMETER, Kind.STORAGE} or not made.known


def torch_plain(machine: Machine, callee: Import, args: Any, offset: int) -> Doubt | None:
    """Tensors, numbers and types."""
    if callee.name == "_rebuild_nested_tensor":
        return Doubt(
            "tensor-out-of-bounds",
            Level.UNVERIFIED,
            "a nested tensor's bounds lie in other tensors, which are not read",
        )
    if callee.name.startswith("_rebuild_sparse"):
        return Doubt(
            "tensor-out-of-bounds",
            Level.UNVERIFIED,
            "a sparse tensor's indices lie in other tensors, which are not read",
        )
    if callee.name in _OF_TENSORS and not _tensor(args):
        return odd(f"{callee.key} is given something other than a tensor")
    state_at = 3
    if callee.name == "_rebuild_parameter_with_state" and len(values_of(args)) > state_at:
        return _given_state(machine, callee, values_of(args)[state_at], offset) or plain(machine, callee, args, offset)
    if callee.name == "_rebuild_qtensor":
        return torch_tensor(machine, callee, args, offset) or plain(machine, callee, args, offset)
    return plain(machine, callee, args, offset)


def torch_from_type(machine: Machine, callee: Import, args: Any, offset: int) -> Doubt | None:
    """``_rebuild_from_type_v2(function, type, arguments, state)`` calls *function*: only torch's own ones."""
    values = values_of(args)
    if len(values) != 4 or not isinstance(values[0], Import):
        return Doubt("indirect-call", Level.UNSAFE, f"{callee.key} is called in an unusual way")
    function = values[0]
    if function.module != "torch._utils" or function.judged.status is not Status.VOUCHED:
        return Doubt(
            "indirect-call",
            Level.MALICIOUS if function.judged.level is Level.MALICIOUS else Level.UNSAFE,
            f"{callee.key} is made to call {function.key}",
        )
    machine.call(function, values[2], How.CALL, offset)
    return _given_state(machine, callee, values[3], offset)


def _given_state(machine: Machine, callee: Import, state: Any, offset: int) -> Doubt | None:
    """What ``_set_obj_state`` makes attributes of a tensor: no other class, no address in memory."""
    made = Obj(callee, (), offset, Kind.TENSOR)
    for named in attributes.split(state):
        if isinstance(named, dict):
            machine.interface(made, named, offset)
        if (isinstance(named, dict) and "__class__" in named) or attributes.hidden(made, named):
            return odd(f"{callee.key} is given attributes that make another thing of a tensor, or cannot be seen")
    return None


def load_from_bytes(machine: Machine, callee: Import, args: Any, offset: int) -> Doubt | None:
    """The bytes are a pickle: judged by the caller."""
    values = values_of(args)
    given = values[0] if len(values) == 1 else None
    content = given if isinstance(given, Blob) and not given.text else as_bytes(given)
    if content is None:
        return Doubt(
            "nested-unpickling", Level.UNSAFE, f"{callee.key} unpickles bytes that are not in the file as such"
        )
    machine.nest(content, offset, Why.LOADED)
    return None


def ufunc(machine: Machine, callee: Import, args: Any, _offset: int) -> Doubt | None:
    """``_ufunc_reconstruct(module, name)`` imports: only numpy's and scipy's own functions are harmless."""
    values = values_of(args)
    if len(values) == 2 and all(isinstance(value, str) for value in values):
        module, name = values
        if (
            _UFUNC_MODULE.match(module)
            and name.isidentifier()
            and machine.judged(module, name).status is Status.VOUCHED
        ):
            return None
    return Doubt(
        "code-execution", Level.MALICIOUS, f"{callee.key} is made to import something that is no function of numpy"
    )


def jax_array(machine: Machine, callee: Import, args: Any, offset: int) -> Doubt | None:
    """``_reconstruct_array(function, arguments, state, …)`` is numpy's REDUCE and BUILD in one call."""
    values = values_of(args)
    fewest = 3
    function = values[0] if len(values) >= fewest else None
    if not isinstance(function, Import) or function.judged.kind is not Kind.NDARRAY:
        return Doubt("indirect-call", Level.UNSAFE, f"{callee.key} is made to call something other than numpy's own")
    machine.build(machine.call(function, values[1], How.CALL, offset), values[2], offset)
    return plain(machine, callee, values[fewest:], offset)


def formula(machine: Machine, callee: Import, args: Any, offset: int) -> Doubt | None:
    """Made by NEWOBJ; its state is checked when BUILD gives it."""
    return plain(machine, callee, args, offset)


OF_LIBRARIES: dict[Check, Any] = {
    Check.NP_RECONSTRUCT: np_reconstruct,
    Check.NP_SCALAR: np_scalar,
    Check.NP_FROMBUFFER: np_frombuffer,
    Check.NP_DTYPE: np_dtype,
    Check.NP_RANDOM: np_random,
    Check.ARRAY_FILE: array_file,
    Check.TORCH_TENSOR: torch_tensor,
    Check.TORCH_PLAIN: torch_plain,
    Check.TORCH_FROM_TYPE: torch_from_type,
    Check.LOAD_FROM_BYTES: load_from_bytes,
    Check.UFUNC: ufunc,
    Check.ARROW: arrow,
    Check.INDEX_CLASS: index_class,
    Check.FORMULA: formula,
    Check.UNIT_CLASS: unit_class,
    Check.MASKED: masked,
    Check.TREE: tree,
    Check.JAX_ARRAY: jax_array,
}
"""By the name that the lists use."""
