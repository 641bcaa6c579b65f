"""The file of `picklewatch doctor`'s self-test, and the daemon's answer. Pure.

It is for pickles what EICAR is for viruses: it imports a module that does not exist, and must be judged malicious.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final, Self

CONTENT: Final = b"\x80\x04\x8c\x15PICKLEWATCH_SELF_TEST\x8c\x08harmless\x93."
"""The whole file: an import that is not even called. Loading it would fail and do nothing else."""
RULE: Final = "self-test-file"
"""The rule that must be found."""
ANSWER: Final = "self-test"
"""The store's key of the newest `SelfTestAnswer`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTestAnswer:
    """The daemon's answer to one self-test file, of which it keeps nothing else."""

    path: str
    verdict: str
    reasons: tuple[str, ...]
    moved: bool
    """True if it was moved to quarantine as configured, and deleted there."""
    problem: str
    """Why it was not moved although it was to be; empty if there is no such problem."""

    def to_json(self) -> dict[str, Any]:
        """Return the answer as the store keeps it."""
        return asdict(self)

    @classmethod
    def of(cls, row: object, path: str) -> Self | None:
        """Return the answer in the store's *row* if it is about *path*, else None."""
        if not isinstance(row, dict) or row.get("path") != path:
            return None
        return cls(**{**row, "reasons": tuple(row["reasons"])})
