"""Catches the signals that end the daemon or reload its configuration, and wakes its main thread."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading
from collections import deque
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import FrameType


_CAUGHT: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Signals:
    """Queues SIGTERM, SIGINT and SIGHUP for the main loop while the context lasts."""

    def __init__(self) -> None:
        self._queued: deque[int] = deque()
        self._reading, self._writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._former = {number: signal.getsignal(number) for number in _CAUGHT}
        self._may_be_woken = False
        self._is_in_terminal = self._former[signal.SIGHUP] is not signal.SIG_IGN and _has_terminal()
        """False under nohup, too: then the terminal may go."""

    def __enter__(self) -> Self:
        self._set_handlers(dict.fromkeys(self._former, self._handle))
        return self

    def __exit__(self, *_exception: object) -> None:
        self._set_handlers(self._former)
        os.close(self._reading)
        os.close(self._writing)

    def send(self, number: int) -> None:
        """Queue a signal; any thread may call it."""
        self._queued.append(number)
        with contextlib.suppress(BlockingIOError):
            os.write(self._writing, b"!")

    def wake(self) -> None:
        """End a wait that `may_be_woken`; any thread may call it."""
        if self._may_be_woken:
            self._may_be_woken = False
            with contextlib.suppress(BlockingIOError):
                os.write(self._writing, b"!")

    def wait(self, seconds: float, *, may_be_woken: bool = False) -> bool:
        """Wait until a signal comes, *seconds* at most.

        Return True if one is queued.
        """
        self._may_be_woken = may_be_woken
        if select.select([self._reading], [], [], seconds)[0]:
            os.read(self._reading, 1024)
        self._may_be_woken = False
        return bool(self._queued)

    def take(self) -> int | None:
        """Remove and return the oldest queued signal."""
        return self._queued.popleft() if self._queued else None

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        is_closed = number == signal.SIGHUP and self._is_in_terminal and not _has_terminal()
        self.send(signal.SIGTERM if is_closed else number)  # a closed window is the end, not a reload that nobody sees

    def _set_handlers(self, handlers: Mapping[signal.Signals, signal._HANDLER]) -> None:
        if threading.current_thread() is threading.main_thread():  # Python allows it nowhere else
            for number, handler in handlers.items():
                signal.signal(number, handler)


def _has_terminal() -> bool:
    """Return True if this process has a controlling terminal now."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True
