"""What the daemon is made of besides itself, and how it takes hold of its state."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from picklewatch.core.errors import StateError, StateUnavailableError
from picklewatch.core.model import printable
from picklewatch.core.state_layout import LOCK, StateLayout
from picklewatch.store import Store
from picklewatch.store.lock import StateLock, make_directory

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from picklewatch.config.schema import Config
    from picklewatch.core.model import EngineVersion, Policy
    from picklewatch.scanning.scan_many import ClosableScans
    from picklewatch.service.moves import SupportsQuarantine


_VAULT: Final = "vault"
"""Under which the store remembers the vault that was used last."""
PATIENCE: Final = 60.0
"""Seconds that a start waits for a disk: a service manager that gave up on quick failures would never try again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the daemon is made of besides itself; tests put fakes in."""

    load: Callable[[], Config]
    """Reads the configuration; raises `ConfigError`."""
    scanner: Callable[[Config], ClosableScans]
    vault: Callable[[Path], SupportsQuarantine]
    engine: EngineVersion
    configure_log: Callable[[Config], None] = lambda _config: None
    introduce: Callable[[], None] = lambda: None
    """Called once the state is the daemon's own, before anything is watched."""


class PolicySource:
    """The policy in force: the configuration's, and the digests that were allowed by `quarantine restore`."""

    def __init__(self, store: Store, configured: Policy) -> None:
        self._store = store
        self._configured = configured
        self._lock = threading.Lock()
        self._seen: int | None = None
        self._policy = configured

    def __call__(self) -> Policy:
        """The policy as it is now."""
        with self._lock:
            seen = self._store.changes_by_others()
            if seen != self._seen:
                digests = {**self._store.allowed.all(), **self._configured.allowed_digests}
                self._policy = replace(self._configured, allowed_digests=digests)
                self._seen = seen
            return self._policy


class VaultSource:
    """The vault in force; opened anew if its directory is another one by now, made again or mounted over.

    One that was used and is not there any more is not made again: its disk is missing, and what would be put below its
    mount point could not be found when the disk is back. (One that is gone from the state directory was removed.)
    """

    def __init__(self, store: Store, make: Callable[[Path], SupportsQuarantine], directory: Callable[[], Path]) -> None:
        self._store, self._make, self._directory = store, make, directory
        self._lock = threading.Lock()
        self._vault: tuple[tuple[Path, int, int], SupportsQuarantine] | None = None
        self._remembered: Path | None = None

    def __call__(self) -> SupportsQuarantine:
        """The vault as it is now. Raises `StateError`."""
        with self._lock:
            directory = self._directory()
            if self._vault is None or self._vault[0] != _identity(directory):
                self._refuse_another(directory)
                vault = self._make(directory)
                self._vault = _identity(directory), vault
            self._remember(directory)
            return self._vault[1]

    def _refuse_another(self, directory: Path) -> None:
        """Tell an empty mount point from the vault: that has a lock since it was first used."""
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


def open_store(state: Path, *, wait: Callable[[sqlite3.Error], bool]) -> Store:
    """Open the store of *state*; where its disk is full or fails, try again for a minute.

    *wait* is told what is wrong each time, waits for a moment, and says whether it is time to end.
    Raises `StateError` in the end.
    """
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return Store(state)
        except sqlite3.Error as error:
            path = StateLayout(state).database
            message = f"the database in {state} can't be opened: {error}"
            if path.exists() and not os.access(path, os.R_OK | os.W_OK):
                raise StateError(message, "It must belong to the user that runs the daemon.") from error
            if time.monotonic() > end or wait(error):
                hint = "Its disk must be writable and have room. Starting again helps when it is."
                raise StateUnavailableError(message, hint) from error


def _identity(directory: Path) -> tuple[Path, int, int]:
    try:
        status = directory.stat()
    except OSError:
        return directory, 0, 0
    return directory, status.st_dev, status.st_ino


def take_state(state: Path) -> StateLock:
    """Make the state directory if need be and lock it. Raises `StateError`."""
    make_directory(state)
    return StateLock(state)
