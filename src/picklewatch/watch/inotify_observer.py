"""watchdog's observer, kept alive: its events as ours, and the failures that it does not report.

Measured with watchdog 7.1 (docs/watching.md): its default mask can't be used on large trees; a queue overflow reaches
no handler; its reader dies of a `KeyError` when directories are moved out and back; directories that it can't watch
are passed over silently. So the mask is chosen here, `picklewatch.watch.inotify_watches` replaces the classes that
fail, and the owner of an `InotifyObserver` asks for its `failure` every now and then.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import threading
from typing import TYPE_CHECKING, Final, Self

from watchdog.events import (
    DirCreatedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers.api import BaseObserver

from picklewatch.access.following import Links, Way
from picklewatch.watch.events import Event, EventKind
from picklewatch.watch.inotify_watches import ForestEmitter, InotifyReader
from picklewatch.watch.lookup_watches import LookupWatches
from picklewatch.watch.roots import enclosing

if TYPE_CHECKING:
    from collections.abc import Callable

    from picklewatch.access.following import Identity
    from picklewatch.watch.inotify_watches import WatchGroup
    from picklewatch.watch.retry_book import RetryBook

EVENT_FILTER: Final[list[type[FileSystemEvent]]] = [
    FileClosedEvent,
    FileMovedEvent,
    FileCreatedEvent,
    DirCreatedEvent,
    DirMovedEvent,
]
"""Nothing that reading causes: neither our scans nor watchdog's own walks make events."""


class InotifyObserver:
    """One watchdog observer over several trees. Events go to *sink*, which must not block.

    Directories for which *is_elsewhere* holds, and those below them, are another observer's. Those that the kernel does
    not let us watch are noted in *unwatched*, with the error number. Raises `OSError` if no inotify instance is left.
    """

    def __init__(
        self,
        sink: Callable[[Event], None],
        *,
        on_error: Callable[[Exception], None],
        is_elsewhere: Callable[[str], bool],
        unwatched: RetryBook[int],
    ) -> None:
        self._handler = _Translator(sink, on_error)
        self._reader = InotifyReader(
            on_error, lambda: sink(Event(EventKind.OVERFLOW, "")), lambda: sink(Event(EventKind.ROOTS, ""))
        )
        self._reader.start()
        self._observer = BaseObserver(
            ForestEmitter, inotify_fd=self._reader, sink=sink, is_elsewhere=is_elsewhere, unwatched=unwatched
        )
        self._observer.start()
        self._observer.schedule(self._handler, "/", recursive=True, event_filter=EVENT_FILTER)
        (emitter,) = self._observer.emitters
        assert isinstance(emitter, ForestEmitter)
        self._emitter = emitter
        self._unwatched = unwatched
        self.lookups = LookupWatches(self._reader, lambda: sink(Event(EventKind.ROOTS, "")))
        """Tells which roots may have to be found anew."""

    @property
    def beat(self) -> float:
        """The monotonic time at which watching a directory last began: a large tree takes minutes."""
        return self._reader.beat

    def add(self, tree: str) -> None:
        """Watch the directory *tree* and all below it.

        Raises `OSError` if the tree itself can't be watched.
        """
        self._emitter.add(tree)

    def check_identity(self, tree: str, identity: Identity) -> None:
        """Watch nothing else than what was found: inotify takes a path, and somebody may swap it for a link."""
        with Way(None, Links.NONE) as way:
            try:
                way.go(tree)
                if way.identity == identity:
                    return
            except OSError:
                self.remove(tree)
                raise
        self.remove(tree)
        raise OSError(errno.ESTALE, "it is being replaced")

    def remove(self, tree: str) -> None:
        """Stop watching *tree*."""
        with contextlib.suppress(OSError):
            self._emitter.remove(tree)
        self._unwatched.strike_below(tree)

    def lost(self) -> list[str]:
        """Return the trees that are not watched any more themselves."""
        return self._emitter.lost()

    def is_watching(self, directory: str) -> bool:
        """Return True if *directory*, somewhere in one of the trees, is watched itself."""
        group = self._group_of(directory)
        return group is not None and group.is_watching(os.fsencode(directory))

    def failure(self) -> str | None:
        """Return which thread is dead or has failed, or None."""
        if not self._reader.is_alive():
            return "watchdog's reader thread is dead"
        if not self._observer.is_alive():
            return "watchdog's observer thread is dead"
        if not self._emitter.is_alive():
            return "watchdog's emitter thread is dead"
        return self._reader.broken

    def retry(self, directory: str) -> None:
        """Watch *directory*, somewhere in one of the trees, and all below it again."""
        group = self._group_of(directory)
        if group is not None:
            group.retry(os.fsencode(directory))
        else:
            self._unwatched.strike_below(directory)

    def rebuild(self) -> None:
        """Watch every tree anew, after events were lost that would have announced what is in them now."""
        for group in tuple(self._emitter.groups.values()):
            group.rebuild()

    def _group_of(self, directory: str) -> WatchGroup | None:
        tree = enclosing(directory, self._emitter.groups)
        return None if tree is None else self._emitter.groups[tree]

    def stop(self) -> None:
        """Stop everything, whatever state watchdog is in; returns even if a thread of it hangs."""
        stopper = threading.Thread(target=self._stop, name="picklewatch-stop-observer", daemon=True)
        stopper.start()
        stopper.join(5.0)

    def _stop(self) -> None:
        for part in (self._observer, self._reader):
            with contextlib.suppress(Exception):
                part.stop()
        for part in (self._observer, self._reader):
            with contextlib.suppress(RuntimeError):
                part.join(2.0)


class _Translator(FileSystemEventHandler):
    """Passes events on to *sink*. An exception would end watchdog's thread, so it goes to *on_error* instead."""

    def __init__(self, sink: Callable[[Event], None], on_error: Callable[[Exception], None]) -> None:
        self._sink = sink
        self._on_error = on_error

    def dispatch(self, event: FileSystemEvent) -> None:
        """Translate one event."""
        try:
            translated = _translate(event)
            if translated is not None:
                self._sink(translated)
        except Exception as error:  # noqa: BLE001 - whatever it is, the thread must live
            self._on_error(error)


def _translate(event: FileSystemEvent) -> Event | None:
    path, target = os.fsdecode(event.src_path), os.fsdecode(event.dest_path)
    match event:
        case FileClosedEvent():
            return Event(EventKind.CLOSED, path)
        case FileMovedEvent():
            return Event(EventKind.MOVED, path, target)
        case FileCreatedEvent():
            return Event(EventKind.CREATED, path)
        case DirCreatedEvent():
            return Event(EventKind.DIRECTORY, path)
        case DirMovedEvent():
            return Event(EventKind.DIRECTORY, target or path)
    return None


class LibraryLog(logging.Handler):
    """Passes what watchdog logs at warning or above to *sink*, and keeps it off the standard error output."""

    def __init__(self, sink: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._sink = sink

    def emit(self, record: logging.LogRecord) -> None:
        """Take one line."""
        self._sink(record.getMessage())

    def __enter__(self) -> Self:
        logger = logging.getLogger("watchdog")
        logger.addHandler(self)
        logger.propagate = False
        return self

    def __exit__(self, *_exception: object) -> None:
        logger = logging.getLogger("watchdog")
        logger.removeHandler(self)
        logger.propagate = True
