"""The census, looked up: what restoring an object of a class runs.

The table is read once, when this module is imported: the locked child opens no file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from picklewatch.catalogue.classes.class_table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping


class Hook(StrEnum):
    """A method of a class that the unpickler, a container or the collector calls by itself."""

    NEW = "__new__"
    """Called by NEWOBJ; counts where it is given arguments."""
    INIT = "__init__"
    """Called by REDUCE, as is the metaclass."""
    METACLASS = "metaclass"
    SETSTATE = "__setstate__"
    GETATTR = "__getattr__"
    """Asked for ``__setstate__``, ``append``, ``extend`` and ``add``, as ``__getattribute__`` is."""
    GETATTRIBUTE = "__getattribute__"
    SETATTR = "__setattr__"
    """Called for each attribute of the second part of a state, and for each ``self.x = …`` of another hook."""
    DESCRIPTOR = "descriptor"
    """A property or another descriptor with ``__set__``: set where ``__setattr__`` is."""
    SETITEM = "__setitem__"
    APPEND = "append"
    EXTEND = "extend"
    ADD = "add"
    HASH = "__hash__"
    EQ = "__eq__"
    DEL = "__del__"


class ClassKind(StrEnum):
    """The classes of the census, by what restoring runs."""

    PASSIVE = "passive"
    """No hooks, or hooks that provably only store: an object may hold anything."""
    ENUM = "enum"
    """An enumeration: a member is made by calling it with one literal."""
    ACTIVE = "active"
    """Some hook acts; only what its schema allows may be where it looks, only data without one."""
    FUNCTION = "function"
    """No class: a function that a model may keep. Nothing may call it."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What the census says of every class with the same hooks."""

    kind: ClassKind
    base: str = "object"
    """The built-in type whose layout an instance has: ``object``, ``dict``, ``list``, ``tuple``, ``str``, …"""
    slots: bool = False
    """True if a pickler writes a state of two parts, as for ``__slots__``."""
    acts: Mapping[Hook, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    """Each hook that does more than store, and the functions that run: ``torch.nn.modules.module.Module.__setstate__``.
    Keys of the schemas; a function without one leaves the file unverified. They are several where versions differ,
    where a function passes its state on, and where a class has several descriptors. `Hook.INIT` is never among them:
    only exact entries of the lists may be called."""


_TABLE = Table((Path(__file__).parent / "classes.bin").read_bytes())


def look_up(module: str, name: str) -> Profile | None:
    """Return what the census says of *name* of *module*, or None for what it does not know."""
    number = _TABLE.find(module, name)
    return None if number is None else _made(number)


@cache
def _made(number: int) -> Profile:
    kind, base, slots, acts = _TABLE.profile(number)
    functions = MappingProxyType({Hook(hook): names for hook, names in acts.items()})
    return Profile(ClassKind(kind), base, slots, functions)
