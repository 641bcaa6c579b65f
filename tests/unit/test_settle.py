"""When a file is worth judging."""

from __future__ import annotations

import pytest

from picklewatch.watch.caches import is_temporary
from picklewatch.watch.settle import DEFAULT_DELAYS, Delays, Look, Settle, Sign

STILL = Look(10, 1)


def still(_path: str) -> Look:
    """See a file that nobody touches."""
    return STILL


def gone(_path: str) -> None:
    """See nothing."""


@pytest.mark.parametrize("sign", [Sign.CLOSED, Sign.MOVED])
def test_closed_and_moved_files_are_due_at_once(sign: Sign) -> None:
    """A writer that closes, or a rename into place, leaves nothing to wait for."""
    settle = Settle(is_temporary=is_temporary)
    settle.notice("/m", sign, 5.0)
    assert list(settle.due(5.0, still)) == ["/m"]
    assert list(settle.due(9.0, still)) == []


def test_a_file_that_only_appeared_is_due_within_a_moment() -> None:
    """Two looks that agree are enough: 0.15 s."""
    settle = Settle(is_temporary=is_temporary)
    settle.notice("/m", Sign.CREATED, 0.0)
    assert list(settle.due(0.0, still)) == []
    assert list(settle.due(0.05, still)) == []
    assert list(settle.due(0.15001, still)) == ["/m"]


def test_what_a_writer_closed_goes_before_what_only_appeared() -> None:
    """A thousand new directories with a file in each delay nobody's download."""
    settle = Settle(is_temporary=is_temporary)
    for number in range(1000):
        settle.notice(f"/flood/{number}/m", Sign.CREATED, 0.0)
    assert list(settle.due(1.0, still)) == []
    settle.notice("/m", Sign.CLOSED, 2.0)
    assert next(settle.due(2.0, still)) == "/m"


def test_a_file_that_grows_waits_longer_every_time() -> None:
    """The pause doubles while looks disagree, so a slow download is not judged in pieces."""
    settle = Settle(is_temporary=is_temporary)
    settle.notice("/m", Sign.CREATED, 0.0)
    size, now, looks = 0, 0.0, 0

    def growing(_path: str) -> Look:
        nonlocal size, looks
        size += 1
        looks += 1
        return Look(size, size)

    while now < 60:
        wake = settle.wake_at()
        assert wake is not None
        now = wake
        assert list(settle.due(now, growing)) == []
    assert looks < 25


def test_a_file_that_never_rests_is_judged_after_the_ceiling() -> None:
    """A log-like file can't hide for ever by changing."""
    settle = Settle(Delays(ceiling=10.0), is_temporary=is_temporary)
    settle.notice("/m", Sign.CREATED, 0.0)
    size = 0

    def growing(_path: str) -> Look:
        nonlocal size
        size += 1
        return Look(size, size)

    now, due = 0.0, list[str]()
    while not due:
        wake = settle.wake_at()
        assert wake is not None
        assert wake < 20
        now = wake
        due = list(settle.due(now, growing))
    assert due == ["/m"]


@pytest.mark.parametrize(("writer", "longest"), [(False, 0.2), (None, 10.5), (True, 10.5)])
def test_touching_a_file_does_not_keep_it_from_being_scanned(writer: bool | None, longest: float) -> None:  # noqa: FBT001
    """Whoever owns it may set its times every millisecond; a writer closes it in the end, and it is scanned again."""
    settle = Settle(is_temporary=is_temporary)
    settle.notice("/m", Sign.CREATED, 0.0)
    now = 0.0
    while not list(settle.due(now, lambda _path: Look(10, int(now * 1000), writer))):  # noqa: B023 - called at once
        now += 0.05
    assert now <= longest


def test_a_silent_writer_is_waited_for_only_so_long() -> None:
    """Somebody who keeps the file open without writing delays the verdict by the patience."""
    settle = Settle(Delays(patience=2.0), is_temporary=is_temporary)
    settle.notice("/m", Sign.CREATED, 0.0)
    now = 0.0
    while not list(settle.due(now, lambda _: Look(10, 1, writer=True))):
        wake = settle.wake_at()
        assert wake is not None
        now = wake
    assert 2.0 <= now <= 5.0


def test_closing_ends_the_wait() -> None:
    """A file that appeared, then was closed, is due at once."""
    settle = Settle(is_temporary=is_temporary)
    settle.notice("/m", Sign.CREATED, 0.0)
    settle.notice("/m", Sign.CLOSED, 0.01)
    assert list(settle.due(0.01, still)) == ["/m"]
    assert settle.wake_at() is None


def test_temporary_names_are_given_a_moment_to_be_renamed() -> None:
    """A downloader's temporary file is judged under its final name, once."""
    settle = Settle(is_temporary=is_temporary)
    settle.notice("/blobs/ab.1f2e3d4c.incomplete", Sign.CLOSED, 0.0)
    assert list(settle.due(0.01, still)) == []
    settle.rename("/blobs/ab.1f2e3d4c.incomplete", "/blobs/ab", 0.02)
    assert list(settle.due(0.02, still)) == ["/blobs/ab"]
    assert settle.wake_at() is None


def test_a_temporary_name_that_stays_is_judged() -> None:
    """A name only delays: hostile bytes called ``.incomplete`` are judged a second later."""
    settle = Settle(is_temporary=is_temporary)
    settle.notice("/x.incomplete", Sign.CLOSED, 0.0)
    assert list(settle.due(DEFAULT_DELAYS.grace, still)) == ["/x.incomplete"]


def test_what_vanished_is_not_due() -> None:
    """A file that is gone by the first look needs no verdict."""
    settle = Settle(is_temporary=is_temporary)
    settle.notice("/m", Sign.CREATED, 0.0)
    assert list(settle.due(10.0, gone)) == []
    assert len(settle) == 0


def test_beyond_its_capacity_it_lets_the_oldest_go() -> None:
    """Memory stays bounded: what does not fit is due unseen, nothing is dropped."""
    settle = Settle(Delays(capacity=2), is_temporary=is_temporary)
    for name in "abc":
        settle.notice(f"/{name}", Sign.CREATED, 0.0)
    assert list(settle.due(0.0, still)) == ["/a"]
    assert len(settle) == 2
