"""Puts one tool before all files and collects what it answers."""

from __future__ import annotations

import importlib.metadata
import json
import os
import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bench import measure
from bench.detection.tally import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.peers import Installed

OURS = "picklewatch"
_VERDICTS = {
    "clean": "passed",
    "skipped": "skipped",
    "unverified": "warned",
    "unscannable": "warned",
    "unsafe": "flagged",
    "malicious": "flagged",
}
_QUIET = {
    "DO_NOT_TRACK": "1",
    "NO_ANALYTICS": "1",
    "PROMPTFOO_DISABLE_TELEMETRY": "1",
    "AISBOM_NO_TELEMETRY": "1",
    "NO_COLOR": "1",
    "HF_HUB_OFFLINE": "1",
}


def ask_ours(paths: Sequence[str], *, timeout: float, whole: bool) -> Outcome:
    """One ``picklewatch scan --format json``, sandbox and all; over the folders if these are the *whole* corpora."""
    command = [sys.executable, "-m", "picklewatch", "scan", "--format", "json", *(_roots(paths) if whole else paths)]
    cost = measure.run(command, timeout=timeout)
    outcome = Outcome(tool=OURS, version=importlib.metadata.version(OURS), wall=cost.wall, cpu=cost.cpu, peak=cost.peak)
    real = {os.path.realpath(path): path for path in paths}
    for line in cost.stdout.splitlines():
        record = json.loads(line)
        for name in (record["path"], *record["names"]):
            path = real.get(os.path.realpath(name))
            if path is not None:
                outcome.answers[path] = _VERDICTS[record["verdict"]]
                outcome.details[path] = f"{record['verdict']} ({', '.join(record['reasons'])})"
    if cost.status not in (0, 1, 2):
        outcome.problem = f"status {cost.status}: {cost.stderr.decode(errors='replace')[-300:]}"
    return outcome


def ask_peer(installed: Installed, paths: Sequence[str], *, timeout: float) -> Outcome:
    """One process of the tool's own environment over all files, until *timeout* seconds are over."""
    outcome = Outcome(tool=installed.peer.name, version=installed.version, problem=installed.problem)
    if installed.python is None:
        return outcome
    adapter = Path(__file__).with_name("adapters.py")
    mixed = random.Random(len(paths)).sample(
        paths, len(paths)
    )  # what a slow tool does not reach is then no class of its own
    listing = "".join(f"{path}\n" for path in mixed).encode()
    command = [str(installed.python), "-I", str(adapter), installed.peer.name]
    cost = measure.run(command, stdin=listing, timeout=timeout, env=_QUIET, cwd=Path("/tmp"))
    outcome.wall, outcome.cpu, outcome.peak = cost.wall, cost.cpu, cost.peak
    for line in cost.stdout.splitlines():
        answer = json.loads(line)
        outcome.answers[answer["path"]] = answer["verdict"]
        outcome.details[answer["path"]] = f"{answer['verdict']} {answer['note']}".strip()
    if len(outcome.answers) < len(paths):
        last = cost.stderr.decode(errors="replace").strip().splitlines()[-1:]
        outcome.problem = (
            f"answered {len(outcome.answers)} of {len(paths)} files (status {cost.status}) {''.join(last)}"
        )
    return outcome


def _roots(paths: Sequence[str]) -> list[str]:
    """The topmost folders that hold nothing but *paths* and their like."""
    folders = sorted({str(Path(path).parent) for path in paths})
    kept: list[str] = []
    for folder in folders:
        if not any(folder == top or folder.startswith(f"{top}/") for top in kept):
            kept.append(folder)
    return kept
