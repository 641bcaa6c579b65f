"""JAX's arrays, rebuilt by numpy's own function.

``_reconstruct_array(fun, args, arr_state, …)`` (``jax/_src/array.py``) calls any *fun* and gives its result a state.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.checks.arguments import values_of
from picklewatch.analysis.pickle.checks.concern import Concern, indirect_call
from picklewatch.analysis.pickle.vm.values import How, Import
from picklewatch.catalogue.imports.entries import Kind

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.checks.judges import Context
    from picklewatch.analysis.pickle.vm.values import Value


def jax_array(context: Context, callee: Import, args: Value, offset: int) -> Concern | None:
    """Judge the call and the state as numpy's own REDUCE and BUILD."""
    values = values_of(args)
    fewest = 3
    function = values[0] if len(values) >= fewest else None
    if not isinstance(function, Import) or function.judged.kind is not Kind.NDARRAY:
        return indirect_call(f"{callee.key} is made to call something other than numpy's own")
    context.build(context.call(function, values[1], How.CALL, offset), values[2], offset)
    return None
