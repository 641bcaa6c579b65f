"""statsmodels' Kalman filters: Cython classes that read the state space that they are given without asking."""

from __future__ import annotations

from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.checks.arguments import values_of
from picklewatch.analysis.pickle.checks.concern import suspicious_arguments
from picklewatch.analysis.pickle.vm.values import Import, Obj

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.checks.concern import Concern
    from picklewatch.analysis.pickle.checks.judges import Context
    from picklewatch.analysis.pickle.vm.values import Value


def state_space(_context: Context, callee: Import, args: Value, _offset: int) -> Concern | None:
    """Let a filter be made of a state space, as picklers do; without one it crashes."""
    model = next(iter(values_of(args)), None)
    maker = model.callee if isinstance(model, Obj) and model.known else None
    if not isinstance(maker, Import) or maker.module != "statsmodels.tsa.statespace._representation":
        return suspicious_arguments(f"{callee.key} is made without a state space")
    return None
