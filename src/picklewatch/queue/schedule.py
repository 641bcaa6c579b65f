"""Decides which file is scanned next; see the package for the rule.

What a scan needs is in the store's queue. Here is only the order, in memory and bounded; what does not fit is taken
in the order of the store's queue.
"""

from __future__ import annotations

import heapq
import math
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from picklewatch.core.candidate import Source
from picklewatch.queue.fair_queue import FairQueue
from picklewatch.queue.rescan_backoff import RescanBackoff
from picklewatch.queue.slow_lane import SECONDS, SlowLane

if TYPE_CHECKING:
    from collections.abc import Iterable

    from picklewatch.core.candidate import Candidate
    from picklewatch.store import Job, Store

OLDEST_EVERY: Final = 4
"""Every so many claims the file that has waited longest goes first, so that nothing waits for ever."""
_CLASSES: Final = (Source.GUARD, Source.EVENT, Source.WALK)
"""The most urgent first; a periodic walk's finds are in the last class, too."""
_FULL_PAUSE: Final = 5.0
"""Seconds before a scan is tried again that was put off while the slow lane was full."""
_DEFERRED: Final = 10_000
_TRIES: Final = 100


class PutOffError(Exception):
    """A scan took too long while the slow lane was full: it is made anew when its turn comes there."""


@dataclass(slots=True)
class Claim:
    """A job that a worker has, and how long its present step may take."""

    job: Job
    since: float
    owner: int = 0
    """The file's owner; a guess until the file is open."""
    step: float = 0.0
    """When its present step began, in monotonic seconds."""
    patience: float = math.inf
    """Seconds after which that step hangs."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _scanning: bool = False
    _given_up: bool = False

    def start_scan(self, patience: float) -> bool:
        """Begin a scan.

        Return False if another thread has taken the scanner over: it must not begin then.
        """
        self.enter_step(patience)
        with self._lock:
            self._scanning = not self._given_up
            return self._scanning

    def end_scan(self, patience: float) -> None:
        """Begin the step after a scan."""
        self.enter_step(patience)
        with self._lock:
            self._scanning = False

    def give_up(self) -> bool:
        """Let no scan begin any more.

        Return True if none is running.
        """
        with self._lock:
            self._given_up = True
            return not self._scanning

    def enter_step(self, patience: float) -> None:
        """Begin another step, which hangs if it takes more than *patience* seconds."""
        self.patience, self.step = math.inf, time.monotonic()
        self.patience = patience


class Schedule:
    """Hands out claims. Any thread may use it."""

    def __init__(self, store: Store) -> None:
        self.backoff = RescanBackoff()
        self._store = store
        self._slow = SlowLane()
        self._condition = threading.Condition()
        self._queues = {source: FairQueue() for source in _CLASSES}
        self._claimed: dict[int, Claim] = {}
        self._announced_again: set[int] = set()
        self._deferred: dict[int, tuple[float, Job, int]] = {}
        """Jobs that pause: until when, and their owners."""
        self._due: list[tuple[float, int]] = []
        """When those pauses end; also of some that have ended already."""
        self._hung: frozenset[int] = frozenset()
        self._claims = 0

    def announce(self, candidates: Iterable[Candidate]) -> None:
        """Note that files wait; one whose verdict is known does no harm."""
        with self._condition:
            for found in candidates:
                key = found.file.device, found.file.inode
                self._queues[min(found.source, Source.WALK)].put(found.path, key, found.owner)
            self._condition.notify_all()

    def wake(self) -> None:
        """Let every waiting worker look again."""
        with self._condition:
            self._store.jobs.look_again()
            self._condition.notify_all()

    def set_workers(self, number: int, seconds: float) -> None:
        """Set how many workers there are from now on, and how many seconds a scan may take.

        Half of them may have slow scans. A single one may have none: a spare one must be there for them.
        """
        with self._condition:
            self._slow.room, self._slow.longest = number // 2, min(SECONDS, seconds / 2)

    def avoid(self, devices: Iterable[int]) -> None:
        """Give out no job of these devices: they do not answer."""
        self._hung = frozenset(devices)

    def claimed(self) -> tuple[Claim, ...]:
        """Return what workers have."""
        return tuple(self._claimed.copy().values())

    def claim(self, longest: float, *, spare: bool = False) -> Claim | None:
        """Claim the job to do next, waiting *longest* seconds at most for one; the caller must `release` it.

        A *spare* worker gets only what waits in the slow lane.
        """
        with self._condition:
            claim = self._claim(spare=spare)
            if claim is None:
                soonest = self._due[0][0] if self._due else math.inf
                self._condition.wait(max(0.01, min(longest, soonest - time.monotonic())))
                claim = self._claim(spare=spare)
            return claim

    def wait_for_slow(self, longest: float) -> bool:
        """Wait, *longest* seconds at most, for a job in the slow lane.

        Return True if one waits.
        """
        with self._condition:
            return bool(self._slow) or (self._condition.wait(longest) and bool(self._slow))

    def check_in(self, claim: Claim) -> None:
        """Let a running scan go on, in the slow lane once it took too long.

        Raises `PutOffError` if that is full.
        """
        job = claim.job
        with self._condition:
            if self._slow.is_at_work(job.id) or time.monotonic() - claim.since <= self._slow.seconds(claim.owner):
                return
            if not self._slow.enter(job.id, claim.owner):
                raise PutOffError

    def abandon(self, claim: Claim) -> None:
        """Keep no place in the slow lane for a job whose thread hangs."""
        with self._condition:
            self._slow.leave(claim.job.id)

    def release(self, claim: Claim, *, again_in: float = 0.0, put_off: bool = False) -> None:
        """End a claim; a job that is still queued may be claimed again, not before *again_in* seconds.

        One that was *put off* waits for its turn in the slow lane.
        """
        job, now = claim.job, time.monotonic()
        with self._condition:
            self._claimed.pop(job.id, None)
            self._slow.leave(job.id)
            if put_off:
                self.backoff.note_scan((job.device, job.inode), now)
            if again_in > 0:
                self._defer(job, claim.owner, now + again_in)
            elif job.id in self._announced_again:  # it may be another content by now
                self._queues[Source.EVENT].put(job.path, (job.device, job.inode), claim.owner)
            elif put_off and not self._slow.put(job, claim.owner):
                self._defer(job, claim.owner, now + _FULL_PAUSE)
            self._announced_again.discard(job.id)
            if put_off:
                self._condition.notify_all()  # a spare worker, too
            else:
                self._condition.notify()

    def _claim(self, *, spare: bool) -> Claim | None:
        now = time.monotonic()
        self._end_pauses(now)
        if (spare or not self._queues[Source.GUARD]) and (job := self._pop_slow(spare=spare)) is not None:
            return self._taken(job, 0, now)
        self._claims += 1
        for _ in range(0 if spare else _TRIES):
            found = self._next()
            if found is None:
                return None
            job, owner = found
            until = self.backoff.not_before((job.device, job.inode))
            if until <= now or len(self._deferred) >= _DEFERRED:
                return self._taken(job, owner, now)
            self._defer(job, owner, until)
        return None

    def _taken(self, job: Job, owner: int, now: float) -> Claim:
        self._claimed[job.id] = claim = Claim(job, now, owner)
        return claim

    def _next(self) -> tuple[Job, int] | None:
        is_oldest_due = self._claims % OLDEST_EVERY == 0
        for source in (Source.GUARD,) if is_oldest_due else _CLASSES:  # a loader waits: before everything, always
            if (found := self._pop_from(self._queues[source])) is not None:
                return found
        job = self._store.jobs.claim(self._is_busy, oldest=is_oldest_due, avoided=self._hung)
        return None if job is None else (job, 0)

    def _is_busy(self, number: int) -> bool:
        return number in self._claimed or number in self._deferred or number in self._slow

    def _pop_from(self, turns: FairQueue) -> tuple[Job, int] | None:
        while (found := turns.pop()) is not None:
            key, owner = found
            if key[0] in self._hung:
                continue
            job = self._store.jobs.of(*key)
            if job is None or job.id in self._deferred or self._slow.holds(job):
                continue
            self._slow.drop(job.id)
            if job.id not in self._claimed:
                return job, owner
            self._announced_again.add(job.id)
        return None

    def _pop_slow(self, *, spare: bool) -> Job | None:
        while (waiting := self._slow.pop(spare=spare)) is not None:
            job = self._store.jobs.of(waiting.device, waiting.inode)
            if job is not None and job.id == waiting.id and job.device not in self._hung and not self._is_busy(job.id):
                return job
            self._slow.leave(waiting.id)  # it is gone, or found again in the queue
        return None

    def _end_pauses(self, now: float) -> None:
        while self._due and self._due[0][0] <= now:
            until, number = heapq.heappop(self._due)
            if self._deferred.get(number, (math.nan,))[0] == until:
                _, job, owner = self._deferred.pop(number)
                self._queues[Source.EVENT].put(job.path, (job.device, job.inode), owner)

    def _defer(self, job: Job, owner: int, until: float) -> None:
        self._deferred[job.id] = until, job, owner
        heapq.heappush(self._due, (until, job.id))
