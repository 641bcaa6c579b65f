"""The log: the same events and fields on a terminal, as JSON lines and in the journal.

docs/logs.md lists every event. `configure` comes from `picklewatch.telemetry.log.logging_setup` when first asked for:
commands that only print do not wait for structlog.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from picklewatch.telemetry.log.logging_setup import FORMATS, LEVEL_OF_VERDICT, OUTLET, choose_format, configure

__all__ = ["FORMATS", "LEVEL_OF_VERDICT", "OUTLET", "choose_format", "configure"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module("picklewatch.telemetry.log.logging_setup"), name)
    raise AttributeError(name)
