"""The check of each kind of call, and the checks of states.

`Check.RECONSTRUCTOR` and `Check.NEWOBJ` are not here: what they call is judged as a call of its own
(`semantics.calls`). `Check.FORMULA` looks at a state (`checks.build_state`). `tests/unit/test_pickle_types.py` fails
for a member of `Check` without a function.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.checks import (
    arguments,
    arrow_arrays,
    attribute_access,
    class_arguments,
    codecs_encode,
    containers,
    jax_arrays,
    kept_calls,
    numpy_calls,
    pandas_blocks,
    patterns,
    sklearn_trees,
    time_zones,
    torch_calls,
)
from picklewatch.catalogue.imports.entries import Check

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.checks.judges import CallCheck

CHECKS: dict[Check, CallCheck] = {
    Check.BOUNDED: arguments.bounded,
    Check.ALIAS: attribute_access.alias,
    Check.ENCODE: codecs_encode.encode,
    Check.FACTORY: containers.factory,
    Check.GETATTR: attribute_access.fetch,
    Check.GETITEM: attribute_access.getitem,
    Check.GETTER: kept_calls.getter,
    Check.ITERATOR: containers.iterator,
    Check.MAPPING: containers.mapping,
    Check.NUMBER: arguments.number,
    Check.PARTIAL: kept_calls.partial,
    Check.PATTERN: patterns.pattern,
    Check.REDUCE: kept_calls.reduce,
    Check.SETATTR: attribute_access.set_attribute,
    Check.TYPE_OF: class_arguments.type_of,
    Check.TZFILE: time_zones.tzfile,
    Check.ARROW: arrow_arrays.arrow,
    Check.INDEX_CLASS: class_arguments.index_class,
    Check.BLOCK: pandas_blocks.block,
    Check.JAX_ARRAY: jax_arrays.jax_array,
    Check.LOAD_FROM_BYTES: torch_calls.load_from_bytes,
    Check.MASKED: class_arguments.masked,
    Check.NP_FROMBUFFER: numpy_calls.np_frombuffer,
    Check.NP_RANDOM: numpy_calls.np_random,
    Check.NP_RECONSTRUCT: numpy_calls.np_reconstruct,
    Check.NP_SCALAR: numpy_calls.np_scalar,
    Check.STATE_SPACE: class_arguments.state_space,
    Check.TORCH_FROM_TYPE: torch_calls.torch_from_type,
    Check.TORCH_PLAIN: torch_calls.torch_plain,
    Check.TORCH_TENSOR: torch_calls.torch_tensor,
    Check.TREE: sklearn_trees.tree,
    Check.UFUNC: numpy_calls.ufunc,
    Check.UNIT_CLASS: class_arguments.unit_class,
}
