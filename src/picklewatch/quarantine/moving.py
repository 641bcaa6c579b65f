"""Takes a file into the vault: moved if the file system allows it, else set aside and copied; a tombstone stays.

The order of the steps is what makes each of them safe to be the last one before a power cut; see docs/quarantine.md.
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from picklewatch.access import leases
from picklewatch.access.digest import sha256_within
from picklewatch.access.ownership import why_not_moved
from picklewatch.core.model import FileId, Verdict, printable
from picklewatch.core.tombstone import TOMBSTONE_LENGTH, parse_tombstone
from picklewatch.quarantine import aside, extended_attributes, fs, links
from picklewatch.quarantine.item import Item, State, encode
from picklewatch.quarantine.journal import DATA, VERSION, Entry
from picklewatch.quarantine.place import Place, inside, leave_tombstone, make_tombstone, return_or_keep, return_to_name
from picklewatch.quarantine.refusals import ChangedError, ForeignFileError, KeptError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from picklewatch.access.ownership import Tree

_FOREIGN_HINT: Final = "its owner may remove it; below a directory that watch.roots names, whoever's files are moved"
DIGEST_SECONDS: Final = 5.0
"""Seconds for the digest of a content whose scan did not reach its end: other moves wait meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A judged file that shall be moved. *fd* decides which file that is; the names only tell where to find it."""

    trees: tuple[Tree, ...]
    """The watched directories that the file lies in, the deepest first: they say whether it may be moved."""
    relative: str
    """The path of the content itself (of a blob, not of a link to it) below the first of *trees*."""
    fd: int
    """The very descriptor that was scanned, readable; it stays open and its offset stays."""
    scanned: FileId
    """The state of the file as it was scanned."""
    verdict: Verdict
    reasons: tuple[str, ...] = ()
    sha256: str | None = None
    """Of the scanned content, or None if the scan did not compute it."""
    name: str | None = None
    """A name that a person understands."""
    names: tuple[str, ...] = ()
    """Other paths that lead to the content, such as snapshot links."""
    seen_again: bool = False
    """True if two scans in a row saw the same harm in this inode, whatever else changed in it."""


def check(suspect: Suspect, place: Place) -> os.stat_result:
    """Return the file's status, or refuse a file that is not, or no longer, the one that was judged."""
    what = printable(suspect.relative)
    status = os.fstat(suspect.fd)
    if not stat.S_ISREG(status.st_mode):
        raise ChangedError(f"{what} is not a regular file")
    now = FileId.of(status)
    if now != suspect.scanned and not _same_content(suspect, now):
        raise ChangedError(f"{what} changed since it was scanned", "it is scanned again")
    if parse_tombstone(os.pread(suspect.fd, TOMBSTONE_LENGTH + 1, 0)) is not None:
        raise ChangedError(f"{what} is a tombstone: what was there is in quarantine already")
    if not fs.is_inode(place.status(), status):
        raise ChangedError(f"{what} is another file now than the one that was scanned", "it is scanned again")
    if why := why_not_moved(suspect.fd, place.fd, suspect.trees):
        raise ForeignFileError(f"{what} is not moved: {why}", _FOREIGN_HINT)
    return status


def _same_content(suspect: Suspect, now: FileId) -> bool:
    """Return True if the harm is still there: a file must not escape by being touched, or written to, all the time.

    A lease is only ever held since before a scan that saw harm.
    """
    scanned = suspect.scanned
    if suspect.seen_again and (now.device, now.inode) == (scanned.device, scanned.inode):
        return True
    same_inode = (now.device, now.inode, now.size) == (scanned.device, scanned.inode, scanned.size)
    if same_inode and leases.is_held(suspect.fd):
        return True
    return same_inode and suspect.sha256 is not None and fs.digest(suspect.fd) == suspect.sha256


def first_fields(suspect: Suspect, status: os.stat_result, directory: os.stat_result, **more: Any) -> dict[str, Any]:
    """Return the fields of the journal's first line."""
    return {
        "version": VERSION,
        "state": State.MOVING.value,
        "relative": encode(suspect.relative),
        "name": suspect.name,
        "names": [encode(name) for name in suspect.names],
        "verdict": suspect.verdict.value,
        "reasons": list(suspect.reasons),
        "sha256": suspect.sha256,
        "size": status.st_size,
        "uid": status.st_uid,
        "gid": status.st_gid,
        "mode": stat.S_IMODE(status.st_mode),
        "mtime_ns": status.st_mtime_ns,
        "inode": status.st_ino,
        "nlink": status.st_nlink,
        "directory_uid": directory.st_uid,
        "attributes": extended_attributes.read(suspect.fd),
        **more,
    }


def take(entry: Entry, place: Place, fd: int) -> dict[str, Any]:
    """Take its name from the file *fd* at *place*, for the new *entry*; ChangedError if something else was there.

    No content is copied here: until `finish` it is in the vault, or beside its place. Return the journal's next fields.
    """
    if is_linked_by_another(entry):
        return _set_aside(entry, place, fd)
    try:
        _capture(entry, place)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        return _set_aside(entry, place, fd)
    if not fs.is_inode(entry.status(), os.fstat(fd)):
        return_foreign_file(entry, place)
        raise _replaced(entry, place)
    return secure(entry, place, fd)


def is_linked_by_another(entry: Entry) -> bool:
    """Return True if the file has another owner than the directory, and more names: only this name is removed then.

    Otherwise anybody who can write to a watched directory could have us take owner and content from a file anywhere, by
    a hard link to it.
    """
    return bool(entry.fields["nlink"] > 1 and entry.fields["uid"] != entry.fields["directory_uid"])


def _capture(entry: Entry, place: Place) -> None:
    """Move whatever has the name into the vault, in one step."""
    _swap_out(entry, place, inside(entry))


def _set_aside(entry: Entry, place: Place, fd: int) -> dict[str, Any]:
    """Give the file another name beside its place: it can't be moved, or other names must keep it.

    Copying takes a second per gigabyte or more, and the content could be loaded meanwhile.
    """
    _check_writable(place)
    entry.append(State.COPYING, copied=True, aside=True)
    inside(entry).unlink()  # a tombstone that was to be swapped
    beside = place.aside(entry.id)
    _swap_out(entry, place, beside)
    if not fs.is_inode(beside.status(), os.fstat(fd)):
        return_or_keep(beside, place, entry.id)
        raise _replaced(entry, place)
    return secure(entry, place, fd)


def _check_writable(place: Place) -> None:
    """Refuse a read-only directory: where nothing can be undone either, the move would be called unfinished."""
    if os.fstatvfs(place.fd).f_flag & os.ST_RDONLY:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))
    if not os.access(".", os.W_OK | os.X_OK, dir_fd=place.fd, effective_ids=True):
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))


def _swap_out(entry: Entry, place: Place, other: Place) -> None:
    """Move whatever has the name to *other*; the tombstone takes the name in the same step where that is possible."""
    if entry.fields["tombstone_wanted"]:
        make_tombstone(other, entry.item)
        try:
            place.exchange_with(other)
        except fs.ExchangeUnsupportedError:
            other.unlink()
        except OSError:
            other.unlink()
            raise
        else:
            return
    place.move_to(other)


def return_foreign_file(entry: Entry, place: Place) -> None:
    """Undo a capture of the wrong file; if its name is taken by now, keep it as foreign."""
    if not return_to_name(inside(entry), place, entry.id):
        entry.append(State.FOREIGN, note="swapped in while another file was moved; its name was taken meanwhile")


def _replaced(entry: Entry, place: Place) -> ChangedError:
    message = "the file was replaced while it was being moved"
    if entry.item.state is State.FOREIGN:
        hint = f"picklewatch quarantine restore {entry.id} --to PATH"
        return KeptError(f"{message}; what was taken for it has lost its name and is kept in quarantine", hint)
    kept = place.kept(entry.id)
    if kept.status() is not None:
        name = os.fsdecode(kept.name)
        return KeptError(f"{message}; what was taken for it has lost its name and is kept beside it: {name}")
    return ChangedError(message, "it is scanned again")


def secure(entry: Entry, place: Place | None, fd: int) -> dict[str, Any]:
    """Make the taken file *fd* unreachable for its former owner; may be repeated. Return the journal's next fields.

    One that somebody else may have linked is left as it is: it is copied.
    """
    locked = not is_linked_by_another(entry) and fs.lock_down(fd, os.fstat(entry.fd))
    left = place is not None and bool(entry.fields["tombstone_wanted"]) and leave_tombstone(place, entry.item)
    fs.sync(entry.fd)
    if place is not None:
        fs.sync(place.fd)
    return {"locked": locked, "tombstone": left}


def secured_of(entry: Entry) -> dict[str, Any]:
    """Return what `secure` returned, from the journal."""
    return {key: entry.fields.get(key, False) for key in ("locked", "tombstone")}


def finish(entry: Entry, place: Place | None, secured: Mapping[str, Any]) -> Item:
    """Bring the whole content into the vault, to rest; may be repeated. *secured* is from `secure`, or the journal."""
    if entry.fields.get("aside") and not aside.bring_in(entry, place, secured):
        note = "somebody removed it, or its directory, before it was copied"
        return entry.append(State.DELETED, note=note, tombstone=secured.get("tombstone", False))
    with fs.opened(entry.fd, DATA) as fd:
        return _seal(entry, fd, secured)


def _seal(entry: Entry, fd: int, secured: Mapping[str, Any]) -> Item:
    links.clear_copy(entry)
    fields, status = entry.fields, os.fstat(fd)
    locked = fs.lock_down(fd, os.fstat(entry.fd))
    sha256 = fields["sha256"] or fields.get("copy_sha256") or sha256_within(fd, DIGEST_SECONDS)
    others = (fields["nlink"] if fields.get("copied") else status.st_nlink) - 1
    known: dict[str, Any] = {**secured, "sha256": sha256, "links": others, "locked": locked}
    reachable = others > 0 and not fields.get("copied") and sha256 is not None
    disarmed = reachable and locked and fields["tombstone_wanted"] and links.disarm(entry, fd, known)
    return entry.append(State.QUARANTINED, **known, disarmed=disarmed)
