"""The result of a check of this machine. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Grade(StrEnum):
    """The result of a check."""

    GOOD = "good"
    REMARK = "remark"
    """It works, and deserves a look."""
    BAD = "bad"
    """A protection is missing or something does not work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """One thing that was checked."""

    name: str
    """A stable kebab-case name, for programs."""
    state: Grade
    text: str
    """The finding in one sentence."""
    hint: str = ""
    """Advice, if there is something to do."""
    facts: dict[str, Any] = field(default_factory=dict)
    """Numbers and paths, for programs."""

    def to_json(self) -> dict[str, Any]:
        """Return the check as a JSON object."""
        shown = {"name": self.name, "state": self.state.value, "text": self.text, "hint": self.hint or None}
        return {**shown, "facts": self.facts}
