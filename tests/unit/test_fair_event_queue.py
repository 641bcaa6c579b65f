"""Events that wait to be taken in."""

from __future__ import annotations

from picklewatch.watch.events import Event, EventKind
from picklewatch.watch.fair_event_queue import FairEventQueue


def closed(path: str) -> Event:
    """A file was closed."""
    return Event(EventKind.CLOSED, path)


def test_directories_take_turns() -> None:
    """A flood in one does not delay another's; within one the order is kept."""
    lanes = FairEventQueue(1000)
    for number in range(400):
        assert lanes.put(closed(f"/flood/{number}"))
    assert lanes.put(closed("/quiet/x"))
    taken = [event.path for event in lanes.take(4, 0.0)]
    assert taken == ["/flood/0", "/quiet/x", "/flood/1", "/flood/2"]
    assert len(lanes.take(1000, 0.0)) == 397
    assert len(lanes) == 0
    assert lanes.take(10, 0.01) == []


def test_owners_take_turns_however_many_directories_they_make() -> None:
    """Ten thousand directories of one are one turn of two."""
    queue = FairEventQueue(1000, owner=lambda directory: 1001 if directory.startswith("/quiet") else 1000)
    for number in range(400):
        assert queue.put(closed(f"/flood/{number}/x"))
    for number in range(3):
        assert queue.put(closed(f"/quiet/{number}/x"))
    taken = [event.path for event in queue.take(6, 0.0)]
    assert taken == ["/flood/0/x", "/quiet/0/x", "/flood/1/x", "/quiet/1/x", "/flood/2/x", "/quiet/2/x"]
    assert len(queue.take(1000, 0.0)) == 397
    assert not queue._owners
    assert not queue._held_of


def test_no_owner_takes_all_of_the_queue() -> None:
    """Events of the others have room however many directories one floods."""
    queue = FairEventQueue(10, owner=lambda directory: 1001 if directory.startswith("/quiet") else 1000)
    assert [queue.put(closed(f"/flood/{number}/x")) for number in range(11)] == [True] * 9 + [False] * 2
    assert queue.put(closed("/quiet/x"))
    assert not queue.put(closed("/quiet/y"))


def test_the_queue_is_bounded_and_no_lane_takes_all_of_it() -> None:
    """Events not taken are reported."""
    lanes = FairEventQueue(10, owner=len)
    assert [lanes.put(closed(f"/flood/{number}")) for number in range(7)] == [True] * 5 + [False] * 2
    assert [lanes.put(closed(f"/silent/{number}")) for number in range(6)] == [True] * 5 + [False]
    assert len(lanes) == 10
