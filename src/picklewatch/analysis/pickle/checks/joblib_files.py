"""joblib's arrays in separate files.

``NDArrayWrapper.read`` (``joblib/numpy_pickle_compat.py``) loads the file that the state names: a path reaches any
other file, of which nobody judged what unpickling it does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.checks.arguments import plain
from picklewatch.analysis.pickle.render import render
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.checks.concern import Concern
    from picklewatch.analysis.pickle.checks.judges import Context
    from picklewatch.analysis.pickle.semantics.observations import Observations
    from picklewatch.analysis.pickle.vm.values import Import, Obj, Value


def array_file(context: Context, callee: Import, args: Value, _offset: int) -> Concern | None:
    """Let it pass without arguments: its state is checked when BUILD gives it."""
    return None if not args else plain(context, callee, args, _offset)


def wrapper_state(observations: Observations, _target: Obj, state: Value, offset: int) -> None:
    """Report the file that joblib would load: beside this one, or, in an attack, anywhere else."""
    name = state.get("filename") if isinstance(state, dict) else None
    if isinstance(name, str) and ("/" in name or "\\" in name or name.startswith("..")):
        observations.finding(
            "suspicious-arguments", Level.UNSAFE, offset, "names an array file outside its own directory", render(name)
        )
    else:
        observations.once(
            "separate-array-file",
            Level.UNVERIFIED,
            offset,
            "has joblib load an array from another file beside it",
            render(state, 200),
        )
