"""Makes the changes that somebody asks for over the socket: items given back or deleted, contents allowed."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import structlog

from picklewatch.core.model import printable
from picklewatch.ipc.messages import (
    ALLOWED,
    PURGED,
    AllowancesAnswer,
    AllowRequest,
    PurgeAnswer,
    RefusalCause,
    RequestRefusal,
)
from picklewatch.service.viewers import quickly_answering

if TYPE_CHECKING:
    from picklewatch.ipc.messages import Answerer, DeleteItemRequest, PurgeRequest, RestoreItemRequest
    from picklewatch.quarantine.item import Item
    from picklewatch.service.quarantine_policy import SupportsQuarantine
    from picklewatch.service.viewers import Viewer
    from picklewatch.store import Store

_log = structlog.get_logger()

_REASON: Final = 200
"""Characters of a reason where many are listed: an answer has an end."""
_SHA256: Final = re.compile("[0-9a-f]{64}")


def restored(store: Store, vault: SupportsQuarantine, viewer: Viewer, request: RestoreItemRequest) -> Item:
    """Give an item back, and allow its content."""
    reason = f"{request.reason or 'restored from quarantine'} ({_name(viewer.uid)}, {request.id})"
    item = vault.restore(request.id, store.allowed.add, reason=reason)
    _log.warning("quarantine.restored", item=item.id, path=item.path, by=viewer.uid, message=reason)
    return item


def deleted(vault: SupportsQuarantine, viewer: Viewer, request: DeleteItemRequest) -> Item:
    """Delete an item."""
    item = vault.removal.delete(request.id, keep_tombstone=request.keep_tombstone)
    _log.warning("quarantine.deleted", item=item.id, path=item.path, by=viewer.uid)
    return item


def purged(
    vault: SupportsQuarantine | None, viewer: Viewer, request: PurgeRequest, by: Answerer
) -> PurgeAnswer | RequestRefusal:
    """Delete the oldest items beyond the bounds, or tell which: for those alone who see everything."""
    if not viewer.whole:
        return forbidden("delete quarantined files", by)
    if vault is None:
        return PurgeAnswer(by=by, items=0, size=0, taken_by=0.0)
    removal = vault.removal
    chosen = removal.purge(
        older_than=request.older_than, max_items=request.max_items, max_bytes=request.max_bytes, dry_run=True
    )
    forgotten = len(removal.forgettable(request.older_than))
    if request.taken_by is None:
        return _purge_answer(chosen, by, forgotten)
    seen = [item for item in chosen if item.taken <= request.taken_by]
    gone = removal.purge(
        older_than=request.older_than,
        max_items=request.max_items,
        max_bytes=request.max_bytes,
        keep_tombstones=request.keep_tombstones,
        among={item.id for item in seen[:PURGED]},
    )
    for item in gone:
        _log.warning("quarantine.deleted", item=item.id, path=item.path, by=viewer.uid)
    return _purge_answer(gone, by, forgotten, more=bool(gone) and len(seen) > PURGED)


def _purge_answer(items: list[Item], by: Answerer, forgotten: int, *, more: bool = False) -> PurgeAnswer:
    newest = max((item.taken for item in items), default=0.0)
    size = sum(item.size for item in items)
    return PurgeAnswer(by=by, items=len(items), size=size, taken_by=newest, forgotten=forgotten, more=more)


def allowances(store: Store, viewer: Viewer, by: Answerer) -> AllowancesAnswer:
    """Return the contents that are allowed, of those in files of the viewer's; the newest of many."""
    seen = [each for each in store.allowed.entries() if viewer.whole or _is_theirs(store, viewer, each.sha256)]
    shown = tuple({**asdict(each), "reason": each.reason[:_REASON]} for each in seen[-ALLOWED:])
    return AllowancesAnswer(by=by, allowed=shown, more=len(seen) - len(shown))


def allowed(store: Store, viewer: Viewer, request: AllowRequest, by: Answerer) -> AllowancesAnswer | RequestRefusal:
    """Allow a content, or no longer: any for those who see everything, of a file of theirs for a user who may."""
    sha256 = request.sha256.lower()
    if not _SHA256.fullmatch(sha256):
        return RequestRefusal(why=RefusalCause.FAILED, message="that is no SHA-256")
    if not (viewer.whole or (viewer.allows and _is_theirs(store, viewer, sha256))):
        return forbidden("allow this content", by)
    if not request.reason:
        was = [each for each in store.allowed.entries() if each.sha256 == sha256]
        if not store.allowed.remove(sha256):
            return RequestRefusal(why=RefusalCause.FAILED, message=f"the content {sha256} is not allowed")
        _log.warning("allowance.removed", sha256=sha256, by=viewer.uid)
        return AllowancesAnswer(by=by, allowed=tuple(map(asdict, was)))
    if request.until is not None and request.until <= time.time():
        return RequestRefusal(why=RefusalCause.FAILED, message="that time is over")
    reason = f"{printable(request.reason)} ({_name(viewer.uid)})"
    store.allowed.add(sha256, reason, request.size if viewer.whole else None, request.until)
    _log.warning("allowance.added", sha256=sha256, by=viewer.uid, message=reason)
    return AllowancesAnswer(by=by, allowed=tuple(asdict(e) for e in store.allowed.entries() if e.sha256 == sha256))


def _is_theirs(store: Store, viewer: Viewer, sha256: str) -> bool:
    """Return True if a file that the viewer owns was judged with this content, and has it still."""
    found = store.found.looking(quickly_answering()).by_digest(sha256)
    return any(each.owner == viewer.uid and each.where.value == "there" for each in found)


def forbidden(what: str, by: Answerer) -> RequestRefusal:
    """Return the refusal of what only the administrator may do."""
    hint = f"Ask root, or a member of the group {by.group}." if by.group else "Ask the administrator (root)."
    return RequestRefusal(why=RefusalCause.FORBIDDEN, message=f"you may not {what}", hint=hint)


def _name(uid: int) -> str:
    with contextlib.suppress(KeyError):
        return printable(pwd.getpwuid(uid).pw_name)
    return f"user {uid}" if uid != os.geteuid() else "the daemon's user"
