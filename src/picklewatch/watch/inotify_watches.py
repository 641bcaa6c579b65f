"""The parts of watchdog that fail silently, replaced: its reader, its group of watches and its emitter."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import stat
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from watchdog.observers.inotify import InotifyEmitter, InotifyWatchGroup
from watchdog.observers.inotify_c import InotifyConstants, InotifyFD, Mask
from watchdog.observers.inotify_move_event_grouper import InotifyMoveEventGrouper, PathedInotifyEvent

from picklewatch.watch.events import EVENTS_HELD, Event, EventKind
from picklewatch.watch.mounts import read_mounts

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchdog.events import FileSystemEvent
    from watchdog.observers.api import EventQueue, ObservedWatch
    from watchdog.observers.inotify_c import CallbackId, InotifyEvent, WatchCallback, WatchDescriptor

    from picklewatch.watch.retry_book import RetryBook

_NO_WATCH: Final = -1
_LEAVING: Final = 1_000
"""Renames of which only the first half has come; the kernel announces both in one go."""
_IDLE_ANNOUNCEMENTS: Final = 100
"""Announcements in a row of mounts that did not change."""


def _open_mounts() -> int | None:
    try:
        return os.open("/proc/self/mountinfo", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None


class InotifyReader(InotifyFD):
    """watchdog's thread that reads from the kernel; survives errors, and says why a directory can't be watched."""

    def __init__(
        self,
        on_error: Callable[[Exception], None],
        on_overflow: Callable[[], None],
        on_mounts: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__()
        self._on_mounts = on_mounts
        self._mount_table = _open_mounts()
        if self._mount_table is not None and self._poller is not None:
            self._poller.register(self._mount_table, select.POLLERR | select.POLLPRI)
        self._mounts, self._idle_announcements = read_mounts(), 0
        self._on_error = on_error
        self.on_overflow = on_overflow
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

    def _check_inotify_fd(self) -> bool:
        """Wait; the kernel says in the same way that something was mounted or unmounted (proc(5), mountinfo)."""
        assert self._poller is not None, "Linux has poll(2)"
        ready = {descriptor for descriptor, _ in self._poller.poll()}
        if self._mount_table in ready:
            self._take_mounts()
        return self._inotify_fd in ready

    def _take_mounts(self) -> None:
        mounts = read_mounts()
        if mounts is not self._mounts:
            self._mounts, self._idle_announcements = mounts, 0
            self._on_mounts()
            return
        self._idle_announcements += 1
        if (
            self._idle_announcements > _IDLE_ANNOUNCEMENTS
            and self._mount_table is not None
            and self._poller is not None
        ):
            self._poller.unregister(self._mount_table)  # something else than Linux's: it would end every wait

    def _close_resources(self) -> None:
        super()._close_resources()
        if self._mount_table is not None:
            os.close(self._mount_table)
            self._mount_table = None

    def _add_callback(self, path: bytes, mask: Mask, callback: WatchCallback, id_: CallbackId) -> WatchDescriptor:
        self.beat = time.monotonic()
        # two listeners may want different events of one directory: a second mask would replace the first
        watch = self._get_or_create_watch(path, Mask(mask | InotifyConstants.IN_MASK_ADD))
        if watch.wd == _NO_WATCH:  # watchdog takes "no permission" for a descriptor
            del self._watch_for_wd[watch.wd]
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), os.fsdecode(path))
        watch.callbacks[id_] = callback  # watchdog warns when a directory is watched again; we do that on purpose
        return watch.wd


class RenamePairs(InotifyMoveEventGrouper):
    """The queue of all trees' events, in which both halves of a rename are one. It holds `EVENTS_HELD` of them.

    Unlike watchdog's, it lets no event wait for the other half of one before it: a name that only goes away is of no
    interest. *on_full* is called for an event that there is no room for.
    """

    def __init__(self, on_full: Callable[[], None]) -> None:
        super().__init__()
        self._on_full = on_full
        self._leaving: dict[int, PathedInotifyEvent] = {}

    def put_event(self, event: PathedInotifyEvent) -> None:
        """Take one event from the reader's thread."""
        cookie = event.ev.cookie
        if event.ev.is_moved_from:
            self._leaving[cookie] = event
            if len(self._leaving) > _LEAVING:
                del self._leaving[next(iter(self._leaving))]
        elif len(self._queue._queue) >= EVENTS_HELD:  # noqa: SLF001 - it does not tell its length otherwise
            self._on_full()
        else:
            left = self._leaving.pop(cookie, None) if event.ev.is_moved_to else None
            self._queue.put(event if left is None else (left, event))

    def get_queued_moved_from_event(self, cookie: int) -> PathedInotifyEvent | None:
        """Return the half of a rename that has come already."""
        return self._leaving.get(cookie)


@dataclass(kw_only=True, eq=False)
class WatchGroup(InotifyWatchGroup):
    """watchdog's watches of one tree, tolerant of surprises in its tables, and reporting what it can't watch.

    Relies on names that watchdog does not promise; tests/integration/test_watch_faults.py shows each working.
    """

    events: RenamePairs
    """Shared by all trees: a rename from one tree into another is one event."""
    sink: Callable[[Event], None]
    is_elsewhere: Callable[[str], bool]
    unwatched: RetryBook[int]
    lost: set[str]
    """Shared by all trees: those that were not watched themselves any more at some time."""
    _confirmed: set[WatchDescriptor] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._move_event_grouper = self.events
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
                self._confirmed = set()
                with contextlib.suppress(OSError):
                    self._add_all_callbacks(self.path)
                self._remove_callbacks([wd for wd in self._active_callbacks_by_watch if wd not in self._confirmed])
                self._confirmed = None

    def retry(self, path: bytes) -> None:
        """Watch *path* and all below it again."""
        with self._lock:
            if self._is_active:
                self.unwatched.strike_below(os.fsdecode(path))
                with contextlib.suppress(OSError):
                    self._add_all_callbacks(path)

    def deactivate(self) -> None:
        """Remove all watches of this tree; the other trees' events are not touched."""
        with self._lock:
            self._is_active = False
            self._remove_callbacks(list(self._active_callbacks_by_watch))

    @property
    def is_watched(self) -> bool:
        """Return True if the tree itself is watched."""
        return self.is_watching(self.path)

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
        """Watch one directory; note it if that is not possible. Raises `OSError` for the tree itself."""
        name = os.fsdecode(path)
        try:
            watch = self._inotify_fd.add_callback(path, self.event_mask, self, self._id)
        except OSError as error:
            if _is_directory(path):
                self.unwatched.note(name, error.errno or errno.EIO)
            if path == self.path:
                raise
            return
        self._active_callbacks_by_path[path] = watch
        self._active_callbacks_by_watch[watch] = path
        self.unwatched.strike(name)
        if self._confirmed is not None:
            self._confirmed.add(watch)

    def _remove_watch_internally(self, wd: WatchDescriptor) -> None:
        path = self._active_callbacks_by_watch.pop(wd, None)
        if path is not None and self._active_callbacks_by_path.get(path) == wd:
            del self._active_callbacks_by_path[path]
            if path == self.path:
                self.lost.add(os.fsdecode(path))


class ForestEmitter(InotifyEmitter):
    """watchdog's thread of one tree, for any number of trees: a machine with 200 users has a thousand.

    Methods but `add` and `remove` may be called by any thread.
    """

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
        self._events = RenamePairs(self._overflow)
        self._mask = self.get_event_mask_from_filter()
        self.groups: dict[str, WatchGroup] = {}
        self._lost: set[str] = set()

    def add(self, tree: str) -> None:
        """Watch *tree* and all below it. Raises `OSError` if the tree itself can't be watched."""
        self.groups[tree] = WatchGroup(
            self._inotify_fd,
            os.fsencode(tree),
            is_recursive=True,
            event_mask=self._mask,
            events=self._events,
            sink=self._sink,
            is_elsewhere=self._is_elsewhere,
            unwatched=self._unwatched,
            lost=self._lost,
        )

    def lost(self) -> list[str]:
        """Return the trees that are not watched any more themselves."""
        lost = [tree for tree in tuple(self._lost) if tree in self.groups and not self.groups[tree].is_watched]
        self._lost.intersection_update(lost)
        return lost

    def remove(self, tree: str) -> None:
        """Stop watching *tree*."""
        group = self.groups.pop(tree, None)
        if group is not None:
            group.deactivate()

    def on_thread_start(self) -> None:
        """Make no watch yet."""

    def on_thread_stop(self) -> None:
        """Remove every watch and end the thread."""
        for group in tuple(self.groups.values()):
            with contextlib.suppress(OSError):
                group.deactivate()
        self._events.close()

    def queue_events(self, timeout: float, *, full_events: bool = False) -> None:
        """Wait for one event of any tree, and pass it on."""
        del timeout
        event = self._events.read_event()
        if event is not None:
            self.build_and_queue_event(event, full_events=full_events)

    def queue_event(self, event: FileSystemEvent) -> None:
        """Pass *event* to the observer; report an overflow if too many wait there already."""
        if self._event_queue.qsize() < EVENTS_HELD:
            super().queue_event(event)
        else:
            self._overflow()

    def _overflow(self) -> None:
        self._sink(Event(EventKind.OVERFLOW, ""))


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
