"""The places of a tree where another value may be put."""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from oracle.trees import LEAVES, OBJECTS, Kind, Node

if TYPE_CHECKING:
    from collections.abc import Iterator


class Role(StrEnum):
    """Places of a value in the one that holds it."""

    VALUE = "value"
    """Of a dictionary: mostly an attribute."""
    KEY = "key"
    MEMBER = "member"
    """Of a set."""
    ELEMENT = "element"
    """Of a list or tuple, an argument among them."""
    CALLEE = "callee"
    ARGUMENTS = "arguments"
    """All of them, a tuple."""
    STATE = "state"


@dataclass(slots=True)
class Place:
    """One element of one list of nodes."""

    path: str
    """How a person finds it: ``<Adam>.param_groups[0].lr``."""
    role: Role
    holder: list[Node]
    index: int

    @property
    def node(self) -> Node:
        """Return what is there."""
        return self.holder[self.index]

    @contextmanager
    def holding(self, value: Node) -> Iterator[None]:
        """Put *value* there for as long as the block runs."""
        before, self.holder[self.index] = self.node, value
        try:
            yield
        finally:
            self.holder[self.index] = before

    @property
    def attribute(self) -> str:
        """Return the last part of the path, which an object's attribute is known by."""
        return self.path.rpartition(".")[2].partition("[")[0].partition("#")[0]


def places(root: Node) -> list[Place]:
    """Return every place of *root*, those of a node that is shared once, callers before what they hold."""
    found: list[Place] = []
    seen: set[int] = set()
    waiting = deque([(root, "")])
    while waiting:
        node, path = waiting.popleft()
        if id(node) in seen:
            continue
        seen.add(id(node))
        below = list(_places_of(node, path))
        found += below
        waiting += [(place.node, place.path) for place in below if place.node.kind not in LEAVES]
    return found


def objects(root: Node, found: list[Place]) -> list[tuple[str, Node]]:
    """Return the path and the node of every object in *root*, its own first, then of its places *found*."""
    own = [("", root)] if root.kind in OBJECTS else []
    return own + [(place.path, place.node) for place in found if place.node.kind in OBJECTS]


def _places_of(node: Node, path: str) -> Iterator[Place]:
    if node.kind in OBJECTS:
        inside = f"{path}<{node.callee.name[1]}>" if node.callee.kind is Kind.GLOBAL else f"{path}<?>"
        yield Place(f"{inside}#callee", Role.CALLEE, node.parts, 0)
        for index in range(1, len(node.parts)):
            yield Place(f"{inside}()", Role.ARGUMENTS, node.parts, index)
        for filling in node.fillings:
            yield from _in_container(filling.kind, filling.parts, f"{inside}+")
        if node.state:
            yield Place(inside, Role.STATE, node.state, 0)
    else:
        yield from _in_container(node.kind, node.parts, path)


def _in_container(kind: Kind, parts: list[Node], path: str) -> Iterator[Place]:
    if kind is Kind.DICT:
        for index in range(0, len(parts), 2):
            key = parts[index]
            where = f"{path}.{key.value if isinstance(key.value, str | int) else '?'}"
            yield Place(where, Role.VALUE, parts, index + 1)
            yield Place(f"{where}#key", Role.KEY, parts, index)
    else:
        role = Role.MEMBER if kind in {Kind.SET, Kind.FROZENSET} else Role.ELEMENT
        for index in range(len(parts)):
            yield Place(f"{path}[{index}]", role, parts, index)
