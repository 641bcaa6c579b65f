"""Links to directories that are met in watched trees: what each leads to is a root of its own.

People put a cache on another disk and leave a link in its place, at any level. The link is looked at like any root,
with the rights of its owner (`picklewatch.access.following`), so it may turn, break and be mended at any time. It
counts as long as it lies in a tree that a root of the plan leads to, by way of other links or not: links that lead to
each other keep nobody watching.
"""

from __future__ import annotations

import os
import stat
import threading
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from picklewatch.access.rights import is_privileged, user_of
from picklewatch.watch.roots import EXCLUDED, Root

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from picklewatch.telemetry.health import Health


MOST_FOLLOWED: Final = 200
"""Links of one user that may be roots at once."""
_MOST_KEPT: Final = 2_000
"""Links of one user that are remembered: those that lead into watched trees need no root while these are there."""
MOST_NOTED: Final = 10_000
"""Links of one user that may wait to be taken in."""
_PROBLEM: Final = "watch-links"
_SUFFIX: Final = ", by a link"
_UNKNOWN: Final = -1


@dataclass(slots=True)
class _Link:
    """One link, as it was when it was met."""

    path: str
    target: str = ""
    """Its real target; empty if that is not known."""
    uid: int = _UNKNOWN
    """Its owner."""
    root: Root | None = None


class LinkedDirectories:
    """Any thread may `note` a link; one thread asks for the `roots`.

    Links at, or to, what *is_excluded* are not followed.
    """

    def __init__(self, is_excluded: Callable[[str], bool]) -> None:
        self.left_out: frozenset[str] = frozenset()
        """The users who have more links than are followed; empty text for more than could be taken in at once."""
        self.excluded: tuple[Root, ...] = ()
        """The links that lead to what is excluded, and would be followed but for that."""
        self._is_excluded = is_excluded
        self._has_lost = False
        self._lock = threading.Lock()
        self._noted: dict[str, _Link] = {}
        self._waiting: Counter[int] = Counter()
        self._links: dict[str, _Link] = {}
        self._seen: list[object] = []
        self._roots: tuple[Root, ...] = ()
        self._over: list[str] = []

    def configure(self, is_excluded: Callable[[str], bool]) -> None:
        """From now on leave out the paths that *is_excluded*."""
        self._is_excluded = is_excluded
        self._seen = []

    def note(self, path: str) -> None:
        """Note that *path* was met in a watched tree, and that no file is there: perhaps it is a link to a directory.

        One that leads to nothing is kept, too: its disk may be mounted later.
        """
        try:
            status = os.lstat(path)
            if not stat.S_ISLNK(status.st_mode) or not _may_lead_to_directory(path):
                return
            target = os.path.realpath(path)
        except (OSError, ValueError):
            return
        self._put(_Link(path, target, status.st_uid))

    def remember(self, links: Iterable[tuple[str, int]]) -> None:
        """Take links that were `followed` in an earlier run, without a look: their server may not answer."""
        for path, uid in links:
            self._put(_Link(path, uid=uid))

    def followed(self) -> list[tuple[str, int]]:
        """Return the links that are roots now, each with its owner."""
        return [(path, link.uid) for path, link in self._links.items() if link.root is not None]

    def _put(self, link: _Link) -> None:
        with self._lock:
            is_new = link.path not in self._noted
            if not is_new or self._waiting[link.uid] < MOST_NOTED:
                self._noted[link.path] = link
                self._waiting[link.uid] += is_new
            else:
                self._has_lost = True

    @property
    def has_news(self) -> bool:
        """Return True if links were noted that `roots` has not taken in."""
        return bool(self._noted)

    def over(self) -> list[str]:
        """Return the links that lead to no directory any more, once: they may lead to files by now."""
        over, self._over = self._over, []
        return over

    def roots(self, base: Sequence[Root]) -> tuple[Root, ...]:
        """Return the roots that links lead to from the trees of *base* on; the same objects as long as they stay."""
        with self._lock:
            noted, self._noted = self._noted, {}
            self._waiting.clear()
        seen: list[object] = [root.tree for root in base]
        seen += [(root.tree, root.is_over) for root in self._roots]
        if not noted and seen == self._seen:
            return self._roots
        self._take_in(noted)
        self._drop_over()
        self._follow(base)
        self._seen = [root.tree for root in base] + [(root.tree, root.is_over) for root in self._roots]
        return self._roots

    def _take_in(self, noted: dict[str, _Link]) -> None:
        """Merge what was noted; a link that was met again keeps its root, which is looked at anew."""
        for path, link in noted.items():
            known = self._links.get(path)
            if known is not None:
                link.root = known.root
            self._links[path] = link

    def _drop_over(self) -> None:
        for path in [path for path, link in self._links.items() if link.root is not None and link.root.is_over]:
            del self._links[path]
            self._over.append(path)

    # --- what is reached

    def _follow(self, base: Sequence[Root]) -> None:
        """Find what is reached from *base*: a link in a tree, what it leads to, the links in that, and so on."""
        trees = _Trees(base)
        reached: dict[str, _Link] = {}
        followed: Counter[int] = Counter()
        kept: Counter[int] = Counter()
        excluded: list[Root] = []
        waiting = list(self._links.values())
        while ready := [(link, holder) for link in waiting if (holder := trees.holder(link)) is not None]:
            waiting = [link for link in waiting if trees.holder(link) is None]
            for link, holder in ready:
                is_root = self._settle(link, holder, trees, followed)
                kept[link.uid] += 1
                if is_root or kept[link.uid] <= _MOST_KEPT:
                    reached[link.path] = link
                    if self._leads_to_excluded(link):
                        excluded.append(Root(link.path, _label(holder), reason=EXCLUDED))
                if is_root and link.root is not None:
                    trees.add(link.root)
        self._links = reached
        self._roots = tuple(link.root for link in reached.values() if link.root is not None)
        self.excluded = tuple(excluded)
        many = {str(user_of(uid)) for uid, number in followed.items() if number > MOST_FOLLOWED}
        self.left_out = frozenset({*many, *([""] if self._has_lost else [])})

    def _settle(self, link: _Link, holder: Root, trees: _Trees, followed: Counter[int]) -> bool:
        """Give *link*, which lies in *holder*, a root if it needs one; return True if it has one."""
        asker = asker_of(holder)
        is_wanted = not self._needs_no_root(link, asker, trees)
        followed[link.uid] += is_wanted
        if not is_wanted or followed[link.uid] > MOST_FOLLOWED:
            link.root = None
            return False
        label = _label(holder)
        if link.root is None or link.root.plan != (link.path, label, asker):
            link.root = Root(link.path, label, user=asker, is_link=True)
        return True

    def _needs_no_root(self, link: _Link, asker: int | None, trees: _Trees) -> bool:
        """Return True if *link* is excluded, or leads to what is, or to what is watched anyway."""
        is_excluded = self._is_excluded(link.path) or self._leads_to_excluded(link)
        return is_excluded or trees.covers(_target(link), _owner_behind(link, asker), own_only=asker is None)

    def _leads_to_excluded(self, link: _Link) -> bool:
        """Return True if what *link* leads to is excluded, and not the link itself: whoever excludes that knows it."""
        target = _target(link)
        return target != "" and self._is_excluded(target) and not self._is_excluded(link.path)


def _target(link: _Link) -> str:
    return link.target or (link.root.path if link.root is not None else None) or ""


def _label(holder: Root) -> str:
    return holder.label if holder.label.endswith(_SUFFIX) else f"{holder.label}{_SUFFIX}"


class _Trees:
    """The trees that are reached, by their real paths."""

    def __init__(self, base: Iterable[Root]) -> None:
        self._at: dict[str, list[Root]] = {}
        for root in base:
            self.add(root)

    def add(self, root: Root) -> None:
        """Add the tree that *root* leads to, if there is one."""
        if root.tree is not None and not root.is_over:
            self._at.setdefault(root.tree.path, []).append(root)

    def holder(self, link: _Link) -> Root | None:
        """Return the root in whose tree *link* lies: that of its owner, or else the innermost."""
        first: Root | None = None
        for root in self._holding(os.path.dirname(link.path)):  # noqa: PTH120 - no object is needed
            if asker_of(root) == link.uid:
                return root
            first = first or root
        return first

    def covers(self, target: str, owner: int, *, own_only: bool) -> bool:
        """Return True if what *owner* may have moved at *target*, perhaps only their own, may be moved anyway."""
        trees = [root.tree for root in self._holding(target) if root.tree is not None] if target else []
        return any(tree.owner is None or (tree.owner == owner and tree.own_only <= own_only) for tree in trees)

    def _holding(self, path: str) -> Iterator[Root]:
        while True:
            yield from self._at.get(path, ())
            parent = os.path.dirname(path)  # noqa: PTH120
            if parent == path:
                return
            path = parent


def asker_of(root: Root) -> int | None:
    """Return the user whose links, and no other's, count in the tree of *root*; None for each in directories of theirs.

    None below what the configuration names, and below the administrator's links in there.
    """
    if root.user is not None:
        return root.user
    return None if root.tree is None else root.tree.owner or None


def report_left_out(left_out: frozenset[str], health: Health) -> None:
    """Report the links that are not followed because there are too many."""
    for user in left_out:
        reason = f"more than {MOST_FOLLOWED} links of one user lead to other directories; the others are not followed"
        hint = "Name the directories that they lead to, or one above them, in watch.roots."
        if not user:
            reason = "more links of one user were found at once than can be taken in; some of theirs are not followed"
            hint = "Restart picklewatch: everything is walked again."
        health.degrade(_PROBLEM, reason, subject=user, hint=hint)
    health.repair_all(_PROBLEM, but=left_out)


def _owner_behind(link: _Link, asker: int | None) -> int:
    """Return whose files might be moved if *link* were a root."""
    if not is_privileged():
        return os.geteuid()
    return link.uid if asker is None else asker


def _may_lead_to_directory(path: str) -> bool:
    """Return True if a directory is behind *path*, or nothing that can be seen now."""
    try:
        return stat.S_ISDIR(os.stat(path).st_mode)  # noqa: PTH116
    except OSError:
        return True
