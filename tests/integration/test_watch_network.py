"""Network file systems are watched by threads of their own."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Self

import pytest
from support.watching import PATIENCE, eventually

from picklewatch.telemetry.health import Health
from picklewatch.telemetry.root_state import RootState
from picklewatch.watch import mounts as mount_table
from picklewatch.watch.identify import identify as identify_path
from picklewatch.watch.mounts import Mount, network_points, point_of
from picklewatch.watch.roots import Root
from picklewatch.watch.settle import Delays
from picklewatch.watch.supervisor import WatchSupervisor
from picklewatch.watch.timing import Timing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from picklewatch.core.candidate import Candidate, Source

_FEW_SECONDS = Timing(poll=0.3, rescan=0.0)


def test_the_innermost_mount_of_the_network_counts() -> None:
    """The last of several mounts at one point covers the others; a local one in a remote one is as remote."""
    table = (
        Mount(1, "/", "ext4"),
        Mount(2, "/home", "nfs4"),
        Mount(3, "/home/x/cache", "fuse.sshfs"),
        Mount(4, "/data", "nfs"),
        Mount(5, "/data", "ext4"),
    )
    points = network_points(table)
    assert points == ("/home/x/cache", "/home")
    assert point_of("/home/x/cache/a", points) == "/home/x/cache"
    assert point_of("/home/x", points) == "/home"
    assert point_of("/homes", points) == point_of("/data/a", points) == ""


class _Running:
    """All sections on *root*, where ``root/net`` is said to be on the network."""

    def __init__(self, home: Path, root: Path) -> None:
        self.health = Health()
        self.paths: list[str] = []
        self.watching = WatchSupervisor(
            self._offer,
            self.health,
            canary=home / "canary",
            delays=Delays(),
            timing=_FEW_SECONDS,
            is_excluded=lambda path: path.endswith("/.alive"),
        )
        self.watching.set_roots([Root(str(root)), Root(str(root / "net" / "below"))])
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _offer(self, candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
        self.paths += [candidate.path for candidate in candidates]
        return tuple(candidates)

    def _run(self) -> None:
        while not self._stopping.wait(0.05):
            self.watching.look_after(time.monotonic())

    def __enter__(self) -> Self:
        self.watching.start()
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._stopping.set()
        self._thread.join()
        self.watching.stop()

    def finds(self, path: Path) -> bool:
        """Return True if *path* is offered in time."""
        return eventually(lambda: str(path) in self.paths)


@pytest.fixture
def mounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Mount]]:
    """The mount table."""
    table = [Mount(1, "/", "ext4"), Mount(2, str(tmp_path.resolve() / "root" / "net"), "nfs4")]
    monkeypatch.setattr(mount_table, "read_mounts", lambda: tuple(table))
    return iter([table])


@pytest.fixture
def running(tmp_path: Path, mounts: Iterator[list[Mount]]) -> Iterator[_Running]:
    """Everything, ready."""
    del mounts
    root = tmp_path.resolve() / "root"
    (root / "net" / "below").mkdir(parents=True)
    with _Running(tmp_path.resolve(), root) as started:
        assert eventually(lambda: started.watching.is_ready(time.monotonic()))
        yield started


def test_files_here_and_there_are_found_and_links_lead_across(running: _Running, tmp_path: Path) -> None:
    """Whoever looks at a link looks where it leads to; each root says how it is doing."""
    root = tmp_path.resolve() / "root"
    for path in (root / "here.bin", root / "net" / "there.bin", root / "net" / "below" / "too.bin"):
        path.write_bytes(b"x")
        assert running.finds(path)
    assert eventually(lambda: all(root.state is RootState.WATCHED for root in running.watching.roots))
    assert "nfs4" in running.watching.roots[1].reason
    assert running.watching.is_remote(str(root / "net" / "there.bin"))
    running.paths.clear()
    (root / "link").symlink_to(root / "net" / "there.bin")
    assert running.finds(root / "net" / "there.bin")


def test_a_server_that_does_not_answer_holds_up_nobody_else(
    running: _Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own thread waits, which is said; what was announced is found when it answers."""
    root = tmp_path.resolve() / "root"
    answers = threading.Event()

    def identify(path: str, source: Source) -> Candidate | None:
        if "/net/" in path:
            answers.wait(PATIENCE)
        return identify_path(path, source)

    monkeypatch.setattr("picklewatch.watch.watch_loop.identify", identify)
    monkeypatch.setattr("picklewatch.watch.supervisor.HANGS_SECONDS", 0.5)
    (root / "net" / "late.bin").write_bytes(b"x")
    try:
        assert eventually(lambda: any(problem.what == "watch-hangs" for problem in running.health.problems))
        (root / "prompt.bin").write_bytes(b"x")
        assert running.finds(root / "prompt.bin")
        before = time.monotonic()
        assert eventually(lambda: running.watching.silent(before) <= 0.0)  # a beat since then
    finally:
        answers.set()
    assert running.finds(root / "net" / "late.bin")
    assert eventually(lambda: running.health.problems == ())


def test_what_is_unmounted_is_local_again(running: _Running, tmp_path: Path, mounts: Iterator[list[Mount]]) -> None:
    """The section ends; the directory below is watched like any other."""
    root = tmp_path.resolve() / "root"
    del next(mounts)[1]
    assert eventually(lambda: not running.watching.is_remote(str(root / "net" / "x")))
    assert eventually(lambda: not any(t.name == "picklewatch-stop-watching" for t in threading.enumerate()))
    (root / "net" / "after.bin").write_bytes(b"x")
    assert running.finds(root / "net" / "after.bin")
