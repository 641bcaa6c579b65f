"""Limits that a service manager may set: processes, open files, memory, processor time."""

from __future__ import annotations

import contextlib
import os
import resource
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from fault.lab import PATIENCE, UNJUDGED, SkippedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fault.faults.kinds import Fault
    from fault.lab import Lab


def _hierarchy(controller: str) -> Path:
    """Where a cgroup with *controller* may be made: of the unified hierarchy, or of its own."""
    for place in (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified")):
        with contextlib.suppress(OSError):
            if controller in (place / "cgroup.subtree_control").read_text().split():
                return place
    if (Path("/sys/fs/cgroup") / controller / "cgroup.procs").exists():
        return Path("/sys/fs/cgroup") / controller
    raise SkippedError(f"there is no {controller} controller for cgroups")


@contextlib.contextmanager
def _group(lab: Lab, controller: str) -> Iterator[Path]:
    """A cgroup with the daemon and all its processes in it."""
    group = _hierarchy(controller) / f"picklewatch-fault-{os.getpid()}"
    try:
        group.mkdir()
        for pid in (lab.pid, *lab.warm(), *lab.scanning()):
            with contextlib.suppress(ProcessLookupError):
                (group / "cgroup.procs").write_text(f"{pid}")
    except OSError as error:
        raise SkippedError(f"needs the right to make cgroups: {error.strerror}") from error
    try:
        yield group
    finally:
        with contextlib.suppress(OSError):
            for member in (group / "cgroup.procs").read_text().split():
                with contextlib.suppress(OSError):
                    (group.parent / "cgroup.procs").write_text(member)
        deadline = time.monotonic() + 10
        while group.exists() and time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                group.rmdir()
            time.sleep(0.05)


def no_more_tasks(lab: Lab) -> None:
    """TasksMax= is reached for ten seconds: no process, no thread can be made while 100 files arrive."""
    lab.start()
    lab.burst(10)
    assert lab.seconds_until(lab.settled) < PATIENCE
    with _group(lab, "pids") as group:
        (group / "pids.max").write_text("1")
        lab.injected += 1
        lab.burst(100)
        time.sleep(10)
        (group / "pids.max").write_text("max")
        assert lab.seconds_until(lab.settled) < PATIENCE


def memory_reached(lab: Lab) -> None:
    """MemoryMax= is reached by scans that need more than is left: the scanning child dies, not what it belongs to."""
    lab.start()
    lab.burst(10)
    assert lab.seconds_until(lab.settled) < PATIENCE
    daemon, warm = lab.pid, lab.warm()
    with _group(lab, "memory") as group:
        limit, used = ("memory.max", "memory.current")
        if not (group / limit).exists():
            limit, used = "memory.limit_in_bytes", "memory.usage_in_bytes"
        (group / limit).write_text(str(int((group / used).read_text()) + (120 << 20)))
        for number in range(3):
            lab.expect(_big(lab.root / f"big-{number}.pt"), None, UNJUDGED)
            lab.injected += 1
        lab.burst(50)
        assert lab.seconds_until(lab.settled) < PATIENCE
        told = group / ("memory.events" if limit == "memory.max" else "memory.oom_control")
        killed = dict(line.split() for line in told.read_text().splitlines())["oom_kill"]
        assert int(killed), "memory did not run out"
    assert (lab.pid, lab.warm()) == (daemon, warm), "the daemon or its warm processes were killed"


def _big(path: Path) -> Path:
    """A checkpoint whose pickle takes 400 MB of memory and half of one on the disk."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02" + b"N0" * (200 << 20) + b"N.")
        archive.writestr("archive/version", "3")
    return path


def few_open_files(lab: Lab) -> None:
    """LimitNOFILE= of the running daemon sinks to what it has open and one more, for five seconds."""
    lab.start()
    lab.burst(10)
    assert lab.seconds_until(lab.settled) < PATIENCE
    before = resource.prlimit(lab.pid, resource.RLIMIT_NOFILE)
    opened = len(list(Path(f"/proc/{lab.pid}/fd").iterdir()))
    resource.prlimit(lab.pid, resource.RLIMIT_NOFILE, (opened + 1, before[1]))
    lab.injected += 1
    lab.burst(100)
    time.sleep(5)
    resource.prlimit(lab.pid, resource.RLIMIT_NOFILE, before)


FAULTS: tuple[Fault, ...] = (
    no_more_tasks,
    memory_reached,
    few_open_files,
)
