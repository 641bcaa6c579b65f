"""Self-test of the whole path - event, queue, sandbox, verdict, record - with a harmless file that must be malicious.

A running daemon knows the file by where it lies and whose it is, and answers without keeping a record of it.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import secrets
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from picklewatch.core.errors import Error
from picklewatch.core.self_test_file import ANSWER, CONTENT, RULE, SelfTestAnswer
from picklewatch.core.state_layout import StateLayout

if TYPE_CHECKING:
    from collections.abc import Iterator

START_SECONDS = 30.0
"""Seconds that a temporary daemon may take to be ready."""
JUDGE_SECONDS = 20.0
"""Seconds that the verdict may take."""
STOP_SECONDS = 20.0
"""Seconds that a temporary daemon may take to end."""
_PAUSE = 0.05
_CONFIGURATION = '[log]\nlevel = "info"\nformat = "json"\n[quarantine]\nlevel = "off"\n[scan]\nworkers = 1\n'
_OURS = (
    "PICKLEWATCH_",
    "STATE_DIRECTORY",
    "RUNTIME_DIRECTORY",
    "NOTIFY_SOCKET",
    "WATCHDOG_",
    "JOURNAL_STREAM",
    "LISTEN_",
)


class SelfTestError(Error):
    """The self-test failed; the message says where."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """The result of a self-test that succeeded."""

    daemon: str
    """The daemon that was tried: ``running`` or ``temporary``."""
    seconds: float
    """From closing the file to its record."""
    quarantined: bool = False
    """True if the file was moved to quarantine, and removed from there again."""


def through_running(state: Path) -> Proof:
    """Have the daemon of *state* judge a self-test file, and move it if it moves files. The file is removed again.

    Raises `SelfTestError`; `PermissionError` if this user may not write to *state*.
    """
    path = StateLayout(Path(os.path.realpath(state))).canary / f"self-test-{secrets.token_hex(4)}.pkl"
    start = _drop(path)
    try:
        answer = _wait_for_answer(state, str(path), start)
        seconds = time.monotonic() - start
        _check(answer.verdict, answer.reasons)
        if answer.problem:
            raise SelfTestError(f"the self-test file was judged, but not moved to quarantine: {answer.problem}")
        return Proof(daemon="running", seconds=seconds, quarantined=answer.moved)
    finally:
        with contextlib.suppress(OSError):
            path.unlink()


def through_temporary() -> Proof:
    """Start a daemon with a state and a directory of its own, have it judge a self-test file, and end it.

    Raises `SelfTestError`.
    """
    with tempfile.TemporaryDirectory(prefix="picklewatch-self-test-") as made:
        folder = Path(made).resolve()
        root = folder / "models"
        root.mkdir()
        (folder / "config.toml").write_text(_CONFIGURATION)
        with _daemon(folder, root) as events:
            _wait_for(events, "watch.ready", START_SECONDS)
            path = root / "self-test.pkl"
            start = _drop(path)
            record = _wait_for(events, "file.scanned", JUDGE_SECONDS)
            _check(str(record.get("verdict")), tuple(record.get("reasons", ())))
            return Proof(daemon="temporary", seconds=time.monotonic() - start)


def _drop(path: Path) -> float:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    with open(fd, "wb") as file:  # noqa: PTH123 - a descriptor
        os.fchmod(fd, 0o644)  # whatever the umask: root's file must be readable for a user's daemon
        file.write(CONTENT)
    return time.monotonic()


def _check(verdict: str, reasons: tuple[str, ...]) -> None:
    if verdict != "malicious" or RULE not in reasons:
        found = f"{verdict} ({', '.join(reasons) or 'no reasons'})"
        raise SelfTestError(f"the self-test file was judged {found}, not malicious ({RULE})", "Please report this bug.")


def _wait_for_answer(state: Path, path: str, start: float) -> SelfTestAnswer:
    from picklewatch.store import Store

    store = Store(state, read_only=True)
    try:
        while time.monotonic() - start < JUDGE_SECONDS:
            with contextlib.suppress(sqlite3.OperationalError):  # locked for a moment
                if (answer := SelfTestAnswer.of(store.get_state(ANSWER), path)) is not None:
                    return answer
            time.sleep(_PAUSE)
    finally:
        store.close()
    raise SelfTestError(
        f"the running daemon did not judge the self-test file within {JUDGE_SECONDS:.0f} s",
        "`picklewatch status` shows what it is doing, its log what went wrong.",
    )


class _Events:
    """The events that a daemon logs, as they arrive."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._lines: queue.Queue[bytes | None] = queue.Queue()
        self._seen: list[str] = []
        self._thread = threading.Thread(target=self._read, daemon=True, name="self-test-log")
        self._thread.start()

    def next(self, seconds: float) -> dict[str, Any] | None:
        """Return the next event; None if there is none within *seconds* or the daemon ended."""
        try:
            line = self._lines.get(timeout=max(0.0, seconds))
        except queue.Empty:
            return None
        if line is None:
            return None
        self._seen.append(line.decode("utf-8", "replace").strip())
        with contextlib.suppress(ValueError):
            event = json.loads(line)
            if isinstance(event, dict):
                return event
        return {}

    def last_words(self) -> str:
        """Return the last lines of its log."""
        return " | ".join(self._seen[-3:])[-500:] or "it logged nothing"

    def close(self) -> None:
        """Stop reading; the daemon has ended."""
        self._thread.join()
        assert self._process.stderr is not None
        self._process.stderr.close()

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._lines.put(line)
        self._lines.put(None)


@contextlib.contextmanager
def _daemon(folder: Path, root: Path) -> Iterator[_Events]:
    """Run a daemon over *root* whose state and configuration are in *folder*; it must end well."""
    arguments = ["run", "-c", str(folder / "config.toml"), "--state-dir", str(folder / "state"), str(root)]
    environ = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    process = subprocess.Popen(  # noqa: S603 - this interpreter
        [sys.executable, "-I", "-m", "picklewatch", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environ,
    )
    events = _Events(process)
    try:
        yield events
        process.send_signal(signal.SIGTERM)
        if process.wait(STOP_SECONDS) != 0:
            raise SelfTestError(f"the temporary daemon ended with status {process.returncode}: {events.last_words()}")
    except subprocess.TimeoutExpired:
        raise SelfTestError(f"the temporary daemon did not end within {STOP_SECONDS:.0f} s") from None
    finally:
        process.kill()
        process.wait()
        events.close()


def _wait_for(events: _Events, name: str, seconds: float) -> dict[str, Any]:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        event = events.next(left)
        if event is None:
            break
        if event.get("event") == name:
            return event
    raise SelfTestError(f"the temporary daemon logged no {name} within {seconds:.0f} s: {events.last_words()}")
