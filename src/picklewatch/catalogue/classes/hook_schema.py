"""The vocabulary of schemas: what a hook function looks into, and what may be there."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


class Content(StrEnum):
    """What may be in a place that a hook looks into."""

    UNSEEN = "unseen"
    """Anything: the hook moves it, or asks ``is None``, ``isinstance``, ``hasattr`` of it at most."""
    DATA = "data"
    """Data, all the way down."""
    ABSENT = "absent"
    """Nothing: a method that the hook calls of itself has this name, and an attribute would take its place."""
    NAMES = "names"
    """A container of Python's own with texts as keys or members; the hook asks ``name in`` it, or walks over the keys.
    The values are not looked at."""
    SEQUENCE = "sequence"
    """A tuple or list of Python's own; the hook walks over it. The members are not looked at."""
    TEXT = "text"
    """An exact str."""
    NUMBER = "number"
    """A number of Python's or numpy's; no other data."""
    ARRAY = "array"
    """An array of numpy's with nothing but data in it; no other data, and not None."""


@dataclass(frozen=True, slots=True)
class Permitted:
    """What may be in one place."""

    content: Content
    classes: frozenset[str] = frozenset()
    """With `Content.DATA`: exact names of classes whose objects may be there too, if what they hold is allowed."""
    without: frozenset[str] = frozenset()
    """With `Content.NAMES`: names that must not be among them, as the hook calls more for these."""


UNSEEN = Permitted(Content.UNSEEN)
DATA = Permitted(Content.DATA)
ABSENT = Permitted(Content.ABSENT)
NAMES = Permitted(Content.NAMES)
SEQUENCE = Permitted(Content.SEQUENCE)
TEXT = Permitted(Content.TEXT)
NUMBER = Permitted(Content.NUMBER)
ARRAY = Permitted(Content.ARRAY)


def data_and(*classes: str) -> Permitted:
    """Return data, and objects of *classes* (``module.name``, all spellings that picklers write)."""
    return Permitted(Content.DATA, frozenset(" ".join(classes).split()))


def names_but(names: str) -> Permitted:
    """Return a container of names without *names*, which blanks separate."""
    return Permitted(Content.NAMES, without=frozenset(names.split()))


def each(names: str, allowed: Permitted) -> dict[str, Permitted]:
    """Return *allowed* for each of *names*, which blanks separate."""
    return dict.fromkeys(names.split(), allowed)


def spelt(modules: str, names: str) -> str:
    """Return ``module.name`` for each of *names* in each of *modules*, as picklers of several versions write it."""
    return " ".join(f"{module}.{name}" for module in modules.split() for name in names.split())


COMPILED: Final = "compiled"
"""In place of a digest: a hook without a source in the library's files, read in the repository of that version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """One hook function, read."""

    function: str
    """Where it is defined: ``torch.optim.adam.Adam.__setstate__``."""
    why: str
    """What it does, in one sentence, and why the rest is harmless."""
    sources: Mapping[str, str]
    """Digest of its source (16 hexadecimal digits of SHA-256 over the dedented text), or `COMPILED` → the versions that
    have it."""
    looks: Mapping[str, Permitted] = field(default_factory=lambda: MappingProxyType({}))
    """Attribute or key of the state → what may be there."""
    rest: Permitted = UNSEEN
    """What may be in every other attribute."""
    state: Permitted = DATA
    """What may be a state that is no exact dict (a tuple, a list, an array), as a whole."""
    places: tuple[Permitted, ...] = ()
    """What may be at each place of a state that is an exact tuple; `state` holds for those further back."""
    lengths: frozenset[int] = frozenset()
    """How many parts a state may have that is no exact dict: compiled code takes it apart by number and does not count,
    so that any other state, and any but a tuple, may crash it. Empty for a hook that counts."""
    items: Permitted = UNSEEN
    """What may be among the items that SETITEM, APPEND or ADDITEMS give the object, where the hook looks at those."""
    sets: bool = True
    """False if the hook sets no attribute by ``self.x = …``, so that no class's ``__setattr__`` is asked."""
    assigns: bool = False
    """True if the hook sets each key of the state as an attribute, so that setters of the class run. Those of its own
    library were read with it; others, of a subclass, were not."""
    merges: bool = False
    """True if the hook puts what the state holds into what the object holds already, which others may hold as well: the
    state must be the object itself, as its pickler has it."""
    keyed: bool = False
    """True if the hook finds items of a mapping by the names in `looks`, as ``__getattr__`` does that returns
    ``self[name]``: what is allowed there holds for the item, too."""
