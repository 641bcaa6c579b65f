"""Directories that another machine serves: a file system of a process of our own, which can be stopped and killed."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

from fault.faults.watching import judged_within
from fault.lab import HARMFUL, HARMLESS, PATIENCE
from support.daemon_process import BENIGN, HOSTILE

if TYPE_CHECKING:
    from fault.faults.kinds import Fault
    from fault.lab import Lab

_SILENT = 40.0
"""Seconds during which a server does not answer."""


def other_machine_writes(lab: Lab) -> None:
    """Another machine writes to a watched directory of the network and to one mounted below: nothing tells of that."""
    behind, _ = lab.mount_network(lab.root / "net")
    lab.start()
    for turn in range(3):
        for index in range(5):
            name, content = f"d{turn}/n{index}.bin", (BENIGN if index else HOSTILE) + b"%d %d" % (turn, index)
            (behind / name).parent.mkdir(exist_ok=True)
            (behind / name).write_bytes(content)
            lab.expect(lab.root / "net" / name, content, HARMLESS if index else HARMFUL)
            lab.injected += 1
        assert lab.seconds_until(lab.settled) < PATIENCE
    assert lab.incidents()["missed"] == 0


def server_silent(lab: Lab) -> None:
    """The server of a mounted directory does not answer for 40 s, in the middle of writes; elsewhere all goes on.

    Local files are judged meanwhile; links to what is there, and what was written last, are when it answers again.
    """
    dead = lab.root / "net"
    _, server = lab.mount_network(dead)
    lab.start()
    lab.burst(5, "net/")
    assert lab.seconds_until(lab.settled) < PATIENCE
    for turn in range(3):
        lab.burst(20, f"net/d{turn}/")
        (lab.root / f"l{turn}").symlink_to(dead / "f1.bin")
        server.send_signal(signal.SIGSTOP)
        lab.injected += 1
        latencies = _elsewhere(lab, _SILENT)
        server.send_signal(signal.SIGCONT)
        lab.measured.append(f"elsewhere judged within {max(latencies):.1f} s")
        assert max(latencies) < PATIENCE, latencies
        time.sleep(turn * 0.5)


def _elsewhere(lab: Lab, seconds: float) -> list[float]:
    end = time.monotonic() + seconds
    latencies = []
    while time.monotonic() < end:
        latencies.append(judged_within(lab, lab.put()))
    return latencies


FAULTS: tuple[Fault, ...] = (other_machine_writes, server_silent)
