"""What is known about one file that was taken into quarantine."""

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
"""Former ids remembered: who reads one in a message of yesterday finds the item, and the journal has a bound."""


class State(StrEnum):
    """Where an item is. All but the last three of the resting states are left by a step or by `Vault.recover`."""

    MOVING = "moving"
    COPYING = "copying"
    COPIED = "copied"
    DISARMING = "disarming"
    RESTORING = "restoring"
    DELETING = "deleting"
    QUARANTINED = "quarantined"
    """At rest: the content is in the vault."""
    FOREIGN = "foreign"
    """At rest: something that was swapped in while we moved, and whose place was taken meanwhile. Kept, not judged."""
    RESTORED = "restored"
    """History: the content was given back."""
    DELETED = "deleted"
    """History: the content was deleted."""

    @property
    def holds(self) -> bool:
        """Whether the content is in the vault, at rest."""
        return self in (State.QUARANTINED, State.FOREIGN)

    @property
    def history(self) -> bool:
        """Whether only the memory of the item is left."""
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
    """Of the content; None while a step is unfinished, or if there was more than could be read in seconds."""
    size: int
    """Bytes."""
    uid: int
    gid: int
    mode: int
    """Permission bits when it was taken, set-id bits included (those are never given back)."""
    mtime_ns: int
    inode: int
    directory_uid: int
    """Who owned the directory that it was in."""
    taken: float
    """Seconds since the epoch."""
    changed: float
    """Of the last step, seconds since the epoch."""
    links: int | None
    """Names of the same inode that remained elsewhere when it was taken; None only while a step is unfinished."""
    disarmed: bool
    """Whether those other names lead to the tombstone's bytes now."""
    copied: bool
    """Whether it was copied (another file system or mount) rather than moved."""
    locked: bool
    """Whether owner and mode could be taken away (never as an ordinary user from someone else's file)."""
    tombstone: bool
    """Whether a tombstone was left in its place."""
    times: int
    """How often this content was taken from this place."""
    formerly: tuple[str, ...]
    """The ids of the items that it replaced, oldest first; at most `FORMERLY` of them."""
    target: str | None
    """Where it, or a copy of it, was restored to, if not to its old place."""
    vouched: str
    """Why somebody vouched for the content when it was given back; empty if nobody did."""
    note: str
    """What a person should know, such as why it is foreign; may be empty."""

    @property
    def path(self) -> str:
        """Where it was; may be longer than the kernel takes."""
        return os.path.join(self.root, self.relative)  # noqa: PTH118 - a text, not a path to use

    def to_json(self) -> dict[str, Any]:
        """The item as the documented JSON object (docs/quarantine.md); every text in it is printable."""
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
    """Build the item from what its journal says; an entry rescued from a damaged disk may lack anything."""
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
