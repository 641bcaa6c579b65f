"""Keeps scans that take long from delaying other files. Pure: the caller owns the clock.

Turns alone can't: the cost of a file is not known before its scan. 175 bytes may take a minute, and an attacker puts
two dozen of them in front of, beside, or in other directories than the file that matters, of the same owner. So it is
the scan that is slow, not a place: it has five seconds, half as long for each scan that its owner has in this lane
already, and then goes on in this lane, which has at most half of the workers. If they are all taken the scan is put
off: it begins anew, with all of its time limit, when its turn comes. So all slow files of an owner together delay this
owner's others by ten seconds, and a quarter of a second each. Owners take turns here; of one owner's files the first
comes first.

Nothing is remembered about an owner but what is in the lane: when it is empty everybody has five seconds again.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from picklewatch.store.jobs import Job

SECONDS: Final = 5.0
"""Seconds that a scan may take (or half of its time limit) before it goes on in the slow lane."""
LEAST_SECONDS: Final = 0.25
"""The same for an owner with many scans there: many times as long as an ordinary file takes."""
SECONDS_WHILE_OTHERS_WAIT: Final = 0.5
"""The same while a file that is more urgent, or another owner's, waits for a worker."""
_HALVINGS: Final = 16


class SlowLane:
    """The jobs in the lane: being scanned, or waiting. At most *kept* of them wait."""

    def __init__(self, kept: int = 10_000) -> None:
        self.room = 1
        """Scans that may be at work in the lane."""
        self.longest = SECONDS
        """Seconds that a scan may take outside of the lane."""
        self._kept = kept
        self._at_work: dict[int, int] = {}
        self._waiting: OrderedDict[int, OrderedDict[int, Job]] = OrderedDict()
        self._owners: dict[int, int] = {}
        self._number_of: Counter[int] = Counter()
        """Scans in the lane, at work or waiting, by owner."""

    def __len__(self) -> int:
        """Return how many jobs wait."""
        return len(self._owners)

    def __contains__(self, number: object) -> bool:
        """Return True if the job *number* waits."""
        return number in self._owners

    def seconds(self, owner: int, *, others_wait: bool = False) -> float:
        """Return how long a scan of a file of *owner* may take before it goes on here."""
        longest = min(self.longest, SECONDS_WHILE_OTHERS_WAIT) if others_wait else self.longest
        return max(min(longest, LEAST_SECONDS), longest / 2.0 ** min(self._number_of[owner], _HALVINGS))

    def has(self, owner: int) -> bool:
        """Return True if a scan of a file of *owner* is in the lane."""
        return self._number_of[owner] > 0

    @property
    def at_work(self) -> int:
        """Return how many scans are at work in the lane."""
        return len(self._at_work)

    def is_at_work(self, number: int) -> bool:
        """Return True if the job *number* is being scanned in the lane."""
        return number in self._at_work

    def enter(self, number: int, owner: int) -> bool:
        """Let the job *number*, which is being scanned, go on here; False if there is no room."""
        if len(self._at_work) >= self.room:
            return False
        self._at_work[number] = owner
        self._number_of[owner] += 1
        return True

    def leave(self, number: int) -> None:
        """Note that the job *number* is not being scanned (any more)."""
        owner = self._at_work.pop(number, None)
        if owner is not None:
            self._forget_one_of(owner)

    def put(self, job: Job, owner: int) -> bool:
        """Let *job* wait for its turn; False if too many do."""
        if len(self._owners) >= self._kept:
            return False
        self._owners[job.id] = owner
        self._number_of[owner] += 1
        self._waiting.setdefault(owner, OrderedDict())[job.id] = job
        return True

    def holds(self, job: Job) -> bool:
        """Return True if *job* waits as it is now: a file that was rewritten meanwhile is another content."""
        owner = self._owners.get(job.id)
        return owner is not None and self._waiting[owner][job.id].generation == job.generation

    def drop(self, number: int) -> None:
        """Forget the job *number*, if it waits."""
        owner = self._owners.pop(number, None)
        if owner is not None:
            waiting = self._waiting[owner]
            del waiting[number]
            if not waiting:
                del self._waiting[owner]
            self._forget_one_of(owner)

    def pop(self) -> tuple[Job, int] | None:
        """Take the job whose turn it is to be scanned here, with its owner; None if none waits or there is no room."""
        if not self._waiting or len(self._at_work) >= self.room:
            return None
        owner, waiting = next(iter(self._waiting.items()))
        self._waiting.move_to_end(owner)
        job = next(iter(waiting.values()))
        self.drop(job.id)
        self.enter(job.id, owner)
        return job, owner

    def _forget_one_of(self, owner: int) -> None:
        self._number_of[owner] -= 1
        if not self._number_of[owner]:
            del self._number_of[owner]
