"""A file that was set aside: it has lost its name, and has another one beside it until its content is in the vault.

The vault is on another file system then, or other names must keep the file. Whoever may write to the directory can
still remove it or rename it; what is found under another name is judged like any other file.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, Final

from picklewatch.quarantine import copying, fs
from picklewatch.quarantine.item import State
from picklewatch.quarantine.place import inside

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from picklewatch.quarantine.journal import Entry
    from picklewatch.quarantine.place import Place

_COPIES: Final = 3
"""Copies that are made of a file that somebody still writes to, before it is left for later."""


def is_there(entry: Entry, place: Place | None) -> bool:
    """Return True if the file of *entry* is beside its *place*."""
    return place is not None and _is_taken(entry, place.aside(entry.id).status())


def _is_taken(entry: Entry, status: os.stat_result | None) -> bool:
    """Return True if *status* is that of the file of *entry*; an inode's number alone may be another file's by now."""
    if status is None or not stat.S_ISREG(status.st_mode) or status.st_ino != entry.fields["inode"]:
        return False
    return status.st_uid in {entry.fields["uid"], os.fstat(entry.fd).st_uid}


def bring_in(entry: Entry, place: Place | None, secured: Mapping[str, Any]) -> bool:
    """Copy the file into the vault and remove it; may be repeated. Return False if somebody took it away before.

    Nothing is removed but what was copied to its end, and has not changed since.
    """
    if place is None or not is_there(entry, place):
        return entry.item.state is State.COPIED
    beside = place.aside(entry.id)
    with fs.opened(beside.fd, beside.name) as fd:
        if not _is_taken(entry, os.fstat(fd)):
            return entry.item.state is State.COPIED
        if entry.item.state is not State.COPIED or _state(fd) != entry.fields["copy_of"]:
            _copy(entry, fd, secured)
    if is_there(entry, place):
        beside.unlink()
        fs.sync(place.fd)
    return True


def _copy(entry: Entry, fd: int, secured: Mapping[str, Any]) -> None:
    for _ in range(_COPIES):
        inside(entry).unlink()
        before = _state(fd)
        sha256 = copying.copy(fd, inside(entry), os.fstat(fd).st_size)
        fs.sync(entry.fd)
        if _state(fd) == before:
            entry.append(State.COPIED, **secured, copy_of=before, copy_sha256=sha256)
            return
    raise OSError(errno.EBUSY, "somebody writes to the file while it is copied")


def _state(fd: int) -> list[int]:
    status = os.fstat(fd)
    return [status.st_size, status.st_mtime_ns]
