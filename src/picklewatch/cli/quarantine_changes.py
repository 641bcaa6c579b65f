"""``picklewatch quarantine restore``, ``delete`` and ``purge``."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from picklewatch.cli import asked_changes, asked_items, daemons
from picklewatch.cli.common import json_option
from picklewatch.cli.vault_access import (
    Shared,
    confirm,
    described,
    each,
    ids_argument,
    report,
    with_vault,
    write_json,
    yes_option,
)
from picklewatch.core.errors import QuarantineError
from picklewatch.core.model import printable
from picklewatch.core.units import human_size, parse_duration, parse_size
from picklewatch.explain import quarantine_text
from picklewatch.ipc.messages import PurgeRequest
from picklewatch.telemetry.log.console import wants_colour

if TYPE_CHECKING:
    from collections.abc import Callable

    from picklewatch.cli.asked_items import AskedItem
    from picklewatch.core.errors import ExitStatus
    from picklewatch.quarantine.vault import Item, Vault


@click.command()
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
        question = f"Copy {described(item)}" if no_allow else f"Restore {described(item)}"
        question += " out of quarantine" if no_allow else ", and allow its content from now on"
        confirm(question, yes=yes)
        why = reason or f"restored from quarantine ({item.id}) by {_operator()}"
        given = vault.restore(item.id, None if no_allow else shared.allow, reason=why, to=to, force=force)
        place = printable(given.target or given.path)
        kept = given.state.holds
        sentence = f"{given.id} was copied to {place}" if kept else f"{given.id} was restored to {place}"
        report(shared, given, sentence, as_json=as_json)

    def restore_asked(asked: AskedItem) -> None:
        if to is not None or force:
            raise _forbidden("restored elsewhere, or by force,", asked)
        question = f"Restore {described(asked.item)}, and allow its content on the whole machine from now on"
        confirm(question, yes=yes)
        given = asked_items.restore(asked, reason or "")
        report(shared, given, f"{given.id} was restored to {printable(given.path)}", as_json=as_json)

    return each(shared, ids, restore_one, restore_asked)


@click.command()
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
        confirm(f"Delete {described(item)} for good", yes=yes)
        deleted = vault.removal.delete(item.id, keep_tombstone=keep_tombstone)
        rest = "; its tombstone stays" if deleted.tombstone else ""
        report(shared, deleted, f"{deleted.id} was deleted{rest}", as_json=as_json)

    def delete_asked(asked: AskedItem) -> None:
        if not asked.by.whole:
            raise _forbidden("deleted", asked)
        confirm(f"Delete {described(asked.item)} for good", yes=yes)
        deleted = asked_items.delete(asked, keep_tombstone=keep_tombstone)
        report(shared, deleted, f"{deleted.id} was deleted", as_json=as_json)

    return each(shared, ids, delete_one, delete_asked)


@click.command()
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
    """Delete the oldest items until all given limits are met.

    Of the system's quarantine, for a member of the configured group who has none of
    their own.
    """
    if older_than is None and max_items is None and max_size is None:
        raise click.UsageError("give at least one of --older-than, --max-items and --max-size")
    bounds: dict[str, Any] = {
        "older_than": _parsed(parse_duration, older_than, "--older-than"),
        "max_items": max_items,
        "max_bytes": _parsed(parse_size, max_size, "--max-size"),
        "keep_tombstones": not remove_tombstones,
    }
    if shared.asks_system and not os.path.lexists(shared.store) and _purged_by_system(bounds, dry_run, yes, as_json):
        return
    items, history = _purged(shared, bounds, dry_run=dry_run, yes=yes)
    if as_json:
        for item in items:
            write_json(shared, item)
        return
    if dry_run and items:
        for line in quarantine_text.table(items, colour=wants_colour(sys.stdout)):
            click.echo(line)
    done = "would be" if dry_run else "were"
    click.echo(f"{quarantine_text.total(items)} {done} deleted")
    if history:
        click.echo(f"{len(history):,} of the history {done} forgotten")


def _purged(shared: Shared, bounds: dict[str, Any], *, dry_run: bool, yes: bool) -> tuple[list[Item], list[Item]]:
    """Return what was deleted, or would be, and the former items whose history is forgotten."""
    if not os.path.lexists(shared.store):
        return [], []
    with shared.vault() as vault:
        items = vault.removal.purge(**bounds, dry_run=True)
        history = vault.removal.forgettable(bounds["older_than"])
        if not dry_run:
            if items:
                confirm(f"Delete {quarantine_text.total(items)} for good", yes=yes)
            items = vault.removal.purge(**bounds, among={item.id for item in items})
    return items, history


def _purged_by_system(bounds: dict[str, Any], dry_run: bool, yes: bool, as_json: bool) -> bool:  # noqa: FBT001 - passed on
    """Have the system's daemon purge its quarantine, a part at a time; False if there is none."""
    request = PurgeRequest(**bounds)
    answer = asked_changes.purge(request)
    if answer is None:
        return False
    items, size, forgotten = answer.items, answer.size, answer.forgotten
    if not dry_run and (items or forgotten):
        confirm(f"Delete {_total(items, size)} of the whole machine for good", yes=yes)
        request, items, size = replace(request, taken_by=answer.taken_by), 0, 0
        while (answer := asked_changes.purge(request)) is not None:
            items, size = items + answer.items, size + answer.size
            if not answer.more:
                break
    if as_json:
        click.echo(json.dumps({"items": items, "size": size, "forgotten": forgotten, "dry_run": dry_run}))
        return True
    done = "would be" if dry_run else "was" if items == 1 else "were"
    click.echo(f"{_total(items, size)} {done} deleted by the system's daemon")
    return True


def _total(items: int, size: int) -> str:
    return f"{items:,} file{'' if items == 1 else 's'} ({human_size(size)})"


def _parsed(parse: Callable[[object], Any], value: str | None, option: str) -> Any:
    try:
        return None if value is None else parse(value)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=option) from None


def _forbidden(what: str, asked: AskedItem) -> QuarantineError:
    message = f"{asked.item.id} can't be {what} by you: the system's daemon has it"
    return QuarantineError(message, f"ask {daemons.whom_to_ask(asked.by)}")


def _operator() -> str:
    return printable(os.environ.get("SUDO_USER") or daemons.user_name(os.getuid()))
