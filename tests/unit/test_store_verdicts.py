"""The store's verdicts as a stream, for the guard's table; and each new one as it is recorded."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from support.watching import ENGINE, make_record

from picklewatch.core.model import FileId, Record, Verdict
from picklewatch.store import Store

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def file(inode: int, device: int = 1) -> FileId:
    """A state of the inode *inode*."""
    return FileId(device, inode, 10, 20, 30)


def test_every_verdict_comes_once_whatever_the_numbers(tmp_path: Path) -> None:
    """In pieces, of one engine; inodes and devices above 2^63 are kept as negative numbers."""
    files = {file(number, device): Verdict.CLEAN for number in (1, 2, 2**64 - 1) for device in (1, 2**63)}
    files[file(3)] = Verdict.MALICIOUS
    with closing(Store(tmp_path)) as store:
        for each, verdict in files.items():
            store.finish(None, make_record(f"/{each.inode}", each, verdict))
        for size in (1, 2, 100):
            pieces = list(store.records.verdicts(ENGINE.key, size))
            assert max(map(len, pieces)) <= size
            assert dict(pair for piece in pieces for pair in piece) == files
        assert list(store.records.verdicts("another", 10)) == []


def test_an_outcome_is_told_once_it_is_recorded(tmp_path: Path) -> None:
    """One or many; who is told finds it in the store."""
    with closing(Store(tmp_path)) as store:
        told: list[str] = []

        def tell(records: Sequence[Record]) -> None:
            for record in records:
                assert record.file is not None
                assert store.records.verdict(record.file, ENGINE.key) is not None
                told.append(record.path)

        store.subscribe(tell)
        store.finish(None, make_record("/a", file(1)))
        begun = store.begin(make_record("/b", file(2), Verdict.UNSAFE))
        store.complete(None, begun, make_record("/b", file(2), Verdict.UNSAFE))
        assert told == ["/a", "/b"]
