"""The parent's side of one warm process: its start, its jobs, its end."""

from __future__ import annotations

import contextlib
import errno
import json
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

from picklewatch.core.errors import SandboxError, SandboxStartError
from picklewatch.sandbox.starting import (
    START_SECONDS,
    DiedError,
    import_path,
    kept_environment,
    protections_of,
    received,
)

_END_SECONDS = 2.0
_BOOT = (
    "import gc; gc.disable(); "
    "import json, sys; control, path, jobs, versioned = json.loads(sys.argv[1]); sys.path[:] = path; "
    "from picklewatch.sandbox.warm import main; main(control, jobs, versioned=versioned)"
)
"""Without `site` (``-S``), which only finds the import path that it is given here, and without collecting garbage:
imports make none, and looking for it takes a tenth of the start."""


if TYPE_CHECKING:
    from picklewatch.sandbox.protections import Protections


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
        try:
            protections = protections_of(self.message(START_SECONDS), self._engine)
        except SandboxError:
            self.close()
            raise
        if protections is None:
            raise self._not_started()
        assert self._process.stderr is not None
        self._process.stderr.close()
        return protections

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
        return received(self._control, seconds)

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
