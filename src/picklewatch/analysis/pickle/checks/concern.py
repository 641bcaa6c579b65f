"""The result of a check: why a call is not harmless after all."""

from __future__ import annotations

from dataclasses import dataclass

from picklewatch.core.model import Level


@dataclass(frozen=True, slots=True)
class Concern:
    """A reason why a call is not harmless."""

    rule: str
    level: Level
    summary: str


def suspicious_arguments(summary: str) -> Concern:
    """Return the usual concern: *summary* says which arguments no pickler writes."""
    return Concern("suspicious-arguments", Level.UNSAFE, summary)


def indirect_call(summary: str, level: Level = Level.UNSAFE) -> Concern:
    """Return the concern that a function is made to call, or to keep, what the pickle chose."""
    return Concern("indirect-call", level, summary)
