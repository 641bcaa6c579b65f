"""``picklewatch quarantine``: list, show, restore and delete quarantined files; decide on moves that wait."""

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

from picklewatch.cli import waiting_moves
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
  picklewatch quarantine show 3f2a                   ids may be shortened
  picklewatch quarantine restore 3f2a --reason "our own model, looked at it"
  picklewatch quarantine restore 3f2a --to /tmp/sample --no-allow
  picklewatch quarantine purge --older-than 30d --dry-run
  picklewatch quarantine apply --dry-run             what only a new version would move

\b
Exit status:
  0   done
  2   something was refused (nothing was changed), or a usage error
  78  bad configuration, or a quarantine store of another user
"""


@dataclass(frozen=True, slots=True)
class Shared:
    """The directories that every sub-command gets."""

    state: Path
    """The state directory."""
    store: Path
    """The vault's directory."""

    @contextlib.contextmanager
    def vault(self) -> Iterator[Vault]:
        """Open the vault; one that does not exist yet is not created."""
        if not os.path.lexists(self.store):
            raise QuarantineError(f"nothing was ever quarantined here: {printable(str(self.store))}", _elsewhere())
        with Vault(self.store) as vault:
            yield vault

    def allow(self, sha256: str, reason: str, size: int) -> None:
        """Vouch for a content in the daemon's store."""
        from picklewatch.store import CorruptError, Store

        try:
            self.state.mkdir(mode=0o700, parents=True, exist_ok=True)
            with contextlib.closing(Store(self.state)) as store:
                store.allowed.add(sha256, reason, size)
        except (sqlite3.Error, OSError, CorruptError) as error:
            message = f"the content can't be allowed, so it was not restored: {error}"
            raise QuarantineError(message, "try again, or use --no-allow --to a place that is not watched") from error


def _elsewhere() -> str:
    if os.geteuid() == 0:
        return "a user's own daemon has its own quarantine: sudo -u USER picklewatch quarantine list"
    return "if the system's picklewatch moved the file: sudo picklewatch quarantine list"


@click.group(name="quarantine", epilog=EPILOG)
def command() -> None:
    """List, show, restore and delete quarantined files.

    Files are only moved if the configuration enables it ([quarantine] level).
    """


def with_vault(function: Callable[..., R]) -> Callable[..., R]:
    """Add the options that select the vault; pass `Shared` in their place."""

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


command.add_command(waiting_moves.apply)
command.add_command(waiting_moves.dismiss)

yes_option = click.option("-y", "--yes", is_flag=True, help="Don't ask.")
ids_argument = click.argument("ids", metavar="ID…", nargs=-1, required=True)


@command.command(name="list")
@click.option("-a", "--all", "history", is_flag=True, help="Include restored and deleted items.")
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
    """Show why an item was quarantined, and how to restore it."""

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
    "--to",
    type=click.Path(readable=False),
    metavar="PATH",
    help="Restore to this file or directory, not to the original path.",
)
@click.option("--reason", metavar="TEXT", help="Why you vouch for it; shown whenever the content is found again.")
@click.option("--no-allow", is_flag=True, help="Don't vouch for it: make a copy to examine (only with --to).")
@click.option("--force", is_flag=True, help="Restore even into another user's directory, or changed content.")
@yes_option
@json_option
@with_vault
def restore(  # noqa: PLR0913 - one per option
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
    """Restore items, and allow their content from now on.

    Owner, permissions (never set-id bits) and times are restored, too. No
    file but picklewatch's own tombstone is ever replaced.
    """
    if no_allow and to is None:
        raise click.UsageError(
            "--no-allow needs --to: at its original path, the file would be quarantined again at once"
        )

    def restore_one(vault: Vault, item: Item) -> None:
        question = f"Copy {_described(item)}" if no_allow else f"Restore {_described(item)}"
        question += " out of quarantine" if no_allow else ", and allow its content from now on"
        _confirm(question, yes=yes)
        why = reason or f"restored from quarantine ({item.id}) by {_operator()}"
        given = vault.restore(item.id, None if no_allow else shared.allow, reason=why, to=to, force=force)
        place = printable(given.target or given.path)
        kept = given.state.holds
        sentence = f"{given.id} was copied to {place}" if kept else f"{given.id} was restored to {place}"
        _report(shared, given, sentence, as_json=as_json)

    return _each(shared, ids, restore_one)


@command.command()
@ids_argument
@click.option(
    "--keep-tombstone", is_flag=True, help="Keep the tombstone, so that clients don't download the content again."
)
@yes_option
@json_option
@with_vault
def delete(shared: Shared, *, ids: tuple[str, ...], keep_tombstone: bool, yes: bool, as_json: bool) -> ExitStatus:
    """Delete items for good, with their tombstones."""

    def delete_one(vault: Vault, item: Item) -> None:
        _confirm(f"Delete {_described(item)} for good", yes=yes)
        deleted = vault.removal.delete(item.id, keep_tombstone=keep_tombstone)
        rest = "; its tombstone stays" if deleted.tombstone else ""
        _report(shared, deleted, f"{deleted.id} was deleted{rest}", as_json=as_json)

    return _each(shared, ids, delete_one)


@command.command()
@click.option("--older-than", metavar="AGE", help="Delete items quarantined longer ago than this, such as 30d.")
@click.option("--max-items", type=click.IntRange(0), metavar="N", help="Keep at most the newest N items.")
@click.option("--max-size", metavar="SIZE", help="Keep at most this much, the newest, such as 50GiB.")
@click.option(
    "--remove-tombstones", is_flag=True, help="Delete tombstones, too; clients may then download the content again."
)
@click.option("-n", "--dry-run", is_flag=True, help="Only show what would be deleted.")
@yes_option
@json_option
@with_vault
def purge(  # noqa: PLR0913 - one per option
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
    """Delete the oldest items until all given limits are met."""
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
            items = vault.removal.purge(**bounds, dry_run=True)
            history = vault.removal.forgettable(bounds["older_than"])
            if not dry_run:
                if items:
                    _confirm(f"Delete {quarantine_text.total(items)} for good", yes=yes)
                items = vault.removal.purge(**bounds, among={item.id for item in items})
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
    """Call *act* with each item; one that is refused does not stop the others."""
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
    """Return the item whose id begins with *prefix*, rather one in quarantine than one of the history.

    An item that was quarantined again is found under its former ids, too.
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
    raise QuarantineError(f"several ids begin with {printable(prefix)}: {names}", "give more characters of the id")


def _with_links(item: Item) -> Item:
    """Add the names that lead to its path now: a client may make links after the move, too."""
    if not item.state.holds:
        return item
    return replace(item, names=tuple(dict.fromkeys((*item.names, *links_to(item.path)))))


def _confirm(question: str, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("this changes files, and there is no terminal to ask for confirmation: add --yes")
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
    shown = {**item.to_json(), "content": None if data is None else printable(data)}
    click.echo(json.dumps(shown, ensure_ascii=False))


def _data(shared: Shared, item: Item) -> str | None:
    """Return the path of the content while it is in the vault."""
    return str(item_content(shared.store, item.id)) if item.state.holds else None


def _operator() -> str:
    return printable(os.environ.get("SUDO_USER") or _user(os.getuid()))


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
