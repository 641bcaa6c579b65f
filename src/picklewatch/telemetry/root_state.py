"""How watched directories are doing, as it is reported: apart from the watching, so that `status` starts fast."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from picklewatch.telemetry.daemon_report import RootReport

COMMAND_LINE: Final = "command line"
CONFIGURATION: Final = "watch.roots"
ASKED_FOR: Final = (COMMAND_LINE, CONFIGURATION)
"""Labels of directories that a person asked for: only these are reported when they are missing, caches come and go."""


class RootState(StrEnum):
    """Whether and how changes of a root are noticed."""

    WAITING = "waiting"
    """It is not there (yet)."""
    WATCHED = "watched"
    """Its changes are announced."""
    POLLED = "polled"
    """It is walked every few seconds: nothing, or not everything, is announced."""


def is_awaited(root: RootReport) -> bool:
    """Return True if a person asked for *root*, and it is simply not there."""
    return root.state == RootState.WAITING and root.label in ASKED_FOR and not root.reason
