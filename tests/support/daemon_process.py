"""`picklewatch run` in a process of its own, which a test may kill and start again."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

from support.watching import PATIENCE, eventually

from picklewatch.store import Store

BENIGN = b"\x80\x02}q\x00X\x01\x00\x00\x00aK\x01s."
HOSTILE = b"\x80\x02cposix\nsystem\nX\x04\x00\x00\x00echo\x85R."


def one_worker(config: str) -> str:
    """Return *config* with one worker, unless it says how many: each starts a warm process, and few tests need two."""
    if "workers" in config:
        return config
    if "[scan]\n" in config:
        return config.replace("[scan]\n", "[scan]\nworkers = 1\n")
    return f"{config}\n[scan]\nworkers = 1\n"


class Process:
    """`picklewatch run` on *paths*, or the directory ``root`` below *home*; may be killed and started again."""

    def __init__(
        self, home: Path, config: str = "", paths: tuple[str, ...] | None = None, *, through: tuple[str, ...] = ()
    ) -> None:
        """*through* is a command that runs the command after it, such as ``setpriv``."""
        self._through = through
        self.environment: dict[str, str] = {}
        """What the daemon's environment has beside the test's own; for the next `start`."""
        self.python = sys.executable
        """The interpreter that runs it; for the next `start`."""
        self.stderr: int | None = None
        """The descriptor that its log goes to instead of a file in *home*; then nobody knows of its events."""
        self.home = home
        self.root = home / "root"
        self._paths = (str(self.root),) if paths is None else paths
        self.root.mkdir(exist_ok=True)
        self.state = home / "state"
        (home / "config.toml").write_text(one_worker(config))
        self._log = home / "log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it is ready."""
        before = len(self.events("watch.ready"))
        self.launch()
        ready = eventually(lambda: len(self.events("watch.ready")) > before)
        assert ready, self._log.read_text()

    def launch(self) -> None:
        """Start it."""
        command = [*self._through, self.python, "-m", "picklewatch"]
        command += ["run", "-c", str(self.home / "config.toml")]
        command += ["--state-dir", str(self.state), *self._paths]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log if self.stderr is None else self.stderr,
                env={**os.environ, **self.environment},
            )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        assert self.stop() == 0

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process that runs."""
        assert self._process is not None
        return self._process

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it by a signal; the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()
        self.process.wait()

    def events(self, name: str) -> list[dict[str, Any]]:
        """The events *name* in the log of all starts."""
        lines = self._log.read_bytes().split(b"\n")[:-1] if self._log.exists() else []
        return [event for event in map(_event, lines) if event["event"] == name]

    def waiting(self) -> int:
        """Return the number of queued files."""
        with contextlib.closing(Store(self.state, read_only=True)) as store:
            return len(store.jobs)

    def judged(self) -> int:
        """Return the number of files with a verdict."""
        store = Store(self.state, read_only=True)
        try:
            return sum(store.records.counts().values())
        finally:
            store.close()


def _event(line: bytes) -> dict[str, Any]:
    try:
        event = json.loads(line)
    except ValueError as error:
        raise AssertionError(f"not a line of the log: {line!r}") from error
    assert isinstance(event, dict)
    return event


def children(pid: int) -> list[int]:
    """The processes that the threads of *pid* started and that are still there."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]
