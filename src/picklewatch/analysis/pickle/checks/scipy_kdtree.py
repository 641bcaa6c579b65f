"""The nodes of scipy's ``cKDTree``, which follows the numbers in them as soon as it is restored.

``cKDTree.__setstate__`` (``scipy/spatial/_ckdtree.pyx``) takes the nodes as raw bytes and turns each one's two child
indexes into pointers, from the root down, without comparing them with anything.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.checks import numpy_arrays
from picklewatch.analysis.pickle.render import render
from picklewatch.analysis.pickle.vm.values import Blob, Import, Obj, as_bytes
from picklewatch.catalogue.imports.entries import Kind
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.semantics.observations import Observations
    from picklewatch.analysis.pickle.vm.values import Value

_NODE = struct.Struct("<qqdqqqqqq")
"""Split dimension, children, split, start, end, two pointers, two indexes; of 64-bit machines."""
_CLASSES = frozenset({"cKDTree", "KDTree"})
_FULL = 8
"""Parts of a state: nodes, data, points, dimensions, leaf size, maxima, minima, indexes, and what came later."""


def check_tree(observations: Observations, target: Obj, state: Value, offset: int) -> None:
    """Look at the *state* that BUILD gives to *target*, if that is such a tree."""
    cls = target.callee
    ours = isinstance(cls, Import) and cls.module.startswith("scipy.spatial") and cls.name in _CLASSES
    if not ours or not isinstance(state, tuple):
        return
    nodes = _content(state[0]) if len(state) >= _FULL else None
    points, dimensions = (numpy_arrays.integer(part) for part in state[2:4]) if len(state) >= _FULL else (None, None)
    if nodes is None or points is None or dimensions is None:
        observations.finding(
            "numpy-size-mismatch",
            Level.UNVERIFIED,
            offset,
            "the nodes of a spatial tree cannot be seen",
            render(state, 200),
        )
        return
    observations.budget.charge(len(nodes) // _NODE.size)
    if not _sound(nodes, points, dimensions) or not _filled(state, points, dimensions):
        observations.finding(
            "numpy-size-mismatch",
            Level.MALICIOUS,
            offset,
            "the nodes of a spatial tree lead out of it",
            render(state, 200),
        )


def _content(value: Value) -> bytes | None:
    """Return the bytes of an array, or of what older versions kept instead of one."""
    raw = value
    if isinstance(value, Obj) and isinstance(value.state, dict):
        raw = value.state.get("")
    elif isinstance(value, Obj) and isinstance(value.state, tuple) and len(value.state) >= 5:
        raw = value.state[4]
    elif isinstance(value, Obj) and value.kind is Kind.NDARRAY_DONE and isinstance(value.args, tuple) and value.args:
        raw = value.args[0]
    if isinstance(raw, str):
        return raw.encode("latin1", "replace")  # Python 2's bytes
    return raw.read() if isinstance(raw, Blob) else as_bytes(raw)


def _sound(nodes: bytes, points: int, dimensions: int) -> bool:
    """Return True if every node's children come behind it, as they are written, and every number has a meaning."""
    count = len(nodes) // _NODE.size
    if not count or len(nodes) % _NODE.size:
        return False
    return all(
        0 <= start <= end <= points
        and (split == -1 or (0 <= split < dimensions and number < less < count and number < greater < count))
        for number, (split, _, _, start, end, _, _, less, greater) in enumerate(_NODE.iter_unpack(nodes))
    )


def _filled(state: tuple[Value, ...], points: int, dimensions: int) -> bool:
    """Return True if the arrays are as large as the nodes need them; those of unknown size count as large enough."""
    wanted = (points * dimensions, dimensions, dimensions, points)
    held = (state[1], *state[5:8])
    sizes = [numpy_arrays.elements(part) if isinstance(part, Obj) else None for part in held]
    return all(size is None or size >= least for size, least in zip(sizes, wanted, strict=True))
