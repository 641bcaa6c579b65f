"""Directories that are closed when a file in them is to be looked at."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from support.vaulting import NOBODY, in_child

from picklewatch.telemetry.health import Health
from picklewatch.watch.directory_walk import DirectoryWalker, WalkRequest
from picklewatch.watch.hidden_directories import LOOK_SECONDS, HiddenDirectories


class Requests(DirectoryWalker):
    """A walker that only takes requests."""

    def __init__(self) -> None:
        self.trees: list[str] = []

    def request(self, request: WalkRequest) -> bool:
        """Note the tree."""
        self.trees.append(request.tree)
        return True


def test_a_directory_that_opens_is_walked() -> None:
    """It is named until then; only the topmost closed one, once; and what lies outside of the watched trees never."""

    def run() -> None:
        with tempfile.TemporaryDirectory() as base:
            root, outside = Path(base, "root"), Path(base, "outside")
            for directory in (root / "a" / "b", outside):
                directory.mkdir(parents=True)
                (directory / "m.pt").write_bytes(b"x")
            health, walker = Health(), Requests()
            closed = HiddenDirectories(health)
            closed.note(str(root / "gone.pt"))
            assert not list(health.problems)
            for directory in (root / "a", outside):
                directory.chmod(0)
            for path in (root / "a" / "b" / "m.pt", root / "a" / "b" / "n.pt", outside / "m.pt"):
                closed.note(str(path))
            assert {problem.subject for problem in health.problems} == {str(root / "a"), str(outside)}
            closed.look_after(walker, [str(root)], LOOK_SECONDS)
            assert walker.trees == []
            for directory in (root / "a", outside):
                directory.chmod(0o700)
            closed.look_after(walker, [str(root)], 2 * LOOK_SECONDS)
            closed.look_after(walker, [str(root)], 3 * LOOK_SECONDS)
            assert walker.trees == [str(root / "a")]
            assert not list(health.problems)

    assert in_child(run, uid=NOBODY if os.geteuid() == 0 else None) == 0
