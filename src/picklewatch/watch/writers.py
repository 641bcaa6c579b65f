"""Find out if a file is still being written: the kernel tells its owner, without anything being read."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import stat

from picklewatch.watch.settle import Look

F_SETSIG = 10
"""`fcntl(2)`; Python has no name for it."""


def glance(path: str) -> Look | None:
    """Look at *path*; return None if nothing is there."""
    try:
        status = os.lstat(path)
    except (OSError, ValueError):
        return None
    writer = being_written(path) if stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid() else None
    return Look(status.st_size, status.st_mtime_ns, writer)


def being_written(path: str) -> bool | None:
    """Return True if anybody has the regular file *path* open for writing or mapped writable; None if that is unknown.

    A read lease is granted only while nobody has; it is given back at once.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.fcntl(fd, F_SETSIG, signal.SIGURG)  # a writer that comes in between sends a signal; SIGIO would kill
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        return True if error.errno == errno.EAGAIN else None
    else:
        return False
    finally:
        os.close(fd)
