"""Holes: bytes that cost their author nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fault.lab import HARMLESS, SkippedError

if TYPE_CHECKING:
    from pathlib import Path

    from fault.faults.kinds import Fault
    from fault.lab import Lab

_TERABYTE = 1 << 40


def holes_in_many_directories(lab: Lab) -> None:
    """Twelve terabytes of holes in twelve directories, then eight hostile files elsewhere, which are judged at once."""
    lab.start()
    for number in range(12):
        _hole(lab, lab.root / f"d{number}" / "hole.bin", _TERABYTE)
    bad = [lab.put(f"elsewhere/bad{number}.bin", hostile=True) for number in range(8)]
    seconds = lab.seconds_until(lambda: all(map(lab.was_judged, bad)))
    lab.measured.append(f"8 hostile files elsewhere judged after {seconds:.1f} s")


def hole_in_memory(lab: Lab) -> None:
    """A hole of 512 MiB on a tmpfs of 64 MiB: scanning it takes none of its memory."""
    memory = lab.root / "memory"
    lab.mount(memory, "size=64m")
    lab.start()
    path = memory / "hole.bin"
    _hole(lab, path, 512 << 20)
    lab.seconds_until(lambda: lab.was_judged(path))
    lab.measured.append(f"{path.stat().st_blocks >> 1} KiB of memory in the hole after the scan")


def _hole(lab: Lab, path: Path, size: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("wb") as file:
            file.truncate(size)
    except OSError as error:
        raise SkippedError(f"the file system says: {error.strerror}") from error
    lab.expect(path, None, HARMLESS)
    lab.injected += 1


FAULTS: tuple[Fault, ...] = (holes_in_many_directories, hole_in_memory)
