"""Everything that finds files: once for all that is local, and once for each file system of the network.

A server may never answer, and whoever asks it waits. So the threads that watch and walk a mounted file system do
nothing else, and when they hang, only its files are late. What the mount table says decides, never a look.
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from picklewatch.access.paths import beneath
from picklewatch.telemetry.health import HealthSection
from picklewatch.watch.directory_walk import DirectoryWalker
from picklewatch.watch.inotify_observer import Event, EventKind
from picklewatch.watch.mounts import point_of
from picklewatch.watch.root_watcher import RootWatcher
from picklewatch.watch.roots import Root
from picklewatch.watch.watch_loop import WatchLoop

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from picklewatch.core.candidate import Candidate
    from picklewatch.core.model import FileId
    from picklewatch.telemetry.health import Health
    from picklewatch.watch.root_watcher import Timing
    from picklewatch.watch.settle import Delays

    Offer = Callable[[Sequence[Candidate]], tuple[Candidate, ...]]

SILENCE_SECONDS: Final = 120.0
"""A thread that watches or walks and says nothing for so long is stuck."""
HANGS_SECONDS: Final = 10.0
"""One that looks at a file system of the network hangs by then."""
_PATIENCE_SECONDS: Final = 5.0
"""How long such a file system may delay that the daemon is ready."""
_STOP_SECONDS: Final = 6.0
_LOCAL: Final = ""


class _Section:
    """The threads that watch and walk what lies on the file system mounted at *point*, or on none of the network."""

    def __init__(  # noqa: PLR0913 - what watching needs
        self, offer: Offer, health: Health, *, canary: Path, delays: Delays, timing: Timing, point: str
    ) -> None:
        self.point = point
        self.health = HealthSection(health, point)
        self.intake = WatchLoop(offer, self.health, delays=delays)
        self.walker = DirectoryWalker(self.intake.found, self.health)
        self.watcher = RootWatcher(
            self.walker, self.health, canary=canary, sink=self.intake.sink, timing=timing, own=point
        )
        self.made = time.monotonic()

    def start(self) -> None:
        """Start its threads."""
        self.walker.start()
        self.intake.start(self.watcher, self.walker)

    def stop(self) -> None:
        """Stop them; one that hangs is left behind."""
        self.walker.stop()
        self.intake.stop()
        self.health.close()

    def silent(self, now: float) -> float:
        """For how many seconds the watching thread has said nothing."""
        return now - max(self.intake.beat, self.watcher.beat)

    def walking_silently(self, now: float) -> float:
        """For how many seconds a walk has not gone on."""
        return 0.0 if self.walker.busy_with is None else now - self.walker.beat

    def is_dead(self) -> str | None:
        """Which thread has ended that never should."""
        if not self.intake.is_alive():
            return "the watching thread is dead"
        return None if self.walker.is_alive() else "the walking thread is dead"


class WatchSupervisor:
    """All sections. *offer* persists candidates and may be called by any thread; the rest is the main thread's."""

    def __init__(self, offer: Offer, health: Health, *, canary: Path, delays: Delays, timing: Timing) -> None:
        self._health = health
        self._make = partial(_Section, offer, health, canary=canary, delays=delays)
        self._timing = timing
        self._excluded: Callable[[str], bool] = lambda _path: False
        self._lock = threading.Lock()
        self._sections: dict[str, _Section] = {}
        self._local = self._section(_LOCAL)

    # --- what is watched

    @property
    def roots(self) -> tuple[Root, ...]:
        """The directories that are to be watched, and how they are doing."""
        return self._local.watcher.roots

    def set_roots(self, roots: Sequence[Root]) -> None:
        """Watch these from now on."""
        self._local.watcher.set_roots(roots)

    def configure(self, excluded: Callable[[str], bool], rescan: float) -> None:
        """Leave out the paths that are *excluded*; walk everything every *rescan* seconds."""
        self._excluded, self._timing = excluded, replace(self._timing, rescan=rescan)
        for section in self._all():
            section.watcher.timing = self._timing
            section.intake.excluded = section.walker.excluded = excluded

    def ask_for_walk(self, reason: str) -> None:
        """Have everything walked."""
        for section in self._all():
            section.watcher.ask_for_walk(reason)

    def unseen(self, path: str) -> None:
        """Take in that nothing was seen at *path*: perhaps its directory is closed. Any thread may call it."""
        self._of(path).intake.closed.note(path)

    def unread(self, path: str, file: FileId | None) -> None:
        """Take in that *path* may not be read in the state *file*, or its present one. Any thread may call it."""
        self._of(path).intake.denied.note(path, file)

    def is_remote(self, path: str) -> bool:
        """Whether *path* lies on a file system of the network. Any thread may call it."""
        return point_of(path, self._points) != _LOCAL

    # --- the threads

    def start(self) -> None:
        """Start watching what is local; the next `look_after` does the rest."""
        self._local.start()

    def stop(self) -> None:
        """Stop everything, waiting for what hangs no longer than a moment."""
        stoppers = [self._stop(section) for section in self._all()]
        end = time.monotonic() + _STOP_SECONDS
        for stopper in stoppers:
            stopper.join(max(0.0, end - time.monotonic()))

    def look_after(self, now: float) -> None:
        """Have a section for each file system of the network that roots lie on, or that lies in them."""
        wanted = self._wanted()
        for point in [point for point in self._sections if point != _LOCAL and point not in self._points]:
            self._stop(self._sections.pop(point))
        for point in {*wanted, *self._sections} - {_LOCAL}:
            watcher, paths = self._section(point).watcher, wanted.get(point, ())
            if tuple(root.wanted for root in watcher.roots) != paths:
                watcher.set_roots([Root(path) for path in paths])
        self._describe(wanted)
        for section in self._all():
            self._look_after(section, now)

    def is_ready(self, now: float) -> bool:
        """Whether all is watched that answers."""
        return self._local.watcher.is_ready() and all(
            section.watcher.is_ready() or now - section.made > _PATIENCE_SECONDS for section in self._all()
        )

    def dead(self) -> str | None:
        """Which thread has ended that never should, or None."""
        return next((dead for section in self._all() if (dead := section.is_dead()) is not None), None)

    def silent(self, now: float) -> float:
        """For how many seconds the thread that watches what is local has said nothing."""
        return self._local.silent(now)

    def walking(self) -> str | None:
        """A tree that is being walked just now, if that is worth a word."""
        requests = [section.walker.busy_with for section in self._all()]
        return next((request.tree for request in requests if request is not None and not request.is_quiet), None)

    # --- sections

    @property
    def _points(self) -> tuple[str, ...]:
        return self._local.watcher.points

    def _all(self) -> list[_Section]:
        with self._lock:
            return list(self._sections.values())

    def _of(self, path: str) -> _Section:
        return self._section(point_of(path, self._points))

    def _section(self, point: str) -> _Section:
        """The section of *point*, made and started if there is none."""
        with self._lock:
            section = self._sections.get(point)
            if section is not None:
                return section
            section = self._make(timing=self._timing, point=point)
            section.intake.excluded = section.walker.excluded = self._excluded
            section.intake.diverted = section.walker.diverted = partial(self._diverted, point)
            if point != _LOCAL:
                section.start()
            self._sections[point] = section  # whoever sees it sees its threads alive
            return section

    def _stop(self, section: _Section) -> threading.Thread:
        stopper = threading.Thread(target=section.stop, name="picklewatch-stop-watching", daemon=True)
        stopper.start()
        return stopper

    def _wanted(self) -> dict[str, tuple[str, ...]]:
        """The directories to be watched on each file system of the network."""
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
        """Say of the roots on the network how the sections' own roots are doing."""
        known = {root.wanted: root for point in wanted for root in self._section(point).watcher.roots}
        for root in self.roots:
            point = point_of(root.path, self._points) if root.path else _LOCAL
            own = known.get(root.path or "") or known.get(point)
            if point and own is not None:
                root.state, root.reason = own.state, own.reason

    def _look_after(self, section: _Section, now: float) -> None:
        hint = "Does its server answer? All that lies elsewhere is watched meanwhile."
        if section.point != _LOCAL and section.silent(now) > HANGS_SECONDS:
            self._health.degrade("watch-hangs", "the file system does not answer", subject=section.point, hint=hint)
        else:
            self._health.repair("watch-hangs", subject=section.point)
        patience = SILENCE_SECONDS if section.point == _LOCAL else 3 * HANGS_SECONDS
        busy = section.walker.busy_with
        if busy is not None and section.walking_silently(now) > patience:
            section.health.degrade("watch-walk-hangs", "a walk does not go on", subject=busy.tree, hint=hint)
        else:
            section.health.repair_all("watch-walk-hangs")

    def _diverted(self, own: str, path: str) -> bool:
        """Whether *path* is a link to another file system than *own*; the section of that one is told of it."""
        if not self._points:
            return False
        try:
            target = os.readlink(path)  # noqa: PTH115 - a text
        except (OSError, ValueError):
            return False
        point = point_of(os.path.normpath(os.path.join(os.path.dirname(path), target)), self._points)  # noqa: PTH118, PTH120
        if point in (own, _LOCAL):
            return False
        self._section(point).intake.sink(Event(EventKind.CLOSED, path))
        return True
