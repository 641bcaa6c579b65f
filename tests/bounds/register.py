"""Why no bound in the code that reads hostile bytes hides an attack: one entry for each that `bounds.finder` finds.

A place is ``function: expression`` (a pattern's is ``name: what it repeats``), as the test prints it that fails on one
without an entry. The entries are in `bounds.of_engine` and its like; docs/bounds.md says how to add one.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from bounds.reach import Reached


class Kind(Enum):
    """The treatment of input beyond a bound."""

    TOLD = "a finding says that it was reached, and the scan is then neither clean nor skipped"
    CAREFUL = "what is beyond it counts as the worst that it could be, so that nothing is vouched for"
    FORMAT = "loaders themselves go no further, or the format has no more"
    WHOLE = "the rest is looked at, too: in further pieces, or in another way"
    BUDGET = "it counts work or time; using it up is told where it is compared"
    SHOWN = "it only shortens what people read"
    SAMPLE = "no loader begins there; not part of the proof, and docs/bounds.md says so"


class Entry(NamedTuple):
    """One bound, or several that are one."""

    places: tuple[str, ...]
    kind: Kind
    reason: str
    rule: str = ""
    """The rule that tells it."""
    reached: Callable[[], Reached] | None = None
    """Makes an input that stays within the bound and one that goes beyond it."""


def told(rule: str, reached: Callable[[], Reached], reason: str, *places: str) -> Entry:
    """Say that reaching these *places* is told by *rule*; *reached* makes inputs that show it."""
    return Entry(places, Kind.TOLD, reason, rule, reached)


def careful(reason: str, *places: str) -> Entry:
    """Say that what lies beyond these *places* counts as the worst that it could be."""
    return Entry(places, Kind.CAREFUL, reason)


def format_(reason: str, *places: str) -> Entry:
    """Say that loaders go no further than these *places*, or that the format has no more."""
    return Entry(places, Kind.FORMAT, reason)


def whole(reason: str, *places: str) -> Entry:
    """Say that what lies beyond these *places* is looked at, too."""
    return Entry(places, Kind.WHOLE, reason)


def budget(reason: str, *places: str) -> Entry:
    """Say that these *places* count work."""
    return Entry(places, Kind.BUDGET, reason)


def shown(reason: str, *places: str) -> Entry:
    """Say that these *places* shorten what people read."""
    return Entry(places, Kind.SHOWN, reason)


def sample(reason: str, *places: str) -> Entry:
    """Say that no loader begins at these *places*."""
    return Entry(places, Kind.SAMPLE, reason)
