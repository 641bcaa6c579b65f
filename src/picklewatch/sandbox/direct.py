"""The parent's side of a direct process: one locked-down child, forked by a command for one scan and no other.

A warm process pays when many files come. For one, the command itself forks the child, before it has opened the file
and while it has one thread; the child imports the engine, locks itself down and waits for the job (`direct_child`).
To `run_child` it is what a `WarmProcess` is. Where it can't be made, or does not get ready, a warm process does
the work.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from picklewatch.sandbox import wire
from picklewatch.sandbox.starting import START_SECONDS, DiedError, import_path, protections_of, received

if TYPE_CHECKING:
    from picklewatch.sandbox.protections import Protections

_END_SECONDS: Final = 2.0
_CHILD: Final = "picklewatch.sandbox.direct_child"
"""Imported by the child alone: the parent's half has no parser in its memory."""

UNDECIDED: Final = (wire.ELSEWHERE, wire.LOCK_FAILED, -signal.SIGSYS)
"""Endings of a direct process that say nothing about the file yet: it asks for what is not imported, or this machine
allows less than it planned. A warm process rehearses its plan first, and has everything imported."""


class DirectProcess:
    """A child of this process that does one job."""

    def __init__(self, pid: int, pidfd: int, control: socket.socket) -> None:
        self._pid = pid
        self._pidfd = pidfd
        self._control = control
        self._interrupted = False
        self._protections: Protections | None = None

    @property
    def pid(self) -> int:
        """The child's id."""
        return self._pid

    @property
    def is_closed(self) -> bool:
        """True once its job has ended, or `close` was called."""
        return self._control.fileno() < 0

    def protections(self) -> Protections:
        """Wait until it is locked down, and return its protections; raise `SandboxError`, or `DiedError`."""
        if self._protections is None:
            self._protections = protections_of(received(self._control, START_SECONDS), None)
        if self._protections is None:
            raise DiedError("the direct process did not get ready")
        return self._protections

    def submit(self, header: dict[str, Any], fds: list[int]) -> None:
        """Send the job, or raise `DiedError`."""
        try:
            socket.send_fds(self._control, [json.dumps(header).encode()], fds)
        except OSError as error:
            raise DiedError(str(error)) from error

    def kill_child(self) -> None:
        """Kill it; its end comes as a message."""
        if not self.is_closed:
            os.kill(self._pid, signal.SIGKILL)  # it is ours until it is waited for

    def fileno(self) -> int:
        """Return the descriptor to poll for its end."""
        return self._pidfd

    def message(self, seconds: float) -> dict[str, Any] | None:
        """Wait for its end, and return that as a warm process would report it; None if it does not end in time."""
        if self.is_closed or not self._is_ended(seconds) or self._interrupted:
            return None
        _, status, usage = os.wait4(self._pid, 0)
        self._release()
        cpu = usage.ru_utime + usage.ru_stime
        return {"ended": os.waitstatus_to_exitcode(status), "peak_kib": usage.ru_maxrss, "cpu_seconds": cpu}

    def interrupt(self) -> None:
        """End every wait on this process now, from any thread; `close` it afterwards."""
        self._interrupted = True
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)
        self.kill_child()

    def close(self) -> None:
        """End it, and wait for that; not for one that reads from a server which does not answer."""
        if self.is_closed:
            return
        self.kill_child()
        if self._is_ended(_END_SECONDS):
            os.waitpid(self._pid, 0)
        self._release()

    def _is_ended(self, seconds: float) -> bool:
        poll = select.poll()
        poll.register(self._pidfd, select.POLLIN)
        return bool(poll.poll(max(0.0, seconds) * 1000))

    def _release(self) -> None:
        self._control.close()
        os.close(self._pidfd)


def start(job: str) -> DirectProcess | None:
    """Fork a direct process for *job* (``module:function``); return None where that can't be done.

    No other thread may exist: it might hold a lock at that moment, which the child would wait for in vain.
    """
    try:
        if len(os.listdir("/proc/self/task")) != 1:  # noqa: PTH208 - no library more
            return None
        os.close(os.pidfd_open(os.getpid()))  # before Linux 5.3 there is nothing to poll for the end
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    except (OSError, AttributeError):
        return None
    parent = os.getpid()
    try:
        pid = os.fork()
    except OSError:
        ours.close()
        theirs.close()
        return None
    if pid == 0:
        _become_child(theirs, parent, job)
    theirs.close()
    return DirectProcess(pid, os.pidfd_open(pid), ours)


def _become_child(control: socket.socket, parent: int, job: str) -> None:
    """Never return: nothing of the command may run twice, neither its exits nor its tracebacks."""
    try:
        sys.path[:] = import_path()  # before anything else is imported
        import_module(_CHILD).main(control, parent, job)
    finally:
        os._exit(wire.LOCK_FAILED)
