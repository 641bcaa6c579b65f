"""Pickles to load, and their results."""

from __future__ import annotations

import pickletools
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from oracle.parsing import imports, parse, walk
from oracle.trees import OBJECTS, Kind, Node, emit

if TYPE_CHECKING:
    from oracle.audit import Event
    from oracle.stand_ins import Touch

_NESTED = ("torch.storage", "_load_from_bytes")
"""The one function that a pickle may call on bytes which are pickles: torch's, of a tensor."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A pickle that the oracle made."""

    label: str
    """How it was made, for a person."""
    data: bytes
    names: frozenset[tuple[str, str]]
    """All that it imports; other imports are events."""
    mentioned: frozenset[tuple[str, str]] = frozenset()
    """Names that it keeps and does not call itself."""
    stand_ins: bool = True
    traced: bool = False
    """True to record the functions that run: a load takes four times as long."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a load."""

    ending: str
    """``loaded``, an exception, ``died`` or ``hung``."""
    events: tuple[Event, ...] = ()
    touches: tuple[Touch, ...] = ()
    reached: frozenset[str] = field(default_factory=frozenset)

    @property
    def quiet(self) -> bool:
        """Return True if nothing happened that the oracle looks for."""
        return not self.events and not self.touches


def subject(label: str, root: Node, *, stand_ins: bool = True, traced: bool = False) -> Subject:
    """Return the pickle of *root*, with what it names and mentions."""
    imported, nested, called = set(), set(), set()
    for node in walk(root):
        if node.kind is Kind.GLOBAL:
            imported.add(node.name)
        elif node.kind in OBJECTS and node.callee.kind is Kind.GLOBAL:
            called.add(node.callee.name)
            nested |= _nested(node)
    return Subject(label, emit(root), frozenset(imported | nested), frozenset(imported - called), stand_ins, traced)


def _nested(node: Node) -> set[tuple[str, str]]:
    """Return the names in the pickles that *node* is called with."""
    if node.kind is not Kind.CALL or node.callee.name != _NESTED or not node.parts[1].parts:
        return set()
    data, found = node.parts[1].parts[0].value, set()
    while isinstance(data, bytes) and (end := data.find(b".")) > 0:
        with suppress(ValueError, IndexError, KeyError):
            found |= _globals(data)
            found |= imports(parse(data))  # by STACK_GLOBAL
        data = data[end + 1 :]
    return found


def _globals(data: bytes) -> set[tuple[str, str]]:
    """Return the names in opcodes of their own, whatever else is in the pickle: a storage's has a persistent id."""
    opcodes = (argument for opcode, argument, _ in pickletools.genops(data) if opcode.name == "GLOBAL")
    return {(module, name) for module, _, name in (str(argument).partition(" ") for argument in opcodes)}
