"""Keeps every root watched: waits for it, watches it, notices when that fails, repairs it, and walks what was missed.

Nothing here runs by itself: the watching thread calls `tick`: each second, or seldom where all is announced.
"""

from __future__ import annotations

import os
import time
from collections import deque
from typing import TYPE_CHECKING, Final

from picklewatch.access.paths import beneath
from picklewatch.core.candidate import Source
from picklewatch.core.state_layout import ALIVE
from picklewatch.watch.canary import Canary
from picklewatch.watch.clocks import Clocks
from picklewatch.watch.directory_walk import PROOF, WalkRequest
from picklewatch.watch.events import Event, EventKind
from picklewatch.watch.overflow import Overflow
from picklewatch.watch.root_proofs import HOPELESS, RootProofs
from picklewatch.watch.roots import enclosing
from picklewatch.watch.watched_trees import WatchedTrees

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from picklewatch.access.following import Lookup
    from picklewatch.telemetry.health import Health
    from picklewatch.watch.directory_walk import DirectoryWalker
    from picklewatch.watch.hidden_directories import HiddenDirectories
    from picklewatch.watch.mounts import MountTable
    from picklewatch.watch.roots import Root
    from picklewatch.watch.timing import Timing

_WATCH_AGAIN_SECONDS: Final = (1.0, 3.0)
"""How long after a watch was lost its directory is watched anew once more."""
_TICK_SECONDS: Final = 1.0
_IDLE_SECONDS: Final = 2.0
"""Where every change that concerns a root is announced."""
_LOST: Final = 1_000
"""Directories of that kind to keep in mind; more of them are an overflow."""


class RootWatcher:
    """Looks after the trees, the proof that their events arrive, and every repair. Used by one thread.

    Any thread may read `roots`. File systems that *mounts* is not for are left alone.
    """

    def __init__(  # noqa: PLR0913 - the collaborators of the watching thread
        self,
        walker: DirectoryWalker,
        health: Health,
        *,
        canary: Path,
        sink: Callable[[Event], None],
        mounts: MountTable,
        hidden: HiddenDirectories,
        timing: Timing,
    ) -> None:
        self.rescan_seconds = timing.rescan
        """Seconds between two walks of everything; 0 for never."""
        self._walker, self._health, self._mounts, self._sink = walker, health, mounts, sink
        self._canary = Canary(canary)
        self._trees = WatchedTrees(
            walker, health, canary=self._canary, sink=sink, mounts=mounts, hidden=hidden, timing=timing
        )
        self._proofs = RootProofs(walker, timing)
        self._ticked_at = self.next_tick = 0.0
        """The monotonic time at which `tick` is to be called."""
        self._overflow = Overflow()
        self._clocks = Clocks()
        self._rescan_at: float | None = None
        self._asked: deque[str] = deque()
        self._lost: list[tuple[float, str]] = []

    # --- what the watching thread calls

    def tick(self, now: float) -> None:
        """Look after everything; call it at `next_tick` (*now* is monotonic)."""
        self._look_after_clocks(now)
        self._look_after_mounts()
        self._look_after_lost(now)
        self._trees.look_after(now)
        self._look_after_overflow(now)
        self._trees.look_after_gaps(now)
        self._trees.poll(now)
        self._rescan(now)
        while self._asked:
            self.rescan(self._asked.popleft(), Source.WALK)
        self._look_after_canary(now)
        self._look_for_unannounced(now)
        self._trees.is_started = True
        self._ticked_at, self.next_tick = now, now + self._pause()

    def hurry(self, seconds: float = _TICK_SECONDS) -> None:
        """Tick again *seconds* after the last time, if that is sooner; for the watching thread."""
        self.next_tick = min(self.next_tick, self._ticked_at + seconds)

    def _pause(self) -> float:
        """Return for how long nothing has to be looked at."""
        is_busy = self._lost or self._asked or self._overflow.is_pending or self._canary.is_waited_for
        return _TICK_SECONDS if is_busy or not self._trees.is_at_rest else _IDLE_SECONDS

    def _announce(self) -> None:
        """Have the watching thread tick soon."""
        self._sink(Event(EventKind.ROOTS, ""))

    def took(self, event: Event, now: float) -> bool:
        """Take in an event that concerns watching itself; return True if it did."""
        if self._canary.path in (event.path, event.target):
            if self._canary.seen(now):
                self._health.repair("watch-silent")
            return True
        if event.kind is EventKind.OVERFLOW:
            self._note_overflow(now)
            self.hurry()
            return True
        if event.kind is EventKind.MISSED:
            self._note_missed(event)
            return True
        if event.kind is EventKind.ROOTS:
            self.hurry()
            return True
        if event.kind is EventKind.LOST:
            self._note_lost(event.path, now)
            self.hurry()
            return True
        self._proofs.announced(event.path)
        if event.target:
            self._proofs.announced(event.target)
        return False

    def is_own(self, event: Event) -> bool:
        """Return True if *event* is about the canary's directory: a self-test, which is not counted."""
        return event.path.startswith(self._canary.path.removesuffix(ALIVE))

    def rescan(self, reason: str, source: Source = Source.RESCAN) -> None:
        """Have every tree walked."""
        for path in self._trees.walked_paths():
            self._walker.request(WalkRequest(path, source, reason))

    def stop(self) -> None:
        """Stop observing."""
        self._trees.looks.stop()
        self._trees.stop()

    # --- what others ask

    @property
    def roots(self) -> tuple[Root, ...]:
        """The directories that are to be watched, and how they are doing."""
        return self._trees.roots

    @property
    def changes(self) -> int:
        """Grows whenever `roots`, or what is said of them, may have changed."""
        return self._trees.changes

    def watch_places(self, places: tuple[Lookup, ...]) -> None:
        """Notice when people may come or go in *places*; may be called by any thread."""
        self._trees.looks.places = places
        self._announce()

    def are_people_announced(self) -> bool:
        """Return True if people may have come or gone since the last call; may be called by any thread."""
        is_announced = self._trees.looks.people_announced.is_set()
        self._trees.looks.people_announced.clear()
        return is_announced

    def set_roots(self, roots: Sequence[Root]) -> None:
        """Watch these roots from the next tick on; what stays is not disturbed."""
        self._trees.set_roots(roots)
        self._announce()

    def trees(self) -> list[str]:
        """Return the trees that are watched now."""
        return self._trees.paths()

    def ask_for_walk(self, reason: str) -> None:
        """Have everything walked at the next tick; may be called by any thread."""
        self._asked.append(reason)
        self._announce()

    def is_ready(self) -> bool:
        """Return True if every root that exists is watched or polled, and an event has come round."""
        return self._trees.is_started and (self._canary.is_proven or self._trees.observer is None)

    @property
    def beat(self) -> float:
        """The monotonic time at which watching a directory last began; 0.0 if nothing is watched."""
        return 0.0 if (observer := self._trees.observer) is None else observer.beat

    # --- lost events and watches

    def _note_overflow(self, now: float) -> None:
        self._health.count("overflows")
        self._overflow.note(now)
        self._canary.may_be_lost(now)
        hint = "Repairs itself. If it happens often, raise fs.inotify.max_queued_events with sysctl."
        self._health.degrade("watch-overflow", "more happened than could be taken in; walking everything", hint=hint)

    def _look_after_overflow(self, now: float) -> None:
        """After lost events: first watch everything anew, then walk it, so that nothing falls between."""
        if self._overflow.is_due(now):
            self._health.count("overflow-walks")
            self._overflow.begin(self._trees.paths(), now)
            self._trees.look_again()
            if self._trees.observer is not None:
                self._trees.observer.rebuild()
            self.rescan("overflow", Source.EVENT)
        elif self._overflow.has_begun and self._overflow.is_over(self._walker.walked, self._trees.walked_paths(), now):
            self._health.repair("watch-overflow")

    def _note_missed(self, event: Event) -> None:
        """Watch what was not watched; what was, and is not announced all the same, is watched anew, and walked."""
        if event.target != PROOF or not self._trees.is_watching(event.path):
            self._trees.watch_missed(event.path)
            return
        tree = enclosing(event.path, self._trees.paths())
        doubts = 0 if tree is None else self._proofs.doubts(tree)
        if not doubts:
            return
        reason = "changes of a watched directory were not announced; watching it anew"
        self._health.incident("watch-unannounced", reason, path=event.path)
        self._trees.watch_again(event.path, "watch-lost")
        if doubts >= HOPELESS:
            self._trees.distrust(event.path)

    def _note_lost(self, directory: str, now: float) -> None:
        self._health.count("watch-lost")
        if len(self._lost) >= _LOST:
            self._note_overflow(now)
            return
        self._trees.watch_again(directory, "watch-lost")
        self._lost += [(now + pause, directory) for pause in _WATCH_AGAIN_SECONDS]

    def _look_after_lost(self, now: float) -> None:
        """Watch lost directories anew once more: a disk that went and came between two ticks looks the same."""
        due = {path for at, path in self._lost if at <= now}
        self._lost = [(at, path) for at, path in self._lost if at > now]
        for path in due:
            if not self._mounts.is_elsewhere(path) and os.path.isdir(path):  # noqa: PTH112 - no object is needed
                self._trees.watch_again(path, "watch-lost")

    def _look_after_mounts(self) -> None:
        """Notice what was mounted over or unmounted from watched directories: the kernel announces only half of it."""
        for mount in self._mounts.refresh():
            self._trees.look_again(mount.point)
            is_ours = any(beneath(mount.point, tree) for tree in self._trees.paths())
            if is_ours and not self._mounts.is_elsewhere(mount.point):
                self._trees.watch_again(mount.point, "mounts-changed")

    # --- time

    def _look_after_clocks(self, now: float) -> None:
        """After a sleep: want a proof of life, try what could not be done, and count the time as passed."""
        jump = self._clocks.look()
        if jump.set_by:
            self._health.incident("watch-clock-set", f"the time of day was set by {jump.set_by:+.0f} s")
        if not jump.slept:
            return
        self._health.incident("watch-resumed", f"the machine slept for {jump.slept:.0f} s; looking at everything")
        self._canary.hurry()
        self._trees.hurry(now)
        if self._rescan_at is not None:
            self._rescan_at -= jump.slept

    def _rescan(self, now: float) -> None:
        if not self.rescan_seconds:
            return
        if self._rescan_at is None:
            self._rescan_at = now + self.rescan_seconds
        if now >= self._rescan_at:
            self._rescan_at = now + self.rescan_seconds
            self.rescan("rescan")

    # --- proof of life

    def _look_for_unannounced(self, now: float) -> None:
        if self._trees.observer is not None:
            for directory in self._proofs.look(now, self._trees.announced_paths(), self._trees.is_watching):
                self._trees.watch_missed(directory)

    def _look_after_canary(self, now: float) -> None:
        if self._trees.observer is None:
            return
        if self._canary.is_overdue(now):
            self._health.degrade("watch-silent", "a file of our own was not announced in time; watching anew")
            self._trees.abandon()
        else:
            self._canary.touch(time.monotonic())  # this tick may have made watches for a long time
