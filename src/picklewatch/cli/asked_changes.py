"""Changes that the system's daemon is asked for by a user: contents allowed, the quarantine purged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from picklewatch.cli import daemons
from picklewatch.core.errors import StateError
from picklewatch.ipc.client import NotAnsweredError
from picklewatch.ipc.codec import MessageError, build
from picklewatch.ipc.messages import AllowancesAnswer, AllowancesRequest, AllowRequest, PurgeAnswer, PurgeRequest
from picklewatch.store.allowances import AllowedContent

if TYPE_CHECKING:
    from typing import Any

    from picklewatch.ipc.client import Heard


def allow(request: AllowRequest) -> bool:
    """Have the system's daemon allow a content, or no longer, and say whether it does; True if it does."""
    try:
        heard = daemons.ask_system(request)
    except NotAnsweredError as refused:
        text = f"the system's daemon goes by a list of its own, which this does not change: {refused.message}"
        click.echo(f"picklewatch: {text}\nhint: {refused.hint or 'sudo picklewatch allow …'}", err=True)
        return False
    if heard is None:
        return False
    done = "allows it" if request.reason else "does not allow it any more"
    click.echo(f"{daemons.answerer(heard, is_system=True)} {done}, on the whole machine")
    return True


def allowances() -> tuple[list[AllowedContent], Heard] | None:
    """Return what the system's daemon shows this user of what it allows; None if there is no such daemon."""
    heard = daemons.ask_system(AllowancesRequest())
    if heard is None:
        return None
    assert isinstance(heard.answer, AllowancesAnswer)
    return [_built(fields) for fields in heard.answer.allowed], heard


def _built(fields: dict[str, Any]) -> AllowedContent:
    try:
        return build(AllowedContent, fields)
    except MessageError:
        raise StateError("the daemon's answer can't be read", "It may be of another version: restart it.") from None


def purge(request: PurgeRequest) -> PurgeAnswer | None:
    """Ask the system's daemon to purge its quarantine; None if there is no such daemon.

    Raises `NotAnsweredError`.
    """
    heard = daemons.ask_system(request)
    if heard is None:
        return None
    assert isinstance(heard.answer, PurgeAnswer)
    return heard.answer
