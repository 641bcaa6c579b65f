"""Probes: a specimen with a stand-in in each of its places, and under the name of each method that it calls."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from oracle.mutations import STAND_IN_FUNCTION, STAND_IN_OBJECT
from oracle.places import Role
from oracle.trees import Kind, Node

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from oracle.mutations import Specimen

    Put = Callable[[Node, str], Specimen]


_SHADOWS = 120
"""Names that are tried on one object: those that restoring calls first."""


@dataclass(frozen=True, slots=True)
class Task:
    """A specimen that is to be loaded."""

    specimen: Specimen
    put: Put | None = None
    """Puts another value where the stand-in is."""
    stand_ins: bool = True
    """True to load it with stand-ins, False to trace it as it is."""


def stand_ins_in(specimen: Specimen) -> Iterator[Task]:
    """Yield the specimen with an object and a function in each place, as a state too, and as a key."""
    for index, place in enumerate(specimen.places):
        if place.role in {Role.CALLEE, Role.ARGUMENTS}:
            continue

        def put(value: Node, what: str, index: int = index) -> Specimen:
            return specimen.put(index, value, what)

        yield Task(put(STAND_IN_OBJECT, "object"), put)
        yield Task(put(STAND_IN_FUNCTION, "function"), put)
    for index in range(len(specimen.objects)):

        def restate(value: Node, what: str, index: int = index) -> Specimen:
            return specimen.restate(index, value, what)

        yield Task(restate(STAND_IN_OBJECT, "object"), restate)
    yield Task(specimen.as_key())


def shadows_in(specimen: Specimen, names: list[str]) -> Iterator[Task]:
    """Yield the specimen with attributes that have the names of methods which restoring it calls."""
    for index, (_, node) in enumerate(specimen.objects):
        own = methods(resolved(node.callee))
        for name in [*filter(own.__contains__, names), *sorted(own.difference(names))][:_SHADOWS]:

            def shadow(value: Node, what: str, index: int = index, name: str = name) -> Specimen:
                return specimen.shadow(index, name, value, what)

            try:
                yield Task(shadow(STAND_IN_OBJECT, "object"), shadow)
                yield Task(shadow(STAND_IN_FUNCTION, "function"), shadow)
            except ValueError:
                break


def methods(cls: object) -> set[str]:
    """Return the names of a class that the interpreter itself does not ask for."""
    return {name for name in dir(cls) if not name.startswith("__")} if isinstance(cls, type) else set()


def resolved(node: Node) -> object:
    """Return what a global names, None if its module is not imported."""
    if node.kind is not Kind.GLOBAL:
        return None
    value: object = sys.modules.get(node.name[0])
    for part in node.name[1].split("."):
        value = getattr(value, part, None)
    return value
