"""``picklewatch allow``: vouch for contents, see what is vouched for, and take it back."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import time
from typing import TYPE_CHECKING, Final

import click

from picklewatch.cli.common import concerns_system, json_option, state_dir, state_option
from picklewatch.cli.named import NamingError, record_named
from picklewatch.cli.stored_records import stored
from picklewatch.core.errors import StateError
from picklewatch.core.found_record import Fate
from picklewatch.core.model import FileId, printable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from picklewatch.core.found_record import FoundRecord
    from picklewatch.store import Store

_SECONDS: Final = 3600.0
"""For reading a content to its end."""
_FEWEST: Final = 8
"""Digits of a digest that `allow remove` takes at least."""

EPILOG = """\
\b
Examples:
  picklewatch allow model.pt --reason "our own export, looked at it"
  picklewatch allow r12 --reason "ticket 4711"
  picklewatch allow list
  picklewatch allow remove r12

\b
Exit status:
  0   done
  2   refused (nothing was changed), or a usage error
  78  the state can't be used
"""


class _Group(click.Group):
    """The group; what is no sub-command of it is a file that `add` is meant to allow."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put ``add`` before a file."""
        is_file = bool(args) and args[0] not in self.commands and args[0] not in {"-h", "--help"}
        return super().parse_args(ctx, ["add", *args] if is_file else args)


@click.group(cls=_Group, name="allow", epilog=EPILOG)
def command() -> None:
    """Allow contents; list them; stop allowing them.

    Allowed is not clean: the verdict stays what the scan says, the outcome is
    "allowed" with your reason, and nothing is moved or counted as unsafe. It is
    the content that is allowed, by its SHA-256, wherever it lies: `quarantine
    restore` allows in the same way.
    """


@command.command()
@click.argument("file", type=click.Path(readable=False))
@click.option("--reason", required=True, metavar="TEXT", help="Why you vouch for it; shown wherever it is found.")
@state_option
def add(*, file: str, reason: str, state: Path | None) -> None:
    """Allow the content of FILE: a path, a record's id, or the name that was shown.

    `picklewatch allow FILE` is short for it.
    """
    if not reason.strip():
        raise click.BadParameter("say why you vouch for it", param_hint="--reason")
    directory = state_dir(state)
    found = record_named(file, directory)
    sha256, size = _content(file, found)
    with _changing(directory) as store:
        store.allowed.add(sha256, reason, size)
    click.echo(f"{_shown(file, found)} is allowed: {printable(reason)}\nsha256  {sha256}")
    click.echo("It is the content that is allowed, not the file: `picklewatch allow remove` takes it back.")
    if concerns_system(state):
        _tell_of_the_system()


def _tell_of_the_system() -> None:
    """Say that the system's daemon, if there is one, goes by a list of its own."""
    from picklewatch.cli import daemons
    from picklewatch.ipc.messages import StatusRequest

    if daemons.ask_system(StatusRequest()) is not None:
        text = "the system's daemon goes by a list of its own, which this does not change: sudo picklewatch allow …"
        click.echo(f"picklewatch: {text}", err=True)


@command.command(name="list")
@json_option
@state_option
def list_(*, as_json: bool, state: Path | None) -> None:
    """List the contents that are allowed, with the reasons.

    Those in the configuration ([allow]) are not in this list.
    """
    with stored(state_dir(state)) as store:
        entries = store.allowed.entries()
    for entry in entries:
        if as_json:
            fields = {"sha256": entry.sha256, "reason": entry.reason, "at": entry.at, "size": entry.size}
            click.echo(json.dumps(fields, ensure_ascii=True))
        else:
            at = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.at))
            click.echo(f"{entry.sha256}  {at}  {printable(entry.reason)}")
    if not entries and not as_json:
        click.echo("Nothing is allowed here.")


@command.command()
@click.argument("file", type=click.Path(readable=False))
@state_option
def remove(*, file: str, state: Path | None) -> None:
    """Stop allowing a content: its SHA-256 or the beginning of it, a record's id, a path, or a name that was shown.

    It counts as what the scan said from now on.
    """
    directory = state_dir(state)
    with stored(directory) as store:
        allowed = [entry.sha256 for entry in store.allowed.entries()]
    sha256 = _allowed_digest(file, allowed) or _content(file, record_named(file, directory), is_recorded=True)[0]
    with _changing(directory) as store:
        is_gone = store.allowed.remove(sha256)
    if not is_gone:
        raise NamingError(f"the content {sha256} is not allowed here", "`picklewatch allow list` shows what is.")
    click.echo(f"{sha256} is not allowed any more")


def _allowed_digest(text: str, allowed: list[str]) -> str | None:
    """Return the only digest of *allowed* that begins with *text*, or None."""
    if os.path.lexists(text) or len(text) < _FEWEST:
        return None
    found = [sha256 for sha256 in allowed if sha256.startswith(text.lower())]
    if len(found) > 1:
        raise NamingError(f"several digests begin with {text}", "Give more characters.")
    return found[0] if found else None


def _content(file: str, found: FoundRecord | None, *, is_recorded: bool = False) -> tuple[str, int | None]:
    """Return digest and size of what *file* names: of the file as it is, unless *is_recorded*, by its record."""
    known = None if found is None else found.body["sha256"]
    if found is not None and known is not None and is_recorded:
        return str(known), int(found.body["size"])
    if found is not None and found.where in {Fate.CHANGED, Fate.SUPERSEDED}:
        raise _other(file, found)
    if found is not None and known is not None and not found.where.is_there:
        return str(known), int(found.body["size"])
    sha256, size = _read(file if found is None or found.lies_at is None else found.lies_at)
    if found is not None and known not in {None, sha256}:
        raise _other(file, found)
    return sha256, size


def _other(file: str, found: FoundRecord) -> NamingError:
    hint = "Look at what is there now: picklewatch explain, then allow it by its path."
    return NamingError(f"{_shown(file, found)} is not what was judged as {found.id}", hint)


def _read(path: str) -> tuple[str, int]:
    """Return the digest of the file *path*, all of it, and its size; refuse one that changes meanwhile."""
    from picklewatch.access.digest import sha256_within
    from picklewatch.access.open_file import open_subject

    with open_subject(path) as subject:
        sha256 = sha256_within(subject.fd, _SECONDS)
        after = FileId.of(os.fstat(subject.fd))
        if sha256 is None or after != subject.file:
            raise NamingError(f"{printable(path)} can't be read whole, or changes meanwhile", "Try again.")
        return sha256, after.size


def _shown(file: str, found: FoundRecord | None) -> str:
    return printable(file) if found is None else found.shown


@contextlib.contextmanager
def _changing(directory: Path) -> Iterator[Store]:
    """Open the store for one change, which a running daemon takes up at once."""
    from picklewatch.store import CorruptError, Store

    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.closing(Store(directory)) as store:
            yield store
    except (sqlite3.Error, OSError, CorruptError) as error:
        message = f"the state in {printable(str(directory))} can't be changed: {error}"
        raise StateError(message, "It belongs to the user that the daemon runs as: try again with sudo.") from error
