"""What the guard logs: refused opens, and what becomes of its processes. It has a thread: nobody waits for a log."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import structlog

from picklewatch.core.model import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

_log = structlog.get_logger()

_WAITING: Final = 1_000
"""Reports that wait for a log that takes none, at most."""
_PAUSE: Final = 1.0
"""Seconds between two reports about one content: a program may try again all the time."""
_REMEMBERED: Final = 10_000
_END_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Asker:
    """The process that wanted to open or read."""

    pid: int
    uid: int | None = None
    program: str = ""


def asker_of(pid: int) -> Asker:
    """Return who *pid* is, as far as the kernel tells everybody. While its open waits, the number is not another's."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="backslashreplace") as status:  # noqa: PTH123
            fields = dict(line.rstrip("\n").split(":\t", 1) for line in status if ":\t" in line)
        return Asker(pid, int(fields["Uid"].split()[1]), printable(fields["Name"]))
    return Asker(pid)


@dataclass(frozen=True, slots=True)
class OpenReport:
    """An open or read that is worth a line."""

    state: bytes
    path: str
    verdict: str | None
    """Why it was refused; None if it was answered without one."""
    reasons: tuple[str, ...]
    asker: Asker


class Reporter:
    """Writes reports in the order in which they come; loses the newest if the log takes none."""

    def __init__(self) -> None:
        self._waiting: queue.Queue[OpenReport | Mapping[str, Any]] = queue.Queue(_WAITING)
        self._reported: dict[bytes, float] = {}

        self._thread = threading.Thread(target=self._write_all, name="guard-reports", daemon=True)

    def start(self) -> None:
        """Write from now on."""
        self._thread.start()

    def end(self, numbers: Mapping[str, int]) -> None:
        """Write what waits, and the guard's *numbers*; for so long as the log takes it."""
        self.put({"note": "stopped", **numbers})
        self._thread.join(_END_SECONDS)

    def put(self, report: OpenReport | Mapping[str, Any]) -> None:
        """Have *report* written: one about an open, or a note of the warden."""
        with contextlib.suppress(queue.Full):
            self._waiting.put_nowait(report)

    def _write_all(self) -> None:
        while True:
            report = self._waiting.get()
            if isinstance(report, OpenReport):
                self._write_open(report)
            else:
                _write_note(report)
                if report.get("note") == "stopped":
                    return

    def _write_open(self, report: OpenReport) -> None:
        now = time.monotonic()
        if now - self._reported.get(report.state, -_PAUSE) < _PAUSE:
            return
        if len(self._reported) >= _REMEMBERED:
            self._reported.clear()
        self._reported[report.state] = now
        asker = {"pid": report.asker.pid, "uid": report.asker.uid, "program": report.asker.program}
        path = printable(report.path)
        if report.verdict is None:
            _log.warning("guard.late", path=path, **asker)
        else:
            _log.warning("guard.denied", path=path, verdict=report.verdict, reasons=report.reasons, **asker)


def _write_note(note: Mapping[str, Any]) -> None:
    fields = {key: value for key, value in note.items() if key != "note"}
    if note.get("note") == "ready":
        _log.info("guard.ready", **fields)
    elif note.get("note") == "restarted":
        _log.error("guard.restarted", **fields)
    elif note.get("note") == "stopped":
        _log.info("guard.stopped", **fields)
    elif note.get("note") == "alone":
        _log.warning("guard.alone", **fields)
