"""``picklewatch rescan``: have the daemon judge files again."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from picklewatch.cli.common import concerns_system, state_dir, state_option
from picklewatch.core.errors import ExitStatus, StateError
from picklewatch.core.model import Verdict, printable

if TYPE_CHECKING:
    from pathlib import Path

    from picklewatch.ipc.messages import RescanRequest
    from picklewatch.ipc.places import SocketPlace

EPILOG = """\
\b
Examples:
  picklewatch rescan ~/.cache/torch              what lies there and was judged before
  picklewatch rescan r12                         the file of that record
  picklewatch rescan --verdict unscannable       all of these, behind new files
  picklewatch rescan --all

\b
Exit status:
  0   handed over
  2   nothing of that kind was judged, refused, or a usage error
  78  no daemon runs
"""

_VERDICTS = [verdict.value for verdict in reversed(Verdict)]


@click.command(name="rescan", epilog=EPILOG)
@click.argument("path", required=False, type=click.Path(readable=False))
@click.option("--all", "everything", is_flag=True, help="Everything that was judged.")
@click.option(
    "--verdict", "verdicts", multiple=True, type=click.Choice(_VERDICTS), help="Only what has this verdict; repeatable."
)
@state_option
def command(*, path: str | None, everything: bool, verdicts: tuple[str, ...], state: Path | None) -> ExitStatus:
    """Have the daemon judge files again.

    PATH is a path, an id, or a name that was shown. The daemon does it; this
    command does not wait. A changed file is judged
    anyway: this is for when you doubt a verdict. `picklewatch scan` judges at once,
    without a daemon.
    """
    if (path is not None and everything) or (path is None and not everything and not verdicts):
        raise click.UsageError("give a PATH, --all or --verdict")
    from picklewatch.ipc.messages import RescanRequest

    under = "" if path is None else _path(path, state)
    return _asked(RescanRequest(under=under, verdicts=tuple(map(Verdict, verdicts))), state)


def _path(text: str, state: Path | None) -> str:
    """Return the absolute path that *text* names, as a record's id, a name that was shown, or a path."""
    from picklewatch.cli.named import record_named

    found = record_named(text, state_dir(state))
    path = os.path.abspath(text) if found is None else found.lies_at or found.path  # noqa: PTH100 - a text
    if printable(path) != path:
        raise click.BadParameter("its name can't be sent; give the directory above it", param_hint="PATH")
    return path


def _asked(request: RescanRequest, state: Path | None) -> ExitStatus:
    """Ask each daemon that concerns this user, and say how many files each took."""
    from picklewatch.cli import daemons
    from picklewatch.ipc.messages import RescanAnswer

    answers = [(place, heard) for place in _places(state) if (heard := daemons.ask_in(place, request)) is not None]
    if not answers:
        raise StateError(
            "no daemon of picklewatch runs that could do it",
            "`picklewatch scan PATH` judges at once; `picklewatch status` says more about the daemon.",
        )
    total = 0
    for place, heard in answers:
        assert isinstance(heard.answer, RescanAnswer)
        total += heard.answer.files
        number = "1 file is" if heard.answer.files == 1 else f"{heard.answer.files} files are"
        more = ", and there are more: ask again when they are judged" if heard.answer.more else ""
        click.echo(f"{number} judged again by {daemons.answerer(heard, is_system=place.is_system)}{more}")
    if not total:
        click.echo("What was never judged can't be judged again: picklewatch scan PATH", err=True)
    return ExitStatus.OK if total else ExitStatus.UNSCANNABLE


def _places(state: Path | None) -> list[SocketPlace]:
    from picklewatch.ipc import places

    own = places.place_of_daemon(state_dir(state), is_default=state is None)
    found = [own, *(places.own_places() if state is None else ())]
    return list(dict.fromkeys([*([places.system_place()] if concerns_system(state) else []), *found]))
