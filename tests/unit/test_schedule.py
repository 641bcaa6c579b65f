"""Which file is judged next."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from watching import ENGINE, make_candidate

from picklewatch import schedule
from picklewatch.schedule import Schedule
from picklewatch.store import Store
from picklewatch.watch.candidate import Source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from picklewatch.schedule import Hand


class Queue:
    """A store, and the order in which its jobs are given out."""

    def __init__(self, directory: Path, workers: int = 2) -> None:
        self.directory = directory
        self.store = Store(directory)
        self.schedule = Schedule(self.store)
        self.schedule.set_workers(workers, 20.0)

    def put(self, *names: str, source: Source = Source.EVENT) -> None:
        """Write files and announce them."""
        for name in names:
            path = self.directory / "root" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x")
            candidate = make_candidate(path, source)
            self.store.jobs.offer([candidate], ENGINE.key)
            self.schedule.announce([candidate])

    def claim(self) -> Hand | None:
        """Claim a job without waiting."""
        return self.schedule.claim(0.0)

    def take(self, number: int = 1) -> list[str]:
        """Claim, and end, so many jobs; their names."""
        names = []
        for _ in range(number):
            hand = self.claim()
            assert hand is not None
            names.append(hand.job.path.removeprefix(f"{self.directory}/root/"))
            self.store.jobs.drop(hand.job)
            self.schedule.release(hand)
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
        assert quiet in names[: 5 if source is Source.EVENT else 12]
        assert len(set(names)) == 101


def test_what_is_announced_while_it_is_in_hand_has_its_turn_again(queue: Queue) -> None:
    """It changed during its scan."""
    queue.put("a")
    hand = queue.claim()
    assert hand is not None
    queue.put("a")
    assert queue.claim() is None
    queue.schedule.release(hand)
    assert queue.take() == ["a"]


def test_a_job_that_is_put_off_is_done_later(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not before its time, and others meanwhile."""
    queue.put("a")
    hand = queue.claim()
    assert hand is not None
    queue.schedule.release(hand, again_in=50.0)
    queue.put("b")
    assert queue.take() == ["b"]
    assert queue.claim() is None
    now = time.monotonic() + 60.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    assert queue.take() == ["a"]


def test_slow_directories_never_have_all_workers(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two workers: one is kept for what is elsewhere; with one alone there is nothing to keep."""
    queue.put(*[f"bombs/{number}" for number in range(10)])
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    first = queue.claim()
    assert first is not None
    first.scan_seconds = 20.0
    queue.store.jobs.drop(first.job)
    queue.schedule.release(first)
    bomb = queue.claim()
    assert bomb is not None
    assert queue.claim() is None
    queue.put("elsewhere/x")
    assert queue.take() == ["elsewhere/x"]
    queue.schedule.set_workers(1, 20.0)
    now[0] += 1.0
    assert queue.claim() is not None


def test_a_slow_directory_goes_on_as_fast_as_one_worker_can(queue: Queue) -> None:
    """What the other worker left alone is not left for a while, but until the first is done with its file."""
    queue.put(*[f"bombs/{number}" for number in range(30)])
    bomb = queue.claim()
    assert bomb is not None
    bomb.scan_seconds = 20.0
    began = time.monotonic()
    for _ in range(29):
        queue.store.jobs.drop(bomb.job)
        queue.schedule.release(bomb)
        bomb = queue.claim()
        assert bomb is not None
        assert queue.claim() is None
    assert time.monotonic() - began < 5.0


def test_what_waits_for_the_disk_is_not_slow(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job was in hand for long, its scan was not: its directory is as good as others."""
    queue.put("a/1", "a/2", "a/3")
    first = queue.claim()
    assert first is not None
    now = time.monotonic() + 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    queue.store.jobs.drop(first.job)
    queue.schedule.release(first)
    assert queue.claim() is not None
    assert queue.claim() is not None


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
            queue.schedule.pace.judged((file.device, file.inode), time.monotonic())
    assert len(queue.take()) == 1
    assert len(queue.schedule._deferred) == 2
