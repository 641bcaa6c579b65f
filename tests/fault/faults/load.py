"""Much of everything, and files that are strange."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from daemon_process import BENIGN, HOSTILE
from fault.lab import HARMFUL, HARMLESS, UNJUDGED, SkippedError

if TYPE_CHECKING:
    from fault.faults.kinds import Fault
    from fault.lab import Lab


def rewritten_all_the_time(lab: Lab) -> None:
    """A file is written anew every 10 ms for four seconds, the last time hostile, while others arrive."""
    lab.start()
    path = lab.root / "busy.bin"
    done = threading.Event()

    def write() -> None:
        while not done.wait(0.01):
            path.write_bytes(BENIGN + b"%d" % lab.injected)
            lab.injected += 1

    writer = threading.Thread(target=write)
    writer.start()
    for _ in range(20):
        lab.burst(5, "others/")
        time.sleep(0.2)
    done.set()
    writer.join()
    path.write_bytes(HOSTILE + b"last")
    lab.expect(path, HOSTILE + b"last", HARMFUL)


def sparse_terabyte(lab: Lab) -> None:
    """Two files of 1 TB that take no room, one of them with a pickle at its start."""
    lab.start()
    for name, content in (("empty.bin", b""), ("pickle.bin", HOSTILE)):
        path = lab.root / name
        try:
            with path.open("wb") as file:
                file.write(content)
                file.truncate(1 << 40)
        except OSError as error:
            raise SkippedError(f"the file system says: {error.strerror}") from error
        lab.expect(path, None, UNJUDGED | HARMLESS if not content else UNJUDGED | HARMFUL)
        lab.injected += 1
    lab.burst(20)


def deep_tree(lab: Lab) -> None:
    """Directories 200 deep, made at once and moved in, with files on the way down."""
    lab.start()
    for way in ("made", "moved"):
        base = lab.root if way == "made" else lab.root.with_name("elsewhere")
        for depth in range(20, 201, 20):
            path = base / Path(way, *["d"] * depth, f"{depth}.bin")
            path.parent.mkdir(parents=True)
            content = BENIGN + f"{way}{depth}".encode()
            path.write_bytes(content)
            lab.expect(lab.root / path.relative_to(base), content, HARMLESS)
        if way == "moved":
            (base / way).rename(lab.root / way)
        lab.injected += 1


FAULTS: tuple[Fault, ...] = (
    rewritten_all_the_time,
    sparse_terabyte,
    deep_tree,
)
