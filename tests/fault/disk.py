"""The steps by which the daemon changes its files: counted, refused, its last, or written down (native/disk.c)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from fault.preload import library

if TYPE_CHECKING:
    from pathlib import Path

CHANGES = "wtcrlum"
"""The letters of the steps that change something on the disk or bring a name there."""
EVERYTHING = f"{CHANGES}so"
FOREVER = (1 << 63) - 1


class Disk:
    """The control of the library, for a program that is started with `environment`; its own files are in *home*."""

    def __init__(self, home: Path, *under: Path) -> None:
        self._control, self._count = home / "disk.control", home / "disk.count"
        self.log = home / "disk.log"
        self.environment = {
            "LD_PRELOAD": str(library("disk")),
            "DISK_UNDER": ":".join(map(str, under)),
            "DISK_CONTROL": str(self._control),
            "DISK_COUNT": str(self._count),
        }

    def record(self) -> None:
        """Write every step down from the next start on."""
        self.environment["DISK_LOG"] = str(self.log)

    def refuse(self, letters: str, number: int, first: int, last: int = FOREVER) -> None:
        """From now on, count the steps of *letters*; those from *first* to *last* fail with error *number*."""
        new = self._control.with_suffix(".new")
        new.write_text(f"{letters} {number} {first} {last}\n")
        new.rename(self._control)

    def kill(self, letters: str, at: int) -> None:
        """From now on, count the steps of *letters*, and kill the process before number *at*."""
        self.refuse(letters, 0, at)

    def stop(self, letters: str) -> None:
        """From now on, stop the process before each step of *letters*."""
        self.refuse(letters, -1, 0)

    def heal(self) -> None:
        """Refuse nothing any more."""
        self._control.unlink(missing_ok=True)

    def counted(self) -> tuple[int, int]:
        """The steps counted, and those refused, since the program noticed the last order."""
        try:
            steps, refused = struct.unpack("=QQ", self._count.read_bytes())
        except (FileNotFoundError, struct.error):
            return 0, 0
        return steps, refused
