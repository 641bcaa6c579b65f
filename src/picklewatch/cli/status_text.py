"""The daemon's status as a person reads it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from picklewatch.core.found_record import Fate
from picklewatch.core.model import EngineVersion, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from picklewatch.ipc.messages import Answerer
    from picklewatch.telemetry.daemon_report import DaemonReport, DaemonStatus, RootReport, StoreReport
    from picklewatch.telemetry.process_memory import MemoryUse


def lines(status: DaemonStatus, directory: Path) -> list[str]:
    """Return the status as a person reads it."""
    if status.store is None:
        if status.running:
            return [f"picklewatch is starting (process {status.pid})."]
        return [
            f"picklewatch is not running, and never ran with its state in {directory}.",
            "Start it with `picklewatch run`, or as a service (docs/install.md).",
            "Another user's, or the system's, daemon? Try sudo, or --state-dir.",
        ]
    return _lines(status, status.store, is_whole=True)


def answered_lines(status: DaemonStatus, who: str, by: Answerer) -> list[str]:
    """Return what *who* answered over its socket as a person reads it."""
    concerning = "" if by.whole else ", with what concerns your files"
    said = f"Answered by {who}{concerning}:"
    if status.store is None:
        return [said, "picklewatch is starting."]
    return [said, *_lines(status, status.store, is_whole=by.whole)]


def _lines(status: DaemonStatus, store: StoreReport, *, is_whole: bool) -> list[str]:
    now = time.time()
    return [
        *_unsafe_now(store),
        _headline(status, now),
        *_problems(status),
        *(["", "Watched:", *_roots(status.daemon)] if status.daemon.version else []),
        "",
        *_files(status, store, is_whole=is_whole),
        *(sink_lines(status.daemon.sinks, now) if status.running else []),
        *_met(status),
        *_findings(store, status.daemon.engine, now),
        *_refusals(store),
    ]


def _unsafe_now(store: StoreReport) -> list[str]:
    """Say first what is wrong with the files: the daemon may be as healthy as can be."""
    if not store.unsafe_now and store.unsafe_now_complete:
        return []
    what = "1 unsafe file is" if store.unsafe_now == 1 else f"{store.unsafe_now:,} unsafe files are"
    if not store.unsafe_now:
        what = "Too many files were judged to look at all: unsafe ones may be"
    elif not store.unsafe_now_complete:
        what = f"At least {what}"
    return [f"! {what} there now: `picklewatch findings` lists what, and says what to do.", ""]


def _headline(status: DaemonStatus, now: float) -> str:
    report = status.daemon
    if not status.running:
        when = report.stopped or report.beat
        return f"picklewatch is not running{f' (last seen {_ago(now - when)} ago)' if when else ''}."
    state = "healthy" if status.healthy else "degraded" if status.problems else "starting"
    if not report.version:
        return f"picklewatch is running and {state}: process {status.pid}; it has not yet written what it does."
    since = _ago(0 if report.started is None else now - report.started)
    return f"picklewatch {report.version} is running and {state}: process {status.pid}, for {since}."


def _problems(status: DaemonStatus) -> list[str]:
    shown: list[str] = []
    for problem in status.problems:
        about = f" {printable(problem.subject)}:" if problem.subject else ""
        shown.append(f"  ! {problem.what}:{about} {printable(problem.reason)}")
        if problem.hint:
            shown.append(f"    {printable(problem.hint)}")
    if status.running:
        shown += [f"  ! the sandbox is incomplete: {printable(text)}" for text in status.daemon.unprotected]
    return shown


def _roots(report: DaemonReport) -> list[str]:
    """List what is watched, then what is known and is not, with the reason."""
    from picklewatch.telemetry.root_state import is_awaited

    watched: list[str] = []
    others: list[str] = []
    waiting = 0
    for root in report.roots:
        if root.state == "waiting" and root.reason:
            others.append(f"  {printable(root.wanted)}  ({root.label}): {_reason(root)}")
        elif root.state == "waiting" and not is_awaited(root):
            waiting += 1
        else:
            watched.append(f"  {printable(_place(root))}  ({root.label}; {_state(root)})")
    if waiting:
        watched.append(f"  {waiting} more that do not exist yet")
    return [*(watched or ["  nothing"]), *(["", "Not watched:", *others] if others else [])]


def _place(root: RootReport) -> str:
    return root.wanted if root.path in (None, root.wanted) else f"{root.wanted} -> {root.path}"


def _state(root: RootReport) -> str:
    from picklewatch.telemetry.root_state import is_awaited

    why = f", {printable(root.reason)}" if root.reason else ""
    return f"{'not there, watched as soon as it is' if is_awaited(root) else root.state}{why}"


def _reason(root: RootReport) -> str:
    return printable(root.reason.removeprefix(f"{root.wanted} ").removeprefix("is ") or root.reason)


def _files(status: DaemonStatus, store: StoreReport, *, is_whole: bool) -> list[str]:
    report = status.daemon
    gone = f"; {store.away['gone']} not there any more" if store.away.get("gone") else ""
    back = f"; {store.restored} given back from quarantine" if store.restored else ""
    judged = ", ".join(f"{number} {verdict}" for verdict, number in store.verdicts.items() if number) or (
        "none there" if gone else "none yet"
    )
    rate = f", {report.per_second} a second" if status.running and report.per_second else ""
    scanning = f", {report.in_hand} being scanned" if status.running and report.in_hand else ""
    shown = [f"Files:      {judged}{back}{gone}"] if is_whole else []
    shown += [f"Queue:      {store.queue} waiting{scanning}{rate}"]
    if store.old or store.again:
        old = f"{store.old} verdicts are of an older version" if store.old else "all verdicts are of this version"
        shown.append(f"Again:      {old}; {store.again} files wait to be judged again, behind new ones")
    if status.running and report.walking:
        shown.append(f"Walking:    {printable(report.walking)}")
    level, moves = report.quarantine, store.moves
    how = [] if level is None else ["report only" if level == "off" else f"level {level}"]
    moved = ", ".join(f"{moves[key]} {word}" for key, word in _MOVES.items() if moves.get(key))
    if how or moved:
        shown.append(f"Quarantine: {'; '.join([*how, *([moved] if moved else [])])}")
    return shown


_MOVES = {
    "done": "moved",
    "wanted": "to be moved",
    "held": "waiting for you",
    "refused": "refused",
    "dismissed": "let stay by you",
}


def _met(status: DaemonStatus) -> list[str]:
    from picklewatch.telemetry.daemon_report import faults_text

    report = status.daemon
    shown: list[str] = []
    if status.running and report.faults:
        shown.append(f"Met:        {faults_text(report.faults)}, since the start")
    if missed := report.counts.get("missed", 0):
        shown.append(f"Missed:     {missed} files were found by the periodic walk only (docs/watching.md)")
    if status.running and report.peak_kib:
        shown.append(f"Memory:     {_memory(status.memory, report)}")
    return shown


def sink_lines(sinks: Iterable[Mapping[str, Any]], now: float) -> list[str]:
    """Return how those are doing who are told of finds; *sinks* are the fields of `SinkReport`."""
    shown: list[str] = []
    for sink in sinks:
        failure, since = sink.get("failure"), sink.get("since")
        number = sink.get("waiting") or 0
        waiting = f"; {number} find{' waits' if number == 1 else 's wait'}" if number else ""
        sent = sink.get("sent") or 0
        state = f"{sent} message{'' if sent == 1 else 's'} sent"
        if failure:
            when = f" for {_ago(now - since)}" if isinstance(since, int | float) else ""
            state = f"fails{when}: {printable(str(failure))}"
        head = "Notify:     " if not shown else "            "
        shown.append(f"{head}{printable(str(sink.get('name')))}: {state}{waiting}")
    return shown


def _memory(now: MemoryUse | None, report: DaemonReport) -> str:
    """Say how much memory all processes have now, and how much single ones have had at most."""
    scans = f", {report.scan_peak_kib // 1024} MiB in a scan" if report.scan_peak_kib // 1024 else ""
    most = f"{report.peak_kib // 1024} MiB at most in the daemon's own process{scans}"
    if now is None:
        return most
    size, several = f"{now.kib // 1024} MiB in {now.processes} processes", "; what they share is counted in each"
    return f"{size}; {most}" if now.exact else f"up to {size}{several}. {most}"


def _refusals(store: StoreReport) -> list[str]:
    """List the files that stay where they are although they were to be moved, and why."""
    if not store.refusals:
        return []
    shown = [f"  {each['verdict']:<12} {each['path']}: {each['reason']}" for each in store.refusals]
    more = store.moves.get("refused", 0) - len(store.refusals)
    return ["", "Not moved:", *shown, *([f"  and {more} more"] if more > 0 else [])]


def _findings(store: StoreReport, engine: str, now: float) -> list[str]:
    if not store.latest:
        return []
    shown = ["", "Last findings:"]
    for record in store.latest:
        reasons = ", ".join(record["reasons"])
        name = record["name"] or record["path"]
        old = ", by an older version" if engine and EngineVersion(**record["engine"]).key != engine else ""
        became = _BECAME.get(record.get("where", ""), "")
        allowed = ", allowed" if record.get("outcome") == "allowed" else ""
        found = f"{record['id']:<6}{record['verdict']:<11} {name}  ({reasons})"
        shown.append(f"  {found}  {_ago(now - record['at'])} ago{old}{became}{allowed}")
    return [
        *shown,
        "",
        "`picklewatch explain FILE` (or ID) says what a file would do; `picklewatch quarantine list` what was moved.",
    ]


_BECAME: Final = {
    Fate.CHANGED.value: ", written to since",
    Fate.GONE.value: ", not there any more",
    Fate.QUARANTINED.value: ", moved to quarantine",
    Fate.SUPERSEDED.value: ", judged again since",
}


def _ago(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{max(0, int(seconds))} s"
