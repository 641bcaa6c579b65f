"""Workers and files that can't be judged just now, or at all."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from support.watching import ENGINE, PATIENCE, FakeScanner, eventually, make_candidate
from support.worker_pool import Pool

from picklewatch.access.open_file import OpenFailure, Subject, SubjectError, open_subject
from picklewatch.core.candidate import Source
from picklewatch.core.errors import SandboxError
from picklewatch.core.model import Verdict
from picklewatch.core.self_test_file import ANSWER, CONTENT, SelfTestAnswer
from picklewatch.queue import schedule, slow_lane
from picklewatch.queue.schedule import Claim
from picklewatch.service import scan_job, scan_workers
from picklewatch.store import Job

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from picklewatch.core.model import ScanReport


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[Pool]:
    """A pool at work."""
    pool = Pool(tmp_path)
    yield pool
    pool.stop()


def test_a_file_that_may_not_be_read_is_recorded_as_unscannable(pool: Pool, tmp_path: Path) -> None:
    """Once, not at every look; never in silence."""

    def denied(path: str) -> Subject:
        raise SubjectError(OpenFailure.DENIED, path, f"{path}: permission denied")

    pool.open = denied
    pool.put(tmp_path / "m", b"good")
    assert eventually(lambda: pool.verdicts() == {str(tmp_path / "m"): "unscannable"})
    assert pool.store.jobs.offer([make_candidate(tmp_path / "m")], ENGINE.key).known == 1


def test_a_file_that_is_gone_is_forgotten(pool: Pool, tmp_path: Path) -> None:
    """A temporary file of a downloader leaves no record."""
    path = tmp_path / "m"
    path.write_bytes(b"good")
    candidate = make_candidate(path)
    path.unlink()
    pool.store.jobs.offer([candidate], ENGINE.key)
    pool.workers.wake()
    assert eventually(lambda: len(pool.store.jobs) == 0)
    assert pool.verdicts() == {}
    assert pool.health.counts == {"gone": 1}


SELF_TEST = "canary/self-test.pkl"


def linked(file: Path) -> None:
    """Give the file another name."""
    os.link(file, file.with_name("another"))


def of_another_user(file: Path) -> None:
    """Give the file away."""
    if os.geteuid():
        pytest.skip("only root can give a file away")
    os.chown(file, 12345, -1)


def in_an_open_directory(file: Path) -> None:
    """Let others put files there."""
    file.parent.chmod(0o777)


def as_it_is(_file: Path) -> None:
    """Do nothing."""


@pytest.mark.parametrize(
    ("name", "content", "change"),
    [
        ("cache/self-test.pkl", CONTENT, as_it_is),
        (SELF_TEST, CONTENT + b"evil", as_it_is),
        (SELF_TEST, b"evil", as_it_is),
        (SELF_TEST, CONTENT, linked),
        (SELF_TEST, CONTENT, of_another_user),
        (SELF_TEST, CONTENT, in_an_open_directory),
    ],
    ids=["elsewhere", "longer", "other bytes", "two names", "another's", "open directory"],
)
def test_a_file_like_the_self_tests_is_recorded(
    pool: Pool, tmp_path: Path, name: str, content: bytes, change: Callable[[Path], None]
) -> None:
    """Leaving no trace is only for the doctor's own file: nobody hides behind its name, place or content."""
    file = tmp_path / name
    file.parent.mkdir(mode=0o700)
    file.write_bytes(content)
    change(file)
    pool.put(file, content)
    assert eventually(lambda: str(file) in pool.verdicts())
    assert pool.store.get_state(ANSWER) is None


def test_the_doctors_own_file_is_answered_and_forgotten(pool: Pool, tmp_path: Path) -> None:
    """It has no record, and is not counted."""
    file = tmp_path / SELF_TEST
    file.parent.mkdir(mode=0o700)
    pool.put(file, CONTENT)
    assert eventually(lambda: SelfTestAnswer.of(pool.store.get_state(ANSWER), str(file)) is not None)
    assert eventually(lambda: not len(pool.store.jobs))
    file.unlink()
    assert (pool.verdicts(), pool.workers.judged, pool.health.counts) == ({}, 0, {})


def test_a_sandbox_that_does_not_start_keeps_the_queue(tmp_path: Path) -> None:
    """Degraded, and everything is judged once it starts again."""
    broken = [True]

    class Failing(FakeScanner):
        def scan(self, fd: int, tick: Callable[[], None] = lambda: None, harm: object = None) -> ScanReport:
            if broken[0]:
                raise SandboxError("it does not start", "Install libseccomp2.")
            return super().scan(fd, tick)

    pool = Pool(tmp_path, Failing)
    pool.put(tmp_path / "m", b"good")
    assert eventually(lambda: [problem.what for problem in pool.health.problems] == ["scan-sandbox"])
    assert len(pool.store.jobs) == 1
    broken[0] = False
    assert eventually(lambda: pool.verdicts() == {str(tmp_path / "m"): "clean"})
    assert not list(pool.health.problems)
    pool.stop()


def test_a_store_that_fails_while_claiming_is_tried_again(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An input/output error of the disk ends no worker."""

    def failing(*_arguments: object, **_options: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(pool.store.jobs, "claim", failing)
    pool.put(tmp_path / "m", b"good")
    assert eventually(lambda: [problem.what for problem in pool.health.problems] == ["store-unwritable"])
    monkeypatch.undo()
    assert eventually(lambda: pool.verdicts() == {str(tmp_path / "m"): "clean"})
    assert not list(pool.health.problems)


def test_a_file_that_changes_during_the_scan_is_scanned_again_later(tmp_path: Path) -> None:
    """Its verdict is about what it came to in the end."""
    path = tmp_path / "m"
    changes = [20]

    class Meddling(FakeScanner):
        def scan(self, fd: int, tick: Callable[[], None] = lambda: None, harm: object = None) -> ScanReport:
            report = super().scan(fd, tick)
            if changes[0]:
                changes[0] -= 1
                path.write_bytes(b"evil" if changes[0] == 0 else b"good %d" % changes[0])
            return report

    pool = Pool(tmp_path, Meddling)
    pool.put(path, b"good")
    assert eventually(lambda: "malicious" in pool.verdicts().values() or "unscannable" in pool.verdicts().values())
    assert "clean" not in pool.verdicts().values()
    pool.stop()


def test_a_worker_that_died_is_replaced(pool: Pool, tmp_path: Path) -> None:
    """Counted, and the work goes on."""
    pool.workers._stopping.set()
    pool.workers.wake()
    assert pool.workers.join(PATIENCE)
    pool.workers._stopping.clear()
    pool.workers.look_after(time.monotonic())
    pool.put(tmp_path / "m", b"good")
    assert eventually(lambda: pool.verdicts() == {str(tmp_path / "m"): "clean"})
    assert pool.health.counts["scan-worker-died"] == 3, "the worker and its two spare ones"


def test_a_worker_whose_file_system_hangs_is_replaced(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing else on that file system is tried until it answers; what is elsewhere is judged meanwhile."""
    answers = threading.Event()

    def hanging(path: str) -> Subject:
        if path.endswith("dead"):
            answers.wait(PATIENCE)
        return open_subject(path)

    pool.open = hanging
    monkeypatch.setattr(scan_job, "LOOK_SECONDS", 0.0)
    pool.put(tmp_path / "dead", b"good")
    assert eventually(lambda: _hanging(pool) == [("scan-hangs", str(tmp_path / "dead"))])
    pool.put(tmp_path / "beside", b"good")
    elsewhere = replace(make_candidate(tmp_path / "beside"), path="/proc/version")
    elsewhere = replace(elsewhere, file=replace(elsewhere.file, device=1))
    pool.store.jobs.offer([elsewhere], ENGINE.key)
    pool.workers.wake()
    assert eventually(lambda: pool.health.counts.get("gone") == 1)
    assert pool.verdicts() == {}
    answers.set()
    assert eventually(lambda: _looked_after(pool))
    assert eventually(lambda: len(pool.verdicts()) == 2)


def _hanging(pool: Pool) -> list[tuple[str, str]]:
    """Look after the workers a second later, and return what is wrong then."""
    pool.workers.look_after(time.monotonic() + 1)
    return [(problem.what, problem.subject) for problem in pool.health.problems]


def _looked_after(pool: Pool) -> bool:
    pool.workers.look_after(time.monotonic())
    return not pool.health.problems


def test_only_so_many_threads_are_left_behind(pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When they are used up, the daemon's beat stops: the service manager must start it anew."""
    monkeypatch.setattr(scan_workers, "_HUNG_WORKERS", 0)
    (tmp_path / "m").write_bytes(b"x")
    job = Job(1, str(tmp_path / "m"), 1, 1, 1, Source.EVENT)
    assert pool.workers.stuck(0.0) is None
    pool.workers._workers[0].claim = Claim(job, since=100.0, step=100.0, patience=20.0)
    pool.workers.look_after(300.0)
    assert pool.workers.stuck(120.0) is None
    assert pool.workers.stuck(200.0) == "a scan has not ended for 100 s"


@pytest.mark.parametrize("spread", [False, True])
@pytest.mark.parametrize("workers", [1, 2, 3])
def test_bombs_keep_no_other_file_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int, *, spread: bool
) -> None:
    """Two dozen scans that do not end, of the same user: hostile files elsewhere and beside them have their verdicts.

    However few workers there are, in one directory or spread over many. No bomb is forgotten for it.
    """
    monkeypatch.setattr(schedule, "SECONDS", 0.05)
    monkeypatch.setattr(slow_lane, "LEAST_SECONDS", 0.02)
    defused = threading.Event()
    pool = Pool(tmp_path, lambda: FakeScanner(defused), workers)
    for number in range(24):
        pool.put(tmp_path / (f"bombs-{number}" if spread else "bombs") / f"{number}", b"bomb")
    for number in range(8):
        pool.put(tmp_path / ("bombs" if number % 2 else "elsewhere") / f"evil-{number}", b"evil %d" % number)
    assert eventually(lambda: len(pool.store.records) == 8)
    assert set(pool.verdicts().values()) == {"malicious"}
    assert len(pool.store.jobs) == 24
    defused.set()
    assert eventually(lambda: len(pool.store.jobs) == 0)
    assert len(pool.store.records) == 32
    pool.stop()


def test_a_harmless_content_is_recognised_by_its_digest(tmp_path: Path) -> None:
    """When its links, rights or owner changed. A rewrite whose time was set back is scanned, and harm always is."""
    scanner = FakeScanner()
    pool = Pool(tmp_path, lambda: scanner)
    files = {name: tmp_path / name for name in ("same", "rewritten", "evil")}
    contents = {"same": b"good 0123456789", "rewritten": b"good 0123456789", "evil": b"evil"}
    for name, path in files.items():
        pool.put(path, contents[name])
    assert eventually(lambda: len(pool.store.jobs) == 0)
    scans = scanner.scans
    before = files["rewritten"].stat()
    files["same"].chmod(0o600)
    files["evil"].chmod(0o600)
    files["rewritten"].write_bytes(b"evil 0123456789")
    os.utime(files["rewritten"], ns=(before.st_atime_ns, before.st_mtime_ns))
    pool.store.jobs.offer(map(make_candidate, files.values()), ENGINE.key)
    pool.workers.wake()
    assert eventually(lambda: len(pool.store.jobs) == 0)
    assert scanner.scans == scans + 2
    verdicts = [pool.store.records.verdict(make_candidate(path).file, ENGINE.key) for path in files.values()]
    assert verdicts == [Verdict.CLEAN, Verdict.MALICIOUS, Verdict.MALICIOUS]
    pool.stop()


def test_a_worker_takes_no_job_before_its_sandbox_is_ready(tmp_path: Path) -> None:
    """One whose start hangs would keep a file waiting for a minute that another could judge."""
    ready = threading.Event()

    class Starting(FakeScanner):
        @property
        def protections(self) -> object:
            return ready.wait(PATIENCE)

    pool = Pool(tmp_path, Starting)
    pool.put(tmp_path / "m", b"good")
    time.sleep(0.3)
    assert pool.workers.files_claimed() == 0
    ready.set()
    assert eventually(lambda: pool.verdicts() == {str(tmp_path / "m"): "clean"})
    pool.stop()


def test_a_spare_worker_ends_its_sandbox_when_it_is_not_needed_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One slow scan does not cost the memory of another sandbox for good."""
    monkeypatch.setattr(scan_workers, "SPARE_SECONDS", 0.05)
    made: list[FakeScanner] = []
    defused = threading.Event()

    def scanner() -> FakeScanner:
        made.append(FakeScanner(defused))
        return made[-1]

    pool = Pool(tmp_path, scanner)
    try:
        pool.put(tmp_path / "m", b"bomb")
        assert eventually(lambda: len(made) > 1)
        defused.set()
        assert eventually(lambda: len(pool.store.jobs) == 0)
        assert eventually(lambda: all(spare.closed.is_set() for spare in made[1:]))
        assert not made[0].closed.is_set()
    finally:
        defused.set()
        pool.stop()
