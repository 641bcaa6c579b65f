"""Finds items by the beginnings of their ids. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from picklewatch.quarantine.item import Item


def matching(items: Sequence[Item], prefix: str) -> list[Item]:
    """Return the items whose ids begin with *prefix*, those in quarantine alone if there are some.

    An item that was quarantined again is found under its former ids, too.
    """
    start = prefix.lower()
    found = [item for item in items if prefix and item.id.startswith(start)]
    found = found or [item for item in items if prefix and any(former.startswith(start) for former in item.formerly)]
    held = [item for item in found if item.state.holds]
    return held if len(held) == 1 else found
