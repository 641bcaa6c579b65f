"""The real daemon, in a process of its own, with a home of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Self

from support.daemon_process import one_worker
from support.watching import PATIENCE, eventually

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_CACHES = ("HF_", "HUGGINGFACE_", "TORCH_", "XDG_", "MODELSCOPE_", "KERAS_", "YOLO_", "OLLAMA_", "PICKLEWATCH_")
_SYSTEMD = ("STATE_DIRECTORY", "NOTIFY_SOCKET", "WATCHDOG_USEC", "JOURNAL_STREAM")


def environment(home: Path, **more: str) -> dict[str, str]:
    """This process's environment, with *home* as home and nothing that moves a cache but *more*."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(_CACHES) and k not in _SYSTEMD}
    # root's daemon would look into every user's home; these tests are about one user's
    return {**kept, "HOME": str(home), "XDG_STATE_HOME": str(home / "state"), **more}


class Daemon:
    """``picklewatch run`` as a user starts it. Its home and caches are below the folder *home*."""

    def __init__(self, home: Path, *arguments: str, config: str = "", env: Mapping[str, str] | None = None) -> None:
        """Prepare ``picklewatch run *arguments*``; *config* is the text of its configuration, *env* more variables."""
        self._log = home / "picklewatch.telemetry.log"
        configuration = home / "picklewatch.toml"
        configuration.write_text('[watch]\nusers = "self"\n' + one_worker(config))
        command = [sys.executable, "-m", "picklewatch", "run", "-c", str(configuration), *arguments]
        self._command = command
        self._environment = environment(home, **(env or {}))
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Start, and wait until it watches."""
        self._log.touch()
        ready = len(self.events("watch.ready"))
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self.wait_for("watch.ready", ready + 1)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop as systemd would; a daemon that does not leave with status 0 fails the test."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            status = self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise
        assert status == 0, f"status {status}:\n{self.log()}"

    @property
    def pid(self) -> int:
        """The daemon's process."""
        assert self._process is not None
        return self._process.pid

    def log(self) -> str:
        """Everything it wrote."""
        return self._log.read_text(errors="replace")

    def events(self, name: str) -> list[dict[str, Any]]:
        """All events *name* so far."""
        # a last line may be half written
        lines = [line for line in self.log().split("\n")[:-1] if line.startswith("{")]
        return [event for event in map(json.loads, lines) if event["event"] == name]

    def wait_for(self, name: str, count: int = 1) -> list[dict[str, Any]]:
        """Wait until there are *count* events *name*; return them."""
        process = self._process
        assert process is not None
        eventually(lambda: len(self.events(name)) >= count or process.poll() is not None)
        events = self.events(name)
        assert len(events) >= count, f"{len(events)} of {count} events {name!r}; the log:\n{self.log()}"
        return events
