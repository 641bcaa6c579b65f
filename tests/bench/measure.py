"""Runs a command and says what it cost: wall clock, processor time, peak memory, with all its children."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PAGE = resource.getpagesize()
_SAMPLE = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """One run of one command."""

    status: int
    """Exit status; negative: the signal; 124: ended for taking too long."""
    wall: float
    """Seconds."""
    cpu: float
    """Seconds of processor time, in user and kernel mode, of the command and every child that it waited for."""
    peak: int
    """Bytes: the largest single process's resident set, or the largest sum of proportional sets seen of all at once."""
    stdout: bytes
    stderr: bytes


def run(
    command: Sequence[str],
    *,
    stdin: bytes = b"",
    timeout: float = 600,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Cost:
    """Run *command* to its end, or until *timeout* seconds are over."""
    begun = time.perf_counter()
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=None if env is None else {**os.environ, **env},
        cwd=cwd,
        start_new_session=True,
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    watcher = _Watcher(process.pid)
    watcher.start()
    late = False
    try:
        out, err = process.communicate(stdin, timeout=timeout)
    except subprocess.TimeoutExpired:
        late = True
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
    wall = time.perf_counter() - begun
    watcher.stop()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    status = 124 if late else process.returncode
    return Cost(status=status, wall=wall, cpu=cpu, peak=watcher.peak, stdout=out, stderr=err)


class _Watcher(threading.Thread):
    """Looks at a process and its descendants until told to stop."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self._over = threading.Event()
        self.peak = 0

    def run(self) -> None:
        while not self._over.wait(_SAMPLE):
            tree = _descendants(self._pid)
            if len(tree) == 1:
                now = max(map(_high_water, tree), default=0)
            else:
                now = max(sum(map(_proportional, tree)), max(map(_high_water, tree), default=0))
            self.peak = max(self.peak, now)

    def stop(self) -> None:
        """End and wait."""
        self._over.set()
        self.join()


def _descendants(pid: int) -> list[int]:
    found = [pid]
    for parent in found:
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{parent}/task").iterdir():
                found.extend(map(int, (task / "children").read_text().split()))
    return found


def _field(path: str, name: str) -> int:
    with contextlib.suppress(OSError, ValueError):
        for line in Path(path).read_text().splitlines():
            if line.startswith(name):
                return int(line.split()[1]) * 1024
    return 0


def _high_water(pid: int) -> int:
    return _field(f"/proc/{pid}/status", "VmHWM:")


def _proportional(pid: int) -> int:
    return _field(f"/proc/{pid}/smaps_rollup", "Pss:")
