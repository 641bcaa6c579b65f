"""``picklewatch scan`` with batches and without: the same records, and every hostile file in a process of its own."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from samples import hostile
from support.watching import PATIENCE

from picklewatch.core.model import Limits, Policy, Verdict
from picklewatch.sandbox import Scanner
from picklewatch.sandbox.engine_version import engine_version
from picklewatch.sandbox.samples import samples
from picklewatch.scanning.collect_paths import collect
from picklewatch.scanning.scan_many import ScanPool

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from picklewatch.core.model import Record, ScanReport


class CountingScanner(Scanner):
    """Counts the children that judged one file each."""

    def __init__(self) -> None:
        super().__init__(Limits(seconds=PATIENCE))
        self.alone = 0

    def scan(
        self, fd: int, tick: Callable[[], None] = lambda: None, harm: Callable[[ScanReport], None] = lambda _seen: None
    ) -> ScanReport:
        """Scan as ever."""
        self.alone += 1
        return super().scan(fd, tick, harm)


def scanned(folder: Path, *, batch: int) -> tuple[list[Record], int]:
    """Scan *folder*; return the records, and how many files were judged alone."""
    made: list[CountingScanner] = []

    def make() -> CountingScanner:
        made.append(CountingScanner())
        return made[-1]

    pool = ScanPool(make, Policy(allowed_imports={"os.getcwd": "ours"}), engine_version(), 1, batch=batch)
    return list(pool.run(collect([str(folder)]).items)), sum(scanner.alone for scanner in made)


def comparable(record: Record) -> Record:
    """*record* without what differs from run to run."""
    return replace(record, report=replace(record.report, duration_ms=0.0, peak_kib=0))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Every sample, honest files between them, and a Hugging Face cache whose links name its contents."""
    contents = [*samples(), *hostile.spellings().values(), *(pickle.dumps([n]) for n in range(20)), b'{"a": 1}']
    for number, data in enumerate(contents):
        (tmp_path / f"{number * 7 % len(contents):03}").write_bytes(data)
    repository = tmp_path / "models--org--name"
    for name in ("blobs", "snapshots/main", "refs"):
        (repository / name).mkdir(parents=True)
    for number in range(5):
        (repository / "blobs" / f"b{number}").write_bytes(pickle.dumps({"number": number}))
        (repository / "snapshots/main" / f"file{number}.bin").symlink_to(f"../../blobs/b{number}")
    return tmp_path


def test_the_records_are_the_same_with_batches_and_without(folder: Path) -> None:
    """Verdict, reasons, format, counts, imports, digest, size and names of every file."""
    together, alone = scanned(folder, batch=256)
    each, _ = scanned(folder, batch=1)
    assert list(map(comparable, together)) == list(map(comparable, each))
    assert alone < len(each) - 25, "nothing would be shown if all went alone"
    assert {record.judgement.verdict for record in each} >= {Verdict.CLEAN, Verdict.SKIPPED, Verdict.MALICIOUS}


def test_each_hostile_file_among_many_is_found_and_judged_alone(tmp_path: Path) -> None:
    """One of a hundred, in many directories: it costs its own process, and its neighbours none."""
    evil = set()
    for number in range(300):
        path = tmp_path / f"{number % 10}" / f"{number:04}.pkl"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(hostile.EVIL if number % 100 == 42 else pickle.dumps({"number": number}))
        if number % 100 == 42:
            evil.add(str(path))
    records, alone = scanned(tmp_path, batch=256)
    found = {record.path for record in records if record.judgement.verdict is Verdict.MALICIOUS}
    assert found == evil
    assert alone == len(evil)
    assert sum(record.judgement.verdict is Verdict.CLEAN for record in records) == 300 - len(evil)
