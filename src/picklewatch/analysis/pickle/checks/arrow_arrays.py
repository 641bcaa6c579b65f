"""Arrow's arrays: ``_restore_array`` (``pyarrow/array.pxi``) believes the length that it is given.

An array that is longer than its buffers reads the memory behind them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.checks import numpy_arrays
from picklewatch.analysis.pickle.checks.arguments import values_of
from picklewatch.analysis.pickle.checks.concern import Concern, suspicious_arguments
from picklewatch.analysis.pickle.vm.values import Import, Obj
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.checks.judges import Context
    from picklewatch.analysis.pickle.semantics.observations import Observations
    from picklewatch.analysis.pickle.vm.values import Value


def arrow(context: Context, callee: Import, args: Value, _offset: int) -> Concern | None:
    """Compare the length in ``(type, length, nulls, offset, buffers, children, dictionary)`` with the buffers."""
    values = values_of(args)
    parts = values_of(values[0]) if values else ()
    fewest = 6
    if len(parts) < fewest:
        return suspicious_arguments(f"{callee.key} is given something other than an array's parts")
    length, start, buffers, children = (
        numpy_arrays.integer(parts[1]),
        numpy_arrays.integer(parts[3]),
        parts[4],
        parts[5],
    )
    if length is None or start is None or length < 0 or start < 0:
        return Concern("numpy-size-mismatch", Level.MALICIOUS, "an array of Arrow has no plain length and offset")
    buffers = buffers if isinstance(buffers, list | tuple) else ()
    context.observations.budget.charge(2 * len(buffers))
    held = [_arrow_bytes(one, context.observations) for one in buffers if one is not None]
    known = [one for one in held if one is not None]
    if len(known) < len(held):
        return Concern("numpy-size-mismatch", Level.UNVERIFIED, "the buffers of an array of Arrow are of unknown size")
    if known and not children and (length + start + 7) // 8 > max(known):
        return Concern("numpy-size-mismatch", Level.MALICIOUS, "an array of Arrow is longer than all of its buffers")
    return None


def _arrow_bytes(value: Value, observations: Observations) -> int | None:
    if isinstance(value, Obj) and isinstance(value.args, tuple) and len(value.args) == 1:
        return numpy_arrays.length(value.args[0], observations)
    return None
