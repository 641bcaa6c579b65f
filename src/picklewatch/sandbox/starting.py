"""What a warm and a direct process have in common until they are ready: the first message, the import path. Pure."""

from __future__ import annotations

import json
import os
import select
import sys
import time
from typing import TYPE_CHECKING, Any

from picklewatch.core.errors import SandboxError, SandboxStartError
from picklewatch.sandbox.protections import Protections

if TYPE_CHECKING:
    import socket

START_SECONDS = 60.0
"""Seconds that a process may take to import everything (a cold disk, a busy machine)."""
_KEPT_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "TZ")
"""All else stays away from a process that meets hostile bytes: tokens live in environments."""
_MESSAGE = 64 << 10
_REFUSED_HINT = (
    "If picklewatch runs under systemd, let the unit's filter pass them: SystemCallFilter=@system-service "
    "landlock_create_ruleset landlock_add_rule landlock_restrict_self seccomp. In a container, use a seccomp profile "
    "that allows them."
)


class DiedError(Exception):
    """The process is gone."""


def protections_of(message: dict[str, Any] | None, engine: str | None) -> Protections | None:
    """Return the protections that the first *message* tells of; None if it does not.

    Raises `SandboxError` where the sandbox is refused, or the process has another *engine*.
    """
    match message:
        case {"refused": str(why)}:
            raise SandboxError(f"the sandbox can't be set up: {why}", _REFUSED_HINT)
        case {"ready": _, "engine": other} if other != engine:
            raise SandboxStartError("picklewatch was upgraded while this process ran", "Start it again.")
        case {"ready": {"missing": list()} as ready}:
            return Protections(**{**ready, "missing": tuple(ready["missing"])})
    return None


def received(control: socket.socket, seconds: float) -> dict[str, Any] | None:
    """Wait for the next message; None if the sender is gone, silent for *seconds*, or sends no JSON object."""
    deadline = time.monotonic() + seconds
    poll = select.poll()
    try:
        poll.register(control, select.POLLIN)
        if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
            return None
        text = control.recv(_MESSAGE)
    except (OSError, ValueError):
        return None
    try:
        message = json.loads(text)
    except ValueError:
        return None
    return message if isinstance(message, dict) else None


def kept_environment() -> dict[str, str]:
    """Return the variables that a process of ours gets which needs no others."""
    return {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}


def import_path() -> list[str]:
    """Return this process's import path without the current directory, in which a hostile download may lie."""
    try:
        here = os.path.realpath(os.getcwd())  # noqa: PTH109 - pathlib costs more than this
    except OSError:  # it was removed, so nothing is imported from it
        here = None
    ours = os.path.realpath(__file__).removesuffix("/picklewatch/sandbox/starting.py")
    path = [entry for entry in sys.path if entry.startswith("/") and os.path.realpath(entry) != here]
    return path if ours in path else [*path, ours]
