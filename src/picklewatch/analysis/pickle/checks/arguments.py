"""What checks of arguments have in common: what a doubt is, and what is plain data of a bounded size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from picklewatch.analysis.pickle.checks import argument_signs
from picklewatch.analysis.pickle.vm.values import Import, Obj, Opaque, OpaqueKind
from picklewatch.catalogue.imports.entries import Kind
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.semantics.build import Machine
    from picklewatch.analysis.pickle.semantics.observations import Notes


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a call is not harmless after all."""

    rule: str
    level: Level
    summary: str


HUGE = 1 << 32
"""Things that no memory holds."""


def values_of(args: Any) -> tuple[Any, ...]:
    """Arguments that can be looked at, one by one."""
    return args if isinstance(args, tuple) else ()


def odd(summary: str) -> Doubt:
    """The usual doubt."""
    return Doubt("suspicious-arguments", Level.UNSAFE, summary)


_OPENED = (tuple, list, dict, Obj)


def take_types(args: Any, notes: Notes) -> None:
    """Note of the element types in *args* that something may be made of them: they must not change any more."""
    waiting, opened = [args], set[int]()
    while waiting:
        value = waiting.pop()
        if type(value) is Obj and value.kind is Kind.DTYPE:
            value.used = True
        if not isinstance(value, tuple | list | dict) or id(value) in opened:
            continue
        opened.add(id(value))
        notes.budget.charge(1 + len(value) // 4)
        inner = value.values() if isinstance(value, dict) else value
        waiting.extend(one for one in inner if isinstance(one, _OPENED))


def plain(machine: Machine, callee: Import, args: Any, _offset: int) -> Doubt | None:
    """Only data and harmless classes as arguments."""
    take_types(args, machine)
    if argument_signs.plain(args, machine):
        return None
    return odd(f"{callee.key} is given something other than data")


_SIZES = 3
"""Arguments among which a size may be: with more than ``range`` takes, Python's own constructors raise."""
_COLLECTS = frozenset({"bytes", "bytearray", "list", "tuple", "set", "frozenset", "dict", "deque", "array", "UserList"})


def _endless(value: Any) -> bool:
    """Whether *value* is an iterator without an end."""
    if not isinstance(value, Obj) or not isinstance(value.callee, Import) or value.callee.module != "itertools":
        return False
    pair = 2
    return value.callee.name == "count" or (value.callee.name == "repeat" and len(values_of(value.args)) < pair)


def bounded(machine: Machine, callee: Import, args: Any, offset: int) -> Doubt | None:
    """Plain, and not a size that would exhaust memory."""
    for value in values_of(args)[:_SIZES]:
        inner = value.args if isinstance(value, Obj) and isinstance(value.args, tuple) else (value,)
        number = max((abs(one) for one in inner[:_SIZES] if type(one) is int), default=0)
        if callee.name in _COLLECTS and (number > HUGE or _endless(value)):
            return Doubt("resource-bomb", Level.UNSAFE, f"{callee.key} is asked for more items than memory can hold")
        if isinstance(value, Opaque) and value.kind is OpaqueKind.INT:
            return odd(f"{callee.key} is given a huge number")
    return plain(machine, callee, args, offset)
