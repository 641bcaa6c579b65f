"""The item that a tombstone names, wherever it is: in this user's vault, or in that of the system's daemon."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Protocol

from picklewatch.core.errors import Error

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class MovedItem(Protocol):
    """A quarantined item that can be shown."""

    def to_json(self) -> dict[str, Any]:
        """Return it as `picklewatch quarantine show --json` writes it."""
        ...

    def lines(self, *, colour: bool) -> Iterable[str]:
        """Return everything about it as a person reads it."""
        ...


def moved_item(item_id: str, config_path: Path | None, state: Path | None) -> MovedItem | None:
    """Find the item; None if it is nowhere that this user may look: the tombstone's own words are left then."""
    from picklewatch.cli import asked_items, vault_access  # seldom needed, and `explain` starts fast without

    with contextlib.suppress(Error):
        shared = vault_access.shared(config_path, state)
        if (held := vault_access.held_item(shared, item_id)) is not None:
            return held
        if shared.asks_system:
            return asked_items.find(item_id)
    return None
