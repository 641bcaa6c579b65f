"""numpy's functions that rebuild arrays, numbers, element types, generators and universal functions.

``_reconstruct``, ``scalar`` and ``_frombuffer`` (``multiarraymodule.c``, ``numpy/_core/numeric.py``) make arrays over
bytes: see `checks.numpy_arrays` for what a wrong size does. ``_ufunc_reconstruct`` (``numpy/_core/__init__.py``)
imports any module by its name, and ``__generator_ctor`` (``numpy/random/_pickle.py``) calls its second argument with
the first: both are gadgets that scanners with a list of names let pass.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.checks import numpy_arrays
from picklewatch.analysis.pickle.checks.arguments import HUGE, values_of
from picklewatch.analysis.pickle.checks.concern import Concern, indirect_call, suspicious_arguments
from picklewatch.analysis.pickle.semantics.data import is_type
from picklewatch.analysis.pickle.vm.values import Blob, Import, Obj, as_bytes
from picklewatch.catalogue.imports.entries import Kind, Status
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.checks.judges import Context
    from picklewatch.analysis.pickle.vm.values import Value

_UFUNC_MODULE = re.compile(r"numpy(\.(core|_core)(\.(_multiarray_umath|umath))?)?\Z|scipy\.special(\._ufuncs)?\Z")


def np_reconstruct(_context: Context, callee: Import, args: Value, _offset: int) -> Concern | None:
    """Let ``_reconstruct(ndarray, (0,), b'b')`` make an array of a possible shape."""
    values = values_of(args)
    if len(values) < 2 or not isinstance(values[0], Import):
        return suspicious_arguments(f"{callee.key} is not given an array class")
    elements = numpy_arrays.count(values[1])
    if elements is None or elements > HUGE:
        return Concern("resource-bomb", Level.UNSAFE, f"{callee.key} is asked for an array of an impossible shape")
    if values[0].judged.status is Status.FOREIGN or is_type(values[0]):
        return None
    return suspicious_arguments(f"{callee.key} is given {values[0].key} as an array class")


def np_scalar(context: Context, callee: Import, args: Value, _offset: int) -> Concern | None:
    """Check that ``scalar(dtype, bytes)`` gets as many bytes as the type has, and makes no pointers of them."""
    values = values_of(args)
    if not values:
        return suspicious_arguments(f"{callee.key} is called without a type")
    size = numpy_arrays.item_size(values[0])
    if len(values) == 1:
        return None
    if size == numpy_arrays.OBJECT:
        if isinstance(values[1], bytes | Blob) or as_bytes(values[1]) is not None:
            return Concern("object-dtype-over-bytes", Level.MALICIOUS, "an object pointer is to be made from raw bytes")
        return None
    found = numpy_arrays.length(values[1], context.observations)
    if size is not None and found is not None and found < size:
        return Concern("numpy-size-mismatch", Level.MALICIOUS, f"a number of {size} bytes is to be made from {found}")
    return None


def np_frombuffer(context: Context, callee: Import, args: Value, _offset: int) -> Concern | None:
    """Compare the bytes of ``_frombuffer(bytes, dtype, shape, order)`` with the array."""
    values = values_of(args)
    if len(values) < 3:
        return suspicious_arguments(f"{callee.key} is given too few arguments")
    rule, summary = numpy_arrays.mismatch(values[2], values[1], values[0], context.observations)
    if rule:
        return Concern(rule, Level.MALICIOUS, summary)
    return None


def np_random(_context: Context, callee: Import, args: Value, _offset: int) -> Concern | None:
    """Let only numpy's own constructor be called."""
    for value in values_of(args):
        if isinstance(value, Import):
            if not value.module.startswith("numpy.random") or value.judged.status is not Status.VOUCHED:
                return indirect_call(f"{callee.key} is made to call {value.key}", Level.MALICIOUS)
        elif not isinstance(value, str | int | None) and not (
            isinstance(value, Obj) and value.known and value.kind is not Kind.CALLABLE
        ):
            return suspicious_arguments(f"{callee.key} is given something other than a generator")
    return None


def ufunc(context: Context, callee: Import, args: Value, _offset: int) -> Concern | None:
    """Let only universal functions of numpy and scipy be imported."""
    values = values_of(args)
    module, name = values if len(values) == 2 else (None, None)
    if (
        isinstance(module, str)
        and isinstance(name, str)
        and _UFUNC_MODULE.match(module)
        and name.isidentifier()
        and context.imports.judged(module, name).status is Status.VOUCHED
    ):
        return None
    return Concern(
        "code-execution", Level.MALICIOUS, f"{callee.key} is made to import something that is no function of numpy"
    )
