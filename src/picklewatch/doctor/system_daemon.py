"""Checks the system's daemon for a user who may not look at its state: it answers over its socket."""

from __future__ import annotations

import pwd
from typing import TYPE_CHECKING, Any

from picklewatch.doctor.checkup import CheckResult, Grade
from picklewatch.ipc.client import NobodyError, NotAnsweredError, SilentError, ask
from picklewatch.ipc.messages import StatusAnswer, StatusRequest
from picklewatch.ipc.places import UntrustedSocketError, system_place
from picklewatch.telemetry.daemon_report import DaemonStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from picklewatch.ipc.client import Heard
    from picklewatch.ipc.places import SocketPlace

_NAME = "system-daemon"


def check(place: SocketPlace | None = None) -> Iterator[CheckResult]:
    """Report how the system's daemon is, and what it watches of this user's; nothing if none listens."""
    try:
        heard = ask(place or system_place(), StatusRequest())
    except NobodyError:
        return
    except (SilentError, NotAnsweredError, UntrustedSocketError) as error:
        text = f"The system's daemon can't be asked: {error.message}."
        yield CheckResult(name=_NAME, state=Grade.BAD, text=text, hint=error.hint)
        return
    assert isinstance(heard.answer, StatusAnswer)
    status = DaemonStatus.of(heard.answer.status)
    facts: dict[str, Any] = {"pid": heard.peer.pid, "uid": heard.peer.uid, "whole": heard.answer.by.whole}
    who = _who(heard)
    for problem in status.problems:
        text = f"{who} reports {problem.what}: {problem.subject} {problem.reason}".replace(":  ", ": ")
        grade = Grade.BAD if problem.subject or heard.answer.by.whole else Grade.REMARK  # others' are not this user's
        yield CheckResult(name=_NAME, state=grade, text=text, hint=problem.hint, facts=facts)
    for missing in status.daemon.unprotected:
        yield CheckResult(name=_NAME, state=Grade.BAD, text=f"{who} scans without a protection: {missing}", facts=facts)
    if not status.problems:
        condition = "healthy" if status.healthy else "starting"
        yield CheckResult(
            name=_NAME, state=Grade.GOOD, text=f"{who} is {condition}; {_watched(status, heard)}.", facts=facts
        )


def _who(heard: Heard) -> str:
    try:
        name = pwd.getpwuid(heard.peer.uid).pw_name
    except KeyError:
        name = str(heard.peer.uid)
    return f"The system's daemon (process {heard.peer.pid}, user {name})"


def _watched(status: DaemonStatus, heard: Heard) -> str:
    """Say how many directories are watched of those that this user is told of, and what happens to bad files."""
    watched = sum(root.state != "waiting" for root in status.daemon.roots)
    assert isinstance(heard.answer, StatusAnswer)
    of = "" if heard.answer.by.whole else " of yours"
    level = status.daemon.quarantine
    moves = "only reports" if level in (None, "off") else f"moves files judged {level} or worse"
    return f"it watches {watched} {'directory' if watched == 1 else 'directories'}{of}, and {moves}"
