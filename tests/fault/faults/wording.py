"""What the daemon and the commands say: of themselves, of names, and at their end."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING

from fault.costs import wake_ups
from fault.lab import PATIENCE
from support.daemon_process import children

from picklewatch.service import daemon_status
from picklewatch.telemetry import process_memory

if TYPE_CHECKING:
    from pathlib import Path

    from fault.faults.kinds import Fault
    from fault.lab import Lab

_AT_REST = 40.0
"""Seconds after which what a start leaves to do is done."""
_WAKE_UPS = 110
_STATUSES = frozenset({0, 1, 2, 3, 70, 75, 78, 130, 141})
"""Those of docs/exit-status.md."""


def _command(lab: Lab, *words: str, **how: str) -> subprocess.CompletedProcess[str]:
    """Run a command for the daemon's state in an environment that *how* changes; an empty text removes a variable."""
    environment = {name: text for name, text in {**os.environ, **how}.items() if text}
    line = [sys.executable, "-I", "-m", "picklewatch", *words]
    return subprocess.run(line, capture_output=True, text=True, env=environment, cwd=lab.root, check=False)


def doctor_three_times(lab: Lab) -> None:
    """A machine without files is checked three times, with a daemon that moves files."""
    lab.start()
    state = ("--state-dir", str(lab.state))
    for _ in range(3):
        done = _command(lab, "doctor", "--json", *state, "-c", str(lab.process.home / "config.toml"))
        lab.injected += '"self-test", "state": "good"' in " ".join(done.stdout.split())
    status = json.loads(_command(lab, "status", "--json", *state).stdout)
    malicious, done_moves = status["verdicts"]["malicious"], status["moves"].get("done", 0)
    loud = [event["level"] for event in lab.process.events("file.scanned") + lab.process.events("quarantine.moved")]
    held = [path for path in (lab.state / "quarantine").iterdir() if path.name != "lock"]
    lab.measured.append(f"{malicious} malicious, {done_moves} moves, {len(loud)} lines, {len(held)} items")
    assert lab.injected == 3, "the self-test failed"
    assert (malicious, done_moves, loud, held) == (0, 0, [], []), lab.measured


def linked_and_renamed(lab: Lab) -> None:
    """Files get second names, and their directory another name."""
    for number in range(20):
        lab.put(f"before/{number}.bin")
    lab.start()
    assert lab.seconds_until(lab.settled) < PATIENCE
    first = lab.files[0]
    os.link(first, lab.root / "other.bin")
    assert lab.seconds_until(lambda: len(lab.process.events("file.linked")) == 1, PATIENCE) < PATIENCE, "not said"
    (lab.root / "before").rename(lab.root / "after")
    lab.moved(lab.root / "before", lab.root / "after")
    lab.injected = 21
    seconds = lab.seconds_until(lambda: all(map(lab.was_judged, lab.files)), PATIENCE)
    assert seconds < PATIENCE, "status names the former paths"
    said = Counter({name: len(lab.process.events(f"file.{name}")) for name in ("linked", "renamed")})
    lab.measured.append(f"new paths after {seconds:.1f} s; {said['linked']} linked, {said['renamed']} renamed")


def strange_ends_of_commands(lab: Lab) -> None:
    """Commands run without a home, a directory, room for what they write, or open files."""
    lab.start()
    file, gone = lab.put("ok.pkl"), lab.process.home / "gone"
    words = (["status"], ["config", "check"], ["quarantine", "list"], ["scan", str(file)], ["doctor"], ["rules"])
    bad: list[str] = []
    for command in words:
        for shell in _surroundings(gone):
            line = ["sh", "-c", shell, "sh", sys.executable, "-I", "-m", "picklewatch", *command]
            done = subprocess.run(line, capture_output=True, text=True, check=False)
            lab.injected += 1
            if "Traceback" in done.stderr or done.returncode not in _STATUSES:
                bad.append(f"{command[0]}: {done.returncode}: {shell}")
    lab.measured.append(f"{len(bad)} of {lab.injected} with a traceback or a status of no meaning")
    assert not bad, bad


def _surroundings(gone: Path) -> list[str]:
    found = [
        f'mkdir -p "{gone}" && cd "{gone}" && rmdir "{gone}" && exec "$@"',
        'exec "$@" >/dev/full',
        'exec "$@" <&- >&-',
        'umask 077; exec "$@"',
        'ulimit -n 9; exec "$@"',
        'HOME=/proc exec "$@"',
    ]
    nobody = ["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups"]
    if os.geteuid() == 0 and shutil.which("setpriv"):
        line = [*nobody, sys.executable, "-c", ""]
        if subprocess.run(line, capture_output=True, check=False).returncode == 0:  # else it lies in a closed home
            found.append(f'unset HOME; exec {" ".join(nobody)} "$@"')
    return found


def nothing_happens(lab: Lab) -> None:
    """A minute in which nothing happens: the threads of all processes wake for the beat, a look at roots, the canary.

    Others who make files in the directories above the watched one, or mount something, wake it as well.
    """
    lab.start()
    lab.burst(10)
    assert lab.seconds_until(lab.settled) < PATIENCE
    time.sleep(_AT_REST)
    pids = [lab.pid]
    for pid in pids:
        pids += children(pid)
    before = sum(map(wake_ups, pids))
    time.sleep(60)
    lab.injected = sum(map(wake_ups, pids)) - before
    lab.measured.append(f"{lab.injected} wake-ups a minute in {len(pids)} processes")
    assert lab.injected < _WAKE_UPS, lab.measured


def memory_of_all_processes(lab: Lab) -> None:
    """`status` is compared with what the kernel says of every process."""
    lab.start()
    lab.injected = 1
    told = daemon_status.read(lab.state)
    assert told.memory is not None
    below = [lab.pid]
    for pid in below:
        below += children(pid)
    most = told.daemon.peak_kib >> 10
    lab.measured.append(f"{told.memory.kib >> 10} MiB in {told.memory.processes} processes; one alone {most} at most")
    assert told.memory.processes == len(below)
    assert process_memory.of_daemon(lab.pid) is not None


FAULTS: tuple[Fault, ...] = (
    doctor_three_times,
    linked_and_renamed,
    strange_ends_of_commands,
    nothing_happens,
    memory_of_all_processes,
)
