"""``picklewatch findings``: what is unsafe now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from picklewatch.cli.common import state_dir
from picklewatch.cli.stored_records import record_filter, record_options, stored, write_records
from picklewatch.core.errors import ExitStatus
from picklewatch.core.model import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from picklewatch.core.found_record import FoundRecord

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
    scanned: it is what the daemon found.
    """
    wanted = record_filter(verdicts or _SHOWN, since, under, user, unsafe_now=True)
    worst = Verdict.SKIPPED
    with stored(state_dir(state)) as store:

        def noted() -> Iterator[FoundRecord]:
            nonlocal worst
            for found in store.found.newest_first(wanted):
                worst = max(worst, found.verdict, key=lambda verdict: verdict.rank)
                yield found

        number = write_records(noted(), limit, as_json=as_json, as_csv=as_csv)
    if not number and not as_json and not as_csv:
        click.echo("Nothing of this kind is there now.")
    if worst.rank >= Verdict.UNSAFE.rank:
        return ExitStatus.UNSAFE
    return ExitStatus.UNSCANNABLE if worst is Verdict.UNSCANNABLE else ExitStatus.OK
