"""How far a sink has been told, in each store. Pure.

What was told does not end at one number: a repository's finds wait while another's are told. So a position is a number
up to which everything was told, and the numbers behind it that were, too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from collections.abc import Iterable

_STORES: Final = 8
"""Stores that are remembered: those of the machine's daemon, of one's own, and of former ones."""


@dataclass(slots=True)
class Position:
    """How far one sink is in one store."""

    fetched: int = 0
    """The daemon was asked up to this number."""
    told: set[int] = field(default_factory=set)
    """Numbers that were told, as long as one before them waits."""

    def saved(self, waiting: Iterable[int]) -> dict[str, Any]:
        """Return what is to be remembered while *waiting* are the numbers that the sink has not taken."""
        after = min(waiting, default=self.fetched + 1) - 1
        self.told = {number for number in self.told if number > after}
        return {"after": after, "told": sorted(self.told)}

    @classmethod
    def of(cls, saved: Any) -> Self | None:
        """Return the position that `saved` remembered, None if it is damaged.

        Asking begins again where the first find waited.
        """
        if not isinstance(saved, dict) or not isinstance(saved.get("after"), int):
            return None
        told = saved.get("told")
        return cls(saved["after"], set(filter(_is_number, told)) if isinstance(told, list) else set())


def _is_number(value: object) -> bool:
    return isinstance(value, int)


class Positions:
    """Those of one sink."""

    def __init__(self, saved: Any = None) -> None:
        self._positions: dict[str, Position] = {}
        for store, position in saved.items() if isinstance(saved, dict) else ():
            if (known := Position.of(position)) is not None:
                self._positions[str(store)] = known

    def of(self, store: str) -> Position | None:
        """Return that in *store*; None if it is not known."""
        return self._positions.get(store)

    def begin(self, store: str) -> Position:
        """Return that in *store*, which may be a new one; the oldest is forgotten if there are too many."""
        position = self._positions.pop(store, None) or Position()
        self._positions[store] = position
        while len(self._positions) > _STORES:
            del self._positions[next(iter(self._positions))]
        return position

    def saved(self, waiting: dict[str, list[int]]) -> dict[str, Any]:
        """Return all of them as JSON; *waiting* are the numbers that the sink has not taken, by store."""
        return {store: position.saved(waiting.get(store, ())) for store, position in self._positions.items()}
