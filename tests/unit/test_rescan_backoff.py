"""How often one file may be judged."""

from __future__ import annotations

from picklewatch.queue.rescan_backoff import Pace

FILE = (1, 2)


def test_the_first_judgements_are_not_held_back() -> None:
    """A file that is written twice is judged twice, at once."""
    pace = Pace()
    assert pace.not_before(FILE) == 0.0
    pace.judged(FILE, 10.0)
    pace.judged(FILE, 10.1)
    assert pace.not_before(FILE) <= 10.1


def test_a_file_judged_all_the_time_is_held_back_longer_and_longer() -> None:
    """Up to the longest pause, never for ever."""
    pace = Pace(first=0.5, longest=30.0)
    now, pauses = 100.0, []
    for _ in range(12):
        pace.judged(FILE, now)
        pauses.append(pace.not_before(FILE) - now)
        now = max(now + 0.01, pace.not_before(FILE))
    assert pauses == sorted(pauses)
    assert pauses[-1] == 30.0
    assert pauses[2] == 0.5


def test_a_rest_is_forgiven() -> None:
    """A file that was left alone for a while is judged at once again."""
    pace = Pace(rest=10.0)
    for number in range(5):
        pace.judged(FILE, number * 0.1)
    assert pace.judged(FILE, 100.0) == 1
    assert pace.not_before(FILE) <= 100.0


def test_files_do_not_hold_back_each_other_and_memory_is_bounded() -> None:
    """The oldest are forgotten."""
    pace = Pace(remembered=10)
    for number in range(100):
        pace.judged((1, number), 1.0)
    assert pace.not_before((1, 5)) == 0.0
    assert len(pace._seen) == 10


def test_a_file_that_is_gone_does_not_hold_back_the_next_with_its_inode() -> None:
    """Inode numbers are used again: what comes after a file was moved away is another file."""
    pace = Pace()
    for number in range(8):
        pace.judged(FILE, number * 0.1)
    assert pace.not_before(FILE) > 1.0
    pace.forget(FILE)
    assert pace.not_before(FILE) == 0.0
