"""Allowances that end: what is over counts no more, and its files are judged again."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from support.watching import make_record

from picklewatch.core.model import FileId, Outcome, Policy, Verdict
from picklewatch.service.policy_source import PolicySource, end_allowances
from picklewatch.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SHA256 = "ab" * 32
LATER, EARLIER = time.time() + 9e8, time.time() - 60


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    with closing(Store(tmp_path)) as store:
        yield store


def test_an_allowance_that_is_over_is_none(store: Store, tmp_path: Path) -> None:
    """Whoever asks, and before anybody has ended it: the file is a finding, with what the scan says."""
    path = tmp_path / "model.pt"
    path.write_bytes(b"x")
    record = make_record(str(path), FileId.of(path.stat()), Verdict.MALICIOUS, SHA256)
    store.allowed.add(SHA256, "ours", 1, LATER)
    judgement = replace(record.judgement, allowed="ours", standing=Verdict.CLEAN)
    number = store.finish(None, replace(record, judgement=judgement)).record

    def found() -> tuple[Outcome, str | None]:
        one = store.found.by_number(number)
        assert one is not None
        return one.outcome, one.allowed

    assert found() == (Outcome.ALLOWED, "ours")
    assert [(each.reason, each.until) for each in store.allowed.entries()] == [("ours", LATER)]
    with store._database.transaction() as transaction:
        transaction.run("UPDATE allowed SET until = ?", (EARLIER,))
    assert found() == (Outcome.MALICIOUS, None)
    assert (store.allowed.all(), store.allowed.sizes()) == ({}, {})


def test_the_daemon_ends_it_and_looks_again(store: Store, tmp_path: Path) -> None:
    """The verdict that was spared is forgotten; what is allowed for longer, or for good, stays."""
    path = tmp_path / "model.pt"
    path.write_bytes(b"x")
    record = make_record(str(path), FileId.of(path.stat()), Verdict.MALICIOUS, SHA256)
    store.finish(None, record)
    walks: list[str] = []
    policy = PolicySource(store, Policy())
    for sha256, until in ((SHA256, EARLIER), ("cd" * 32, LATER), ("ef" * 32, None)):
        store.allowed.add(sha256, "ours", 1, until)
    assert policy().allowed_digests.keys() == {"cd" * 32, "ef" * 32}
    store.finish(None, record)
    end_allowances(store, walks.append)
    assert walks == ["allowance-ended"]
    assert store.records.verdict(FileId.of(path.stat()), record.engine.key) is None
    end_allowances(store, walks.append)
    assert len(walks) == 1
    store.allowed.add(SHA256, "again", 1)
    assert policy().allowed_digests[SHA256] == "again"  # a change of its own is followed, too


def test_what_is_allowed_is_counted_as_that_at_once(store: Store, tmp_path: Path) -> None:
    """The file is there, whether or not the daemon has judged it again; no longer allowed, it is what the scan says."""
    for name, verdict in (("model.pt", Verdict.MALICIOUS), ("plain.pt", Verdict.CLEAN)):
        path = tmp_path / name
        path.write_bytes(b"x")
        store.finish(None, make_record(str(path), FileId.of(path.stat()), verdict, SHA256))

    def counted() -> dict[str, int]:
        return {outcome: number for outcome, number in store.records.counts().items() if number}

    store.allowed.add(SHA256, "ours", 1)
    assert counted() == {"allowed": 1, "clean": 1}
    assert store.allowed.remove(SHA256)
    assert counted() == {"malicious": 1, "clean": 1}


def test_a_file_that_was_not_allowed_is_no_news(store: Store, tmp_path: Path) -> None:
    """Who takes back what nobody allowed changes nothing; and the same outcome is recorded, and told, once."""
    path = tmp_path / "model.pt"
    path.write_bytes(b"x")
    record = make_record(str(path), FileId.of(path.stat()), Verdict.MALICIOUS, SHA256)
    number = store.finish(None, record).record
    assert not store.allowed.remove(SHA256)
    assert store.records.verdict(FileId.of(path.stat()), record.engine.key) is Verdict.MALICIOUS
    store.allowed.add(SHA256, "ours", 1)
    store.allowed.remove(SHA256)
    assert store.records.verdict(FileId.of(path.stat()), record.engine.key) is None
    finished = store.finish(None, record)
    assert (finished.record, finished.fresh) == (number, False)


def test_an_end_survives_a_damaged_database(tmp_path: Path) -> None:
    """What memory and the old file know of an allowance includes until when it holds."""
    with closing(Store(tmp_path)) as store:
        store.allowed.add(SHA256, "ours", 1, LATER)
        former = tmp_path / "former.db"
        former.write_bytes(b"")
        store.allowed.entries()
        store.allowed._known.salvage(store._database, former)
        store.allowed.remove(SHA256)
        store.allowed._known.salvage(store._database, former)
        assert [each.until for each in store.allowed.entries()] == [LATER]
