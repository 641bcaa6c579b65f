"""A pickle's values, none left out: the engine's own machine keeps only what its judgement needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from picklewatch.analysis.pickle.semantics.machine import Machine
from picklewatch.analysis.pickle.vm.interpreter import Walk
from picklewatch.analysis.pickle.vm.torch_storages import read_storage
from picklewatch.analysis.pickle.vm.values import HASHED_PLAINLY, Obj

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.report import Budget, Buffer
    from picklewatch.analysis.pickle.vm.values import Key, Value


class UnnamedKey(str):
    """Stands for a key of a dictionary that is neither a short text nor a number; no text equals it."""

    __slots__ = ()
    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other


class Keeper(Machine):
    """The engine's machine without the caps on dicts and lists; its findings are of no interest here."""

    def set_items(self, target: Value, items: list[Value], offset: int) -> None:  # noqa: ARG002 - the machine's
        """Keep every item, under a name of its own where its key is no plain one."""
        self.budget.charge(len(items) // 2)
        if type(target) is Obj:
            target.items = {} if target.items is None else target.items
            _put(target.items, items)
        elif type(target) is dict:
            _put(target, items)

    def append(self, target: Value, items: list[Value], offset: int) -> None:  # noqa: ARG002 - the machine's
        """Keep every item, those of an object under their numbers."""
        self.budget.charge(2 + len(items) // 8)
        if type(target) is Obj:
            held = target.items = {} if target.items is None else target.items
            for item in items:
                held[len(held)] = item
        elif type(target) is list:
            target.extend(items)


def _put(target: dict[Key, Value], items: list[Value]) -> None:
    for number in range(0, len(items) - 1, 2):
        key = items[number]
        name = key if is_name(key) else UnnamedKey(f"<key {len(target)}>")
        target[cast("Key", name)] = items[number + 1]  # more kinds of keys than the engine keeps


def is_name(key: object) -> bool:
    """Return True for a key that is kept as it is.

    Larger numbers can be chosen to collide: an attacker would, and fill a dict in quadratic time.
    """
    if type(key) in {int, bool}:
        return -HASHED_PLAINLY < key < HASHED_PLAINLY  # type: ignore[operator]
    return type(key) in {str, float, type(None)}


def walk(data: Buffer, start: int, budget: Budget, *, persistent: bool = False, arrays: bool = False) -> Walk:
    """Return the finished walk over the pickle at *start* of *data*, as `judge_pickle` has it.

    Raises `LimitReached`.
    """
    machine = Keeper("", budget, persistent=persistent, arrays_inline=arrays, read_storage=read_storage)
    walked = Walk(data, start, machine)
    walked.run()
    return walked
