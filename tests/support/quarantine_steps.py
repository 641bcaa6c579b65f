"""Ask before each step of the quarantine that changes something: it raises an audit event (`quarantine.fs`)."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from picklewatch.quarantine.fs import STEP

if TYPE_CHECKING:
    from collections.abc import Callable


def nothing(_step: str) -> None:
    """Do nothing, so that the step happens."""


observer: Callable[[str], None] = nothing
"""Called with the name of a step before it changes something; tests replace it for as long as they need."""


def _ask(event: str, arguments: tuple[str, ...]) -> None:
    if event == STEP:
        observer(*arguments)


sys.addaudithook(_ask)  # it cannot be removed again, so there is one, and it asks the observer of the moment
