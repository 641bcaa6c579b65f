"""Storage: the disk and the database of the state directory."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from fault.lab import PATIENCE

from picklewatch.store import DATABASE

if TYPE_CHECKING:
    from fault.faults.kinds import Fault
    from fault.lab import Lab


def state_full(lab: Lab) -> None:
    """The disk of the database and the vault is full while files arrive; then there is room again."""
    lab.mount(lab.state, "size=16m")
    lab.start()
    lab.burst(20)
    for _ in range(2):
        filler = lab.state / "filler"
        with filler.open("wb", buffering=0) as file:
            try:
                while file.write(bytes(4096)) == 4096:
                    pass
            except OSError:
                lab.injected += 1
        lab.burst(100)
        time.sleep(2)
        filler.unlink()


def database_corrupt(lab: Lab) -> None:
    """The database is overwritten with garbage after a crash, and before one."""
    lab.start()
    lab.burst(20)
    assert lab.seconds_until(lab.settled) < PATIENCE
    lab.process.kill()
    lab.garble()
    lab.start()
    assert list(lab.state.glob(f"{DATABASE}.corrupt-*")), "not set aside"
    lab.burst(20)
    time.sleep(1)
    lab.garble()  # a running daemon may not notice: it has its pages in memory (README.md)
    lab.burst(20)
    time.sleep(1)
    lab.restart_after_kill()
    lab.delete_set_aside()


def database_removed(lab: Lab) -> None:
    """Somebody tidies up the state directory of a running daemon."""
    lab.start()
    lab.burst(20)
    assert lab.seconds_until(lab.settled) < PATIENCE
    for side in ("", "-wal", "-shm"):
        (lab.state / f"{DATABASE}{side}").unlink(missing_ok=True)
    lab.injected += 1
    lab.burst(20)


def database_locked(lab: Lab) -> None:
    """Another program holds a write transaction for longer than the daemon waits for one."""
    lab.start()
    lab.burst(10)
    connection = sqlite3.connect(lab.state / DATABASE, timeout=30, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    lab.injected += 1
    lab.burst(30)
    time.sleep(12)
    connection.rollback()
    connection.close()


def second_daemon(lab: Lab) -> None:
    """A second daemon is started on the same state: it ends with 78 and names the first."""
    lab.start()
    for _ in range(3):
        lab.burst(10)
        command = [sys.executable, "-m", "picklewatch", "run", "--state-dir", str(lab.state), str(lab.root)]
        second = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert (second.returncode, str(lab.pid) in second.stderr) == (78, True), second.stderr
        lab.injected += 1


FAULTS: tuple[Fault, ...] = (
    state_full,
    database_corrupt,
    database_removed,
    database_locked,
    second_daemon,
)
