"""One daemon a state directory: the kernel forgets the lock with the process, however it ends."""

from __future__ import annotations

import fcntl
import os
import time
from typing import TYPE_CHECKING, Final

from picklewatch.errors import StateError

if TYPE_CHECKING:
    from pathlib import Path

LOCK: Final = "lock"
_TRIES: Final = 10
_PAUSE: Final = 0.05


class StateLock:
    """The lock of a state directory, held until `release` or the end of the process.

    Raises `StateError` naming the process that holds it.
    """

    def __init__(self, directory: Path) -> None:
        self._fd = _open(directory)
        if not _acquire(self._fd):
            pid = _pid(self._fd)
            os.close(self._fd)
            raise StateError(
                f"{directory} belongs to a picklewatch daemon that is running" + (f" (process {pid})" if pid else ""),
                "`picklewatch status` says what it does. Stop it first, or give this one another --state-dir.",
            )
        try:
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)
        except OSError as error:
            os.close(self._fd)
            raise StateError(
                f"the state directory {directory} can't be written: {error.strerror}",
                "Make room on its disk, or give another --state-dir.",
            ) from error

    def release(self) -> None:
        """Give the directory free."""
        os.close(self._fd)


def holder(directory: Path) -> int | None:
    """The process that runs the daemon of *directory* (0 if it can't be told), or None if none runs.

    Raises `OSError` when that can't be found out.
    """
    try:
        fd = os.open(directory / LOCK, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _pid(fd) or 0
    else:
        return None
    finally:
        os.close(fd)


def _open(directory: Path) -> int:
    try:
        return os.open(directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise StateError(
            f"the state directory {directory} can't be used: {error.strerror}",
            "It must exist, belong to the user that runs the daemon, and be writable; or give another --state-dir.",
        ) from error


def _acquire(fd: int) -> bool:
    """Take the lock; `holder` may hold it for an instant, so try a few times."""
    for attempt in range(_TRIES):
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if attempt + 1 < _TRIES:
                time.sleep(_PAUSE)
        else:
            return True
    return False


def _pid(fd: int) -> int | None:
    text = os.pread(fd, 32, 0).strip()
    return int(text) if text.isdigit() else None
