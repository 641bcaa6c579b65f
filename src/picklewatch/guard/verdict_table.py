"""The verdicts that the answerer knows. Standard library only."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from picklewatch.guard.states import Answer

MOST: Final = 2_000_000
"""States that are remembered: about 260 MB."""


class VerdictTable:
    """Maps states to answers; beyond *most* of them the oldest are forgotten, and asked about again."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._answers: dict[bytes, Answer] = {}

    def __len__(self) -> int:
        return len(self._answers)

    def answer(self, state: bytes) -> Answer | None:
        """Return the answer for exactly this *state*, or None."""
        return self._answers.get(state)

    def put(self, state: bytes, answer: Answer) -> None:
        """Remember *answer* for *state*."""
        self._answers[state] = answer
        if len(self._answers) > self._most:
            for old in list(islice(self._answers, max(1, self._most // 10))):
                del self._answers[old]

    def clear(self) -> None:
        """Forget everything."""
        self._answers.clear()
