"""Measure the cost of the sandbox: ``python tests/bench/sandbox_cost.py``; the figures of docs/sandbox.md."""

from __future__ import annotations

import os
import statistics
import time
from pathlib import Path

from picklewatch.analysis.content import scan_content
from picklewatch.sandbox import Scanner
from picklewatch.sandbox.samples import CALL, DATA

COUNT = 1_000
STARTS = 10
PAUSE = 0.02
"""Seconds between files that come one by one."""


def main() -> None:
    """Measure and print."""
    starts = [_start() for _ in range(STARTS)]
    print(f"start, imports and rehearsal included    {_spread(starts)}")
    with Scanner() as scanner:
        print(f"protections                              {scanner.protections}")
        for name, content in (("data of 19 bytes", DATA), ("a call to judge", CALL)):
            times, inside = _scans(scanner, content), _inside(scanner, content)
            print(f"{name:<20} one by one          {_spread(_scans(scanner, content, pause=PAUSE, count=COUNT // 5))}")
            print(f"{name:<20} back to back        {_spread(times)}")
            print(f"{name:<20} without it          {_spread(inside)}")
        before = _resident(os.getpid())
        for _ in range(COUNT):
            _scan(scanner, b"\x80\x04" + b"(" * 4_000)
        print(f"this process after {COUNT} broken files   {(_resident(os.getpid()) - before) >> 10:+} KiB")
        assert scanner.pid is not None
        print(f"the warm process                         {_resident(scanner.pid) >> 20} MiB resident")


def _start() -> float:
    begin = time.perf_counter()
    with Scanner() as scanner:
        assert scanner.protections
        return (time.perf_counter() - begin) * 1000


def _scans(scanner: Scanner, content: bytes, *, pause: float = 0.0, count: int = COUNT) -> list[float]:
    return [_scan(scanner, content, pause) for _ in range(count)]


def _scan(scanner: Scanner, content: bytes, pause: float = 0.0) -> float:
    time.sleep(pause)
    descriptor = os.memfd_create("content", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, content)
        begin = time.perf_counter()
        scanner.scan(descriptor)
        return (time.perf_counter() - begin) * 1000
    finally:
        os.close(descriptor)


def _inside(scanner: Scanner, content: bytes) -> list[float]:
    times = []
    for _ in range(COUNT):
        begin = time.perf_counter()
        scan_content(content, scanner.limits)
        times.append((time.perf_counter() - begin) * 1000)
    return times


def _spread(times: list[float]) -> str:
    ordered = sorted(times)
    return f"median {statistics.median(ordered):8.2f} ms   95 % within {ordered[int(len(ordered) * 0.95) - 1]:8.2f} ms"


def _resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


if __name__ == "__main__":
    main()
