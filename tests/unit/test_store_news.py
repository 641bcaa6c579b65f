"""What the store says is new."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from support.watching import make_record

from picklewatch.core.model import FileId, Verdict
from picklewatch.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BAD = (Verdict.UNSAFE, Verdict.MALICIOUS)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty one."""
    with closing(Store(tmp_path)) as opened:
        yield opened


def put(store: Store, number: int, verdict: Verdict = Verdict.MALICIOUS, *, quarantine: bool = False) -> int:
    """Record an outcome of the file *number*."""
    return store.finish(
        None, make_record(f"/m/{number}", FileId(1, number, 1, 1, 1), verdict), quarantine=quarantine
    ).record


def test_what_is_behind_a_number_is_new_oldest_first(store: Store) -> None:
    """Of all wanted verdicts together; what is harmless is passed over, and counts as looked through."""
    verdicts = [Verdict.MALICIOUS, Verdict.CLEAN, Verdict.UNSAFE, Verdict.MALICIOUS, Verdict.UNVERIFIED]
    numbers = [put(store, number, verdict) for number, verdict in enumerate(verdicts)]
    new = store.news.since(0, BAD, 10)
    assert [record.number for record in new.records] == [numbers[0], numbers[2], numbers[3]]
    assert (new.upto, new.more) == (numbers[4], False)
    assert [record.body["path"] for record in store.news.since(numbers[0], BAD, 10).records] == ["/m/2", "/m/3"]
    assert store.news.since(numbers[4], BAD, 10).records == ()


def test_a_limit_leaves_the_rest_for_the_next_question(store: Store) -> None:
    """Asking behind the number that was looked through yields each once."""
    numbers = [put(store, number, BAD[number % 2]) for number in range(7)]
    found, after, more = [], 0, True
    while more:
        new = store.news.since(after, BAD, 3)
        found += [record.number for record in new.records]
        after, more = new.upto, new.more
    assert found == numbers


def test_only_what_was_judged_since_a_time(store: Store) -> None:
    """For somebody who asks for the first time."""
    put(store, 1)
    assert store.news.since(0, BAD, 10, at=time.time() + 3600).records == ()
    assert store.news.since(0, BAD, 10, at=time.time() - 3600).records != ()


def test_a_move_is_told(store: Store) -> None:
    """Wanted and not ended, then with the item."""
    put(store, 1, quarantine=True)
    (record,) = store.news.since(0, BAD, 10).records
    assert (record.is_moving, record.item) == (True, None)
    (intent,) = store.intents.wanted()
    store.intents.done(intent.id, "0" * 12, FileId(1, 1, 1, 1, 1))
    (record,) = store.news.since(0, BAD, 10).records
    assert (record.is_moving, record.item) == (False, "0" * 12)


def test_a_store_has_a_name_that_no_other_has(store: Store, tmp_path: Path) -> None:
    """It stays, also for another process; one that replaces a damaged database begins anew."""
    name = store.identity()
    assert store.identity() == name
    with closing(Store(tmp_path)) as again:
        assert again.identity() == name
    (tmp_path / "other").mkdir()
    with closing(Store(tmp_path / "other")) as other:
        assert other.identity() != name
