"""``python tests/bench/speed/daemon.py``: CPU of the daemon's first walk, and of a start with nothing new."""

from __future__ import annotations

import argparse
import contextlib
import os
import pickle
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_READY = "watch.ready"
_OLD_SECONDS = 3.0
"""After which a file is none that may still be written to: such a one is judged alone, however many there are."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python tests/bench/speed/daemon.py", description=__doc__)
    parser.add_argument("--files", type=int, default=5_000)
    parser.add_argument("--batch", type=int, default=256, help="[scan] batch; 1 for one process per file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "models").mkdir()
        (folder / "state").mkdir()
        for number in range(options.files):
            content = pickle.dumps({"number": number, "name": f"file {number}"})
            (folder / "models" / f"{number:05}.pkl").write_bytes(content)
        time.sleep(_OLD_SECONDS)
        roots = f"[watch]\nroots = [{str(folder / 'models')!r}]\ncaches = false\n"
        (folder / "config.toml").write_text(f"{roots}[scan]\nbatch = {options.batch}\n")
        print(f"first walk of {options.files} files: {_run(folder, options.files)}")
        print(f"second start, nothing changed: {_run(folder, options.files)}")


def _run(folder: Path, files: int) -> str:
    log = folder / "log"
    command = ["-m", "picklewatch", "run", "-c", str(folder / "config.toml"), "--state-dir", str(folder / "state")]
    with log.open("w") as output:
        daemon = subprocess.Popen([sys.executable, *command], stdout=output, stderr=subprocess.STDOUT)
    try:
        while daemon.poll() is None and not (_READY in log.read_text() and _is_done(folder, files)):
            time.sleep(0.2)
        time.sleep(1)
        tree = _descendants(daemon.pid)
        return f"{sum(map(_cpu, tree)):.2f} CPU s, {sum(map(_pss, tree)) >> 10} MiB in {len(tree)} processes"
    finally:
        daemon.send_signal(signal.SIGTERM)
        daemon.wait()


def _is_done(folder: Path, files: int) -> bool:
    database = f"{(folder / 'state' / 'picklewatch.db').as_uri()}?mode=ro"
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(database, uri=True)) as store:
        counts = store.execute("SELECT (SELECT count(*) FROM files), (SELECT count(*) FROM jobs)").fetchone()
        return bool(counts == (files, 0))
    return False


def _descendants(pid: int) -> list[int]:
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").iterdir():
            found.extend(map(int, (task / "children").read_text().split()))
    return found


def _cpu(pid: int) -> float:
    """Return the processor seconds of a process and of its children that ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / _TICKS


def _pss(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0


if __name__ == "__main__":
    main()
