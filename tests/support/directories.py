"""Places for files that other users must reach, wherever TMPDIR lies."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SHARED_MEMORY = Path("/dev/shm")


def open_places() -> list[Path]:
    """Return the directories to write to that every user can reach: TMPDIR may be closed to others."""
    places = [Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp"), SHARED_MEMORY]
    return [place for place in places if os.access(place, os.W_OK) and _is_open(place.resolve())]


def _is_open(place: Path) -> bool:
    return all(directory.stat().st_mode & 0o001 for directory in (place, *place.parents))


@contextlib.contextmanager
def open_directory() -> Iterator[Path]:
    """Give a directory that every user can reach, whatever the umask."""
    with tempfile.TemporaryDirectory(dir=open_places()[0]) as name:
        Path(name).chmod(0o755)
        yield Path(name).resolve()
