"""Removes items from a vault for good: one that a person names, or the oldest beyond its bounds, and old history."""

from __future__ import annotations

import contextlib
import os
import stat
from typing import TYPE_CHECKING

from picklewatch.core.errors import QuarantineError
from picklewatch.quarantine.item import Item, State
from picklewatch.quarantine.item_book import UnknownError, at_goal
from picklewatch.quarantine.journal import Entry
from picklewatch.quarantine.place import GONE, Place
from picklewatch.quarantine.recovery import delete
from picklewatch.quarantine.refusals import errors_for_people
from picklewatch.quarantine.retention import beyond, past

if TYPE_CHECKING:
    from collections.abc import Collection

    from picklewatch.quarantine.item_book import ItemBook


class Removal:
    """The way out of one vault that leads nowhere."""

    def __init__(self, book: ItemBook) -> None:
        self._book = book

    def delete(self, item_id: str, *, keep_tombstone: bool = False) -> Item:
        """Remove an item's content for good, and its tombstone unless it is to stay; its history remains."""
        with errors_for_people(item_id), self._book.entry(item_id) as entry:
            return self.delete_entry(entry, keep_tombstone)

    def delete_entry(self, entry: Entry, keep_tombstone: bool) -> Item:  # noqa: FBT001 - passed on
        """Do the same with an item that is locked."""
        item, status = entry.item, entry.status()
        if item.state is State.DELETED and (keep_tombstone or not item.tombstone):
            return item
        if status is not None and stat.S_ISDIR(status.st_mode):
            raise QuarantineError(f"{item.id} is a directory that was swapped in", "restore it with --to")

        def begin_and_end() -> Item:
            entry.append(State.DELETING, keep_tombstone=keep_tombstone)
            return delete(entry)

        return self._book.attempt(entry, begin_and_end, at_goal(State.DELETED))

    def purge(  # noqa: PLR0913 - one per bound
        self,
        *,
        older_than: float | None = None,
        max_items: int | None = None,
        max_bytes: int | None = None,
        keep_tombstones: bool = True,
        dry_run: bool = False,
        among: Collection[str] | None = None,
    ) -> list[Item]:
        """Delete the oldest items until every bound is kept; return those that were deleted, or would be.

        *older_than* is in seconds since they were taken. Tombstones stay by default: without them, clients would
        download the content again. History that is older than *older_than* is forgotten unless a tombstone names it.
        *among* are the ids of the items that may be deleted, such as those that a person has seen and confirmed.
        """
        chosen = beyond(self._book.items(), older_than, max_items, max_bytes)
        if dry_run:
            return chosen
        wanted = [item for item in chosen if among is None or item.id in among]
        deleted = [gone for item in wanted if (gone := self._delete_held(item, keep_tombstones)) is not None]
        for item in self.forgettable(older_than):
            self._forget(item)
        return deleted

    def forgettable(self, older_than: float | None) -> list[Item]:
        """Return the history that `purge` forgets."""
        if older_than is None:
            return []
        return [item for item in past(self._book.items(history=True), older_than) if not self._has_tombstone(item)]

    def _has_tombstone(self, item: Item) -> bool:
        """Return True if a tombstone still names *item*: a person who reads it may ask for the item."""
        if not item.tombstone:
            return False
        try:
            with Place.at(item.root, os.fsencode(item.relative)) as place:
                return place.is_tombstone(item.id)
        except OSError as error:
            return error.errno not in GONE

    def _delete_held(self, item: Item, keep_tombstone: bool) -> Item | None:  # noqa: FBT001 - passed on
        """Delete *item* unless another process has just restored or deleted it."""
        with errors_for_people(item.id), contextlib.ExitStack() as stack:
            try:
                entry = stack.enter_context(self._book.entry(item.id))
            except (FileNotFoundError, UnknownError):
                return None
            return self.delete_entry(entry, keep_tombstone) if entry.item.state is State.QUARANTINED else None

    def _forget(self, item: Item) -> None:
        with (
            errors_for_people(item.id),
            contextlib.suppress(FileNotFoundError),
            Entry(self._book.vault, item.id) as entry,
        ):
            if entry.lock() and entry.load() and entry.item == item:
                entry.drop()
