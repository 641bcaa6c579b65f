"""Notifications to systemd."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest
from support.directories import open_directory
from support.watching import PATIENCE

from picklewatch.telemetry.sd_notify import Notifier

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def manager() -> Iterator[socket.socket]:
    """A service manager's socket."""
    with open_directory() as directory, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(directory / "notify"))
        listening.settimeout(PATIENCE)
        yield listening


def test_messages_have_the_documented_form(manager: socket.socket) -> None:
    """One assignment a line; a status never breaks its line."""
    notifier = Notifier(manager.getsockname())
    assert notifier.ready("all\nwell")
    assert manager.recv(1000) == b"READY=1\nSTATUS=all well"
    notifier.reloading()
    reloading = manager.recv(1000)
    assert reloading.startswith(b"RELOADING=1\nMONOTONIC_USEC=")
    for message, expected in ((notifier.stopping, b"STOPPING=1"), (notifier.alive, b"WATCHDOG=1")):
        assert message()
        assert manager.recv(1000) == expected
    assert notifier.status("x")
    assert manager.recv(1000) == b"STATUS=x"


def test_the_environment_is_used_up() -> None:
    """No child inherits the address; another process's watchdog is not ours."""
    environ = {"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}
    assert Notifier.from_environment(environ).watchdog_seconds == 30.0
    assert environ == {}
    assert Notifier.from_environment({"WATCHDOG_USEC": "1", "WATCHDOG_PID": "1"}).watchdog_seconds is None


@pytest.mark.parametrize("address", [None, "", "relative", "/nowhere/at/all", "@nobody-listens"])
def test_without_a_manager_nothing_happens(address: str | None) -> None:
    """No address, or nobody there: no message, no exception."""
    assert not Notifier(address).ready("x")
