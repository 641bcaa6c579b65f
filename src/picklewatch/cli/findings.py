"""``picklewatch findings``: what is unsafe now."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

import click

from picklewatch.cli import asked_records
from picklewatch.cli.stored_records import record_filter, record_options, stored, write_records
from picklewatch.core.errors import ExitStatus
from picklewatch.core.model import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from picklewatch.core.found_record import FoundRecord, RecordFilter

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
    with asked_records.records(wanted, state, limit, lambda directory: _own(directory, wanted)) as found:
        shown.write(found)
    return shown.status()


@contextlib.contextmanager
def _own(directory: Path, wanted: RecordFilter) -> Iterator[Iterator[FoundRecord]]:
    with stored(directory) as store:
        yield store.found.newest_first(wanted)


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
