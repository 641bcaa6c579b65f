"""Restores a file to its old place or to another one; replaces nothing but our own tombstone."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from picklewatch.core.errors import QuarantineError
from picklewatch.core.model import printable
from picklewatch.quarantine import extended_attributes, fs, links
from picklewatch.quarantine.copying import fill
from picklewatch.quarantine.item import Item, State, encode
from picklewatch.quarantine.journal import DATA, Entry
from picklewatch.quarantine.place import Place, inside

if TYPE_CHECKING:
    from collections.abc import Callable

    Allow = Callable[[str, str, int], None]


_REASON: Final = 200
"""Characters of a reason that the journal has space for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreRequest:
    """A request to restore an item."""

    allow: Allow | None
    """Persists that the operator vouches for a SHA-256, with the reason and the size; None: it may be taken again, and
    *root* gets only a copy to look at."""
    reason: str = ""
    """The operator's reason to vouch for it."""
    root: str | None = None
    """Another directory to restore to, without links in its path; None: where it was."""
    name: str = ""
    """The file's name in *root*."""
    force: bool = False
    """Also into a directory that belongs to someone else now, and also content that was changed in the vault (which is
    then not allowed, but judged again)."""
    wary: bool = False
    """True if the vault's owner has fewer rights than we have: its journal alone then does not justify writing into a
    directory of root's."""

    @property
    def is_sample(self) -> bool:
        """True if only a copy is wanted, and the item stays in quarantine."""
        return self.root is not None and self.allow is None

    def target(self, item: Item) -> tuple[str, bytes]:
        """Return the directory and the path below it."""
        if self.root is None:
            return item.root, os.fsencode(item.relative)
        return self.root, os.fsencode(self.name)


def give_back(entry: Entry, place: Place, request: RestoreRequest) -> Item:
    """Check everything, vouch for the content, then move it to *place*."""
    item = entry.item
    _check_directory(place, item, request)
    if place.status() is not None and (request.is_sample or not place.is_tombstone(item.id)):
        raise _taken(place)
    if item.state is State.FOREIGN:
        return _give_foreign_back(entry, place, request)
    with fs.opened(entry.fd, DATA) as fd:
        sha256 = fs.digest(fd)
        unchanged = sha256 == item.sha256 if item.sha256 is not None else _looks_unchanged(item, os.fstat(fd))
        if not unchanged and not request.force:
            message = f"the content of {item.id} was changed since it was judged, by someone who had it open or linked"
            raise QuarantineError(message, "delete it, or restore it with --force: it is then judged again")
        vouched = ""
        if unchanged and request.allow is not None:
            request.allow(sha256, request.reason, os.fstat(fd).st_size)
            vouched = request.reason[:_REASON] or "restored"
        _begin(entry, request, os.fstat(fd), sha256, vouched)
        if request.is_sample:
            _give_copy(entry, place, fd)
            return entry.append(item.state)
        if item.disarmed and links.leads_elsewhere(entry):
            _give_inode(entry, place, item, fd)
        else:
            _give(entry, place, item, fd)
    links.inode(entry).unlink()
    fs.sync(place.fd)
    fs.sync(entry.fd)
    return entry.append(State.RESTORED, tombstone=item.tombstone and request.root is not None)


def give_back_early(entry: Entry, place: Place, allow: Allow, reason: str) -> Item:
    """Vouch for a file that was set aside and waits for its copy, and give it its name back."""
    item = entry.item
    request = RestoreRequest(allow=allow, reason=reason)
    _check_directory(place, item, request)
    if place.status() is not None and not place.is_tombstone(item.id):
        raise _taken(place)
    beside = place.aside(item.id)
    with fs.opened(beside.fd, beside.name) as fd:
        sha256, status = fs.digest(fd), os.fstat(fd)
        unchanged = sha256 == item.sha256 if item.sha256 is not None else _looks_unchanged(item, status)
        if status.st_ino != entry.fields["inode"] or not unchanged:
            raise QuarantineError(f"{item.id} was changed since it was judged", "delete it, or wait until it is copied")
        allow(sha256, reason, status.st_size)
        _begin(entry, request, status, sha256, reason[:_REASON] or "restored")
        fs.dress(fd, uid=item.uid, gid=item.gid, mode=item.mode, mtime_ns=item.mtime_ns)
        _put(beside, place, item.id)
    inside(entry).unlink()
    fs.sync(place.fd)
    return entry.append(State.RESTORED, tombstone=False)


def no_way(error: OSError, root: str, relative: bytes) -> QuarantineError | None:
    """Return the error for a directory to restore to that is gone or replaced; None if *error* is another."""
    directory = printable(os.fsdecode(os.path.join(os.fsencode(root), relative).rpartition(b"/")[0]))  # noqa: PTH118
    match error.errno:
        case errno.ENOENT | errno.ENOTDIR:
            hint = "make it again, or restore with --to to another place"
            return QuarantineError(f"the directory to restore to is gone: {directory}", hint)
        case errno.ELOOP:
            hint = "look who made it and why; then --to another place"
            return QuarantineError(f"a part of the path to restore to is a link now: {directory}", hint)
        case _:
            return None


def _looks_unchanged(item: Item, status: os.stat_result) -> bool:
    """Return True if nobody can have changed a content that was too large for a digest when it was taken."""
    return item.locked and (status.st_size, status.st_mtime_ns) == (item.size, item.mtime_ns)


def _check_directory(place: Place, item: Item, request: RestoreRequest) -> None:
    owner = os.fstat(place.fd).st_uid
    welcome = {0, item.uid, item.directory_uid} if request.root is None else {0, item.uid, os.geteuid()}
    if request.wary and request.root is None:
        welcome.discard(0)
    if owner not in welcome and not request.force:
        message = f"the directory to restore to belongs to someone else now (user {owner})"
        raise QuarantineError(message, "look who made it and why; then --to another place, or --force")


def _taken(place: Place) -> QuarantineError:
    message = f"there is another file at the place now: {printable(os.fsdecode(place.name))}"
    return QuarantineError(message, "move it away, or restore with --to to another place")


def _begin(
    entry: Entry, request: RestoreRequest, status: os.stat_result, sha256: str | None = None, vouched: str = ""
) -> None:
    root, relative = request.target(entry.item)
    entry.append(
        State.RESTORING,
        target_root=encode(root),
        target_relative=encode(relative),
        target=None if request.root is None else encode(os.path.join(os.fsencode(root), relative)),  # noqa: PTH118 - bytes
        rested=entry.item.state.value,
        data_inode=status.st_ino,
        data_size=status.st_size,
        data_sha256=sha256,
        target_copied=request.is_sample,
        sample=request.is_sample,
        vouched=vouched,
    )


def _give(entry: Entry, place: Place, item: Item, fd: int) -> None:
    fs.dress(fd, uid=item.uid, gid=item.gid, mode=item.mode, mtime_ns=item.mtime_ns)
    extended_attributes.write(fd, entry.fields.get("attributes", {}))  # it may be a copy
    try:
        _put(inside(entry), place, item.id)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        entry.append(State.RESTORING, target_copied=True)
        _give_copy(entry, place, fd)
        inside(entry).unlink()


def _give_copy(entry: Entry, place: Place, fd: int) -> None:
    """Copy to a name beside the place, then put it there: for another file system, or another mount of the same.

    Anybody who may write to the directory can swap that name, so owner and mode are set and checked by the descriptor.
    """
    item, temporary = entry.item, place.temporary(entry.id)
    descriptor = fs.create(temporary.fd, temporary.name)
    try:
        fill(descriptor, fd, os.fstat(fd).st_size)
        fs.dress(descriptor, uid=item.uid, gid=item.gid, mode=item.mode, mtime_ns=item.mtime_ns)
        extended_attributes.write(descriptor, entry.fields.get("attributes", {}))
        fs.sync(descriptor)
        _put(temporary, place, item.id)
        if not fs.is_inode(place.status(), os.fstat(descriptor)):
            message = f"somebody replaced the file while it was given back: {printable(os.fsdecode(place.name))}"
            raise QuarantineError(message, "it stays in quarantine; restore with --to a place that is only yours")
    finally:
        os.close(descriptor)
    fs.sync(place.fd)


def _give_inode(entry: Entry, place: Place, item: Item, fd: int) -> None:
    """Restore the content under all its names."""
    entry.append(State.RESTORING, target_copied=True)
    links.rearm(entry, item, fd)
    try:
        _put(links.inode(entry), place, item.id)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _give_copy(entry, place, fd)
    fs.sync(place.fd)
    inside(entry).unlink()


def _put(source: Place, place: Place, item_id: str) -> None:
    """Give *source* the name *place*, which is free or has our tombstone."""
    spare = place.spare(item_id)
    if place.is_tombstone(item_id):
        try:
            source.exchange_with(place)
        except fs.ExchangeUnsupportedError:
            place.move_to(spare)
        else:
            if not source.is_tombstone(item_id):  # swapped in that very moment
                source.exchange_with(place)
                raise _taken(place)
            source.unlink()
            return
    try:
        if spare.status() is not None and not spare.is_tombstone(item_id):
            spare.move_to(place)  # swapped in that very moment
            raise _taken(place)
        source.move_to(place)
    except FileExistsError:
        raise _taken(place) from None
    spare.unlink()


def _give_foreign_back(entry: Entry, place: Place, request: RestoreRequest) -> Item:
    """Restore a foreign file, which was never judged, as it is."""
    status = entry.status()
    if status is None:
        return entry.append(State.DELETED, note="its content is gone")
    _begin(entry, request, status)
    try:
        inside(entry).move_to(place)
    except FileExistsError:
        entry.append(State.FOREIGN)
        raise _taken(place) from None
    fs.sync(place.fd)
    fs.sync(entry.fd)
    return entry.append(State.RESTORED)
