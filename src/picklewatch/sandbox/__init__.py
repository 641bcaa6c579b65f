"""The only door to hostile bytes.

A warm process that has the engine imported forks one child per file, or per batch of small files. The child gets one
read-only descriptor, gives up every right it does not need, scans, and writes its observations to a pipe, where this
side takes nothing on trust. Crashing, hanging and running out of memory are findings, never exceptions.

The parent's half must never parse what it passes on, nor believe what comes back. It is `scanner`, `batches`,
`rescuer`, `child_run`, `process`, `direct`, `starting`, `wire`, `answers`; the other half is `warm`, `direct_child`,
`child`, `child_batch`, `lockdown`, `kernel`, `syscalls`. What is named here is imported when first asked for: the other
half needs none of it, and starts with every command. Start with `picklewatch.sandbox.scanner`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from picklewatch.sandbox.batches import BatchStoppedError
    from picklewatch.sandbox.protections import Protections
    from picklewatch.sandbox.rescuer import Rescuer, RescueRequest
    from picklewatch.sandbox.scanner import ScanCancelledError, Scanner, ViewKind, ViewRequest

_HOMES = {
    "BatchStoppedError": "batches",
    "Protections": "protections",
    "RescueRequest": "rescuer",
    "Rescuer": "rescuer",
    "ScanCancelledError": "scanner",
    "Scanner": "scanner",
    "ViewKind": "scanner",
    "ViewRequest": "scanner",
}
"""Name → the module that has it."""

__all__ = [
    "BatchStoppedError",
    "Protections",
    "RescueRequest",
    "Rescuer",
    "ScanCancelledError",
    "Scanner",
    "ViewKind",
    "ViewRequest",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"picklewatch.sandbox.{_HOMES[name]}"), name)
    raise AttributeError(name)
