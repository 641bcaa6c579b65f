"""``picklewatch quarantine apply`` and ``dismiss``: a person's word on moves that only a new version wants."""

from __future__ import annotations

import contextlib
import os
import pwd
import sqlite3
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from picklewatch.cli.common import state_dir, state_option
from picklewatch.core.errors import QuarantineError
from picklewatch.core.model import printable
from picklewatch.core.state_layout import StateLayout

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from picklewatch.store import Store
    from picklewatch.store.held_moves import HeldMove

_paths = click.argument("paths", metavar="[PATH]…", nargs=-1, type=click.Path(readable=False))
_yes = click.option("-y", "--yes", is_flag=True, help="Don't ask.")


@click.command()
@_paths
@click.option("-n", "--dry-run", is_flag=True, help="Only list the files that wait.")
@_yes
@state_option
def apply(paths: tuple[str, ...], *, dry_run: bool, yes: bool, state: Path | None) -> None:
    """Move files that only a new version would move.

    Where a new version of picklewatch judges contents worse than an older one
    did, more than [quarantine] upgrade_moves files are not moved without a
    person's word: the mistake may be in its lists. PATH are files or
    directories; without one, all that wait are meant. The daemon moves them
    within half a minute.
    """
    with _held(state, paths) as (store, moves):
        for move in moves:
            click.echo(f"{move.verdict.value:<12} {printable(move.path)}  ({', '.join(move.fields['reasons'])})")
        if dry_run or not moves:
            click.echo(f"{_files(len(moves))} wait" if moves else "No move waits for a person.")
            return
        _confirm(f"Move {_files(len(moves))} into quarantine", yes=yes)
        click.echo(f"{_files(store.held_moves.apply(moves))} will be moved")


@click.command()
@_paths
@_yes
@state_option
def dismiss(paths: tuple[str, ...], *, yes: bool, state: Path | None) -> None:
    """Let files stay that only a new version would move.

    They keep their verdicts, and are moved if their contents change. PATH as for
    `picklewatch quarantine apply`, which lists the files with --dry-run.
    """
    with _held(state, paths) as (store, moves):
        if not moves:
            click.echo("No move waits for a person.")
            return
        _confirm(f"Let {_files(len(moves))} stay", yes=yes)
        operator = os.environ.get("SUDO_USER") or _user()
        click.echo(f"{_files(store.held_moves.dismiss(moves, f'let stay by {printable(operator)}'))} will stay")


@contextlib.contextmanager
def _held(state: Path | None, paths: Sequence[str]) -> Iterator[tuple[Store, list[HeldMove]]]:
    """Give the store, and the moves that wait for a person: those of *paths*, or all."""
    from picklewatch.store import CorruptError, Store

    directory = state_dir(state)
    if not StateLayout(directory).database.exists():
        message = f"no daemon ever ran with its state in {printable(str(directory))}"
        raise QuarantineError(message, "Another user's, or the system's, daemon? Try sudo, or --state-dir.")
    chosen = [Path(os.path.abspath(path)) for path in paths]  # noqa: PTH100 - no link is followed
    try:
        with contextlib.closing(Store(directory)) as store:
            moves = store.held_moves.all()
            yield store, [move for move in moves if not chosen or any(map(Path(move.path).is_relative_to, chosen))]
    except (sqlite3.Error, CorruptError) as error:
        raise QuarantineError(f"the daemon's state can't be used: {error}", "Try again.") from error


def _files(number: int) -> str:
    return f"{number:,} file{'' if number == 1 else 's'}"


def _confirm(question: str, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("there is no terminal to ask for confirmation: add --yes")
    click.confirm(f"{question}?", abort=True, err=True)


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
