"""A thousand caches of 200 users under the unit as it is shipped, in a booted systemd."""

from __future__ import annotations

import os
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fault.costs import inotify_instances, processor_seconds, proportional_mib, threads
from fault.faults.people import CACHES, FIRST_UID, USERS, make_home
from fault.faults.service import on_unit
from fault.lab import HARMFUL, PATIENCE
from fault.service_lab import DROP_INS, UNIT, ServiceLab
from support.daemon_process import HOSTILE

if TYPE_CHECKING:
    from fault.faults.kinds import Fault
    from fault.lab import Lab

_HOMES: Final = Path("/home")
_TASKS: Final = 128
"""The unit's TasksMax=."""
_MEMORY_MIB: Final = 1536
"""Its MemoryHigh=."""
_IDLE_SECONDS: Final = 40.0
_LIMIT: Final = '[scan.limits]\ntime = "5s"\ncpu_time = "5s"\n'


class _HomesLab(ServiceLab):
    """The unit over homes, which are not shared with the machine but seen through its root."""

    def _place(self, root: str, relative: str) -> Path:
        return self.seen(Path(root)) / relative

    def members(self) -> list[int]:
        """Return the processes of the unit's cgroup."""
        members = self.seen(Path(f"/sys/fs/cgroup/system.slice/{UNIT}.service/cgroup.procs"))
        return [int(pid) for pid in members.read_text().split()] if members.exists() else []

    def tasks(self) -> int:
        """Return the tasks of the unit's cgroup, which TasksMax= counts."""
        found = self.seen(Path(f"/sys/fs/cgroup/system.slice/{UNIT}.service/cgroup.threads"))
        return len(found.read_text().split()) if found.exists() else 0

    def watched(self) -> int:
        """Return how many roots the daemon says that it watches."""
        return self.root_states().count("watched")


@on_unit
def many_roots_under_the_unit(lab: ServiceLab) -> None:
    """The unit alone reports hostile files in a thousand roots; with its drop-in for quarantine it moves them."""
    assert isinstance(lab, _HomesLab)
    lab.boot()
    lab.machine.run("rm", f"{DROP_INS}/quarantine.conf")
    lab.configure(base=_LIMIT)
    lab.drop_in()
    _add_users(lab)
    most = _start(lab)
    baits = [_bait(lab, number) for number in (0, USERS - 2, USERS - 1)]
    for bait in baits:
        lab.wait(partial(_is_harmful, lab, bait))
    most = max(most, lab.tasks())
    _measure(lab, most)
    lab.machine.run("cp", "/mnt/picklewatch/systemd/picklewatch-quarantine.conf", f"{DROP_INS}/quarantine.conf")
    lab.configure('[quarantine]\nlevel = "unsafe"\n', base=_LIMIT)
    lab.drop_in()
    lab.process.stop()
    for bait in baits:
        lab.expect(bait, bait.read_bytes(), HARMFUL)
    _start(lab)
    assert (lab.show("NRestarts"), lab.show("TasksMax")) == ("0", str(_TASKS))


def _add_users(lab: _HomesLab) -> None:
    names = [f"u{number}" for number in range(USERS)]
    with lab.seen(Path("/etc/passwd")).open("a") as database:
        database.writelines(
            f"{name}:x:{uid}:{uid}::{_HOMES / name}:/bin/sh\n" for uid, name in enumerate(names, FIRST_UID)
        )
    for uid, name in enumerate(names, FIRST_UID):
        make_home(lab.seen(_HOMES / name), uid)
    lab.injected = USERS * len(CACHES)


def _start(lab: _HomesLab) -> int:
    """Start the unit; return the most tasks that it had until all roots were watched."""
    began, most, ready = time.monotonic(), 0, 0.0
    lab.machine.run("systemctl", "start", "--no-block", UNIT)
    while lab.watched() < lab.injected:
        most = max(most, lab.tasks())
        if not ready and lab.show("ActiveState") == "active":
            ready = time.monotonic() - began
        assert time.monotonic() - began < PATIENCE, f"{lab.watched()} roots watched; {lab.told()}"
    lab.wait(lambda: lab.show("ActiveState") == "active")
    lab.measured.append(f"ready after {ready or time.monotonic() - began:.1f} s")
    return most


def _bait(lab: _HomesLab, number: int) -> Path:
    path = lab.seen(_HOMES / f"u{number}" / CACHES[-1] / "bait.pkl")
    path.write_bytes(HOSTILE + b"bait of u%d" % number)
    os.chown(path, FIRST_UID + number, FIRST_UID + number)
    return path


def _is_harmful(lab: Lab, path: Path) -> bool:
    return lab.verdict(path) in HARMFUL


def _measure(lab: _HomesLab, most: int) -> None:
    """Say what the unit needs while nothing happens, and check it."""
    time.sleep(15.0)  # what the start has left to do
    daemon, members = lab.pid, lab.members()
    before, began = sum(map(processor_seconds, members)), time.monotonic()
    time.sleep(_IDLE_SECONDS)
    idle = (sum(map(processor_seconds, members)) - before) / (time.monotonic() - began)
    instances, memory = inotify_instances(daemon), sum(map(proportional_mib, members))
    lab.measured.append(
        f"{lab.watched()} roots, {lab.tasks()} tasks ({most} at most), {threads(daemon)} threads, "
        f"{instances} inotify instance, {memory:.0f} MiB, idle {idle:.2%}"
    )
    assert most < _TASKS, most
    assert instances == 1, instances
    assert memory < _MEMORY_MIB, memory


FAULTS: tuple[Fault, ...] = (many_roots_under_the_unit,)
LABS: dict[Fault, type[Lab]] = dict.fromkeys(FAULTS, _HomesLab)
