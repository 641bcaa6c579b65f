"""``picklewatch allow``: vouch for contents, see what is vouched for, and take it back."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import time
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import click

from picklewatch.cli.common import concerns_system, json_option, state_dir, state_option
from picklewatch.cli.named import NamingError, record_named
from picklewatch.cli.stored_records import stored
from picklewatch.core.errors import StateError
from picklewatch.core.found_record import Fate
from picklewatch.core.model import FileId, printable
from picklewatch.core.units import parse_duration

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from picklewatch.core.found_record import FoundRecord
    from picklewatch.store import Store
    from picklewatch.store.allowances import AllowedContent

_SECONDS: Final = 3600.0
"""For reading a content to its end."""
_DATE: Final = len("2026-12-31")
_LATEST: Final = 253_402_300_000.0
"""The end of the year 9999."""
_FEWEST: Final = 8
"""Digits of a digest that `allow remove` takes at least."""

EPILOG = """\
\b
Examples:
  picklewatch allow model.pt --reason "our own export, looked at it"
  picklewatch allow r12 --reason "ticket 4711" --until 2026-12-31
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
@click.option("--until", metavar="WHEN", help='Not for good: up to the end of a date, or for a duration ("30d").')
@state_option
def add(*, file: str, reason: str, until: str | None, state: Path | None) -> None:
    """Allow the content of FILE: a path, a record's id, or the name that was shown.

    `picklewatch allow FILE` is short for it. The system's daemon is asked, too; it
    does as root, the configured group, and users who may by its settings, say.
    """
    if not reason.strip():
        raise click.BadParameter("say why you vouch for it", param_hint="--reason")
    end = None if until is None else _end(until, time.time())
    directory = state_dir(state)
    found = record_named(file, directory)
    sha256, size = _content(file, found)
    with _changing(directory) as store:
        store.allowed.add(sha256, reason, size, end)
    for_how_long = "" if end is None else f", until {_date(end)}"
    click.echo(f"{_shown(file, found)} is allowed{for_how_long}: {printable(reason)}\nsha256  {sha256}")
    click.echo("It is the content that is allowed, not the file: `picklewatch allow remove` takes it back.")
    if concerns_system(state):
        from picklewatch.cli import asked_changes
        from picklewatch.ipc.messages import AllowRequest

        asked_changes.allow(AllowRequest(sha256=sha256, reason=reason.strip(), size=size, until=end))


def _end(text: str, now: float) -> float:
    """Return the Unix time at which a duration from now, or a date, is over.

    Raises `click.BadParameter`.
    """
    try:
        end = now + parse_duration(text)
    except ValueError:
        try:
            day = datetime.fromisoformat(text)
            end = (day + timedelta(days=1) if len(text) == _DATE else day).timestamp()
        except (ValueError, OverflowError, OSError):
            message = f'{printable(text)!r} is neither a date, such as "2026-12-31", nor a duration, such as "30d"'
            raise click.BadParameter(message, param_hint="--until") from None
    if not now < end < _LATEST:
        raise click.BadParameter(f"{printable(text)} is over, or too far away", param_hint="--until")
    return end


def _date(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at))


@command.command(name="list")
@json_option
@state_option
def list_(*, as_json: bool, state: Path | None) -> None:
    """List the contents that are allowed, with the reasons.

    Those in the configuration ([allow]) are not in this list.
    """
    asked = None
    if concerns_system(state):
        from picklewatch.cli import asked_changes, daemons

        asked = asked_changes.allowances()
    try:
        with stored(state_dir(state)) as store:
            entries = store.allowed.entries()
    except StateError:
        if asked is None:
            raise
        entries = []
    if asked is not None and asked[0]:
        click.echo(f"picklewatch: by {daemons.answerer(asked[1], is_system=True)}:", err=True)
        _write(asked[0], as_json=as_json)
        if entries:
            click.echo("picklewatch: by yourself:", err=True)
    _write(entries, as_json=as_json)
    if not entries and not as_json and not (asked and asked[0]):
        click.echo("Nothing is allowed here.")


def _write(entries: Iterable[AllowedContent], *, as_json: bool) -> None:
    for entry in entries:
        if as_json:
            click.echo(json.dumps(asdict(entry), ensure_ascii=True))
        else:
            until = "" if entry.until is None else f"until {_date(entry.until)}  "
            click.echo(f"{entry.sha256}  {_date(entry.at)}  {until}{printable(entry.reason)}")


@command.command()
@click.argument("file", type=click.Path(readable=False))
@state_option
def remove(*, file: str, state: Path | None) -> None:
    """Stop allowing a content: its SHA-256 or the beginning of it, a record's id, a path, or a name that was shown.

    It counts as what the scan said from now on.
    """
    directory = state_dir(state)
    allowed = _digests(directory, state)
    sha256 = _allowed_digest(file, allowed) or _content(file, record_named(file, directory), is_recorded=True)[0]
    with _changing(directory) as store:
        is_gone = store.allowed.remove(sha256)
    if concerns_system(state):
        from picklewatch.cli import asked_changes
        from picklewatch.ipc.messages import AllowRequest

        is_gone = (sha256 in allowed and asked_changes.allow(AllowRequest(sha256=sha256))) or is_gone
    if not is_gone:
        raise NamingError(f"the content {sha256} is not allowed here", "`picklewatch allow list` shows what is.")
    click.echo(f"{sha256} is not allowed any more")


def _digests(directory: Path, state: Path | None) -> list[str]:
    """Return the digests that are allowed in *directory*, and by the system's daemon."""
    found: list[str] = []
    with contextlib.suppress(StateError), stored(directory) as store:
        found += store.allowed.all()
    if concerns_system(state):
        from picklewatch.cli import asked_changes

        found += [each.sha256 for each in (asked_changes.allowances() or ((), None))[0]]
    return list(dict.fromkeys(found))


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
    from picklewatch.core.tombstone import TOMBSTONE_LENGTH, parse_tombstone

    with open_subject(path) as subject:
        item = parse_tombstone(os.pread(subject.fd, TOMBSTONE_LENGTH + 1, 0))
        if item is not None:
            hint = f"picklewatch quarantine restore {item} gives the file back, and allows its content."
            raise NamingError(f"{printable(path)} is what was put in the place of a quarantined file", hint)
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
