"""A name in an open directory, where a file was or shall be; and the tombstone that takes the file's place there."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from picklewatch.access import paths
from picklewatch.core.tombstone import ITEM_ID, tombstone
from picklewatch.quarantine import fs
from picklewatch.quarantine.item import Item, decode
from picklewatch.quarantine.journal import DATA, Entry, is_tombstone

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

_OURS = b".picklewatch-"
_ASIDE = b".taken"


def aside_name(item_id: str) -> bytes:
    """Return the name that a file has beside its place until its content was copied into the vault."""
    return _OURS + item_id.encode() + _ASIDE


def set_aside_as(name: bytes) -> str | None:
    """Return the id of the item that a file of this *name* may be; only the item's journal says if it is."""
    item_id = os.fsdecode(name[len(_OURS) : -len(_ASIDE)])
    return item_id if ITEM_ID.fullmatch(item_id) and name == aside_name(item_id) else None


GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
"""The system's errors for a directory that is gone, or not where it was."""


@dataclass(frozen=True, slots=True)
class Place:
    """A name in a directory that is held open, so that nobody can swap the way to it."""

    fd: int
    name: bytes

    @classmethod
    @contextlib.contextmanager
    def at(cls, root: str | int, relative: bytes) -> Iterator[Self]:
        """Open the directory of *relative* below *root* (a path without links, or a descriptor)."""
        parent, _, name = relative.rpartition(b"/")
        if name in (b"", b".", b"..") or b"\0" in relative:
            raise OSError(errno.EINVAL, "not the path of a file below a directory", os.fsdecode(relative))
        top = root if isinstance(root, int) else paths.open_directory(root)
        try:
            directory = paths.open_directory_beneath(top, parent)
        finally:
            if not isinstance(root, int):
                os.close(top)
        try:
            yield cls(directory, name)
        finally:
            os.close(directory)

    @classmethod
    def of(cls, fields: Mapping[str, Any], prefix: str = "") -> contextlib.AbstractContextManager[Self]:
        """Open the place that a journal names, or (*prefix* ``target_``) the one that it was to be restored to."""
        return cls.at(os.fsdecode(decode(fields[f"{prefix}root"])), decode(fields[f"{prefix}relative"]))

    def temporary(self, item_id: str) -> Place:
        """Return the name beside this one that a step may use for a moment."""
        return Place(self.fd, _OURS + item_id.encode())

    @property
    def partial(self) -> Place:
        """Return the name beside this one that a tombstone is written under; always ours to remove."""
        return Place(self.fd, self.name + b"+")

    def spare(self, item_id: str) -> Place:
        """Return the name beside this one that a tombstone is taken away by."""
        return Place(self.fd, _OURS + item_id.encode() + b"~")

    def aside(self, item_id: str) -> Place:
        """Return the name beside this one that a file has until its content was copied into the vault."""
        return Place(self.fd, aside_name(item_id))

    def kept(self, item_id: str) -> Place:
        """Return the visible name beside this one for a file whose own name was taken while we held it."""
        return Place(self.fd, b"kept-by-picklewatch-" + item_id.encode())

    def status(self) -> os.stat_result | None:
        """Return the status of the file that is here now, or None."""
        return fs.status(self.fd, self.name)

    def is_tombstone(self, item_id: str) -> bool:
        """Return True if the tombstone of *item_id* is here."""
        return is_tombstone(self.fd, self.name, item_id)

    def move_to(self, other: Place) -> None:
        """Rename the file that is here, replacing nothing."""
        fs.move(self.fd, self.name, other.fd, other.name)

    def exchange_with(self, other: Place) -> None:
        """Swap the file that is here with the one that is there."""
        fs.exchange(self.fd, self.name, other.fd, other.name)

    def unlink(self) -> None:
        """Remove the file that is here."""
        fs.unlink(self.fd, self.name)

    def has_content(self, size: int, sha256: str | None) -> bool:
        """Return True if a regular file with exactly this content is here."""
        return fs.has_content(self.fd, self.name, size, sha256)


def inside(entry: Entry) -> Place:
    """Return the place of the content in the vault."""
    return Place(entry.fd, DATA)


def stone_mode(mode: int) -> int:
    """Return the mode of a tombstone: readable by everybody who could read the file."""
    return mode & 0o444 | 0o400


def make_tombstone(place: Place, item: Item) -> None:
    """Create the tombstone of *item*, readable by everybody who could read the file, and owned by its owner.

    It has its name only when it is whole.
    """
    partial = place.partial
    partial.unlink()
    descriptor = fs.create(partial.fd, partial.name, tombstone(item.id))
    try:
        fs.dress_if_permitted(descriptor, uid=item.uid, gid=item.gid, mode=stone_mode(item.mode))
    finally:
        os.close(descriptor)
    partial.move_to(place)


def leave_tombstone(place: Place, item: Item) -> bool:
    """Put the tombstone where nothing is; return True if it is there afterwards."""
    temporary = place.temporary(item.id)
    for leftover in (temporary.partial, temporary):
        leftover.unlink()
    if place.is_tombstone(item.id):
        return True
    if place.status() is not None:
        return False
    make_tombstone(temporary, item)
    try:
        temporary.move_to(place)
    except FileExistsError:
        temporary.unlink()
        return False
    return True


def take_tombstone_away(place: Place, item_id: str) -> bool:
    """Remove the tombstone of *item_id*, but never a file that takes its place meanwhile."""
    if not place.is_tombstone(item_id):
        return False
    spare = place.spare(item_id)
    place.move_to(spare)
    if not spare.is_tombstone(item_id):
        with contextlib.suppress(FileExistsError):
            spare.move_to(place)
        return False
    spare.unlink()
    fs.sync(place.fd)
    return True


def return_to_name(taken: Place, place: Place, item_id: str) -> bool:
    """Give a file that was taken by mistake its name back; False if the name has been taken meanwhile."""
    if place.is_tombstone(item_id):
        with contextlib.suppress(fs.ExchangeUnsupportedError):
            taken.exchange_with(place)
            fs.sync(place.fd)
            if not taken.is_tombstone(item_id):
                return False
            taken.unlink()
            return True
        take_tombstone_away(place, item_id)
    status = taken.status()
    if status is not None and fs.is_inode(place.status(), status):  # has both names, where moving is linking
        taken.unlink()
        return True
    try:
        taken.move_to(place)
    except FileExistsError:
        return False
    fs.sync(place.fd)
    return True


def return_or_keep(aside: Place, place: Place, item_id: str) -> None:
    """Give a file that was set aside by mistake its name back, or else one that people see."""
    if not return_to_name(aside, place, item_id) and aside.status() is not None:
        aside.move_to(place.kept(item_id))


def is_regular(status: os.stat_result | None) -> bool:
    """Return True if there is a regular file."""
    return status is not None and stat.S_ISREG(status.st_mode)


@contextlib.contextmanager
def open_place(entry: Entry, prefix: str = "") -> Iterator[Place | None]:
    """Open the place where the item was or is to go; None if that directory is gone."""
    with contextlib.ExitStack() as stack:
        try:
            place = stack.enter_context(Place.of(entry.fields, prefix))
        except OSError as error:
            if error.errno not in GONE:
                raise
            place = None
        yield place
