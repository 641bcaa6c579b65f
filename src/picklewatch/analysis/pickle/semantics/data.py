"""What data is: values that a hook may look into, all the way down, without running anything of the file's choosing.

Data are constants, Python's own containers, arrays, element types and storages, and objects of the classes that
`catalogue.classes.natives` lists, with nothing but data in them. Any other object answers by methods of its own, and
any other import may be called.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from picklewatch.analysis.pickle.semantics.fetched import member_of
from picklewatch.analysis.pickle.vm.values import Import, Obj, Opaque
from picklewatch.catalogue.classes.natives import CLASSES, CONTAINERS, VALUES
from picklewatch.catalogue.classes.profiles import ClassKind
from picklewatch.catalogue.imports.entries import Check, Kind

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from picklewatch.analysis.pickle.report import Budget
    from picklewatch.analysis.pickle.vm.values import Value

# Looked up once, for speed: see `picklewatch.catalogue.imports.entries`.
_CALLABLE: Final = Kind.CALLABLE
_ENUM: Final = ClassKind.ENUM
_TORCH_FROM_TYPE: Final = Check.TORCH_FROM_TYPE

NATIVE = frozenset(
    {Kind.ATOM, Kind.SCALAR, Kind.BYTEARRAY, Kind.DTYPE, Kind.NDARRAY, Kind.NDARRAY_DONE, Kind.ARRAY_WRAPPER}
    | {Kind.ARRAY_FILE, Kind.TENSOR, Kind.PARAMETER, Kind.STORAGE}
)
"""Kinds of values that native code restores: they are data if what they are made of is."""
FILLED = frozenset({Kind.LIST, Kind.DICT, Kind.SET})
"""Kinds of containers."""
CONSTANTS = frozenset({int, float, bool, type(None), str, bytes})
"""Types of values that hold nothing."""
_NOBODY: Final[frozenset[str]] = frozenset()
_SHORT = 8
_PER_VALUE = 3
"""Units of work that looking at a value which may hold others costs."""


@dataclass(frozen=True, slots=True)
class Reached:
    """A value that is no data, and the way to it."""

    value: Value
    trail: tuple[Value, ...]
    """What it lies in, from the outside to itself."""


class DataReader:
    """Looks for what is no data. Each value is looked at once, however often it is shared, until it changes."""

    def __init__(self, budget: Budget) -> None:
        self._charge = budget.charge
        self._known: dict[frozenset[str], dict[int, tuple[Value, Value]]] = {}
        """By the classes that were allowed: the values, by identity, below which is nothing but those and data, each
        with what it lies in."""

    def other(self, root: Value, classes: frozenset[str] = _NOBODY, *, of: Obj | None = None) -> Reached | None:
        """Return the first value in *root* that is neither data nor an object of one of *classes*, if there is one.

        Where *root* is an object, *of* may be the same: then it is only what it holds that counts.
        """
        if type(root) in CONSTANTS:
            return None
        known = self._known.setdefault(classes, {})
        above: dict[int, tuple[Value, Value]] = {}
        waiting: list[tuple[Value, Value]] = [(root, None)]
        while waiting:
            value, holder = waiting.pop()
            key = id(value)
            if key in known or key in above:
                continue
            above[key] = value, holder
            kind = type(value)
            if (kind is Obj or kind is Import) and value is not of and not _is_data(value, classes):
                return Reached(value, _trail(value, above))
            inside = parts(value)
            held = [
                (one, value)
                for one in inside
                if (kind := type(one)) not in CONSTANTS and (kind is not tuple or not _flat(one))
            ]
            self._charge(_PER_VALUE + len(inside) // 6 + len(held))
            waiting += held
        if of is not None:
            above.pop(id(of), None)
        known.update(above)
        return None

    def call(self, root: Value) -> Reached | None:
        """Return the first value in *root* that may be called, whatever it lies in."""
        above: dict[int, tuple[Value, Value]] = {}
        waiting: list[tuple[Value, Value]] = [(root, None)]
        while waiting:
            value, holder = waiting.pop()
            if id(value) in above:
                continue
            above[id(value)] = value, holder
            if _may_call(value):
                return Reached(value, _trail(value, above))
            held = [(one, value) for one in parts(value) if type(one) not in CONSTANTS]
            self._charge(_PER_VALUE + len(held))
            waiting += held
        return None

    def way(self, start: str, trail: tuple[Value, ...], whole: Obj | None = None) -> str:
        """Spell *trail*: ``Adam.param_groups → DataLoader.collate_fn → …``.

        It begins with what *start* names: with the value in a place, or with *whole*, an object itself.
        """
        text, in_object = start, False
        for at, value in enumerate(trail):
            if at:
                text += self._step(trail[at - 1], value, in_object=in_object)
            in_object = isinstance(value, Obj)
            if isinstance(value, Import):
                text += f" → {value.key}"
            elif isinstance(value, Obj) and value is not whole:
                text += f" → {_short(value)}" if at < len(trail) - 1 else f" → {_long(value)}"
        return text

    def _step(self, holder: Value, value: Value, *, in_object: bool) -> str:
        """Return the part of the way from *holder* to *value*, directly in it."""
        if in_object or not isinstance(holder, dict | list | tuple):
            return ""
        self._charge(1 + len(holder))
        if isinstance(holder, dict):
            return next((f".{key}" for key, one in holder.items() if one is value), "")
        return f"[{next(at for at, one in enumerate(holder) if one is value)}]"

    def filled(self, target: Value, items: Sequence[Value]) -> None:
        """Look at everything again if *target* was looked at, and *items* that fill it are not just constants."""
        itself = keys = values = id(target)
        if type(target) is Obj:
            keys, values = id(target.items), id(target.members)  # these may have been looked at without itself
        for known in self._known.values():
            there = itself in known or keys in known or values in known
            if there and not CONSTANTS.issuperset(map(type, items)):
                self._known.clear()
                return


def _flat(value: Value) -> bool:
    """Return True for a short tuple of constants, such as a shape: it is looked at faster than remembered."""
    return type(value) is tuple and len(value) <= _SHORT and CONSTANTS.issuperset(map(type, value))


def parts(value: Value) -> Collection[Value]:
    """Return the values that lie directly in *value*."""
    if isinstance(value, Obj):
        return _of_object(value)
    if isinstance(value, dict):
        return value.values()
    if isinstance(value, tuple | list):
        return value
    return (value.content,) if isinstance(value, Opaque) else ()


def _of_object(made: Obj) -> Sequence[Value]:
    args, callee = made.args, made.callee
    if type(args) is tuple and isinstance(callee, Import) and _passes_on(made, callee):
        args = args[1:]
    return (made.state, made.items, made.members, args)


def _passes_on(made: Obj, callee: Import) -> bool:
    """Return True if the first argument is the class of what was made, or a function that was judged as called."""
    return class_of(made) is not callee or callee.judged.check is _TORCH_FROM_TYPE


def _is_data(value: Value, classes: frozenset[str]) -> bool:
    if isinstance(value, Import):
        return value.key in CLASSES or value.key in classes
    if not isinstance(value, Obj):
        return True  # a container, a constant, or a storage
    if value.kind is _CALLABLE and classes and member_of(value) in classes:
        return True  # a function that a schema names, fetched of its class
    if not value.known or value.kind is _CALLABLE or not isinstance(value.callee, Import):
        return False
    key, made = value.callee.key, class_of(value)
    if value.kind in NATIVE:
        return made is value.callee or made.key in CLASSES or made.key in classes
    if value.kind in FILLED:
        return key in CONTAINERS or made.key in classes
    listed = key in VALUES or key in classes or made.key in classes
    return listed or (made.profile is not None and made.profile.kind is _ENUM)


def class_of(made: Obj) -> Import:
    """Return the class of an object, or the function that made it; it has an import as its callee."""
    assert isinstance(made.callee, Import)
    args = made.args
    if made.callee.makes and isinstance(args, tuple) and args and isinstance(args[0], Import):
        return args[0]
    return made.callee


def _may_call(value: Value) -> bool:
    if isinstance(value, Import):
        return value.key not in CLASSES
    return isinstance(value, Obj) and (value.kind is _CALLABLE or not isinstance(value.callee, Import))


def _trail(value: Value, above: dict[int, tuple[Value, Value]]) -> tuple[Value, ...]:
    found = [value]
    while (holder := above[id(found[-1])][1]) is not None:
        found.append(holder)
    return tuple(reversed(found))


def _short(value: Obj) -> str:
    return value.callee.name if isinstance(value.callee, Import) else "…"


def _long(value: Obj) -> str:
    return f"{value.callee.key}()" if isinstance(value.callee, Import) else "…"
