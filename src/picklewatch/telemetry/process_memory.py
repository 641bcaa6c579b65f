"""Measures the memory of the daemon with all of its processes, as the kernel shares it out among them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
NAME: Final = "picklewatch"
"""The daemon's name in lists of processes: a number alone may be another process's, in another namespace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryUse:
    """The memory that a process and all below it have now."""

    kib: int
    processes: int
    exact: bool
    """True if pages that several processes share are counted once (PSS); False if the kernel did not let this user
    see that for some process, whose resident size is counted instead: the sum is too large then."""


def of_daemon(pid: int, proc: Path = _PROC) -> MemoryUse | None:
    """Return the memory of the daemon *pid*; None if that process is not seen here."""
    try:
        if (proc / str(pid) / "comm").read_text().strip() != NAME:
            return None
    except (OSError, ValueError):
        return None
    kib, processes, exact = 0, 0, True
    for each in _tree(pid, proc):
        pss = _field(proc / str(each) / "smaps_rollup", "Pss:")
        size = _field(proc / str(each) / "status", "VmRSS:") if pss is None else pss
        if size is not None:  # it has not ended meanwhile
            kib, processes, exact = kib + size, processes + 1, exact and pss is not None
    return MemoryUse(kib=kib, processes=processes, exact=exact) if processes else None


def _tree(pid: int, proc: Path) -> list[int]:
    """Return *pid* and every process below it."""
    found = [pid]
    for each in found:  # it grows meanwhile
        for children in (proc / str(each)).glob("task/*/children"):
            try:
                found += map(int, children.read_text().split())
            except OSError:  # it has just ended
                continue
    return found


def _field(file: Path, name: str) -> int | None:
    """Return the number behind *name* in *file*, in KiB; None if it can't be read."""
    try:
        fields = file.read_text(encoding="ascii", errors="replace").split()
        return int(fields[fields.index(name) + 1])
    except (OSError, ValueError, IndexError):
        return None
