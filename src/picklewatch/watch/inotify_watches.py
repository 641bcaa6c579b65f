"""The parts of watchdog that fail silently, replaced: its reader, its group of watches and its emitter."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeGuard

from watchdog.observers.inotify import InotifyEmitter, InotifyWatchGroup
from watchdog.observers.inotify_c import InotifyFD
from watchdog.observers.inotify_move_event_grouper import InotifyMoveEventGrouper, PathedInotifyEvent

from picklewatch.watch.events import EVENTS_HELD, Event, EventKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchdog.events import FileSystemEvent
    from watchdog.observers.api import EventQueue, ObservedWatch
    from watchdog.observers.inotify_c import CallbackId, InotifyEvent, Mask, WatchCallback, WatchDescriptor

    from picklewatch.watch.retry_book import RetryBook

_NO_WATCH: Final = -1


class InotifyReader(InotifyFD):
    """watchdog's thread that reads from the kernel; survives errors, and remembers why a directory can't be watched."""

    def __init__(self, on_error: Callable[[Exception], None], on_overflow: Callable[[], None]) -> None:
        super().__init__()
        self._on_error = on_error
        self.on_overflow = on_overflow
        self.refusals: dict[bytes, int] = {}
        self.broken: str | None = None
        self.beat = time.monotonic()

    def handle_event(self, event: InotifyEvent) -> None:
        """Handle one event; an error in watchdog's tables does not end the thread, but they can't be trusted after it.

        watchdog's own answer to an overflow removes every watch and makes it again, each time: the kernel's events
        about the removed watches overflow a small queue anew, for ever.
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


class _MoveGrouper(InotifyMoveEventGrouper):
    """Pairs the halves of renames. Holds `EVENTS_HELD` events, and calls *on_full* for any other."""

    def __init__(self, on_full: Callable[[], None]) -> None:
        super().__init__()
        self._on_full = on_full

    def put_event(self, event: PathedInotifyEvent) -> None:
        """Take one event from the reader's thread."""
        if len(self._queue._queue) < EVENTS_HELD:  # noqa: SLF001 - it does not tell its length otherwise
            super().put_event(event)
        else:
            self._on_full()


@dataclass(kw_only=True, eq=False)
class WatchGroup(InotifyWatchGroup):
    """watchdog's watches of one tree, tolerant of surprises in its tables, and reporting what it can't watch.

    Relies on names that watchdog does not promise; tests/integration/test_watch_faults.py shows each working.
    """

    sink: Callable[[Event], None]
    is_elsewhere: Callable[[str], bool]
    unwatched: RetryBook[int]
    _confirmed: set[WatchDescriptor] = field(default_factory=set, init=False)

    def __post_init__(self) -> None:
        self._move_event_grouper = _MoveGrouper(lambda: self.sink(Event(EventKind.OVERFLOW, "")))
        super().__post_init__()

    def on_watch_deleted(self, wd: WatchDescriptor) -> None:
        """Forget a watch that the kernel dropped; report it if its directory is still there."""
        path = self._active_callbacks_by_watch.get(wd)
        super().on_watch_deleted(wd)
        if path is not None and _is_directory(path):
            self.sink(Event(EventKind.LOST, os.fsdecode(path)))

    def rebuild(self) -> None:
        """Watch all that is in the tree now, and nothing that is not."""
        with self._lock:
            if self._is_active:
                self.unwatched.strike_below(os.fsdecode(self.path))
                self._confirmed.clear()
                with contextlib.suppress(OSError):
                    self._add_all_callbacks(self.path)
                self._remove_callbacks([wd for wd in self._active_callbacks_by_watch if wd not in self._confirmed])
                self._confirmed.clear()

    def retry(self, path: bytes) -> None:
        """Watch *path* and all below it again."""
        with self._lock:
            if self._is_active:
                self.unwatched.strike_below(os.fsdecode(path))
                with contextlib.suppress(OSError):
                    self._add_all_callbacks(path)

    def is_watching(self, path: bytes) -> bool:
        """Return True if the kernel holds a watch of *path* for us."""
        return path in self._active_callbacks_by_path

    def _add_all_callbacks(self, path: bytes) -> None:
        """Watch *path* and all directories below but those that are watched elsewhere.

        Unlike watchdog's, this takes no look at these, nor at what links lead to: a server may never answer.
        """
        waiting = [path]
        while waiting:
            directory = waiting.pop()
            if not self.is_elsewhere(os.fsdecode(directory)):
                self._add_callback(directory)
                waiting += _directories(directory)

    def _add_callback(self, path: bytes) -> None:
        assert isinstance(self._inotify_fd, InotifyReader)
        super()._add_callback(path)
        refusal = self._inotify_fd.refusals.pop(path, None)
        if refusal is not None and _is_directory(path):
            self.unwatched.note(os.fsdecode(path), refusal)
        elif refusal is None:
            self.unwatched.strike(os.fsdecode(path))
            watch = self._active_callbacks_by_path.get(path)
            if watch is not None:
                self._confirmed.add(watch)

    def _remove_watch_internally(self, wd: WatchDescriptor) -> None:
        path = self._active_callbacks_by_watch.pop(wd, None)
        if path is not None and self._active_callbacks_by_path.get(path) == wd:
            del self._active_callbacks_by_path[path]


class TreeEmitter(InotifyEmitter):
    """watchdog's thread of one tree, with our group of watches."""

    def __init__(
        self,
        event_queue: EventQueue,
        watch: ObservedWatch,
        *,
        sink: Callable[[Event], None],
        is_elsewhere: Callable[[str], bool],
        unwatched: RetryBook[int],
        **options: Any,
    ) -> None:
        super().__init__(event_queue, watch, **options)
        self._sink, self._is_elsewhere, self._unwatched = sink, is_elsewhere, unwatched

    def on_thread_start(self) -> None:
        """Make the group; called by `start` in the thread of the caller."""
        self._inotify = WatchGroup(
            self._inotify_fd,
            os.fsencode(self.watch.path),
            is_recursive=self.watch.is_recursive,
            event_mask=self.get_event_mask_from_filter(),
            follow_symlink=self.watch.follow_symlink,
            sink=self._sink,
            is_elsewhere=self._is_elsewhere,
            unwatched=self._unwatched,
        )

    def is_watching(self, path: str) -> bool:
        """Return True if *path* itself is watched."""
        group = self._inotify
        return _ours(group) and group.is_watching(os.fsencode(path))

    def rebuild(self) -> None:
        """Watch the whole tree anew."""
        group = self._inotify
        if _ours(group):
            group.rebuild()

    def queue_event(self, event: FileSystemEvent) -> None:
        """Pass *event* to the observer; report an overflow if too many wait there already."""
        if self._event_queue.qsize() < EVENTS_HELD:
            super().queue_event(event)
        else:
            self._sink(Event(EventKind.OVERFLOW, ""))

    def retry(self, directory: str) -> None:
        """Watch *directory* and all below it again."""
        group = self._inotify
        if _ours(group):
            group.retry(os.fsencode(directory))


def _ours(group: InotifyWatchGroup | None) -> TypeGuard[WatchGroup]:
    return isinstance(group, WatchGroup)


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
