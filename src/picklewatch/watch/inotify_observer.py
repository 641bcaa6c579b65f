"""watchdog, kept alive: its events as ours, and what it keeps silent about.

Measured with watchdog 7.1 (docs/watching.md): its default mask can't be used on large trees; a queue overflow reaches
no handler; its reader dies of a `KeyError` when directories are moved out and back; directories that it can't watch
are passed over without a word. So the mask is chosen, the group of watches is made tolerant and tells what it
could not do, and whoever holds a `InotifyObserver` asks `ailing` every now and then.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import stat
import threading
import time
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Self, TypeGuard

from watchdog.events import (
    DirCreatedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers.api import BaseObserver, EventQueue, ObservedWatch
from watchdog.observers.inotify import InotifyEmitter, InotifyWatchGroup
from watchdog.observers.inotify_c import InotifyFD
from watchdog.observers.inotify_move_event_grouper import InotifyMoveEventGrouper, PathedInotifyEvent

from picklewatch.access.paths import beneath

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchdog.observers.inotify_c import CallbackId, InotifyEvent, Mask, WatchCallback, WatchDescriptor

EVENT_FILTER: Final[list[type[FileSystemEvent]]] = [
    FileClosedEvent,
    FileMovedEvent,
    FileCreatedEvent,
    DirCreatedEvent,
    DirMovedEvent,
]
"""Nothing that reading causes: neither our scans nor watchdog's own walks make events."""

PAIRING_SECONDS: Final = 0.02
"""How long one half of a rename waits for the other (watchdog's default of 0.5 s delays everything behind it)."""

EVENTS_HELD: Final = 100_000
"""Events that may wait in any queue of this process; beyond it they are dropped, as the kernel drops them."""

_NO_WATCH: Final = -1


class EventKind(Enum):
    """What happened."""

    CREATED = "created"
    CLOSED = "closed"
    MOVED = "moved"
    """A file was renamed from *path* to *target*."""
    DIRECTORY = "directory"
    """A directory appeared at *path*."""
    MISSED = "missed"
    """Only the periodic walk found something in this directory."""
    LOST = "lost"
    """The directory *path* is there but its watch is gone, as after an unmount."""
    OVERFLOW = "overflow"
    """Events were lost, anywhere."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened in a watched tree."""

    kind: EventKind
    path: str
    target: str = ""


class InotifyObserver:
    """One watchdog observer over several trees. Events go to *sink*, which must not block.

    Directories for which *elsewhere* holds, and what is below them, are somebody else's to watch.
    Raises `OSError` when the kernel has no inotify instance left.
    """

    def __init__(
        self,
        sink: Callable[[Event], None],
        *,
        on_error: Callable[[Exception], None],
        elsewhere: Callable[[str], bool] = lambda _directory: False,
    ) -> None:
        InotifyMoveEventGrouper.delay = PAIRING_SECONDS
        self._handler = _Handler(sink, on_error)
        self._sink = sink
        self._reader = _Reader(on_error, lambda: sink(Event(EventKind.OVERFLOW, "")))
        self._reader.start()
        self._observer = BaseObserver(_Emitter, inotify_fd=self._reader, sink=sink, elsewhere=elsewhere)
        self._observer.start()
        self._watches: dict[str, tuple[ObservedWatch, _Emitter]] = {}

    @property
    def beat(self) -> float:
        """When a directory was last begun to be watched, in monotonic seconds: many take their time."""
        return self._reader.beat

    def add(self, tree: str) -> None:
        """Watch the directory *tree* and all below it. Raises `OSError` if the tree itself can't be watched."""
        watch = self._observer.schedule(self._handler, tree, recursive=True, event_filter=EVENT_FILTER)
        emitter = next(emitter for emitter in tuple(self._observer.emitters) if emitter.watch == watch)
        assert isinstance(emitter, _Emitter)
        self._watches[tree] = watch, emitter

    def remove(self, tree: str) -> None:
        """Stop watching *tree*; its pending events are dropped."""
        known = self._watches.pop(tree, None)
        if known is not None:
            with contextlib.suppress(KeyError, OSError, RuntimeError):
                self._observer.unschedule(known[0])

    def watches(self, tree: str) -> bool:
        """Whether *tree* itself is really watched by a living thread."""
        known = self._watches.get(tree)
        return known is not None and known[1].is_alive() and known[1].is_watching(tree)

    def is_watching(self, directory: str) -> bool:
        """Whether *directory*, somewhere in one of the trees, is watched itself."""
        return any(emitter.is_watching(directory) for _, emitter in self._watches.values())

    def ailing(self) -> str | None:
        """What thread is dead, or None."""
        if not self._reader.is_alive():
            return "watchdog's reader thread is dead"
        if not self._observer.is_alive():
            return "watchdog's observer thread is dead"
        return self._reader.broken

    def unwatched(self) -> dict[str, int]:
        """Directories below the trees that could not be watched, with the error number."""
        found: dict[str, int] = {}
        for _, emitter in self._watches.values():
            found |= emitter.unwatched()
        return found

    def retry(self, directory: str) -> None:
        """Watch again *directory*, somewhere in one of the trees, and all below it."""
        for tree, (_, emitter) in self._watches.items():
            if beneath(directory, tree):
                emitter.retry(directory)

    def rebuild(self) -> None:
        """Watch every tree anew, after events were lost that would have told what is in them now."""
        for _, emitter in tuple(self._watches.values()):
            emitter.rebuild()

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


class _Handler(FileSystemEventHandler):
    """Hands events on. An exception here would kill watchdog's thread, so none gets out."""

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


class _Reader(InotifyFD):
    """watchdog's thread that reads from the kernel; remembers why a directory can't be watched, and survives errors."""

    def __init__(self, on_error: Callable[[Exception], None], on_overflow: Callable[[], None]) -> None:
        super().__init__()
        self._on_error = on_error
        self.on_overflow = on_overflow
        self.refusals: dict[bytes, int] = {}
        self.broken: str | None = None
        self.beat = time.monotonic()

    def handle_event(self, event: InotifyEvent) -> None:
        """Handle one event; an error in watchdog's books must not end the thread, but they can't be trusted then.

        watchdog's own answer to an overflow takes every watch away and makes it again, here, each time: what the
        kernel says about the watches taken away overflows a small queue anew, for ever.
        """
        try:
            if event.is_queue_overflow:
                self.on_overflow()
            else:
                super().handle_event(event)
        except Exception as error:  # noqa: BLE001 - KeyError has been seen; any would be as bad
            self.broken = f"watchdog's reader failed: {type(error).__name__}: {error}"
            self._on_error(error)

    def _add_callback(self, path: bytes, mask: Mask, callback: WatchCallback, id_: CallbackId) -> WatchDescriptor:
        self.beat = time.monotonic()
        try:
            watch = self._get_or_create_watch(path, mask)
            if watch.wd == _NO_WATCH:  # watchdog takes "no permission" for a descriptor
                del self._watch_for_wd[watch.wd]
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), os.fsdecode(path))
        except OSError as error:
            self.refusals[path] = error.errno or errno.EIO
            raise
        watch.callbacks[id_] = callback  # watchdog warns when a directory is watched again; we do that on purpose
        return watch.wd


class _Grouper(InotifyMoveEventGrouper):
    """Pairs the halves of renames. Holds only so many events; *on_full* is told of any other."""

    def __init__(self, on_full: Callable[[], None]) -> None:
        super().__init__()
        self._on_full = on_full

    def put_event(self, event: PathedInotifyEvent) -> None:
        """Take one event from the reader's thread."""
        if len(self._queue._queue) < EVENTS_HELD:  # noqa: SLF001 - it does not tell its length otherwise
            super().put_event(event)
        else:
            self._on_full()


class _Group(InotifyWatchGroup):
    """watchdog's watches of one tree, with tolerant books and a voice.

    Relies on names that watchdog does not promise; tests/integration/test_watch_faults.py shows each working.
    """

    sink: Callable[[Event], None] = staticmethod(lambda _event: None)
    elsewhere: Callable[[str], bool] = staticmethod(lambda _directory: False)

    def __post_init__(self) -> None:
        self.failed: dict[bytes, int] = {}
        self._confirmed: set[WatchDescriptor] = set()
        self._move_event_grouper = _Grouper(lambda: self.sink(Event(EventKind.OVERFLOW, "")))
        super().__post_init__()

    def on_watch_deleted(self, wd: WatchDescriptor) -> None:
        """Take in that the kernel dropped a watch; say so if the directory is still there."""
        path = self._active_callbacks_by_watch.get(wd)
        super().on_watch_deleted(wd)
        if path is not None and _is_directory(path):
            self.sink(Event(EventKind.LOST, os.fsdecode(path)))

    def rebuild(self) -> None:
        """Watch all that is in the tree now, and nothing that is not."""
        with self._lock:
            if self._is_active:
                self.failed.clear()
                self._confirmed.clear()
                with contextlib.suppress(OSError):
                    self._add_all_callbacks(self.path)
                self._remove_callbacks([wd for wd in self._active_callbacks_by_watch if wd not in self._confirmed])
                self._confirmed.clear()

    def retry(self, path: bytes) -> None:
        """Watch *path* and all below it (again)."""
        with self._lock:
            if self._is_active:
                for known in [known for known in self.failed if known == path or known.startswith(path + b"/")]:
                    del self.failed[known]
                with contextlib.suppress(OSError):
                    self._add_all_callbacks(path)

    def is_watching(self, path: bytes) -> bool:
        """Whether the kernel holds a watch of *path* for us."""
        return path in self._active_callbacks_by_path

    def _add_all_callbacks(self, path: bytes) -> None:
        """Watch *path* and all directories below but those that are watched elsewhere.

        Unlike watchdog's, this takes no look at these, nor at what links lead to: a server may never answer.
        """
        waiting = [path]
        while waiting:
            directory = waiting.pop()
            if not self.elsewhere(os.fsdecode(directory)):
                self._add_callback(directory)
                waiting += _directories(directory)

    def _add_callback(self, path: bytes) -> None:
        assert isinstance(self._inotify_fd, _Reader)
        super()._add_callback(path)
        refusal = self._inotify_fd.refusals.pop(path, None)
        if refusal is not None and _is_directory(path):
            self.failed[path] = refusal
        elif refusal is None:
            self.failed.pop(path, None)
            watch = self._active_callbacks_by_path.get(path)
            if watch is not None:
                self._confirmed.add(watch)

    def _remove_watch_internally(self, wd: WatchDescriptor) -> None:
        path = self._active_callbacks_by_watch.pop(wd, None)
        if path is not None and self._active_callbacks_by_path.get(path) == wd:
            del self._active_callbacks_by_path[path]


class _Emitter(InotifyEmitter):
    """watchdog's thread of one tree, with our group of watches."""

    def __init__(
        self,
        event_queue: EventQueue,
        watch: ObservedWatch,
        *,
        sink: Callable[[Event], None],
        elsewhere: Callable[[str], bool],
        **options: Any,
    ) -> None:
        super().__init__(event_queue, watch, **options)
        self._sink, self._elsewhere = sink, elsewhere

    def on_thread_start(self) -> None:
        """Make the group; called by `start` in the thread of the caller."""
        own = {"sink": staticmethod(self._sink), "elsewhere": staticmethod(self._elsewhere)}
        group = type("_Group", (_Group,), own)  # it is active before it is assigned
        self._inotify = group(
            self._inotify_fd,
            os.fsencode(self.watch.path),
            is_recursive=self.watch.is_recursive,
            event_mask=self.get_event_mask_from_filter(),
            follow_symlink=self.watch.follow_symlink,
        )

    def unwatched(self) -> dict[str, int]:
        """Directories that could not be watched, with the error number."""
        group = self._inotify
        return {os.fsdecode(path): code for path, code in group.failed.copy().items()} if _ours(group) else {}

    def is_watching(self, path: str) -> bool:
        """Whether *path* itself is watched."""
        group = self._inotify
        return _ours(group) and group.is_watching(os.fsencode(path))

    def rebuild(self) -> None:
        """Watch the whole tree anew."""
        group = self._inotify
        if _ours(group):
            group.rebuild()

    def queue_event(self, event: FileSystemEvent) -> None:
        """Hand *event* to the observer, unless too much waits there already: that is an overflow, too."""
        if self._event_queue.qsize() < EVENTS_HELD:
            super().queue_event(event)
        else:
            self._sink(Event(EventKind.OVERFLOW, ""))

    def retry(self, directory: str) -> None:
        """Watch *directory* and all below it again."""
        group = self._inotify
        if _ours(group):
            group.retry(os.fsencode(directory))


def _ours(group: InotifyWatchGroup | None) -> TypeGuard[_Group]:
    return isinstance(group, _Group)


def _directories(path: bytes) -> list[bytes]:
    try:
        with os.scandir(path) as entries:
            return [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:  # no directory, not to be listed, or gone
        return []


def _is_directory(path: bytes) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False


class LibraryLog(logging.Handler):
    """Hands what watchdog logs at warning or above to *sink*, and keeps it off the standard error output."""

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
