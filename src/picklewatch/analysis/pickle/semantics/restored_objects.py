"""What restoring an object runs, and the forms that its state may have: the questions that need no walk."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from picklewatch.analysis.pickle.semantics.data import NATIVE, class_of
from picklewatch.analysis.pickle.vm.values import NOTHING, REST, Import, Obj, Opaque
from picklewatch.catalogue.classes.hook_schema import Content
from picklewatch.catalogue.classes.natives import CLASSES
from picklewatch.catalogue.classes.profiles import ClassKind, Hook
from picklewatch.catalogue.classes.schema_table import SCHEMAS
from picklewatch.catalogue.imports.entries import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from picklewatch.analysis.pickle.vm.values import Key, Value
    from picklewatch.catalogue.classes.hook_schema import Permitted, Schema
    from picklewatch.catalogue.classes.profiles import Profile

# Looked up once, for speed: see `picklewatch.catalogue.imports.entries`.
_ARRAY: Final = Content.ARRAY
_CALLABLE: Final = Kind.CALLABLE
_DEL: Final = Hook.DEL
_DESCRIPTOR: Final = Hook.DESCRIPTOR
_GETATTR: Final = Hook.GETATTR
_GETATTRIBUTE: Final = Hook.GETATTRIBUTE
_PASSIVE: Final = ClassKind.PASSIVE
_SETATTR: Final = Hook.SETATTR
_SETSTATE: Final = Hook.SETSTATE
_UNSEEN: Final = Content.UNSEEN

_ARRAYS = frozenset({Kind.NDARRAY, Kind.NDARRAY_DONE, Kind.ARRAY_WRAPPER, Kind.ARRAY_FILE})
_NUMBERS = frozenset({Kind.SCALAR})
"""Kinds of values that are an array, or a number, once they are read."""
_COMPILED = "native.descriptor"
"""How the census calls a compiled descriptor, whose attribute is not known."""


@dataclass(frozen=True, slots=True)
class BuildPlan:
    """What BUILD runs on objects of one class."""

    asked: tuple[str, ...]
    """Functions that are asked for ``__setstate__``, or for what fills, while the state is not set."""
    restores: tuple[str, ...]
    """Functions that are given the state itself."""
    deletes: tuple[str, ...]
    """Functions that see the attributes when the object goes."""
    sets: tuple[str, ...]
    """Functions that set any attribute of the second part of a state."""
    setters: Mapping[str, tuple[str, ...]]
    """By attribute: functions that set this one."""
    keyed: bool
    """True if ``__getattr__`` finds items under the names of attributes."""
    looks: tuple[tuple[str, str, Permitted], ...] | None
    """Functions, attributes, and what may be there: all that counts of a state that is a dict; None if more does."""
    merges: bool = False
    """True if the state must be the object itself: see `Schema.merges`."""
    assigned: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    """By key of the state: setters that run for it and that nobody read with the hook: see `Schema.assigns`."""


def plan_of(profile: Profile) -> BuildPlan:
    """Work out what BUILD runs on objects of the class with *profile*."""
    acts = profile.acts
    restores, deletes, asked = acts.get(_SETSTATE, ()), acts.get(_DEL, ()), acts.get(_GETATTR, ())
    keyed = any(name in SCHEMAS and SCHEMAS[name].keyed for name in asked)
    if restores:  # it is found in the class: ``__getattr__`` is not asked for it
        asked = tuple(name for name in asked if name in SCHEMAS)
    if any(name in SCHEMAS and SCHEMAS[name].sets for name in restores):
        # what was read may be inherited, and set attributes of a class whose own method for that nobody read
        restores = (*restores, *(name for name in acts.get(_SETATTR, ()) if name not in SCHEMAS))
    setters: dict[str, tuple[str, ...]] = {}
    for function in acts.get(_DESCRIPTOR, ()):
        name = "" if function == _COMPILED else function.rpartition(".")[2]
        setters[name] = (*setters.get(name, ()), function)
    return BuildPlan(
        (*acts.get(_GETATTRIBUTE, ()), *asked),
        restores,
        deletes,
        (*acts.get(_SETATTR, ()), *setters.pop("", ())),
        setters,
        keyed,
        None if keyed else _looks((*restores, *deletes)),
        merges=any(name in SCHEMAS and SCHEMAS[name].merges for name in restores),
        assigned=_assigned(restores, setters),
    )


def _assigned(restores: tuple[str, ...], setters: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    assigning = [SCHEMAS[name] for name in restores if name in SCHEMAS and SCHEMAS[name].assigns]
    assigned: dict[str, tuple[str, ...]] = {}
    for name, functions in setters.items():
        unread = (one for one in functions if any(not _read_with(schema, one, name) for schema in assigning))
        assigned[name] = tuple(unread)
    return {name: functions for name, functions in assigned.items() if functions}


def _read_with(schema: Schema, setter: str, name: str) -> bool:
    """Return True if *setter*, which sets *name*, is of the library of the hook, and its schema speaks of the name."""
    return name in schema.looks and setter.partition(".")[0] == schema.function.partition(".")[0]


def _looks(runs: tuple[str, ...]) -> tuple[tuple[str, str, Permitted], ...] | None:
    read = [SCHEMAS[function] for function in runs if function in SCHEMAS]
    if len(read) < len(runs) or any(schema.rest.content is not _UNSEEN or schema.lengths for schema in read):
        return None
    looks = {(name, allowed): schema.function for schema in read for name, allowed in schema.looks.items()}
    return tuple((function, *look) for look, function in looks.items())


_ITEM_METHODS = frozenset({"items", "keys"})


def judged_as(target: Obj) -> tuple[bool, Profile | None, str]:
    """Return whether *target* is to be judged, the profile of its class, and the name of that, or of its maker."""
    if not target.known or not isinstance(target.callee, Import) or target.kind is _CALLABLE:
        return False, None, ""  # reported where it was made
    made = class_of(target)
    native = (
        target.kind in NATIVE
        and not _is_read(made)
        and (made.key in CLASSES or (made is target.callee and made.profile is None))
    )
    return not native, made.profile, made.key


def _is_read(made: Import) -> bool:
    """Return True for a class of native values whose ``__setstate__`` is Python, which asks the state."""
    functions = made.profile.acts.get(_SETSTATE, ()) if made.profile is not None else ()
    return made.key in SCHEMAS or any(function in SCHEMAS for function in functions)


def attributes_of(state: Value) -> list[dict[Key, Value]] | None:
    """Return what the unpickler itself makes attributes of: an exact dict, None, or two of them; None for any other."""
    if type(state) is dict:
        return [state]
    if state is None or state is NOTHING:
        return []
    if type(state) is tuple and len(state) == 2 and all(one is None or type(one) is dict for one in state):
        return [one for one in state if type(one) is dict]
    return None


def plain_mapping(state: Obj) -> bool:
    """Return True for a subclass of dict without hooks, of which no attribute takes the place of a method."""
    judges, profile, _ = judged_as(state)
    if not judges or profile is None or profile.kind is not _PASSIVE or profile.base != "dict":
        return False
    items = state.items or {}
    return state.state in (None, NOTHING, state) and REST not in items and _ITEM_METHODS.isdisjoint(items)


def may_have(container: Value, names: frozenset[str], charge: Callable[[int], None]) -> bool:
    """Return True if one of *names* may be among those in *container*, which is Python's own."""
    charge(len(names))
    if isinstance(container, dict):
        return REST in container or any(name in container for name in names)
    if isinstance(container, Obj):
        args = container.args if isinstance(container.args, tuple) else (container.args,)
        held = (container.items, container.members, *args)
        charge(len(held))
        return any(isinstance(one, Obj) or may_have(one, names, charge) for one in held)
    members = container if isinstance(container, tuple | list) else ()
    charge(len(members))
    for one in members:
        first = one[0] if isinstance(one, tuple | list) and one else one
        if not isinstance(first, str) or first in names:
            return True
    return isinstance(container, Opaque)


def has_form(value: Value, form: Content) -> bool:
    """Return True if *value*, which is data, is an array or a number as *form* says."""
    if isinstance(value, Obj):
        return value.kind in (_ARRAYS if form is _ARRAY else _NUMBERS)
    return form is not _ARRAY and isinstance(value, int | float)


def place_of(place: tuple[Obj, str]) -> str:
    """Return the name of an attribute, and of what it is of."""
    return ".".join(filter(None, (short(place[0]), place[1])))


def short(value: Obj) -> str:
    """Return the name of the class of *value*, without its module."""
    return class_of(value).name if isinstance(value.callee, Import) else "an object"
