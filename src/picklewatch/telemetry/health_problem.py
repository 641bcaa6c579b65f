"""One thing that is wrong with the daemon. Pure data, apart from `Health`: whoever shows it need not load a logger."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HealthProblem:
    """One thing that is wrong."""

    what: str
    """A stable kebab-case name, such as ``watch-limit``."""
    subject: str
    """The thing that it is about, such as a path; may be empty."""
    reason: str
    """One plain sentence."""
    hint: str = ""
    """Advice to the user; empty if it repairs itself."""
