"""Answers what comes over the socket: each to their own. Called by one thread, which nothing else waits for."""

from __future__ import annotations

import contextlib
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import structlog

from picklewatch import __version__
from picklewatch.core.errors import Error
from picklewatch.core.model import printable
from picklewatch.ipc.messages import (
    ITEMS,
    AllowancesRequest,
    AllowRequest,
    Answerer,
    DeleteItemRequest,
    ItemAnswer,
    ItemChangedAnswer,
    ItemRequest,
    NamedRequest,
    NewsRequest,
    PurgeRequest,
    RecordsRequest,
    RefusalCause,
    RequestRefusal,
    RescanRequest,
    RestoreItemRequest,
    StatusAnswer,
)
from picklewatch.quarantine.lookup import matching
from picklewatch.service import changes, daemon_status
from picklewatch.service.changes import forbidden
from picklewatch.service.new_finds import NewFinds
from picklewatch.service.shown_records import answered_records, is_path
from picklewatch.service.shown_status import shown_status
from picklewatch.service.viewers import quickly_answering
from picklewatch.store import Store
from picklewatch.store.database import STORE_ERRORS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from picklewatch.config.schema import SocketConfig
    from picklewatch.ipc.messages import Answer, Request
    from picklewatch.ipc.peers import Peer
    from picklewatch.quarantine.item import Item
    from picklewatch.service.new_finds import Notifiers
    from picklewatch.service.quarantine_policy import SupportsQuarantine
    from picklewatch.service.rescans import Rescans
    from picklewatch.service.viewers import Viewer, Viewers

_log = structlog.get_logger()

_LONGEST: Final = 1_000
_UNKNOWN: Final = "there is no quarantined item {id}"
"""The same words for an item that is somebody else's: ids tell nothing."""


class Responder:
    """The daemon's answers. *vault* returns the vault, or None if nothing was ever moved into it."""

    def __init__(  # noqa: PLR0913, PLR0917 - everything that it answers from
        self,
        store: Store,
        vault: Callable[[], SupportsQuarantine | None],
        config: Callable[[], SocketConfig],
        viewers: Viewers,
        rescans: Rescans,
        notifiers: Notifiers,
    ) -> None:
        self._store, self._vault, self._config, self._viewers = store, vault, config, viewers
        self._rescans = rescans
        self._new_finds = NewFinds(store, self._items_ever, notifiers)

    def __call__(self, peer: Peer, request: Request) -> Answer:
        """Answer *request*; never raises."""
        try:
            return self._answered(self._viewers(peer), request)
        except Error as error:
            return _failed(error.message, error.hint)
        except (*STORE_ERRORS, OSError):  # its words may name a path
            return _failed("the daemon can't read its state now", "Try again; its log has the reason.")
        except Exception:  # noqa: BLE001 - a bug costs this answer, not the socket
            _log.exception("socket.failed", message="a request could not be answered", request=type(request).__name__)
            return _failed("the daemon failed to answer", "Please report it, with the traceback in its log.")

    def _answered(self, viewer: Viewer, request: Request) -> Answer:
        by = Answerer(
            version=__version__,
            whole=viewer.whole,
            group=self._config().group,
            restores=viewer.whole or viewer.restores,
        )
        answer: Answer
        match request:
            case ItemRequest():
                answer = self._items(viewer, request, by)
            case RestoreItemRequest() | DeleteItemRequest():
                answer = self._changed(viewer, request, by)
            case PurgeRequest():
                answer = changes.purged(self._vault(), viewer, request, by)
            case AllowRequest():
                answer = changes.allowed(self._store, viewer, request, by)
            case AllowancesRequest():
                answer = changes.allowances(self._store, viewer, by)
            case RecordsRequest() | NamedRequest():
                answer = self._records(viewer, request, by)
            case RescanRequest():
                answer = self._rescans(viewer, request, by) if is_path(request.under) else _NO_PATH
            case NewsRequest():
                answer = self._new_finds(viewer, request, by)
            case _:
                status = daemon_status.read(self._store.directory, quickly_answering())
                answer = StatusAnswer(by=by, status=shown_status(status, self._store, viewer).sent())
        return answer

    def _records(self, viewer: Viewer, request: RecordsRequest | NamedRequest, by: Answerer) -> Answer:
        if not is_path(request.under if isinstance(request, RecordsRequest) else request.name):
            return _NO_PATH
        is_now = isinstance(request, RecordsRequest) and request.unsafe_now
        with contextlib.closing(Store(self._store.directory, read_only=True)) as store:  # nobody waits for these looks
            items = [] if is_now else self._seen(viewer, history=True)
            return answered_records(store, viewer, request, items, by)

    def _items(self, viewer: Viewer, request: ItemRequest, by: Answerer) -> ItemAnswer:
        items = self._seen(viewer, history=bool(request.id))
        found = matching(items, request.id) if request.id else items
        return ItemAnswer(by=by, items=tuple(_shown(item, viewer) for item in found[-ITEMS:]), more=len(found[:-ITEMS]))

    def _seen(self, viewer: Viewer, *, history: bool) -> list[Item]:
        vault = self._vault()
        return [] if vault is None else [item for item in vault.items(history=history) if viewer.sees_item(item)]

    def _items_ever(self) -> Iterable[Item]:
        vault = self._vault()
        return () if vault is None else vault.items(history=True)

    def _changed(self, viewer: Viewer, request: RestoreItemRequest | DeleteItemRequest, by: Answerer) -> Answer:
        vault = self._vault()
        seen = [item for item in self._seen(viewer, history=True) if item.id == request.id]
        if vault is None or not seen:
            return _failed(_UNKNOWN.format(id=printable(request.id)), "")
        if isinstance(request, RestoreItemRequest):
            if not viewer.may_restore(seen[0]):
                return forbidden("restore this file", by)
            item = changes.restored(self._store, vault, viewer, request)
        else:
            if not viewer.whole:
                return forbidden("delete this file", by)
            item = changes.deleted(vault, viewer, request)
        return ItemChangedAnswer(by=by, item=_shown(item, viewer))


_NO_PATH: Final = RequestRefusal(why=RefusalCause.FAILED, message="that can't be the name of a file")


def _shown(item: Item, viewer: Viewer) -> dict[str, object]:
    """Return the item as JSON; names that lie in others' homes are theirs alone, unless the file was the viewer's."""
    shown = asdict(item)
    if not viewer.whole and item.uid != viewer.uid:
        shown["names"] = [name for name in item.names if viewer.sees_path(name)]
    return shown


def _failed(message: str, hint: str) -> RequestRefusal:
    return RequestRefusal(why=RefusalCause.FAILED, message=message[:_LONGEST], hint=hint[:_LONGEST])
