"""The daemon killed, stopped and suspended."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

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


FAULTS: tuple[Fault, ...] = (
    kill_in_a_burst,
    kill_while_files_are_moved,
    suspended,
    stopped_with_a_full_queue,
)
