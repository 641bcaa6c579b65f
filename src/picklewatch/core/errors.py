"""Failures that the user can fix: each has a sentence, a hint and an exit status.

Anything else that is not the system's fault (`OSError`) is a bug: it keeps its traceback, and
ends with a status of its own.
"""

from __future__ import annotations

from enum import IntEnum


class ExitStatus(IntEnum):
    """The documented exit statuses of every command."""

    OK = 0
    """Nothing at or above the threshold."""
    UNSAFE = 1
    """Something is at or above the threshold (``--fail-on``, default ``unsafe``)."""
    UNSCANNABLE = 2
    """Something could not be scanned and nothing is unsafe; also a usage error, or work that failed."""
    INTERNAL = 70
    """A bug of picklewatch's; its traceback was printed (``EX_SOFTWARE``)."""
    UNAVAILABLE = 75
    """A disk, memory or the sandbox can't be used at the moment; start again later (``EX_TEMPFAIL``)."""
    CONFIG = 78
    """Bad configuration, or a state that another daemon holds (``EX_CONFIG`` of sysexits.h)."""


class Error(Exception):
    """A failure that the user can fix.

    *message* describes the failure, *hint* the remedy (empty: nothing to add).
    """

    status: ExitStatus = ExitStatus.UNSCANNABLE

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ConfigError(Error):
    """The configuration can't be used; *problems* lists every mistake, one line each."""

    status = ExitStatus.CONFIG

    def __init__(self, message: str, problems: tuple[str, ...] = (), hint: str = "") -> None:
        super().__init__(message, hint)
        self.problems = problems


class StateError(Error):
    """The state directory can't be used: held by another daemon, not ours, or not writable."""

    status = ExitStatus.CONFIG


class StateUnavailableError(StateError):
    """The state directory can't be used at the moment: its disk is full or fails."""

    status = ExitStatus.UNAVAILABLE


class SandboxError(Error):
    """The sandbox can't be set up as required."""

    status = ExitStatus.CONFIG


class SandboxStartError(SandboxError):
    """The sandbox did not start, which it may the next time: an upgrade is under way, memory or processes ran out."""

    status = ExitStatus.UNAVAILABLE


class QuarantineError(Error):
    """A quarantine step was refused; nothing was changed."""
