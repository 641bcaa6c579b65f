"""Reports what keeps the store from being used.

Nothing is lost: callers try again, and after a rebuild everything is walked.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

from picklewatch.store.database import CorruptError

if TYPE_CHECKING:
    from collections.abc import Callable

    from picklewatch.store.database import StoreError
    from picklewatch.store.store import Store
    from picklewatch.telemetry.health import Health

DISK_HINT: Final = "Make room on its disk, or let picklewatch write there. Nothing is lost; it goes on by itself."
"""What the user can do about a store that can't be written."""
_HARMLESS: Final = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL}
"""Errors that damage nothing: another process is writing, or there is no room."""


class StoreFailures:
    """Turns a store's errors into health problems. Threads may share it."""

    def __init__(self, store: Store, health: Health, note: Callable[[str], None] = lambda _text: None) -> None:
        """*note* keeps for `picklewatch status` what can't be written into the store; it may raise `OSError`."""
        self.walk_again = threading.Event()
        """Set when the store lost what it knew: everything must be walked."""
        self.check_wanted = threading.Event()
        """Set at the start, and after an error that damage may have caused: the whole database is to be read."""
        self.check_wanted.set()
        self.health = health
        self._store = store
        self._note = note
        self._is_noted = False
        if store.set_aside is not None:
            self._rebuilt(f"the database was corrupt and is kept as {store.set_aside}", str(store.set_aside))

    def report(self, error: StoreError) -> None:
        """Report *error*; the caller waits a moment and tries again."""
        if isinstance(error, CorruptError):
            self._rebuilt(str(error), str(error.aside))
            return
        if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _HARMLESS:
            self.check_wanted.set()
        reason = f"the database can't be used: {error}"
        self.health.degrade("store-unwritable", reason, hint=DISK_HINT)
        self._write_note(reason)

    def resolved(self) -> None:
        """Note that the store could be written."""
        self.health.repair("store-unwritable")
        if self._is_noted:
            self._write_note("")

    def check_files(self) -> None:
        """Begin a new database if the files of this one were taken away.

        Raises as any use of a store does.

        A database that was set aside is done with when its user has deleted it, as the hint says.
        """
        self.health.repair_all("store-rebuilt", where=lambda aside: not Path(aside).exists())
        if self._store.ensure_in_place():
            path = str(self._store.directory)
            self.health.incident(
                "store-removed", "the database's file was removed or replaced; beginning anew", path=path
            )
            self.walk_again.set()

    def _write_note(self, text: str) -> None:
        self._is_noted = bool(text)
        with contextlib.suppress(OSError):
            self._note(text)

    def _rebuilt(self, reason: str, aside: str) -> None:
        hint = "All files are judged again. Check the disk; delete the old file when it is not needed any more."
        self.health.degrade("store-rebuilt", reason, subject=aside, hint=hint)
        self.walk_again.set()
