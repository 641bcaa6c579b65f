"""States of numpy's arrays, element types and random generators.

``array_setstate`` (``methods.c``) and ``arraydescr_setstate`` (``descriptor.c``) are checked by
`checks.numpy_arrays`. A generator takes its position in its own table as it is (``mt19937.h``, ``philox.h``): a
larger one reads the memory behind it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.checks import numpy_arrays
from picklewatch.analysis.pickle.render import render
from picklewatch.analysis.pickle.vm.values import Import, Obj
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.semantics.observations import Observations
    from picklewatch.analysis.pickle.vm.values import Value


_INTEGERS = frozenset({int, bool})


def ndarray_state(observations: Observations, target: Obj, state: Value, offset: int) -> None:
    """Check ``(version, shape, dtype, is Fortran, data)`` of arrays; subclasses wrap it in a tuple."""
    exact = (
        isinstance(target.args, tuple)
        and target.args
        and isinstance(target.args[0], Import)
        and target.args[0].name == "ndarray"
    )
    fewest = 4
    if not exact and isinstance(state, tuple) and state and isinstance(state[0], tuple) and len(state[0]) > fewest:
        state = state[0]
    if not isinstance(state, tuple) or len(state) < fewest:
        if exact or isinstance(state, Obj):
            observations.finding(
                "numpy-size-mismatch",
                Level.MALICIOUS,
                offset,
                "an array is given a state that is none of an array",
                render(state, 200),
            )
        return
    shape_at = 0 if len(state) == fewest else 1
    shape, dtype, raw = state[shape_at], state[shape_at + 1], state[shape_at + 3]
    numbers = (*state[:shape_at], state[shape_at + 2], *(shape if isinstance(shape, tuple) else (shape,)))
    if not _INTEGERS.issuperset(map(type, numbers)) and any(
        numpy_arrays.integer(one) is None and type(one) is not bool for one in numbers
    ):
        # numpy asks any other object for its __index__
        summary = "an array's version, shape or order is no number"
        observations.finding("suspicious-arguments", Level.UNSAFE, offset, summary, render(state, 300))
    rule, summary = numpy_arrays.mismatch(shape, dtype, raw, observations)
    if rule:
        observations.finding(rule, Level.MALICIOUS, offset, summary, render(state, 300))


def dtype_state(observations: Observations, target: Obj, state: Value, offset: int) -> None:
    """Check the state that ``dtype.__reduce__`` writes: byte order, parts, names, size, alignment, flags."""
    if target.used:
        observations.finding(
            "numpy-size-mismatch",
            Level.MALICIOUS,
            offset,
            "the description of an array's elements changes after an array was made of it",
            render(state, 300),
        )
    parts = state[2:5] if isinstance(state, tuple) else ()
    observations.budget.charge(sum(12 * len(fields) for fields in parts if isinstance(fields, dict)))
    problem = numpy_arrays.bad_type(state, numpy_arrays.item_size(target))
    if problem:
        observations.finding(
            "object-dtype-over-bytes"
            if problem in {numpy_arrays.HIDES_OBJECTS, numpy_arrays.POINTERS_FROM_NOWHERE}
            else "numpy-size-mismatch",
            Level.UNSAFE if problem == numpy_arrays.UNKNOWN_PART else Level.MALICIOUS,
            offset,
            f"the description of an array's elements {problem}",
            render(state, 300),
        )


def generator_state(observations: Observations, state: Value, offset: int) -> None:
    """Check a generator's position in its own table."""
    if isinstance(state, tuple) and state:
        fewest = 3
        if state[0] == "MT19937" and len(state) >= fewest:
            state = {"bit_generator": state[0], "state": {"pos": state[2]}}
        else:
            state = state[0]
    if not isinstance(state, dict) or "bit_generator" not in state:
        return
    inner = state.get("state")
    for held, name, most in ((inner, "pos", 624), (state, "buffer_pos", 4)):
        position = held.get(name) if isinstance(held, dict) else None
        if position is None:
            continue
        number = numpy_arrays.integer(position)
        if number is None or not 0 <= number <= most:
            observations.finding(
                "numpy-size-mismatch",
                Level.MALICIOUS,
                offset,
                "a random generator is to read beyond its own table",
                render(position, 100),
            )
