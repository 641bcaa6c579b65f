"""The only door to hostile bytes.

A warm process that has the engine imported forks one child per file. The child gets one read-only descriptor,
gives up every right it does not need, scans, and writes its observations to a pipe, where this side takes nothing
on trust. Crashing, hanging and running out of memory are findings, never exceptions.

Parent's half: `scanner`, `process`, `wire`. Other half: `warm`, `child`, `lockdown`, `kernel`, `syscalls`.
"""

from __future__ import annotations

from picklewatch.sandbox.protections import Protections
from picklewatch.sandbox.scanner import ScanCancelledError, Scanner, ViewKind, ViewRequest

__all__ = ["Protections", "ScanCancelledError", "Scanner", "ViewKind", "ViewRequest"]
