"""The lines of files that links give their names."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

import pytest
from support.watching import make_candidate, make_record

from picklewatch.service.late_names import LateNames
from picklewatch.service.outcome_log import OutcomeLog
from picklewatch.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from picklewatch.core.model import Record

NEVER = 1e9


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    (tmp_path / "state").mkdir()
    store = Store(tmp_path / "state")
    yield store
    store.close()


def judged(tmp_path: Path, store: Store, name: str = "abc") -> tuple[int, Record, Path]:
    """A blob of a Hugging Face cache that was judged; the link that will name it."""
    repository = tmp_path / "models--org--model"
    blob, link = repository / "blobs" / name, repository / "snapshots" / "0123456789" / "model.pt"
    blob.parent.mkdir(parents=True, exist_ok=True)
    link.parent.mkdir(parents=True, exist_ok=True)
    blob.write_bytes(b"x")
    record = make_record(str(blob), make_candidate(blob).file)
    return store.finish(None, record).record, record, link


def shown(store: Store) -> list[str | None]:
    """The names of all records."""
    return [record["name"] for record in store.records.latest()]


def test_a_line_waits_for_the_link_and_the_record_gets_its_name(tmp_path: Path, store: Store) -> None:
    """Whoever asks for the line ends at once: no worker waits."""
    late = LateNames(store, OutcomeLog(store), seconds=NEVER)
    number, record, link = judged(tmp_path, store)
    assert late.keep(number, record)
    assert store.records.unreported_of([number]) == {number}
    link.symlink_to("../../blobs/abc")
    late.report(threading.Event())
    assert not store.records.unreported_of([number])
    assert shown(store) == ["org/model@0123456: model.pt"]
    assert json.dumps(str(link)) in json.dumps(store.records.latest()[0]["names"])
    assert not late


def test_a_link_that_never_comes_is_not_waited_for(tmp_path: Path, store: Store) -> None:
    """Some stores make none; sixty such blobs cost one wait, and an end of the daemon none."""
    outcomes = OutcomeLog(store)
    numbers = []
    for seconds, stopping in ((0.0, False), (NEVER, True)):
        late, event = LateNames(store, outcomes, seconds=seconds), threading.Event()
        if stopping:
            event.set()
        for index in range(60):
            number, record, _ = judged(tmp_path, store, f"{stopping}-{index}")
            assert late.keep(number, record)
            numbers.append(number)
        late.report(event)
        assert not store.records.unreported_of(numbers)


def test_what_needs_no_link_is_logged_at_once(tmp_path: Path, store: Store) -> None:
    """So is what too many wait before."""
    late = LateNames(store, OutcomeLog(store), seconds=NEVER, most=1)
    number, record, link = judged(tmp_path, store)
    elsewhere = make_record(str(tmp_path / "model.pt"), record.file)
    assert not late.keep(number, elsewhere)
    assert late.keep(number, record)
    assert not late.keep(number, record)
    link.symlink_to("../../blobs/abc")
    late.report(threading.Event())
