"""What to do when the store can't be used: say so, lose nothing, try again; after a rebuild, walk."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

from picklewatch.store.database import CorruptError

if TYPE_CHECKING:
    from collections.abc import Callable

    from picklewatch.store import Store
    from picklewatch.telemetry.health import Health

TROUBLE: Final = (sqlite3.OperationalError, CorruptError)
"""What any use of a store may raise without a fault of ours; give it to `StoreCare.take`."""
DISK_HINT: Final = "Make room on its disk, or let picklewatch write there. Nothing is lost; it goes on by itself."
"""What the user can do about a store that can't be written."""


class StoreCare:
    """Reports a store's troubles; threads may share it."""

    def __init__(self, store: Store, health: Health, note: Callable[[str], None] = lambda _text: None) -> None:
        """*note* tells `picklewatch status` what can't be written into the store; it may raise `OSError`."""
        self.walk_again = threading.Event()
        """Set when the store lost what it knew: everything must be walked."""
        self._store = store
        self._note = note
        self._noted = False
        self.health = health
        if store.set_aside is not None:
            self._rebuilt(f"the database was corrupt and is kept as {store.set_aside}", str(store.set_aside))

    def take(self, error: sqlite3.OperationalError | CorruptError) -> None:
        """Report *error*; whoever met it waits a moment and tries again."""
        if isinstance(error, CorruptError):
            self._rebuilt(str(error), str(error.aside))
            return
        reason = f"the database can't be used: {error}"
        self.health.degrade("store-unwritable", reason, hint=DISK_HINT)
        self._tell(reason)

    def check_place(self) -> None:
        """Look whether the database's files are still there and whole; if they were taken away, begin anew.

        A database that was set aside is done with when its user has deleted it, as the hint says. Raises as any use
        of a store does.
        """
        self.health.repair_all("store-rebuilt", where=lambda aside: not Path(aside).exists())
        if self._store.ensure_in_place():
            path = str(self._store.directory)
            self.health.incident(
                "store-removed", "the database's file was removed or replaced; beginning anew", path=path
            )
            self.walk_again.set()
        self._store.check()

    def fine(self) -> None:
        """Note that the store could be written."""
        self.health.repair("store-unwritable")
        if self._noted:
            self._tell("")

    def _tell(self, text: str) -> None:
        self._noted = bool(text)
        with contextlib.suppress(OSError):
            self._note(text)

    def _rebuilt(self, reason: str, aside: str) -> None:
        hint = "All files are judged again. Check the disk; delete the old file when it is not needed any more."
        self.health.degrade("store-rebuilt", reason, subject=aside, hint=hint)
        self.walk_again.set()
