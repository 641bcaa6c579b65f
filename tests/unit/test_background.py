"""Work beside the daemon's main loop."""

from __future__ import annotations

import sqlite3
import threading
from typing import TYPE_CHECKING

from support.watching import PATIENCE, eventually

from picklewatch.service.background import BackgroundTask

if TYPE_CHECKING:
    from picklewatch.store.database import StoreError


def test_a_task_never_runs_twice_at_the_same_time() -> None:
    """A start while it runs is none; one after it has ended is."""
    runs: list[threading.Thread] = []
    proceed = threading.Event()

    def function(_stopping: threading.Event) -> None:
        runs.append(threading.current_thread())
        proceed.wait()

    task = BackgroundTask("test", function, lambda _error: None)
    task.start()
    assert eventually(lambda: len(runs) == 1)
    assert not task.start()
    assert not task.join(0)
    assert len(runs) == 1
    proceed.set()
    runs[0].join()
    assert task.start()
    task.ask_to_stop()
    assert task.join(PATIENCE)
    assert len(runs) == 2


def test_a_task_is_asked_to_end() -> None:
    """Whoever stops it waits for that."""
    ended = threading.Event()

    def function(stopping: threading.Event) -> None:
        stopping.wait()
        ended.set()

    task = BackgroundTask("test", function, lambda _error: None)
    task.start()
    task.ask_to_stop()
    assert task.join(PATIENCE)
    assert ended.is_set()


def test_store_errors_are_reported() -> None:
    """The next start tries again."""
    errors: list[StoreError] = []

    def function(_stopping: threading.Event) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    task = BackgroundTask("test", function, errors.append)
    task.start()
    task.ask_to_stop()
    assert task.join(PATIENCE)
    assert [str(error) for error in errors] == ["disk I/O error"]
