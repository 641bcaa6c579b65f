"""Many users with many caches, and users who come while the daemon runs."""

from __future__ import annotations

import os
import time
from functools import partial
from typing import TYPE_CHECKING

from fault.costs import inotify_instances, processor_seconds, proportional_mib, threads
from fault.faults.linking import UsersLab
from fault.lab import HARMFUL, PATIENCE
from support.daemon_process import HOSTILE
from support.machine_users import is_taken

if TYPE_CHECKING:
    from pathlib import Path

    from fault.faults.kinds import Fault
    from fault.lab import Lab

USERS = 200
CACHES = (".cache/huggingface", ".cache/torch", ".cache/whisper", ".keras", ".ollama/models")
FIRST_UID = 20_000
_TASKS = 40
"""Far from the unit's TasksMax=128, which the scans' processes count for, too."""
_IDLE_SECONDS = 40.0


def many_users_many_roots(lab: Lab) -> None:
    """A thousand caches of 200 users: a handful of threads, one inotify instance, and no work while nothing happens."""
    assert isinstance(lab, UsersLab)
    lab.check_possible()
    for number in range(USERS):
        _add_user(lab, f"u{number}", FIRST_UID + number)
    lab.start()
    lab.injected = USERS * len(CACHES)
    assert lab.seconds_until(lambda: _watched(lab) >= lab.injected, PATIENCE) < PATIENCE, _watched(lab)
    for number in range(0, USERS, USERS // 5):
        _bait(lab, f"u{number}", FIRST_UID + number)
    processes = [lab.pid, *lab.warm()]
    tasks, instances = sum(map(threads, processes)), inotify_instances(lab.pid)
    time.sleep(15.0)  # what the start has left to do
    before, began = sum(map(processor_seconds, processes)), time.monotonic()
    time.sleep(_IDLE_SECONDS)
    idle = (sum(map(processor_seconds, processes)) - before) / (time.monotonic() - began)
    memory = sum(map(proportional_mib, processes))
    lab.measured.append(f"{tasks} tasks, {instances} inotify instance, {memory:.0f} MiB, idle {idle:.2%}")
    assert tasks <= _TASKS, tasks
    assert instances == 1, instances


def users_come(lab: Lab) -> None:
    """A user is added, and one whom the user database does not list gets a home; both download a hostile file."""
    assert isinstance(lab, UsersLab)
    lab.check_possible()
    make_home(lab.machine.homes / "before", 30_000)
    lab.start()
    _bait(lab, "before", 30_000)
    for number, (name, is_listed) in enumerate((("listed", True), ("unlisted", False)), 30_001):
        began = time.monotonic()
        if is_listed:
            _add_user(lab, name, number)
        else:
            make_home(lab.machine.homes / name, number)
        _bait(lab, name, number)
        lab.measured.append(f"{name}: judged after {time.monotonic() - began:.1f} s")
        lab.injected += 1


def _watched(lab: UsersLab) -> int:
    return sum(root["state"] == "watched" for root in lab.machine.status().get("roots", ()))


def make_home(home: Path, uid: int) -> None:
    """Make the home of *uid*, with all caches."""
    home.mkdir()
    for cache in CACHES:
        (home / cache).mkdir(parents=True)
    for directory in (home, *(path for path in home.rglob("*") if path.is_dir())):
        os.chown(directory, uid, uid)


def _add_user(lab: UsersLab, name: str, uid: int) -> None:
    with (lab.machine.base / "passwd").open("a") as database:
        database.write(f"{name}:x:{uid}:{uid}::{lab.machine.homes / name}:/bin/sh\n")
    make_home(lab.machine.homes / name, uid)


def _bait(lab: UsersLab, name: str, uid: int) -> None:
    content = f"bait of {name}".encode()
    path = lab.machine.put(lab.machine.homes / name / ".cache/whisper" / "bait.pkl", content, uid=uid)
    lab.expect(path, HOSTILE + content, HARMFUL)
    assert lab.seconds_until(partial(is_taken, path), PATIENCE) < PATIENCE, path


FAULTS: tuple[Fault, ...] = (many_users_many_roots, users_come)

LABS: dict[Fault, type[Lab]] = dict.fromkeys(FAULTS, UsersLab)
