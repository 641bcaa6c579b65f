"""The unit in a booted systemd: its journal, its watchdog, its reloads, stops and restarts."""

from __future__ import annotations

import contextlib
import functools
import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from fault.service_lab import UNIT, WATCHED, ServiceLab

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fault.faults.kinds import Fault
    from fault.lab import Lab

_JOURNAL = "systemd-journald.socket systemd-journald-dev-log.socket systemd-journald-audit.socket systemd-journald"


def on_unit(fault: Callable[[ServiceLab], None]) -> Fault:
    """Let *fault* be one of a lab whose daemon is the unit."""

    @functools.wraps(fault)
    def injected(lab: Lab) -> None:
        assert isinstance(lab, ServiceLab)
        fault(lab)

    return injected


def started(lab: ServiceLab, *drop_in: str, config: str = "", files: int = 20) -> None:
    """Start the unit of *lab* with the lines *drop_in* and *config*, and have it judge some files."""
    lab.boot(*drop_in, config=config)
    lab.start()
    lab.burst(files)
    lab.wait(lab.settled)


@contextlib.contextmanager
def _journal_stopped(lab: ServiceLab) -> Iterator[None]:
    pid = lab.machine.show("systemd-journald", "MainPID")
    lab.machine.run("kill", "-STOP", pid)
    lab.injected += 1
    try:
        yield
    finally:
        lab.machine.run("kill", "-CONT", pid)


@on_unit
def journal_gone(lab: ServiceLab) -> None:
    """The journal and its sockets are stopped while 100 files arrive: all are judged, and in the log afterwards."""
    started(lab)
    lab.machine.shell(f"systemctl stop {_JOURNAL}")
    lab.injected += 1
    lab.burst(100)
    lab.wait(lab.judged)
    lab.wait(lambda: "log-unwritable" in lab.problems())
    assert "log" in lab.show("StatusText")
    lab.machine.shell(f"systemctl start {_JOURNAL}")


@on_unit
def journal_hangs(lab: ServiceLab) -> None:
    """The journal is stopped dead while 700 files arrive, more than its socket holds: judging does not wait for it."""
    started(lab)
    with _journal_stopped(lab):
        lab.burst(700)
        lab.wait(lab.judged)
        assert "log-unwritable" in lab.problems()


@on_unit
def journal_slow(lab: ServiceLab) -> None:
    """The journal works for a tenth of a second in each second while 700 files arrive."""
    started(lab)
    done = threading.Event()

    def slow_down() -> None:
        while not done.is_set():
            with _journal_stopped(lab):
                time.sleep(0.9)
            time.sleep(0.1)

    slow = threading.Thread(target=slow_down)
    slow.start()
    try:
        lab.burst(700)
        lab.wait(lab.judged)
    finally:
        done.set()
        slow.join()


@on_unit
def daemon_hangs(lab: ServiceLab) -> None:
    """The daemon is stopped dead three times while files arrive; systemd's watchdog kills it and starts it again."""
    started(lab, "WatchdogSec=3s", "TimeoutAbortSec=2s", "RestartSec=1s")
    for number in range(1, 4):
        lab.burst(60)
        lab.signal([lab.pid], signal.SIGSTOP)
        lab.injected += 1
        lab.burst(20)
        lab.wait(lambda wanted=number: lab.show("NRestarts") == str(wanted))  # type: ignore[misc]
        lab.wait(lambda: lab.show("ActiveState") == "active")


@on_unit
def killed_again_and_again(lab: ServiceLab) -> None:
    """Kill -9 fifteen times, as fast as systemd starts it: it never gives up."""
    started(lab, "RestartSec=100ms")
    for _ in range(15):
        lab.burst(5)
        lab.restart_after_kill()
        lab.injected += 1


@on_unit
def ended_politely(lab: ServiceLab) -> None:
    """SIGTERM from somebody else than systemd, such as earlyoom: it is started again."""
    started(lab, "RestartSec=100ms")
    before = lab.show("NRestarts")
    lab.burst(20)
    lab.machine.run("systemctl", "kill", "--kill-who=main", UNIT)
    lab.injected += 1
    lab.wait(lambda: lab.show("NRestarts") != before and lab.show("ActiveState") == "active")


@on_unit
def reloaded_while_busy(lab: ServiceLab) -> None:
    """300 files are queued, and each of six reloads changes workers, limits, the level or the roots."""
    started(lab)
    lab.seen(Path("/srv/other")).mkdir(exist_ok=True)
    roots = f'[watch]\ncaches = false\nroots = ["{WATCHED}", "/srv/other"]\n'
    few = roots + '[quarantine]\nlevel = "malicious"\n[scan]\nworkers = 1\n[scan.limits]\ntime = "9s"\n'
    for number in range(6):
        lab.burst(50)
        lab.configure(base=few if number % 2 == 0 else None)
        lab.machine.run("systemctl", "reload", UNIT)
        lab.injected += 1
        time.sleep(0.3)
    lab.wait(lambda: len(lab.entries("config.reloaded")) >= lab.injected)


@on_unit
def reloaded_with_a_mistake(lab: ServiceLab) -> None:
    """The reload fails, the status says so, the old configuration holds; mended, all is well."""
    started(lab)
    pid = lab.show("MainPID")
    lab.burst(100)
    lab.configure("nonsense = 1\n")
    said = lab.machine.shell(f"systemctl reload {UNIT} && echo reloaded || echo refused")
    assert "refused" in said, said
    lab.machine.run("systemctl", "kill", "-s", "HUP", "--kill-who=main", UNIT)
    lab.injected += 1
    lab.wait(lambda: "config-rejected" in lab.problems())
    assert "nonsense" in lab.show("StatusText"), lab.show("StatusText")
    lab.burst(20)
    lab.wait(lab.judged)
    assert lab.show("MainPID") == pid
    lab.configure()
    lab.machine.run("systemctl", "reload", UNIT)


@on_unit
def reloaded_twenty_times(lab: ServiceLab) -> None:
    """Twenty SIGHUPs within a second, with another number of workers each, while files arrive."""
    started(lab)
    lab.burst(100)
    for number in range(20):
        lab.configure(f"[scan]\nworkers = {1 + number % 3}\n")
        lab.signal([lab.pid], signal.SIGHUP)
        lab.injected += 1
    lab.burst(20)
    lab.wait(lambda: len(lab.warm()) == 2)


@on_unit
def stopped_with_2000_queued(lab: ServiceLab) -> None:
    """Stopped by systemctl while 2,000 files wait: it ends in seconds, and the next start goes on."""
    started(lab)
    lab.burst(2000)
    began = time.monotonic()
    lab.machine.run("systemctl", "stop", UNIT)
    seconds = time.monotonic() - began
    lab.injected += 1
    assert (lab.show("Result"), seconds < 30) == ("success", True), seconds
    lab.start()
    lab.seconds_until(lab.judged, 240)  # what two thousand files take, not the fault


@on_unit
def stopped_in_the_start_up_walk(lab: ServiceLab) -> None:
    """Stopped three times while it walks 1,500 files that were there before it."""
    lab.boot()
    lab.burst(1500, "some/where/")
    for _ in range(3):
        lab.start()
        began = time.monotonic()
        lab.machine.run("systemctl", "stop", UNIT)
        assert time.monotonic() - began < 30
        lab.injected += 1
    lab.start()
    lab.seconds_until(lab.judged, 240)


@on_unit
def stopped_while_files_are_moved(lab: ServiceLab) -> None:
    """Stopped five times while nothing but hostile files arrives and is taken."""
    started(lab)
    for _ in range(5):
        for _ in range(12):
            lab.put(hostile=True)
        time.sleep(0.15)
        lab.machine.run("systemctl", "stop", UNIT)
        lab.start()
        lab.injected += 1


@on_unit
def machine_powered_off(lab: ServiceLab) -> None:
    """The whole machine is shut down while 300 files wait, a tenth of them to be moved; and booted again."""
    started(lab)
    lab.burst(300)
    lab.power_off_and_on()
    lab.injected += 1
    lab.start()


@on_unit
def frozen(lab: ServiceLab) -> None:
    """Systemd freezes the unit while files arrive and thaws it; once, after longer than its watchdog waits."""
    started(lab, "WatchdogSec=8s", "RestartSec=1s")
    for seconds in (4, 12):
        lab.machine.run("systemctl", "freeze", UNIT)
        lab.burst(50)
        time.sleep(seconds)
        lab.machine.run("systemctl", "thaw", UNIT, check=False)
        lab.injected += 1
        lab.wait(lambda: lab.show("ActiveState") == "active")


@on_unit
def disk_mounted_late(lab: ServiceLab) -> None:
    """The root's disk is not there at the start, is mounted five seconds later, goes, and comes back."""
    lab.boot()
    lab.configure(base='[watch]\ncaches = false\nroots = ["/srv/late/models"]\n[quarantine]\nlevel = "off"\n')
    lab.machine.shell("mkdir -p /srv/late; mkdir -p /run/late; mount -t tmpfs late /run/late; mkdir /run/late/models")
    lab.unmount_in_the_end("/run/late", "/srv/late")
    lab.root = lab.seen(Path("/run/late/models"))  # where its files are, mounted for the daemon or not
    lab.start()
    for number in range(2):
        lab.wait(lambda: lab.root_states() == ["waiting"])
        lab.put(f"before-{number}.bin")
        lab.machine.shell("mount --bind /run/late /srv/late")
        lab.injected += 1
        lab.wait(lambda: lab.root_states() == ["watched"])
        lab.put(f"after-{number}.bin")
        lab.wait(lab.judged)
        assert all(lab.was_judged(Path(f"/srv/late/models/{when}-{number}.bin")) for when in ("before", "after"))
        lab.machine.shell("umount -l /srv/late")


FAULTS: tuple[Fault, ...] = (
    journal_gone,
    journal_hangs,
    journal_slow,
    daemon_hangs,
    killed_again_and_again,
    ended_politely,
    reloaded_while_busy,
    reloaded_with_a_mistake,
    reloaded_twenty_times,
    stopped_with_2000_queued,
    stopped_in_the_start_up_walk,
    stopped_while_files_are_moved,
    machine_powered_off,
    frozen,
    disk_mounted_late,
)
LABS: dict[Fault, type[Lab]] = dict.fromkeys(FAULTS, ServiceLab)
"""Where these happen."""
