"""The one reader of values: it looks for what a hook or a call must not reach in them, and for texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from picklewatch.analysis.pickle.semantics.data import (
    CONSTANTS,
    gives_what_it_holds,
    in_argument,
    in_kept,
    is_data,
    is_short,
    may_call,
    parts,
    written_in,
)
from picklewatch.analysis.pickle.vm.values import NUMBERS, Blob, Import, Obj, Opaque, Persistent

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from picklewatch.analysis.pickle.report import Budget
    from picklewatch.analysis.pickle.vm.values import Value
    from picklewatch.catalogue.imports.taken import Among

    _Inside = Callable[[Obj | Import], Collection[Value] | None]
    """Returns what lies in an object or an import and counts as well, None where it must not be there itself."""

_NOBODY: Final[frozenset[str]] = frozenset()
_LEAVES = CONSTANTS | {Blob, Persistent}
"""Types of arguments that hold nothing."""
_PLAIN_CONTAINERS = frozenset({list, tuple, dict, Opaque})
_HOLD = (tuple, list, dict, Opaque, Obj)
_UNSEEN = (list, dict, Opaque, Persistent)
"""Types of values that `DataReader.each` opens, and does not yield."""
_PER_VALUE = 3
"""Units of work that looking at a value which may hold others costs."""


@dataclass(frozen=True, slots=True)
class Reached:
    """A value that is no data, and the way to it."""

    value: Import | Obj
    trail: tuple[Value, ...]
    """What it lies in, from the outside to itself."""


class DataReader:
    """Looks for what must not be in a value. Each is looked at once, however often it is shared, until it changes."""

    def __init__(self, budget: Budget) -> None:
        self._charge = budget.charge
        self._known: dict[object, set[int]] = {}
        """By what was allowed: the values, by identity, below which is nothing else."""
        self._kept: dict[int, tuple[Value, Value]] = {}
        """All of these values, by identity, so that no other one gets it, each with what it lies in."""

    def other(self, root: Value, classes: frozenset[str] = _NOBODY, *, of: Obj | None = None) -> Reached | None:
        """Return the first value in *root* that is neither data nor an object of one of *classes*, if there is one.

        Where *root* is an object, *of* may be the same: then it is only what it holds that counts.
        """

        def inside(value: Obj | Import) -> Collection[Value] | None:
            return parts(value) if value is of or is_data(value, classes) else None

        return self._first(root, classes, inside, of)

    def call(self, root: Value) -> Reached | None:
        """Return the first value in *root* that may be called, whatever it lies in."""
        return self._first(root, "calls", lambda value: None if may_call(value) else parts(value))

    def foreign(self, values: Iterable[Value], among: Among) -> Import | Obj | None:
        """Return the first object or import in *values* that must not be *among* the arguments of a call, if any.

        Objects of unknown classes are reported where they are made, and not looked into.
        """
        for root in values:
            kind = type(root)
            if kind in _LEAVES or (kind is tuple and is_short(root)):
                continue
            if among.walks and (kind in _PLAIN_CONTAINERS or (isinstance(root, Obj) and gives_what_it_holds(root))):
                continue
            if among.walks and isinstance(root, Import):
                return root
            found = self._first(root, among, lambda value: in_argument(value, among))
            if found is not None:
                return found.value
        return None

    def unkept(self, values: Value) -> bool:
        """Return True if *values* hold what must not even be kept: a callable, or an import that does harm itself."""
        return self._first(values, "kept", in_kept) is not None

    def _first(self, root: Value, allowed: object, inside: _Inside, of: Obj | None = None) -> Reached | None:
        """Return the first value in *root* that must not be there, as *inside* says by what is *allowed*."""
        if type(root) in CONSTANTS:
            return None
        known = self._known.setdefault(allowed, set())
        above: dict[int, tuple[Value, Value]] = {}
        waiting: list[tuple[Value, Value]] = [(root, None)]
        while waiting:
            value, holder = waiting.pop()
            key = id(value)
            if key in known or key in above:
                continue
            above[key] = value, holder
            if isinstance(value, Obj | Import):
                asked = inside(value)
                if asked is None:
                    return Reached(value, _trail(value, above))
                within = asked
            else:
                within = parts(value)
            held = [
                (one, value)
                for one in within
                if (kind := type(one)) not in CONSTANTS and (kind is not tuple or not is_short(one))
            ]
            self._charge(_PER_VALUE + len(within) // 6 + len(held))
            waiting += held
        if len(above) > 1 or not isinstance(root, Obj):
            if of is not None:
                above.pop(id(of), None)
            known.update(above)
            self._kept.update(above)
        return None

    def each(self, root: Value) -> Iterator[Value]:
        """Yield each value in *root*, containers and what constants are made of opened: texts, pairs, objects."""
        waiting: list[Value] = [root]
        opened: set[int] = set()
        while waiting:
            value = waiting.pop()
            if not isinstance(value, _UNSEEN):
                yield value
            if isinstance(value, _HOLD) and id(value) not in opened:
                opened.add(id(value))
                held = written_in(value)
                self._charge(1 + len(held) // 6)
                if held and not NUMBERS.issuperset(map(type, held)):
                    self._charge(3 * len(held) // 2)
                    waiting.extend(held)

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
        kept = self._kept
        if (itself in kept or keys in kept or values in kept) and not CONSTANTS.issuperset(map(type, items)):
            self._known.clear()
            kept.clear()


def _trail(value: Value, above: dict[int, tuple[Value, Value]]) -> tuple[Value, ...]:
    found = [value]
    while (holder := above[id(found[-1])][1]) is not None:
        found.append(holder)
    return tuple(reversed(found))


def _short(value: Obj) -> str:
    return value.callee.name if isinstance(value.callee, Import) else "…"


def _long(value: Obj) -> str:
    return f"{value.callee.key}()" if isinstance(value.callee, Import) else "…"
