"""Pickles as trees: what a search builds and changes, and the bytes that it makes of them."""

from __future__ import annotations

import pickle
import struct
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    Constant = None | bool | int | float | str | bytes | bytearray


class Kind(StrEnum):
    """The kinds of values that a pickle describes."""

    CONSTANT = "constant"
    GLOBAL = "global"
    """An import, `Node.name`."""
    TUPLE = "tuple"
    FROZENSET = "frozenset"
    LIST = "list"
    SET = "set"
    DICT = "dict"
    """Its parts are keys and values in turn."""
    CALL = "call"
    """REDUCE; its parts are the callee and the arguments."""
    NEW = "new"
    """NEWOBJ, the same."""
    NEW_KEYWORDS = "new-keywords"
    """NEWOBJ_EX, the same and the keyword arguments."""


OBJECTS = frozenset({Kind.CALL, Kind.NEW, Kind.NEW_KEYWORDS})
"""The kinds that have a callee, and may have fillings and a state."""
LEAVES = frozenset({Kind.CONSTANT, Kind.GLOBAL})
"""The kinds without parts, fillings and state."""
FILLED = frozenset({Kind.LIST, Kind.SET, Kind.DICT})
"""The containers that a pickler makes empty and fills afterwards, so that they may hold themselves."""


@dataclass(slots=True, eq=False)
class Filling:
    """The items that APPENDS, ADDITEMS or SETITEMS give an object which is no built-in container."""

    kind: Kind
    parts: list[Node]


@dataclass(slots=True, eq=False)
class Node:
    """One value. The same node in several places is one object, which the pickle remembers."""

    kind: Kind
    value: Constant = None
    name: tuple[str, str] = ("", "")
    """The module and the name of a global."""
    parts: list[Node] = field(default_factory=list)
    fillings: list[Filling] = field(default_factory=list)
    state: list[Node] = field(default_factory=list)
    """What BUILD gives the object: one value, or none. A list, so that it is a place like all the others."""

    @property
    def callee(self) -> Node:
        """Return the class or function that an object is made by."""
        return self.parts[0]

    def children(self) -> Iterable[Node]:
        """Return all values that this one is made of."""
        yield from self.parts
        for filling in self.fillings:
            yield from filling.parts
        yield from self.state


type_of = {"list": Kind.LIST, "tuple": Kind.TUPLE, "set": Kind.SET, "frozenset": Kind.FROZENSET}


def tree(value: object) -> Node:
    """Return *value*, constants and containers with nodes among them, as a tree."""
    if isinstance(value, Node):
        return value
    if isinstance(value, dict):
        return Node(Kind.DICT, parts=[tree(one) for pair in value.items() for one in pair])
    if isinstance(value, list | tuple | set | frozenset):
        return Node(type_of[type(value).__name__], parts=[tree(one) for one in value])
    if value is None or isinstance(value, bool | int | float | str | bytes | bytearray):
        return Node(Kind.CONSTANT, value)
    raise TypeError(f"no constant or container: {type(value)}")


def named(name: str) -> Node:
    """Return an import of ``module.name``, or of ``module:name.with.dots``."""
    module, _, attribute = name.partition(":") if ":" in name else name.rpartition(".")
    return Node(Kind.GLOBAL, name=(module, attribute))


def new(name: str, state: object = None) -> Node:
    """Return an object of the class *name*, made by NEWOBJ without arguments, with *state* if it is not None."""
    made = Node(Kind.NEW, parts=[named(name), tree(())])
    made.state += [] if state is None else [tree(state)]
    return made


def call(name: str, *arguments: object) -> Node:
    """Return what calling *name* makes."""
    return Node(Kind.CALL, parts=[named(name), tree(tuple(arguments))])


def emit(root: Node) -> bytes:
    """Return the pickle of *root*, protocol 4, without frames."""
    writer = _Writer()
    writer.put(root)
    return b"".join((b"\x80\x04", *writer.out, b"."))


_FILL = {Kind.LIST: b"e", Kind.SET: b"\x90", Kind.DICT: b"u"}
_EMPTY = {Kind.LIST: b"]", Kind.SET: b"\x8f", Kind.DICT: b"}"}
_FROM_MARK = {Kind.TUPLE: b"t", Kind.FROZENSET: b"\x91"}
_MAKE = {Kind.CALL: b"R", Kind.NEW: b"\x81", Kind.NEW_KEYWORDS: b"\x92"}


class _Writer:
    """Writes nodes as opcodes; remembers each object, so that sharing and cycles stay."""

    def __init__(self) -> None:
        self.out: list[bytes] = []
        self._memo: dict[int, int] = {}

    def put(self, node: Node) -> None:
        """Write *node* in full, or as what was written before."""
        if node.kind is Kind.CONSTANT:
            self.out.append(_constant(node.value))
        elif id(node) in self._memo:
            self.out.append(b"j" + struct.pack("<I", self._memo[id(node)]))
        elif node.kind is Kind.GLOBAL:
            self.out += [_text(node.name[0]), _text(node.name[1]), b"\x93"]
            self._remember(node)
        elif node.kind in FILLED:
            self.out.append(_EMPTY[node.kind])
            self._remember(node)
            self._fill(node.kind, node.parts)
        elif node.kind in OBJECTS:
            self._object(node)
        else:
            self._from_mark(node)

    def _object(self, node: Node) -> None:
        for part in node.parts:
            self.put(part)
        self.out.append(_MAKE[node.kind])
        self._remember(node)
        for filling in node.fillings:
            self._fill(filling.kind, filling.parts)
        for state in node.state:
            self.put(state)
            self.out.append(b"b")

    def _from_mark(self, node: Node) -> None:
        self.out.append(b"(")
        for part in node.parts:
            self.put(part)
        if id(node) in self._memo:  # it holds itself, by a container in it: what lies on the stack is superfluous
            self.out.append(b"1j" + struct.pack("<I", self._memo[id(node)]))
            return
        self.out.append(_FROM_MARK[node.kind])
        self._remember(node)

    def _fill(self, kind: Kind, parts: list[Node]) -> None:
        if parts:
            self.out.append(b"(")
            for part in parts:
                self.put(part)
            self.out.append(_FILL[kind])

    def _remember(self, node: Node) -> None:
        self._memo[id(node)] = len(self._memo)
        self.out.append(b"\x94")


def _text(value: str) -> bytes:
    raw = value.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(raw)) + raw


def _constant(value: Constant) -> bytes:  # noqa: PLR0911 - a type a line
    if value is None:
        return b"N"
    if isinstance(value, bool):
        return b"\x88" if value else b"\x89"
    if isinstance(value, int):
        raw = pickle.encode_long(value)
        return b"\x8b" + struct.pack("<i", len(raw)) + raw
    if isinstance(value, float):
        return b"G" + struct.pack(">d", value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bytearray):
        return b"\x96" + struct.pack("<Q", len(value)) + bytes(value)
    return b"B" + struct.pack("<I", len(value)) + value
