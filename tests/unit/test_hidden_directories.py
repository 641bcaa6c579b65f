"""Directories that are closed when a file in them is to be looked at."""

from __future__ import annotations

import errno
import os
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from support.directories import open_directory
from support.vaulting import NOBODY, in_child

from picklewatch.telemetry.health import Health
from picklewatch.watch.hidden_directories import LOOK_SECONDS, HiddenDirectories

if TYPE_CHECKING:
    from collections.abc import Callable


def as_nobody(run: Callable[[Path], None]) -> None:
    """Run *run* without root's right to see everything, with a directory to write to."""
    uid = NOBODY if os.geteuid() == 0 else None
    with open_directory() as place:
        if uid is not None:
            os.chown(place, uid, uid)
        assert in_child(partial(run, place), uid=uid) == 0


def test_a_closed_directory_is_reported_until_it_opens() -> None:
    """Only the topmost one, once; and one whose tree is not watched any more is forgotten."""

    def run(place: Path) -> None:
        with tempfile.TemporaryDirectory(dir=place) as base:
            root, outside = Path(base, "root"), Path(base, "outside")
            for directory in (root / "a" / "b", outside):
                directory.mkdir(parents=True)
                (directory / "m.pt").write_bytes(b"x")
            health = Health()
            hidden = HiddenDirectories(health)
            hidden.note_file(str(root / "gone.pt"))
            assert not list(health.problems)
            for directory in (root / "a", outside):
                directory.chmod(0)
            for path in (root / "a" / "b" / "m.pt", root / "a" / "b" / "n.pt", outside / "m.pt"):
                hidden.note_file(str(path))
            assert {problem.subject for problem in health.problems} == {str(root / "a"), str(outside)}
            assert hidden.seen_again(LOOK_SECONDS) == []
            hidden.forget_below(str(outside))
            assert {problem.subject for problem in health.problems} == {str(root / "a")}
            for directory in (root / "a", outside):
                directory.chmod(0o700)
            assert hidden.seen_again(LOOK_SECONDS + 0.1) == [], "it is not time for it"
            assert hidden.seen_again(2 * LOOK_SECONDS) == [str(root / "a")]
            assert hidden.seen_again(3 * LOOK_SECONDS) == []
            assert not list(health.problems)

    as_nobody(run)


def test_a_problem_that_a_walk_took_back_too_early_is_reported_again() -> None:
    """The walk listed the directory before it was closed, and ended after."""

    def run(place: Path) -> None:
        with tempfile.TemporaryDirectory(dir=place) as base:
            closed = Path(base, "closed")
            closed.mkdir(mode=0)
            health = Health()
            hidden = HiddenDirectories(health)
            assert hidden.note(str(closed), errno.EACCES) == str(closed)
            hidden.repair_below(base)
            assert not list(health.problems)
            assert hidden.seen_again(LOOK_SECONDS) == []
            assert [problem.subject for problem in health.problems] == [str(closed)]
            closed.rmdir()
            assert hidden.seen_again(2 * LOOK_SECONDS) == [str(closed)], "one that is gone is none any more"

    as_nobody(run)
