"""joblib's arrays, in line and in separate files.

``NDArrayWrapper.read`` (``joblib/numpy_pickle_compat.py``) loads the file that the state names: a path reaches any
other file, of which nobody judged what unpickling it does. ``NumpyUnpickler.load_build`` (``joblib/numpy_pickle.py``)
calls methods of the wrapper that it has just restored, such as ``read``: an attribute of that name would be called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.render import render
from picklewatch.analysis.pickle.vm.values import Import, Obj
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from collections.abc import Mapping

    from picklewatch.analysis.pickle.semantics.observations import Observations
    from picklewatch.analysis.pickle.vm.values import Value

_IN_LINE: Mapping[str, tuple[type, ...]] = {
    "subclass": (Import,),
    "shape": (tuple,),
    "order": (str,),
    "dtype": (Obj,),
    "allow_mmap": (bool, int),
    "numpy_array_alignment_bytes": (int, type(None)),
}
"""What joblib writes of an array in line, and the types of it."""
_IN_FILE = frozenset({"filename", "subclass", "allow_mmap", "init_args", "state"})


def in_line_state(observations: Observations, _target: Obj, state: Value, offset: int) -> None:
    """Report what joblib does not write: it would be called, compared, or asked for its length."""
    if not isinstance(state, dict):
        odd = "a state that is no dict"
    else:
        odd = next((str(name) for name, one in state.items() if not _is_of(name, one)), "")
    if odd:
        _report_odd(observations, odd, state, offset)


def _is_of(name: object, value: Value) -> bool:
    return isinstance(name, str) and isinstance(value, _IN_LINE.get(name, ()))


def _report_odd(observations: Observations, odd: str, state: Value, offset: int) -> None:
    summary = f"gives joblib's reader of arrays {odd}, which joblib does not write so"
    observations.finding("suspicious-arguments", Level.UNSAFE, offset, summary, render(state, 200))


def wrapper_state(observations: Observations, _target: Obj, state: Value, offset: int) -> None:
    """Report the file that joblib would load: beside this one, or, in an attack, anywhere else."""
    odd = next((str(name) for name in state if name not in _IN_FILE), "") if isinstance(state, dict) else ""
    if odd:
        _report_odd(observations, odd, state, offset)
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
