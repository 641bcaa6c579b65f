"""Checks of this machine: which protections work, which do not and why, and whether scanning works from end to end.

Each check is a function that yields results. It must never change anything; only the self-test writes a file, and
removes it. Start with `examine`.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from picklewatch.doctor import interpreter_holes, machine_checks, service_checks
from picklewatch.doctor.checkup import CheckResult, Grade

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["CheckResult", "Grade", "examine"]


def examine(config_path: Path | None, directory: Path) -> Iterator[CheckResult]:
    """Make every check; without a valid configuration, only those that need none."""
    yield from machine_checks.versions()
    yield from interpreter_holes.holes(sys.version_info[:3])
    loaded, checks = service_checks.configuration(config_path)
    yield from checks
    yield from machine_checks.systemd()
    yield from service_checks.state(directory)
    yield from service_checks.daemon(directory)
    if loaded is None:
        return
    yield from service_checks.sandbox(loaded)
    places = machine_checks.places(loaded, directory)
    yield from machine_checks.caches(places)
    yield from machine_checks.inotify(places)
    yield from service_checks.quarantine(loaded, directory)
    yield from service_checks.self_test(directory)
