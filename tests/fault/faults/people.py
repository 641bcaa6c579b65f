"""Many users with many caches, and users who come while the daemon runs."""

from __future__ import annotations

import contextlib
import os
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from fault.faults.linking import UsersLab
from fault.lab import HARMFUL, PATIENCE
from support.daemon_process import HOSTILE
from support.machine_users import is_taken

if TYPE_CHECKING:
    from fault.faults.kinds import Fault
    from fault.lab import Lab

USERS = 200
_CACHES = (".cache/huggingface", ".cache/torch", ".cache/whisper", ".keras", ".ollama/models")
_FIRST_UID = 20_000
_TASKS = 40
"""Far from the unit's TasksMax=128, which the scans' processes count for, too."""
_IDLE_SECONDS = 40.0


def many_users_many_roots(lab: Lab) -> None:
    """A thousand caches of 200 users: a handful of threads, one inotify instance, and no work while nothing happens."""
    assert isinstance(lab, UsersLab)
    lab.check_possible()
    for number in range(USERS):
        _add_user(lab, f"u{number}", _FIRST_UID + number)
    lab.start()
    lab.injected = USERS * len(_CACHES)
    assert lab.seconds_until(lambda: _watched(lab) >= lab.injected, PATIENCE) < PATIENCE, _watched(lab)
    for number in range(0, USERS, USERS // 5):
        _bait(lab, f"u{number}", _FIRST_UID + number)
    processes = [lab.pid, *lab.warm()]
    tasks = sum(len(os.listdir(f"/proc/{pid}/task")) for pid in processes)  # noqa: PTH208
    instances = _instances(lab.pid)
    time.sleep(15.0)  # what the start has left to do
    before, began = sum(map(_ticks, processes)), time.monotonic()
    time.sleep(_IDLE_SECONDS)
    idle = (sum(map(_ticks, processes)) - before) / os.sysconf("SC_CLK_TCK") / (time.monotonic() - began)
    memory = sum(map(_proportional_mib, processes))
    lab.measured.append(f"{tasks} tasks, {instances} inotify instance, {memory:.0f} MiB, idle {idle:.2%}")
    assert tasks <= _TASKS, tasks
    assert instances == 1, instances


def users_come(lab: Lab) -> None:
    """A user is added, and one whom the user database does not list gets a home; both download a hostile file."""
    assert isinstance(lab, UsersLab)
    lab.check_possible()
    _make_home(lab, "before", 30_000)
    lab.start()
    _bait(lab, "before", 30_000)
    for number, (name, is_listed) in enumerate((("listed", True), ("unlisted", False)), 30_001):
        began = time.monotonic()
        if is_listed:
            _add_user(lab, name, number)
        else:
            _make_home(lab, name, number)
        _bait(lab, name, number)
        lab.measured.append(f"{name}: judged after {time.monotonic() - began:.1f} s")
        lab.injected += 1


def _watched(lab: UsersLab) -> int:
    return sum(root["state"] == "watched" for root in lab.machine.status().get("roots", ()))


def _make_home(lab: UsersLab, name: str, uid: int) -> None:
    home = lab.machine.homes / name
    home.mkdir()
    for cache in _CACHES:
        (home / cache).mkdir(parents=True)
    for directory in (home, *(path for path in home.rglob("*") if path.is_dir())):
        os.chown(directory, uid, uid)


def _add_user(lab: UsersLab, name: str, uid: int) -> None:
    with (lab.machine.base / "passwd").open("a") as database:
        database.write(f"{name}:x:{uid}:{uid}::{lab.machine.homes / name}:/bin/sh\n")
    _make_home(lab, name, uid)


def _bait(lab: UsersLab, name: str, uid: int) -> None:
    content = f"bait of {name}".encode()
    path = lab.machine.put(lab.machine.homes / name / ".cache/whisper" / "bait.pkl", content, uid=uid)
    lab.expect(path, HOSTILE + content, HARMFUL)
    assert lab.seconds_until(partial(is_taken, path), PATIENCE) < PATIENCE, path


def _instances(pid: int) -> int:
    count = 0
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed since
            count += os.readlink(descriptor) == "anon_inode:inotify"  # noqa: PTH115
    return count


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _proportional_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


FAULTS: tuple[Fault, ...] = (many_users_many_roots, users_come)

LABS: dict[Fault, type[Lab]] = dict.fromkeys(FAULTS, UsersLab)
