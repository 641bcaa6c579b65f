"""Changes of a tree: each returns a specimen of its own, with a label that says what was done."""

from __future__ import annotations

import importlib
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from oracle.parsing import copied
from oracle.places import Role, objects, places
from oracle.stand_ins import FUNCTION, OBJECT
from oracle.trees import Kind, Node, call, named, new, tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from oracle.places import Place

STAND_IN_OBJECT = new(OBJECT)
STAND_IN_FUNCTION = named(FUNCTION)


@dataclass(frozen=True)
class Specimen:
    """A tree, which does not change any more, and how it was made."""

    label: str
    root: Node

    @cached_property
    def places(self) -> list[Place]:
        """All places of the tree."""
        return places(self.root)

    @cached_property
    def objects(self) -> list[tuple[str, Node]]:
        """Path and node of every object of the tree, its own first."""
        return objects(self.root, self.places)

    def put(self, index: int, value: Node, what: str) -> Specimen:
        """Put *value*, called *what*, into the place of that *index* of a copy."""
        place = self.places[index]
        with place.holding(copied(value)):
            return Specimen(f"{self.label} {place.path}:={what}", copied(self.root))

    def shadow(self, index: int, name: str, value: Node, what: str) -> Specimen:
        """Give the object of that *index* an attribute with the *name* of a method, in its state."""
        path, node = self.objects[index]
        state = _dictionary(node.state[0]) if node.state else Node(Kind.DICT)
        if state is None:
            raise ValueError("its state is no dictionary")
        with (
            _instead(node.state, node.state or [state]),
            _instead(state.parts, [*state.parts, tree(name), copied(value)]),
        ):
            return Specimen(f"{self.label} {path}+{name}:={what}", copied(self.root))

    def restate(self, index: int, value: Node, what: str) -> Specimen:
        """Make *value* the state of the object of that *index*, whether it has one or not."""
        path, node = self.objects[index]
        with _instead(node.state, [copied(value)]):
            return Specimen(f"{self.label} {path}.state:={what}", copied(self.root))

    def as_key(self) -> Specimen:
        """Make the whole a key, and a part of one."""
        root = copied(self.root)
        keys = [root, Node(Kind.TUPLE, parts=[tree(1), root])]
        parts = [one for key in keys for one in (key, tree(1))]
        return Specimen(f"key {self.label}", Node(Kind.DICT, parts=parts))


@contextmanager
def _instead(holder: list[Node], nodes: list[Node]) -> Iterator[None]:
    """Let *holder* hold *nodes* for as long as the block runs."""
    before, holder[:] = list(holder), list(nodes)
    try:
        yield
    finally:
        holder[:] = before


def _dictionary(state: Node) -> Node | None:
    """Return the dictionary of *state*, which may have a second part."""
    if state.kind is Kind.TUPLE and len(state.parts) == 2:
        state = state.parts[0]
    return state if state.kind is Kind.DICT else None


def interpreted_texts() -> dict[str, str]:
    """Return texts that some reader would not take for a text: Python, a path, a module, interpolations."""
    texts = {
        "Python": "a): pass\nimport wave\nx='''#",
        "expression": "__import__('wave')",
        "path": "/etc/hostname",
        "url": "http://localhost/",
        "module": "wave.x",
        "format": "{0.__class__}",
    }
    for resolver in _resolvers():
        texts[resolver] = f"${{{resolver}:wave.x,1}}"
    return texts


def _resolvers() -> list[str]:
    """Return the functions that a text may name in an interpolation of OmegaConf."""
    for module, owner in (("omegaconf.basecontainer", "BaseContainer"), ("omegaconf.config", "Config")):
        try:
            return sorted(getattr(importlib.import_module(module), owner)._resolvers)
        except (ImportError, AttributeError):
            continue
    return []


def leaves(specimen: Specimen) -> list[Specimen]:
    """Return *specimen* with each of its texts replaced with each that something interprets."""
    found = []
    for index, place in enumerate(specimen.places):
        if place.node.kind is Kind.CONSTANT and isinstance(place.node.value, str) and place.role is not Role.KEY:
            found += [specimen.put(index, tree(text), what) for what, text in interpreted_texts().items()]
    return found


def substitutes() -> dict[str, Node]:
    """Return what stands for an ordinary leaf: a subclass of a container, an array of objects, a chain of calls."""
    array = call("numpy._core.multiarray._reconstruct", named("numpy.ndarray"), (0,), b"b")
    dtype = call("numpy.dtype", "O8", False, True)
    dtype.state.append(tree((3, "|", None, None, None, -1, -1, 63)))
    array.state.append(tree((1, (1,), dtype, False, [STAND_IN_OBJECT])))
    mapping = call("collections.OrderedDict")
    return {
        "array of objects": array,
        "OrderedDict": mapping,
        "partial": call("functools.partial", STAND_IN_FUNCTION),
        "tuple": tree((STAND_IN_OBJECT,)),
        "list": tree([STAND_IN_OBJECT]),
        "dict": tree({"a": STAND_IN_OBJECT}),
    }


def mutated(specimen: Specimen, donors: dict[str, Node], names: list[str], random: Random) -> Specimen:
    """Return *specimen* with one random change: a donor in a place, as a state, or under a method's name."""
    donor = random.choice(list(donors))
    value = donors[donor]
    found = specimen.objects
    choice = random.random()
    if found and names and choice < 0.25:
        return specimen.shadow(random.randrange(len(found)), random.choice(names), value, donor)
    if found and choice < 0.35:
        return specimen.restate(random.randrange(len(found)), value, donor)
    spots = specimen.places
    if not spots:
        return specimen.as_key()
    return specimen.put(random.randrange(len(spots)), value, donor)
