"""Cuts the daemon's status down to what concerns the one who asks."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Final

from picklewatch.core.found_record import UNSAFE_NOW
from picklewatch.core.model import Verdict, printable
from picklewatch.service.viewers import quickly_answering
from picklewatch.telemetry.daemon_report import DaemonReport, StoreReport
from picklewatch.telemetry.health_problem import HealthProblem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from picklewatch.service.viewers import Viewer
    from picklewatch.store import Store
    from picklewatch.telemetry.daemon_report import DaemonStatus

_ROOTS: Final = 1_000
"""Directories that an answer lists at most: everybody's on a machine of many are more than it may be long."""
_LOOKED_AT: Final = 500
"""Records and moves that are looked through for those of one user: an answer says if there may be more."""
_SHOWN: Final = 10
_NOTABLE: Final = tuple(verdict for verdict in Verdict if verdict.rank >= Verdict.UNSCANNABLE.rank)
_OF_OTHERS: Final = "this concerns somebody else's files, or the whole machine: the administrator sees more"


def shown_status(status: DaemonStatus, store: Store | None, viewer: Viewer) -> DaemonStatus:
    """Return the part of *status* that *viewer* may see."""
    if viewer.whole:
        return replace(status, row={**status.row, "roots": list(status.row.get("roots", []))[:_ROOTS]})
    report = _report(status.daemon, viewer)
    known = None if status.store is None or store is None else _stored(status.store, store, viewer)
    return replace(
        status,
        problems=_problems(status.problems, viewer),
        daemon=report,
        row=asdict(report),
        memory=None,
        store=known,
    )


def _report(report: DaemonReport, viewer: Viewer) -> DaemonReport:
    """Return the report without the counts, which are of everybody's files, and the directories of others."""
    roots = [root for root in report.roots if viewer.sees_path(root.path or root.wanted)]
    return DaemonReport(
        version=report.version,
        pid=report.pid,
        started=report.started,
        stopped=report.stopped,
        ready=report.ready,
        degraded=_problems(report.degraded, viewer),
        waiting=report.waiting,
        in_hand=report.in_hand,
        unprotected=report.unprotected,
        roots=tuple(roots[:_ROOTS]),
        quarantine=report.quarantine,
        engine=report.engine,
        beat=report.beat,
        beat_running=report.beat_running,
        boot=report.boot,
    )


def _problems(problems: Iterable[HealthProblem], viewer: Viewer) -> tuple[HealthProblem, ...]:
    return tuple(dict.fromkeys(_problem(problem, viewer) for problem in problems))


def _problem(problem: HealthProblem, viewer: Viewer) -> HealthProblem:
    """Return the problem, without its words unless it is about the viewer's files: any sentence may name a path."""
    if problem.subject.startswith("/") and viewer.sees_path(problem.subject):
        return problem
    return HealthProblem(problem.what, "", _OF_OTHERS)


def _stored(known: StoreReport, store: Store, viewer: Viewer) -> StoreReport:
    refusals = (
        {key: printable(text) for key, text in each.items()} for each in store.intents.refusals(limit=_LOOKED_AT)
    )
    found = store.found.looking(quickly_answering())
    unsafe = found.tally(UNSAFE_NOW, lambda found: viewer.sees_record(found, ()))
    return StoreReport(
        queue=known.queue,
        verdicts={},
        latest=found.shown_now(_latest(store, viewer)),
        moves={},
        refusals=[each for each in refusals if viewer.sees_path(each["path"])][:_SHOWN],
        allowed=0,
        old=0,
        again=0,
        unsafe_now=unsafe.total,
        unsafe_now_complete=unsafe.is_whole,
    )


def _latest(store: Store, viewer: Viewer) -> list[dict[str, Any]]:
    """Return the newest records of what is not harmless that *viewer*, who does not see everything, may see."""
    records = store.records.latest(_NOTABLE, limit=_LOOKED_AT)
    elsewhere = [record["id"] for record in records if not viewer.sees_path(record["path"])]
    states = store.records.states(elsewhere)
    seen = []
    for record in records:
        if record["id"] not in elsewhere:
            names = [name for name in record["names"] if viewer.sees_path(name)]
            seen.append({**record, "names": names})
        elif viewer.owns(record["path"], states.get(record["id"])):
            seen.append(record)
    return seen[:_SHOWN]
