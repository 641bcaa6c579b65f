"""Measure taking files into quarantine and giving them back: ``python tests/bench/quarantine.py [DIRECTORY]``.

The directory's file system counts: every step is brought to disk. The figures in docs/quarantine.md come from here.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support import quarantine_steps
from support.vaulting import Lab, Steps, two_file_systems

from picklewatch.quarantine.vault import Vault

ROUNDS = 100


def main() -> None:
    """Measure and print one line an operation."""
    directory = sys.argv[1] if len(sys.argv) > 1 else None
    measure("one file system", directory, None)
    if two_file_systems():
        measure("another file system (store in memory)", directory, "/dev/shm")
    measure_list(directory)


def measure(label: str, directory: str | None, store: str | None) -> None:
    """Take, give back, take and delete a small file again and again."""
    with (
        tempfile.TemporaryDirectory(dir=directory) as base,
        tempfile.TemporaryDirectory(dir=store or directory) as other,
    ):
        made = Lab(base=Path(base), store=Path(other) / "store", relative="blobs/model.bin")
        made.put()
        times: dict[str, list[float]] = {"take": [], "restore": [], "delete": []}
        steps: dict[str, int] = {}
        with Vault(made.store) as vault:
            for _ in range(ROUNDS):
                made.path.unlink(missing_ok=True)
                made.put()
                item_id = ""
                for name in ("take", "restore", "take", "delete"):
                    quarantine_steps.observer = counting = Steps()
                    start = time.perf_counter()
                    if name == "take":
                        item_id = made.quarantine(vault).id
                    elif name == "restore":
                        vault.restore(item_id, made.allow)
                    else:
                        vault.removal.delete(item_id)
                    times[name].append(time.perf_counter() - start)
                    steps[name] = len(counting.names)
                vault.removal.purge(older_than=0)
        for name, seconds in times.items():
            worst = sorted(seconds)[int(len(seconds) * 0.99)]
            figures = f"median {median(seconds) * 1e3:6.2f} ms   p99 {worst * 1e3:6.2f} ms   steps {steps[name]}"
            print(f"{label:<40} {name:<8} {figures}")


def measure_list(directory: str | None) -> None:
    """List ten thousand items."""
    with tempfile.TemporaryDirectory(dir=directory) as base:
        made = Lab(base=Path(base), store=Path(base) / "store", relative="model.bin")
        made.put()
        with Vault(made.store) as vault:
            journal = (made.store / made.quarantine(vault).id / "journal").read_bytes()
            for index in range(9_999):
                entry = made.store / f"{index:012x}"
                entry.mkdir(mode=0o700)
                (entry / "journal").write_bytes(journal)
            start = time.perf_counter()
            assert len(vault.items()) == 10_000
            print(f"{'list 10,000 items':<49} {(time.perf_counter() - start) * 1e3:8.0f} ms")
            os.sync()


if __name__ == "__main__":
    main()
