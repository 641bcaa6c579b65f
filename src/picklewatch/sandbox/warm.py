"""The warm process: has everything imported, waits for files, forks a locked-down child for each.

It parses nothing hostile itself. Its only input is the control socket (``SOCK_SEQPACKET``, one message at a time):

- from the parent: ``{"job": kind, "limits": …, "request": …}`` with two descriptors (the file, read-only; the
  result pipe's writing end), or ``{"kill": true}`` for the child at work; end of file: kill it and end;
- to the parent: ``{"ready": protections}`` or ``{"refused": sentence}`` once; for each job
  ``{"ended": status, "peak_kib": n, "cpu_seconds": x}``.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
from typing import TYPE_CHECKING, Any

from picklewatch.model import Limits, ScanReport
from picklewatch.sandbox import child, kernel, lockdown, samples, wire

if TYPE_CHECKING:
    from collections.abc import Callable

MESSAGE = 128 << 10
"""Bytes of one control message, at most."""


def main(control: int, jobs: dict[str, str]) -> None:
    """Serve *jobs* (kind → ``module:function``) on the socket *control* until the parent closes it."""
    _ignore_signals()
    kernel.set_name("picklewatch-box")
    with socket.socket(fileno=control) as connection:
        functions = {kind: _function(place) for kind, place in jobs.items()}
        samples.warm_up(functions)
        try:
            server = Server(connection, functions)
        except lockdown.RefusedError as error:
            _say(connection, {"refused": str(error)})
            return
        _say(connection, {"ready": server.plan.protections().to_json()})
        os.dup2(1, 2)  # until now the parent could read why the start failed; 1 is /dev/null
        server.serve()
    os._exit(0)  # the interpreter has nothing to tidy up that the kernel does not


def _function(place: str) -> Callable[..., Any]:
    module, _, name = place.partition(":")
    function: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return function


def _ignore_signals() -> None:
    """Leave it to the parent when to end: Ctrl-C and a service manager's SIGTERM reach this process as well."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)


def _say(connection: socket.socket, message: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):  # the parent is gone: the end of file says so next
        connection.send(json.dumps(message).encode())


class Server:
    """Takes one job after the other. Making it locks this process down."""

    def __init__(self, connection: socket.socket, functions: dict[str, Callable[..., Any]]) -> None:
        self._connection = connection
        self._functions = functions
        self._me = os.getpid()
        self._working: int | None = None
        """The child at work."""
        self._woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        self.plan = lockdown.prepare()
        self._rehearse()
        gc.collect()
        gc.disable()
        gc.freeze()  # so that a child's collections don't touch, and copy, what it shares with this process

    def serve(self) -> None:
        """Work until the parent closes the socket."""
        poll = select.poll()
        poll.register(self._connection, select.POLLIN)
        poll.register(self._woken, select.POLLIN)
        while True:
            ready = {descriptor for descriptor, _ in poll.poll()}
            if self._woken in ready:
                self._reap()
            if self._connection.fileno() in ready and not self._receive():
                return

    def _receive(self) -> bool:
        """Take one message; say whether there will be more."""
        try:
            message, fds, _, _ = socket.recv_fds(self._connection, MESSAGE, 2)
        except OSError:
            message, fds = b"", []
        if not message:
            self._kill()
            return False
        header = json.loads(message)
        if "job" in header:
            self._start(header, fds)
        else:
            self._kill()
        for descriptor in fds:
            os.close(descriptor)
        return True

    def _start(self, header: dict[str, Any], fds: list[int]) -> None:
        try:
            pid = os.fork()
        except OSError:  # no more processes or memory for now
            _say(self._connection, {"ended": wire.LOCK_FAILED, "peak_kib": 0, "cpu_seconds": 0.0})
            return
        if pid == 0:
            child.run(self.plan, self._me, self._functions[header["job"]], header, fds)
        self._working = pid

    def _kill(self) -> None:
        if self._working is not None:
            os.kill(self._working, signal.SIGKILL)

    def _reap(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._woken, 512)
        if self._working is None:
            return
        pid, status, usage = os.wait4(self._working, os.WNOHANG)
        if pid == self._working:
            self._working = None
            cpu = usage.ru_utime + usage.ru_stime
            ended = {"ended": os.waitstatus_to_exitcode(status), "peak_kib": usage.ru_maxrss, "cpu_seconds": cpu}
            _say(self._connection, ended)

    def _rehearse(self) -> None:
        """Try the plan with a child that does nothing; leave out, and say, what does not work on this machine."""
        self.plan.rlimits = True
        if (status := self._rehearsal()) == 0:
            return
        if self.plan.program is not None:
            program, self.plan.program = self.plan.program, None
            if self._rehearsal() == 0:
                self.plan.missing.append(f"system calls are not filtered: a filtered child fails here ({status})")
                return
            self.plan.program = program
        self.plan.rlimits = False
        if (status := self._rehearsal()) != 0:
            raise lockdown.RefusedError(f"a locked-down child does not work on this machine (status {status})")
        self.plan.missing.append("resource limits can't be set")

    def _rehearsal(self) -> int:
        null = os.dup(1)
        empty = os.memfd_create("rehearsal", os.MFD_CLOEXEC)
        header = {"limits": wire.encode_limits(Limits())}
        pid = os.fork()
        if pid == 0:
            child.run(self.plan, self._me, _nothing, header, [empty, null])
        os.close(null)
        os.close(empty)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _nothing(_data: object, _limits: Limits) -> ScanReport:
    return ScanReport(format="other", complete=True, code_bearing=False)
