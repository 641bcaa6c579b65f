"""An item: the facts about one file that was taken into quarantine."""

from __future__ import annotations

import base64
import os
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from picklewatch.core.model import Verdict, printable

if TYPE_CHECKING:
    from collections.abc import Mapping


FORMERLY = 100
"""Former ids remembered: a person who reads one in an old message finds the item; the journal stays bounded."""


class State(StrEnum):
    """The state of an item. A step, or `Vault.recover`, leaves all but the resting states."""

    MOVING = "moving"
    COPYING = "copying"
    TAKEN = "taken"
    """The file has lost its name; its content is still to be copied into the vault, or to be read to its end."""
    COPIED = "copied"
    DISARMING = "disarming"
    RESTORING = "restoring"
    DELETING = "deleting"
    QUARANTINED = "quarantined"
    """At rest: the content is in the vault."""
    FOREIGN = "foreign"
    """At rest: a file that was swapped in during a move and has lost its name meanwhile. Kept, not judged."""
    RESTORED = "restored"
    """History: the content was given back."""
    DELETED = "deleted"
    """History: the content was deleted."""

    @property
    def holds(self) -> bool:
        """True if the content is in the vault, at rest."""
        return self in (State.QUARANTINED, State.FOREIGN)

    @property
    def history(self) -> bool:
        """True if only the history of the item is left."""
        return self in (State.RESTORED, State.DELETED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One file that was taken into quarantine."""

    id: str
    """Twelve hexadecimal digits."""
    state: State
    root: str
    """The watched directory that it was in, without links; surrogate-escaped, like all names here."""
    relative: str
    """Its path below `root`."""
    name: str | None
    """A name that a person understands, such as ``org/model@rev: pytorch_model.bin``."""
    names: tuple[str, ...]
    """Other paths that led to the same content when it was taken, such as snapshot links."""
    verdict: Verdict
    reasons: tuple[str, ...]
    """The rules that set the verdict."""
    sha256: str | None
    """Of the content; None while a step is unfinished, or if it was too large to be read in a few seconds."""
    size: int
    """Bytes."""
    uid: int
    gid: int
    mode: int
    """Permission bits when it was taken, set-id bits included (those are never restored)."""
    mtime_ns: int
    inode: int
    directory_uid: int
    """The owner of the directory that it was in."""
    taken: float
    """Seconds since the epoch."""
    changed: float
    """Of the last step, seconds since the epoch."""
    links: int | None
    """Names of the same inode that remained elsewhere when it was taken; None only while a step is unfinished."""
    disarmed: bool
    """True if those other names lead to the tombstone's bytes now."""
    copied: bool
    """True if it was copied (another file system or mount) rather than moved."""
    locked: bool
    """True if owner and mode could be changed (never by an ordinary user on someone else's file)."""
    tombstone: bool
    """True if a tombstone was left in its place."""
    times: int
    """The number of times that this content was taken from this place."""
    formerly: tuple[str, ...]
    """The ids of the items that it replaced, oldest first; at most `FORMERLY` of them."""
    target: str | None
    """The place that it, or a copy of it, was restored to, if not its old one."""
    vouched: str
    """The reason why somebody vouched for the content when it was restored; empty if nobody did."""
    note: str
    """A note for people, such as why it is foreign; may be empty."""

    @property
    def path(self) -> str:
        """The place where it was; may be longer than the kernel accepts."""
        return os.path.join(self.root, self.relative)  # noqa: PTH118 - a text, not a path to use

    def to_json(self) -> dict[str, Any]:
        """Return the item as the documented JSON object (docs/quarantine.md); every text in it is printable."""
        return {
            "id": self.id,
            "state": self.state.value,
            "path": printable(self.path),
            "name": None if self.name is None else printable(self.name),
            "names": [printable(name) for name in self.names],
            "verdict": self.verdict.value,
            "reasons": [printable(reason) for reason in self.reasons],
            "sha256": self.sha256,
            "size": self.size,
            "owner": self.uid,
            "group": self.gid,
            "mode": f"{self.mode:04o}",
            "taken": _iso(self.taken),
            "changed": _iso(self.changed),
            "links": self.links,
            "disarmed": self.disarmed,
            "copied": self.copied,
            "locked": self.locked,
            "tombstone": self.tombstone,
            "times": self.times,
            "formerly": list(self.formerly),
            "target": None if self.target is None else printable(self.target),
            "vouched": printable(self.vouched),
            "note": printable(self.note),
        }


def _iso(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def encode(name: str | bytes) -> str:
    """Return *name*, any bytes, as the journal keeps it."""
    return base64.b64encode(os.fsencode(name)).decode()


def decode(text: str) -> bytes:
    """Return the bytes of a name in the journal."""
    return base64.b64decode(text)


def item_of(item_id: str, fields: Mapping[str, Any]) -> Item:
    """Build the item from its journal; any field may be missing from one rescued from a damaged disk."""
    target = fields.get("target")
    return Item(
        id=item_id,
        state=State(fields.get("state", State.FOREIGN)),
        root=os.fsdecode(decode(fields.get("root", ""))),
        relative=os.fsdecode(decode(fields.get("relative", ""))),
        name=fields.get("name"),
        names=tuple(os.fsdecode(decode(name)) for name in fields.get("names", ())),
        verdict=Verdict(fields.get("verdict", Verdict.UNSCANNABLE)),
        reasons=tuple(fields.get("reasons", ())),
        sha256=fields.get("sha256"),
        size=fields.get("size", 0),
        uid=fields.get("uid", os.geteuid()),
        gid=fields.get("gid", os.getegid()),
        mode=fields.get("mode", 0o600),
        mtime_ns=fields.get("mtime_ns", 0),
        inode=fields.get("inode", 0),
        directory_uid=fields.get("directory_uid", os.geteuid()),
        taken=fields.get("taken", 0.0),
        changed=fields.get("changed", 0.0),
        links=fields.get("links"),
        disarmed=fields.get("disarmed", False),
        copied=fields.get("copied", False),
        locked=fields.get("locked", False),
        tombstone=fields.get("tombstone", False),
        times=fields.get("times", 1),
        formerly=tuple(fields.get("formerly", ())),
        target=None if target is None else os.fsdecode(decode(target)),
        vouched=fields.get("vouched", ""),
        note=fields.get("note", ""),
    )
