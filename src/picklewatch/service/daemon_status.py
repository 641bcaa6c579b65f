"""How the daemon is doing: written by the daemon into its store, read by `picklewatch status`."""

from __future__ import annotations

import os
import resource
import sqlite3
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from picklewatch import __version__
from picklewatch.core.model import Verdict, printable
from picklewatch.core.state_layout import StateLayout
from picklewatch.store import Store
from picklewatch.store.failures import DISK_HINT
from picklewatch.store.lock import holder, trouble
from picklewatch.watch.roots import ASKED_FOR, RootState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from picklewatch.service.scan_workers import Workers
    from picklewatch.telemetry.health import Health, HealthProblem

KEY: Final = "daemon"
_REWRITE_SECONDS: Final = 10.0
_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")
STALE_SECONDS: Final = 30.0
"""A daemon that is running and has not written for so long hangs."""
_NOTABLE: Final = tuple(verdict for verdict in Verdict if verdict.rank >= Verdict.UNSCANNABLE.rank)


class Snapshot:
    """What the daemon writes down about itself every few seconds."""

    def __init__(self, store: Store, health: Health, *, started: float) -> None:
        self._store, self._health, self._started = store, health, started
        self.queue = 0
        """Files that waited at the last `write`."""
        self.unprotected: list[str] = []
        """What the sandbox lacks on this machine, in sentences."""
        self.awaited: list[str] = []
        """Directories that a person asked for, and that were not there at the last `write`."""
        self._judged = 0
        self._walking: str | None = None
        self._written: dict[str, Any] = {}
        self._written_at = 0.0

    def write(
        self,
        summary: dict[str, Any],
        workers: Workers,
        walking: str | None,
        *,
        ready: bool,
        stopped: float | None = None,
    ) -> None:
        """Write everything down; *walking* is a tree that is being walked."""
        self.queue = len(self._store.jobs)
        self._judged = workers.judged
        self.awaited = [root["wanted"] for root in summary.get("roots", ()) if is_awaited(root)]
        self._walking = walking
        told = {
            "version": __version__,
            "pid": os.getpid(),
            "started": self._started,
            "stopped": stopped,
            "ready": ready,
            "degraded": [asdict(problem) for problem in self._health.problems],
            "counts": self._health.counts,
            "faults": self._health.faults,
            "waiting": self.queue,
            "in_hand": workers.files_claimed(),
            "judged": workers.judged,
            "per_second": round(workers.per_second(time.monotonic()), 2),
            "walking": self._walking,
            "peak_kib": peak_kib(),
            "scan_peak_kib": workers.scan_peak_kib,
            "unprotected": self.unprotected,
            **summary,
        }
        now = time.monotonic()
        if told != self._written or now - self._written_at >= _REWRITE_SECONDS:  # spare an idle disk
            self._store.put_state(KEY, {**told, **beat()})
            self._written, self._written_at = told, now

    def line(self) -> str:
        """One line for ``systemctl status``."""
        problems = self._health.problems
        state = f"degraded: {_told_problem(problems[0])}{_more(problems)}" if problems else "healthy"
        lacks = "; the sandbox is incomplete" if self.unprotected else ""
        awaited = f"; {printable(self.awaited[0])} is not there{_more(self.awaited)}" if self.awaited else ""
        walking = f"; walking {printable(self._walking)}" if self._walking else ""
        before = f"; since the start: {told_faults(self._health.faults)}" if self._health.faults else ""
        return f"{state}{lacks}{awaited}{walking}; {self._judged} files judged, {self.queue} waiting{before}"

    def progress(self, now: float, workers: Workers) -> dict[str, Any]:
        """How far the work is: fields for the log."""
        rate = workers.per_second(now)
        left = round(self.queue / rate) if rate > 0 else None
        about = f", about {left} s left" if left is not None else ""
        return {
            "waiting": self.queue,
            "judged": workers.judged,
            "per_second": round(rate, 1),
            "seconds_left": left,
            "message": f"{workers.judged} files judged, {self.queue} waiting{about}",
        }


def is_awaited(root: Mapping[str, Any]) -> bool:
    """Whether *root* (see `Root.told`) was asked for by a person, and is simply not there."""
    return root["state"] == RootState.WAITING and root["label"] in ASKED_FOR and not root["reason"]


def _told_problem(problem: HealthProblem) -> str:
    is_told = problem.subject in problem.reason or not problem.subject.startswith("/")
    return printable(problem.reason if is_told else f"{problem.subject}: {problem.reason}")


def _more(things: Sequence[object]) -> str:
    return f" (and {len(things) - 1} more: picklewatch status)" if len(things) > 1 else ""


def told_faults(faults: Mapping[str, int]) -> str:
    """*faults* in words, the most frequent first."""
    return ", ".join(f"{number} {what}" for what, number in sorted(faults.items(), key=lambda fault: -fault[1]))


def beat() -> dict[str, Any]:
    """When something is written: by the time of day, and by a clock that nobody sets, of this boot."""
    return {"beat": time.time(), "beat_running": time.clock_gettime(time.CLOCK_BOOTTIME), "boot": _boot()}


def _boot() -> str:
    try:
        return _BOOT.read_text().strip()
    except OSError:
        return ""


def _silence(told: Mapping[str, Any]) -> float:
    if "beat_running" in told:
        return float(time.clock_gettime(time.CLOCK_BOOTTIME) - told["beat_running"])
    return float(time.time() - told["beat"])  # it is of a former version


def _is_of(told: Mapping[str, Any], pid: int | None) -> bool:
    """Whether the running daemon *pid* wrote *told*, not one before it."""
    boot = told.get("boot")
    is_same_boot = not boot or _boot() in ("", boot)  # without /proc nobody can tell
    return told.get("pid", pid) == (pid or told.get("pid")) and is_same_boot and not told.get("stopped")


def _problems(told: Mapping[str, Any], unwritten: str) -> list[dict[str, str]]:
    """What is wrong with the running daemon, which can't write if there is something *unwritten*."""
    problems = list(told.get("degraded", ()))
    if unwritten:  # what is read here may be old
        problems = [problem for problem in problems if problem["what"] != "store-unwritable"]
        problems.append({"what": "store-unwritable", "subject": "", "reason": unwritten, "hint": DISK_HINT})
    elif told and (silent := _silence(told)) > STALE_SECONDS:
        reason = f"the daemon has not written for {silent:.0f} s; it may hang"
        problems.append({"what": "daemon-silent", "subject": "", "reason": reason, "hint": "Restart it."})
    return problems


def peak_kib() -> int:
    """The most memory that this process ever had, in KiB. `getrusage` may tell that of the process that started it."""
    try:
        fields = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").split()
        return int(fields[fields.index("VmHWM:") + 1])
    except (OSError, ValueError, IndexError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def read(state: Path) -> dict[str, Any]:
    """Everything that `picklewatch status` shows about the daemon of *state*.

    ``running`` is True, False, or None if nothing ever ran there. Raises `OSError` or `sqlite3.Error` if that can't
    be found out.
    """
    state.stat()
    pid = holder(state)
    if not StateLayout(state).database.exists():
        return {"running": pid is not None, "pid": pid, "ever": False}
    store = _open(state)
    try:
        told: dict[str, Any] = store.get_state(KEY) or {}
        running = pid is not None
        if running and not _is_of(told, pid):  # it is starting
            told = {}
        problems = _problems(told, trouble(state)) if running else []
        return {
            **told,
            "running": running,
            "ever": True,
            "pid": pid or None,
            "healthy": running and not problems and bool(told.get("ready")),
            "degraded": problems,
            "queue": len(store.jobs),
            "verdicts": store.records.counts(),
            "latest": store.records.latest(_NOTABLE, limit=10),
            "moves": store.intents.counts(),
            "refusals": [_printable(told) for told in store.intents.refusals()],
            "allowed": len(store.allowed.all()),
        }
    finally:
        store.close()


def _printable(told: Mapping[str, str]) -> dict[str, str]:
    return {key: printable(text) for key, text in told.items()}


def _open(state: Path) -> Store:
    try:
        return Store(state, read_only=True)
    except sqlite3.OperationalError:
        if not os.access(StateLayout(state).database, os.R_OK):
            raise PermissionError(13, "Permission denied", str(StateLayout(state).database)) from None
        raise
