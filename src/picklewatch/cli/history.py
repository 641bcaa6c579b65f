"""``picklewatch history``: everything that was judged."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import click

from picklewatch.cli import asked_records
from picklewatch.cli.common import config_option
from picklewatch.cli.stored_records import fates, record_filter, record_options, stored, vault_of, write_records
from picklewatch.core.model import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from picklewatch.core.found_record import FoundRecord

EPILOG = """\
\b
Examples:
  picklewatch history --limit 20
  picklewatch history --path ~/.cache/huggingface --verdict unverified
  picklewatch history --since 2026-11-30 --json | jq -r .where | sort | uniq -c

\b
Exit status:
  0   done
  78  the state can't be read
"""


@click.command(name="history", epilog=EPILOG)
@record_options
@config_option
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
    config_path: Path | None,
) -> None:
    """List everything that was judged, and what has become of each file.

    Newest first. A file may be there, changed since, gone, quarantined, restored,
    deleted from quarantine, or superseded by a newer record of itself. A user is
    answered by the system's daemon, if there is one, about files of theirs, and by a
    daemon of their own.
    """
    wanted = record_filter(verdicts or [verdict.value for verdict in Verdict], since, under, user, unsafe_now=False)

    @contextlib.contextmanager
    def own(directory: Path) -> Iterator[Iterator[FoundRecord]]:
        with stored(directory) as store:
            yield store.found.newest_first(wanted, fates(vault_of(directory, config_path)))

    with asked_records.records(wanted, state, limit, own) as found:
        if not write_records(found, limit, as_json=as_json, as_csv=as_csv) and not as_json and not as_csv:
            click.echo("Nothing of this kind was judged.")
