"""Harm that values do by themselves: hash bombs, and interfaces to memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.render import render
from picklewatch.analysis.pickle.semantics.data import CONSTANTS
from picklewatch.analysis.pickle.vm.values import Import, Obj
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from collections.abc import Collection

    from picklewatch.analysis.pickle.report import Budget
    from picklewatch.analysis.pickle.semantics.closed_world import ClosedWorld
    from picklewatch.analysis.pickle.semantics.observations import Observations
    from picklewatch.analysis.pickle.vm.values import Key, Value


class Hazards:
    """Looks at values wherever they become keys, attributes, or the target of an opcode."""

    def __init__(self, observations: Observations, world: ClosedWorld) -> None:
        self._observations = observations
        self.world = world
        self._budget = observations.budget
        self._charge = observations.budget.charge
        self._hash_work = 0
        """Values that hashing keys has looked at so far."""
        self._hash_sizes: dict[int, tuple[int, Value]] = {}
        """The values that hashing a tuple looks at, by identity, and the tuples themselves."""

    def interface(self, target: Obj, named: dict[Key, Value], offset: int) -> None:
        """Report an attribute of *target* that stands for an address in memory, with a shape.

        numpy and torch believe ``__array_interface__`` as it is: it reads and writes at any address.
        """
        for name in among(INTERFACES, named):
            if named[name] is not None:
                self._observations.finding(
                    "hijacked-method",
                    Level.MALICIOUS,
                    offset,
                    f"gives {render(target.callee, 100)} an array's interface: memory at an address from the file",
                    render(named[name], 200),
                )

    def hashed(self, values: Collection[Value], offset: int) -> None:
        """Report keys and members of sets that take too long to be hashed: a tuple hashes all in it each time.

        Sixty tuples of two, each of the one before twice, would take longer to hash than the machine lives.
        """
        self._charge(2 + len(values) // 4)
        others = [value for value in values if type(value) not in CONSTANTS]
        if not others:
            return
        acting = []
        self._charge(5 * len(others))
        for value in others:
            if type(value) is tuple and len(value) <= _SMALL and CONSTANTS.issuperset(map(type, value)):
                continue
            acting.append(value)
            if type(value) is tuple:
                known = self._hash_sizes.get(id(value))
                self._hash_work += known[0] if known is not None else _nodes(value, self._hash_sizes, self._budget)
        if acting:
            self.world.hashed(acting, offset)
        if self._hash_work > _HASH_WORK:
            self._observations.once(
                "resource-bomb", Level.UNSAFE, offset, "shared tuples would take minutes or for ever to be hashed"
            )

    def out_of_kind(self, what: str, target: Value, offset: int, evidence: str) -> None:
        """Report an opcode on a value that no pickler uses it on."""
        name = render(target.callee, 100) if isinstance(target, Obj) else type(target).__name__
        if isinstance(target, Import):
            name = target.key[:200]
        self._observations.finding(
            "opcode-out-of-kind",
            Level.MALICIOUS,
            offset,
            f"{what} is used on something that it is not for ({name})",
            evidence,
        )


INTERFACES = frozenset({"__array_interface__", "__array_struct__", "__cuda_array_interface__"})
"""Attributes that stand for an array at an address."""


def among(names: frozenset[str], named: dict[Key, Value]) -> list[str]:
    """Return those of *names* that are keys of *named*, in the time of the smaller of the two."""
    if len(named) < len(names):
        return [name for name in named if name in names]
    return [name for name in names if name in named]


def _nodes(root: tuple[Value, ...], sizes: dict[int, tuple[int, Value]], budget: Budget) -> int:
    """Return how many values hashing *root* looks at; *sizes* keeps the results, and the tuples themselves."""
    waiting = [root]
    while waiting:
        value = waiting[-1]
        if id(value) in sizes:  # waited for by several
            waiting.pop()
            continue
        budget.charge(3 + len(value))
        unknown = {id(part): part for part in value if type(part) is tuple and id(part) not in sizes}
        if unknown:
            waiting += unknown.values()
            continue
        waiting.pop()
        size = 1 + sum(sizes[id(part)][0] if type(part) is tuple else 1 for part in value)
        sizes[id(value)] = (min(size, _HASH_WORK + 1), value)
    return sizes[id(root)][0]


_SMALL = 16
_HASH_WORK = 100_000_000
"""Values that hashing keys may look at in one pickle: some seconds' worth."""
