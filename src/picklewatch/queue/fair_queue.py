"""Orders files so that a flood delays nobody else's. Pure.

Owners take turns, and within each owner's tree, at every level, the directories (and the files beside them), however
much lies in them. Within one directory the newest file goes first: it is what a user has just downloaded.
"""

from __future__ import annotations

from collections import OrderedDict
from itertools import islice
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection

Key = tuple[int, int]
"""Identifies a file: device and inode."""

_DEPTH: Final = 32
"""Levels of the tree that take turns; everything deeper counts as one directory."""
_LOOKED_AT: Final = 16


class _Branch:
    """A directory with something below it. Its own files are the leaf with an empty name."""

    __slots__ = ("children", "count")

    def __init__(self) -> None:
        self.children: OrderedDict[str, _Node] = OrderedDict()
        self.count = 0


_Leaf = OrderedDict[Key, None]
_Node = _Branch | _Leaf


class FairQueue:
    """Files that wait, by owner and directory. Beyond *capacity*, old files of the fullest directory are left out."""

    def __init__(self, capacity: int = 20_000) -> None:
        self._capacity = capacity
        self._top = _Branch()
        self._places: dict[Key, tuple[str, ...]] = {}

    def __len__(self) -> int:
        return len(self._places)

    def put(self, path: str, key: Key, owner: int = 0) -> None:
        """Add a file, as the newest of its directory."""
        self.drop(key)
        place = _place(path, owner)
        self._places[key] = place
        node = self._top
        for name in place[:-1]:
            node.count += 1
            child = node.children.setdefault(name, _Branch())
            assert isinstance(child, _Branch)
            node = child
        node.count += 1
        leaf = node.children.setdefault("", OrderedDict())
        assert isinstance(leaf, OrderedDict)
        leaf[key] = None
        if len(self._places) > self._capacity:
            self._leave_out(place)

    def has_other(self, owners: Collection[int]) -> bool:
        """Return True if a file of anybody but *owners* waits."""
        return any(int(name) not in owners for name in self._top.children)

    def pop(self, but: Collection[int] = ()) -> tuple[Key, int] | None:
        """Remove and return the file whose turn it is, with its owner; None if none waits but files of *but*."""
        name = next((name for name in self._top.children if int(name) not in but), None)
        if name is None:
            return None
        self._top.children.move_to_end(name)
        node = self._top.children[name]
        while isinstance(node, _Branch):
            name, child = next(iter(node.children.items()))
            node.children.move_to_end(name)
            node = child
        key = next(reversed(node))
        owner = int(self._places[key][0])
        self.drop(key)
        return key, owner

    def pop_beside(self, path: str, owner: int, most: int) -> list[Key]:
        """Remove and return up to *most* files of *owner* that wait in the directory of *path*, the newest first."""
        node: _Node | None = self._top
        for name in _place(path, owner):
            node = node.children.get(name) if isinstance(node, _Branch) else None
        keys = list(islice(reversed(node), most)) if isinstance(node, OrderedDict) else []
        for key in keys:
            self.drop(key)
        return keys

    def drop(self, key: Key) -> None:
        """Remove a file, if it is there."""
        place = self._places.pop(key, None)
        if place is None:
            return
        trail: list[tuple[_Branch, str]] = []
        node: _Node = self._top
        for name in place:
            assert isinstance(node, _Branch)
            node.count -= 1
            trail.append((node, name))
            node = node.children[name]
        assert isinstance(node, OrderedDict)
        del node[key]
        for branch, name in reversed(trail):
            if _size(branch.children[name]):
                break
            del branch.children[name]

    def _leave_out(self, place: tuple[str, ...]) -> None:
        """Remove an old file from as near to *place* as there is another one: whoever floods pays for it."""
        node: _Node = self._top
        fullest: _Node = node
        for name in place:
            assert isinstance(node, _Branch)
            node = node.children[name]
            if _size(node) > 1:
                fullest = node
        while isinstance(fullest, _Branch):
            fullest = max(islice(fullest.children.values(), _LOOKED_AT), key=_size)
        self.drop(next(iter(fullest)))


def _place(path: str, owner: int) -> tuple[str, ...]:
    return (str(owner), *path.split("/")[1:-1][:_DEPTH], "")


def _size(node: _Node) -> int:
    return node.count if isinstance(node, _Branch) else len(node)
