"""Which file is judged next: the urgent before the rest, every directory in its turn, none for ever last.

What a scan needs is in the store's queue; here is only the order, in memory and bounded. What does not fit into it is
still in the queue, and taken in the queue's own order.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from picklewatch.pace import Pace
from picklewatch.turns import Turns
from picklewatch.watch.candidate import Source

if TYPE_CHECKING:
    from collections.abc import Iterable

    from picklewatch.store import Job, Store
    from picklewatch.watch.candidate import Candidate

OLDEST_EVERY: Final = 4
"""Every so many jobs the one that waits longest goes first, so that nothing waits for ever."""
SLOW_SECONDS: Final = 5.0
"""A directory in which a scan took longer (or half of its time limit) is slow: never are all workers busy with such."""
_SLOW_FOR_SECONDS: Final = 600.0
_SLOW_KEPT: Final = 1_000
_SLOW_PAUSE: Final = 0.5
_DEFERRED: Final = 10_000
_TRIES: Final = 100


@dataclass(slots=True)
class Hand:
    """A job that somebody works on."""

    job: Job
    since: float
    scan_seconds: float = 0.0
    """How long its scan took, when that is over."""
    step: float = 0.0
    """When its present step began, in monotonic seconds."""
    patience: float = math.inf
    """Seconds after which that step hangs."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _scanning: bool = False
    _given_up: bool = False

    def begin_scan(self, patience: float) -> bool:
        """Begin a scan, unless somebody else has the scanner by now; whether it may begin."""
        self.begin(patience)
        with self._lock:
            self._scanning = not self._given_up
            return self._scanning

    def end_scan(self, patience: float) -> None:
        """Begin the step behind a scan."""
        self.begin(patience)
        with self._lock:
            self._scanning = False

    def give_up(self) -> bool:
        """Let no scan begin any more; whether none is at work."""
        with self._lock:
            self._given_up = True
            return not self._scanning

    def begin(self, patience: float) -> None:
        """Begin another step, which hangs after *patience* seconds."""
        self.patience, self.step = math.inf, time.monotonic()
        self.patience = patience


class Schedule:
    """Gives out jobs. Any thread may use it."""

    def __init__(self, store: Store) -> None:
        self.pace = Pace()
        self._store = store
        self._workers, self._slow_seconds = 1, SLOW_SECONDS
        self._condition = threading.Condition()
        self._waited_for, self._urgent, self._rest = Turns(), Turns(), Turns()
        self._in_hand: dict[int, Hand] = {}
        self._announced_again: set[int] = set()
        self._deferred: dict[int, tuple[float, Job]] = {}
        self._slow: OrderedDict[str, float] = OrderedDict()
        self._held_back: OrderedDict[int, None] = OrderedDict()
        self._hung: frozenset[int] = frozenset()
        self._claims = 0

    def announce(self, candidates: Iterable[Candidate]) -> None:
        """Say that files wait (or that they are known)."""
        with self._condition:
            for found in candidates:
                key = found.file.device, found.file.inode
                match found.source:
                    case Source.GUARD:
                        self._waited_for.put(found.path, key)
                    case Source.EVENT:
                        self._urgent.put(found.path, key)
                    case _:
                        self._rest.put(found.path, key)
            self._condition.notify_all()

    def wake(self) -> None:
        """Let everybody who waits look again."""
        with self._condition:
            self._condition.notify_all()

    def set_workers(self, number: int, seconds: float) -> None:
        """Say how many workers there are from now on, and how long they may take for a scan."""
        self._workers, self._slow_seconds = number, min(SLOW_SECONDS, seconds / 2)

    def avoid(self, devices: Iterable[int]) -> None:
        """Give out no job of these devices: they do not answer."""
        self._hung = frozenset(devices)

    def in_hand(self) -> tuple[Hand, ...]:
        """What is being worked on."""
        return tuple(self._in_hand.copy().values())

    def claim(self, longest: float) -> Hand | None:
        """The job to do next; waits for one, for *longest* seconds at most. `release` it."""
        with self._condition:
            hand = self._claim()
            if hand is None:
                soonest = min((until for until, _ in self._deferred.values()), default=float("inf"))
                self._condition.wait(max(0.01, min(longest, soonest - time.monotonic())))
                hand = self._claim()
            return hand

    def release(self, hand: Hand, *, again_in: float = 0.0) -> None:
        """Give a job out of hand; if it is still queued it may be claimed again, not before *again_in* seconds."""
        job, now = hand.job, time.monotonic()
        with self._condition:
            self._in_hand.pop(job.id, None)
            if hand.scan_seconds > self._slow_seconds:
                self._note_slow(job, now)
            self._let_one_on(now)
            if again_in > 0:
                self._defer(job, now + again_in)
            elif job.id in self._announced_again:
                self._urgent.put(job.path, (job.device, job.inode))
            self._announced_again.discard(job.id)
            self._condition.notify()

    def _claim(self) -> Hand | None:
        now = time.monotonic()
        for number in [number for number, (until, _) in self._deferred.items() if until <= now]:
            job = self._deferred.pop(number)[1]
            self._held_back.pop(number, None)
            self._urgent.put(job.path, (job.device, job.inode))
        self._claims += 1
        for _ in range(_TRIES):
            job_ = self._next()
            if job_ is None:
                return None
            until = self.pace.not_before((job_.device, job_.inode))
            is_held_back = until <= now and self._is_held_back(job_, now)
            if (until <= now and not is_held_back) or len(self._deferred) >= _DEFERRED:
                self._in_hand[job_.id] = hand = Hand(job_, now)
                return hand
            self._defer(job_, max(until, now + _SLOW_PAUSE) if is_held_back else until)
            if is_held_back:
                self._held_back[job_.id] = None
        return None

    def _next(self) -> Job | None:
        turn = self._claims % OLDEST_EVERY
        job = self._of_turns(self._waited_for)
        if job is not None:
            return job
        if turn != 0:
            job = self._of_turns(self._urgent)
            if job is None and turn == 1:
                job = self._of_turns(self._rest)
            if job is not None:
                return job
        busy = {*self._in_hand, *self._deferred}
        return self._store.jobs.claim(busy, oldest=turn == 0, avoided=self._hung)

    def _of_turns(self, turns: Turns) -> Job | None:
        while (key := turns.pop()) is not None:
            if key[0] in self._hung:
                continue
            job = self._store.jobs.of(*key)
            if job is None or job.id in self._deferred:
                continue
            if job.id not in self._in_hand:
                return job
            self._announced_again.add(job.id)
        return None

    def _is_held_back(self, job: Job, now: float) -> bool:
        """Whether *job* is of a slow directory while all other workers have such jobs."""
        if self._workers < 2 or not self._is_slow(job, now):  # noqa: PLR2004 - one can't be kept free
            return False
        slow = sum(
            now - hand.since > self._slow_seconds or self._is_slow(hand.job, now) for hand in self._in_hand.values()
        )
        return slow >= self._workers - 1

    def _let_one_on(self, now: float) -> None:
        """Let a job of a slow directory follow the one that ended; at once, or they would keep the pause's pace."""
        if self._held_back:
            number = self._held_back.popitem(last=False)[0]
            self._defer(self._deferred[number][1], now)

    def _is_slow(self, job: Job, now: float) -> bool:
        return now - self._slow.get(os.path.dirname(job.path), -_SLOW_FOR_SECONDS) < _SLOW_FOR_SECONDS  # noqa: PTH120

    def _note_slow(self, job: Job, now: float) -> None:
        directory = os.path.dirname(job.path)  # noqa: PTH120 - any bytes, no object needed
        self._slow[directory] = now
        self._slow.move_to_end(directory)
        while len(self._slow) > _SLOW_KEPT:
            self._slow.popitem(last=False)

    def _defer(self, job: Job, until: float) -> None:
        self._deferred[job.id] = until, job
