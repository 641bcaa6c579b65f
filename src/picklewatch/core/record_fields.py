"""Declarations that the fields of a record carry in their annotations; wire, JSON and store follow from them. Pure.

``pickles: Annotated[int, Count()] = 0`` in `ScanReport`, and the line of the scan that counts, are the whole field:

- `Flag`, `Count`, `Text`, `Exact`, `Word` or `Choice` says that the sandboxed child computes it, and what the parent
  accepts (`picklewatch.sandbox.wire`). A field without one of them is the parent's, whatever the child sends.
- `HIDDEN` keeps it out of the documented JSON (docs/records.md).
- `OUTCOME` makes two scans of one inode that differ in it two records (`picklewatch.store.records`).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import Enum, StrEnum, auto
from functools import cache
from typing import get_type_hints


class Mark(Enum):
    """Properties of a field apart from its bounds."""

    HIDDEN = auto()
    OUTCOME = auto()


HIDDEN, OUTCOME = Mark.HIDDEN, Mark.OUTCOME


@dataclass(frozen=True, slots=True)
class Flag:
    """True or False."""


@dataclass(frozen=True, slots=True)
class Count:
    """A number from 0 to 2**63 - 1."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text for people: clipped with an ellipsis by the child, made printable by the parent."""

    length: int | str
    """Characters at most, or the name of the limit in `Limits` that says how many."""


@dataclass(frozen=True, slots=True)
class Exact:
    """A name that an allowlist is compared with: never escaped, and left out where it is too long to be sent whole."""

    length: int
    """Characters at most."""


@dataclass(frozen=True, slots=True)
class Word:
    """An identifier of our own."""

    pattern: str
    """A regular expression that matches all of it."""
    length: int
    """Characters at most."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of an enumeration."""

    of: type[StrEnum]


Rule = Flag | Count | Text | Exact | Word | Choice


@cache
def child_fields(kind: type) -> dict[str, Rule]:
    """Return the fields of the dataclass *kind* that the child computes, with what the parent accepts for each."""
    found = ((name, [note for note in notes if isinstance(note, Rule)]) for name, notes in _annotations(kind).items())
    return {name: rules[0] for name, rules in found if rules}


def outcome_fields(kind: type) -> tuple[str, ...]:
    """Return the fields of the dataclass *kind* in which two records of one inode differ."""
    return tuple(name for name, notes in _annotations(kind).items() if OUTCOME in notes)


@cache
def shown_fields(kind: type) -> tuple[str, ...]:
    """Return the fields of the dataclass *kind* that are part of the documented JSON."""
    return tuple(name for name, notes in _annotations(kind).items() if HIDDEN not in notes)


@cache
def _annotations(kind: type) -> dict[str, tuple[object, ...]]:
    hints = get_type_hints(kind, include_extras=True)
    return {field.name: getattr(hints[field.name], "__metadata__", ()) for field in fields(kind)}
