"""A directory that nobody may touch: what happens in it is noted by the kernel."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Self

from support.daemon_process import HOSTILE
from watchdog.events import (
    DirModifiedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer

if TYPE_CHECKING:
    from pathlib import Path


class Outside(FileSystemEventHandler):
    """Precious files of root's beside a watched root; one of them looks hostile, so that it would be taken."""

    def __init__(self, path: Path, word: bytes = b"precious") -> None:
        self.path = path
        self.changes: list[str] = []
        """What was written, opened for writing, moved or changed in it."""
        path.mkdir(mode=0o700)
        (path / "precious").write_bytes(word)
        (path / "model.bin").write_bytes(HOSTILE + word)
        self._before = self._look()

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Note a change."""
        self.changes.append(f"{event.event_type} {event.src_path!s}")

    def __enter__(self) -> Self:
        self._observer = Observer()
        kinds = [DirModifiedEvent, FileClosedEvent, FileCreatedEvent, FileDeletedEvent, FileModifiedEvent]
        self._observer.schedule(self, str(self.path), recursive=True, event_filter=[*kinds, FileMovedEvent])
        self._observer.start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(RuntimeError):
            self._observer.stop()
            self._observer.join()
        if self._look() != self._before:
            self.changes.append("it is not what it was")

    def _look(self) -> list[tuple[str, int, int, int, int, bytes]]:
        told = []
        for path in sorted(self.path.iterdir()):
            status = path.lstat()
            told.append(
                (path.name, status.st_ino, status.st_uid, status.st_mode, status.st_ctime_ns, path.read_bytes())
            )
        return told
