"""``picklewatch quarantine``: look at what was moved, give it back, delete it."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import pwd
import sqlite3
import sys
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import click

from picklewatch.cli.common import config_option, json_option, state_dir, state_option
from picklewatch.config import sources
from picklewatch.core.errors import Error, ExitStatus, QuarantineError
from picklewatch.core.model import printable
from picklewatch.core.state_layout import StateLayout, item_content
from picklewatch.core.units import human_size, parse_duration, parse_size
from picklewatch.explain import quarantine_text
from picklewatch.quarantine.vault import Item, Vault
from picklewatch.scanning.display_names import links_to
from picklewatch.telemetry.log.console import wants_colour

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

R = TypeVar("R")

EPILOG = """\
\b
Examples:
  picklewatch quarantine list
  picklewatch quarantine show 3f2a                   an id may be shortened
  picklewatch quarantine restore 3f2a --reason "our own model, looked at it"
  picklewatch quarantine restore 3f2a --to /tmp/sample --no-allow
  picklewatch quarantine purge --older-than 30d --dry-run

\b
Exit status:
  0   done
  2   something was refused (nothing was changed), or a usage error
  78  bad configuration, or a store that is not ours
"""


@dataclass(frozen=True, slots=True)
class Shared:
    """What every sub-command is given."""

    state: Path
    """The state directory."""
    store: Path
    """The vault's directory."""

    @contextlib.contextmanager
    def vault(self) -> Iterator[Vault]:
        """Open the vault; one that does not exist yet holds nothing, and is not made."""
        if not os.path.lexists(self.store):
            raise QuarantineError(f"nothing was ever quarantined here: {printable(str(self.store))}", _elsewhere())
        with Vault(self.store) as vault:
            yield vault

    def allow(self, sha256: str, reason: str) -> None:
        """Vouch for a content in the daemon's store."""
        from picklewatch.store import CorruptError, Store

        try:
            self.state.mkdir(mode=0o700, parents=True, exist_ok=True)
            with contextlib.closing(Store(self.state)) as store:
                store.allowed.add(sha256, reason)
        except (sqlite3.Error, OSError, CorruptError) as error:
            message = f"the content can't be allowed, so it was not given back: {error}"
            raise QuarantineError(message, "try again; or --no-allow --to a place that is not watched") from error


def _elsewhere() -> str:
    if os.geteuid() == 0:
        return "a user's own picklewatch keeps its own: sudo -u USER picklewatch quarantine list"
    return "if the system's picklewatch moved the file: sudo picklewatch quarantine list"


@click.group(name="quarantine", epilog=EPILOG)
def command() -> None:
    """List, show, restore and delete what was moved.

    Files are only moved where the configuration says so ([quarantine] level).
    """


def with_vault(function: Callable[..., R]) -> Callable[..., R]:
    """Add the options that say where the vault is; pass `Shared` in their place."""

    @functools.wraps(function)
    def wrapped(*, config_path: Path | None, state: Path | None, **options: Any) -> R:
        directory = state_dir(state)
        store = StateLayout(directory).vault
        if config_path is not None or sources.anything_configured():
            from picklewatch.config import schema
            from picklewatch.service import watch_plan

            store = watch_plan.vault_directory(schema.load(config_path).config, directory)
        return function(Shared(directory, store), **options)

    return config_option(state_option(wrapped))


yes_option = click.option("-y", "--yes", is_flag=True, help="Don't ask.")
ids_argument = click.argument("ids", metavar="ID…", nargs=-1, required=True)


@command.command(name="list")
@click.option("-a", "--all", "history", is_flag=True, help="Also what was restored or deleted.")
@json_option
@with_vault
def list_(shared: Shared, *, history: bool, as_json: bool) -> None:
    """List what is in quarantine, oldest first."""
    items: list[Item] = []
    if os.path.lexists(shared.store):
        with shared.vault() as vault:
            items = vault.items(history=history)
    if as_json:
        for item in items:
            _write_json(shared, item)
    elif not items:
        click.echo("Nothing is in quarantine.")
    else:
        for line in quarantine_text.table(items, colour=wants_colour(sys.stdout), history=history):
            click.echo(line)
        click.echo(quarantine_text.total([item for item in items if item.state.holds]) + " in quarantine")


@command.command()
@ids_argument
@json_option
@with_vault
def show(shared: Shared, *, ids: tuple[str, ...], as_json: bool) -> ExitStatus:
    """Show why an item was moved, and how to get it back."""

    def show_one(vault: Vault, item: Item) -> None:
        del vault
        item = _with_links(item)
        if as_json:
            _write_json(shared, item)
            return
        data = _data(shared, item)
        for line in quarantine_text.details(
            item, colour=wants_colour(sys.stdout), data=data, owner=_user(item.uid), now=time.time()
        ):
            click.echo(line)

    return _each(shared, ids, show_one)


@command.command()
@ids_argument
@click.option(
    "--to", type=click.Path(readable=False), metavar="PATH", help="To this file or directory, not to the old place."
)
@click.option("--reason", metavar="TEXT", help="Why you vouch for it; shown wherever the content is met again.")
@click.option("--no-allow", is_flag=True, help="Don't vouch for it (only with --to): a copy to look at.")
@click.option("--force", is_flag=True, help="Even into a directory of someone else, or if the content was changed.")
@yes_option
@json_option
@with_vault
def restore(  # noqa: PLR0913 - one an option
    shared: Shared,
    *,
    ids: tuple[str, ...],
    to: str | None,
    reason: str | None,
    no_allow: bool,
    force: bool,
    yes: bool,
    as_json: bool,
) -> ExitStatus:
    """Give items back, and allow their content from now on.

    Owner, permissions (never set-id bits) and time come back. Nothing but
    picklewatch's own tombstone is ever replaced.
    """
    if no_allow and to is None:
        raise click.UsageError("--no-allow needs --to: in its old place, the file would be taken again at once")

    def restore_one(vault: Vault, item: Item) -> None:
        question = f"Copy {_described(item)}" if no_allow else f"Give back {_described(item)}"
        question += " out of quarantine" if no_allow else ", and allow its content from now on"
        _confirm(question, yes=yes)
        why = reason or f"restored from quarantine ({item.id}) by {_operator()}"
        given = vault.restore(item.id, None if no_allow else shared.allow, reason=why, to=to, force=force)
        place = printable(given.target or given.path)
        kept = given.state.holds
        told = f"a copy of {given.id} is there to look at: {place}" if kept else f"{given.id} is back: {place}"
        _report(shared, given, told, as_json=as_json)

    return _each(shared, ids, restore_one)


@command.command()
@ids_argument
@click.option("--keep-tombstone", is_flag=True, help="Leave it, so that clients don't download the content again.")
@yes_option
@json_option
@with_vault
def delete(shared: Shared, *, ids: tuple[str, ...], keep_tombstone: bool, yes: bool, as_json: bool) -> ExitStatus:
    """Delete items for good, with their tombstones."""

    def delete_one(vault: Vault, item: Item) -> None:
        _confirm(f"Delete {_described(item)} for good", yes=yes)
        deleted = vault.delete(item.id, keep_tombstone=keep_tombstone)
        rest = "; its tombstone stays" if deleted.tombstone else ""
        _report(shared, deleted, f"{deleted.id} is deleted{rest}", as_json=as_json)

    return _each(shared, ids, delete_one)


@command.command()
@click.option("--older-than", metavar="AGE", help="Delete what was taken longer ago, such as 30d.")
@click.option("--max-items", type=click.IntRange(0), metavar="N", help="Keep at most so many, the newest.")
@click.option("--max-size", metavar="SIZE", help="Keep at most so much, the newest, such as 50GiB.")
@click.option("--remove-tombstones", is_flag=True, help="Also these; clients may then download the content again.")
@click.option("-n", "--dry-run", is_flag=True, help="Only say what would be deleted.")
@yes_option
@json_option
@with_vault
def purge(  # noqa: PLR0913 - one an option
    shared: Shared,
    *,
    older_than: str | None,
    max_items: int | None,
    max_size: str | None,
    remove_tombstones: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Delete the oldest items until all the given bounds are kept."""
    if older_than is None and max_items is None and max_size is None:
        raise click.UsageError("give at least one of --older-than, --max-items and --max-size")
    bounds: dict[str, Any] = {
        "older_than": _parsed(parse_duration, older_than, "--older-than"),
        "max_items": max_items,
        "max_bytes": _parsed(parse_size, max_size, "--max-size"),
        "keep_tombstones": not remove_tombstones,
    }
    if not os.path.lexists(shared.store):
        items, history = [], []
    else:
        with shared.vault() as vault:
            items = vault.purge(**bounds, dry_run=True)
            history = vault.forgettable(bounds["older_than"])
            if not dry_run:
                if items:
                    _confirm(f"Delete {quarantine_text.total(items)} for good", yes=yes)
                items = vault.purge(**bounds, among={item.id for item in items})
    if as_json:
        for item in items:
            _write_json(shared, item)
        return
    if dry_run and items:
        for line in quarantine_text.table(items, colour=wants_colour(sys.stdout)):
            click.echo(line)
    done = "would be" if dry_run else "were"
    click.echo(f"{quarantine_text.total(items)} {done} deleted")
    if history:
        click.echo(f"{len(history):,} of the history {done} forgotten")


def _parsed(parse: Callable[[object], Any], value: str | None, option: str) -> Any:
    try:
        return None if value is None else parse(value)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=option) from None


def _each(shared: Shared, prefixes: Sequence[str], act: Callable[[Vault, Item], None]) -> ExitStatus:
    """Do something with each item; what is refused does not keep the others from it."""
    status = ExitStatus.OK
    with shared.vault() as vault:
        items = vault.items(history=True)
        for prefix in prefixes:
            try:
                act(vault, find(items, prefix))
            except Error as error:
                if len(prefixes) == 1:
                    raise
                from picklewatch.cli import error_text

                click.echo(error_text(error), err=True)
                status = ExitStatus.UNSCANNABLE
    return status


def find(items: Sequence[Item], prefix: str) -> Item:
    """Return the item that *prefix* begins the id of; one that is in quarantine goes before history.

    An item that was taken again is found under its former ids, too.
    """
    start = prefix.lower()
    found = [item for item in items if prefix and item.id.startswith(start)]
    found = found or [item for item in items if prefix and any(former.startswith(start) for former in item.formerly)]
    held = [item for item in found if item.state.holds]
    if len(held) == 1 or len(found) == 1:
        return (held or found)[0]
    if not found:
        raise QuarantineError(f"there is no quarantined item {printable(prefix)}", _elsewhere())
    names = ", ".join(item.id for item in (held or found)[:5])
    raise QuarantineError(f"{printable(prefix)} begins several ids: {names}", "write more of it")


def _with_links(item: Item) -> Item:
    """Add the names that lead to its place by now: a client may make links after the move, too."""
    if not item.state.holds:
        return item
    return replace(item, names=tuple(dict.fromkeys((*item.names, *links_to(item.path)))))


def _confirm(question: str, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("this changes files, and there is no terminal to ask at: add --yes")
    click.confirm(f"{question}?", abort=True, err=True)


def _described(item: Item) -> str:
    reasons = f" ({', '.join(map(printable, item.reasons))})" if item.reasons else ""
    return f"{quarantine_text.title(item)}, {item.verdict.value}{reasons}, {human_size(item.size)}"


def _report(shared: Shared, item: Item, sentence: str, *, as_json: bool) -> None:
    if as_json:
        _write_json(shared, item)
    else:
        click.echo(sentence)


def _write_json(shared: Shared, item: Item) -> None:
    data = _data(shared, item)
    told = {**item.to_json(), "content": None if data is None else printable(data)}
    click.echo(json.dumps(told, ensure_ascii=False))


def _data(shared: Shared, item: Item) -> str | None:
    """Return where the content is, while it is in the vault."""
    return str(item_content(shared.store, item.id)) if item.state.holds else None


def _operator() -> str:
    return printable(os.environ.get("SUDO_USER") or _user(os.getuid()))


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
