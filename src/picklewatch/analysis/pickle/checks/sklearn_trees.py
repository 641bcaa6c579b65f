"""scikit-learn's trees believe their counts (``sklearn/tree/_tree.pyx``, ``_criterion.pyx``).

They copy as many numbers out of an array, and walk as many nodes in a table, as another number says: a larger one
reads the memory behind it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.checks import numpy_arrays
from picklewatch.analysis.pickle.checks.arguments import values_of
from picklewatch.analysis.pickle.checks.concern import Concern
from picklewatch.analysis.pickle.render import render
from picklewatch.analysis.pickle.vm.values import Import, Obj
from picklewatch.catalogue.imports.entries import Kind
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.checks.judges import Context
    from picklewatch.analysis.pickle.semantics.observations import Observations
    from picklewatch.analysis.pickle.vm.values import Key, Value


def tree(_context: Context, callee: Import, args: Value, _offset: int) -> Concern | None:
    """Compare the outputs of ``Tree(features, classes, outputs)`` and ``Gini(outputs, classes)`` with their array.

    What is no array in the place of it, such as None, is taken for one all the same.
    """
    values = values_of(args)
    classes = values[1] if len(values) > 1 else None
    if callee.name in _OF_CLASSES and not (isinstance(classes, Obj) and classes.kind in _ARRAYS):
        return Concern("numpy-size-mismatch", Level.UNVERIFIED, f"{callee.key} is given no array of classes: may crash")
    for value in values:
        if not isinstance(value, Obj) or value.kind not in {Kind.NDARRAY, Kind.NDARRAY_DONE}:
            continue
        outputs = values[2:3] if callee.name == "Tree" else values[:1]
        held, claimed = numpy_arrays.elements(value), numpy_arrays.integer(outputs[0] if outputs else None)
        if held is None or claimed is None or not 0 <= claimed <= held:
            return Concern(
                "numpy-size-mismatch", Level.MALICIOUS, f"{callee.key} is to read beyond its array of classes"
            )
    return None


def node_count(observations: Observations, attributes: dict[Key, Value], value: Value, offset: int) -> None:
    """Compare the number of nodes with the table that the state brings."""
    nodes = attributes.get("nodes")
    full = 5
    if not isinstance(nodes, Obj) or not isinstance(nodes.state, tuple) or len(nodes.state) < full:
        return
    rows, claimed = numpy_arrays.count(nodes.state[1]), numpy_arrays.integer(value)
    if rows is not None and (claimed is None or not 0 <= claimed <= rows):
        observations.finding(
            "numpy-size-mismatch",
            Level.MALICIOUS,
            offset,
            f"a tree says that it has more nodes than the {rows} that it brings",
            render(value, 100),
        )


_OF_CLASSES = frozenset({"Tree", "ClassificationCriterion", "Gini", "Entropy"})
"""Classes whose second argument is the array of how many classes each output has."""
_ARRAYS = frozenset({Kind.NDARRAY, Kind.NDARRAY_DONE, Kind.ARRAY_WRAPPER, Kind.ARRAY_FILE})
