"""The little that a check of a call may ask of the machine: a protocol, so that checks import no machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from picklewatch.analysis.pickle.checks.concern import Concern
from picklewatch.analysis.pickle.vm.values import Import, Value

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.semantics.hazards import Hazards
    from picklewatch.analysis.pickle.semantics.imports import ImportTable
    from picklewatch.analysis.pickle.semantics.observations import Observations
    from picklewatch.analysis.pickle.vm.values import How


class Context(Protocol):
    """The judge of a call, as a check of its arguments sees it."""

    observations: Observations
    hazards: Hazards
    imports: ImportTable

    def call(self, callee: Value, args: Value, how: How, offset: int) -> Value:
        """Judge a call that the checked function makes of its arguments."""

    def build(self, target: Value, state: Value, offset: int) -> None:
        """Judge a state that the checked function gives to one of its arguments."""


CallCheck = Callable[[Context, Import, Value, int], Concern | None]
"""Looks at the arguments of a call of an import at an offset; None if they are harmless."""
