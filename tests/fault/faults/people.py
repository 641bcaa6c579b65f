"""Many users with many caches, and users who come while the daemon runs."""

from __future__ import annotations

import os
import time
from functools import partial
from typing import TYPE_CHECKING

from fault.costs import inotify_instances, processor_seconds, proportional_mib, threads
from fault.faults.linking import UsersLab
from fault.lab import HARMFUL, PATIENCE
from support.daemon_process import HOSTILE, children
from support.machine_users import ADA, MALLORY, is_taken

from picklewatch.service.scan_workers import SPARE_SECONDS

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
_MORE_MB = 30.0


def many_users_many_roots(lab: Lab) -> None:
    """A thousand caches of 200 users: a handful of threads, one inotify instance, and no work while nothing happens.

    All processes together need at most 30 MB more than for one cache.
    """
    assert isinstance(lab, UsersLab)
    lab.start()
    _bait(lab, "mallory", MALLORY)
    one = _memory_at_rest(lab)
    lab.process.kill()
    for number in range(USERS):
        _add_user(lab, f"u{number}", FIRST_UID + number)
    lab.start()
    lab.injected = USERS * len(CACHES)
    assert lab.seconds_until(lambda: _watched(lab) >= lab.injected, PATIENCE) < PATIENCE, _watched(lab)
    for number in range(0, USERS, USERS // 5):
        _bait(lab, f"u{number}", FIRST_UID + number)
    memory = _memory_at_rest(lab)
    processes = [lab.pid, *lab.warm()]
    tasks, instances = sum(map(threads, processes)), inotify_instances(lab.pid)
    before, began = sum(map(processor_seconds, processes)), time.monotonic()
    time.sleep(_IDLE_SECONDS)
    idle = (sum(map(processor_seconds, processes)) - before) / (time.monotonic() - began)
    lab.measured.append(f"{tasks} tasks, {instances} inotify instance, idle {idle:.2%}")
    lab.measured.append(f"{memory:.0f} MB, with one cache {one:.0f} MB")
    assert tasks <= _TASKS, tasks
    assert instances == 1, instances
    assert memory - one < _MORE_MB, lab.measured


def _memory_at_rest(lab: Lab) -> float:
    """Return the memory of all processes in megabytes, once spare workers' have ended."""
    time.sleep(SPARE_SECONDS + 20.0)
    pids = [lab.pid]
    for pid in pids:
        pids += children(pid)
    return sum(map(proportional_mib, pids)) * 1.048576


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


def containers_volumes(lab: Lab) -> None:
    """Hostile files lie in a user's rootless container store: in a layer's caches and in a volume.

    Nothing in there is judged or moved, and `status` names the store as not watched.
    """
    assert isinstance(lab, UsersLab)
    lab.check_possible()
    machine = lab.machine
    store = machine.mallory / ".local/share/containers/storage"
    volume = store / "volumes/models/_data"
    layer = store / "overlay/1/diff/root/.cache/torch/hub/checkpoints"
    inside = [machine.put(layer / "in-layer.pkl"), machine.put(volume / "in-volume.pkl")]
    contents = {path: path.read_bytes() for path in inside}
    lab.start()
    _bait(lab, "mallory", MALLORY)
    inside.append(machine.put(volume / "later.pkl", b"later"))
    contents[inside[-1]] = inside[-1].read_bytes()
    _bait(lab, "ada", ADA)
    assert lab.seconds_until(lambda: "not judged" in _reason(lab, store)) < PATIENCE, "status does not name the store"
    assert {path: path.read_bytes() for path in inside} == contents, "moved"
    lab.injected = len(inside)
    lab.measured.append(f"{sum(map(lab.was_judged, inside))} of {len(inside)} judged; named: {_reason(lab, store)}")
    assert not any(map(lab.was_judged, inside)), lab.measured


def _reason(lab: UsersLab, path: Path) -> str:
    """What `status` says of *path*, which is not watched."""
    return next((root["reason"] for root in lab.machine.status().get("roots", ()) if root["wanted"] == str(path)), "")


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


FAULTS: tuple[Fault, ...] = (many_users_many_roots, users_come, containers_volumes)

LABS: dict[Fault, type[Lab]] = dict.fromkeys(FAULTS, UsersLab)
