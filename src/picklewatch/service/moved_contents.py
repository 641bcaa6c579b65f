"""Lets the contents of moved files follow into the vault: small ones at once, large ones on a thread of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import structlog

from picklewatch.core.errors import QuarantineError
from picklewatch.core.model import printable
from picklewatch.quarantine.refusals import StoreFullError, UnfinishedError
from picklewatch.service.move_refusals import DISK, FULL, report_disk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from picklewatch.quarantine.item import Item
    from picklewatch.quarantine.taking import Taking
    from picklewatch.service.quarantine_policy import SupportsQuarantine
    from picklewatch.store import Store
    from picklewatch.telemetry.health import Health

_log = structlog.get_logger()

_SMALL: Final = 16 << 20
"""Bytes of a content that is copied and read at once; no worker waits for that of a larger one."""
_LOGGED: Final = ("id", "path", "name", "names", "verdict", "reasons", "sha256", "size", "links", "times")


class MovedContents:
    """The contents of files that have lost their names. Threads may share it."""

    def __init__(self, store: Store, health: Health, vault: Callable[[], SupportsQuarantine]) -> None:
        self._store, self._health, self._vault = store, health, vault
        self._unfinished: set[str] = set()
        """Ids of items whose content is to follow."""
        self._postponed: set[str] = set()
        """The same, after an attempt that failed."""

    def end(self, taking: Taking) -> Item:
        """Let the content of a file that was taken follow, now or soon; return the item as it is then."""
        with taking:
            item = taking.item
            if item.size > _SMALL:
                taking.put_off()
                self._unfinished.add(item.id)
                return item
            self._postponed.add(item.id)  # whatever happens
            try:
                rested = taking.finish()
                self._ended(item.id, rested)
            except UnfinishedError as error:
                self._postpone(item.id, error)
                return item
            self._postponed.discard(item.id)
            return rested

    @property
    def has_unfinished(self) -> bool:
        """Return True if a content is to follow: call `finish`."""
        return bool(self._unfinished)

    def finish(self) -> None:
        """Let the contents follow that are to; those that can't now follow after the next `retry_all`."""
        while self._unfinished:
            item_id = self._unfinished.pop()
            try:
                item = self._vault().finish(item_id)
            except UnfinishedError as error:
                self._postpone(item_id, error)
            except QuarantineError:
                continue  # it was restored or deleted
            else:
                if item is None:
                    self._postponed.add(item_id)
                else:
                    self._ended(item_id, item)
                    self.repair()

    def _ended(self, item_id: str, item: Item) -> None:
        """Complete the record of the file *item_id* if its digest is known only now; *item* may have replaced it."""
        if item.sha256 is not None:
            self._store.records.learn_digest(item_id, item.sha256)

    def _postpone(self, item_id: str, error: UnfinishedError) -> None:
        self._postponed.add(item_id)
        report_disk(self._health, error.cause if isinstance(error.cause, StoreFullError) else error)

    def expect(self, items: Iterable[str]) -> None:
        """Note that the contents of *items*, by their ids, are to follow."""
        self._unfinished.update(items)

    def try_again(self) -> None:
        """Let `finish` try those that could not follow, too."""
        self._unfinished |= self._postponed
        self._postponed.clear()

    def report(self, item: Item) -> None:
        """Log a move."""
        self.repair()
        name = item.name or printable(item.path)
        _log.warning("quarantine.moved", **_log_fields(item), message=f"{name} is in quarantine")

    def repair(self) -> None:
        """Report that moves are possible again, unless a content waits because of what made them impossible."""
        if not self._postponed and not self._unfinished:
            self._health.repair(FULL)
            self._health.repair(DISK)


def _log_fields(item: Item) -> dict[str, Any]:
    fields = item.to_json()
    return {key: fields[key] for key in _LOGGED}
