"""Asks the daemons that concern whoever runs a command: the system's, and one of their own."""

from __future__ import annotations

import contextlib
import pwd
from typing import TYPE_CHECKING

import click

from picklewatch.core.model import printable
from picklewatch.ipc import places
from picklewatch.ipc.client import NobodyError, ask

if TYPE_CHECKING:
    from picklewatch.core.errors import Error
    from picklewatch.ipc.client import Heard
    from picklewatch.ipc.messages import Answerer, Request


def ask_system(request: Request) -> Heard | None:
    """Ask the system's daemon; None if there is none. One that can't be heard is complained about, and counts as none.

    Raises `NotAnsweredError`.
    """
    return ask_in(places.system_place(), request)


def ask_own(request: Request) -> Heard | None:
    """Ask a daemon of this user's own that has a runtime directory, such as the template unit's; None if none runs."""
    answers = (ask_in(place, request) for place in places.own_places())
    return next((one for one in answers if one is not None), None)


def ask_in(place: places.SocketPlace, request: Request) -> Heard | None:
    """Ask the daemon in *place*, as `ask_system` does the system's."""
    from picklewatch.ipc.client import SilentError

    try:
        return ask(place, request)
    except NobodyError:
        return None
    except (SilentError, places.UntrustedSocketError) as error:
        complain(error)
        return None


def complain(error: Error) -> None:
    """Write *error* as a warning: there is more to say than it."""
    click.echo(f"picklewatch: warning: {printable(error.message)}", err=True)
    if error.hint:
        click.echo(f"hint: {printable(error.hint)}", err=True)


def answerer(heard: Heard, *, is_system: bool) -> str:
    """Return who answered, for a person."""
    of = "the system's daemon" if is_system else "your own daemon"
    return f"{of} (process {heard.peer.pid}, user {user_name(heard.peer.uid)})"


def whom_to_ask(by: Answerer) -> str:
    """Return whose word counts for the daemon *by*: root's, and that of the members of its group."""
    if not by.group:
        return "the administrator of this machine (root)"
    return f"the administrator (root), or a member of the group {printable(by.group)}{_members(by.group)}"


def _members(group: str) -> str:
    import grp

    with contextlib.suppress(KeyError):
        if members := grp.getgrnam(group).gr_mem:
            return f" ({', '.join(map(printable, members[:_SHOWN]))}{', …' if len(members) > _SHOWN else ''})"
    return ""


_SHOWN = 5


def user_name(uid: int) -> str:
    """Return the name of the user *uid*, or the number."""
    try:
        return printable(pwd.getpwuid(uid).pw_name)
    except KeyError:
        return str(uid)
