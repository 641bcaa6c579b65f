"""The vault: the directory of quarantined files, and the only way in and out."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from typing import TYPE_CHECKING, Any, Final, Self

from picklewatch.access import paths
from picklewatch.core.errors import QuarantineError, StateError
from picklewatch.core.model import printable
from picklewatch.core.state_layout import LOCK
from picklewatch.quarantine.item import Item, State, encode
from picklewatch.quarantine.item_book import LIST, ItemBook, UnknownError, at_goal
from picklewatch.quarantine.journal import Entry, item_ids
from picklewatch.quarantine.moving import Suspect, check, first_fields, secured_of, take
from picklewatch.quarantine.place import Place, set_aside_as
from picklewatch.quarantine.recovery import Recovery, recover_entry
from picklewatch.quarantine.refusals import ChangedError, StoreFullError, UnfinishedError, errors_for_people, unfinished
from picklewatch.quarantine.removal import Removal
from picklewatch.quarantine.restoring import RestoreRequest, give_back, give_back_early, no_way
from picklewatch.quarantine.taking import Taking
from picklewatch.quarantine.twins import Twins

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from picklewatch.core.model import FileId
    from picklewatch.quarantine.restoring import Allow


__all__ = ["ChangedError", "Item", "Recovery", "State", "StoreFullError", "Suspect", "UnfinishedError", "Vault"]


class Vault:
    """A directory that is ours alone, with one directory per item in it.

    Safe to use by several processes and threads at once: each operation that changes something holds the vault's
    lock while it lasts. Listing does not wait for it. `recover` should run before files are watched; every operation
    also ends what an earlier one left unfinished about the same item.
    """

    def __init__(self, directory: Path | str) -> None:
        """Open the vault in *directory*, which is made if it is missing; StateError if it is not ours alone."""
        self.directory = os.path.abspath(directory)  # noqa: PTH100 - Path.resolve would follow links
        try:
            os.makedirs(self.directory, mode=0o700, exist_ok=True)  # noqa: PTH103 - a text, see above
            self._fd = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            message = f"the quarantine store can't be used: {printable(self.directory)}: {error.strerror}"
            raise StateError(message, "it must be a directory of the user that picklewatch runs as") from error
        self._book = ItemBook(self._fd)
        self.removal: Final = Removal(self._book)
        self._twins = Twins(self._fd, self._book.peek)
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
            self._book.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def quarantine(self, suspect: Suspect, *, tombstone: bool = True) -> Item:
        """Take *suspect* into the vault, with all its content; see `take`."""
        with self.take(suspect, tombstone=tombstone) as taking:
            return taking.finish()

    def take(self, suspect: Suspect, *, tombstone: bool = True) -> Taking:
        """Take its name from *suspect*, leaving a tombstone in its place if *tombstone*; its content may follow later.

        Raises ChangedError if it is not the judged file any more, StoreFullError, or another QuarantineError; then
        nothing was changed (UnfinishedError: `recover` ends it). Nothing large is copied or read meanwhile.
        """
        root = suspect.trees[0].path
        with contextlib.ExitStack() as stack, self._operation(os.path.join(root, suspect.relative)):  # noqa: PTH118
            place = stack.enter_context(_place(suspect))
            status = check(suspect, place)
            more = {"root": encode(root), "tombstone_wanted": tombstone}
            fields = first_fields(suspect, status, os.fstat(place.fd), **more)
            entry = stack.enter_context(Entry.create(self._fd, fields))
            secured = self._book.attempt(entry, lambda: take(entry, place, suspect.fd), _secured_anyway)
            return Taking(entry, place, secured, self._twins.merge, stack.pop_all())

    def finish(self, item_id: str) -> Item | None:
        """Bring the content of an item that was taken into the vault; None if another thread or process has the item.

        Raises UnfinishedError if that is not possible now.
        """
        self._book.show(item_id)
        try:
            with Entry(self._fd, item_id) as entry:
                if not entry.lock(wait=False):
                    return None
                recover_entry(entry)
                item = entry.item if entry.load() else None
        except FileNotFoundError:
            item = None
        except OSError as error:
            raise unfinished(item_id, error) from error
        if item is not None:
            return self._twins.merge(item)
        raise UnknownError(f"{item_id} was never taken: its move was undone just now", LIST)

    def recover(self, *, whole: bool = True) -> list[Recovery]:
        """Complete or undo every unfinished step, whatever interrupted it; items at rest are left alone.

        So are those that another thread or process works on. Without *whole*, nothing large is copied: see `finish`.
        """
        with self._operation(self.directory):
            found = {item_id: self._recover(item_id, whole=False) for item_id in item_ids(self._fd)}
        if whole:
            found = {item_id: self._recover(item_id) or first for item_id, first in found.items()}
        return [recovery for recovery in found.values() if recovery is not None]

    def _recover(self, item_id: str, *, whole: bool = True) -> Recovery | None:
        try:
            with Entry(self._fd, item_id) as entry:
                return recover_entry(entry, whole=whole) if entry.lock(wait=False) else None
        except FileNotFoundError:
            return None
        except OSError as error:
            return Recovery(id=item_id, outcome="waiting", item=None, detail=str(error))

    def is_set_aside(self, path: str, file: FileId, owner: int) -> bool:
        """Return True if *file* of *owner*, at *path*, is an item's whose content is still to be copied into the vault.

        Only in its own directory: renamed to another one, it is judged like any file. So is one that took its place:
        its inode's number, time and size prove nothing, but nobody gives a file to the vault's owner.
        """
        directory, _, name = path.rpartition("/")
        item_id = set_aside_as(os.fsencode(name))
        item = None if item_id is None else self._book.peek(item_id)
        if item is None or item.state not in (State.COPYING, State.TAKEN, State.COPIED):
            return False
        is_left = (owner, file.size, file.mtime_ns) == (item.uid, item.size, item.mtime_ns) and not item.locked
        is_ours = item.copied and item.inode == file.inode and (is_left or owner == os.fstat(self._fd).st_uid)
        return is_ours and directory == os.path.dirname(item.path)  # noqa: PTH120

    def items(self, *, history: bool = False) -> list[Item]:
        """Return the items in the vault, oldest first; with *history* also former ones."""
        return self._book.items(history=history)

    def show(self, item_id: str) -> Item:
        """Return one item, even if only its history is left."""
        return self._book.show(item_id)

    def restore(
        self, item_id: str, allow: Allow | None, *, reason: str = "", to: Path | str | None = None, force: bool = False
    ) -> Item:
        """Restore an item to its old place, or to the file or directory *to*.

        First *allow* is called with its SHA-256, *reason* and size; it must persist that the operator vouches for it,
        or the watcher takes it again at once (None: so be it). Owner, permissions (never set-id bits) and time come
        back. Nothing but our own tombstone is ever replaced.
        """
        with errors_for_people(item_id), self._book.entry(item_id) as entry:
            item = entry.item
            if item.state is State.TAKEN:
                return self._give_back_early(entry, allow, reason, to)
            if not item.state.holds:
                raise QuarantineError(f"{item.id} is not in quarantine any more: it was {item.state}", LIST)
            request = RestoreRequest(allow=allow, reason=reason, force=force, wary=self._wary, **_target(item, to))
            with contextlib.ExitStack() as stack:
                try:
                    place = stack.enter_context(Place.at(*request.target(item)))
                except OSError as error:
                    if (why := no_way(error, *request.target(item))) is not None:
                        raise why from error
                    raise
                return self._book.attempt(entry, lambda: give_back(entry, place, request), at_goal(State.RESTORED))

    def _give_back_early(self, entry: Entry, allow: Allow | None, reason: str, to: Path | str | None) -> Item:
        """Restore a file whose content waits for room in the vault: only to where it was."""
        if to is not None or allow is None or not entry.fields.get("aside"):
            message = f"{entry.id} is not in the vault yet: there was no room for it, or its disk failed"
            raise QuarantineError(message, "make room, or restore it to its old place, without --to")
        item = entry.item
        with Place.at(item.root, os.fsencode(item.relative)) as place:
            return self._book.attempt(
                entry, lambda: give_back_early(entry, place, allow, reason), at_goal(State.RESTORED)
            )

    def discard(self, item_id: str) -> None:
        """Remove an item with its content, tombstone and history, as if it had never been taken."""
        with self._operation(item_id), self._book.entry(item_id) as entry:
            self.removal.delete_entry(entry, keep_tombstone=False)
            entry.drop()

    @contextlib.contextmanager
    def _operation(self, what: str) -> Iterator[None]:
        """Hold the vault's lock: nobody else makes an item, or drops one that was never made."""
        with errors_for_people(what):
            lock = self._open_lock()
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
            finally:
                os.close(lock)

    def _open_lock(self) -> int:
        """Open the lock; one that we make belongs to the vault's owner, one that is there is left as it is."""
        flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
        with contextlib.suppress(FileNotFoundError):
            return os.open(LOCK, flags, dir_fd=self._fd)
        try:
            lock = os.open(LOCK, flags | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=self._fd)
        except FileExistsError:  # another process was faster
            return os.open(LOCK, flags, dir_fd=self._fd)
        if self._wary:
            owner = os.fstat(self._fd)
            os.fchown(lock, owner.st_uid, owner.st_gid)
        return lock


@contextlib.contextmanager
def _place(suspect: Suspect) -> Iterator[Place]:
    """Open the place of *suspect*, in the very directory that was found to be watched."""
    tree = suspect.trees[0]
    root = paths.open_directory(tree.path)
    try:
        status = os.fstat(root)
        if tree.identity != (status.st_dev, status.st_ino):
            raise ChangedError(f"{printable(tree.path)} is another directory now", "it is scanned again")
        with Place.at(root, os.fsencode(suspect.relative)) as place:
            yield place
    finally:
        os.close(root)


def _target(item: Item, to: Path | str | None) -> dict[str, str]:
    """Return the place to restore to; in a directory it is the file's old name."""
    if to is None:
        return {}
    path = os.path.abspath(to)  # noqa: PTH100 - not Path.resolve: the last component is never followed
    if os.path.isdir(path):  # noqa: PTH112
        return {"root": os.path.realpath(path), "name": os.path.basename(item.relative)}  # noqa: PTH119
    directory, name = os.path.split(path)
    return {"root": os.path.realpath(directory), "name": name}


def _secured_anyway(entry: Entry) -> dict[str, Any] | None:
    """Return what was secured of an item whose step was completed although it failed; None if it was undone."""
    return secured_of(entry) if entry.item.state in (State.TAKEN, State.QUARANTINED) else None
