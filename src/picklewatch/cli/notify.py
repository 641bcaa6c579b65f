"""``picklewatch notify``: tell people of finds."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from typing import TYPE_CHECKING, Final

import click

from picklewatch.cli.common import config_option, notifier_dir, state_dir, state_option
from picklewatch.core.errors import ConfigError, ExitStatus, StateUnavailableError
from picklewatch.core.model import printable
from picklewatch.core.state_layout import NOTIFIED

if TYPE_CHECKING:
    from pathlib import Path

    from picklewatch.config.schema import Config
    from picklewatch.ipc.messages import Answer, Request
    from picklewatch.ipc.places import SocketPlace
    from picklewatch.notify.sinks import Command

EPILOG = """\
\b
Examples:
  picklewatch notify test               send a message to everyone whom [notify] names
  picklewatch notify run                pass on finds, until it is ended
  picklewatch notify run --desktop      on this user's desktop

\b
Exit status:
  0   done; `run`: stopped by a signal
  2   a sink did not take the test, or a usage error
  75  the state directory can't be written now
  78  bad configuration, or nobody is to be told
"""

_OURS: Final = (sys.executable, "-I", "-m", "picklewatch.notify.deliver")
"""The program of a sink of ours."""
_LOOK_SECONDS: Final = 0.05


@click.group(name="notify", epilog=EPILOG)
def command() -> None:
    """Tell people of finds, as [notify] in the configuration says.

    The daemon sends nothing itself: `notify run` asks it what is new, as a
    service of its own (docs/notify.md).
    """


_desktop = click.option(
    "--desktop", is_flag=True, help="Show messages on this user's desktop, and tell nobody whom [notify] names."
)


@command.command(name="run")
@_desktop
@config_option
@state_option
def run(*, desktop: bool, config_path: Path | None, state: Path | None) -> ExitStatus:
    """Pass on what the daemon finds, until a signal ends it."""
    from picklewatch.ipc.client import ask
    from picklewatch.notify.dispatcher import Dispatcher, remembered
    from picklewatch.notify.sinks import Sink
    from picklewatch.telemetry import log

    config = _config(config_path)
    log.configure(config.log.format, config.log.level)
    memory = _memory(state)
    saved = remembered(memory).get("sinks", {})
    sinks = [
        Sink(program, socket.gethostname(), saved.get(program.name)) for program in _programs(config, desktop=desktop)
    ]

    def answer(place: SocketPlace, request: Request) -> Answer:
        return ask(place, request).answer

    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: stopping.set())
    Dispatcher(_places(state), sinks, config.notify.verdicts(), memory, answer).run(stopping)
    return ExitStatus.OK


@command.command(name="test")
@_desktop
@config_option
def test(*, desktop: bool, config_path: Path | None) -> ExitStatus:
    """Send a message that says it is a test to each sink, and say what came of it."""
    from picklewatch.notify.notification import Notification

    message = Notification(finds=(), host=socket.gethostname(), is_test=True)
    worst = ExitStatus.OK
    for program in _programs(_config(config_path), desktop=desktop):
        delivery = program.start(message, time.monotonic())
        while (failure := delivery.failure(time.monotonic())) is None:
            time.sleep(_LOOK_SECONDS)
        click.echo(f"{printable(program.name)}: {printable(failure) if failure else 'taken'}")
        worst = ExitStatus.UNSCANNABLE if failure else worst
    return worst


def _config(path: Path | None) -> Config:
    from picklewatch.config import schema

    return schema.load(path).config


def _programs(config: Config, *, desktop: bool) -> list[Command]:
    """Return everyone who is to be told; on a *desktop* that alone: whom the administrator names is told once."""
    from picklewatch.notify.sinks import Command

    if desktop:
        return [Command("desktop", (*_OURS, "desktop"))]
    programs = [Command("command", config.notify.command)] if config.notify.command else []
    if config.notify.urls is not None:
        from picklewatch.notify import addresses

        found = addresses.read(config.notify.urls)
        programs += [Command(name, (*_OURS, "address"), url) for name, url in found.items()]
    if not programs:
        hint = "Set [notify] command or urls; `picklewatch config example` explains them."
        raise ConfigError("nobody is to be told of finds", (), hint)
    return programs


def _places(state: Path | None) -> list[SocketPlace]:
    """Return where the daemons listen whose finds are told: the system's and one's own, or that of *state* alone."""
    from picklewatch.ipc import places

    if state is not None:
        return [places.place_of_daemon(state_dir(state), is_default=False, environ={})]
    return [places.system_place(), *(places.own_places() if os.geteuid() else ())]


def _memory(state: Path | None) -> Path:
    """Return the file that says how far each sink is; its directory is made."""
    directory = notifier_dir(state)
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        message = f"{printable(str(directory))} can't be made: {error.strerror}"
        raise StateUnavailableError(message, "Look at the disk, and at the rights of the directory above it.") from None
    return directory / NOTIFIED
