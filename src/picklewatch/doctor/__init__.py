"""Checks of this machine: which protections work, which do not and why, and whether scanning works from end to end.

Each check is a function that yields results. It must never change anything; only the self-test writes a file, and
removes it. Start with `examine`.
"""

from __future__ import annotations

import sys
from errno import EACCES, EPERM
from typing import TYPE_CHECKING

from picklewatch.doctor import interpreter_holes, machine_checks, service_checks, system_daemon
from picklewatch.doctor.checkup import CheckResult, Grade

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from picklewatch.config.schema import LoadedConfig

__all__ = ["CheckResult", "Grade", "examine"]


def examine(config_path: Path | None, directory: Path, *, asks_system: bool = False) -> Iterator[CheckResult]:
    """Make every check; without a valid configuration, only those that need none.

    *asks_system*: the user has no rights over the system's daemon, and is to be told how it is.
    """
    yield from _made("versions", machine_checks.versions())
    yield from interpreter_holes.holes(sys.version_info[:3])
    loaded, checks = service_checks.configuration(config_path)
    yield from checks
    yield from _made("systemd", machine_checks.systemd())
    yield from _made("state", service_checks.state(directory))
    system = list(_made("system-daemon", system_daemon.check())) if asks_system else []
    yield from system
    yield from _made("daemon", service_checks.daemon(directory, is_needed=not system))
    if loaded is None:
        return
    yield from _made("sandbox", service_checks.sandbox(loaded))
    yield from _made("caches", _places(loaded, directory))
    if not system:  # else its level counts, not that of a daemon of one's own
        yield from _made("quarantine", service_checks.quarantine(loaded, directory))
    yield from _made("self-test", service_checks.self_test(directory))


def _places(loaded: LoadedConfig, directory: Path) -> Iterator[CheckResult]:
    places = machine_checks.places(loaded, directory)
    yield from machine_checks.caches(places)
    yield from machine_checks.inotify(places)


def _made(name: str, checks: Iterable[CheckResult]) -> Iterator[CheckResult]:
    """Yield *checks*; one that the system does not let be made is bad, and the others are still made."""
    try:
        yield from checks
    except OSError as error:
        reason = f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}"
        hint = "Try again with sudo, or as the user that the daemon runs as." if error.errno in (EACCES, EPERM) else ""
        yield CheckResult(name=name, state=Grade.BAD, text=f"This can't be checked: {reason}.", hint=hint)
