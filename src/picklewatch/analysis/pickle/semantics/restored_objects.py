"""What restoring an object runs, and the forms that its state may have: the questions that need no walk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from picklewatch.analysis.pickle.semantics.data import NATIVE, class_of
from picklewatch.analysis.pickle.vm.values import NOTHING, REST, Import, Obj
from picklewatch.catalogue.classes.hook_schema import Content
from picklewatch.catalogue.classes.natives import CLASSES
from picklewatch.catalogue.classes.profiles import ClassKind, Hook
from picklewatch.catalogue.classes.schema_table import SCHEMAS
from picklewatch.catalogue.imports.entries import Kind

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.vm.values import Value
    from picklewatch.catalogue.classes.hook_schema import Permitted
    from picklewatch.catalogue.classes.profiles import Profile

# Looked up once, for speed: see `picklewatch.catalogue.imports.entries`.
_CALLABLE: Final = Kind.CALLABLE
_DEL: Final = Hook.DEL
_PASSIVE: Final = ClassKind.PASSIVE
_SETSTATE: Final = Hook.SETSTATE
_UNSEEN: Final = Content.UNSEEN

ASKED = (Hook.GETATTR, Hook.GETATTRIBUTE)
"""Hooks that are asked for the method that BUILD, APPEND or ADDITEMS calls, before anything of it is set."""


@dataclass(frozen=True, slots=True)
class BuildPlan:
    """What BUILD runs on objects of one class."""

    asked: tuple[str, ...]
    """Functions that are asked for ``__setstate__``, while the state is not set."""
    runs: tuple[str, ...]
    """Functions that see the state."""
    looks: tuple[tuple[str, str, Permitted], ...] | None
    """Functions, attributes, and what may be there: all that counts of a state that is a dict; None if more does."""


def plan_of(profile: Profile) -> BuildPlan:
    """Work out what BUILD runs on objects of the class with *profile*."""
    asked = [function for hook in ASKED for function in profile.acts.get(hook, ())]
    runs = (*profile.acts.get(_SETSTATE, ()), *profile.acts.get(_DEL, ()))
    read = [SCHEMAS[function] for function in runs if function in SCHEMAS]
    if len(read) < len(runs) or any(schema.rest.content is not _UNSEEN for schema in read):
        return BuildPlan(tuple(asked), runs, None)
    looks = {(name, allowed): schema.function for schema in read for name, allowed in schema.looks.items()}
    return BuildPlan(tuple(asked), runs, tuple((function, *look) for look, function in looks.items()))


_ITEM_METHODS = frozenset({"items", "keys"})


def judged_as(target: Obj) -> tuple[bool, Profile | None, str]:
    """Return whether *target* is to be judged, the profile of its class, and the name of that, or of its maker."""
    if not target.known or not isinstance(target.callee, Import) or target.kind is _CALLABLE:
        return False, None, ""  # reported where it was made
    made = class_of(target)
    native = target.kind in NATIVE and (made.key in CLASSES or (made is target.callee and made.profile is None))
    return not native, made.profile, made.key


def is_attributes(state: Value) -> bool:
    """Return True for an exact dict, None, or two of them: what the unpickler itself makes attributes of."""
    if state is None or state is NOTHING or type(state) is dict:
        return True
    return type(state) is tuple and len(state) == 2 and all(one is None or type(one) is dict for one in state)


def plain_mapping(state: Obj) -> bool:
    """Return True for a subclass of dict without hooks, of which no attribute takes the place of a method."""
    judges, profile, _ = judged_as(state)
    if not judges or profile is None or profile.kind is not _PASSIVE or profile.base != "dict":
        return False
    items = state.items or {}
    return state.state in (None, NOTHING, state) and REST not in items and _ITEM_METHODS.isdisjoint(items)


def place_of(place: tuple[Obj, str]) -> str:
    """Return the name of an attribute, and of what it is of."""
    return ".".join(filter(None, (short(place[0]), place[1])))


def short(value: Obj) -> str:
    """Return the name of the class of *value*, without its module."""
    return class_of(value).name if isinstance(value.callee, Import) else "an object"
