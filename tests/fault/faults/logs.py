"""Where the daemon logs to: full, closed, read by nobody."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from typing import TYPE_CHECKING

from fault.lab import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path

    from fault.faults.kinds import Fault
    from fault.lab import Lab


def _wait(lab: Lab, problem: str) -> None:
    assert lab.seconds_until(lambda: problem in lab.problems()) < PATIENCE, f"it never said {problem}"


def _judged(lab: Lab) -> bool:
    """Return True if every file has its truth, however the log is."""
    account = lab.account(limit=1)
    return not (account.lost or account.missing)


def _told(lines: bytes) -> set[str]:
    """The paths whose verdicts are among whole *lines*; every line must be whole."""
    events = [json.loads(line) for line in lines.split(b"\n")[:-1]]
    return {event["path"] for event in events if event["event"] == "file.scanned"}


def _everything_is_told(lab: Lab, read: bytes | bytearray) -> bool:
    return {str(path) for path in lab.files} <= _told(bytes(read))


def log_read_by_nobody(lab: Lab) -> None:
    """Its log is a pipe that nobody reads while 400 files arrive, more than it holds; then somebody reads."""
    reading, writing = os.pipe()
    lab.process.stderr = writing
    lab.process.launch()
    os.close(writing)
    lab.burst(400)
    lab.injected += 1
    assert lab.seconds_until(lambda: _judged(lab)) < PATIENCE, "judging waits for the log"
    _wait(lab, "log-unwritable")
    read = bytearray()

    def drain() -> None:
        while piece := os.read(reading, 1 << 16):
            read.extend(piece)
        os.close(reading)

    threading.Thread(target=drain, daemon=True).start()
    assert lab.seconds_until(lambda: _everything_is_told(lab, read)) < PATIENCE, "outcomes are missing"


def log_reader_gone(lab: Lab) -> None:
    """Whoever reads its log ends, as a closed terminal does; the next start says what was missed."""
    reading, writing = os.pipe()
    lab.process.stderr = writing
    lab.process.launch()
    os.close(writing)
    os.close(reading)
    lab.burst(100)
    lab.injected += 1
    assert lab.seconds_until(lambda: _judged(lab)) < PATIENCE, "judging needs the log"
    _wait(lab, "log-unwritable")
    assert lab.process.stop() == 0
    lab.process.stderr = None
    lab.start()
    told = {event["path"] for event in lab.process.events("file.scanned")}
    assert {str(path) for path in lab.files} <= told, "outcomes are missing"


def log_disk_full(lab: Lab) -> None:
    """The disk of its log fills up while 300 files arrive; then there is room again, and no line is torn."""
    disk = lab.root.with_name("logs")
    lab.mount(disk, "size=256k")
    log = disk / "log"
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    lab.process.stderr = descriptor
    lab.process.launch()
    os.close(descriptor)
    lab.burst(20)
    assert lab.seconds_until(lambda: _judged(lab)) < PATIENCE
    filler = _fill(disk)
    lab.burst(300)
    lab.injected += 1
    assert lab.seconds_until(lambda: _judged(lab)) < PATIENCE, "judging needs the log"
    _wait(lab, "log-unwritable")
    filler.unlink()
    subprocess.run(["mount", "-o", "remount,size=8m", str(disk)], check=True)
    assert lab.seconds_until(lambda: _everything_is_told(lab, log.read_bytes())) < PATIENCE, "outcomes are missing"


def _fill(disk: Path) -> Path:
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(512)) == 512:
                pass
        except OSError:
            pass
    return filler


FAULTS: tuple[Fault, ...] = (
    log_read_by_nobody,
    log_reader_gone,
    log_disk_full,
)
