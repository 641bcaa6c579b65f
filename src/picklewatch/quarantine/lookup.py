"""Finds items by the beginnings of their ids, by their paths and by the names that were shown; and their ends. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from picklewatch.core.found_record import Fate
from picklewatch.core.model import printable
from picklewatch.quarantine.item import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from picklewatch.quarantine.item import Item


def matching(items: Sequence[Item], prefix: str) -> list[Item]:
    """Return the items whose ids begin with *prefix*, those in quarantine alone if there are some.

    An item that was quarantined again is found under its former ids, too. Where no id begins so, *prefix* may be the
    path that the file had, or the name that was shown: whoever named the file does not hide another's item.
    """
    start = prefix.lower()
    found = [item for item in items if prefix and item.id.startswith(start)]
    found = found or [item for item in items if prefix and any(former.startswith(start) for former in item.formerly)]
    found = found or [item for item in items if prefix and prefix in _names(item)]
    held = [item for item in found if item.state.holds]
    return held if len(held) == 1 else found


def fates(items: Iterable[Item]) -> dict[str, str]:
    """Return the `Fate` of each of *items*, by each id that it had."""
    became = {State.RESTORED: Fate.RESTORED, State.DELETED: Fate.DELETED}
    return {
        number: became.get(item.state, Fate.QUARANTINED).value for item in items for number in (*item.formerly, item.id)
    }


def _names(item: Item) -> set[str]:
    names = {item.path, item.name or item.path}
    return names | {printable(name) for name in names}
