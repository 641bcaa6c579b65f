"""Which file is judged next."""

from __future__ import annotations

import math
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from support.watching import ENGINE, eventually, make_candidate, make_record

from picklewatch.core.candidate import Source
from picklewatch.queue import schedule
from picklewatch.queue.schedule import AGAIN_EVERY, PutOffError, Schedule, spare_workers
from picklewatch.store import Store, jobs
from picklewatch.store.jobs import Jobs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    from picklewatch.queue.schedule import Claim
    from picklewatch.store.transaction import Row


class Queue:
    """A store, and the order in which its jobs are given out."""

    def __init__(self, directory: Path, workers: int = 2) -> None:
        self.directory = directory
        self.store = Store(directory)
        self.schedule = Schedule(self.store)
        self.schedule.set_workers(workers, 20.0)

    def put(self, *names: str, source: Source = Source.EVENT, owner: int = 0) -> None:
        """Write files of *owner* and announce them."""
        for name in names:
            path = self.directory / "root" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x")
            candidate = replace(make_candidate(path, source), owner=owner)
            self.store.jobs.offer([candidate], ENGINE.key)
            self.schedule.announce([candidate])

    def claim(self) -> Claim | None:
        """Claim a job without waiting."""
        return self.schedule.claim(0.0)

    def take(self, number: int = 1) -> list[str]:
        """Claim, and end, so many jobs; their names."""
        names = []
        for _ in range(number):
            claim = self.claim()
            assert claim is not None
            names.append(claim.job.path.removeprefix(f"{self.directory}/root/"))
            self.store.jobs.drop(claim.job)
            self.schedule.release(claim)
        return names


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Queue]:
    """An empty queue."""
    queue = Queue(tmp_path)
    yield queue
    queue.store.close()


def test_a_download_goes_before_what_a_walk_found(queue: Queue) -> None:
    """However much that is; and one that came long ago is not last for ever."""
    queue.put(*[f"models/{number}" for number in range(100)], source=Source.WALK)
    assert len(queue.take(10)) == 10
    queue.put("downloads/new")
    assert "downloads/new" in queue.take(2)
    rest = queue.take(89)
    assert len(set(rest)) == 89
    assert queue.claim() is None


def test_what_was_judged_before_goes_behind_what_is_new(queue: Queue) -> None:
    """By a version whose verdicts are old now, or before its rights changed; it does not wait for ever."""
    old = [f"models/{number}" for number in range(40)]
    queue.put(*old)
    for name in queue.take(40):
        path = queue.directory / "root" / name
        queue.store.finish(None, make_record(str(path), make_candidate(path).file))
    upgraded = replace(ENGINE, rules="fedcba987654").key
    walked = [make_candidate(queue.directory / "root" / name, Source.WALK) for name in old]
    queue.schedule.announce(queue.store.jobs.offer(walked, upgraded).queued)
    assert queue.store.jobs.again() == len(queue.store.jobs) == 40
    new = [f"new/{number}" for number in range(30)]
    queue.put(*new, source=Source.WALK)
    taken = queue.take(30 + 2)
    assert 30 // AGAIN_EVERY <= 2
    assert set(new) <= set(taken)
    queue.put("models/0")
    assert queue.take() == ["models/0"], "an event is urgent whatever was known"
    assert len(set(queue.take(37))) == 37
    assert queue.claim() is None


def test_what_a_loader_waits_for_goes_before_all(queue: Queue) -> None:
    """At every turn."""
    queue.put(*[f"downloads/{number}" for number in range(10)])
    for number in range(schedule.OLDEST_EVERY):
        queue.put(f"downloads/held-{number}", source=Source.GUARD)
        assert queue.take() == [f"downloads/held-{number}"]


def test_a_flooded_directory_does_not_keep_others_waiting(queue: Queue) -> None:
    """Neither announced nor found by a walk."""
    for source in (Source.EVENT, Source.WALK):
        flood, quiet = f"flood-{source}", f"quiet-{source}/x"
        queue.put(*[f"{flood}/{number // 5}/{number}" for number in range(50)], quiet, source=source)
        queue.put(*[f"{flood}/more/{number}" for number in range(50)], source=source)
        names = queue.take(101)
        assert quiet in names[:5]
        assert len(set(names)) == 101


def test_what_is_announced_while_it_is_in_hand_has_its_turn_again(queue: Queue) -> None:
    """It changed during its scan."""
    queue.put("a")
    claim = queue.claim()
    assert claim is not None
    queue.put("a")
    assert queue.claim() is None
    queue.schedule.release(claim)
    assert queue.take() == ["a"]


def test_a_job_that_is_put_off_is_done_later(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not before its time, and others meanwhile."""
    queue.put("a")
    claim = queue.claim()
    assert claim is not None
    queue.schedule.release(claim, again_in=50.0)
    queue.put("b")
    assert queue.take() == ["b"]
    assert queue.claim() is None
    now = time.monotonic() + 60.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    assert queue.take() == ["a"]


def begun(queue: Queue, *, late: bool = False) -> Claim:
    """Claim a job, and let its scan be *late*."""
    claim = queue.claim()
    assert claim is not None
    if late:
        claim.since -= 1000.0
    return claim


def test_a_slow_scan_goes_on_in_the_slow_lane_and_the_next_is_put_off(queue: Queue) -> None:
    """Two workers: one has a slow scan, the other is for whatever comes; in the same directory, of the same user."""
    queue.put("a/1", "a/2", "a/3")
    first, second = begun(queue, late=True), begun(queue, late=True)
    queue.schedule.check_in(first)
    queue.schedule.check_in(first)
    with pytest.raises(PutOffError):
        queue.schedule.check_in(second)
    queue.schedule.release(second, put_off=True)
    assert queue.take() == ["a/1"]
    assert queue.claim() is None
    queue.store.jobs.drop(first.job)
    queue.schedule.release(first)
    again = begun(queue, late=True)
    assert again.job.id == second.job.id
    queue.schedule.check_in(again)


def test_few_workers_have_a_spare_one_while_a_scan_is_slow(queue: Queue) -> None:
    """It takes the place of the one whose scan goes on."""
    queue.schedule.set_workers(1, 20.0)
    queue.put("a/1", "a/2")
    assert not queue.schedule.wait_for_spare_work(0.0)
    first = begun(queue, late=True)
    queue.schedule.check_in(first)
    assert queue.schedule.wait_for_spare_work(0.0)
    assert queue.take() == ["a/1"]
    queue.store.jobs.drop(first.job)
    queue.schedule.release(first)
    assert not queue.schedule.wait_for_spare_work(0.0)


def test_a_worker_waits_without_an_end_while_nothing_is_queued(queue: Queue) -> None:
    """However short a moment it would wait beside a queue: nothing but an announcement, or the end, wakes it."""
    claims: list[Claim | None] = []
    is_over = threading.Event()

    def claim() -> None:
        claims.append(queue.schedule.claim(0.01, is_over=is_over.is_set))

    def spare() -> None:
        queue.schedule.wait_for_spare_work(0.01, is_over=is_over.is_set)

    workers = [threading.Thread(target=work, daemon=True) for work in (claim, spare)]
    for worker in workers:
        worker.start()
        worker.join(0.3)
        assert worker.is_alive(), "it polls"
    queue.put("a")
    assert eventually(lambda: bool(claims))
    assert claims[0] is not None
    is_over.set()
    queue.schedule.wake()
    assert eventually(lambda: not any(worker.is_alive() for worker in workers))
    queue.store.jobs.drop(claims[0].job)
    queue.schedule.release(claims[0])
    claim()
    assert claims[1] is None, "it does not begin to wait when all is over"


def test_a_single_worker_leaves_a_spare_one_to_the_others_too(queue: Queue) -> None:
    """One scan is slow, its owner's next file has the second thread, and another's does not wait for either."""
    queue.schedule.set_workers(1, 20.0)
    assert spare_workers(1) == 2
    queue.put("a/1", "a/2", "a/3", owner=1000)
    queue.schedule.check_in(begun(queue, late=True))
    begun(queue)
    assert queue.claim() is None, "the third thread is the others'"
    queue.put("b/1", owner=1001)
    assert queue.take() == ["b/1"]


def test_the_spare_worker_is_for_whom_nobody_works(queue: Queue) -> None:
    """One user floods both workers: another's event is not left waiting for them; more of the same user's are."""
    spare = queue.schedule
    queue.put("a/1", "a/2", "a/3", owner=1000)
    queue.put("b/walked", owner=1001, source=Source.WALK)
    first = begun(queue)
    queue.put("b/1", owner=1001)
    assert not spare.wait_for_spare_work(0.0), "a worker is free"
    assert spare.claim(0.0, spare=True) is None
    second = begun(queue)
    assert {first.owner, second.owner} == {1000}
    assert spare.wait_for_spare_work(0.0)
    claim = spare.claim(0.0, spare=True)
    assert claim is not None
    assert claim.owner == 1001
    queue.put("b/2", owner=1001)
    assert not spare.wait_for_spare_work(0.0), "somebody works for both, and what a walk found can wait"
    assert spare.claim(0.0, spare=True) is None
    queue.put("c/1", owner=1002)
    assert spare.wait_for_spare_work(0.0)


def test_an_owner_with_a_slow_scan_leaves_a_worker_to_the_others(queue: Queue) -> None:
    """Nobody waits for the files of one who has everything in work; without slow scans all workers are anybody's."""
    queue.put("a/1", "a/2", "a/3", owner=1000)
    first, second = begun(queue, late=True), begun(queue)
    queue.schedule.check_in(first)
    assert queue.claim() is None
    queue.put("b/1", "b/2", owner=1001)
    assert queue.take(2) == ["b/2", "b/1"]
    assert queue.claim() is None
    queue.store.jobs.drop(first.job)
    queue.schedule.release(first)
    assert queue.take() == ["a/1"]
    queue.schedule.release(second)


def test_a_scan_yields_when_another_owners_file_or_a_more_urgent_one_waits(queue: Queue) -> None:
    """After half a second of a walk's, or of one's own; not for the next file of the same owner."""
    queue.put("a/1", owner=1000)
    queue.put("a/2", owner=1000, source=Source.WALK)
    own, walked = begun(queue), begun(queue)
    own.since -= 2.0
    walked.since -= 2.0
    queue.schedule.check_in(own)
    queue.schedule.check_in(walked)
    queue.put("a/3", owner=1000)
    queue.schedule.check_in(own)
    assert not queue.schedule.wait_for_spare_work(0.0)
    queue.schedule.check_in(walked)
    assert queue.schedule.wait_for_spare_work(0.0), "it went on in the slow lane"
    queue.put("b/1", owner=1001)
    with pytest.raises(PutOffError):
        queue.schedule.check_in(own)


def test_what_is_written_anew_leaves_the_slow_lane(queue: Queue) -> None:
    """A quick attack in the place of a bomb must not wait behind all others."""
    queue.put("a/1", "a/2")
    first, second = begun(queue, late=True), begun(queue, late=True)
    queue.schedule.check_in(first)
    queue.schedule.release(second, put_off=True)
    queue.schedule.announce([make_candidate(queue.directory / "root" / "a/1")])
    assert queue.claim() is None
    (queue.directory / "root" / "a/1").write_bytes(b"another")
    candidate = make_candidate(queue.directory / "root" / "a/1")
    queue.store.jobs.offer([candidate], ENGINE.key)
    queue.schedule.announce([candidate])
    assert queue.take() == ["a/1"]


def test_a_hanging_thread_keeps_no_place_in_the_slow_lane(queue: Queue) -> None:
    """Another worker has its place, and slow scans go on."""
    queue.put("a/1", "a/2")
    first, second = begun(queue, late=True), begun(queue, late=True)
    queue.schedule.check_in(first)
    queue.schedule.abandon(first)
    queue.schedule.check_in(second)


def test_a_claim_costs_the_same_however_many_wait_in_the_slow_lane(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that cannot be claimed is passed once a second, and not for each file."""
    monkeypatch.setattr(jobs, "_LOOK_SECONDS", math.inf)
    monkeypatch.setattr(time, "monotonic", lambda: 1000.0)
    queue.put(*[f"bombs/{number}" for number in range(301)])
    slow = begun(queue, late=True)
    queue.schedule.check_in(slow)
    for _ in range(300):
        queue.schedule.release(begun(queue), put_off=True)
    looks = []
    page = Jobs._page

    def looked(of: Jobs, *arguments: Any) -> list[Row]:
        looks.append(arguments)
        return page(of, *arguments)

    monkeypatch.setattr(Jobs, "_page", looked)
    for number in range(100):
        queue.put(f"others/{number}")
        assert queue.take() == [f"others/{number}"]
    assert len(looks) < 100


def test_a_device_that_does_not_answer_is_left_alone(queue: Queue) -> None:
    """Its jobs wait until it does."""
    queue.put("a")
    device = make_candidate(queue.directory / "root" / "a").file.device
    queue.schedule.avoid([device])
    for _ in range(schedule.OLDEST_EVERY):
        assert queue.claim() is None
    queue.schedule.avoid([])
    assert queue.take() == ["a"]


def test_files_that_are_held_back_are_bounded(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more than can be kept in mind, none is held back."""
    monkeypatch.setattr(schedule, "_DEFERRED", 2)
    queue.put("a", "b", "c")
    for name in "abc":
        file = make_candidate(queue.directory / "root" / name).file
        for _ in range(10):
            queue.schedule.backoff.note_scan((file.device, file.inode), time.monotonic())
    assert len(queue.take()) == 1
    assert len(queue.schedule._deferred) == 2


def beside(queue: Queue, claim: Claim, most: int = 10) -> set[str]:
    """Claim what is done together with *claim*; their names."""
    jobs = queue.schedule.claim_beside(claim, most, 100)
    return {job.path.removeprefix(f"{queue.directory}/root/") for job in jobs}


def test_small_files_beside_a_walks_file_are_claimed_with_it(queue: Queue) -> None:
    """Of its owner, its directory and its size, once each; all others wait as before."""
    queue.put("a/1", "a/2", "a/3", "a/4", source=Source.WALK)
    claim = queue.claim()
    assert claim is not None
    queue.put("b/1", source=Source.WALK)
    queue.put("a/other", source=Source.WALK, owner=7)
    large = queue.directory / "root/a/large"
    large.write_bytes(bytes(101))
    queue.store.jobs.offer([make_candidate(large, Source.WALK)], ENGINE.key)
    queue.schedule.announce([make_candidate(large, Source.WALK)])
    mine = claim.job.path.removeprefix(f"{queue.directory}/root/")
    assert beside(queue, claim) == {"a/1", "a/2", "a/3", "a/4"} - {mine}
    assert len(queue.schedule.claimed()) == 1
    for job in list(claim.beside.values()):
        queue.store.jobs.drop(job)
        queue.schedule.end_beside(claim, job, done=True)
    queue.store.jobs.drop(claim.job)
    queue.schedule.release(claim)
    assert sorted(queue.take(3)) == ["a/large", "a/other", "b/1"]


def test_nothing_is_claimed_beside_while_something_urgent_waits_or_for_a_download(queue: Queue) -> None:
    """A batch must not come between a fresh file and its verdict."""
    queue.put("a/1", "a/2", source=Source.WALK)
    walk = queue.claim()
    assert walk is not None
    queue.put("new/1", "new/2")
    assert queue.schedule.is_urgent()
    assert beside(queue, walk) == set()
    fresh = queue.claim()
    assert fresh is not None
    assert fresh.job.source is Source.EVENT
    assert beside(queue, fresh) == set()


def test_what_a_batch_leaves_alone_is_claimed_alone(queue: Queue) -> None:
    """By itself first, and with no neighbours: it has a process of its own then."""
    queue.put("a/1", "a/2", "a/3", source=Source.WALK)
    claim = queue.claim()
    assert claim is not None
    assert len(beside(queue, claim)) == 2
    left = next(iter(claim.beside.values()))
    queue.schedule.end_beside(claim, left, alone=True)
    again = queue.claim()
    assert again is not None
    assert again.job.id == left.id
    assert beside(queue, again) == set()


def test_a_hanging_thread_keeps_no_file_that_it_claimed_beside_another(queue: Queue) -> None:
    """They are claimed by others; only the one in its hands waits for it."""
    queue.put("a/1", "a/2", "a/3", source=Source.WALK)
    claim = queue.claim()
    assert claim is not None
    assert len(beside(queue, claim)) == 2
    queue.schedule.abandon(claim)
    assert claim.beside == {}
    assert len(queue.take(2)) == 2


def test_what_is_announced_while_it_is_in_a_batch_has_its_turn_again(queue: Queue) -> None:
    """As with a file that is claimed itself."""
    queue.put("a/1", "a/2", source=Source.WALK)
    claim = queue.claim()
    assert claim is not None
    (job,) = queue.schedule.claim_beside(claim, 10, 100)
    queue.put("a/" + job.path[-1])
    assert queue.claim() is None
    queue.schedule.end_beside(claim, job, done=True)
    again = queue.claim()
    assert again is not None
    assert again.job.id == job.id
