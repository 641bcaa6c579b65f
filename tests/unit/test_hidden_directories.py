"""Directories that are closed when a file in them is to be looked at."""

from __future__ import annotations

import errno
import os
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.directories import open_directory
from support.vaulting import NOBODY, in_child

from picklewatch.telemetry.health import Health
from picklewatch.watch import hidden_directories
from picklewatch.watch.hidden_directories import LOOK_SECONDS, HiddenDirectories

if TYPE_CHECKING:
    from collections.abc import Callable


def never(_path: str) -> bool:
    """Leave nothing out."""
    return False


def make_hidden(
    health: Health, *, is_excluded: Callable[[str], bool] = never, is_elsewhere: Callable[[str], bool] = never
) -> HiddenDirectories:
    """The hidden directories, reported to *health*."""
    return HiddenDirectories(health, is_excluded=is_excluded, is_elsewhere=is_elsewhere)


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
            hidden = make_hidden(health)
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
            hidden = make_hidden(health)
            assert hidden.note(str(closed), errno.EACCES) == str(closed)
            hidden.repair_below(base)
            assert not list(health.problems)
            assert hidden.seen_again(LOOK_SECONDS) == []
            assert [problem.subject for problem in health.problems] == [str(closed)]
            closed.rmdir()
            assert hidden.seen_again(2 * LOOK_SECONDS) == [str(closed)], "one that is gone is none any more"

    as_nobody(run)


@pytest.mark.parametrize("test", ["is_excluded", "is_elsewhere"])
def test_a_directory_that_is_left_out_by_now_is_no_problem_any_more(test: str) -> None:
    """The configuration was reloaded, or something was mounted over it; it is neither looked at nor walked."""

    def run(place: Path) -> None:
        with tempfile.TemporaryDirectory(dir=place) as base:
            closed = Path(base, "closed")
            closed.mkdir(mode=0)
            left_out: set[str] = set()
            health = Health()
            hidden = make_hidden(health, **{test: left_out.__contains__})
            hidden.note(str(closed), errno.EACCES)
            assert hidden.seen_again(LOOK_SECONDS) == []
            assert [problem.subject for problem in health.problems] == [str(closed)]
            left_out.add(str(closed))
            assert hidden.seen_again(2 * LOOK_SECONDS) == []
            assert not list(health.problems)
            left_out.clear()
            assert hidden.seen_again(3 * LOOK_SECONDS) == []
            assert not list(health.problems)

    as_nobody(run)


def test_a_directory_that_may_be_entered_but_not_listed_is_not_closed() -> None:
    """Homes usually are like that; the trees beneath can be walked. A walk may have found it, too."""

    def run(place: Path) -> None:
        with tempfile.TemporaryDirectory(dir=place) as base:
            home = Path(base, "home")
            (home / "cache").mkdir(parents=True)
            (home / "cache" / "m.pt").write_bytes(b"x")
            health = Health()
            hidden = make_hidden(health, is_elsewhere=str(home).__eq__)
            home.chmod(0)
            hidden.note(str(home / "cache"), errno.EACCES)
            hidden.note_file(str(home / "cache" / "m.pt"))
            assert hidden.seen_again(LOOK_SECONDS) == []
            home.chmod(0o111)
            assert hidden.seen_again(2 * LOOK_SECONDS) == [str(home), str(home / "cache")]
            assert not list(health.problems)
            home.chmod(0o700)

    as_nobody(run)


def test_unlistable_directories_do_not_take_the_places_of_closed_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each kind has its own; whatever finds none is counted."""
    monkeypatch.setattr(hidden_directories, "_MOST", 1)

    def run(place: Path) -> None:
        with tempfile.TemporaryDirectory(dir=place) as base:
            closed, unlistable = Path(base, "closed"), Path(base, "unlistable")
            closed.mkdir()
            (closed / "m.pt").write_bytes(b"x")
            unlistable.mkdir()
            unlistable.chmod(0o111)  # whatever the umask
            closed.chmod(0)
            health = Health()
            hidden = make_hidden(health)
            hidden.note(str(unlistable), errno.EACCES)
            hidden.note_file(str(closed / "m.pt"))
            assert "watch-closed-left-out" not in health.counts
            hidden.note(str(closed), errno.EACCES)
            assert health.counts["watch-closed-left-out"] == 1
            closed.chmod(0o700)
            assert hidden.seen_again(LOOK_SECONDS) == [str(closed)]

    as_nobody(run)
