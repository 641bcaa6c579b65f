"""Handles of native code.

``Booster.__del__`` (``lightgbm/basic.py``, ``xgboost/core.py``) frees the pointer that the attribute holds: a number
from the file makes it free any address.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.render import render
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.semantics.observations import Observations
    from picklewatch.analysis.pickle.vm.values import Key, Value


def handle(observations: Observations, _attributes: dict[Key, Value], value: Value, offset: int) -> None:
    """Report a handle that may be a pointer."""
    smallest = 1 << 16
    if type(value) is int and value >= smallest:
        observations.finding(
            "opcode-out-of-kind", Level.UNSAFE, offset, "sets a native handle, a pointer, from the file", render(value)
        )
