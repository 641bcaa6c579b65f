"""Hands one message to a program: JSON on standard input, no shell, a limit of time, and everything it started ended.

Every sink is such a program, ours too: one that hangs, crashes or leaks costs the notifier nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from typing import TYPE_CHECKING, Any, Final

from picklewatch.core.model import printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SECONDS: Final = 30.0
"""For one delivery."""
_SAID: Final = 200
"""Bytes of what the program complained about last that are repeated."""
_PIECE: Final = 64 << 10


class Delivery:
    """One program that runs with one message."""

    def __init__(self, command: Sequence[str], message: Mapping[str, Any], now: float) -> None:
        """Start *command*; a program that can't be started is a delivery that failed."""
        self._until = now + SECONDS
        self._failure: str | None = None
        self._said = b""
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self._process = _started(command, json.dumps(message).encode("ascii") + b"\n")
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            self._failure = f"it can't be started: {reason}"

    def failure(self, now: float) -> str | None:
        """Return None while it runs, then what failed; empty for nothing."""
        if self._process is not None:
            self._hear(self._process)
            if os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
                self._hear(self._process)
                self._failure = self._ending(self.end())
            elif now >= self._until:
                self.end()
                self._failure = f"it did not end within {SECONDS:.0f} s"
        return self._failure

    def end(self) -> int:
        """End the program, and what it started in its session; return its status."""
        process, self._process = self._process, None
        if process is None:
            return 0
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)  # it is not reaped yet, so nobody else has its number
        assert process.stderr is not None
        process.stderr.close()
        return process.wait()

    def _hear(self, process: subprocess.Popen[bytes]) -> None:
        """Keep the last words of what it complained about."""
        assert process.stderr is not None
        with contextlib.suppress(BlockingIOError):
            if piece := os.read(process.stderr.fileno(), _PIECE):
                self._said = (self._said + piece)[-_SAID:]

    def _ending(self, status: int) -> str:
        if status == 0:
            return ""
        how = f"it was ended by signal {-status}" if status < 0 else f"it ended with status {status}"
        lines = self._said.decode("utf-8", "replace").split("\n")
        said = next((printable(line.strip()) for line in reversed(lines) if line.strip()), "")
        return f"{how}: {said}" if said else how


def _started(command: Sequence[str], given: bytes) -> subprocess.Popen[bytes]:
    """Start *command* with *given* as its standard input: no pipe, which a program that reads nothing would block."""
    memory = os.memfd_create("message", os.MFD_CLOEXEC)
    try:
        with open(memory, "wb", closefd=False) as file:
            file.write(given)
        os.lseek(memory, 0, os.SEEK_SET)
        process = subprocess.Popen(  # noqa: S603 - the operator's own words, no shell
            command, stdin=memory, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
        )
    finally:
        os.close(memory)
    assert process.stderr is not None
    os.set_blocking(process.stderr.fileno(), False)
    return process
