"""Read leases (`F_SETLEASE` of fcntl(2)): while one is held, nobody can have changed the content of a file.

Times prove nothing about a content that somebody touches all the time, and a digest of a terabyte takes hours. The
kernel refuses a lease while the file is open for writing, and breaks it when somebody opens or truncates it; they
wait meanwhile, until the lease is released. Setting times, modes and names breaks none. Not every file system has
leases, and other users' files take `CAP_LEASE`.
"""

from __future__ import annotations

import contextlib
import fcntl
import signal


def hold(descriptor: int) -> bool:
    """Take a lease, which ends at the latest when the file is closed; return False if it can't be had."""
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)  # by default SIGIO, which ends the process
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError:
        return False
    return True


def is_held(descriptor: int) -> bool:
    """Return True if the lease that was taken is held, and nobody waits for its end."""
    try:
        return fcntl.fcntl(descriptor, fcntl.F_GETLEASE) == fcntl.F_RDLCK
    except OSError:
        return False


def release(descriptor: int) -> None:
    """Let go on whoever waits; without a lease nothing happens."""
    with contextlib.suppress(OSError):
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
