"""The sandbox and its processes."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

from fault.lab import HARMFUL, UNJUDGED
from samples.hostile import bombs

if TYPE_CHECKING:
    from fault.faults.kinds import Fault
    from fault.lab import Lab


def scan_crashes(lab: Lab) -> None:
    """The scanning processes are killed by a segmentation fault, again and again."""
    lab.start()
    for index in range(100):
        lab.put(hostile=index % 5 == 0, also=UNJUDGED)
        if index % 4 == 0:
            lab.injected += lab.signal(lab.scanning(), signal.SIGSEGV)


def scan_hangs(lab: Lab) -> None:
    """The scanning processes stop for good: the clock ends them."""
    lab.start()
    for index in range(2):
        lab.injected += lab.signal(lab.scanning(), signal.SIGSTOP)
        for number in range(6):
            lab.put(f"h{index}/{number}.bin", hostile=True, also=UNJUDGED)
        time.sleep(1)


def warm_killed(lab: Lab) -> None:
    """The warm processes of the sandbox are killed while files are scanned."""
    lab.start()
    for _ in range(6):
        lab.burst(20, also=UNJUDGED)  # a file whose warm process died twice under it is unscannable
        lab.injected += lab.signal(lab.warm(), signal.SIGKILL)
        time.sleep(0.5)


def bombs_in_a_row(lab: Lab) -> None:
    """Bombs of every kind we know, twice over, with ordinary files between them."""
    lab.start()
    for turn in range(2):
        for name, content in bombs().items():
            path = lab.root / f"{name}-{turn}.bin"
            path.write_bytes(content + b"%d" % turn)
            # whether a bomb is harmful is the engine's tests' matter; here: a verdict, and not "clean"
            lab.expect(path, content + b"%d" % turn, UNJUDGED | HARMFUL | {"unverified", "skipped"})
            lab.injected += 1
            lab.put(hostile=turn == 1)


FAULTS: tuple[Fault, ...] = (
    scan_crashes,
    scan_hangs,
    warm_killed,
    bombs_in_a_row,
)
