"""Runs work that must not hold up the daemon's main loop, in threads that may be left behind."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Final

from picklewatch.store.database import STORE_ERRORS

if TYPE_CHECKING:
    from collections.abc import Callable

    from picklewatch.store.database import StoreError

_JOIN_SECONDS: Final = 5.0


class BackgroundTask:
    """Runs one function in a thread of its own, never twice at the same time. The main thread starts and stops it."""

    def __init__(
        self, name: str, function: Callable[[threading.Event], None], report: Callable[[StoreError], None]
    ) -> None:
        """*function* ends soon after its event is set; store errors that it raises go to *report*."""
        self._name, self._function, self._report = name, function, report
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Run the function, unless it still runs."""
        if self._thread is None or not self._thread.is_alive():
            thread = threading.Thread(target=self._run, name=f"picklewatch-{self._name}", daemon=True)
            with contextlib.suppress(RuntimeError):  # the machine has no more threads: the next start may have one
                thread.start()
                self._thread = thread

    def stop(self) -> None:
        """Have it end, before the store is closed; a file system that does not answer is not waited for."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(_JOIN_SECONDS)

    def _run(self) -> None:
        try:
            self._function(self._stopping)
        except STORE_ERRORS as error:
            self._report(error)
