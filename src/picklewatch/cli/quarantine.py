"""``picklewatch quarantine``: list, show, restore and delete quarantined files; decide on moves that wait."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from picklewatch.cli import asked_items, daemons, quarantine_changes, waiting_moves
from picklewatch.cli.common import json_option
from picklewatch.cli.vault_access import HeldItem, Shared, each, ids_argument, with_vault, write_json
from picklewatch.explain import quarantine_text
from picklewatch.scanning.display_names import links_to
from picklewatch.telemetry.log.console import wants_colour

if TYPE_CHECKING:
    from picklewatch.cli.asked_items import AskedItem
    from picklewatch.core.errors import ExitStatus
    from picklewatch.quarantine.vault import Item, Vault

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


@click.group(name="quarantine", epilog=EPILOG)
def command() -> None:
    """List, show, restore and delete quarantined files.

    Files are only moved if the configuration enables it ([quarantine] level).
    """


for change in (
    quarantine_changes.restore,
    quarantine_changes.delete,
    quarantine_changes.purge,
    waiting_moves.apply,
    waiting_moves.dismiss,
):
    command.add_command(change)


@command.command(name="list")
@click.option("-a", "--all", "history", is_flag=True, help="Include restored and deleted items.")
@json_option
@with_vault
def list_(shared: Shared, *, history: bool, as_json: bool) -> None:
    """List what is in quarantine, oldest first.

    A user also sees what the system's daemon took of theirs.
    """
    items: list[Item] = []
    if os.path.lexists(shared.store):
        with shared.vault_if_any() as vault:
            items = [] if vault is None else vault.items(history=history)
    asked, more = asked_items.all_items() if shared.asks_system else ([], 0)
    if as_json:
        for item in items:
            write_json(shared, item)
        for each_asked in asked:
            click.echo(json.dumps(each_asked.to_json(), ensure_ascii=False))
        return
    if not items and not asked:
        click.echo("Nothing is in quarantine.")
    if items:
        _table(items, history=history)
    if asked:
        click.echo(f"Taken by {daemons.answerer(asked[0].heard, is_system=True)}:")
        _table([one.item for one in asked], history=False)
        if more:
            click.echo(f"and {more} older ones")


def _table(items: list[Item], *, history: bool) -> None:
    for line in quarantine_text.table(items, colour=wants_colour(sys.stdout), history=history):
        click.echo(line)
    click.echo(quarantine_text.total([item for item in items if item.state.holds]) + " in quarantine")


@command.command()
@ids_argument
@json_option
@with_vault
def show(shared: Shared, *, ids: tuple[str, ...], as_json: bool) -> ExitStatus:
    """Show why an item was quarantined, and how to restore it.

    A user is answered by the system's daemon about files of theirs.
    """
    colour = wants_colour(sys.stdout)

    def show_one(vault: Vault, item: Item) -> None:
        del vault
        item = _with_links(item)
        if as_json:
            write_json(shared, item)
        else:
            click.echo("\n".join(HeldItem(shared, item).lines(colour=colour)))

    def show_asked(asked: AskedItem) -> None:
        asked.write(as_json=as_json, colour=colour)

    return each(shared, ids, show_one, show_asked)


def _with_links(item: Item) -> Item:
    """Add the names that lead to its path now: a client may make links after the move, too."""
    if not item.state.holds:
        return item
    return replace(item, names=tuple(dict.fromkeys((*item.names, *links_to(item.path)))))
