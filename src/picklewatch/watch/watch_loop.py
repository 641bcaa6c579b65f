"""The watching thread: from events, through settling, to the queue. Never waits for a scan."""

from __future__ import annotations

import queue
import threading
import time
from typing import TYPE_CHECKING, Final

import structlog

from picklewatch.core.candidate import Candidate, Source, UnavailableError
from picklewatch.watch.caches import is_temporary
from picklewatch.watch.directory_walk import BATCH, WalkRequest
from picklewatch.watch.fair_event_queue import FairEventQueue
from picklewatch.watch.hidden_directories import HiddenDirectories
from picklewatch.watch.identify import identify
from picklewatch.watch.inotify_observer import EVENTS_HELD, Event, EventKind, LibraryLog
from picklewatch.watch.settle import Settle, Sign
from picklewatch.watch.unreadable_files import UnreadableFiles
from picklewatch.watch.writers import glance

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from picklewatch.telemetry.health import Health
    from picklewatch.watch.directory_walk import DirectoryWalker
    from picklewatch.watch.root_watcher import RootWatcher
    from picklewatch.watch.settle import Delays, Look

_log = structlog.get_logger()

TICK_SECONDS: Final = 1.0
_SWEEP_SECONDS: Final = 1.0
_AT_ONCE: Final = 2_000
_FRESH_NS: Final = 2_000_000_000
_SURE_NS: Final = 10_000_000_000
_RETRY_SECONDS: Final = 1.0
_BACKLOG: Final = 100_000
_FINDS: Final = 10_000
_SWEEPS: Final = 10_000
"""New directories to keep in mind; more of them at once are an overflow."""


class WatchLoop:
    """Takes events and walks' finds in, and offers what is due. *offer* persists; it returns the new candidates."""

    def __init__(
        self,
        offer: Callable[[Sequence[Candidate]], tuple[Candidate, ...]],
        health: Health,
        *,
        delays: Delays,
        excluded: Callable[[str], bool] = lambda _path: False,
    ) -> None:
        self.settle = Settle(delays, is_temporary=is_temporary)
        self.excluded = excluded
        self.diverted: Callable[[str], bool] = lambda _path: False
        """Whether a link leads to where somebody else looks, who has been told of it."""
        self.closed = HiddenDirectories(health)
        self.denied = UnreadableFiles(health)
        self.beat = time.monotonic()
        self._offer = offer
        self._health = health
        self._events = FairEventQueue(EVENTS_HELD)
        self._finds: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._sweeps: dict[str, float] = {}
        self._backlog: list[Candidate] = []
        self._retry_at = 0.0
        self._walk_again = False
        self._spilled = False
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def sink(self, event: Event) -> None:
        """Take an event from any thread, at once; of more than can be held, nothing but that they were lost."""
        if not self._events.put(event):
            self._spilled = True

    def found(self, candidates: list[Candidate], request: WalkRequest) -> int:
        """Take a walk's finds (in the walk's thread); how many wait now and did not before.

        What was touched a moment ago may still be written to: it settles first, like what was announced. Only the
        time of change tells: the time of modification is anybody's to set, and a clock that was set back leaves
        both in the future.
        """
        now = time.time_ns()
        candidates = [found for found in candidates if not self._is_ours(found)]
        fresh = [found for found in candidates if abs(now - found.file.ctime_ns) < _FRESH_NS]
        rest = [found for found in candidates if abs(now - found.file.ctime_ns) >= _FRESH_NS]
        for candidate in fresh:
            self._finds.put(candidate.link or candidate.path)
        while self._finds.qsize() > _FINDS and not self._stopping.wait(0.01):
            pass  # the walk is faster than the watching thread
        queued = self._offer(rest) if rest else ()
        if request.source is Source.RESCAN:
            self._count_missed(queued, now)
        return len(queued)

    def start(self, watcher: RootWatcher, walker: DirectoryWalker) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._run, args=(watcher, walker), name="picklewatch-watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread; what has not settled is found by the next start's walk."""
        self._stopping.set()
        self._events.wake()
        if self._thread is not None:
            self._thread.join(5.0)

    def is_alive(self) -> bool:
        """Whether the thread lives."""
        return self._thread is not None and self._thread.is_alive()

    def _run(self, watcher: RootWatcher, walker: DirectoryWalker) -> None:
        tick_at = 0.0
        with LibraryLog(lambda text: _log.debug("watch.library", text=text)):
            while not self._stopping.is_set():
                try:
                    now = self.beat = time.monotonic()
                    if now >= tick_at:
                        watcher.tick(now)
                        self.closed.look_after(walker, watcher.trees(), now)
                        self.denied.look_after(self._changed, now)
                        tick_at = now + TICK_SECONDS
                    self._take(watcher, self._pause(now, tick_at))
                    self._sweep(walker, watcher)
                    self._hand_over(watcher)
                except Exception as error:  # noqa: BLE001 - the thread must live
                    _log.exception("watch.failed")
                    self._health.incident("watch-failed", f"{type(error).__name__}: {error}")
                    self._spilled = True  # what was taken and not dealt with is found by a walk
                    self._stopping.wait(0.2)
        watcher.stop()

    def _changed(self, path: str) -> None:
        if not self.excluded(path):
            self.settle.notice(path, Sign.MOVED, time.monotonic())

    def _pause(self, now: float, tick_at: float) -> float:
        wake = self.settle.wake_at()
        due = [tick_at, *([] if wake is None else [wake]), *list(self._sweeps.values())[:1]]
        due += [self._retry_at] if self._backlog else []
        return max(0.0, min(due) - now)

    def _take(self, watcher: RootWatcher, pause: float) -> None:
        """Take what has happened, waiting up to *pause* seconds for the first event."""
        for event in self._events.take(_AT_ONCE, pause):
            self._apply(event, watcher)
        if self._spilled and len(self._events) < self._events.most // 2:
            self._spilled = False
            self._apply(Event(EventKind.OVERFLOW, ""), watcher)
        now = time.monotonic()
        while not self._finds.empty():
            self.settle.notice(self._finds.get_nowait(), Sign.CREATED, now)

    def _apply(self, event: Event, watcher: RootWatcher) -> None:
        now = time.monotonic()
        if watcher.took(event, now):
            return
        self._health.count("events")
        match event.kind:
            case EventKind.DIRECTORY:
                if not self.excluded(event.path):
                    self._note_directory(event.path, watcher, now)
            case EventKind.MOVED:
                self.settle.forget(event.path)
                if not self.excluded(event.target):
                    self.settle.notice(event.target, Sign.MOVED, now)
            case EventKind.CREATED | EventKind.CLOSED if not self.excluded(event.path):
                self.settle.notice(event.path, Sign(event.kind.value), now)

    def _note_directory(self, path: str, watcher: RootWatcher, now: float) -> None:
        self._sweeps.pop(path, None)  # the soonest stay in front
        if len(self._sweeps) < _SWEEPS:
            self._sweeps[path] = now + _SWEEP_SECONDS
        else:
            watcher.took(Event(EventKind.OVERFLOW, ""), now)

    def _sweep(self, walker: DirectoryWalker, watcher: RootWatcher) -> None:
        """List every new directory once more, a moment later: what was made before its watch was there is in it."""
        now = time.monotonic()
        while self._sweeps and (path := next(iter(self._sweeps))) and self._sweeps[path] <= now:
            del self._sweeps[path]
            if not walker.request(WalkRequest(path, Source.EVENT, "new-directory", deep=False)):
                watcher.took(Event(EventKind.OVERFLOW, ""), now)

    def _hand_over(self, watcher: RootWatcher) -> None:
        due = self.settle.due(time.monotonic(), self._glance)
        found = (self._identify(path) for path in due)
        candidates = [candidate for candidate in found if candidate is not None and not self._is_ours(candidate)]
        self._backlog += candidates
        if self._backlog and time.monotonic() >= self._retry_at:
            self._hand_over_backlog(watcher)

    def _glance(self, path: str) -> Look | None:
        look = glance(path)
        if look is None:
            self.closed.note(path)
        return look

    def _identify(self, path: str) -> Candidate | None:
        if self.diverted(path):
            return None
        candidate = identify(path, Source.EVENT)
        if candidate is None:
            self.closed.note(path)
        return candidate

    def _is_ours(self, candidate: Candidate) -> bool:
        """Whether a link leads to what is excluded, such as a file in the vault."""
        return candidate.link is not None and self.excluded(candidate.path)

    def _hand_over_backlog(self, watcher: RootWatcher) -> None:
        """Offer what is due; what can't be stored now is kept, up to a bound, and beyond it found by a walk.

        In parts, for the workers use the store as well.
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
                watcher.rescan("overfull", Source.WALK)

    def _count_missed(self, queued: tuple[Candidate, ...], now: int) -> None:
        """Count what only the safety net found: old enough that an event should have announced it."""
        for candidate in queued:
            if now - candidate.file.ctime_ns >= _SURE_NS:
                self._health.count("missed")
                _log.warning("watch.missed", path=candidate.path)
                self.sink(Event(EventKind.MISSED, candidate.path.rpartition("/")[0]))
