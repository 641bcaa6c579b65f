"""The items of a vault: found, locked one at a time, and changed in steps that are undone or completed if they fail."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, TypeVar

from picklewatch.core.errors import QuarantineError
from picklewatch.core.model import printable
from picklewatch.core.tombstone import ITEM_ID
from picklewatch.quarantine.item import Item, State
from picklewatch.quarantine.journal import Entry, item_ids
from picklewatch.quarantine.recovery import recover_entry
from picklewatch.quarantine.refusals import unfinished

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_R = TypeVar("_R")

LIST = "picklewatch quarantine list shows what is there"


class UnknownError(QuarantineError):
    """There is no such item (any more)."""


class ItemBook:
    """The items of one vault. Safe to use by several processes and threads at once; listing waits for nobody."""

    def __init__(self, vault: int) -> None:
        """*vault* is the descriptor of the vault's directory, until `close`."""
        self.vault = vault

    def close(self) -> None:
        """Forget the directory: the descriptor's number may soon be another file's."""
        self.vault = -1

    def items(self, *, history: bool = False) -> list[Item]:
        """Return the items in the vault, oldest first; with *history* also former ones."""
        items = [item for item_id in item_ids(self.vault) if (item := self.peek(item_id)) is not None]
        return sorted((i for i in items if history or not i.state.history), key=lambda i: (i.taken, i.id))

    def show(self, item_id: str) -> Item:
        """Return one item, even if only its history is left."""
        item = self.peek(item_id) if ITEM_ID.fullmatch(item_id) else None
        if item is None:
            raise UnknownError(f"there is no quarantined item {printable(item_id)}", LIST)
        return item

    def peek(self, item_id: str) -> Item | None:
        """Read an item without the lock; None if it is being made or dropped just now."""
        with contextlib.suppress(FileNotFoundError), Entry(self.vault, item_id) as entry:
            if entry.load():
                return entry.item
        return None

    @contextlib.contextmanager
    def entry(self, item_id: str) -> Iterator[Entry]:
        """Lock an item to change it; an unfinished step is recovered first, if that is possible."""
        self.show(item_id)
        with Entry(self.vault, item_id) as entry:
            entry.lock()
            try:
                recover_entry(entry)
            except OSError:
                recover_entry(entry, whole=False)
                if not (entry.load() and entry.item.state is State.TAKEN):
                    raise
            if not entry.load():
                raise UnknownError(f"{item_id} was never taken: its move was undone just now", LIST)
            yield entry

    def attempt(self, entry: Entry, step: Callable[[], _R], reached: Callable[[Entry], _R | None]) -> _R:
        """Take a step; if it fails, undo or complete it, by the same rules as after a crash."""
        try:
            return step()
        except (OSError, QuarantineError) as error:
            try:
                recover_entry(entry, whole=False)
            except OSError as again:
                raise unfinished(entry.id, again) from error
            if entry.load() and (result := reached(entry)) is not None:
                return result
            raise


def at_goal(goal: State) -> Callable[[Entry], Item | None]:
    """Return what `ItemBook.attempt` asks whether a step that failed was completed all the same."""
    return lambda entry: entry.item if entry.item.state is goal else None
