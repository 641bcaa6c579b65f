"""The vault as commands use it: which one it is, its items by id, and those that the system's daemon has."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import sqlite3
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from picklewatch.cli import asked_items, daemons
from picklewatch.cli.common import concerns_system, config_option, state_dir, state_option
from picklewatch.config import sources
from picklewatch.core.errors import Error, ExitStatus, QuarantineError, StateError
from picklewatch.core.found_record import record_number
from picklewatch.core.model import printable
from picklewatch.core.state_layout import StateLayout, item_content
from picklewatch.core.units import human_size
from picklewatch.explain import quarantine_text
from picklewatch.quarantine.lookup import matching
from picklewatch.quarantine.vault import Item, Vault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from picklewatch.cli.asked_items import AskedItem

R = TypeVar("R")

yes_option = click.option("-y", "--yes", is_flag=True, help="Don't ask.")
ids_argument = click.argument("ids", metavar="ID…", nargs=-1, required=True)


@dataclass(frozen=True, slots=True)
class Shared:
    """The directories that every sub-command gets."""

    state: Path
    """The state directory."""
    store: Path
    """The vault's directory."""
    asks_system: bool = False
    """True if the system's daemon is asked for what is not in the vault."""

    @contextlib.contextmanager
    def vault(self) -> Iterator[Vault]:
        """Open the vault; one that does not exist yet is not created."""
        if not os.path.lexists(self.store):
            raise QuarantineError(f"nothing was ever quarantined here: {printable(str(self.store))}", elsewhere())
        with Vault(self.store) as vault:
            yield vault

    @contextlib.contextmanager
    def vault_if_any(self) -> Iterator[Vault | None]:
        """Open the vault; give None for one that is missing or not ours if the system's daemon is asked instead."""
        with contextlib.ExitStack() as stack:
            vault: Vault | None = None
            try:
                vault = stack.enter_context(self.vault())
            except (QuarantineError, StateError):
                if not self.asks_system:
                    raise
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


def elsewhere() -> str:
    """Return the hint where else an item may be."""
    if os.geteuid() == 0:
        return "a user's own daemon has its own quarantine: sudo -u USER picklewatch quarantine list"
    return "if the system's picklewatch moved the file: sudo picklewatch quarantine list"


def shared(config_path: Path | None, state: Path | None) -> Shared:
    """Find the vault of the configuration and the state directory *state*."""
    directory = state_dir(state)
    store = StateLayout(directory).vault
    if config_path is not None or sources.anything_configured():
        from picklewatch.config import schema
        from picklewatch.service import watch_plan

        store = watch_plan.vault_directory(schema.load(config_path).config, directory)
    return Shared(directory, store, asks_system=config_path is None and concerns_system(state))


def with_vault(function: Callable[..., R]) -> Callable[..., R]:
    """Add the options that select the vault; pass `Shared` in their place."""

    @functools.wraps(function)
    def wrapped(*, config_path: Path | None, state: Path | None, **options: Any) -> R:
        return function(shared(config_path, state), **options)

    return config_option(state_option(wrapped))


def each(
    shared: Shared,
    prefixes: Sequence[str],
    act: Callable[[Vault, Item], None],
    act_asked: Callable[[AskedItem], None],
) -> ExitStatus:
    """Call *act* with each item, or *act_asked* with one that the system's daemon has.

    One that is refused does not stop the others.
    """
    status = ExitStatus.OK
    with shared.vault_if_any() as vault:
        items = [] if vault is None else vault.items(history=True)
        for prefix in prefixes:
            try:
                item_id = prefix if vault is None else _item_named(prefix, shared, items)
                if vault is not None and (matching(items, item_id) or not shared.asks_system):
                    act(vault, find(items, item_id))
                else:
                    act_asked(asked_items.find(prefix))
            except Error as error:
                if len(prefixes) == 1:
                    raise
                from picklewatch.cli import error_text

                click.echo(error_text(error), err=True)
                status = ExitStatus.UNSCANNABLE
    return status


def _item_named(text: str, shared: Shared, items: Sequence[Item]) -> str:
    """Return the id of the item that the record with the id *text* became, or the absolute path; else *text* itself."""
    number = record_number(text)
    if number is None:
        path = os.path.abspath(text)  # noqa: PTH100 - no link is followed
        return path if not matching(items, text) and matching(items, path) else text
    from picklewatch.cli.stored_records import stored

    with contextlib.suppress(StateError), stored(shared.state) as store:
        found = store.found.by_number(number)
        if found is not None and found.item is not None:
            return found.item
        if found is not None and not shared.asks_system:
            message = f"{text} is a record of {printable(found.path)}, which was not moved to quarantine"
            raise QuarantineError(message, f"picklewatch explain {text} says more about the file")
    return text


@dataclass(frozen=True, slots=True)
class HeldItem:
    """An item of the vault."""

    shared: Shared
    item: Item

    def to_json(self) -> dict[str, Any]:
        """Return the item, with the path of its content."""
        data = content(self.shared, self.item)
        return {**self.item.to_json(), "content": None if data is None else printable(data)}

    def lines(self, *, colour: bool) -> list[str]:
        """Return everything about it, and what can be done now."""
        owner, data = daemons.user_name(self.item.uid), content(self.shared, self.item)
        return list(quarantine_text.details(self.item, colour=colour, data=data, owner=owner, now=time.time()))


def held_item(shared: Shared, item_id: str) -> HeldItem | None:
    """Return the item of the vault with exactly this id, or None."""
    if not os.path.lexists(shared.store):
        return None
    with shared.vault_if_any() as vault:
        found = [] if vault is None else matching(vault.items(history=True), item_id)
    return HeldItem(shared, found[0]) if found else None


def find(items: Sequence[Item], prefix: str) -> Item:
    """Return the item whose id begins with *prefix*, rather one in quarantine than one of the history.

    An item that was quarantined again is found under its former ids, too.
    """
    return asked_items.only(matching(items, prefix), prefix, elsewhere())


def confirm(question: str, *, yes: bool) -> None:
    """Ask a person."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("this changes files, and there is no terminal to ask for confirmation: add --yes")
    click.confirm(f"{question}?", abort=True, err=True)


def described(item: Item) -> str:
    """Return *item* in a few words, for a question."""
    reasons = f" ({', '.join(map(printable, item.reasons))})" if item.reasons else ""
    return f"{quarantine_text.title(item)}, {item.verdict.value}{reasons}, {human_size(item.size)}"


def report(shared: Shared, item: Item, sentence: str, *, as_json: bool) -> None:
    """Say what was done."""
    if as_json:
        write_json(shared, item)
    else:
        click.echo(sentence)


def write_json(shared: Shared, item: Item) -> None:
    """Write *item* as a line of JSON."""
    click.echo(json.dumps(HeldItem(shared, item).to_json(), ensure_ascii=False))


def content(shared: Shared, item: Item) -> str | None:
    """Return the path of the content while it is in the vault."""
    return str(item_content(shared.store, item.id)) if item.state.holds else None
