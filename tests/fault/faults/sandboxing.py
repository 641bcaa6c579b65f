"""The sandbox and its processes."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from fault.lab import HARMFUL, PATIENCE, UNJUDGED
from samples.bombs import all_bombs

from picklewatch.core.model import FileId
from picklewatch.sandbox.engine_version import engine_version
from picklewatch.service import daemon_status
from picklewatch.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fault.faults.kinds import Fault
    from fault.lab import Lab


_SHORT = """
[quarantine]
level = "unsafe"
[scan.limits]
time = "1s"
cpu_time = "1s"
memory = "512MiB"
"""
_FORBID = Path(__file__).parents[2] / "support" / "forbid.py"
_NO_NAMESPACES = "echo 0 > /proc/sys/user/max_user_namespaces"
_TMP_READ_ONLY = (
    'mount --bind "$LAB" "$LAB" && mount --rbind /tmp /tmp && mount -o remount,ro,bind /tmp '
    "&& ! touch /tmp/x 2>/dev/null"
)
_WITHOUT_PROC = "no /proc"
_BOMBS = 1_000
_FEW = 8
"""Bombs that wait: fewer are no load."""
_GROWTH = 32 << 20
_PROMPT = 20.0
"""Seconds that an ordinary file may wait: several bombs may be at work, and the machine may be busy."""


def scan_crashes(lab: Lab) -> None:
    """The scanning processes are killed by a segmentation fault, again and again."""
    lab.start()
    for index in range(100):
        lab.put(hostile=index % 5 == 0, also=UNJUDGED)
        if index % 4 == 0:
            lab.injected += lab.signal(lab.scanning(), signal.SIGSEGV)
    _unjudged_at_most(lab, lab.injected)


def scan_hangs(lab: Lab) -> None:
    """The scanning processes stop for good: the clock ends them."""
    lab.start()
    for index in range(2):
        lab.injected += lab.signal(lab.scanning(), signal.SIGSTOP)
        for number in range(6):
            lab.put(f"h{index}/{number}.bin", hostile=True, also=UNJUDGED)
        time.sleep(1)
    _unjudged_at_most(lab, lab.injected)


def warm_killed(lab: Lab) -> None:
    """The warm processes of the sandbox are killed while files are scanned."""
    lab.start()
    for _ in range(6):
        lab.burst(20, also=UNJUDGED)  # a file whose warm process died twice under it is unscannable
        lab.injected += lab.signal(lab.warm(), signal.SIGKILL)
        time.sleep(0.5)
    _unjudged_at_most(lab, lab.injected // 2)


def _unjudged_at_most(lab: Lab, number: int) -> None:
    """Make sure that what ended scans cost only their own files their verdict."""
    assert lab.seconds_until(lab.settled) < PATIENCE
    unjudged = lab.unjudged()
    lab.measured.append(f"{len(unjudged)} unscannable")
    assert len(unjudged) <= number, f"{len(unjudged)} unscannable, such as {unjudged[0]}, by {number} signals"


def bombs_in_a_row(lab: Lab) -> None:
    """A thousand bombs of every kind we know at once, ordinary files put beside them one by one; some ten minutes."""
    kinds = list(all_bombs().items())
    (lab.process.home / "config.toml").write_text(_SHORT)
    lab.start()
    lab.burst(20)
    assert lab.seconds_until(lab.settled) < PATIENCE
    before = _Held.of(lab)
    for number in range(_BOMBS):
        name, content = kinds[number % len(kinds)]
        path = lab.root / "bombs" / f"{name}-{number}.bin"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content + b"%d" % number)
        lab.expect(path, content + b"%d" % number, UNJUDGED | HARMFUL)
        lab.injected += 1
    waits = list(_waits(lab))
    assert lab.seconds_until(lambda: not lab.account(limit=1).missing, PATIENCE) < PATIENCE, "bombs without a verdict"
    assert lab.seconds_until(lab.settled) < PATIENCE
    after = _Held.of(lab)
    ordered = sorted(waits)
    largest = daemon_status.read(lab.state).daemon.scan_peak_kib >> 10
    lab.measured.append(
        f"daemon {before.memory >> 20} -> {after.memory >> 20} MiB, with the warm processes {before.all >> 20} -> "
        f"{after.all >> 20}; largest scan {largest} MiB; {len(waits)} ordinary files: median "
        f"{ordered[len(waits) // 2]:.1f} s, longest {ordered[-1]:.1f} s"
    )
    assert after.memory - before.memory < _GROWTH, "the daemon grows"
    assert after.descriptors == before.descriptors, f"descriptors: {before.descriptors} -> {after.descriptors}"
    assert after.processes == before.processes, f"processes: {before.processes} -> {after.processes}"
    assert ordered[-1] < _PROMPT, "an ordinary file waits for bombs"


def _waits(lab: Lab) -> Iterator[float]:
    """Put ordinary files, one after the other, while bombs wait; the seconds until each was judged."""
    engine = engine_version().key
    with contextlib.closing(Store(lab.state, read_only=True)) as store:
        while len(store.jobs) > _FEW:
            path = lab.put(f"home/{lab.injected}-{time.monotonic_ns()}.bin")
            file = FileId.of(path.stat())
            yield lab.seconds_until(lambda file=file: store.records.verdict(file, engine) is not None)  # type: ignore[misc]
            time.sleep(1)


@dataclass(frozen=True, slots=True)
class _Held:
    """Return the resources that the daemon and its processes hold."""

    memory: int
    """Bytes resident in the daemon."""
    all: int
    """Bytes resident in it and the warm processes."""
    descriptors: int
    processes: tuple[int, int]
    """Warm processes, and processes that they started."""

    @classmethod
    def of(cls, lab: Lab) -> Self:
        """Return the resources held now, nothing being scanned."""
        warm = lab.warm()
        memory = [_resident(pid) for pid in (lab.pid, *warm)]
        descriptors = sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in (lab.pid, *warm))
        return cls(memory[0], sum(memory), descriptors, (len(warm), len(lab.scanning())))


def _resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()


_LACKS = {
    "landlock=ENOSYS": "Landlock",
    "landlock=EOPNOTSUPP": "Landlock",
    "seccomp=EINVAL": "seccomp",
    "seccomp=ENOSYS": "seccomp",
}
_FORBIDDEN = ("landlock=EPERM", "seccomp=EPERM")
_CANNOT_START = 78


def protections_missing(lab: Lab) -> None:
    """The kernel has no Landlock, no seccomp (a filter answers so): said, and every file judged; required: refused."""
    for wish, word in _LACKS.items():
        _through(lab, sys.executable, str(_FORBID), wish, "--")
        lab.start()
        lab.burst(20)
        assert lab.seconds_until(lab.settled) < PATIENCE
        assert any(word in text for text in daemon_status.read(lab.state).daemon.unprotected), "not said"
        assert lab.process.stop() == 0
        assert _ends(lab, wish, PICKLEWATCH_SCAN_REQUIRE_SANDBOX="true") == _CANNOT_START, "runs without"
        lab.burst(5)  # they wait until it runs again
        lab.injected += 2
    for wish in _FORBIDDEN:
        assert _ends(lab, wish) == _CANNOT_START, "takes a filter around it for an old kernel"
        lab.injected += 1
    _through(lab)
    lab.start()


def _through(lab: Lab, *command: str) -> None:
    lab.process._through = command


def _ends(lab: Lab, wish: str, **environment: str) -> int:
    """Start a daemon that is to refuse; how it ends."""
    command = [sys.executable, str(_FORBID), wish, "--", sys.executable, "-m", "picklewatch", "run"]
    command += ["-c", str(lab.process.home / "config.toml"), "--state-dir", str(lab.state), str(lab.root)]
    environment = {**os.environ, **environment}
    return subprocess.run(command, env=environment, check=False, capture_output=True, timeout=PATIENCE).returncode


_SURROUNDINGS: dict[str, tuple[str, ...]] = {
    "niced": ("nice", "-n", "19"),
    "few descriptors": ("sh", "-c", 'ulimit -n 64; exec "$@"', "sh"),
    "little address space": ("sh", "-c", 'ulimit -v 1500000; exec "$@"', "sh"),
    "small files only": ("sh", "-c", 'ulimit -f 2000000; exec "$@"', "sh"),
    "little stack": ("sh", "-c", 'ulimit -s 512; exec "$@"', "sh"),
    "no core, no locked memory": ("sh", "-c", 'ulimit -c 0; ulimit -l 0; exec "$@"', "sh"),
    "no home": ("env", "-u", "HOME", "-u", "TMPDIR"),
    "a home that is none": ("env", "HOME=/nonexistent", "TMPDIR=/nonexistent"),
    "standard streams closed": ("sh", "-c", 'exec "$@" <&- >&-', "sh"),
    "standard output full": ("sh", "-c", 'exec "$@" >/dev/full', "sh"),
    "the first process": ("unshare", "--pid", "--fork", "--kill-child=TERM", "--mount-proc", "--"),
    "no user namespaces": ("unshare", "--user", "--map-root-user", "sh", "-c", f'{_NO_NAMESPACES}; exec "$@"', "sh"),
    _WITHOUT_PROC: ("unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /proc; exec "$@"', "sh"),
    "/tmp read-only": ("unshare", "--mount", "sh", "-c", f'{_TMP_READ_ONLY} && exec "$@"', "sh"),
}


def strange_surroundings(lab: Lab) -> None:
    """Niced, with tight limits, no home, no streams, as the first process, without /proc: one after the other."""
    lab.process.environment["LAB"] = str(lab.process.home)
    environment = {**os.environ, **lab.process.environment}
    for name, command in _SURROUNDINGS.items():
        if subprocess.run([*command, "true"], env=environment, check=False, capture_output=True).returncode:
            lab.measured.append(f"not here: {name}")
            continue
        _through(lab, *command)
        lab.start()
        lab.burst(20, also=UNJUDGED if name == _WITHOUT_PROC else frozenset())  # a file is opened through /proc
        assert lab.seconds_until(lab.settled) < PATIENCE, f"{name}: {lab.problems()} {lab.account().notes}"
        assert _stopped(lab) == 0, name
        lab.injected += 1
    _through(lab)
    lab.start()


def _stopped(lab: Lab) -> int:
    """End a daemon that may be the child of the command it runs through; how it ends."""
    below = lab.warm() if Path(f"/proc/{lab.pid}/comm").read_text().strip() == "unshare" else []
    lab.signal(below or [lab.pid], signal.SIGTERM)
    return lab.process.process.wait(PATIENCE)


FAULTS: tuple[Fault, ...] = (
    scan_crashes,
    scan_hangs,
    warm_killed,
    bombs_in_a_row,
    protections_missing,
    strange_surroundings,
)
