"""Notifications to systemd: ready, reloading, stopping, still alive (sd_notify(3)). Without systemd nothing is sent.

Our own, for it is one datagram: the libraries for it are unmaintained, or need a compiler.
"""

from __future__ import annotations

import os
import socket
import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import MutableMapping

_SEND_SECONDS = 2.0


class Notifier:
    """The connection to the service manager that started this process. Never raises, never blocks for long."""

    def __init__(self, address: str | None = None, watchdog_seconds: float | None = None) -> None:
        self._address = address if address and address[0] in "/@" else None
        self.watchdog_seconds = watchdog_seconds
        """After how long a silence the manager kills us; None if it does not watch."""

    @classmethod
    def from_environment(cls, environ: MutableMapping[str, str] = os.environ) -> Self:
        """Take the manager's address out of *environ*, so that no child inherits it."""
        address = environ.pop("NOTIFY_SOCKET", None)
        microseconds, pid = environ.pop("WATCHDOG_USEC", ""), environ.pop("WATCHDOG_PID", "")
        watched = microseconds.isdigit() and pid in ("", str(os.getpid()))
        return cls(address, int(microseconds) / 1e6 if watched else None)

    @property
    def has_manager(self) -> bool:
        """True if a service manager started this process, and will start it again."""
        return self._address is not None

    def ready(self, status: str) -> bool:
        """Report that the service is up (also after `reloading`).

        Return True if the message was sent.
        """
        return self._send(READY="1", STATUS=status)

    def status(self, text: str) -> bool:
        """Show one line in ``systemctl status``."""
        return self._send(STATUS=text)

    def reloading(self) -> bool:
        """Report that the configuration is being read again; `ready` ends it."""
        return self._send(RELOADING="1", MONOTONIC_USEC=str(time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000))

    def stopping(self) -> bool:
        """Report that the service goes down."""
        return self._send(STOPPING="1")

    def alive(self) -> bool:
        """Report that work progresses, which keeps the manager's watchdog from acting."""
        return self._send(WATCHDOG="1")

    def _send(self, **fields: str) -> bool:
        if self._address is None:
            return False
        address = "\0" + self._address[1:] if self._address[0] == "@" else self._address
        lines = [f"{key}={' '.join(value.splitlines())}" for key, value in fields.items()]
        message = "\n".join(lines).encode("utf-8", "backslashreplace")
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
                channel.settimeout(_SEND_SECONDS)
                channel.sendto(message, address)
        except OSError:
            return False
        return True
