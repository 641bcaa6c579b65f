"""The checks of what BUILD gives to objects whose ``__setstate__`` does something with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.checks.crfsuite_files import file_resource
from picklewatch.analysis.pickle.checks.joblib_files import in_line_state, wrapper_state
from picklewatch.analysis.pickle.checks.kept_calls import partial_state
from picklewatch.analysis.pickle.checks.native_handles import handle
from picklewatch.analysis.pickle.checks.numpy_states import dtype_state, generator_state, ndarray_state
from picklewatch.analysis.pickle.checks.scipy_distributions import code_template
from picklewatch.analysis.pickle.checks.scipy_kdtree import check_tree
from picklewatch.analysis.pickle.checks.sklearn_trees import node_count
from picklewatch.analysis.pickle.checks.statsmodels_formulas import formula_state
from picklewatch.analysis.pickle.checks.torch_calls import view_state
from picklewatch.analysis.pickle.checks.transformers_labels import labels
from picklewatch.analysis.pickle.semantics.observations import Observations
from picklewatch.analysis.pickle.vm.values import Import, Key, Obj, Value
from picklewatch.catalogue.imports.entries import Check, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

StateCheck = Callable[[Observations, Obj, Value, int], None]
"""Looks at the state that an object is given at an offset."""
AttributeCheck = Callable[[Observations, dict[Key, Value], Value, int], None]
"""Looks at one value among the attributes that an object is given at an offset."""

_BY_KIND: Mapping[Kind, StateCheck] = {
    Kind.NDARRAY: ndarray_state,
    Kind.DTYPE: dtype_state,
    Kind.ARRAY_WRAPPER: in_line_state,
    Kind.ARRAY_FILE: wrapper_state,
    Kind.CALLABLE: partial_state,
}
_BY_ATTRIBUTE: Mapping[str, AttributeCheck] = {
    "_parse_arg_template": code_template,
    "__FILE_RESOURCE_DATA__": file_resource,
    "keep_tempfiles": file_resource,
    "node_count": node_count,
    "handle": handle,
    "_handle": handle,
    "num_labels": labels,
}
"""By the name of an attribute, whatever the class: subclasses and other versions have it under other modules."""


def check_state(observations: Observations, target: Obj, state: Value, offset: int) -> None:
    """Look at the *state* that BUILD gives to *target*."""
    check = _BY_KIND.get(target.kind)
    if check is None and isinstance(target.callee, Import) and target.callee.judged.check is Check.FORMULA:
        check = formula_state
    if check is not None:
        check(observations, target, state, offset)
    generator_state(observations, state, offset)
    view_state(observations, state, offset)
    check_tree(observations, target, state, offset)
    for attributes in state[:2] if isinstance(state, tuple) else (state,):
        if isinstance(attributes, dict):
            for name, look in _BY_ATTRIBUTE.items():
                if name in attributes:
                    look(observations, attributes, attributes[name], offset)
