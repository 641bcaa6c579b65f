"""Completes or undoes steps that a crash, a power cut or a failure left half way. Repeating it changes nothing."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from picklewatch.quarantine import aside, fs, links
from picklewatch.quarantine.item import Item, State
from picklewatch.quarantine.journal import DATA, JOURNAL_FILE, Entry
from picklewatch.quarantine.moving import finish, return_foreign_file, secure, secured_of
from picklewatch.quarantine.place import Place, inside, is_regular, open_place, return_or_keep, take_tombstone_away

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """The result of recovering from one unfinished step."""

    id: str
    outcome: str
    """``rolled-back``, ``quarantined``, ``restored``, ``deleted``, ``foreign``, ``rescued`` or ``waiting``."""
    item: Item | None
    """The item as it is now; None if the step never got as far as making one."""
    detail: str = ""
    """The reason why it waits; may be empty."""


def recover_entry(entry: Entry, *, whole: bool = True) -> Recovery | None:
    """Complete or undo the unfinished step of *entry*; return None if there is none.

    Without *whole*, nothing large is copied: a file that has lost its name stays `State.TAKEN`.
    """
    if not entry.load():
        return _recover_without_journal(entry)
    state = entry.item.state
    if state in _TAKING:
        return _TAKING[state](entry, whole)
    end = _ENDS.get(state)
    return None if end is None else end(entry)


def _now(item: Item) -> Recovery:
    return Recovery(id=item.id, outcome=item.state.value, item=item)


def _dropped(entry: Entry) -> Recovery:
    entry.drop()
    return Recovery(id=entry.id, outcome="rolled-back", item=None)


def _recover_copying(entry: Entry, whole: bool) -> Recovery | None:  # noqa: FBT001 - passed on
    with open_place(entry) as place:
        if place is None and entry.fields.get("aside"):
            return None  # its disk may only be unmounted
        if place is not None and entry.fields.get("aside") and aside.is_there(entry, place):
            beside = place.aside(entry.id)
            status = place.status()
            if status is None or not fs.is_inode(beside.status(), status):
                return _rest(entry, place, beside, whole)
            beside.unlink()  # it has both names, where moving is linking
        if place is not None:
            _clear(entry, place)
    inside(entry).unlink()
    return _dropped(entry)


def _rest(entry: Entry, place: Place | None, held: Place, whole: bool) -> Recovery:  # noqa: FBT001 - passed on
    """Secure a file that has lost its name, and bring it to rest, or leave that for later."""
    fd = os.open(held.name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=held.fd)  # its mode may be anything yet
    try:
        if os.fstat(fd).st_ino != entry.fields["inode"]:
            raise OSError(errno.EBUSY, "another file has its name now", entry.id)
        secured = secure(entry, place, fd)
    finally:
        os.close(fd)
    if not whole:
        return _now(entry.append(State.TAKEN, **secured))
    return _now(finish(entry, place, secured))


def _recover_taken(entry: Entry, whole: bool) -> Recovery | None:  # noqa: FBT001 - passed on
    if not whole:
        return None
    with open_place(entry) as place:
        if place is None and entry.item.state is State.TAKEN and entry.fields.get("aside"):
            return None  # its disk may only be unmounted
        return _now(finish(entry, place, secured_of(entry)))


def _clear(entry: Entry, place: Place) -> None:
    """Leave nothing beside *place*: neither our tombstone nor a file that was set aside."""
    for beside in (place.temporary(entry.id), place.aside(entry.id)):
        beside.partial.unlink()
        if beside.is_tombstone(entry.id):
            beside.unlink()
        elif beside.status() is not None:
            return_or_keep(beside, place, entry.id)


def _recover_without_journal(entry: Entry) -> Recovery:
    """Drop an item that never began; keep content whose journal a damaged disk has lost."""
    if entry.status() is None:
        return _dropped(entry)
    fs.unlink(entry.fd, JOURNAL_FILE)
    entry.begin({"state": State.FOREIGN.value, "note": "its journal was lost: restore it with --to"})
    return Recovery(id=entry.id, outcome="rescued", item=entry.item)


def _recover_moving(entry: Entry, whole: bool) -> Recovery:  # noqa: FBT001 - passed on
    data = entry.status()
    if data is None or entry.is_tombstone(entry.fd, DATA):
        return _dropped(entry)  # the file was never taken
    with open_place(entry) as place:
        if is_regular(data) and data.st_ino == entry.fields["inode"]:
            if place is None or not fs.is_inode(place.status(), data):
                return _rest(entry, place, inside(entry), whole)
            inside(entry).unlink()  # it has both names, where moving is linking
            return _dropped(entry)
        if place is None:
            entry.append(State.FOREIGN, note="swapped in while another file was moved; its directory is gone")
        else:
            return_foreign_file(entry, place)
    return _now(entry.item) if entry.item.state is State.FOREIGN else _dropped(entry)


def _lock_down(entry: Entry) -> None:
    """Take the content from its owner even if its mode does not let us read it yet."""
    fd = os.open(DATA, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=entry.fd)
    try:
        if stat.S_ISREG(os.fstat(fd).st_mode):
            fs.lock_down(fd, os.fstat(entry.fd))
    finally:
        os.close(fd)


def _recover_copied(entry: Entry, whole: bool) -> Recovery | None:  # noqa: FBT001 - passed on
    if entry.fields.get("aside"):
        return _recover_taken(entry, whole)
    item = entry.item  # by a former version, which copied first
    with open_place(entry) as place:
        if place is not None:
            _clear(entry, place)
            if place.has_content(item.size, item.sha256):
                inside(entry).unlink()
                return _dropped(entry)
        return _now(finish(entry, place, {"tombstone": place is not None and place.is_tombstone(item.id)}))


def _recover_disarming(entry: Entry) -> Recovery:
    links.end_disarming(entry)
    return _now(entry.append(State.QUARANTINED, disarmed=True))


def _recover_restoring(entry: Entry) -> Recovery | None:
    if entry.fields.get("sample"):
        return _recover_sample(entry)
    if entry.fields["rested"] == State.TAKEN:
        return _recover_given_early(entry)
    with open_place(entry, "target_") as place:
        recover = _recover_given_copy if entry.fields["target_copied"] else _recover_given
        restored = recover(entry, place)
        if place is not None:
            _return_tombstone(place, entry.id)
            fs.sync(place.fd)
    if restored:
        links.inode(entry).unlink()
        left = entry.item.tombstone and entry.item.target is not None
        return _now(entry.append(State.RESTORED, tombstone=left))
    if entry.item.state is State.RESTORING:
        entry.append(State(entry.fields["rested"]), target=None)
    return _now(entry.item)


def _recover_given_early(entry: Entry) -> Recovery | None:
    """Give back what was set aside, or keep it: until it has its name again, nothing was restored."""
    with open_place(entry) as place:
        if place is None:
            return None  # its disk may only be unmounted
        _return_tombstone(place, entry.id)
        beside, there = place.aside(entry.id), place.status()
        if aside.is_there(entry, place):
            if there is None or not fs.is_inode(beside.status(), there):
                return _rest(entry, place, beside, whole=False)
            beside.unlink()  # it has both names, where moving is linking
        _clear(entry, place)
    inside(entry).unlink()
    return _now(entry.append(State.RESTORED, tombstone=False))


def _recover_sample(entry: Entry) -> Recovery:
    """Remove all but a whole copy: the content never left the vault."""
    with open_place(entry, "target_") as place:
        if place is not None:
            temporary = place.temporary(entry.id)
            if is_regular(temporary.status()):
                temporary.unlink()
            _return_tombstone(place, entry.id)
    return _now(entry.append(State(entry.fields["rested"]), target=None))


def _recover_given(entry: Entry, place: Place | None) -> bool:
    """Return True if the content was moved out."""
    data = entry.status()
    if data is None:
        return True
    if entry.is_tombstone(entry.fd, DATA):
        inside(entry).unlink()
        return True
    at_place = None if place is None else place.status()
    if fs.is_inode(at_place, data):  # has both names, where moving is linking
        inside(entry).unlink()
        return True
    if data.st_ino == entry.fields["data_inode"]:
        _lock_down(entry)
    elif place is not None and at_place is not None and at_place.st_ino == entry.fields["data_inode"]:
        inside(entry).exchange_with(place)  # another file had taken the place of our tombstone
        _lock_down(entry)
    else:
        entry.append(State.FOREIGN, note="was swapped in while the item was restored")
    return False


def _recover_given_copy(entry: Entry, place: Place | None) -> bool:
    """Return True if the copy has its name, and remove the content in the vault then."""
    if entry.status() is None:
        return True
    if place is not None:
        temporary = place.temporary(entry.id)
        if place.has_content(entry.fields["data_size"], entry.fields["data_sha256"]):
            temporary.unlink()
            fs.sync(place.fd)
            inside(entry).unlink()
            return True
        if is_regular(temporary.status()):
            temporary.unlink()
    links.disarm_again(entry)
    _lock_down(entry)
    return False


def _return_tombstone(place: Place, item_id: str) -> None:
    """Put the tombstone back that was removed for a file that did not come, or delete it if the file did."""
    spare = place.spare(item_id)
    if spare.status() is None:
        return
    try:
        spare.move_to(place)
    except FileExistsError:
        if spare.is_tombstone(item_id):
            spare.unlink()


def delete(entry: Entry) -> Item:
    """Remove the content, and the tombstone unless it is to stay; may be repeated."""
    if entry.fields.get("aside"):
        with open_place(entry) as place:
            if place is not None and aside.is_there(entry, place):
                place.aside(entry.id).unlink()
    inside(entry).unlink()
    links.inode(entry).unlink()
    fs.sync(entry.fd)
    left = entry.item.tombstone
    if left and not entry.fields["keep_tombstone"]:
        with open_place(entry) as place:
            if place is not None:
                _return_tombstone(place, entry.id)
                take_tombstone_away(place, entry.id)
                left = place.is_tombstone(entry.id)
            else:
                left = False
    if entry.fields.get("superseded"):  # another item took its place, and remembers it
        entry.drop()
        return replace(entry.item, state=State.DELETED)
    return entry.append(State.DELETED, tombstone=left)


_TAKING: Mapping[State, Callable[[Entry, bool], Recovery | None]] = {
    State.MOVING: _recover_moving,
    State.COPYING: _recover_copying,
    State.TAKEN: _recover_taken,
    State.COPIED: _recover_copied,
}
_ENDS: Mapping[State, Callable[[Entry], Recovery | None]] = {
    State.DISARMING: _recover_disarming,
    State.RESTORING: _recover_restoring,
    State.DELETING: lambda entry: _now(delete(entry)),
}
