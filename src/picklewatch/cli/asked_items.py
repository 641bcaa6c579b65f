"""Quarantined items that the system's daemon holds for a user who can't look into its vault."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from picklewatch.cli import daemons
from picklewatch.cli.common import restored_digests, state_dir
from picklewatch.core.errors import QuarantineError
from picklewatch.core.model import printable
from picklewatch.explain import quarantine_text
from picklewatch.ipc.client import SilentError, ask
from picklewatch.ipc.codec import MessageError, build
from picklewatch.ipc.messages import DeleteItemRequest, ItemAnswer, ItemChangedAnswer, ItemRequest, RestoreItemRequest
from picklewatch.ipc.places import system_place
from picklewatch.quarantine.item import Item

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from picklewatch.ipc.client import Heard
    from picklewatch.ipc.messages import Answerer

_ID = 12


@dataclass(frozen=True, slots=True)
class AskedItem:
    """An item, and the daemon that has it."""

    item: Item
    heard: Heard
    by: Answerer

    def write(self, *, as_json: bool, colour: bool) -> None:
        """Show it."""
        if as_json:
            click.echo(json.dumps(self.to_json(), ensure_ascii=False))
        else:
            click.echo("\n".join(self.lines(colour=colour)))

    def to_json(self) -> dict[str, Any]:
        """Return the item as `quarantine show` writes it, with who answered."""
        by = {"uid": self.heard.peer.uid, "pid": self.heard.peer.pid, "whole": self.by.whole}
        return {**self.item.to_json(), "content": None, "answered_by": by}

    def lines(self, *, colour: bool) -> Iterator[str]:
        """Yield everything about it, and who can give it back."""
        owner = daemons.user_name(self.item.uid)
        yield from quarantine_text.details(self.item, colour=colour, data=None, owner=owner, now=time.time())
        yield quarantine_text.row("by", daemons.answerer(self.heard, is_system=True), colour=colour)
        if self.item.sha256 in restored_digests(state_dir()):
            text = "you allowed this content in a daemon of your own; the system's has a list of its own"
            yield quarantine_text.row("note", text, colour=colour)
        if self.item.state.holds:
            yield ""
            yield from self._next()

    def _next(self) -> Iterator[str]:
        yield f"rescue:   sudo picklewatch rescue --item {self.item.id} weights.safetensors    (nothing is executed)"
        restore = f"picklewatch quarantine restore {self.item.id}"
        if self.by.restores:
            yield f"restore:  {restore}    (allows this content from then on, on the whole machine)"
            return
        yield f"Is it harmless? Ask {daemons.whom_to_ask(self.by)}."
        yield f"restore:  sudo {restore}    (allows this content from then on)"


def find(prefix: str) -> AskedItem:
    """Return the item whose id begins with *prefix* of those that the system's daemon shows this user.

    Or the one that a record became, by the record's id, the file's path, or the name that was shown.

    Raises `QuarantineError`: one that is somebody else's, and one that never was, look the same.
    """
    heard = daemons.ask_system(ItemRequest(id=prefix.lower())) if 0 < len(prefix) <= _ID else None
    if heard is None or not _items(heard)[0]:
        heard = _of_record(prefix) or heard
        prefix = prefix if heard is None else next((item.id for item in _items(heard)[0]), prefix)
    if heard is None:
        hint = "if the system's picklewatch moved the file: sudo picklewatch quarantine list"
        raise QuarantineError(f"there is no quarantined item {printable(prefix)}", hint)
    found, answer = _items(heard)
    whom = f"of your files. If it was somebody else's, ask {daemons.whom_to_ask(answer.by)}"
    hint = f"{daemons.answerer(heard, is_system=True)} shows those {whom}"
    return AskedItem(only(found, prefix, hint), heard, answer.by)


def _of_record(name: str) -> Heard | None:
    """Return the answer about the item that the record called *name* became; None if there is not one such item."""
    from picklewatch.cli.asked_records import named

    path = os.path.abspath(name)  # noqa: PTH100 - no link is followed
    became = {found.item for text in dict.fromkeys((name, path)) for found in named(text) or () if found.item}
    return daemons.ask_system(ItemRequest(id=became.pop())) if len(became) == 1 else None


def all_items() -> tuple[list[AskedItem], int]:
    """Return the newest that the system's daemon shows this user, oldest first, and how many more there are."""
    heard = daemons.ask_system(ItemRequest())
    if heard is None:
        return [], 0
    found, answer = _items(heard)
    return [AskedItem(item, heard, answer.by) for item in found], answer.more


def restore(asked: AskedItem, reason: str) -> Item:
    """Have the system's daemon give an item back.

    Raises `NotAnsweredError`.
    """
    return _change(RestoreItemRequest(id=asked.item.id, reason=reason))


def delete(asked: AskedItem, *, keep_tombstone: bool) -> Item:
    """Have the system's daemon delete an item.

    Raises `NotAnsweredError`.
    """
    return _change(DeleteItemRequest(id=asked.item.id, keep_tombstone=keep_tombstone))


def _change(request: RestoreItemRequest | DeleteItemRequest) -> Item:
    heard = ask(system_place(), request)
    assert isinstance(heard.answer, ItemChangedAnswer)
    return _item(heard.answer.item)


def only(found: Sequence[Item], prefix: str, hint: str) -> Item:
    """Return the only one of *found*, whose ids begin with *prefix*."""
    if len(found) == 1:
        return found[0]
    if not found:
        raise QuarantineError(f"there is no quarantined item {printable(prefix)}", hint)
    held = [item for item in found if item.state.holds]
    names = ", ".join(item.id for item in (held or found)[:5])
    raise QuarantineError(f"several ids begin with {printable(prefix)}: {names}", "give more characters of the id")


def _items(heard: Heard) -> tuple[list[Item], ItemAnswer]:
    assert isinstance(heard.answer, ItemAnswer)
    return [_item(item) for item in heard.answer.items], heard.answer


def _item(fields: dict[str, Any]) -> Item:
    try:
        return build(Item, fields)
    except MessageError as error:
        raise SilentError(f"the daemon's answer can't be read: {error}", "It may be of another version.") from None
