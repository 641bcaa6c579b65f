"""The daemon's status: written by the daemon into its store, read by `picklewatch status` and `doctor`."""

from __future__ import annotations

import os
import resource
import sqlite3
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from picklewatch import __version__
from picklewatch.core.found_record import UNSAFE_NOW
from picklewatch.core.model import Verdict, printable
from picklewatch.core.state_layout import StateLayout
from picklewatch.store import Store
from picklewatch.store.failures import DISK_HINT
from picklewatch.store.lock import holder, trouble
from picklewatch.telemetry import process_memory
from picklewatch.telemetry.daemon_report import DaemonReport, DaemonStatus, StoreReport, faults_text
from picklewatch.telemetry.health_problem import HealthProblem
from picklewatch.telemetry.root_state import is_awaited

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from picklewatch.service.scan_workers import Workers
    from picklewatch.telemetry.daemon_report import RootReport
    from picklewatch.telemetry.health import Health
    from picklewatch.watch.roots import Root

KEY: Final = "daemon"
_ROOTS: Final = "roots"
"""The watched directories have a row of their own: thousands of them change seldom, the rest every few seconds."""
_REWRITE_SECONDS: Final = 10.0
_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")
STALE_SECONDS: Final = 30.0
"""A daemon that is running and has not written for so long may hang."""
_NOTABLE: Final = tuple(verdict for verdict in Verdict if verdict.rank >= Verdict.UNSCANNABLE.rank)


class Snapshot:
    """The report that the daemon writes about itself every few seconds."""

    def __init__(  # noqa: PLR0913 - everything that it reports
        self,
        store: Store,
        health: Health,
        *,
        started: float,
        in_force: Callable[[], dict[str, Any]] = dict,
        not_watched: Callable[[], Iterable[Root]] = tuple,
        sinks: Callable[[], Sequence[dict[str, Any]]] = tuple,
    ) -> None:
        """*not_watched* returns places that are known, and named beside the roots; *sinks* who is told of finds."""
        self._store, self._health, self._started = store, health, started
        self._not_watched, self._sinks = not_watched, sinks
        self._in_force = in_force  # the level of quarantine and the engine's version, which a reload may change
        self.unprotected: list[str] = []
        """Protections that the sandbox lacks on this machine, in sentences."""
        self.awaited: list[str] = []
        """Directories that a person asked for, and that were not there at the last `write`."""
        self._report = self._written = DaemonReport()
        self._changes: tuple[int | None, tuple[RootReport, ...]] | None = None
        self._written_at = 0.0

    @property
    def queue(self) -> int:
        """Files that waited at the last `write`."""
        return self._report.waiting

    def write(  # noqa: PLR0913 - everything that is written down
        self,
        workers: Workers,
        roots: Iterable[Root],
        walking: str | None,
        *,
        ready: bool,
        stopped: float | None = None,
        changes: int | None = None,
    ) -> None:
        """Write everything down; *walking* is a tree that is being walked.

        *roots* are as they were at the last `write` if *changes* is the same number.
        """
        self._write_roots(roots, changes)
        report = self._report = DaemonReport(
            version=__version__,
            pid=os.getpid(),
            started=self._started,
            stopped=stopped,
            ready=ready,
            degraded=self._health.problems,
            counts=self._health.counts,
            faults=self._health.faults,
            waiting=len(self._store.jobs),
            in_hand=workers.files_claimed(),
            judged=workers.judged,
            per_second=round(workers.per_second(time.monotonic()), 2),
            walking=walking,
            scan_peak_kib=workers.scan_peak_kib,
            unprotected=tuple(self.unprotected),
            sinks=tuple(self._sinks()),
            **self._in_force(),
        )
        now = time.monotonic()
        if report != self._written or now - self._written_at >= _REWRITE_SECONDS:  # spare an idle disk
            self._store.put_state(KEY, asdict(replace(report, peak_kib=peak_kib(), **beat())))
            self._written, self._written_at = report, now

    def _write_roots(self, roots: Iterable[Root], changes: int | None) -> None:
        not_watched = tuple(root.report() for root in self._not_watched())
        if changes is not None and (changes, not_watched) == self._changes:
            return
        named = {report.wanted for report in not_watched}
        reports = [*(root.report() for root in roots if root.wanted not in named), *not_watched]
        self.awaited = [root.wanted for root in reports if is_awaited(root)]
        self._store.put_state(_ROOTS, [report.row() for report in reports])
        self._changes = (changes, not_watched)

    def line(self) -> str:
        """Return one line for ``systemctl status``."""
        problems, report = self._health.problems, self._report
        state = f"degraded: {_problem_text(problems[0])}{_more(problems)}" if problems else "healthy"
        lacks = "; the sandbox is incomplete" if self.unprotected else ""
        awaited = f"; {printable(self.awaited[0])} is not there{_more(self.awaited)}" if self.awaited else ""
        walking = f"; walking {printable(report.walking)}" if report.walking else ""
        before = f"; since the start: {faults_text(self._health.faults)}" if self._health.faults else ""
        return f"{state}{lacks}{awaited}{walking}; {report.judged} files judged, {report.waiting} waiting{before}"

    def progress(self, now: float, workers: Workers) -> dict[str, Any]:
        """Return how far the work is, as fields for the log."""
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


def _problem_text(problem: HealthProblem) -> str:
    is_named = problem.subject in problem.reason or not problem.subject.startswith("/")
    return printable(problem.reason if is_named else f"{problem.subject}: {problem.reason}")


def _more(things: Sequence[object]) -> str:
    return f" (and {len(things) - 1} more: picklewatch status)" if len(things) > 1 else ""


def beat() -> dict[str, Any]:
    """Return when something is written, as fields of `DaemonReport`."""
    return {"beat": time.time(), "beat_running": time.clock_gettime(time.CLOCK_BOOTTIME), "boot": _boot()}


def _boot() -> str:
    try:
        return _BOOT.read_text().strip()
    except OSError:
        return ""


def _silence(report: DaemonReport) -> float:
    """Return the seconds since *report* was written; 0 where it does not say when."""
    if report.beat_running is not None:
        return time.clock_gettime(time.CLOCK_BOOTTIME) - report.beat_running
    return time.time() - report.beat if report.beat is not None else 0.0  # a former version has only the time of day


def _is_of(report: DaemonReport, pid: int | None) -> bool:
    """Return True if the running daemon *pid* wrote *report*, not one before it."""
    is_same_boot = not report.boot or _boot() in ("", report.boot)  # without /proc nobody can tell
    is_same_process = not pid or report.pid in (None, pid)
    return is_same_process and is_same_boot and not report.stopped


def _problems(report: DaemonReport, unwritten: str) -> tuple[HealthProblem, ...]:
    """Return what is wrong with the running daemon, which can't write if there is something *unwritten*."""
    if unwritten:  # what is read here may be old
        others = (problem for problem in report.degraded if problem.what != "store-unwritable")
        return (*others, HealthProblem("store-unwritable", "", unwritten, DISK_HINT))
    if (silent := _silence(report)) > STALE_SECONDS:
        reason = f"the daemon has not written for {silent:.0f} s; it may hang"
        return (*report.degraded, HealthProblem("daemon-silent", "", reason, "Restart it."))
    return report.degraded


def peak_kib() -> int:
    """Return the most memory that this process ever had, in KiB.

    `getrusage` comes second, for on Linux it may count what the process had that started this one.
    """
    try:
        fields = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").split()
        return int(fields[fields.index("VmHWM:") + 1])
    except (OSError, ValueError, IndexError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def read(state: Path, may_look: Callable[[str], bool] = lambda _path: True) -> DaemonStatus:
    """Return the status of the daemon of the directory *state*; a file at which it may not look counts as there.

    Raises `OSError` or `sqlite3.Error` if it can't be found out.
    """
    state.stat()
    pid = holder(state)
    running = pid is not None
    if not StateLayout(state).database.exists():
        return DaemonStatus(running=running, pid=pid)
    store = _open(state)
    try:
        row: dict[str, Any] = store.get_state(KEY) or {}
        row["roots"] = store.get_state(_ROOTS) or row.get("roots", [])  # a former version wrote one row
        report = DaemonReport.of(row)
        if running and not _is_of(report, pid):  # it is starting
            row, report = {}, DaemonReport()
        problems = _problems(report, trouble(state)) if running else ()
        return DaemonStatus(
            running=running,
            pid=pid or None,
            healthy=running and not problems and report.ready,
            problems=problems,
            daemon=report,
            row=row,
            memory=process_memory.of_daemon(pid) if pid else None,
            store=_stored(store, report.engine, may_look),
        )
    finally:
        store.close()


def _stored(store: Store, engine: str, may_look: Callable[[str], bool]) -> StoreReport:
    found = store.found.looking(may_look)
    unsafe = found.tally(UNSAFE_NOW)
    verdicts, away = store.records.counts(), store.records.away()
    if unsafe.is_whole:  # looked at just now
        there = {verdict.value: unsafe.verdicts.get(verdict, 0) for verdict in UNSAFE_NOW.verdicts}
        away["gone"] += sum(max(0, verdicts[verdict] - number) for verdict, number in there.items())
        verdicts |= there
    return StoreReport(
        queue=len(store.jobs),
        verdicts=verdicts,
        latest=found.shown_now(store.records.latest(_NOTABLE, limit=10)),
        moves=store.intents.counts(),
        refusals=[{key: printable(text) for key, text in each.items()} for each in store.intents.refusals()],
        allowed=len(store.allowed.all()),
        old=sum(number for judge, number in store.records.engines().items() if engine and judge not in {"", engine}),
        again=store.jobs.again(),
        unsafe_now=unsafe.total,
        unsafe_now_complete=unsafe.is_whole,
        away=away,
        restored=store.records.restored(),
    )


def _open(state: Path) -> Store:
    try:
        return Store(state, read_only=True)
    except sqlite3.OperationalError:
        if not os.access(StateLayout(state).database, os.R_OK):
            raise PermissionError(13, "Permission denied", str(StateLayout(state).database)) from None
        raise
