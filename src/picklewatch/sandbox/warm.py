"""The warm process: it has imported everything, waits for files, and forks a locked-down child for each.

The next child is forked ahead, so that a file does not wait for that.

It parses nothing hostile itself. Its only input is the control socket (``SOCK_SEQPACKET``, one message at a time):

- from the parent: ``{"job": kind, "limits": …, "request": …}`` with its descriptors (the file, read-only; the
  writing ends of the result pipe and of a rescue's raw one), or ``{"kill": true}`` for the child at work; end of file:
  kill it and end;
- to the parent: ``{"ready": protections, "engine": version or null}`` or ``{"refused": sentence}`` once; for each job
  ``{"ended": status, "peak_kib": n, "cpu_seconds": x}``, or ``{"unforked": true}`` where no process can be made.

Until it is ready it does only what one scan needs; after `_FEW` jobs it does the rest, which then pays.
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
import time
from typing import TYPE_CHECKING, Any

from picklewatch.access.free_memory import return_free_memory
from picklewatch.core.model import Limits, ScanReport
from picklewatch.sandbox import child, kernel, lockdown, samples, wire

if TYPE_CHECKING:
    from collections.abc import Callable

REHEARSAL = "rehearsal"
_REHEARSALS = 3
_REHEARSAL_SECONDS = 5.0
_FEW = 2
"""Jobs after which more are likely to come: most commands are about one file."""


def main(control: int, jobs: dict[str, str], *, versioned: bool) -> None:
    """Serve *jobs* (kind → ``module:function``) on the socket *control* until the parent closes it.

    With *versioned* the parent is told the engine's version, for which all its sources are read.
    """
    _ignore_signals()
    kernel.set_name("picklewatch-box")
    with socket.socket(fileno=control) as connection:
        functions = {kind: _function(place) for kind, place in jobs.items()}
        gc.freeze()  # what was imported stays: no collection needs to look at it
        samples.warm_up(functions)
        engine = _engine_version() if versioned else None  # it reads the rules' files: only now is that allowed
        try:
            server = Server(connection, functions)
        except lockdown.RefusedError as error:
            _send(connection, {"refused": str(error)})
            return
        _send(connection, {"ready": server.plan.protections().to_json(), "engine": engine})
        os.dup2(1, 2)  # until now the parent could read why the start failed; 1 is /dev/null
        server.serve()
    os._exit(0)  # the interpreter has nothing to tidy up that the kernel does not


def _engine_version() -> str:
    from picklewatch.sandbox.engine_version import engine_version

    return engine_version().key


def _function(place: str) -> Callable[..., Any]:
    module, _, name = place.partition(":")
    function: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return function


def _ignore_signals() -> None:
    """Ignore Ctrl-C and a service manager's SIGTERM, which reach this process as well: the parent ends it."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)


def _send(connection: socket.socket, message: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):  # the parent is gone: the end of file follows
        connection.send(json.dumps(message).encode())


class Server:
    """Takes one job after the other. Making it locks this process down."""

    def __init__(self, connection: socket.socket, functions: dict[str, Callable[..., Any]]) -> None:
        self._connection = connection
        self._functions = {**functions, REHEARSAL: _nothing}
        self._me = os.getpid()
        self._working: int | None = None
        """The child at work."""
        self._waiting: tuple[int, socket.socket] | None = None
        """A child that waits for a job, and the socket to send it to."""
        self._warm_up: Callable[[], object] = lambda: functions["scan"](samples.DATA, Limits())
        self._ended = 0
        """Jobs that were done."""
        self._woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        self.plan = lockdown.prepare()
        self._rehearse()
        self._settle_memory()

    def serve(self) -> None:
        """Work until the parent closes the socket."""
        poll = select.poll()
        poll.register(self._connection, select.POLLIN)
        poll.register(self._woken, select.POLLIN)
        self._prepare()
        while True:
            ready = {descriptor for descriptor, _ in poll.poll()}
            if self._woken in ready:
                self._reap()
            if self._connection.fileno() in ready and not self._receive():
                return

    def _receive(self) -> bool:
        """Take one message; return False if it is the last."""
        try:
            message, fds, _, _ = socket.recv_fds(self._connection, child.MESSAGE, child.DESCRIPTORS)
        except OSError:
            message, fds = b"", []
        if not message:
            self._kill()
            return False
        if fds:
            self._start(message, fds)
        else:
            self._kill()
        return True

    def _start(self, message: bytes, fds: list[int]) -> None:
        """Send a job to the waiting child."""
        for _attempt in ("the one in waiting", "a new one"):
            if self._waiting is None:
                self._prepare()
            if self._waiting is not None and self._sent(message, fds):
                break
        else:
            _send(self._connection, {"unforked": True})
        for descriptor in fds:
            os.close(descriptor)

    def _sent(self, message: bytes, fds: list[int]) -> bool:
        assert self._waiting is not None
        pid, connection = self._waiting
        self._waiting = None
        with connection:
            try:
                socket.send_fds(connection, [message], fds)
            except OSError:  # it was killed while it waited
                return False
        self._working = pid
        return True

    def _prepare(self) -> None:
        """Fork a child that waits for a job, so that the next file does not wait for a fork."""
        try:
            self._waiting = self._forked()
        except OSError:  # no more processes or memory for now; the next job tries again
            self._waiting = None

    def _forked(self) -> tuple[int, socket.socket]:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                pid = kernel.fork()
            except OSError:
                ours.close()
                raise
            if pid == 0:
                child.run(self.plan, self._me, self._functions, theirs, self._warm_up)
        return pid, ours

    def _kill(self) -> None:
        if self._working is not None:
            os.kill(self._working, signal.SIGKILL)

    def _reap(self) -> None:
        """Collect children that ended; report the one that worked to the parent."""
        with contextlib.suppress(BlockingIOError):
            os.read(self._woken, 512)
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self._working:
                self._working = None
                cpu = usage.ru_utime + usage.ru_stime
                ended = {"ended": os.waitstatus_to_exitcode(status), "peak_kib": usage.ru_maxrss, "cpu_seconds": cpu}
                _send(self._connection, ended)
                self._ended += 1
                if self._ended == _FEW:
                    samples.practise(self._functions["scan"])
                    self._settle_memory()
                self._prepare()  # only now: while another child lives, pages are copied that need not be

    def _settle_memory(self) -> None:
        """Drop what the last steps left, and freeze the rest: a child's collections shall not touch, and copy, it."""
        gc.collect()
        return_free_memory()
        gc.freeze()
        lockdown.measure(self.plan)

    def _rehearse(self) -> None:
        """Try the plan with a child that does nothing; drop, and report, protections that fail on this machine."""
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
        """Return the exit status of a rehearsal child; a failure counts only if it repeats, not a stray signal."""
        for _attempt in range(_REHEARSALS):
            if (status := self._rehearsed()) == 0:
                break
        if status is None:
            raise TimeoutError("a child that does nothing does not end")  # no reason to leave a protection out
        return status

    def _rehearsed(self) -> int | None:
        """Return the status of one child, or None if it was killed for taking too long, as when it was stopped."""
        pid, connection = self._forked()
        empty = os.memfd_create("rehearsal", os.MFD_CLOEXEC)
        header = {"job": REHEARSAL, "limits": wire.encode_limits(Limits()), "request": None}
        with connection, contextlib.suppress(OSError):
            socket.send_fds(connection, [json.dumps(header).encode()], [empty, 1])
        os.close(empty)
        end = time.monotonic() + _REHEARSAL_SECONDS
        while (ended := os.waitpid(pid, os.WNOHANG))[0] == 0:
            if time.monotonic() > end:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                return None
            time.sleep(0.001)
        return os.waitstatus_to_exitcode(ended[1])


def _nothing(_data: object, _limits: Limits, _tell: object) -> ScanReport:
    return ScanReport(format="other", complete=True, code_bearing=False)
