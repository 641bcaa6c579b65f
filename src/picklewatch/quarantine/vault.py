"""The vault: where quarantined files are, and the only way in and out."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import time
from typing import TYPE_CHECKING, NamedTuple, Self

from picklewatch.errors import QuarantineError, StateError
from picklewatch.model import printable
from picklewatch.quarantine import fs
from picklewatch.quarantine.item import Item, State, encode
from picklewatch.quarantine.journal import DATA, Entry, item_ids
from picklewatch.quarantine.moving import Suspect, check, first_fields, take
from picklewatch.quarantine.place import Place
from picklewatch.quarantine.recovery import Recovery, delete, recover_entry
from picklewatch.quarantine.refusals import ChangedError, StoreFullError, UnfinishedError, refusal
from picklewatch.quarantine.restoring import Wish, give_back
from picklewatch.quarantine.tombstone import ITEM_ID

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from picklewatch.quarantine.restoring import Allow

__all__ = ["ChangedError", "Item", "Recovery", "State", "StoreFullError", "Suspect", "UnfinishedError", "Vault"]


class Vault:
    """A directory that is ours alone, with one directory an item in it.

    Safe to use by several processes and threads at once: each operation that changes something holds the vault's
    lock while it lasts. Listing does not wait for it. `recover` should run before files are watched; every operation
    also ends what an earlier one left unfinished about the same item.
    """

    def __init__(self, directory: Path | str) -> None:
        """Open the vault in *directory*, which is made if it is missing; StateError if it is not ours alone."""
        self.directory = os.path.abspath(directory)  # noqa: PTH100 - Path.resolve would follow links
        self._keys: dict[str, _Key] = {}
        try:
            os.makedirs(self.directory, mode=0o700, exist_ok=True)  # noqa: PTH103 - a text, see above
            self._fd = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            message = f"the quarantine store can't be used: {printable(self.directory)}: {error.strerror}"
            raise StateError(message, "it must be a directory of the user that picklewatch runs as") from error
        status = os.fstat(self._fd)
        self._wary = status.st_uid != os.geteuid()
        if (self._wary and os.geteuid() != 0) or stat.S_IMODE(status.st_mode) & 0o077:
            self.close()
            message = f"the quarantine store is not ours alone: {printable(self.directory)}"
            raise StateError(message, "it must belong to the user that picklewatch runs as, with mode 0700")

    def close(self) -> None:
        """Close the directory."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def quarantine(self, suspect: Suspect, *, tombstone: bool = True) -> Item:
        """Take *suspect* into the vault, leaving a tombstone in its place if *tombstone*.

        Raises ChangedError if it is not the judged file any more, StoreFullError, or another QuarantineError; then
        nothing was changed (UnfinishedError: `recover` ends it). The same content taken from the same place again,
        after another download, replaces the former item and counts in `Item.times`.
        """
        root = os.path.realpath(suspect.root)
        relative = os.fsencode(suspect.relative)
        with self._operation(os.path.join(root, suspect.relative)), Place.at(root, relative) as place:  # noqa: PTH118
            status = check(suspect, place)
            twins = self._twins(_Key(root, suspect.relative, suspect.sha256))
            times = 1 + max((twin.times for twin in twins), default=0)
            more = {"root": encode(root), "tombstone_wanted": tombstone, "times": times}
            with Entry.create(self._fd, first_fields(suspect, status, os.fstat(place.fd), **more)) as entry:
                item = self._attempt(entry, State.QUARANTINED, lambda: take(entry, place, suspect.fd))
                if twins and fs.has_content(entry.fd, DATA, item.size, item.sha256):
                    self._supersede(twins, item)
        return item

    def recover(self) -> list[Recovery]:
        """End everything that is unfinished, whatever ended it; what is at rest is left alone."""
        found: list[Recovery] = []
        with self._operation(self.directory):
            for item_id in item_ids(self._fd):
                try:
                    with Entry(self._fd, item_id) as entry:
                        recovery = recover_entry(entry)
                except OSError as error:
                    recovery = Recovery(id=item_id, outcome="waiting", item=None, detail=str(error))
                if recovery is not None:
                    found.append(recovery)
        return found

    def items(self, *, history: bool = False) -> list[Item]:
        """Return what is in the vault, oldest first; with *history* also what was there."""
        items = [item for item_id in item_ids(self._fd) if (item := self._peek(item_id)) is not None]
        return sorted((i for i in items if history or not i.state.history), key=lambda i: (i.taken, i.id))

    def show(self, item_id: str) -> Item:
        """Return one item, also when only its history is left."""
        item = self._peek(item_id) if ITEM_ID.fullmatch(item_id) else None
        if item is None:
            raise QuarantineError(f"there is no quarantined item {printable(item_id)}", _LIST)
        return item

    def restore(
        self, item_id: str, allow: Allow | None, *, reason: str = "", to: Path | str | None = None, force: bool = False
    ) -> Item:
        """Give an item back, to its old place or to the file or directory *to*.

        First *allow* is called with its SHA-256 and *reason*; it must persist that the operator vouches for it, or the
        watcher takes it again at once (None: so be it). Owner, permissions (never set-id bits) and time come back.
        Nothing but our own tombstone is ever replaced.
        """
        with self._operation(item_id), self._entry(item_id) as entry:
            item = entry.item
            if not item.state.holds:
                raise QuarantineError(f"{item.id} is not in quarantine any more: it was {item.state}", _LIST)
            wish = Wish(allow=allow, reason=reason, force=force, wary=self._wary, **_target(item, to))
            with contextlib.ExitStack() as stack:
                try:
                    place = stack.enter_context(Place.at(*wish.target(item)))
                except (FileNotFoundError, NotADirectoryError) as error:
                    message = f"the directory to restore to is gone: {printable(os.path.dirname(item.path))}"  # noqa: PTH120
                    raise QuarantineError(message, "make it again, or restore with --to to another place") from error
                return self._attempt(entry, State.RESTORED, lambda: give_back(entry, place, wish))

    def delete(self, item_id: str, *, keep_tombstone: bool = False) -> Item:
        """Remove an item's content for good, and its tombstone unless it is to stay; its history remains."""
        with self._operation(item_id), self._entry(item_id) as entry:
            item, status = entry.item, entry.status()
            if item.state is State.DELETED and (keep_tombstone or not item.tombstone):
                return item
            if status is not None and stat.S_ISDIR(status.st_mode):
                raise QuarantineError(f"{item.id} is a directory that was swapped in", "restore it with --to")

            def begin_and_end() -> Item:
                entry.append(State.DELETING, keep_tombstone=keep_tombstone)
                return delete(entry)

            return self._attempt(entry, State.DELETED, begin_and_end)

    def purge(
        self,
        *,
        older_than: float | None = None,
        max_items: int | None = None,
        max_bytes: int | None = None,
        keep_tombstones: bool = True,
        dry_run: bool = False,
    ) -> list[Item]:
        """Delete the oldest items until every bound is kept; return what was deleted, or would be.

        *older_than* is in seconds since they were taken. Tombstones stay by default: without them, clients would
        download the content again. History that is older than *older_than* and has no tombstone is forgotten.
        """
        chosen = _beyond(self.items(), older_than, max_items, max_bytes)
        if dry_run:
            return chosen
        deleted = [self.delete(item.id, keep_tombstone=keep_tombstones) for item in chosen]
        if older_than is not None:
            self._forget(time.time() - older_than)
        return deleted

    def _forget(self, before: float) -> None:
        for item in self.items(history=True):
            if item.state.history and item.changed < before and not item.tombstone:
                with self._operation(item.id), self._entry(item.id) as entry:
                    entry.drop()

    def _peek(self, item_id: str) -> Item | None:
        """Read an item without the lock; None if it is being made or dropped just now."""
        with contextlib.suppress(FileNotFoundError), Entry(self._fd, item_id) as entry:
            if entry.load():
                return entry.item
        return None

    @contextlib.contextmanager
    def _entry(self, item_id: str) -> Iterator[Entry]:
        """Open an item to change it; what was unfinished about it is ended first."""
        self.show(item_id)
        with Entry(self._fd, item_id) as entry:
            recover_entry(entry)
            if not entry.load():
                raise QuarantineError(f"{item_id} was never taken: its move was undone just now", _LIST)
            yield entry

    def _attempt(self, entry: Entry, goal: State, step: Callable[[], Item]) -> Item:
        """Take a step; if it fails, undo it or end it, by the same rules as after a crash."""
        try:
            return step()
        except (OSError, QuarantineError) as error:
            try:
                recover_entry(entry)
            except OSError as again:
                message = f"{entry.id} could be neither moved nor put back just now: {again}"
                raise UnfinishedError(message, "the daemon ends it when it starts") from error
            if entry.load() and entry.item.state is goal:
                return entry.item
            raise

    @contextlib.contextmanager
    def _operation(self, what: str) -> Iterator[None]:
        """Hold the vault's lock; say in words what the system refuses."""
        try:
            lock = os.open("lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=self._fd)
            try:
                if self._wary:
                    owner = os.fstat(self._fd)
                    os.fchown(lock, owner.st_uid, owner.st_gid)
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
            finally:
                os.close(lock)
        except OSError as error:
            raise refusal(error, what) from error

    def _twins(self, key: _Key) -> list[Item]:
        """Return the items at rest with the same content from the same place."""
        if key.sha256 is None:
            return []
        ids = item_ids(self._fd)
        self._keys = {item_id: self._keys[item_id] for item_id in ids if item_id in self._keys}
        for item_id in ids:
            if item_id not in self._keys and (item := self._peek(item_id)) is not None and item.sha256 is not None:
                self._keys[item_id] = _Key(item.root, item.relative, item.sha256)
        twins = [self._peek(item_id) for item_id in ids if self._keys.get(item_id) == key]
        return [twin for twin in twins if twin is not None and twin.state is State.QUARANTINED]

    def _supersede(self, twins: list[Item], item: Item) -> None:
        """Let go of former copies of the same content."""
        for twin in twins:
            with contextlib.suppress(OSError), Entry(self._fd, twin.id) as entry:
                if not entry.load():
                    continue
                try:
                    entry.append(State.DELETING, keep_tombstone=True, tombstone=False, note=f"taken again as {item.id}")
                    delete(entry)
                except OSError:
                    recover_entry(entry)


class _Key(NamedTuple):
    root: str
    relative: str
    sha256: str | None


_LIST = "picklewatch quarantine list shows what is there"


def _target(item: Item, to: Path | str | None) -> dict[str, str]:
    """Return where to restore to; a directory gets the file's old name."""
    if to is None:
        return {}
    path = os.path.abspath(to)  # noqa: PTH100 - not Path.resolve: the last component is never followed
    if os.path.isdir(path):  # noqa: PTH112
        return {"root": os.path.realpath(path), "name": os.path.basename(item.relative)}  # noqa: PTH119
    directory, name = os.path.split(path)
    return {"root": os.path.realpath(directory), "name": name}


def _beyond(items: list[Item], older_than: float | None, max_items: int | None, max_bytes: int | None) -> list[Item]:
    """Return the items, oldest first, that must go so that every bound is kept."""
    items = [item for item in items if item.state is State.QUARANTINED]
    count, size = len(items), sum(item.size for item in items)
    chosen = []
    for item in items:
        too_old = older_than is not None and item.taken < time.time() - older_than
        too_many = max_items is not None and count > max_items
        too_big = max_bytes is not None and size > max_bytes
        if not (too_old or too_many or too_big):
            break
        chosen.append(item)
        count, size = count - 1, size - item.size
    return chosen
