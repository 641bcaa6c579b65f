"""Places for files that other users must reach, wherever TMPDIR lies."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket
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
    """Give a directory that every user can reach, with a path short enough for a socket.

    So is what is made meanwhile, whatever the umask: the homes of other users, say.
    """
    place = min(open_places(), key=lambda place: len(str(place)))
    umask = os.umask(0o022)
    try:
        with tempfile.TemporaryDirectory(dir=place) as name:
            Path(name).chmod(0o755)
            yield Path(name).resolve()
    finally:
        os.umask(umask)


def bind(listener: socket.socket, path: Path) -> None:
    """Bind *listener* to *path*, however long that is: an address has room for 107 bytes."""
    directory = os.open(path.parent, os.O_PATH)
    try:
        listener.bind(f"/proc/self/fd/{directory}/{path.name}")
    finally:
        os.close(directory)
