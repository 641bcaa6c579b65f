"""Decides which file is scanned next; see the package for the rule.

What a scan needs is in the store's queue. Here is only the order, in memory and bounded; what does not fit is taken
in the order of the store's queue.
"""

from __future__ import annotations

import heapq
import math
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from picklewatch.core.candidate import Source
from picklewatch.queue.fair_queue import FairQueue
from picklewatch.queue.rescan_backoff import RescanBackoff
from picklewatch.queue.slow_lane import SECONDS, SECONDS_WHILE_OTHERS_WAIT, SlowLane
from picklewatch.store.jobs import Without

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from picklewatch.core.candidate import Candidate
    from picklewatch.store import Job, Store

OLDEST_EVERY: Final = 4
"""Every so many claims the file that has waited longest goes first, so that nothing waits for ever."""
AGAIN_EVERY: Final = 16
"""Every so many claims one goes first whose content was judged before."""
_CLASSES: Final = (Source.EVENT, Source.WALK, Source.AGAIN)
"""Those that take turns, the most urgent first; a periodic walk's finds are with the other walks'."""
_WALKS: Final = frozenset({Source.WALK, Source.RESCAN, Source.AGAIN})
"""Those whose files are judged in batches."""
_FULL_PAUSE: Final = 5.0
"""Seconds before a scan is tried again that was put off while the slow lane was full."""
_DEFERRED: Final = 10_000
_TRIES: Final = 100
_LEAST_THREADS: Final = 3


def spare_workers(number: int) -> int:
    """Return how many workers beyond *number* work while there are slow scans, or an owner's event finds all busy.

    So even one has room for a slow scan, its owner's next files, and everybody else's; and whoever floods all workers
    with small files leaves a spare one to the others.
    """
    return max(0, _LEAST_THREADS - number)


class PutOffError(Exception):
    """A scan took too long while the slow lane was full: it is made anew when its turn comes there."""


@dataclass(slots=True)
class Claim:
    """A job that a worker has, and how long its present step may take."""

    job: Job
    since: float
    owner: int = 0
    """The file's owner; as it was announced until the file is open."""
    step: float = 0.0
    """When its present step began, in monotonic seconds."""
    patience: float = math.inf
    """Seconds after which that step hangs."""
    is_long: bool = False
    """True if it may soon be in the slow lane."""
    beside: dict[int, Job] = field(default_factory=dict)
    """Further jobs that are done together with it: small files of its owner in its directory."""
    is_left_behind: bool = False
    """True if its thread hangs, and another has that one's place."""
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


def _class_of(source: Source) -> Source:
    return Source.WALK if source is Source.RESCAN else source


class Schedule:
    """Hands out claims. Any thread may use it."""

    def __init__(self, store: Store) -> None:
        self.backoff = RescanBackoff()
        self._store = store
        self._slow = SlowLane()
        self._condition = threading.Condition()
        self._queues = {source: FairQueue() for source in (Source.GUARD, *_CLASSES)}
        self._claimed: dict[int, Claim] = {}
        self._beside: set[int] = set()
        """Jobs that were claimed beside another."""
        self._alone: set[int] = set()
        """Jobs that a batch left to a process of their own."""
        self._announced_again: set[int] = set()
        self._deferred: dict[int, tuple[float, Job]] = {}
        """Jobs that pause, and until when."""
        self._due: list[tuple[float, int]] = []
        """When those pauses end; also of some that have ended already."""
        self._hung: frozenset[int] = frozenset()
        self._claims = 0
        self._workers = self._threads = 2

    def announce(self, candidates: Iterable[Candidate]) -> None:
        """Note that files wait; one whose verdict is known does no harm."""
        with self._condition:
            for found in candidates:
                key = found.file.device, found.file.inode
                self._queues[_class_of(found.source)].put(found.path, key, found.owner)
            self._condition.notify_all()

    def wake(self) -> None:
        """Let every waiting worker look again."""
        with self._condition:
            self._store.jobs.look_again()
            self._condition.notify_all()

    def set_workers(self, number: int, seconds: float) -> None:
        """Set how many workers there are from now on, and how many seconds a scan may take.

        Half of them may have slow scans, one at least. `spare_workers` more must be there while the lane is in use.
        """
        with self._condition:
            self._slow.room, self._slow.longest = max(1, number // 2), min(SECONDS, seconds / 2)
            self._workers, self._threads = number, number + spare_workers(number)

    def avoid(self, devices: Iterable[int]) -> None:
        """Give out no job of these devices: they do not answer."""
        self._hung = frozenset(devices)

    def claimed(self) -> tuple[Claim, ...]:
        """Return what workers have."""
        return tuple(self._claimed.copy().values())

    def claim(
        self, longest: float, *, spare: bool = False, is_over: Callable[[], bool] = lambda: False
    ) -> Claim | None:
        """Claim the job to do next, waiting *longest* seconds at most for one; the caller must `release` it.

        While nothing is queued the wait has no end but an announcement, or `wake` once it *is_over*. A *spare* worker
        never waits: without slow scans it takes only what nobody else is there for.
        """
        with self._condition:
            if spare and not self._is_slow():
                return self._claim_among(self._at_work(), self._next_event) if self._is_anybody_left() else None
            claim = self._claim()
            if claim is None and not is_over():
                self._wait(longest)
                claim = self._claim()
            return claim

    def wait_for_spare_work(
        self, longest: float, *, soon: bool = False, idle: float = math.inf, is_over: Callable[[], bool] = lambda: False
    ) -> bool:
        """Wait as `claim` does for work of a spare worker, or for what may *soon* be some; if idle, *idle* seconds."""
        with self._condition:
            if not self._has_spare_work(soon=soon) and not is_over():
                self._wait(longest, idle)
            return self._has_spare_work(soon=soon)

    def _wait(self, longest: float, idle: float = math.inf) -> None:
        """Wait for a notification: *idle* seconds, or *longest* where something may come to be claimed without one."""
        if longest > 0 and not self._claimed and not len(self._store.jobs):
            self._condition.wait(None if idle == math.inf else idle)
            return
        soonest = self._due[0][0] if self._due else math.inf
        self._condition.wait(max(0.01, min(longest, soonest - time.monotonic())))

    def check_in(self, claim: Claim) -> None:
        """Let a running scan go on, in the slow lane once it took too long.

        Raises `PutOffError` if that is full.
        """
        job = claim.job
        with self._condition:
            seconds = self._slow.seconds(claim.owner, others_wait=self._others_wait(claim))
            taken = time.monotonic() - claim.since
            if taken > SECONDS_WHILE_OTHERS_WAIT and not claim.is_long:
                claim.is_long = True
                self._condition.notify_all()  # a spare worker gets ready, which takes a moment
            if self._slow.is_at_work(job.id) or taken <= seconds:
                return
            if not self._slow.enter(job.id, claim.owner):
                raise PutOffError
            self._condition.notify_all()  # a spare worker takes this one's place

    def repeat(self, claim: Claim) -> None:
        """Let the job of *claim*, which waits for another scan, be among the next when the claim ends."""
        with self._condition:
            self._announced_again.add(claim.job.id)

    def abandon(self, claim: Claim) -> None:
        """Keep no place in the slow lane for a job whose thread hangs."""
        with self._condition:
            claim.is_left_behind = True
            for job in list(claim.beside.values()):
                self._give_back(claim, job)
            self._slow.leave(claim.job.id)

    def claim_beside(self, claim: Claim, most: int, largest: int) -> list[Job]:
        """Claim up to *most* jobs to be done together with *claim*: small files that its walk found in its directory.

        None of more than *largest* bytes, none that a batch left to a process of its own; and none at all while
        something more urgent waits. Each of them must be ended by `end_beside`.
        """
        job, now = claim.job, time.monotonic()
        with self._condition:
            was_alone = job.id in self._alone
            self._alone.discard(job.id)
            if was_alone or job.size > largest or job.source not in _WALKS or self._is_urgent():
                return []
            queue, left = self._queues[_class_of(job.source)], []
            keys = queue.pop_beside(job.path, job.owner, most)
            waiting = self._store.jobs.of_all(keys)
            for key in keys:
                other = waiting.get(key)
                if other is None or self._is_busy(other.id):
                    continue
                is_fit = other.size <= largest and other.id not in self._alone and other.owner == job.owner
                if is_fit and other.source in _WALKS and self.backoff.not_before(key) <= now:
                    claim.beside[other.id] = other
                    self._beside.add(other.id)
                else:
                    left.append(other)
            for other in reversed(left):
                queue.put(other.path, (other.device, other.inode), other.owner)
            return list(claim.beside.values())

    def end_beside(self, claim: Claim, job: Job, *, done: bool = False, alone: bool = False) -> None:
        """End a job that was claimed beside *claim*: *done*, or to be claimed again, then *alone* if so."""
        with self._condition:
            if alone and len(self._alone) < _DEFERRED:
                self._alone.add(job.id)
            self._give_back(claim, job, done=done)

    def is_urgent(self) -> bool:
        """Return True if something waits that goes before what a walk found."""
        with self._condition:
            return self._is_urgent()

    def _is_urgent(self) -> bool:
        return any(self._queues[source] for source in (Source.GUARD, Source.EVENT))

    def _give_back(self, claim: Claim, job: Job, *, done: bool = False) -> None:
        if claim.beside.pop(job.id, None) is None:
            return
        self._beside.discard(job.id)
        is_new = job.id in self._announced_again
        self._announced_again.discard(job.id)
        if is_new or not done:
            source = Source.EVENT if is_new else _class_of(job.source)
            self._queues[source].put(job.path, (job.device, job.inode), job.owner)
            self._condition.notify()

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
                self._defer(job, now + again_in)
            elif job.id in self._announced_again:  # it may be another content by now
                self._queues[Source.EVENT].put(job.path, (job.device, job.inode), claim.owner)
            elif put_off and not self._slow.put(job, claim.owner):
                self._defer(job, now + _FULL_PAUSE)
            self._announced_again.discard(job.id)
            if put_off:
                self._condition.notify_all()  # a spare worker, too
            else:
                self._condition.notify()

    def _claim(self) -> Claim | None:
        now = time.monotonic()
        self._end_pauses(now)
        if not self._queues[Source.GUARD] and (slow := self._pop_slow()) is not None:
            return self._taken(*slow, now)
        self._claims += 1
        return self._claim_among(self._served(), self._next)

    def _claim_among(self, served: frozenset[int], following: Callable[[frozenset[int]], Job | None]) -> Claim | None:
        now = time.monotonic()
        for _ in range(_TRIES):
            job = following(served)
            if job is None:
                return None
            until = self.backoff.not_before((job.device, job.inode))
            if until <= now or len(self._deferred) >= _DEFERRED:
                return self._taken(job, job.owner, now)
            self._defer(job, until)
        return None

    def _served(self) -> frozenset[int]:
        """Return the owners who get no worker now: with scans in the slow lane, they leave one to the others."""
        working = Counter(
            claim.owner
            for claim in self._claimed.values()
            if not (claim.is_left_behind or self._slow.is_at_work(claim.job.id))
        )
        most = max(1, self._threads - self._slow.at_work - 1)
        return frozenset(owner for owner, number in working.items() if number >= most and self._slow.has(owner))

    def _at_work(self) -> frozenset[int]:
        """Return the owners of the files that are being scanned."""
        return frozenset(claim.owner for claim in self._claimed.values() if not claim.is_left_behind)

    def _is_anybody_left(self) -> bool:
        """Return True if all workers are busy, and an event waits of somebody whom none of them works for."""
        busy = sum(not claim.is_left_behind for claim in self._claimed.values())
        return busy >= self._workers and self._queues[Source.EVENT].has_other(self._at_work())

    def _has_spare_work(self, *, soon: bool) -> bool:
        return self._is_slow(soon=soon) or self._is_anybody_left()

    def _others_wait(self, claim: Claim) -> bool:
        """Return True if files wait that are more urgent than that of *claim*, or as urgent and another owner's."""
        kind = _class_of(claim.job.source)
        if any(self._queues[source] for source in _CLASSES if source < kind):
            return True
        return any(self._queues[source].has_other({claim.owner}) for source in (Source.GUARD, Source.EVENT))

    def _is_slow(self, *, soon: bool = False) -> bool:
        is_long = soon and any(claim.is_long for claim in self._claimed.values())
        return bool(self._slow) or self._slow.at_work > 0 or is_long

    def _taken(self, job: Job, owner: int, now: float) -> Claim:
        self._claimed[job.id] = claim = Claim(job, now, owner)
        if self._is_anybody_left():
            self._condition.notify_all()  # the last free worker took another's file: the spare one is needed
        return claim

    def _next(self, served: frozenset[int]) -> Job | None:
        """Take the next job, and none of the owners *served*."""
        is_oldest_due, is_again_due = self._claims % OLDEST_EVERY == 0, self._claims % AGAIN_EVERY == 0
        if (job := self._pop_from(self._queues[Source.GUARD], frozenset())) is not None:
            return job  # a loader waits: before everything, always
        if is_oldest_due and not is_again_due and (job := self._from_store(served, oldest=True)) is not None:
            return job
        for source in reversed(_CLASSES) if is_again_due else _CLASSES:
            if (job := self._pop_from(self._queues[source], served)) is not None:
                return job
        return self._from_store(served, oldest=False)

    def _next_event(self, served: frozenset[int]) -> Job | None:
        """Take the next job that was announced, and none of the owners *served*."""
        return self._pop_from(self._queues[Source.EVENT], served)

    def _from_store(self, served: frozenset[int], *, oldest: bool) -> Job | None:
        job = self._store.jobs.claim(self._is_busy, oldest=oldest, but=Without(self._hung, served))
        if job is not None:
            for queue in self._queues.values():
                queue.drop((job.device, job.inode))
        return job

    def _is_busy(self, number: int) -> bool:
        return number in self._claimed or number in self._beside or number in self._deferred or number in self._slow

    def _pop_from(self, turns: FairQueue, served: frozenset[int]) -> Job | None:
        while (found := turns.pop(served)) is not None:
            key, _ = found
            if key[0] in self._hung:
                continue
            job = self._store.jobs.of(*key)
            if job is None or job.id in self._deferred or self._slow.holds(job):
                continue
            self._slow.drop(job.id)
            if job.id not in self._claimed and job.id not in self._beside:
                return job
            self._announced_again.add(job.id)
        return None

    def _pop_slow(self) -> tuple[Job, int] | None:
        while (found := self._slow.pop()) is not None:
            waiting, owner = found
            job = self._store.jobs.of(waiting.device, waiting.inode)
            if job is not None and job.id == waiting.id and job.device not in self._hung and not self._is_busy(job.id):
                return job, owner
            self._slow.leave(waiting.id)  # it is gone, or found again in the queue
        return None

    def _end_pauses(self, now: float) -> None:
        while self._due and self._due[0][0] <= now:
            until, number = heapq.heappop(self._due)
            if self._deferred.get(number, (math.nan,))[0] == until:
                _, job = self._deferred.pop(number)
                self._queues[Source.EVENT].put(job.path, (job.device, job.inode), job.owner)

    def _defer(self, job: Job, until: float) -> None:
        self._deferred[job.id] = until, job
        heapq.heappush(self._due, (until, job.id))
