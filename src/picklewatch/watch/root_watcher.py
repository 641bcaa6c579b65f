"""Keeps every root watched: waits for it, watches it, notices when that fails, repairs it, and walks what was missed.

Nothing here runs by itself: the watching thread calls `tick` about every second.
"""

from __future__ import annotations

import errno
import os
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from picklewatch.access.following import Links, Way
from picklewatch.access.paths import beneath
from picklewatch.core.candidate import Source
from picklewatch.watch import unlistable
from picklewatch.watch.canary import Canary
from picklewatch.watch.clocks import Clocks
from picklewatch.watch.directory_walk import WalkRequest
from picklewatch.watch.inotify_observer import Event, EventKind, InotifyObserver
from picklewatch.watch.mounts import Mount, mount_of, network_points, point_of, read_mounts
from picklewatch.watch.overflow import Overflow
from picklewatch.watch.roots import ASKED_FOR, Root, RootFinder, RootState, enclosing, topmost
from picklewatch.watch.unwatched_directories import HINTS, UnwatchedDirectories

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from picklewatch.access.following import Identity
    from picklewatch.telemetry.health import Health
    from picklewatch.watch.directory_walk import DirectoryWalker
    from picklewatch.watch.roots import Sight


@dataclass(slots=True)
class _Tree:
    """A real directory that is watched or polled; it may be several roots, and lies in no other."""

    identity: Identity
    watched: bool = False
    poll: bool = False
    reason: str = ""
    poll_at: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How often what is looked after, in seconds."""

    poll: float = 5.0
    """Between two walks of what is not announced; longer if a walk takes long."""
    poll_share: float = 20.0
    """A walk that takes *n* seconds is repeated after *n* times this at the earliest."""
    retry: float = 30.0
    """Between two attempts to watch what can't be watched."""
    rescan: float = 86400.0
    """Between two walks of everything; 0 for never."""


_DOUBT_SECONDS: Final = (1.0, 3.0)
"""How long after a watch was lost its directory is watched anew once more."""
_DOUBTED: Final = 1_000
"""Directories of that kind to keep in mind; more of them are an overflow."""


class RootWatcher:
    """The roots, the observation of them, and its repair. Used by one thread; `roots` and `points` may be read by any.

    Only those on the file system of the network that is mounted at *own* (empty: those on none) are looked after, and
    what else is mounted below them is left alone.
    """

    def __init__(  # noqa: PLR0913 - the collaborators of the watching thread
        self,
        walker: DirectoryWalker,
        health: Health,
        *,
        canary: Path,
        sink: Callable[[Event], None],
        timing: Timing,
        own: str = "",
    ) -> None:
        self.roots: tuple[Root, ...] = ()
        self.points: tuple[str, ...] = ()
        """Where file systems of the network are mounted, the innermost first."""
        self.timing = timing
        self._walker = walker
        self._health = health
        self._sink = sink
        self._own = own
        walker.elsewhere = self._is_elsewhere
        self._canary = Canary(canary)
        self._looker = RootFinder()
        self._observation: InotifyObserver | None = None
        self._trees: dict[str, _Tree] = {}
        self._mounts: tuple[Mount, ...] = ()
        self._gaps = UnwatchedDirectories(walker, health)
        self._overflow = Overflow()
        self._clocks = Clocks()
        self._observe_at = self._retry_at = self._gaps_at = 0.0
        self._rescan_at: float | None = None
        self._asked: deque[str] = deque()
        self._doubted: list[tuple[float, str]] = []
        self._given_up: frozenset[str] = frozenset()
        self._started = False

    # --- what the watching thread calls

    def tick(self, now: float) -> None:
        """Look after everything; call it about every second (*now* is monotonic)."""
        self._look_after_clocks(now)
        self._look_after_mounts()
        self._look_after_doubted(now)
        self._look_after_observation(now)
        self._look_after_trees(now)
        self._look_after_overflow(now)
        self._look_after_gaps(now)
        self._poll(now)
        self._rescan(now)
        while self._asked:
            self.rescan(self._asked.popleft(), Source.WALK)
        self._look_after_canary(now)
        self._started = True

    def _is_elsewhere(self, path: str) -> bool:
        return bool(self.points) and point_of(path, self.points) != self._own

    def trees(self) -> list[str]:
        """The trees that are watched now."""
        return list(self._trees)

    def took(self, event: Event, now: float) -> bool:
        """Take in an event that concerns watching itself; whether it did."""
        if self._canary.path in (event.path, event.target):
            if self._canary.seen(now):
                self._health.repair("watch-silent")
            return True
        if event.kind is EventKind.OVERFLOW:
            self._note_overflow(now)
            return True
        if event.kind is EventKind.MISSED:
            self._watch_missed(event.path)
            return True
        if event.kind is EventKind.LOST:
            self._health.count("watch-lost")
            if len(self._doubted) >= _DOUBTED:
                self._note_overflow(now)
                return True
            self._watch_again(event.path, "watch-lost")
            self._doubted += [(now + pause, event.path) for pause in _DOUBT_SECONDS]
            return True
        return False

    def _note_overflow(self, now: float) -> None:
        self._health.count("overflows")
        self._overflow.note(now)
        self._canary.may_be_lost(now)
        hint = "Repairs itself. If it happens often, raise fs.inotify.max_queued_events with sysctl."
        self._health.degrade("watch-overflow", "more happened than could be taken in; walking everything", hint=hint)

    def _watch_missed(self, directory: str) -> None:
        """Watch from the topmost directory on whose making was not heard of, if that is why something was missed."""
        top = ""
        while enclosing(directory, self._trees) not in (None, directory) and not self._is_watching(directory):
            top, directory = directory, os.path.dirname(directory)  # noqa: PTH120 - no object is needed
        if top:
            self._health.incident("watch-lost", "a directory was not watched", path=top)
            self._watch_again(top, "watch-lost")

    def _is_watching(self, directory: str) -> bool:
        return self._observation is None or self._observation.is_watching(directory)

    def set_roots(self, roots: Sequence[Root]) -> None:
        """Watch these roots from the next tick on; what stays is not disturbed."""
        wanted = {root.wanted for root in roots}
        self._given_up = frozenset(root.path for root in self.roots if root.path and root.wanted not in wanted)
        self.roots = tuple(roots)

    def ask_for_walk(self, reason: str) -> None:
        """Have everything walked at the next tick; may be called by any thread."""
        self._asked.append(reason)

    def is_ready(self) -> bool:
        """Whether every root that exists is watched or polled, and an event has come round."""
        return self._started and (self._canary.is_proven or self._observation is None)

    @property
    def beat(self) -> float:
        """When watching a directory was last begun, in monotonic seconds; 0.0 if nothing is."""
        return 0.0 if (observation := self._observation) is None else observation.beat

    def stop(self) -> None:
        """Stop observing."""
        self._looker.stop()
        if self._observation is not None:
            self._observation.stop()
            self._observation = None

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
        self._observe_at = self._retry_at = self._gaps_at = now
        for tree in self._trees.values():
            tree.poll_at = now
        if self._rescan_at is not None:
            self._rescan_at -= jump.slept

    # --- the observation itself

    def _look_after_observation(self, now: float) -> None:
        ailing = None if self._observation is None else self._observation.ailing()
        if ailing is not None:
            self._health.incident("watch-died", ailing)
            self._abandon()
        if self._observation is None and now >= self._observe_at:
            self._observe(now)

    def _observe(self, now: float) -> None:
        try:
            self._observation = InotifyObserver(self._sink, on_error=self._on_error, elsewhere=self._elsewhere_to_watch)
        except OSError as error:
            self._observe_at = now + self.timing.retry
            hint = HINTS.get(error.errno or 0, "")
            self._health.degrade("watch-instances", f"inotify can't be used: {error.strerror}", hint=hint)
        else:
            self._health.repair("watch-instances")

    def _elsewhere_to_watch(self, directory: str) -> bool:
        return self._is_elsewhere(directory) and directory != os.path.dirname(self._canary.path)  # noqa: PTH120

    def _abandon(self) -> None:
        """Drop the observation; the next tick makes another, and walks everything again."""
        if self._observation is not None:
            self._observation.stop()
        self._observation = None
        self._trees.clear()
        self._canary.reset()

    def _on_error(self, error: Exception) -> None:
        self._health.count("watch-errors")
        del error  # `InotifyObserver.ailing` says it

    # --- the trees

    def _look_after_trees(self, now: float) -> None:
        present = self._resolve()
        tops = {path: present[path] for path in topmost(present)}
        for path in [path for path, tree in self._trees.items() if tops.get(path) != tree.identity]:
            here = path not in self._given_up and not self._is_elsewhere(path)
            self._detach(path, gone=here and path not in present)
        retry, self._retry_at = now >= self._retry_at, max(self._retry_at, now)
        for path, identity in tops.items():
            tree = self._trees.get(path)
            if tree is None:
                self._attach(path, identity, now)
            elif tree.watched and self._observation is not None and not self._observation.watches(path):
                self._health.incident("watch-lost", "the watch of a root was gone", path=path)
                self._detach(path, gone=False)
                self._attach(path, identity, now)
            elif not tree.watched and retry:
                self._try_to_watch(path, tree)
        if retry:
            self._retry_at = now + self.timing.retry
        self._describe_roots()

    def _resolve(self) -> dict[str, Identity]:
        """The roots that are there now, by their real path."""
        sights = self._looker.look(self.roots)
        present: dict[str, Identity] = {}
        for root in self.roots:
            sight = sights[root.wanted]
            self._tell(root, sight)
            if sight.error == errno.ETIMEDOUT:  # leave it as it was
                if root.path in self._trees:
                    present[root.path] = self._trees[root.path].identity
                continue
            root.tree, root.path = sight.tree, sight.path
            if sight.tree is not None and not self._is_elsewhere(sight.tree.path):
                present[sight.tree.path] = sight.tree.identity
        canary = self._canary.directory
        if canary is not None:
            present[canary] = self._canary.identity
        return present

    def _tell(self, root: Root, sight: Sight) -> None:
        """Report what a look at *root* came to."""
        error = sight.error
        root.reason = sight.reason or (os.strerror(error) if error not in (0, errno.ENOENT) else "")
        if error == errno.ETIMEDOUT:
            root.reason = "looking at it takes too long"
            hint = "Does its server answer? The other roots are watched meanwhile."
            self._health.degrade("watch-root-hangs", root.reason, subject=root.wanted, hint=hint)
            return
        self._health.repair("watch-root-hangs", subject=root.wanted)
        comes_and_goes = error == errno.ENOENT or (error == errno.ENOTDIR and root.label not in ASKED_FOR)
        if not error or comes_and_goes:
            self._health.repair("watch-root", subject=root.wanted)
        else:
            hint = sight.hint or HINTS.get(error, "")
            self._health.degrade("watch-root", root.reason, subject=root.wanted, hint=hint)

    def _attach(self, path: str, identity: Identity, now: float) -> None:
        tree = _Tree(identity, poll_at=now + self.timing.poll)
        self._trees[path] = tree
        self._try_to_watch(path, tree)
        if not tree.watched:
            self._ask_to_walk(path)

    def _try_to_watch(self, path: str, tree: _Tree) -> None:
        """Watch *tree*, and walk what no event told of before; else poll it."""
        if self._observation is None:
            tree.poll, tree.reason = True, "no inotify instance is left"
            return
        self._observe_tree(self._observation, path, tree)
        if tree.watched:
            mount = mount_of(path, self._mounts)
            tree.poll = mount is not None and mount.is_network
            tree.reason = f"network file system ({mount.kind})" if mount is not None and mount.is_network else ""
            self._ask_to_walk(path)

    def _ask_to_walk(self, path: str) -> None:
        reason = "poll" if path == self._canary.directory else "appeared" if self._started else "start"
        self._walker.request(WalkRequest(path, Source.WALK, reason))

    def _observe_tree(self, observation: InotifyObserver, path: str, tree: _Tree) -> None:
        try:
            observation.add(path)
            self._check_identity(observation, path, tree)
        except OSError as error:
            tree.poll, tree.reason = True, error.strerror or str(error)
            hint = HINTS.get(error.errno or 0, "")
            self._health.degrade("watch-refused", f"can't be watched: {tree.reason}", subject=path, hint=hint)
        else:
            tree.watched = True
            self._health.repair("watch-refused", subject=path)

    def _check_identity(self, observation: InotifyObserver, path: str, tree: _Tree) -> None:
        """Watch nothing else than what was found: inotify takes a path, and somebody may swap it for a link."""
        with Way(None, Links.NONE) as way:
            try:
                way.go(path)
                if way.identity == tree.identity:
                    return
            except OSError:
                observation.remove(path)
                raise
        observation.remove(path)
        raise OSError(errno.ESTALE, "it is being replaced")

    def _detach(self, path: str, *, gone: bool) -> None:
        del self._trees[path]
        if self._observation is not None:
            self._observation.remove(path)
        self._health.repair("watch-refused", subject=path)
        self._health.repair_all(unlistable.WHAT, where=lambda below: beneath(below, path))
        if gone and not any(beneath(path, other) for other in self._trees):
            self._health.incident("watch-root-gone", "a watched directory is gone; waiting for it", path=path)

    def _describe_roots(self) -> None:
        for root in self.roots:
            if root.path is not None and self._is_elsewhere(root.path):
                continue  # whoever looks after it describes it
            path = None if root.path is None else enclosing(root.path, self._trees)
            if path is None:
                root.state = RootState.WAITING
            else:
                tree = self._trees[path]
                root.state = RootState.WATCHED if tree.watched else RootState.POLLED
                root.reason = tree.reason

    # --- what is not announced

    def _look_after_overflow(self, now: float) -> None:
        """After lost events: first watch everything anew, then walk it, so that nothing falls between."""
        if self._overflow.is_due(now):
            self._health.count("overflow-walks")
            self._overflow.begin(self._trees, now)
            if self._observation is not None:
                self._observation.rebuild()
            self.rescan("overflow", Source.EVENT)
        elif self._overflow.is_over(self._walker.walked, self._walked_trees(), now):
            self._health.repair("watch-overflow")

    def _look_after_mounts(self) -> None:
        """Notice what was mounted over or unmounted from watched directories: the kernel tells only half of it."""
        before, self._mounts = self._mounts, read_mounts()
        self.points = network_points(self._mounts)
        if before and before != self._mounts:
            for mount in set(before) ^ set(self._mounts):
                if any(beneath(mount.point, tree) for tree in self._trees) and not self._is_elsewhere(mount.point):
                    self._watch_again(mount.point, "mounts-changed")

    def _look_after_doubted(self, now: float) -> None:
        """Watch anew, once more, where a watch was lost: a disk that went and came between two ticks looks the same."""
        due = {path for at, path in self._doubted if at <= now}
        self._doubted = [(at, path) for at, path in self._doubted if at > now]
        for path in due:
            if not self._is_elsewhere(path) and os.path.isdir(path):  # noqa: PTH112 - no object is needed
                self._watch_again(path, "watch-lost")

    def _watch_again(self, directory: str, reason: str) -> None:
        if self._observation is not None:
            self._observation.retry(directory)
        self._walker.request(WalkRequest(directory, Source.WALK, reason))

    def _look_after_gaps(self, now: float) -> None:
        if self._observation is not None and now >= self._gaps_at:
            self._gaps_at = now + self.timing.poll
            self._gaps.look_after(self._observation, list(self._trees))

    def _poll(self, now: float) -> None:
        for path, tree in self._trees.items():
            if tree.poll and now >= tree.poll_at:
                self._walker.request(WalkRequest(path, Source.WALK, "poll"))
                walked = self._walker.walked.get(path)
                took = 0.0 if walked is None else walked.seconds
                tree.poll_at = now + max(self.timing.poll, took * self.timing.poll_share)

    def _rescan(self, now: float) -> None:
        if not self.timing.rescan:
            return
        if self._rescan_at is None:
            self._rescan_at = now + self.timing.rescan
        if now >= self._rescan_at:
            self._rescan_at = now + self.timing.rescan
            self.rescan("rescan")

    def rescan(self, reason: str, source: Source = Source.RESCAN) -> None:
        """Have every tree walked."""
        for path in self._walked_trees():
            self._walker.request(WalkRequest(path, source, reason))

    def _walked_trees(self) -> list[str]:
        canary = os.path.dirname(self._canary.path)  # noqa: PTH120 - no object is needed
        return [path for path in self._trees if path != canary]

    # --- proof of life

    def _look_after_canary(self, now: float) -> None:
        if self._observation is None:
            return
        if self._canary.is_overdue(now):
            self._health.degrade("watch-silent", "a file of our own was not announced in time; watching anew")
            self._abandon()
        else:
            self._canary.sing(time.monotonic())  # this tick may have made watches for a long time
