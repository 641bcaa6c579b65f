"""The questions that wait for a verdict: whose, since when, and how long. No I/O; standard library only.

Each holds a descriptor, and somebody's open or read. Questions about one content wait for one verdict together, and
`max_wait` counts once for a content: an open and its reads, or many openers, wait no longer than the first of them.
"""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, NamedTuple

MOST: Final = 1_000
"""Descriptors held: without any left, the *kernel* refuses everybody's opens, of whatever file."""
SENT: Final = 200
"""Contents that the judge has at a time: what is sent fits into the socket's buffer."""
_LAPSED: Final = 10_000


class HeldQuestion(NamedTuple):
    """One question."""

    fd: int
    pid: int
    since: float
    until: float
    """When it is answered at the latest."""
    tries: int
    """How often its file had changed when the verdict came."""


@dataclass(slots=True)
class _Content:
    until: float
    path: bytes
    questions: dict[int, HeldQuestion] = field(default_factory=dict)
    is_sent: bool = False


class HeldQuestions:
    """All questions that wait."""

    def __init__(self, max_wait: float, most: int = MOST) -> None:
        self._max_wait, self._most = max_wait, most
        self._contents: dict[bytes, _Content] = {}
        self._unsent: deque[bytes] = deque()
        self._due: list[tuple[float, bytes, int]] = []
        self._lapsed: dict[bytes, None] = {}
        self._sent = 0
        self._held = 0

    def __len__(self) -> int:
        return self._held

    @property
    def is_full(self) -> bool:
        """True if no more may be held."""
        return self._held >= self._most

    def is_lapsed(self, state: bytes) -> bool:
        """Return True if somebody waited for this content in vain, and its verdict has not come since."""
        return state in self._lapsed

    def hold(self, state: bytes, path: bytes, held: HeldQuestion) -> None:
        """Let *held* wait for the verdict on *state*; no longer than those who wait for it already."""
        content = self._contents.get(state)
        if content is None:
            content = self._contents[state] = _Content(held.until, path)
            self._unsent.append(state)
        until = min(held.until, content.until)
        content.questions[held.fd] = held._replace(until=until)
        heapq.heappush(self._due, (until, state, held.fd))
        self._held += 1

    def deadline(self, now: float) -> float:
        """Return how long a question of *now* may wait."""
        return now + self._max_wait

    def next_to_send(self) -> tuple[bytes, bytes, HeldQuestion] | None:
        """Return what the judge is to be asked next: a state, its path, a question about it; None for nothing now."""
        while self._unsent and self._sent < SENT:
            state = self._unsent[0]
            content = self._contents.get(state)
            if content is not None and not content.is_sent and content.questions:
                return state, content.path, next(iter(content.questions.values()))
            self._unsent.popleft()
        return None

    def sent(self, state: bytes) -> None:
        """Note that the judge has *state*."""
        self._contents[state].is_sent = True
        self._sent += 1

    def waits_for(self, state: bytes) -> bool:
        """Return True if somebody waits for the verdict on *state*, or did so in vain."""
        return state in self._contents or state in self._lapsed

    def release(self, state: bytes) -> list[HeldQuestion]:
        """Return the questions that waited for the verdict on *state*, which has come."""
        self._lapsed.pop(state, None)
        content = self._contents.pop(state, None)
        if content is None:
            return []
        self._sent -= content.is_sent
        self._held -= len(content.questions)
        return list(content.questions.values())

    def overdue(self, now: float) -> list[HeldQuestion]:
        """Return the questions that have waited too long; who asks about the same again does not wait."""
        found = []
        while self._due and self._due[0][0] <= now:
            _, state, fd = heapq.heappop(self._due)
            content = self._contents.get(state)
            held = None if content is None else content.questions.get(fd)
            if content is None or held is None or held.until > now:
                continue
            del content.questions[fd]
            found.append(held)
            self._held -= 1
            self._lapse(state, content)
        return found

    def wake_at(self) -> float | None:
        """Return when the next question is overdue; None if none waits."""
        return self._due[0][0] if self._due else None

    def ask_again(self) -> None:
        """Have everything sent once more: the judge that had it is gone."""
        self._sent = 0
        for state, content in list(self._contents.items()):
            if not content.questions:
                del self._contents[state]
            elif content.is_sent:
                content.is_sent = False
                self._unsent.append(state)

    def _lapse(self, state: bytes, content: _Content) -> None:
        if not content.questions and not content.is_sent:
            del self._contents[state]
        self._lapsed[state] = None
        if len(self._lapsed) > _LAPSED:
            for old in list(islice(self._lapsed, _LAPSED // 10)):
                del self._lapsed[old]
