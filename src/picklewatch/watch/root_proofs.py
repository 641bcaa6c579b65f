"""Proof that every root's changes are announced, without writing anything: directories that changed, and no event came.

The canary (`picklewatch.watch.canary`) proves the way that all events take. This proves the watches: all directories of
all trees are looked at in turn, a few every two seconds. One that changed unannounced is listed: a file in it that
nobody has offered was missed (`WalkFinds`). One that has no watch gets it.
"""

from __future__ import annotations

import os
import time
from collections import Counter, OrderedDict
from typing import TYPE_CHECKING, Final

from picklewatch.core.candidate import Source
from picklewatch.watch.directory_walk import PROOF, WalkRequest, listed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from picklewatch.watch.directory_walk import DirectoryWalker
    from picklewatch.watch.timing import Timing

HOPELESS: Final = 3
"""After so many rounds in which changes of a tree were not announced, it is walked every few seconds."""
_BUDGET_SECONDS: Final = 0.0005
"""What looking may take in one go."""
_MARGIN_NS: Final = 1_000_000_000
_REMEMBERED: Final = 2_000


class RootProofs:
    """Looks at trees in turn. Used by one thread."""

    def __init__(self, walker: DirectoryWalker, timing: Timing) -> None:
        self._walker, self._pause = walker, timing.proof
        self._age_ns = int(timing.proof_age * 1e9)
        self._announced: OrderedDict[str, int] = OrderedDict()
        self._since: dict[str, int] = {}
        self._doubts: Counter[str] = Counter()
        self._doubted: set[str] = set()
        self._round: Iterator[str] | None = None
        self._next_at = 0.0

    def announced(self, path: str) -> None:
        """Note that something was announced at *path*: its directory is proven."""
        directory = path.rpartition("/")[0]
        self._announced[directory] = time.time_ns()
        self._announced.move_to_end(directory)
        if len(self._announced) > _REMEMBERED:
            self._announced.popitem(last=False)

    def doubts(self, tree: str) -> int:
        """Count that changes of *tree* were not announced.

        Return in how many rounds that was so by now; 0 if it is known in this one.
        """
        if tree in self._doubted:
            return 0
        self._doubted.add(tree)
        self._doubts[tree] += 1
        return self._doubts[tree]

    def look(self, now: float, trees: Iterable[str], is_watching: Callable[[str], bool]) -> list[str]:
        """Go on looking at *trees*.

        Return the directories that were there for a while and of which none *is_watching*.
        """
        if self._round is None:
            if now < self._next_at:
                return []
            self._next_at = now + self._pause
            self._begin_round(tuple(trees))
        unwatched: list[str] = []
        end = time.perf_counter() + _BUDGET_SECONDS
        for directory in self._round or ():
            if not is_watching(directory):
                unwatched.append(directory)
            if time.perf_counter() >= end:
                return unwatched
        self._round = None
        return unwatched

    def _begin_round(self, trees: tuple[str, ...]) -> None:
        self._since = {tree: self._since.get(tree, time.time_ns()) for tree in trees}
        self._doubts = Counter({tree: number for tree, number in self._doubts.items() if tree in self._since})
        self._doubted.clear()
        self._round = self._directories(trees)

    def _directories(self, trees: tuple[str, ...]) -> Iterator[str]:
        """Look at every directory of *trees*; yield those whose watches must be there by now."""
        for tree in trees:
            began, waiting = time.time_ns(), [tree]
            while waiting:
                directory = waiting.pop()
                changed, below = _look_at(directory)
                waiting += below
                if changed < time.time_ns() - self._age_ns:  # what is younger is looked at in the next round
                    self._compare(directory, changed, self._since[tree])
                    yield directory
            self._since[tree] = began - self._age_ns

    def _compare(self, directory: str, changed: int, since: int) -> None:
        """Have *directory* listed if it *changed* in this round, and no event came."""
        if changed >= since - _MARGIN_NS and self._announced.get(directory, 0) < changed - _MARGIN_NS:
            self._walker.request(WalkRequest(directory, Source.RESCAN, PROOF, deep=False))


def _look_at(directory: str) -> tuple[int, list[str]]:
    """Return when *directory* changed, in nanoseconds, and the directories in it.

    Its time of change is nobody's to set. One that is gone, or not to be listed, is reported by the walks.
    """
    try:
        with listed(directory) as (fd, entries):
            top = directory.rstrip("/")
            below = [f"{top}/{entry.name}" for entry in entries if entry.is_dir(follow_symlinks=False)]
            return os.fstat(fd).st_ctime_ns, below
    except OSError:
        return time.time_ns(), []
