"""The items that must be deleted so that a vault keeps its bounds. Pure, but for the clock."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from picklewatch.quarantine.item import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from picklewatch.quarantine.item import Item


def past(items: Sequence[Item], older_than: float) -> list[Item]:
    """Return those of *items* that are history, and older than so many seconds."""
    before = time.time() - older_than
    return [item for item in items if item.state.history and item.changed < before]


def beyond(items: Sequence[Item], older_than: float | None, max_items: int | None, max_bytes: int | None) -> list[Item]:
    """Return the items, of *items* from the oldest on, that must go so that every bound is kept."""
    items = [item for item in items if item.state is State.QUARANTINED]
    count, size = len(items), sum(item.size for item in items)
    chosen = []
    for item in items:
        too_old = older_than is not None and item.taken < time.time() - older_than
        too_many = max_items is not None and count > max_items
        too_big = max_bytes is not None and size > max_bytes
        if not (too_old or too_many or too_big):
            break
        chosen.append(item)
        count, size = count - 1, size - item.size
    return chosen
