"""Back-off of a file's rescans."""

from __future__ import annotations

from picklewatch.queue.rescan_backoff import RescanBackoff

FILE = (1, 2)


def test_the_first_judgements_are_not_held_back() -> None:
    """A file that is written twice is judged twice, at once."""
    backoff = RescanBackoff()
    assert backoff.not_before(FILE) == 0.0
    backoff.note_scan(FILE, 10.0)
    backoff.note_scan(FILE, 10.1)
    assert backoff.not_before(FILE) <= 10.1


def test_a_file_judged_all_the_time_is_held_back_longer_and_longer() -> None:
    """Up to the longest pause, never for ever."""
    backoff = RescanBackoff(first=0.5, longest=30.0)
    now, pauses = 100.0, []
    for _ in range(12):
        backoff.note_scan(FILE, now)
        pauses.append(backoff.not_before(FILE) - now)
        now = max(now + 0.01, backoff.not_before(FILE))
    assert pauses == sorted(pauses)
    assert pauses[-1] == 30.0
    assert pauses[2] == 0.5


def test_rewrites_buy_less_than_two_seconds() -> None:
    """However many harmless versions came before the hostile one."""
    backoff = RescanBackoff()
    now = 100.0
    for _ in range(1_000):
        backoff.note_scan(FILE, now)
        assert backoff.not_before(FILE) - now < 2.0
        now = max(now + 0.01, backoff.not_before(FILE))


def test_a_rest_is_forgiven() -> None:
    """A file that was left alone for a while is judged at once again."""
    backoff = RescanBackoff(rest=10.0)
    for number in range(5):
        backoff.note_scan(FILE, number * 0.1)
    assert backoff.note_scan(FILE, 100.0) == 1
    assert backoff.not_before(FILE) <= 100.0


def test_files_do_not_hold_back_each_other_and_memory_is_bounded() -> None:
    """The oldest are forgotten."""
    backoff = RescanBackoff(remembered=10)
    for number in range(100):
        backoff.note_scan((1, number), 1.0)
    assert backoff.not_before((1, 5)) == 0.0
    assert len(backoff._seen) == 10


def test_a_file_that_is_gone_does_not_hold_back_the_next_with_its_inode() -> None:
    """Inode numbers are used again: what comes after a file was moved away is another file."""
    backoff = RescanBackoff()
    for number in range(8):
        backoff.note_scan(FILE, number * 0.1)
    assert backoff.not_before(FILE) > 0.7
    backoff.forget(FILE)
    assert backoff.not_before(FILE) == 0.0
