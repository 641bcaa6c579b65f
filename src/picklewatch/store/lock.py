"""Locks a state directory for one daemon: the kernel drops the lock with the process, however it ends."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import time
from typing import TYPE_CHECKING, Final

from picklewatch.core.errors import StateError, StateUnavailableError
from picklewatch.core.state_layout import StateLayout

if TYPE_CHECKING:
    from pathlib import Path

_TRIES: Final = 10
_PAUSE: Final = 0.05
_SIZE: Final = 512
_FLOCK: Final = "hhqqi4x"
"""``struct flock`` of 64-bit Linux: kind, whence, start, length, process."""


class StateLock:
    """The lock of a state directory, held until `release` or the end of the process.

    Raises `StateError` naming the process that holds it.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._fd = _open(directory)
        if not _acquire(self._fd):
            pid = _pid(self._fd)
            os.close(self._fd)
            raise StateError(
                f"{directory} belongs to a picklewatch daemon that is running" + (f" (process {pid})" if pid else ""),
                "`picklewatch status` says what it does. Stop it first, or give this one another --state-dir.",
            )
        try:
            self.note("")
        except OSError as error:
            os.close(self._fd)
            message = f"the state directory {directory} can't be written: {error.strerror}"
            raise _refusal(message, "Make room on its disk, or give another --state-dir.", error) from error

    def note(self, text: str) -> None:
        """Leave *text* for whoever asks for `trouble`; empty: there is none.

        That there is one is a lock on a byte, which needs no disk; the text needs one that can be written, but no
        more room. Raises `OSError` where it can't be.
        """
        fcntl.fcntl(self._fd, fcntl.F_OFD_SETLK, _byte(fcntl.F_WRLCK if text else fcntl.F_UNLCK))
        content = f"{os.getpid()}\n{text}".encode(errors="replace")[:_SIZE]
        os.pwrite(self._fd, content.ljust(_SIZE, b"\n"), 0)

    def is_in_place(self) -> bool:
        """Return True if others that look for the lock still find this one."""
        try:
            there = StateLayout(self._directory).lock.lstat()
        except OSError as error:
            return error.errno not in (errno.ENOENT, errno.ENOTDIR)  # can't be told
        mine = os.fstat(self._fd)
        return (there.st_dev, there.st_ino) == (mine.st_dev, mine.st_ino)

    def retake(self) -> None:
        """Lock the directory anew after somebody removed the lock.

        `StateError` if another daemon has it by now.
        """
        make_directory(self._directory)
        former, self._fd = self._fd, StateLock(self._directory)._fd  # noqa: SLF001 - of this class
        os.close(former)

    def release(self) -> None:
        """Release the directory."""
        os.close(self._fd)


def holder(directory: Path) -> int | None:
    """Return the process that runs the daemon of *directory* (0 if it is not known), or None if none runs.

    Raises `OSError` when that can't be found out.
    """
    try:
        fd = os.open(StateLayout(directory).lock, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
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


def trouble(directory: Path) -> str:
    """Return why the daemon of *directory* can't use its store now; empty if it can.

    Raises `OSError`.
    """
    fd = os.open(StateLayout(directory).lock, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        if struct.unpack(_FLOCK, fcntl.fcntl(fd, fcntl.F_OFD_GETLK, _byte(fcntl.F_RDLCK)))[0] == fcntl.F_UNLCK:
            return ""
        text = os.pread(fd, _SIZE, 0).partition(b"\n")[2].decode(errors="replace").strip()
        return text or "the database can't be used"
    finally:
        os.close(fd)


def _byte(kind: int) -> bytes:
    return struct.pack(_FLOCK, kind, os.SEEK_SET, _SIZE, 1, 0)


def make_directory(directory: Path) -> None:
    """Make the state directory if need be.

    Raises `StateError`.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        hint = "Give another one with --state-dir, or make it yours."
        raise _refusal(f"the state directory {directory} can't be made: {error.strerror}", hint, error) from error


def _refusal(message: str, hint: str, error: OSError) -> StateError:
    passing = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS)
    return StateUnavailableError(message, hint) if passing else StateError(message, hint)


def _open(directory: Path) -> int:
    try:
        return os.open(StateLayout(directory).lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        message = f"the state directory {directory} can't be used: {error.strerror}"
        hint = "It must exist, belong to the user that runs the daemon, and be writable; or give another --state-dir."
        raise _refusal(message, hint, error) from error


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
    text = os.pread(fd, _SIZE, 0).partition(b"\n")[0].strip()
    return int(text) if text.isdigit() else None
