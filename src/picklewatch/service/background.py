"""Runs work that must not hold up the daemon's main loop, in threads that may be left behind."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from picklewatch.store.database import STORE_ERRORS

if TYPE_CHECKING:
    from collections.abc import Callable

    from picklewatch.store.database import StoreError


class BackgroundTask:
    """Runs one function in a thread of its own, never twice at the same time. The main thread starts and stops it."""

    def __init__(
        self, name: str, function: Callable[[threading.Event], None], report: Callable[[StoreError], None]
    ) -> None:
        """*function* ends soon after its event is set; store errors that it raises go to *report*."""
        self._name, self._function, self._report = name, function, report
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> bool:
        """Run the function; return False if it still runs, or the machine has no more threads."""
        if not self.join(0):
            return False
        thread = threading.Thread(target=self._run, name=f"picklewatch-{self._name}", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            return False
        self._thread = thread
        return True

    def ask_to_stop(self) -> None:
        """Have the function end soon; see `join`."""
        self._stopping.set()

    def join(self, seconds: float) -> bool:
        """Wait up to *seconds*; return True if nothing runs any more."""
        if self._thread is not None:
            self._thread.join(seconds)
        return self._thread is None or not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._function(self._stopping)
        except STORE_ERRORS as error:
            self._report(error)
