"""The parent's side of one warm process: its start, its jobs, its end."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import select
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from picklewatch.core.errors import SandboxError, SandboxStartError
from picklewatch.sandbox.protections import Protections

START_SECONDS = 60.0
"""Seconds that the warm process may take to import everything (a cold disk, a busy machine)."""
_END_SECONDS = 2.0
_MESSAGE = 64 << 10
_BOOT = (
    "import gc; gc.disable(); "
    "import json, sys; control, path, jobs, versioned = json.loads(sys.argv[1]); sys.path[:] = path; "
    "from picklewatch.sandbox.warm import main; main(control, jobs, versioned=versioned)"
)
"""Without `site` (``-S``), which only finds the import path that it is given here, and without collecting garbage:
imports make none, and looking for it takes a tenth of the start."""
_KEPT_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "TZ")
"""All else stays away from a process that meets hostile bytes: tokens live in environments."""
_REFUSED_HINT = (
    "If picklewatch runs under systemd, let the unit's filter pass them: SystemCallFilter=@system-service "
    "landlock_create_ruleset landlock_add_rule landlock_restrict_self seccomp. In a container, use a seccomp profile "
    "that allows them."
)


class DiedError(Exception):
    """The warm process is gone."""


class WarmProcess:
    """One running warm process. *jobs* maps a kind of job to its ``module:function``.

    *engine* is the version of the engine that it must have: an upgrade may have come since this process began.
    """

    def __init__(self, jobs: dict[str, str], engine: str | None = None) -> None:
        self._engine = engine
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            number = theirs.fileno()
            try:
                self._process = subprocess.Popen(  # noqa: S603 - our own interpreter, no shell
                    [sys.executable, "-IS", "-c", _BOOT, json.dumps([number, import_path(), jobs, engine is not None])],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    pass_fds=(number,),
                    env=kept_environment(),
                    cwd="/",
                    start_new_session=True,
                )
            except OSError as error:
                self._control.close()
                is_gone = error.errno in (errno.ENOENT, errno.EACCES)
                hint = "Is Python still installed there?" if is_gone else "Look at `ulimit -a`, then try again."
                raise SandboxStartError(f"the sandbox did not start: {error}", hint) from error
        self._protections: Protections | None = None

    @property
    def pid(self) -> int:
        """The warm process's id."""
        return self._process.pid

    @property
    def is_closed(self) -> bool:
        """True once `close` was called."""
        return self._control.fileno() < 0

    def protections(self) -> Protections:
        """Wait until it is ready, and return its protections; raise `SandboxError`, or `DiedError` if closed."""
        if self._protections is None:
            self._protections = self._wait_ready()
        return self._protections

    def _wait_ready(self) -> Protections:
        match self.message(START_SECONDS):
            case {"refused": str(why)}:
                self.close()
                raise SandboxError(f"the sandbox can't be set up: {why}", _REFUSED_HINT)
            case {"ready": _, "engine": engine} if engine != self._engine:
                self.close()
                raise SandboxStartError("picklewatch was upgraded while this process ran", "Start it again.")
            case {"ready": {"missing": list()} as ready}:
                assert self._process.stderr is not None
                self._process.stderr.close()
                return Protections(**{**ready, "missing": tuple(ready["missing"])})
            case _:
                raise self._not_started()

    def _not_started(self) -> SandboxError:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_SECONDS)  # it may still be printing why
        self._process.kill()
        assert self._process.stderr is not None
        printed = self._process.stderr.read(1 << 16).decode(errors="replace").strip()
        self.close()
        why = printed.splitlines()[-1] if printed else "it gave no reason"
        return SandboxStartError(
            f"the sandbox did not start: {why}",
            "Install picklewatch and its dependencies again; `picklewatch doctor` tells more.",
        )

    def submit(self, header: dict[str, Any], fds: list[int]) -> None:
        """Send a job, or raise `DiedError`."""
        try:
            socket.send_fds(self._control, [json.dumps(header).encode()], fds)
        except OSError as error:
            raise DiedError(str(error)) from error

    def kill_child(self) -> None:
        """Have the child at work killed, or raise `DiedError`; its end comes as a message."""
        self.submit({"kill": True}, [])

    def fileno(self) -> int:
        """Return the descriptor to poll for a message; -1 when closed."""
        return self._control.fileno()

    def message(self, seconds: float) -> dict[str, Any] | None:
        """Wait for the next message; None if it is gone, silent for *seconds*, or sends no JSON object."""
        deadline = time.monotonic() + seconds
        poll = select.poll()
        try:
            poll.register(self._control, select.POLLIN)
            if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
                return None
            text = self._control.recv(_MESSAGE)
        except (OSError, ValueError):
            return None
        try:
            message = json.loads(text)
        except ValueError:
            return None
        return message if isinstance(message, dict) else None

    def interrupt(self) -> None:
        """End every wait on this process now, from any thread; `close` it afterwards."""
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End it, with the child at work, and wait for it."""
        self.interrupt()
        self._control.close()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._wait_a_moment()
        if self._process.stderr is not None:
            self._process.stderr.close()

    def _wait_a_moment(self) -> None:
        """Wait for the end of what was killed; not for a scan that reads from a server which does not answer."""
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            threading.Thread(target=self._process.wait, name="picklewatch-reap", daemon=True).start()


def kept_environment() -> dict[str, str]:
    """Return the variables that a process of ours gets which needs no others."""
    return {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}


def import_path() -> list[str]:
    """Return this process's import path without the current directory, in which a hostile download may lie."""
    try:
        here = Path.cwd().resolve()
    except OSError:  # it was removed, so nothing is imported from it
        here = None
    ours = str(Path(__file__).resolve().parents[2])
    path = [entry for entry in sys.path if Path(entry).is_absolute() and Path(entry).resolve() != here]
    return path if ours in path else [*path, ours]
