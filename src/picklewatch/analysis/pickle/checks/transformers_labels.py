"""Configurations of transformers: ``num_labels`` makes a name for each label (``transformers/configuration_utils.py``).

A number of ten digits in a file of some hundred bytes fills the memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.render import render
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.semantics.observations import Observations
    from picklewatch.analysis.pickle.vm.values import Key, Value


def labels(observations: Observations, _attributes: dict[Key, Value], value: Value, offset: int) -> None:
    """Report a number of labels that memory cannot hold."""
    most = 1 << 24
    if type(value) is int and value > most:
        observations.finding(
            "resource-bomb", Level.UNSAFE, offset, "is given more labels than memory can hold", render(value)
        )
