"""Problems of now and before, and their counts."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from picklewatch.service.daemon_status import Snapshot
from picklewatch.store import Store
from picklewatch.telemetry.health import MOST_OF_A_KIND, Health, HealthSection
from picklewatch.telemetry.health_problem import HealthProblem
from picklewatch.telemetry.root_state import COMMAND_LINE, CONFIGURATION, RootState, is_awaited
from picklewatch.watch.roots import Root

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_problem_is_logged_once_and_its_end_once(capsys: pytest.CaptureFixture[str]) -> None:
    """However often it is met."""
    health = Health()
    for _ in range(3):
        health.degrade("watch-root", "it is gone", subject="/c", hint="Make it.")
    assert list(health.problems) == [HealthProblem("watch-root", "/c", "it is gone", "Make it.")]
    health.repair("watch-root", subject="/c")
    health.repair("watch-root", subject="/c")
    assert not list(health.problems)
    assert health.counts == {"watch-root": 1}
    lines = capsys.readouterr().out
    assert (lines.count("watch.degraded"), lines.count("watch.repaired")) == (1, 1)


def test_all_problems_of_a_kind_end_but_some() -> None:
    """Those that a closer look did not confirm."""
    health = Health()
    for name in "abc":
        health.degrade("watch-gap", "reason", subject=name)
    health.degrade("store-unwritable", "full")
    health.repair_all("watch-gap", but={"a"}, where=lambda subject: subject != "b")
    assert {(problem.what, problem.subject) for problem in health.problems} == {
        ("watch-gap", "a"),
        ("watch-gap", "b"),
        ("store-unwritable", ""),
    }


def test_a_series_of_incidents_is_counted_and_logged_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    """A storm of overflows does not fill the log."""
    health = Health()
    for _ in range(100):
        health.incident("watch-overflow", "walking again", path="/c")
    health.incident("watch-died", "another")
    assert health.counts == {"watch-overflow": 100, "watch-died": 1}
    assert capsys.readouterr().out.count("watch.incident") == 2


def test_what_went_wrong_stays_visible_when_it_is_repaired(tmp_path: Path) -> None:
    """In the line for the service manager too; what is only counted is no fault."""
    health = Health()
    with closing(Store(tmp_path)) as store:
        snapshot = Snapshot(store, health, started=0.0)
        assert snapshot.line() == "healthy; 0 files judged, 0 waiting"
        health.count("events", 5)
        health.incident("watch-lost", "the watch of a root was gone")
        for _ in range(2):
            health.degrade("watch-root", "it is gone", subject="/c")
            health.repair("watch-root", subject="/c")
        assert health.faults == {"watch-lost": 1, "watch-root": 2}
        assert snapshot.line() == "healthy; 0 files judged, 0 waiting; since the start: 2 watch-root, 1 watch-lost"


def test_what_is_wrong_is_said_with_the_directory_that_it_is_about(tmp_path: Path) -> None:
    """``systemctl status`` shows one line: it names the first, once, and how many others there are. Printable."""
    health = Health()
    with closing(Store(tmp_path)) as store:
        snapshot = Snapshot(store, health, started=0.0)
        health.degrade("watch-unlistable", "what is in it can't be seen", subject="/c/\x1b[2J")
        assert snapshot.line().startswith("degraded: /c/\\x1b[2J: what is in it can't be seen; ")
        health.degrade("watch-gap", "2 directories can't be watched: /d", subject="ENOSPC")
        assert "can't be seen (and 1 more: picklewatch status); " in snapshot.line()
        health.repair("watch-unlistable", subject="/c/\x1b[2J")
        assert snapshot.line().startswith("degraded: 2 directories can't be watched: /d; ")
        health.repair("watch-gap", subject="ENOSPC")
        health.degrade("store-rebuilt", "it is kept as /s/old", subject="/s/old")
        assert snapshot.line().startswith("degraded: it is kept as /s/old; ")


def test_what_was_asked_for_and_is_missing_is_reported(tmp_path: Path) -> None:
    """Caches come and go; a directory that a person named is missed."""
    roots = [
        Root("/cache", "PyTorch, of root"),
        Root("/there", COMMAND_LINE, "/there", RootState.WATCHED),
        Root("/named", CONFIGURATION),
        Root("/another", COMMAND_LINE),
    ]
    awaited = [root.wanted for root in roots if is_awaited(root.report())]
    assert awaited == ["/named", "/another"]
    with closing(Store(tmp_path)) as store:
        snapshot = Snapshot(store, Health(), started=0.0)
        snapshot.awaited = awaited
        assert snapshot.line().startswith("healthy; /named is not there (and 1 more: picklewatch status); ")


def test_problems_of_a_kind_are_named_up_to_a_bound() -> None:
    """A hundred thousand closed directories cost no memory, and are not forgotten while there are more than named."""
    health = Health()
    for number in range(10 * MOST_OF_A_KIND):
        health.degrade("watch-unlistable", "closed", subject=f"/{number}")
    assert len(health.problems) == MOST_OF_A_KIND + 1
    health.degrade("store-unwritable", "full")
    health.repair("watch-unlistable", subject="/5")
    assert len(health.problems) == MOST_OF_A_KIND
    health.degrade("watch-unlistable", "closed", subject="/200")
    health.repair_all("watch-unlistable")
    assert [problem.what for problem in health.problems] == ["store-unwritable"]


def test_a_section_repairs_only_what_it_has_found() -> None:
    """Two watch the same way; what one no longer sees may be wrong with the other."""
    health = Health()
    one, other = HealthSection(health, ""), HealthSection(health, "/net")
    one.degrade("watch-overflow", "here")
    other.degrade("watch-overflow", "there")
    other.degrade("watch-gap", "some", subject="EACCES")
    one.repair_all("watch-gap")
    one.repair("watch-overflow")
    assert {(problem.what, problem.subject) for problem in health.problems} == {
        ("watch-overflow", "/net"),
        ("watch-gap", "EACCES"),
    }
    assert one.problems == ()
    other.count("events", 2)
    assert one.counts["events"] == 2
    other.close()
    assert health.problems == ()
