"""The watching thread: from events, through settling, to the queue. It never waits for a scan."""

from __future__ import annotations

import threading
import time
from itertools import islice
from typing import TYPE_CHECKING, Final

import structlog

from picklewatch.access.paths import beneath
from picklewatch.core.candidate import Candidate, Source, UnavailableError
from picklewatch.watch.caches import is_temporary
from picklewatch.watch.directory_walk import BATCH, WalkRequest
from picklewatch.watch.events import Event, EventKind
from picklewatch.watch.hidden_directories import LOOK_SECONDS
from picklewatch.watch.identify import identify, inode_of_unnamed
from picklewatch.watch.inotify_observer import LibraryLog
from picklewatch.watch.settle import Settle, Sign
from picklewatch.watch.walk_finds import leads_to_excluded
from picklewatch.watch.writers import glance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from picklewatch.telemetry.health import Health
    from picklewatch.watch.directory_walk import DirectoryWalker
    from picklewatch.watch.event_inbox import EventInbox
    from picklewatch.watch.hidden_directories import HiddenDirectories
    from picklewatch.watch.root_watcher import RootWatcher
    from picklewatch.watch.settle import Delays, Look
    from picklewatch.watch.unreadable_files import UnreadableFiles

_log = structlog.get_logger()

_SWEEP_SECONDS: Final = 1.0
_RETRY_SECONDS: Final = 1.0
_BACKLOG: Final = 100_000
_SWEEPS: Final = 10_000
"""New directories to keep in mind; more of them at once are an overflow."""


class WatchLoop:
    """Takes events out of *inbox*, and offers files when they have settled. *offer* persists; it returns the new ones.

    Leaves out what *is_excluded*. A link that *is_diverted* leads to where other threads look at it. What is no file
    goes to *note_link*. *names_of* gives the known paths of an inode.
    """

    def __init__(  # noqa: PLR0913 - everything that the watching thread looks after
        self,
        offer: Callable[[Sequence[Candidate]], tuple[Candidate, ...]],
        health: Health,
        *,
        inbox: EventInbox,
        watcher: RootWatcher,
        walker: DirectoryWalker,
        hidden: HiddenDirectories,
        unreadable: UnreadableFiles,
        delays: Delays,
        is_excluded: Callable[[str], bool],
        is_diverted: Callable[[str], bool],
        note_link: Callable[[str], None],
        names_of: Callable[[int, int], Iterable[str]],
    ) -> None:
        self.beat = time.monotonic()
        self._offer, self._health = offer, health
        self._inbox, self._watcher, self._walker = inbox, watcher, walker
        self._hidden, self._unreadable = hidden, unreadable
        self._is_excluded, self._is_diverted = is_excluded, is_diverted
        self._note_link, self._names_of = note_link, names_of
        self._settle = Settle(delays, is_temporary=is_temporary)
        self._sweeps: dict[str, float] = {}
        self._backlog: list[Candidate] = []
        self._retry_at = 0.0
        self._walk_again = False
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="picklewatch-watch", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread; what has not settled is found by the next start's walk."""
        self._stopping.set()
        self._inbox.close()
        if self._thread.is_alive():
            self._thread.join(5.0)

    def is_alive(self) -> bool:
        """Return True if the thread lives."""
        return self._thread.is_alive()

    def _run(self) -> None:
        with LibraryLog(lambda text: _log.debug("watch.library", text=text)):
            while not self._stopping.is_set():
                try:
                    now = self.beat = time.monotonic()
                    if not (self._hidden.is_empty and self._unreadable.is_empty):
                        self._watcher.hurry(LOOK_SECONDS)
                    if now >= self._watcher.next_tick:
                        self._watcher.tick(now)
                        self._retry(now)
                    self._take(self._pause(now))
                    self._sweep()
                    self._offer_settled()
                except Exception as error:  # noqa: BLE001 - the thread must live
                    _log.exception("watch.failed")
                    self._health.incident("watch-failed", f"{type(error).__name__}: {error}")
                    self._inbox.note_loss()  # what was taken and not dealt with is found by a walk
                    self._stopping.wait(0.2)
        self._watcher.stop()

    def _retry(self, now: float) -> None:
        """Look again at what could not be seen or read."""
        for directory in self._hidden.seen_again(now):
            trees = self._watcher.trees()
            is_inside = any(beneath(directory, tree) for tree in trees)
            for tree in [directory] if is_inside else [tree for tree in trees if beneath(tree, directory)]:
                self._walker.request(WalkRequest(tree, Source.WALK, "readable-again"))
        for path in self._unreadable.changed(now):
            if not self._is_excluded(path):
                self._settle.notice(path, Sign.MOVED, time.monotonic())

    def _pause(self, now: float) -> float:
        wake = self._settle.wake_at()
        due = [self._watcher.next_tick, *([] if wake is None else [wake]), *list(self._sweeps.values())[:1]]
        due += [self._retry_at] if self._backlog else []
        due += [now] if self._inbox.has_finds() else []
        return max(0.0, min(due) - now)

    def _take(self, pause: float) -> None:
        """Take what has happened, waiting up to *pause* seconds for the first event."""
        for event in self._inbox.events(pause):
            self._apply(event)
        now = time.monotonic()
        for path in self._inbox.finds():
            self._settle.notice(path, Sign.CREATED, now)

    def _apply(self, event: Event) -> None:
        now = time.monotonic()
        if self._watcher.took(event, now):
            return
        if not self._watcher.is_own(event):
            self._health.count("events")
        match event.kind:
            case EventKind.DIRECTORY:
                if not self._is_excluded(event.path):
                    self._note_directory(event.path, now)
            case EventKind.MOVED:
                self._settle.forget(event.path)
                if not self._is_excluded(event.target):
                    self._settle.notice(event.target, Sign.MOVED, now)
            case EventKind.CLOSED if (unnamed := inode_of_unnamed(event.path)) is not None:
                self._notice_written(*unnamed, now)
            case EventKind.CREATED | EventKind.CLOSED if not self._is_excluded(event.path):
                self._settle.notice(event.path, Sign(event.kind.value), now)

    def _notice_written(self, device: int, number: int, now: float) -> None:
        """Notice the names of a file that was made without one, got one, and was written to until now."""
        for path in self._names_of(device, number):
            found = identify(path, Source.EVENT)
            if found is not None and (found.file.device, found.file.inode) == (device, number):
                self._settle.notice(path, Sign.CLOSED, now)

    def _note_directory(self, path: str, now: float) -> None:
        self._sweeps.pop(path, None)  # the soonest stay in front
        if len(self._sweeps) < _SWEEPS:
            self._sweeps[path] = now + _SWEEP_SECONDS
        else:
            self._watcher.took(Event(EventKind.OVERFLOW, ""), now)

    def _sweep(self) -> None:
        """List every new directory once more, a moment later: what was made before its watch was there is in it."""
        now = time.monotonic()
        while self._sweeps and (path := next(iter(self._sweeps))) and self._sweeps[path] <= now:
            del self._sweeps[path]
            if not self._walker.request(WalkRequest(path, Source.EVENT, "new-directory", deep=False)):
                self._watcher.took(Event(EventKind.OVERFLOW, ""), now)

    def _offer_settled(self) -> None:
        due = islice(self._settle.due(time.monotonic(), self._glance), BATCH)
        found = (self._identify(path) for path in due)
        self._backlog += [
            candidate
            for candidate in found
            if candidate is not None and not leads_to_excluded(candidate, self._is_excluded)
        ]
        if self._backlog and time.monotonic() >= self._retry_at:
            self._offer_backlog()

    def _glance(self, path: str) -> Look | None:
        look = glance(path)
        if look is None:
            self._hidden.note_file(path)
        return look

    def _identify(self, path: str) -> Candidate | None:
        if self._is_diverted(path):
            return None
        candidate = identify(path, Source.EVENT)
        if candidate is None:
            self._note_link(path)
            self._hidden.note_file(path)
        return candidate

    def _offer_backlog(self) -> None:
        """Offer what is due; what can't be stored now is kept, up to a bound, and beyond it found by a walk.

        In batches, for the workers use the store as well.
        """
        try:
            while self._backlog:
                self._offer(self._backlog[:BATCH])
                del self._backlog[:BATCH]
        except UnavailableError:
            self._retry_at = time.monotonic() + _RETRY_SECONDS
            if len(self._backlog) > _BACKLOG:
                self._backlog.clear()
                self._walk_again = True
        else:
            if self._walk_again:
                self._walk_again = False
                self._watcher.rescan("overfull", Source.WALK)
