"""The slow lane."""

from __future__ import annotations

from picklewatch.core.candidate import Source
from picklewatch.queue.slow_lane import LEAST_SECONDS, SECONDS, SECONDS_WHILE_OTHERS_WAIT, SlowLane
from picklewatch.store.jobs import Job


def job(number: int, generation: int = 1) -> Job:
    """Make a job."""
    return Job(number, f"/m/{number}", 1, number, generation, Source.EVENT)


def test_the_slow_lane_has_room_for_so_many() -> None:
    """What is at work and what is taken from those that wait together."""
    lane = SlowLane()
    lane.room = 2
    assert lane.enter(1, 1000)
    assert lane.put(job(2), 1000)
    assert lane.put(job(3), 1000)
    assert lane.pop() == (job(2), 1000)
    assert lane.pop() is None
    assert not lane.enter(4, 1000)
    assert lane.at_work == 2
    lane.leave(1)
    lane.leave(2)
    assert lane.enter(4, 1000)


def test_owners_take_turns_and_their_files_come_in_order() -> None:
    """Somebody with a thousand bombs delays another's one large model by one of them."""
    lane = SlowLane()
    lane.room = 6
    for number in range(5):
        lane.put(job(number), 1000)
    lane.put(job(10), 1001)
    order = [popped.id for popped, _ in iter(lane.pop, None)]
    assert order == [0, 10, 1, 2, 3, 4]


def test_who_has_slow_scans_has_less_time_for_others_until_they_are_done() -> None:
    """One slow file does not spoil a folder of large ones, a hundred cost little; nobody else pays, or for long."""
    lane = SlowLane()
    assert lane.seconds(1000) == SECONDS
    cost = 0.0
    for number in range(100):
        assert lane.seconds(1000) == max(LEAST_SECONDS, SECONDS / 2**number)
        cost += lane.seconds(1000)
        lane.put(job(number), 1000)
    assert cost < 2 * SECONDS + 100 * LEAST_SECONDS
    assert lane.seconds(1001) == SECONDS
    lane.drop(99)
    assert lane.pop() is not None
    assert lane.has(1000)
    for number in range(100):
        lane.leave(number)
        lane.drop(number)
    assert not lane.has(1000)
    assert lane.seconds(1000) == SECONDS
    lane.longest = 0.1
    lane.put(job(1), 1000)
    assert lane.seconds(1000) == 0.1


def test_a_scan_has_less_time_while_others_wait() -> None:
    """However large the file, what is more urgent gets its worker."""
    lane = SlowLane()
    assert lane.seconds(1000, others_wait=True) == SECONDS_WHILE_OTHERS_WAIT
    for number in range(3):
        lane.put(job(number), 1000)
    assert lane.seconds(1000, others_wait=True) == LEAST_SECONDS


def test_a_job_that_changed_is_held_no_more() -> None:
    """It is another content under the same number."""
    lane = SlowLane()
    lane.put(job(1), 1000)
    assert lane.holds(job(1))
    assert not lane.holds(job(1, generation=2))
    assert 1 in lane
    lane.drop(1)
    lane.drop(1)
    assert not lane.holds(job(1))
    assert len(lane) == 0


def test_the_slow_lane_is_bounded() -> None:
    """Files without a place stay in the queue."""
    lane = SlowLane(kept=2)
    assert lane.put(job(1), 1000)
    assert lane.put(job(2), 1001)
    assert not lane.put(job(3), 1002)
