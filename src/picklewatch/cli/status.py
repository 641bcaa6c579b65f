"""``picklewatch status``: how the daemon is doing."""

from __future__ import annotations

import json
import sqlite3
import time
from typing import TYPE_CHECKING, Any

import click

from picklewatch.cli.common import json_option, state_dir, state_option
from picklewatch.core.errors import StateError
from picklewatch.core.model import printable

if TYPE_CHECKING:
    from pathlib import Path

EPILOG = """\
\b
Exit status:
  0   running and healthy
  1   running, and something is wrong (it is listed)
  3   not running
  78  the state can't be read
"""

HEALTHY, DEGRADED, STOPPED = 0, 1, 3


@click.command(name="status", epilog=EPILOG)
@json_option
@click.option("--metrics", is_flag=True, help="Write metrics in Prometheus' text format.")
@state_option
def command(*, as_json: bool, metrics: bool, state: Path | None) -> int:
    """Say whether the daemon runs, is healthy, and what it found."""
    if as_json and metrics:
        raise click.UsageError("--json and --metrics are two forms: choose one")
    directory = state_dir(state)
    told = _read(directory)
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=True))
    elif metrics:
        from picklewatch.telemetry.metrics import exposition

        click.echo(exposition(told), nl=False)
    else:
        click.echo("\n".join(lines(told, directory)))
    if not told["running"]:
        return STOPPED
    return HEALTHY if told.get("healthy") else DEGRADED


def _read(directory: Path) -> dict[str, Any]:
    from picklewatch.service.daemon_status import read

    try:
        return read(directory)
    except FileNotFoundError:
        return {"running": False, "ever": False, "pid": None}
    except PermissionError:
        message = f"the state in {directory} may not be read by this user"
        hint = "It belongs to the user that the daemon runs as: try again with sudo, or as that user."
        raise StateError(message, hint) from None
    except (OSError, sqlite3.Error) as error:
        raise StateError(f"the state in {directory} can't be read: {error}", "A running daemon repairs it.") from None


def lines(told: dict[str, Any], directory: Path) -> list[str]:
    """What a person reads."""
    if not told["ever"]:
        if told["running"]:
            return [f"picklewatch is starting (process {told['pid']})."]
        return [
            f"picklewatch is not running, and never ran with its state in {directory}.",
            "Start it with `picklewatch run`, or as a service (docs/install.md).",
            "Another user's, or the system's, daemon? Try sudo, or --state-dir.",
        ]
    now = time.time()
    shown = [_headline(told, now)]
    shown += _problems(told)
    if "version" in told:
        shown += ["", "Watched:", *_roots(told)]
    shown += ["", *_work(told)]
    shown += _findings(told, now)
    shown += _refusals(told)
    return shown


def _headline(told: dict[str, Any], now: float) -> str:
    if not told["running"]:
        when = told.get("stopped") or told.get("beat")
        return (
            f"picklewatch is not running (last seen {_ago(now - when)} ago)." if when else "picklewatch is not running."
        )
    state = "healthy" if told["healthy"] else "degraded" if told["degraded"] else "starting"
    if "version" not in told:
        return f"picklewatch is running and {state}: process {told['pid']}; it has not yet written what it does."
    since = _ago(now - told.get("started", now))
    return f"picklewatch {told['version']} is running and {state}: process {told['pid']}, for {since}."


def _problems(told: dict[str, Any]) -> list[str]:
    shown: list[str] = []
    for problem in told["degraded"]:
        about = f" {printable(problem['subject'])}:" if problem["subject"] else ""
        shown.append(f"  ! {problem['what']}:{about} {printable(problem['reason'])}")
        if problem["hint"]:
            shown.append(f"    {printable(problem['hint'])}")
    if told["running"]:
        shown += [f"  ! the sandbox is incomplete: {printable(text)}" for text in told.get("unprotected", ())]
    return shown


def _roots(told: dict[str, Any]) -> list[str]:
    from picklewatch.service.daemon_status import is_awaited

    shown: list[str] = []
    waiting = 0
    for root in told.get("roots", ()):
        if root["state"] == "waiting" and not root["reason"] and not is_awaited(root):
            waiting += 1
            continue
        where = printable(root["wanted"])
        real = f" -> {printable(root['path'])}" if root["path"] not in (None, root["wanted"]) else ""
        why = f", {root['reason']}" if root["reason"] else ""
        state = "not there, watched as soon as it is" if is_awaited(root) else root["state"]
        shown.append(f"  {where}{real}  ({root['label']}; {state}{why})")
    if waiting:
        shown.append(f"  {waiting} more that do not exist yet")
    return shown or ["  nothing"]


def _work(told: dict[str, Any]) -> list[str]:
    verdicts = told["verdicts"]
    judged = ", ".join(f"{number} {verdict}" for verdict, number in verdicts.items() if number) or "none yet"
    shown = [f"Files:      {judged}"]
    rate = f", {told['per_second']} a second" if told["running"] and told.get("per_second") else ""
    hand = f", {told['in_hand']} in hand" if told["running"] and told.get("in_hand") else ""
    shown.append(f"Queue:      {told['queue']} waiting{hand}{rate}")
    if told["running"] and told.get("walking"):
        shown.append(f"Walking:    {printable(told['walking'])}")
    moves = told["moves"]
    moved = ", ".join(f"{moves[key]} {word}" for key, word in _MOVES.items() if moves.get(key))
    level = told.get("quarantine")
    how = [] if level is None else ["report only" if level == "off" else f"level {level}"]
    if how or moved:
        shown.append(f"Quarantine: {'; '.join([*how, *([moved] if moved else [])])}")
    if told["running"] and told.get("faults"):
        from picklewatch.service.daemon_status import told_faults

        shown.append(f"Met:        {told_faults(told['faults'])}, since the start")
    missed = told.get("counts", {}).get("missed", 0)
    if missed:
        shown.append(f"Missed:     {missed} files were found by the periodic walk only (docs/watching.md)")
    if told["running"] and told.get("peak_kib"):
        scans = told.get("scan_peak_kib", 0) // 1024
        shown.append(f"Memory:     {told['peak_kib'] // 1024} MiB at most{f'; a scan {scans} MiB' if scans else ''}")
    return shown


_MOVES = {"done": "moved", "wanted": "to be moved", "refused": "refused"}


def _refusals(told: dict[str, Any]) -> list[str]:
    """Say which files stay where they are although they were to be moved, and why."""
    refusals = told.get("refusals") or []
    more = told["moves"].get("refused", 0) - len(refusals)
    shown = ["", "Not moved:"] if refusals else []
    shown += [f"  {told['verdict']:<12} {told['path']}: {told['reason']}" for told in refusals]
    return [*shown, f"  and {more} more"] if refusals and more > 0 else shown


def _findings(told: dict[str, Any], now: float) -> list[str]:
    if not told["latest"]:
        return []
    shown = ["", "Last findings:"]
    for record in told["latest"]:
        reasons = ", ".join(record["reasons"])
        name = record["name"] or record["path"]
        shown.append(f"  {record['verdict']:<11} {name}  ({reasons})  {_ago(now - record['at'])} ago")
    return [
        *shown,
        "",
        "`picklewatch explain FILE` says what a file would do; `picklewatch quarantine list` what was moved.",
    ]


def _ago(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{max(0, int(seconds))} s"
