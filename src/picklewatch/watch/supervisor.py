"""All that finds files: one pair of threads for what is local, and one for each file system of the network.

A server may never answer, and the thread that asks it waits. So the threads that watch and walk a mounted file system
do nothing else, and when they hang, only its files are late. The mount table decides where a path lies, never a look.
"""

from __future__ import annotations

import os
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Final

from picklewatch.access.paths import beneath
from picklewatch.watch import caches
from picklewatch.watch.events import Event, EventKind
from picklewatch.watch.mounts import point_of
from picklewatch.watch.roots import Root
from picklewatch.watch.watch_threads import WatchThreads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from picklewatch.access.following import Lookup
    from picklewatch.core.candidate import Candidate
    from picklewatch.core.model import FileId
    from picklewatch.telemetry.health import Health
    from picklewatch.watch.settle import Delays
    from picklewatch.watch.timing import Timing

SILENCE_SECONDS: Final = 120.0
"""A thread that makes no progress for this long is stuck."""
HANGS_SECONDS: Final = 10.0
"""A thread that waits for a server this long hangs."""
_PATIENCE_SECONDS: Final = 5.0
"""How long a network mount may delay readiness."""
_STOP_SECONDS: Final = 6.0
_LOCAL: Final = ""


class WatchSupervisor:
    """Starts, checks and stops the threads of all file systems.

    *offer* persists candidates, and *names_of* gives the known paths of an inode (device, number); any thread may call
    them. Nothing that *is_excluded* is looked at. Links that lead to no file go to *note_link*. Methods are for the
    main thread unless they say otherwise.
    """

    def __init__(  # noqa: PLR0913 - what the threads need
        self,
        offer: Callable[[Sequence[Candidate]], tuple[Candidate, ...]],
        health: Health,
        *,
        canary: Path,
        delays: Delays,
        timing: Timing,
        is_excluded: Callable[[str], bool],
        note_link: Callable[[str], None] = lambda _path: None,
        names_of: Callable[[int, int], Iterable[str]] = lambda _device, _number: (),
    ) -> None:
        caches.tools()  # loaded now: an upgrade may remove the modules, and descriptors may run out
        self._health = health
        self._is_excluded = is_excluded
        self._rescan_seconds = timing.rescan
        self._make = partial(
            WatchThreads,
            offer,
            health,
            canary=canary,
            delays=delays,
            timing=timing,
            is_excluded=self._is_left_out,
            note_link=note_link,
            names_of=names_of,
        )
        self._lock = threading.Lock()
        self._threads: dict[str, WatchThreads] = {}
        self._local = self._threads_of(_LOCAL)
        self._described = 0

    # --- what is watched

    @property
    def roots(self) -> tuple[Root, ...]:
        """The directories to be watched, and their state."""
        return self._local.watcher.roots

    @property
    def changes(self) -> int:
        """Grows whenever `roots`, or what is said of them, may have changed."""
        return self._local.watcher.changes + self._described

    def watch_places(self, places: tuple[Lookup, ...]) -> None:
        """Notice when people may come or go in *places*.

        Any thread may call it.
        """
        self._local.watcher.watch_places(places)

    def are_people_announced(self) -> bool:
        """Return True if people may have come or gone since the last call."""
        return self._local.watcher.are_people_announced()

    def set_roots(self, roots: Sequence[Root]) -> None:
        """Watch these from now on."""
        self._described += 1
        self._local.watcher.set_roots(roots)

    def configure(self, is_excluded: Callable[[str], bool], rescan: float) -> None:
        """From now on leave out the paths that *is_excluded*, and walk everything every *rescan* seconds."""
        self._is_excluded, self._rescan_seconds = is_excluded, rescan
        for threads in self._all():
            threads.watcher.rescan_seconds = rescan

    def ask_for_walk(self, reason: str) -> None:
        """Have everything walked."""
        for threads in self._all():
            threads.watcher.ask_for_walk(reason)

    def look_again(self, path: str) -> None:
        """Have a look taken at *path*, as if it had just appeared."""
        self._threads_at(path).inbox.put(Event(EventKind.CREATED, path))

    def unseen(self, path: str) -> None:
        """Note that nothing was seen at *path*: perhaps its directory is closed.

        Any thread may call it.
        """
        self._threads_at(path).hidden.note_file(path)

    def unread(self, path: str, file: FileId | None) -> None:
        """Note that *path* may not be read in the state *file*, or its present one.

        Any thread may call it.
        """
        self._threads_at(path).unreadable.note(path, file)

    def is_remote(self, path: str) -> bool:
        """Return True if *path* lies on a file system of the network.

        Any thread may call it.
        """
        return point_of(path, self._points) != _LOCAL

    # --- the threads

    def start(self) -> None:
        """Start watching what is local; the next `look_after` does the rest."""
        self._local.start()

    def stop(self) -> None:
        """Stop everything, waiting for what hangs no longer than a moment."""
        stoppers = [self._stop(threads) for threads in self._all()]
        end = time.monotonic() + _STOP_SECONDS
        for stopper in stoppers:
            stopper.join(max(0.0, end - time.monotonic()))

    def look_after(self, now: float) -> None:
        """Have threads for each file system of the network that roots lie on, or that lies in them."""
        wanted = self._wanted()
        for point in [point for point in self._threads if point != _LOCAL and point not in self._points]:
            self._stop(self._threads.pop(point))
        for point in {*wanted, *self._threads} - {_LOCAL}:
            watcher, paths = self._threads_of(point).watcher, wanted.get(point, ())
            if tuple(root.wanted for root in watcher.roots) != paths:
                watcher.set_roots([Root(path) for path in paths])
        self._describe(wanted)
        for threads in self._all():
            self._look_after(threads, now)

    def is_ready(self, now: float) -> bool:
        """Return True if everything that answers is watched."""
        return self._local.watcher.is_ready() and all(
            threads.watcher.is_ready() or now - threads.made > _PATIENCE_SECONDS for threads in self._all()
        )

    def dead(self) -> str | None:
        """Return which thread has ended that never should, or None."""
        return next((dead for threads in self._all() if (dead := threads.dead()) is not None), None)

    def silent(self, now: float) -> float:
        """Return for how many seconds the thread that watches what is local has made no progress."""
        return self._local.silent_seconds(now)

    def walking(self) -> str | None:
        """Return a tree that is being walked just now, if that is worth showing."""
        requests = [threads.walker.busy_with for threads in self._all()]
        return next((request.tree for request in requests if request is not None and not request.is_quiet), None)

    # --- the threads of one file system

    @property
    def _points(self) -> tuple[str, ...]:
        return self._local.mounts.points

    def _all(self) -> list[WatchThreads]:
        with self._lock:
            return list(self._threads.values())

    def _threads_at(self, path: str) -> WatchThreads:
        return self._threads_of(point_of(path, self._points))

    def _threads_of(self, point: str) -> WatchThreads:
        """Return the threads of *point*, made and started if there are none."""
        with self._lock:
            threads = self._threads.get(point)
            if threads is not None:
                return threads
            threads = self._make(point=point, is_diverted=partial(self._is_diverted, point))
            threads.watcher.rescan_seconds = self._rescan_seconds
            if point != _LOCAL:
                threads.start()
            self._threads[point] = threads  # whoever sees it sees its threads alive
            return threads

    def _stop(self, threads: WatchThreads) -> threading.Thread:
        stopper = threading.Thread(target=threads.stop, name="picklewatch-stop-watching", daemon=True)
        stopper.start()
        return stopper

    def _wanted(self) -> dict[str, tuple[str, ...]]:
        """Return the directories to be watched on each file system of the network."""
        if not self._points:  # asked every second, of thousands of roots
            return {}
        wanted: dict[str, list[str]] = {}
        for root in self.roots:
            point = point_of(root.path, self._points) if root.path else _LOCAL
            if root.path and point:
                wanted.setdefault(point, []).append(root.path)
        trees = [*self._local.watcher.trees(), *(path for paths in wanted.values() for path in paths)]
        for point in self._points:
            if any(beneath(point, tree) for tree in trees):
                wanted[point] = [point]
        return {point: tuple(dict.fromkeys(paths)) for point, paths in wanted.items()}

    def _describe(self, wanted: dict[str, tuple[str, ...]]) -> None:
        """Copy the state of the roots on the network from the threads that watch them."""
        known = {root.wanted: root for point in wanted for root in self._threads_of(point).watcher.roots}
        for root in self.roots if known else ():
            point = point_of(root.path, self._points) if root.path else _LOCAL
            own = known.get(root.path or "") or known.get(point)
            if point and own is not None and (root.state, root.reason) != (own.state, own.reason):
                root.state, root.reason = own.state, own.reason
                self._described += 1

    def _look_after(self, threads: WatchThreads, now: float) -> None:
        hint = "Does its server answer? All that lies elsewhere is watched meanwhile."
        if threads.point != _LOCAL and threads.silent_seconds(now) > HANGS_SECONDS:
            self._health.degrade("watch-hangs", "the file system does not answer", subject=threads.point, hint=hint)
        else:
            self._health.repair("watch-hangs", subject=threads.point)
        patience = SILENCE_SECONDS if threads.point == _LOCAL else 3 * HANGS_SECONDS
        busy = threads.walker.busy_with
        if busy is not None and threads.stalled_seconds(now) > patience:
            threads.health.degrade("watch-walk-hangs", "a walk does not go on", subject=busy.tree, hint=hint)
        else:
            threads.health.repair_all("watch-walk-hangs")

    # --- what all threads ask

    def _is_left_out(self, path: str) -> bool:
        return self._is_excluded(path)

    def _is_diverted(self, own: str, path: str) -> bool:
        """Return True if *path* is a link to another file system than *own*, whose threads look at it from now on."""
        if not self._points:
            return False
        try:
            target = os.readlink(path)  # noqa: PTH115 - a text
        except (OSError, ValueError):
            return False
        point = point_of(os.path.normpath(os.path.join(os.path.dirname(path), target)), self._points)  # noqa: PTH118, PTH120
        if point in (own, _LOCAL):
            return False
        self._threads_of(point).inbox.put(Event(EventKind.CLOSED, path))
        return True
