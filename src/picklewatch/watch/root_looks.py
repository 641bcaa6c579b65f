"""Decides each second which roots are looked at: those of which something was announced, and those that stay silent."""

from __future__ import annotations

import contextlib
import errno
import threading
from itertools import islice
from typing import TYPE_CHECKING, Final

from picklewatch.access.paths import beneath
from picklewatch.access.people import DATABASE
from picklewatch.access.rights import REMEMBERED_SECONDS
from picklewatch.watch.roots import RootFinder, Sight

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from picklewatch.access.following import Lookup
    from picklewatch.watch.lookup_watches import LookupWatches, WatchedName
    from picklewatch.watch.mounts import MountTable
    from picklewatch.watch.roots import Root

_SILENT_AT_ONCE: Final = 200
"""Roots of which nothing is announced that are looked at in one second, in turn."""
_ROUND_SECONDS: Final = 4 * 3600.0
"""Every root is looked at this often whatever is announced: the user database says who may do what, and is silent."""

_ROUND_PARTS: Final = 100
"""Another thread is woken for so many roots of that round at once: a hundredth of them."""


class RootLooks:
    """Looks at roots when it may be worth it. Used by one thread.

    Of a path that leads over a file system of the network, or through directories that can't be watched, nothing is
    announced: such a root is looked at every second.
    """

    def __init__(self, mounts: MountTable) -> None:
        self._mounts = mounts
        self._finder = RootFinder()
        self._lookups: LookupWatches | None = None
        self.roots: tuple[Root, ...] = ()
        """The roots of the last `look`."""
        self._roots: dict[str, list[Root]] = {}
        self._due: set[str] = set()
        self._silent: dict[str, None] = {}
        self._linked: set[str] = set()
        self._round: Iterator[str] = iter(())
        self._round_share = 0.0
        self._looked_at = 0.0
        self.places: tuple[Lookup, ...] = ()
        """Directories in which people may come or go, and names; any thread may set it."""
        self.people_announced = threading.Event()
        """Set when something changed in `places`."""
        self._places: tuple[Lookup, ...] = ()
        self._rights_at: float | None = None

    @property
    def is_settled(self) -> bool:
        """Return True if there is nothing to look at until something is announced."""
        return not self._due and not self._silent

    def use(self, lookups: LookupWatches | None) -> None:
        """Let *lookups* announce from now on; None for nobody."""
        if lookups is not self._lookups:
            self._lookups, self._places = lookups, ()
            self.look_at_all()
            self.people_announced.set()

    def look_at_all(self) -> None:
        """Have every root looked at next time: what was announced is lost."""
        self._due |= self._roots.keys()

    def look_below(self, point: str) -> None:
        """Have the roots looked at that something mounted at *point*, or unmounted, may hide or show."""
        self._due |= {path for path in self._roots if path in self._linked or beneath(path, point)}

    def look(self, roots: tuple[Root, ...], now: float) -> list[tuple[Root, Sight]]:
        """Look at those of *roots* that may lead elsewhere now; *now* is monotonic."""
        if roots is not self.roots:
            self._adopt(roots)
        due = self._take_due(now)
        sights = self._finder.look([self._roots[path][0] for path in due]) if due else {}
        self._follow(sights)
        return [(root, sight) for path, sight in sights.items() for root in self._roots[path]]

    def stop(self) -> None:
        """End the thread that looks."""
        self._finder.stop()

    def _adopt(self, roots: tuple[Root, ...]) -> None:
        former, known = self._roots, {id(root) for root in self.roots}
        self.roots, self._roots = roots, {}
        for root in roots:
            self._roots.setdefault(root.wanted, []).append(root)
        for path in former.keys() - self._roots.keys():
            self._be_silent(path)
            self._silent.pop(path, None)
            self._linked.discard(path)
        self._due = {path for path in self._due if path in self._roots}
        new = {root.wanted: root for root in roots if id(root) not in known}
        self._due |= new.keys()
        self._follow({path: Sight(root.tree) for path, root in new.items() if root.lookups})  # as it was last found

    def _take_due(self, now: float) -> set[str]:
        due, self._due = self._due, set()
        if self._lookups is not None:
            self._follow_places(self._lookups)
            announced = self._lookups.announced()
            due |= announced & self._roots.keys()
            self._take_places(announced, now)
        if self._rights_at is not None and now >= self._rights_at:
            self._rights_at = None
            due |= self._roots.keys()
        due.update(islice(self._silent, _SILENT_AT_ONCE))
        self._round_share += len(self._roots) * min(1.0, (now - self._looked_at) / _ROUND_SECONDS)
        self._looked_at = now
        if self._roots and self._round_share >= max(1, len(self._roots) // _ROUND_PARTS):
            number = int(self._round_share)
            due |= self._roots.keys() & self._take_turn(number)
            self._round_share -= number
        return due

    def _take_turn(self, number: int) -> set[str]:
        """Return the next *number* roots of the round, and of the one after it if there are no more."""
        turn = set(islice(self._round, number))
        if len(turn) < number:
            self._round = iter(tuple(self._roots))
            turn.update(islice(self._round, number - len(turn)))
        return turn

    def _follow_places(self, lookups: LookupWatches) -> None:
        places = self.places
        if places is self._places:
            return
        for directory, name in set(self._places) - set(places):
            lookups.forget(_place_key(directory, name))
        for directory, name in places if self._mounts.is_local else ():
            if not self._mounts.is_elsewhere(directory):
                with contextlib.suppress(OSError):  # not there, or closed: people are looked for every few minutes, too
                    lookups.follow(_place_key(directory, name), [(directory, name)], {})
        self._places = places

    def _take_places(self, announced: set[str], now: float) -> None:
        keys = {_place_key(directory, name) for directory, name in self._places}
        if announced.isdisjoint(keys):
            return
        self.people_announced.set()
        if not announced.isdisjoint(_place_key(DATABASE[0], name) for name in DATABASE[1]):
            self._rights_at = now + REMEMBERED_SECONDS  # from then on the new groups are known

    def _follow(self, sights: dict[str, Sight]) -> None:
        """Have it announced when what was seen may have changed."""
        watched: dict[Lookup, WatchedName] = {}
        for path, sight in sights.items():
            root = self._roots[path][0]
            if sight.error == errno.ETIMEDOUT:
                self._be_silent(path)
                continue
            lookups, root.lookups = root.lookups, []
            is_straight = all(beneath(path, directory) for directory, _ in lookups)
            (self._linked.discard if is_straight else self._linked.add)(path)
            if self._lookups is None or not self._are_local(lookups):
                self._be_silent(path)
                continue
            try:
                if not self._lookups.follow(path, lookups, watched):
                    self._due.add(path)
            except (FileNotFoundError, NotADirectoryError):  # gone since it was looked at
                self._due.add(path)
            except OSError:
                self._be_silent(path)
            else:
                self._silent.pop(path, None)

    def _are_local(self, lookups: Iterable[Lookup]) -> bool:
        """Return True if only this machine changes the directories of *lookups*."""
        return self._mounts.is_local and not any(self._mounts.is_elsewhere(directory) for directory, _ in lookups)

    def _be_silent(self, path: str) -> None:
        self._silent.pop(path, None)
        self._silent[path] = None
        if self._lookups is not None:
            self._lookups.forget(path)


def _place_key(directory: str, name: str) -> str:
    """Return a key that no root has: these begin with a slash."""
    return f"people:{directory}/{name}"
