"""The daemon killed, stopped and suspended."""

from __future__ import annotations

import functools
import signal
import struct
import time
from typing import TYPE_CHECKING

from fault.lab import PATIENCE
from fault.preload import library

if TYPE_CHECKING:
    from fault.faults.kinds import Fault
    from fault.lab import Lab


def kill_in_a_burst(lab: Lab) -> None:
    """Kill -9, five times, while 300 files arrive."""
    lab.start()
    for _ in range(5):
        lab.burst(60)
        time.sleep(0.2)
        lab.restart_after_kill()
        lab.injected += 1


def kill_while_files_are_moved(lab: Lab) -> None:
    """Kill -9, five times, while nothing but hostile files arrives and is taken."""
    lab.start()
    for _ in range(5):
        for _ in range(12):
            lab.put(hostile=True)
        time.sleep(0.15)
        lab.restart_after_kill()
        lab.injected += 1


def suspended(lab: Lab) -> None:
    """The daemon, and then it with its sandbox, stop for three seconds, as when a laptop sleeps."""
    lab.start()
    for everything in (False, True):
        pids = [lab.pid] + ([*lab.warm(), *lab.scanning()] if everything else [])
        lab.signal(pids, signal.SIGSTOP)
        lab.burst(30)
        time.sleep(3)
        lab.signal(pids, signal.SIGCONT)
        lab.injected += 1


def stopped_with_a_full_queue(lab: Lab) -> None:
    """SIGTERM while files wait, and a start; three times."""
    lab.start()
    for _ in range(3):
        lab.burst(80)
        assert lab.process.stop() == 0
        lab.start()
        lab.injected += 1


def clock_set(lab: Lab) -> None:
    """The time of day jumps by an hour, a year and a century, forward and back, while files arrive."""
    clocks = _Clocks(lab)
    lab.start()
    for years in (0.0001, -0.0001, 1, -1, 100, -50):
        clocks.set(day=int(years * 31_556_952))
        lab.burst(10)
        lab.injected += 1
        assert lab.seconds_until(lambda: not lab.account(limit=1).missing) < PATIENCE, f"nothing after {years} years"
        time.sleep(1.5)  # two within a second are one
    noticed = lab.seconds_until(lambda: lab.incidents()["watch-clock-set"] >= lab.injected)
    assert noticed < PATIENCE, "not noticed"
    lab.process.kill()  # a start with the clock that is wrong, and one after it was set right
    clocks.set(day=-20 * 31_556_952)
    lab.burst(10)
    lab.start()
    lab.burst(10)
    clocks.set(day=0)
    lab.restart_after_kill()
    lab.burst(10)


def resumed(lab: Lab) -> None:
    """The machine sleeps for two days, three times: it is noticed, and the periodic walk counts the time."""
    clocks = _Clocks(lab)
    lab.start()
    for turn in range(1, 4):
        lab.burst(10)
        clocks.set(day=turn * 172_800, boot=turn * 172_800)
        assert lab.seconds_until(functools.partial(_has_resumed, lab, turn)) < PATIENCE, "not noticed"
        lab.burst(10)
        lab.injected += 1
        assert lab.seconds_until(lambda: not lab.account(limit=1).missing) < PATIENCE
    assert len(lab.process.events("walk.done")) >= 1 + lab.injected, "no periodic walk after two days"
    clocks.set(day=0, boot=3 * 172_800)


def _has_resumed(lab: Lab, times: int) -> bool:
    return lab.incidents()["watch-resumed"] >= times


class _Clocks:
    """The clocks of the daemon of *lab*."""

    def __init__(self, lab: Lab) -> None:
        self._file = lab.process.home / "clock"
        self.set()
        lab.process.environment |= {"LD_PRELOAD": str(library("clock")), "PICKLEWATCH_CLOCK": str(self._file)}

    def set(self, *, day: int = 0, boot: int = 0) -> None:
        """Shift the time of day, and the time since boot with sleep, by so many seconds."""
        with self._file.open("r+b" if self._file.exists() else "wb") as file:
            file.write(struct.pack("qq", day, boot))


FAULTS: tuple[Fault, ...] = (
    kill_in_a_burst,
    kill_while_files_are_moved,
    suspended,
    stopped_with_a_full_queue,
    clock_set,
    resumed,
)
