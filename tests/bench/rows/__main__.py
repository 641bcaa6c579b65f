"""``python tests/bench/rows``: a database of ten million judged files; what start, status, work and retention take."""

from __future__ import annotations

import argparse
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

sys.path[0] = str(Path(__file__).resolve().parents[2])

from support.daemon_process import Process  # noqa: E402 - the path above
from support.many_rows import DEVICE, fill  # noqa: E402
from support.watching import ENGINE, make_record  # noqa: E402

from picklewatch.core.candidate import Candidate, Source  # noqa: E402
from picklewatch.core.model import FileId, Verdict  # noqa: E402
from picklewatch.core.state_layout import DATABASE  # noqa: E402
from picklewatch.store import Store  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

NEW = 5000
STEPS = 400


def show(what: str, value: float, unit: str) -> None:
    """Print a row of the table."""
    print(f"| {what} | {value:,.{0 if value >= 100 else 2}f} {unit} |", flush=True)


def seconds(act: Callable[[], object]) -> float:
    """Return the seconds that *act* takes."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def size(state: Path) -> float:
    """The database in GB, with what is beside it."""
    return sum(path.stat().st_size for path in state.glob(f"{DATABASE}*")) / 1e9


def start(home: Path) -> float:
    """Seconds from the command to a daemon that is ready; a file is judged, too."""
    daemon = Process(home)
    taken = seconds(daemon.start)
    assert daemon.stop() == 0
    return taken


def status(state: Path) -> None:
    """Ask as a person does."""
    command = [sys.executable, "-m", "picklewatch", "status", "--state-dir", str(state)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 3, done  # it does not run


def work(store: Store, device: int) -> None:
    """Measure what the daemon does for each file that arrives on *device*."""
    files = [FileId(device, number, 1, 1, 1) for number in range(NEW)]
    found = [Candidate(f"/new/{file.inode}", file, Source.EVENT) for file in files]

    def offer() -> None:
        for first in range(0, NEW, 100):
            store.jobs.offer(found[first : first + 100], ENGINE.key)

    def judge() -> None:
        while (job := store.jobs.claim()) is not None:
            store.finish(job, make_record(job.path, files[job.inode], Verdict.CLEAN, f"{job.inode:064x}"))

    show("files announced", NEW / seconds(offer), "a second")
    show("files claimed and recorded", NEW / seconds(judge), "a second")
    show("known files announced again, as by a walk", NEW / seconds(offer), "a second")


def retention(store: Store) -> None:
    """Measure a part of a pass over files that are all gone."""
    longest, began = 0.0, time.perf_counter()
    for _ in range(STEPS):
        longest = max(longest, seconds(lambda: store.tidying.step(0, time.time())))
    show("retention: records looked at and forgotten", STEPS * 500 / (time.perf_counter() - began), "a second")
    show("retention: the longest time that it holds the database", longest * 1000, "ms")


def as_schema_1(state: Path) -> None:
    """Make it a database of the first release."""
    with closing(sqlite3.connect(state / DATABASE)) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.executescript("DROP TABLE counts; PRAGMA user_version = 1;")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--folder", type=Path, help="where there is room: a kilobyte a row")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="picklewatch-rows-") as name:
        home = Path(name)
        state = home / "state"
        state.mkdir()
        print("| what | |\n|---|---|")
        show("daemon's start until it is ready, empty", start(home), "s")
        made = seconds(lambda: fill(state, options.rows))
        show("rows", options.rows, "")
        show("(making them took", made, "s)")
        show("size", size(state), "GB")
        show("opening the database", seconds(lambda: Store(state).close()) * 1000, "ms")
        show("daemon's start until it is ready", start(home), "s")
        show("`picklewatch status`", seconds(lambda: status(state)), "s")
        with closing(Store(state)) as store:
            work(store, DEVICE + 1)
            retention(store)
            work(store, DEVICE + 2)
        show("size after that", size(state), "GB")
        as_schema_1(state)
        show("opening a database of schema 1", seconds(lambda: Store(state).close()), "s")


if __name__ == "__main__":
    main()
