"""``picklewatch findings``: what is unsafe now."""

from __future__ import annotations

import contextlib
import itertools
from typing import TYPE_CHECKING, Any, Final

import click

from picklewatch.cli.common import concerns_system, state_dir
from picklewatch.cli.stored_records import record_filter, record_options, stored, write_records
from picklewatch.core.errors import ExitStatus, StateError
from picklewatch.core.found_record import FoundRecord
from picklewatch.core.model import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from picklewatch.core.found_record import RecordFilter

_SHOWN: Final = tuple(verdict.value for verdict in Verdict if verdict.rank >= Verdict.UNSCANNABLE.rank)

EPILOG = """\
\b
Examples:
  picklewatch findings
  picklewatch findings --user ada --since 7d
  picklewatch findings --csv > findings.csv
  picklewatch explain r12                what the file of the record r12 would do

\b
Exit status:
  0   nothing unsafe
  1   something that is shown is unsafe or malicious
  2   nothing of that, but something that could not be scanned
  78  the state can't be read
"""


@click.command(name="findings", epilog=EPILOG)
@record_options
def command(  # noqa: PLR0913 - one per option
    *,
    verdicts: tuple[str, ...],
    since: str | None,
    under: str | None,
    user: str | None,
    limit: int,
    as_json: bool,
    as_csv: bool,
    state: Path | None,
) -> ExitStatus:
    """List what is unsafe now: files that are there, and that nobody allowed.

    Without --verdict: malicious and unsafe files, and those that could not be
    scanned. Newest first, each with the id that other commands take. Nothing is
    scanned: it is what the daemon found. A user is answered by the system's
    daemon, if there is one, about files of theirs, and by a daemon of their own.
    """
    wanted = record_filter(verdicts or _SHOWN, since, under, user, unsafe_now=True)
    shown = _Shown(wanted, limit, as_json=as_json, as_csv=as_csv)
    asks = concerns_system(state)
    with contextlib.ExitStack() as stack:
        asked = _asked(wanted, is_system=True) if asks else None
        try:
            own = stack.enter_context(stored(state_dir(state))).found.newest_first(wanted)
        except StateError:
            answered = _asked(wanted, is_system=False) if asks else None
            if asked is None and answered is None:
                raise
            own = iter(answered or ())
        shown.write(itertools.chain(asked or (), own))
    return shown.status()


class _Shown:
    """Writer of findings, and what they come to."""

    def __init__(self, wanted: RecordFilter, limit: int, *, as_json: bool, as_csv: bool) -> None:
        self._wanted, self._limit, self._as_json, self._as_csv = wanted, limit, as_json, as_csv
        self._worst = Verdict.SKIPPED

    def write(self, found: Iterator[FoundRecord]) -> None:
        """Write what is *found*."""
        noted = map(self._noted, found)
        number = write_records(noted, self._limit, as_json=self._as_json, as_csv=self._as_csv)
        if not number and not self._as_json and not self._as_csv:
            click.echo("Nothing of this kind is there now.")

    def status(self) -> ExitStatus:
        """Return the exit status."""
        if self._worst.rank >= Verdict.UNSAFE.rank:
            return ExitStatus.UNSAFE
        return ExitStatus.UNSCANNABLE if self._worst is Verdict.UNSCANNABLE else ExitStatus.OK

    def _noted(self, found: FoundRecord) -> FoundRecord:
        self._worst = max(self._worst, found.outcome.effective, key=lambda verdict: verdict.rank)
        return found


def _asked(wanted: RecordFilter, *, is_system: bool) -> list[FoundRecord] | None:
    """Return what the system's daemon, or one of this user's own, answers about their files; None if there is none."""
    from picklewatch.cli import daemons
    from picklewatch.ipc.messages import FindingsAnswer, FindingsRequest

    request = FindingsRequest(verdicts=tuple(wanted.verdicts))
    heard = daemons.ask_system(request) if is_system else daemons.ask_own(request)
    if heard is None:
        return None
    assert isinstance(heard.answer, FindingsAnswer)
    click.echo(f"picklewatch: answered by {daemons.answerer(heard, is_system=is_system)}", err=True)
    if heard.answer.more:
        click.echo("picklewatch: it has more than it answers at a time: sudo picklewatch findings", err=True)
    return [found for found in map(_built, heard.answer.records) if wanted.admits(found)]


def _built(fields: dict[str, Any]) -> FoundRecord:
    try:
        return FoundRecord.of(fields)
    except (ValueError, KeyError, TypeError):
        raise StateError("the daemon's answer can't be read", "It may be of another version: restart it.") from None
