"""Items with the same content from the same place, as a client's download loop makes them: one copy is kept."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

from picklewatch.quarantine import fs
from picklewatch.quarantine.item import FORMERLY, Item, State
from picklewatch.quarantine.journal import DATA, Entry, item_ids
from picklewatch.quarantine.recovery import delete, recover_entry

if TYPE_CHECKING:
    from collections.abc import Callable


class _Key(NamedTuple):
    root: str
    relative: str
    sha256: str | None


class Twins:
    """Finds and merges the twins of one vault. Threads may share it."""

    def __init__(self, vault: int, peek: Callable[[str], Item | None]) -> None:
        """*vault* is its directory's descriptor, *peek* reads an item, if there is one."""
        self._vault, self._peek = vault, peek
        self._lock = threading.Lock()
        self._keys: dict[str, _Key] = {}

    def merge(self, item: Item) -> Item:
        """Let *item*, which came to rest and is not locked any more, and its twins be one; return that.

        A download loop must not fill the disk. The one that was taken last stays, for its tombstone is in the place,
        and counts the times. One at a time: of two that come to rest together, the second here finds the first.
        """
        if item.state is not State.QUARANTINED or item.sha256 is None:
            return item
        with self._lock:
            twins = self._twins(_Key(item.root, item.relative, item.sha256))
            last = max((item, *twins), key=lambda twin: twin.taken)
            others = [twin for twin in twins if twin.id != last.id]
            if others:
                with contextlib.suppress(OSError), Entry(self._vault, last.id) as entry:
                    return self._merge(entry, others)
        return item

    def _merge(self, entry: Entry, others: list[Item]) -> Item:
        entry.lock()
        if not (entry.load() and entry.item.state is State.QUARANTINED):
            return entry.item
        if not fs.has_content(entry.fd, DATA, entry.item.size, entry.item.sha256):
            return entry.item
        others.sort(key=lambda twin: twin.taken)
        item = entry.append(State.QUARANTINED, **_again(entry.item, others))
        self._supersede(others)
        return item

    def _twins(self, key: _Key) -> list[Item]:
        """Return the items at rest with the same content from the same place."""
        ids = item_ids(self._vault)
        self._keys = {item_id: self._keys[item_id] for item_id in ids if item_id in self._keys}
        for item_id in ids:
            if item_id not in self._keys and (item := self._peek(item_id)) is not None and item.sha256 is not None:
                self._keys[item_id] = _Key(item.root, item.relative, item.sha256)
        alike = [item_id for item_id in ids if self._keys.get(item_id) == key]
        return [item for each in alike if (item := self._peek(each)) is not None and item.state is State.QUARANTINED]

    def _supersede(self, twins: list[Item]) -> None:
        """Delete former copies of the same content, history included."""
        for twin in twins:
            with contextlib.suppress(OSError), Entry(self._vault, twin.id) as entry:
                if not (entry.lock(wait=False) and entry.load() and entry.item.state is State.QUARANTINED):
                    continue
                try:
                    entry.append(State.DELETING, keep_tombstone=True, tombstone=False, superseded=True)
                    delete(entry)
                except OSError:
                    recover_entry(entry)


def _again(item: Item, others: list[Item]) -> dict[str, Any]:
    """Return the journal's fields of *item* when it replaces *others*."""
    former = [former for other in others for former in (*other.formerly, other.id)]
    times = item.times + max(other.times for other in others)
    return {"times": times, "formerly": [*item.formerly, *former][-FORMERLY:]}
