"""Measure processes: memory, descriptors, threads, processor time."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def proportional_mib(pid: int) -> float:
    """Return the memory of *pid*, what it shares counted in parts."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def private_mib(pid: int) -> float:
    """Return the memory that *pid* shares with nobody and that no file is behind: what a leak adds to."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(("Private_Dirty:", "Swap:"))) / 1024


def threads(pid: int) -> int:
    """Return how many threads *pid* has."""
    return len(os.listdir(f"/proc/{pid}/task"))  # noqa: PTH208


def descriptors(pid: int) -> list[str]:
    """Return what the descriptors of *pid* lead to."""
    found = []
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed since
            found.append(os.readlink(descriptor))  # noqa: PTH115 - a text
    return found


def wake_ups(pid: int) -> int:
    """Return how often the threads of *pid* have waited and gone on."""
    found = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError):  # ended since
            lines = (task / "status").read_text().splitlines()
            found += next(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt_switches:"))
    return found


def inotify_instances(pid: int) -> int:
    """Return how many inotify instances *pid* has."""
    return descriptors(pid).count("anon_inode:inotify")


def processor_seconds(pid: int) -> float:
    """Return the processor time that *pid* has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
