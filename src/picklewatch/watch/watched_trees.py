"""The real directories behind the roots: found, watched by inotify where possible, polled where not."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from picklewatch.access.paths import beneath
from picklewatch.core.candidate import Source
from picklewatch.telemetry.root_state import RootState
from picklewatch.watch.directory_walk import WalkRequest
from picklewatch.watch.inotify_observer import InotifyObserver
from picklewatch.watch.retry_book import RetryBook
from picklewatch.watch.root_looks import RootLooks
from picklewatch.watch.roots import HINTS, enclosing, report, topmost
from picklewatch.watch.unwatched_directories import UnwatchedDirectories

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from picklewatch.access.following import Identity
    from picklewatch.telemetry.health import Health
    from picklewatch.watch.canary import Canary
    from picklewatch.watch.directory_walk import DirectoryWalker
    from picklewatch.watch.events import Event
    from picklewatch.watch.hidden_directories import HiddenDirectories
    from picklewatch.watch.mounts import MountTable
    from picklewatch.watch.roots import Root
    from picklewatch.watch.timing import Timing


@dataclass(slots=True)
class _WatchedTree:
    """A real directory that is watched or polled; it may be several roots, and lies in no other."""

    identity: Identity
    watched: bool = False
    poll: bool = False
    reason: str = ""
    poll_at: float = 0.0


class WatchedTrees:
    """Watches the trees that the roots lead to. Used by one thread; `roots` may be read by any.

    Leaves out what lies on other file systems than *mounts* is for. The directory of the *canary* is a tree, too.
    """

    def __init__(  # noqa: PLR0913 - what the watching thread works with
        self,
        walker: DirectoryWalker,
        health: Health,
        *,
        canary: Canary,
        sink: Callable[[Event], None],
        mounts: MountTable,
        hidden: HiddenDirectories,
        timing: Timing,
    ) -> None:
        self.roots: tuple[Root, ...] = ()
        self.observer: InotifyObserver | None = None
        """None while no inotify instance is left: then everything is polled."""
        self.changes = 0
        """Grows whenever `roots`, or what is said of them, may have changed."""
        self.is_started = False
        """True once every root was looked at."""
        self._walker, self._health, self._canary, self._sink = walker, health, canary, sink
        self._mounts, self._hidden, self._timing = mounts, hidden, timing
        self.looks = RootLooks(mounts)
        self._polled: dict[str, _WatchedTree] = {}
        self._announced: list[str] = []
        self._present: dict[str, Identity] = {}
        self._canary_identity: Identity | None = None
        self._is_stale = True
        self._trees: dict[str, _WatchedTree] = {}
        self._unwatched = RetryBook[int](seconds=timing.poll)
        self._retries = UnwatchedDirectories(self._unwatched, walker, health)
        self._observe_at = self._retry_at = 0.0
        self._given_up: frozenset[str] = frozenset()

    # --- what is watched

    def set_roots(self, roots: Sequence[Root]) -> None:
        """Watch these roots from the next look on; what stays is not disturbed."""
        wanted = {root.wanted for root in roots}
        self._given_up = frozenset(root.path for root in self.roots if root.path and root.wanted not in wanted)
        self.roots = tuple(roots)

    @property
    def is_at_rest(self) -> bool:
        """Return True if everything is watched, and all that concerns it is announced."""
        is_complete = self.observer is not None and self._unwatched.is_empty and not self._polled
        return is_complete and self.is_started and not self._is_stale and self.looks.is_settled

    def paths(self) -> list[str]:
        """Return the trees that are watched now."""
        return list(self._trees)

    def walked_paths(self) -> list[str]:
        """Return those of them that may have models in them."""
        canary = self._canary_directory
        return [path for path in self._trees if path != canary]

    def announced_paths(self) -> list[str]:
        """Return those of them whose changes are announced, as far as is known."""
        return self._announced

    def watch_missed(self, directory: str) -> None:
        """Watch the topmost directory above *directory* whose creation was never announced, if there is one."""
        top = ""
        while enclosing(directory, self._trees) not in (None, directory) and not self._is_watching(directory):
            top, directory = directory, os.path.dirname(directory)  # noqa: PTH120 - no object is needed
        if top:
            self._health.incident("watch-lost", "a directory was not watched", path=top)
            self.watch_again(top, "watch-lost")

    def distrust(self, directory: str) -> None:
        """From now on walk the tree of *directory* every few seconds: its changes are not always announced."""
        path = enclosing(directory, self._trees)
        if path is not None:
            tree = self._trees[path]
            tree.poll, tree.reason, self._is_stale = True, "its changes are not always announced", True

    def is_watching(self, directory: str) -> bool:
        """Return True if *directory* has a watch, or everything is walked for want of one."""
        return self.observer is None or self.observer.is_watching(directory) or bool(self._unwatched.states())

    def watch_again(self, directory: str, reason: str) -> None:
        """Watch *directory* and all below it anew, and walk it for *reason*."""
        if self.observer is not None:
            self.observer.retry(directory)
        self._walker.request(WalkRequest(directory, Source.WALK, reason))

    def _is_watching(self, directory: str) -> bool:
        return self.observer is None or self.observer.is_watching(directory)

    @property
    def _canary_directory(self) -> str:
        return os.path.dirname(self._canary.path)  # noqa: PTH120 - no object is needed

    # --- what is done every second

    def look_after(self, now: float) -> None:
        """Replace a dead observer; watch what appeared, and stop watching what is gone."""
        failure = None if self.observer is None else self.observer.failure()
        if failure is not None:
            self._health.incident("watch-died", failure)
            self.abandon()
        if self.observer is None and now >= self._observe_at:
            self._observe(now)
        self._look_after_trees(now)

    def look_after_gaps(self, now: float) -> None:
        """Try again to watch directories inside the trees that could not be watched."""
        if self.observer is not None:
            self._retries.look_after(self.observer, self._trees, now)

    def poll(self, now: float) -> None:
        """Walk what is not announced."""
        for path, tree in self._polled.items():
            if now >= tree.poll_at:
                self._walker.request(WalkRequest(path, Source.WALK, "poll"))
                walked = self._walker.walked.get(path)
                took = 0.0 if walked is None else walked.seconds
                tree.poll_at = now + max(self._timing.poll, took * self._timing.poll_share)

    def hurry(self, now: float) -> None:
        """Try at once what could not be done, and poll: the machine has slept."""
        self._observe_at = self._retry_at = now
        self.looks.look_at_all()
        self._unwatched.hurry()
        for tree in self._trees.values():
            tree.poll_at = now

    def abandon(self) -> None:
        """Drop the observer; the next look makes another, and walks everything again."""
        self.stop()
        self._trees.clear()
        self._is_stale = True
        self._unwatched.strike_below("/")
        self._canary.reset()

    def stop(self) -> None:
        """Stop observing."""
        if self.observer is not None:
            self.observer.stop()
            self.observer = None
            self.looks.use(None)

    def look_again(self, point: str | None = None) -> None:
        """Look at every root next time, or only at those that a mount at *point* may concern."""
        self._is_stale = True
        if point is None:
            self.looks.look_at_all()
        else:
            self.looks.look_below(point)

    # --- the observer

    def _observe(self, now: float) -> None:
        try:
            self.observer = InotifyObserver(
                self._sink,
                on_error=self._on_error,
                is_elsewhere=self._is_elsewhere_to_watch,
                unwatched=self._unwatched,
            )
        except OSError as error:
            self._observe_at = now + self._timing.retry
            hint = HINTS.get(error.errno or 0, "")
            self._health.degrade("watch-instances", f"inotify can't be used: {error.strerror}", hint=hint)
        else:
            self.looks.use(self.observer.lookups)
            self._health.repair("watch-instances")

    def _is_elsewhere_to_watch(self, directory: str) -> bool:
        return self._mounts.is_elsewhere(directory) and directory != self._canary_directory

    def _on_error(self, error: Exception) -> None:
        self._health.count("watch-errors")
        del error  # `InotifyObserver.failure` reports it

    # --- the trees

    def _look_after_trees(self, now: float) -> None:
        lost = () if self.observer is None else self.observer.lost()
        retry, self._retry_at = now >= self._retry_at, max(self._retry_at, now)
        if retry:
            self._retry_at = now + self._timing.retry
            self._is_stale |= not all(tree.watched for tree in self._trees.values())
        self._resolve(now)
        if self._is_stale or lost:
            self._is_stale = False
            self._match(lost, now, retry=retry)
            self._polled = {path: tree for path, tree in self._trees.items() if tree.poll}
            self._announced = [path for path in self.walked_paths() if path not in self._polled]
            for root in self.roots:
                self._describe(root)
            self.changes += 1

    def _match(self, lost: Collection[str], now: float, *, retry: bool) -> None:
        """Watch what is present, and nothing else."""
        present = self._present
        tops = {path: present[path] for path in topmost(present)}
        for path in [path for path, tree in self._trees.items() if tops.get(path) != tree.identity]:
            here = path not in self._given_up and not self._mounts.is_elsewhere(path)
            self._detach(path, gone=here and path not in present)
        for path, identity in tops.items():
            tree = self._trees.get(path)
            if tree is None:
                self._attach(path, identity, now)
            elif path in lost:
                self._health.incident("watch-lost", "the watch of a root was gone", path=path)
                self._detach(path, gone=False)
                self._attach(path, identity, now)
            elif not tree.watched and retry:
                self._try_to_watch(path, tree)

    def _resolve(self, now: float) -> None:
        """Find the roots that may lead elsewhere by now, and with them what is `_present`."""
        roots = self.roots
        canary, former = self._canary.directory, self._canary_identity
        self._canary_identity = None if canary is None else self._canary.identity
        self._is_stale |= self._canary_identity != former
        if self.looks.roots is not roots:
            self._is_stale = True
            wanted = {root.wanted for root in roots}
            for what in ("watch-root", "watch-root-hangs"):  # links in roots come and go
                self._health.repair_all(what, but=wanted)
        for root, sight in self.looks.look(roots, now):
            before = root.state, root.reason, root.is_over
            report(root, sight, self._health)
            if sight.error != errno.ETIMEDOUT:  # leave it as it was
                self._is_stale |= root.tree != sight.tree
                root.tree, root.path = sight.tree, sight.path
            self._describe(root)
            self.changes += (root.state, root.reason, root.is_over) != before
        if self._is_stale:
            trees = [root.tree for root in roots if root.tree is not None]
            self._present = {tree.path: tree.identity for tree in trees if not self._mounts.is_elsewhere(tree.path)}
            if canary is not None and self._canary_identity is not None:
                self._present[canary] = self._canary_identity

    def _attach(self, path: str, identity: Identity, now: float) -> None:
        tree = _WatchedTree(identity, poll_at=now + self._timing.poll)
        self._trees[path] = tree
        self._try_to_watch(path, tree)
        if not tree.watched:
            self._ask_to_walk(path)

    def _try_to_watch(self, path: str, tree: _WatchedTree) -> None:
        """Watch *tree*, and walk what was in it before; poll it if it can't be watched."""
        if self.observer is None:
            tree.poll, tree.reason = True, "no inotify instance is left"
            return
        self._observe_tree(self.observer, path, tree)
        if tree.watched:
            mount = self._mounts.mount_of(path)
            tree.poll = mount is not None and mount.is_network
            tree.reason = f"network file system ({mount.kind})" if mount is not None and mount.is_network else ""
            self._ask_to_walk(path)

    def _ask_to_walk(self, path: str) -> None:
        reason = "poll" if path == self._canary.directory else "appeared" if self.is_started else "start"
        self._walker.request(WalkRequest(path, Source.WALK, reason))

    def _observe_tree(self, observer: InotifyObserver, path: str, tree: _WatchedTree) -> None:
        try:
            observer.add(path)
            observer.check_identity(path, tree.identity)
        except OSError as error:
            tree.poll, tree.reason = True, error.strerror or str(error)
            hint = HINTS.get(error.errno or 0, "")
            self._health.degrade("watch-refused", f"can't be watched: {tree.reason}", subject=path, hint=hint)
        else:
            tree.watched = True
            self._health.repair("watch-refused", subject=path)

    def _detach(self, path: str, *, gone: bool) -> None:
        del self._trees[path]
        if self.observer is not None:
            self.observer.remove(path)
        self._health.repair("watch-refused", subject=path)
        self._hidden.forget_below(path)
        if gone and not any(beneath(path, other) for other in self._trees):
            self._health.incident("watch-root-gone", "a watched directory is gone; waiting for it", path=path)

    def _describe(self, root: Root) -> None:
        if root.path is not None and self._mounts.is_elsewhere(root.path):
            return  # the threads that watch it describe it
        path = None if root.path is None else enclosing(root.path, self._trees)
        if path is None:
            root.state = RootState.WAITING
        else:
            tree = self._trees[path]
            root.state = RootState.WATCHED if tree.watched else RootState.POLLED
            root.reason = tree.reason
