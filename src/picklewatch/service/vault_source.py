"""Opens the vault when it is needed: its disk may be mounted late, or change."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Final

from picklewatch.core.errors import StateUnavailableError
from picklewatch.core.model import printable
from picklewatch.core.state_layout import LOCK

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from picklewatch.service.quarantine_policy import SupportsQuarantine
    from picklewatch.store import Store

_VAULT: Final = "vault"
"""The store's key for the vault that was used last."""


class VaultSource:
    """The vault in force; opened again if its directory is another one by now, recreated or mounted over.

    One that was used and is missing is not made again: its disk is not mounted, and files put below its mount point
    could not be found when the disk is back. (One that is gone from the state directory was removed.)
    """

    def __init__(self, store: Store, make: Callable[[Path], SupportsQuarantine], directory: Callable[[], Path]) -> None:
        self._store, self._make, self._directory = store, make, directory
        self._lock = threading.Lock()
        self._vault: tuple[tuple[Path, int, int], SupportsQuarantine] | None = None
        self._remembered: Path | None = None

    def __call__(self) -> SupportsQuarantine:
        """Return the vault as it is now.

        Raises `StateError`.
        """
        with self._lock:
            directory = self._directory()
            if self._vault is None or self._vault[0] != _identity(directory):
                self._refuse_another(directory)
                vault = self._make(directory)
                self._vault = _identity(directory), vault
            self._remember(directory)
            return self._vault[1]

    def _refuse_another(self, directory: Path) -> None:
        """Refuse an empty mount point: the vault has a lock since it was first used."""
        lock = directory / LOCK
        if os.path.lexists(lock) or (directory.parent == self._store.directory and not directory.exists()):
            return
        if self._store.get_state(_VAULT) == os.fspath(directory):
            known = printable(os.fspath(directory))
            hint = f"Mount its disk. If it is gone for good: mkdir -pm 700 {known}; touch {known}/{LOCK}"
            raise StateUnavailableError(f"the quarantine store {known} is not there any more", hint)

    def _remember(self, directory: Path) -> None:
        if self._remembered != directory and os.path.lexists(directory / LOCK):
            self._store.put_state(_VAULT, os.fspath(directory))
            self._remembered = directory


def _identity(directory: Path) -> tuple[Path, int, int]:
    try:
        status = directory.stat()
    except OSError:
        return directory, 0, 0
    return directory, status.st_dev, status.st_ino
