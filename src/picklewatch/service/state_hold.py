"""Owns the state directory while the daemon runs: locked, its store open."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from picklewatch.core.errors import StateError, StateUnavailableError
from picklewatch.core.state_layout import StateLayout
from picklewatch.store import Store
from picklewatch.store.failures import StoreFailures
from picklewatch.store.lock import StateLock, make_directory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from picklewatch.telemetry.health import Health

PATIENCE: Final = 60.0
"""Seconds that a start waits for a disk: a service manager that gave up on quick failures would never try again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateHold:
    """A state directory that this process owns."""

    directory: Path
    lock: StateLock
    store: Store
    failures: StoreFailures

    def keep(self, health: Health) -> None:
        """Stay the directory's only daemon if somebody removed it.

        `StateError` if another has it by now.
        """
        if self.lock.is_in_place():
            return
        path = str(self.directory)
        health.incident("store-removed", "the state directory or its lock was removed; made again", path=path)
        self.lock.retake()


@contextlib.contextmanager
def hold_state(directory: Path, health: Health, wait: Callable[[float], bool]) -> Iterator[StateHold]:
    """Own *directory*, made if need be, while the context lasts.

    Raises `StateError`.

    *wait* waits so many seconds for the disk, and returns True if the start is to be given up.
    """

    def wait_for_disk(error: sqlite3.Error) -> bool:
        health.degrade("store-unwritable", f"the database can't be opened: {error}; trying on")
        return wait(1.0)

    make_directory(directory)
    lock = StateLock(directory)
    try:
        with contextlib.closing(open_store(directory, wait=wait_for_disk)) as store:
            failures = StoreFailures(store, health, lock.note)
            failures.resolved()
            yield StateHold(directory=directory, lock=lock, store=store, failures=failures)
    finally:
        lock.release()


def open_store(state: Path, *, wait: Callable[[sqlite3.Error], bool]) -> Store:
    """Open the store of *state*; while its disk is full or fails, try again for a minute.

    *wait* gets each error, waits for a moment, and returns True if it is time to end.
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
