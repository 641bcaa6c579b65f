"""``picklewatch status``: how the daemon is doing."""

from __future__ import annotations

import json
import sqlite3
import time
from typing import TYPE_CHECKING, Any

import click

from picklewatch.cli.common import concerns_system, json_option, state_dir, state_option
from picklewatch.core.errors import StateError
from picklewatch.core.model import printable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from picklewatch.ipc.client import Heard
    from picklewatch.ipc.messages import StatusAnswer
    from picklewatch.telemetry.daemon_report import DaemonStatus

EPILOG = """\
\b
Exit status:
  0   running and healthy
  1   running, and something is wrong with the daemon (it is listed)
  3   not running
  4   running and healthy, and unsafe files are there (`picklewatch findings`)
  78  the state can't be read
"""

HEALTHY, DEGRADED, STOPPED, UNSAFE_FILES = 0, 1, 3, 4


@click.command(name="status", epilog=EPILOG)
@json_option
@click.option("--metrics", is_flag=True, help="Write metrics in Prometheus' text format.")
@state_option
def command(*, as_json: bool, metrics: bool, state: Path | None) -> int:
    """Show whether the daemon runs, whether it is healthy, and what it found.

    A user is answered by the system's daemon, if there is one, with what
    concerns files of theirs, and by a daemon of their own.
    """
    if as_json and metrics:
        raise click.UsageError("--json and --metrics are two forms: choose one")
    directory = state_dir(state)
    asks = concerns_system(state) and not metrics
    if asks and (shown := _answered(directory, as_json=as_json)) is not None:
        return shown
    status = _metered(directory) if metrics and concerns_system(state) else _read(directory)
    if as_json:
        click.echo(json.dumps(status.to_json(), ensure_ascii=True))
    elif metrics:
        from picklewatch.telemetry.metrics import exposition

        click.echo(exposition(status), nl=False)
    else:
        from picklewatch.cli.status_text import lines

        click.echo("\n".join(lines(status, directory)))
    return _exit_status(status)


def _metered(directory: Path) -> DaemonStatus:
    """Return the status of a daemon of this user's own if it runs, else what the system's answers about it all."""
    from picklewatch.cli import daemons
    from picklewatch.ipc.messages import StatusRequest

    own = _own(directory)
    heard = None if own is not None and own.running else daemons.ask_system(StatusRequest())
    return _read(directory) if heard is None else _status(heard)[0]


def _answered(directory: Path, *, as_json: bool) -> int | None:
    """Show what daemons answer over their sockets; None if the state in *directory* is all that there is."""
    from picklewatch.cli import daemons
    from picklewatch.ipc.messages import StatusRequest

    heard = daemons.ask_system(StatusRequest())
    if heard is not None:
        status = _show_both(heard, directory, as_json=as_json)
    elif (own := daemons.ask_own(StatusRequest())) is not None:
        status = _show_heard(own, as_json=as_json)
    else:
        return None
    if not as_json:
        _show_notifier()
    return status


def _show_notifier() -> None:
    """Show how this user's own notifier is doing, if there ever was one."""
    from picklewatch.cli.common import notifier_dir
    from picklewatch.cli.status_text import sink_lines
    from picklewatch.core.state_layout import NOTIFIED

    try:
        saved = json.loads((notifier_dir() / NOTIFIED).read_text(encoding="ascii"))
        shown = sink_lines(saved["reports"], time.time())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return
    if shown:
        click.echo("\n".join(["", "Messages to you, as far as `picklewatch notify run` wrote down:", *shown]))


def _exit_status(*statuses: DaemonStatus) -> int:
    """Return the worst of the daemons that run."""
    running = [status for status in statuses if status.running]
    if not running:
        return STOPPED
    if not all(status.healthy for status in running):
        return DEGRADED
    return (
        UNSAFE_FILES if any(status.store is not None and status.store.may_be_unsafe for status in running) else HEALTHY
    )


def _show_heard(own: Heard, *, as_json: bool) -> int:
    """Show what a daemon of this user's own answered."""
    from picklewatch.cli import daemons
    from picklewatch.cli.status_text import answered_lines

    status, answer = _status(own)
    if as_json:
        click.echo(json.dumps(_json(own, status), ensure_ascii=True))
    else:
        click.echo("\n".join(answered_lines(status, daemons.answerer(own, is_system=False), answer.by)))
    return _exit_status(status)


def _show_both(heard: Heard, directory: Path, *, as_json: bool) -> int:
    """Show what the system's daemon answered, and how this user's own is, if there ever was one."""
    from picklewatch.cli import daemons
    from picklewatch.cli.status_text import answered_lines

    status, answer = _status(heard)
    own = _own(directory)
    if as_json:
        shown = _json(heard, status)
        click.echo(json.dumps({**shown, "own": None if own is None else own.to_json()}, ensure_ascii=True))
    else:
        click.echo("\n".join(answered_lines(status, daemons.answerer(heard, is_system=True), answer.by)))
        click.echo("\n".join(_own_lines(own, directory)), nl=own is not None)
    return _exit_status(*(each for each in (status, own) if each is not None))


def _status(heard: Heard) -> tuple[DaemonStatus, StatusAnswer]:
    from picklewatch.ipc.messages import StatusAnswer
    from picklewatch.telemetry.daemon_report import DaemonStatus

    assert isinstance(heard.answer, StatusAnswer)
    return DaemonStatus.of(heard.answer.status), heard.answer


def _json(heard: Heard, status: DaemonStatus) -> dict[str, Any]:
    from picklewatch.ipc.messages import StatusAnswer

    assert isinstance(heard.answer, StatusAnswer)
    by = {"uid": heard.peer.uid, "pid": heard.peer.pid, "whole": heard.answer.by.whole}
    return {**status.to_json(), "answered_by": by}


def _own(directory: Path) -> DaemonStatus | None:
    """Return the status of this user's own daemon; None if there never was one, or its state can't be read."""
    from picklewatch.cli import daemons
    from picklewatch.ipc.messages import StatusRequest

    heard = daemons.ask_own(StatusRequest())  # the state of a template unit's is not in *directory*
    if heard is not None:
        return _status(heard)[0]
    if not directory.exists():
        return None
    try:
        status = _read(directory)
    except StateError as error:
        daemons.complain(error)
        return None
    return status if status.running or status.store is not None else None


def _own_lines(own: DaemonStatus | None, directory: Path) -> Iterator[str]:
    if own is None:
        return
    from picklewatch.cli.status_text import lines

    yield ""
    if own.running:
        yield "And a daemon of your own:"
        yield from lines(own, directory)
        return
    yield f"A daemon of your own ran once, and does not now; its state is in {printable(str(directory))}."
    yield "The system's daemon follows nothing in there: what you allowed or restored with it counts for yours alone."


def _read(directory: Path) -> DaemonStatus:
    from picklewatch.service import daemon_status
    from picklewatch.telemetry.daemon_report import DaemonStatus

    try:
        return daemon_status.read(directory)
    except FileNotFoundError:
        return DaemonStatus()
    except PermissionError:
        message = f"the state in {directory} may not be read by this user"
        hint = "It belongs to the user that the daemon runs as: try again with sudo, or as that user."
        raise StateError(message, hint) from None
    except (OSError, sqlite3.Error) as error:
        raise StateError(f"the state in {directory} can't be read: {error}", "A running daemon repairs it.") from None
