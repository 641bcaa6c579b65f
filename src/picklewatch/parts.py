"""What the daemon is made of besides itself, and how it takes hold of its state."""

from __future__ import annotations

import sqlite3
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from picklewatch.errors import StateError
from picklewatch.store import Store
from picklewatch.store.lock import StateLock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from picklewatch.actions import Holds
    from picklewatch.batch import ClosableScans
    from picklewatch.config import Config
    from picklewatch.model import EngineVersion, Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the daemon is made of besides itself; tests put fakes in."""

    load: Callable[[], Config]
    """Reads the configuration; raises `ConfigError`."""
    scanner: Callable[[Config], ClosableScans]
    vault: Callable[[Path], Holds]
    engine: EngineVersion
    configure_log: Callable[[Config], None] = lambda _config: None


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


def open_store(state: Path) -> Store:
    """Open the store of *state*. Raises `StateError`."""
    try:
        return Store(state)
    except sqlite3.Error as error:
        hint = "Its disk must be writable and have room; the directory must belong to the user that runs the daemon."
        raise StateError(f"the database in {state} can't be opened: {error}", hint) from error


def take_state(state: Path) -> StateLock:
    """Make the state directory if need be and lock it. Raises `StateError`."""
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        hint = "Give another one with --state-dir, or make it yours."
        raise StateError(f"the state directory {state} can't be made: {error.strerror}", hint) from error
    return StateLock(state)
