"""Storage: the disk and the database of the state directory."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from fault.disk import Disk
from fault.faults.quarantining import command, held
from fault.lab import HARMLESS, PATIENCE
from support.many_rows import fill

from picklewatch.core.state_layout import DATABASE
from picklewatch.service import daemon_status
from picklewatch.store.tables import VERSION

if TYPE_CHECKING:
    from pathlib import Path

    from fault.faults.kinds import Fault
    from fault.lab import Lab


START_SECONDS = 15.0
STATUS_SECONDS = 1.0


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
    """The database is overwritten with garbage after a crash; what was given back from quarantine stays."""
    lab.start()
    lab.burst(20)
    given_back(lab)
    assert lab.seconds_until(lab.settled) < PATIENCE
    lab.process.kill()
    lab.garble()
    lab.start()
    assert list(lab.state.glob(f"{DATABASE}.corrupt-*")), "not set aside"
    lab.burst(20)
    lab.delete_set_aside()


def database_overwritten(lab: Lab) -> None:
    """The database is overwritten under the running daemon, which has its pages in memory: idle, and at work."""
    lab.start()
    given_back(lab)
    for number in range(3):
        lab.burst(20)
        assert number == 2 or lab.seconds_until(lab.settled) < PATIENCE
        lab.garble()
        lab.burst(20)
        assert lab.process.stop() == 0
        lab.start()
        assert lab.seconds_until(lambda: bool(lab.set_aside()), 15) < 15, "not noticed by the next start"
        assert lab.seconds_until(lambda: "store-rebuilt" in lab.problems(), 15) < 15, "not reported"
        lab.delete_set_aside()


def given_back(lab: Lab) -> None:
    """A hostile file is taken, and given back by somebody who vouches for it."""
    path = lab.put(hostile=True)
    content = path.read_bytes()
    assert lab.seconds_until(lambda: path.read_bytes() != content) < PATIENCE, "not taken"
    (item,) = [item for item in held(lab) if item.path == str(path)]
    command(lab, "restore", item.id, "--yes", "--reason", "ours")
    lab.expect(path, content, HARMLESS)


def database_removed(lab: Lab) -> None:
    """Somebody removes the database's files under a running daemon: each alone, and all."""
    lab.start()
    for sides in (("-wal",), ("-shm",), ("",), ("", "-wal", "-shm")):
        lab.burst(20)
        assert lab.seconds_until(lab.settled) < PATIENCE
        for side in sides:
            (lab.state / f"{DATABASE}{side}").unlink(missing_ok=True)
        lab.injected += 1
        lab.burst(20)


def state_removed(lab: Lab) -> None:
    """Somebody removes the whole state directory of a running daemon (here it holds no quarantined file), twice."""
    lab.start()
    for _ in range(2):
        for _ in range(10):
            lab.put()
        assert lab.seconds_until(lab.settled) < PATIENCE
        shutil.rmtree(lab.state, ignore_errors=True)
        lab.injected += 1
        for _ in range(10):
            lab.put()
        assert lab.seconds_until(lab.settled) < PATIENCE
        assert second(lab) == (78, True), "a second daemon was let in"
    lab.put(hostile=True)


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
    """A second daemon is started on the same state: it ends with 78, names the first, and says nothing else."""
    lab.start()
    for _ in range(3):
        lab.burst(10)
        assert second(lab) == (78, True)
        lab.injected += 1


def second(lab: Lab) -> tuple[int, bool]:
    """Start a second daemon: its exit status, and whether it said no more than who has the state."""
    command = [sys.executable, "-m", "picklewatch", "run", "--state-dir", str(lab.state), str(lab.root)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, str(lab.pid) in done.stderr and not done.stdout


def newer_schema(lab: Lab) -> None:
    """A newer picklewatch was here: this one ends with 78 and touches nothing, until the newer one is back."""
    lab.start()
    lab.burst(20)
    assert lab.seconds_until(lab.settled) < PATIENCE
    assert lab.process.stop() == 0
    _call_schema(lab.state, VERSION + 1)
    lab.burst(20)
    before = (lab.state / DATABASE).read_bytes()
    command = [sys.executable, "-m", "picklewatch", "run", "--state-dir", str(lab.state), str(lab.root)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, "newer picklewatch" in done.stderr, done.stdout) == (78, True, ""), done.stderr
    assert (lab.state / DATABASE).read_bytes() == before
    lab.injected += 1
    _call_schema(lab.state, VERSION)
    lab.start()


def _call_schema(state: Path, version: int) -> None:
    with contextlib.closing(sqlite3.connect(state / DATABASE, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA user_version = {version}")


def older_schema(lab: Lab) -> None:
    """The state is that of the first release, and the daemon is killed while it brings it up to date."""
    lab.start()
    lab.burst(20)
    assert lab.seconds_until(lab.settled) < PATIENCE
    for number in range(0, 40, 4):
        assert lab.process.stop() == 0
        as_schema_1(lab.state)
        disk = Disk(lab.process.home, lab.state)
        lab.process.environment = disk.environment
        disk.kill("w", number)
        lab.process.launch()
        lab.seconds_until(lambda: lab.process.process.poll() is not None, 10)
        lab.process.kill()
        disk.heal()
        lab.start()
        lab.burst(2)
        lab.injected += 1


def as_schema_1(state: Path) -> None:
    """Make the database of *state* one of the first release."""
    with contextlib.closing(sqlite3.connect(state / DATABASE)) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.executescript("DROP TABLE counts; DROP INDEX intents_cause; PRAGMA user_version = 1;")
        connection.executescript("ALTER TABLE jobs DROP COLUMN owner; ALTER TABLE intents DROP COLUMN cause;")


def ten_million_rows(lab: Lab) -> None:
    """Years of downloads: ten million judged files in the database. It takes ten minutes and 10 GB to make them."""
    lab.state.mkdir(mode=0o700)
    fill(lab.state, 10_000_000)
    lab.injected += 1
    lab.after_record = 10_000_000
    for _ in range(2):
        began = time.monotonic()
        lab.start()
        assert time.monotonic() - began < START_SECONDS, "a slow start"
        lab.burst(200)
        began = time.monotonic()
        assert daemon_status.read(lab.state).running
        assert time.monotonic() - began < STATUS_SECONDS, "a slow status"
        time.sleep(1)
        lab.process.kill()
        lab.injected += 1
    lab.start()
    lab.burst(200)


FAULTS: tuple[Fault, ...] = (
    state_full,
    database_corrupt,
    database_overwritten,
    database_removed,
    state_removed,
    database_locked,
    second_daemon,
    newer_schema,
    older_schema,
    ten_million_rows,
)
