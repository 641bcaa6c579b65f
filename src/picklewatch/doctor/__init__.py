"""Checks of this machine: what protects it, what does not and why, and whether scanning works from end to end.

Each check is a function that looks and gives `Check`s; none changes anything but the self-test, which cleans up.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from picklewatch.doctor import interpreter, machine, service
from picklewatch.doctor.check import Check, State

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Check", "State", "examine"]


def examine(config_path: Path | None, directory: Path) -> Iterator[Check]:
    """Make every check; a bad configuration ends the ones that need it."""
    yield from machine.versions()
    yield from interpreter.holes(sys.version_info[:3])
    loaded, checks = service.configuration(config_path)
    yield from checks
    yield from machine.systemd()
    yield from service.state(directory)
    yield from service.daemon(directory)
    if loaded is None:
        return
    yield from service.sandbox(loaded)
    yield from machine.caches(loaded)
    yield from machine.inotify(loaded)
    yield from service.quarantine(loaded, directory)
    yield from service.self_test(loaded, directory)
