"""The other names of a file that was taken: hard links anywhere, and descriptors that somebody holds open.

Moving a file takes one name away; the content stays loadable under every other one. So where there are others, the
content is copied, and the inode itself gets the tombstone's bytes: every name that leads to it then fails to load with
a plain message. The inode is kept, so that restoring the item restores all the names.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from picklewatch.core.tombstone import tombstone
from picklewatch.quarantine import fs
from picklewatch.quarantine.copying import copy, fill, overwrite
from picklewatch.quarantine.item import State
from picklewatch.quarantine.place import Place, inside, stone_mode

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from picklewatch.quarantine.item import Item
    from picklewatch.quarantine.journal import Entry

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})


def inode(entry: Entry) -> Place:
    """Return the place in the vault of the inode that other names lead to."""
    return Place(entry.fd, b"linked")


def clear_copy(entry: Entry) -> None:
    """Remove a copy that was never finished."""
    _copy(entry).unlink()


def _copy(entry: Entry) -> Place:
    return Place(entry.fd, b"content")


def disarm(entry: Entry, fd: int, known: Mapping[str, Any]) -> bool:
    """Copy the content *fd*, then write the tombstone into its inode; False, nothing changed, if there is no space.

    *known* are the item's fields in the journal from then on.
    """
    try:
        copied = copy(fd, _copy(entry), os.fstat(fd).st_size)
    except OSError as error:
        _copy(entry).unlink()
        if error.errno in _NO_ROOM:
            return False
        raise
    if copied != known["sha256"]:  # somebody writes to it: keep the inode as evidence
        _copy(entry).unlink()
        return False
    fs.sync(entry.fd)
    entry.append(State.DISARMING, **known)
    end_disarming(entry)
    return True


def end_disarming(entry: Entry) -> None:
    """Write the tombstone, and give the copy the content's name; may be repeated."""
    data = entry.status()
    if data is not None and data.st_ino == entry.fields["inode"]:
        _write_tombstone(entry, inside(entry))
        _rename(inside(entry), inode(entry))
    if _copy(entry).status() is not None:
        _rename(_copy(entry), inside(entry))
    with fs.opened(entry.fd, inside(entry).name) as content:
        fs.lock_down(content, os.fstat(entry.fd))
    fs.sync(entry.fd)


def disarm_again(entry: Entry) -> None:
    """Undo `rearm`."""
    if inode(entry).status() is not None:
        _write_tombstone(entry, inode(entry))


def _write_tombstone(entry: Entry, place: Place) -> None:
    item = entry.item
    descriptor = fs.open_to_write(place.fd, place.name)
    try:
        overwrite(descriptor, tombstone(item.id))
        fs.dress_if_permitted(descriptor, uid=item.uid, gid=item.gid, mode=stone_mode(item.mode))
    finally:
        os.close(descriptor)


def rearm(entry: Entry, item: Item, fd: int) -> None:
    """Write the content *fd* back into the inode that other names lead to."""
    descriptor = fs.open_to_write(entry.fd, inode(entry).name)
    try:
        fill(descriptor, fd, os.fstat(fd).st_size)
        fs.dress(descriptor, uid=item.uid, gid=item.gid, mode=item.mode, mtime_ns=item.mtime_ns)
        fs.sync(descriptor)
    finally:
        os.close(descriptor)


def leads_elsewhere(entry: Entry) -> bool:
    """Return True if names outside of the vault still lead to the inode."""
    status = inode(entry).status()
    return status is not None and status.st_nlink > 1


def _rename(source: Place, target: Place) -> None:
    """Move a file, even if a crash left it with both names (where moving is linking, then unlinking)."""
    try:
        source.move_to(target)
    except FileExistsError:
        status = source.status()
        if status is None or not fs.is_inode(target.status(), status):
            raise
        source.unlink()
