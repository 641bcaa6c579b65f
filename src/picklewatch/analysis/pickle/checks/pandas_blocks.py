"""Blocks of pandas' tables: each says in which columns its rows are.

``BlockPlacement`` (``pandas/_libs/internals.pyx``) makes an array of what it is given and believes that this has a
dimension: a number that is no int, or an array without one, makes it read beyond the array.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from picklewatch.analysis.pickle.checks.arguments import values_of
from picklewatch.analysis.pickle.checks.concern import Concern
from picklewatch.analysis.pickle.vm.values import Import, Obj
from picklewatch.catalogue.imports.entries import Kind
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.checks.judges import Context
    from picklewatch.analysis.pickle.vm.values import Value

_NDARRAY: Final = Kind.NDARRAY
_NDARRAY_DONE: Final = Kind.NDARRAY_DONE


def block(_context: Context, callee: Import, args: Value, _offset: int) -> Concern | None:
    """Let blocks be made with the placements that pandas writes."""
    values = values_of(args)
    if len(values) > 1 and not _is_placement(values[1]):
        return Concern(
            "numpy-size-mismatch", Level.UNVERIFIED, f"{callee.key} is given no placement of columns: it may crash"
        )
    return None


def _is_placement(value: Value) -> bool:
    """Return True for an int, a slice, a list, or an array that has a dimension."""
    if not isinstance(value, Obj):
        return type(value) in _PLAIN
    if isinstance(value.callee, Import) and value.callee.name == "slice":
        return True
    if value.kind is _NDARRAY_DONE:
        return isinstance(value.args, tuple) and len(value.args) > 2 and _has_dimension(value.args[2])
    if value.kind is not _NDARRAY:
        return value.kind in _IN_LINE  # joblib compares their shape with the bytes that follow
    state = value.state
    return state is None or (isinstance(state, tuple) and len(state) > 2 and _has_dimension(state[len(state) > 4]))


def _has_dimension(shape: Value) -> bool:
    return type(shape) is int or (isinstance(shape, tuple) and len(shape) > 0)


_PLAIN = frozenset({int, tuple, list})
_IN_LINE = frozenset({Kind.ARRAY_WRAPPER, Kind.ARRAY_FILE})
