"""The records in a state directory as commands use them: options that narrow them down, and how they are written."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import sqlite3
import sys
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from picklewatch.cli.common import state_option
from picklewatch.core.errors import QuarantineError, StateError
from picklewatch.core.found_record import RecordFilter
from picklewatch.core.model import Verdict, printable
from picklewatch.core.state_layout import StateLayout
from picklewatch.core.units import parse_duration
from picklewatch.explain.found_text import COLUMNS, cells, found_lines
from picklewatch.telemetry.log.console import wants_colour

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from picklewatch.core.found_record import FoundRecord
    from picklewatch.store import Store

F = TypeVar("F", bound="Callable[..., Any]")

LIMIT: Final = 1_000
"""Records shown unless the user says otherwise."""


def record_options(function: F) -> F:
    """Add the options that narrow records down, and those for their form."""
    for option in (
        state_option,
        click.option("--csv", "as_csv", is_flag=True, help="Write comma-separated values, for spreadsheets."),
        click.option("--json", "as_json", is_flag=True, help="Write one JSON object per line, for programs."),
        click.option(
            "--limit",
            type=click.IntRange(0),
            default=LIMIT,
            metavar="N",
            show_default=True,
            help="Show at most N records; a last line tells if there are more. 0 for all.",
        ),
        click.option("--user", metavar="NAME", help="Only files that this user owns, or that lie in their home."),
        click.option("--path", "under", metavar="PATH", help="Only this file, or what lies below this directory."),
        click.option("--since", metavar="WHEN", help='Only what was judged since: "2h", "7d", or a date.'),
        click.option(
            "--verdict",
            "verdicts",
            multiple=True,
            type=click.Choice([verdict.value for verdict in Verdict]),
            metavar="VERDICT",
            help=f"Only this verdict; repeatable: {', '.join(verdict.value for verdict in Verdict)}.",
        ),
    ):
        function = option(function)
    return function


def record_filter(
    verdicts: Iterable[str], since: str | None, under: str | None, user: str | None, *, unsafe_now: bool
) -> RecordFilter:
    """Return the filter that the options say.

    Raises `click.BadParameter`.
    """
    uid, homes = (None, ()) if user is None else _user(user)
    return RecordFilter(
        verdicts=frozenset(map(Verdict, verdicts)),
        since=0.0 if since is None else _since(since, time.time()),
        under="" if under is None else os.path.realpath(under),
        uid=uid,
        homes=homes,
        unsafe_now=unsafe_now,
    )


def _since(text: str, now: float) -> float:
    with contextlib.suppress(ValueError):
        return now - parse_duration(text)
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        message = f'{printable(text)!r} is neither a duration, such as "2h" or "7d", nor a date, such as "2026-11-30"'
        raise click.BadParameter(message, param_hint="--since") from None


def _user(name: str) -> tuple[int, tuple[str, ...]]:
    import pwd

    try:
        known = pwd.getpwuid(int(name)) if name.isascii() and name.isdigit() else pwd.getpwnam(name)
    except (KeyError, OverflowError, ValueError):
        if name.isascii() and name.isdigit():
            return int(name), ()
        raise click.BadParameter(f"nobody is called {printable(name)!r} here", param_hint="--user") from None
    homes = {known.pw_dir, os.path.realpath(known.pw_dir)} - {"", "/"}
    return known.pw_uid, tuple(sorted(homes))


@contextlib.contextmanager
def stored(directory: Path) -> Iterator[Store]:
    """Open the store in *directory* for reading.

    Raises `StateError` with what to do if there is none, or it can't be read.
    """
    from picklewatch.store import Store

    if not os.path.lexists(directory) and os.access(directory.parent, os.R_OK | os.X_OK):
        message = f"no daemon ever had its state in {printable(str(directory))}"
        raise StateError(message, "Another user's, or the system's, daemon? Try sudo, or --state-dir.")
    if not os.access(StateLayout(directory).database, os.R_OK):
        message = f"the state in {printable(str(directory))} may not be read by this user, or there is none"
        raise StateError(
            message, "It belongs to the user that the daemon runs as: try again with sudo, or as that user."
        )
    try:
        with contextlib.closing(Store(directory, read_only=True)) as store:
            yield store
    except sqlite3.Error as error:
        raise StateError(f"the state in {directory} can't be read: {error}", "A running daemon repairs it.") from None


def vault_of(directory: Path, config_path: Path | None) -> Path:
    """Return the vault of the daemon whose state is in *directory*."""
    from picklewatch.config import sources

    if config_path is None and not sources.anything_configured():
        return StateLayout(directory).vault
    from picklewatch.config import schema
    from picklewatch.service import watch_plan

    return watch_plan.vault_directory(schema.load(config_path).config, directory)


def fates(vault: Path) -> dict[str, str]:
    """Return the `Fate` of everything that was moved into *vault*, by each id that it had."""
    from picklewatch.quarantine import lookup
    from picklewatch.quarantine.vault import Vault

    if not os.path.lexists(vault):
        return {}
    try:
        with Vault(vault) as opened:
            return lookup.fates(opened.items(history=True))
    except (QuarantineError, StateError, OSError):
        return {}  # then it is shown as in quarantine, which the command it names says more about


def write_records(records: Iterable[FoundRecord], limit: int, *, as_json: bool, as_csv: bool) -> int:
    """Write up to *limit* records, and whether there are more; return how many were written."""
    if as_json and as_csv:
        raise click.UsageError("--json and --csv are two forms: choose one")
    table = csv.writer(sys.stdout, lineterminator="\n")
    if as_csv:
        table.writerow(COLUMNS)
    colour, number = wants_colour(sys.stdout), 0
    for found in records:
        if limit and number == limit:
            click.echo("picklewatch: there are more: --limit 0 shows all, --limit N the newest N", err=True)
            break
        number += 1
        if as_json:
            sys.stdout.write(json.dumps(found.to_json(), ensure_ascii=False) + "\n")
        elif as_csv:
            table.writerow(cells(found))
        else:
            sys.stdout.writelines(f"{line}\n" for line in found_lines(found, colour=colour))
    return number
