"""Finds on their way to sinks: at once, once, grouped, and none is lost."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from support.telling import FindingDaemon, Outlet, Telling

from picklewatch.notify.dispatcher import remembered
from picklewatch.notify.pending import BURST, MOST

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def memory(tmp_path: Path) -> Path:
    """Where it is remembered how far each sink is."""
    return tmp_path / "notify.json"


def test_a_find_is_told_at_the_next_question(memory: Path) -> None:
    """Once, to every sink."""
    daemon, one, two = FindingDaemon(), Outlet("one"), Outlet("two")
    telling = Telling(daemon, memory, one, two)
    telling.pass_time(10)
    daemon.find()
    telling.pass_time(1)
    assert one.numbers() == two.numbers() == [1]
    telling.pass_time(1_000)
    assert len(one.taken) == 1


def test_a_thousand_finds_of_one_repository_are_one_message_and_a_summary(memory: Path) -> None:
    """Also if the daemon takes ten minutes to find them."""
    daemon, outlet = FindingDaemon(), Outlet()
    telling = Telling(daemon, memory, outlet)
    for _ in range(1_000):
        daemon.find()
        telling.pass_time(0.6, 0.6)
    telling.pass_time(60)
    assert [len(message.finds) for message in outlet.taken] == [1, 999]
    assert outlet.numbers() == list(range(1, 1_001))
    assert "999 malicious files in org/model" in outlet.taken[1].title()


def test_a_thousand_finds_at_once_are_few_messages(memory: Path) -> None:
    """Of as many repositories: the bucket's last message tells of all that wait, up to what one holds."""
    daemon, outlet = FindingDaemon(), Outlet()
    telling = Telling(daemon, memory, outlet)
    for number in range(1_000):
        daemon.find(f"org/{number}")
    telling.pass_time(300)
    assert len(outlet.taken) == BURST
    assert sorted(outlet.numbers()) == list(range(1, 1_001))
    assert "in 991 repositories" in outlet.taken[-1].title()


def test_a_sink_that_is_dead_for_an_hour_loses_none(memory: Path) -> None:
    """3,600 finds of as many repositories come meanwhile; each is told when it works again, once, in few messages."""
    daemon, dead, alive = FindingDaemon(), Outlet("dead", failure="it ended with status 1"), Outlet("alive")
    telling = Telling(daemon, memory, dead, alive)
    for number in range(3_600):
        daemon.find(f"org/{number}")
        telling.pass_time(1, 1)
    assert dead.taken == []
    assert alive.taken
    report = telling.sinks[0].report()
    assert (report.waiting, report.failure) == (3_600, "it ended with status 1")
    assert report.since is not None
    dead.failure = ""
    telling.pass_time(1_200, 5)
    assert sorted(dead.numbers()) == list(range(1, 3_601))
    assert len(dead.taken) < 20
    assert telling.sinks[0].report().failure == ""


def test_a_dead_sink_is_tried_less_and_less_often(memory: Path) -> None:
    """Five seconds, then ten, up to five minutes."""
    daemon, outlet = FindingDaemon(), Outlet(failure="no")
    starts: list[float] = []
    begin = outlet.start
    outlet.start = lambda message, now: (starts.append(now), begin(message, now))[1]  # type: ignore[method-assign,func-returns-value]
    telling = Telling(daemon, memory, outlet)
    daemon.find()
    telling.pass_time(2_000, 1)
    pauses = [round(after - before) for before, after in itertools.pairwise(starts)]
    assert pauses[0] < pauses[1] < pauses[2] < pauses[3]
    assert max(pauses) <= 302
    assert len(pauses) < 15


def test_a_sink_that_hangs_keeps_no_other_waiting(memory: Path) -> None:
    """Nor the questions to the daemon."""
    daemon, hanging, other = FindingDaemon(), Outlet("hanging", hangs=True), Outlet("other")
    telling = Telling(daemon, memory, hanging, other)
    daemon.find("org/first")
    telling.pass_time(2)
    asked = len(daemon.requests)
    daemon.find("org/second")
    telling.pass_time(2)
    assert other.numbers() == [1, 2]
    assert len(daemon.requests) > asked
    hanging.hangs = False
    telling.pass_time(60)
    assert sorted(hanging.numbers()) == [1, 2]


def test_nobody_delays_messages_about_somebody_elses_files(memory: Path) -> None:
    """Mallory writes to a repository of that name all the time: bob's copy is told of at once."""
    daemon, outlet = FindingDaemon(), Outlet()
    telling = Telling(daemon, memory, outlet)
    for _ in range(10):
        daemon.find("org/model", under="/home/mallory/.cache")
        telling.pass_time(2)
    daemon.find("org/model", under="/home/bob/.cache")
    telling.pass_time(2)
    assert outlet.numbers() == [1, 11]
    for _ in range(1_000):
        daemon.find("org/model", under="/home/mallory/.cache")
        telling.pass_time(2, 1)
    assert 2 <= len(outlet.taken) - 2 <= 3


def test_a_restart_tells_what_was_not_told_and_nothing_else(memory: Path) -> None:
    """Also where a later find was told and an earlier one waits."""
    daemon, outlet = FindingDaemon(), Outlet()
    telling = Telling(daemon, memory, outlet)
    daemon.find("org/a")
    telling.pass_time(2)
    daemon.find("org/a")  # waits until it is quiet
    daemon.find("org/b")  # is told at once
    telling.pass_time(2)
    assert outlet.numbers() == [1, 3]
    telling.start()
    telling.pass_time(60)
    assert outlet.numbers() == [1, 3, 2]
    telling.start()
    telling.pass_time(60)
    assert len(outlet.numbers()) == 3


def test_a_store_that_replaces_a_damaged_one_is_told_of(memory: Path) -> None:
    """Its numbers begin anew."""
    daemon, outlet = FindingDaemon("one"), Outlet()
    telling = Telling(daemon, memory, outlet)
    daemon.find("org/a", 50)
    telling.pass_time(60)
    daemon.store, daemon.finds = "two", []
    daemon.find("org/b", 3)
    telling.pass_time(60)
    assert [find.name.partition("@")[0] for find in outlet.taken[-1].finds] == ["org/b"] * 3


def test_a_daemon_that_is_away_is_asked_again(memory: Path) -> None:
    """What it found meanwhile is told when it is back."""
    daemon, outlet = FindingDaemon(), Outlet()
    daemon.is_there = False
    telling = Telling(daemon, memory, outlet)
    daemon.find()
    telling.pass_time(30)
    assert outlet.taken == []
    daemon.is_there = True
    telling.pass_time(5)
    assert outlet.numbers() == [1]


def test_what_is_too_much_stays_with_the_daemon(memory: Path) -> None:
    """A dead sink holds so many finds at most; it asks for the others when it has taken some. Others go on."""
    daemon, dead, alive = FindingDaemon(), Outlet("dead", failure="no"), Outlet("alive")
    telling = Telling(daemon, memory, dead, alive)
    daemon.find("org/a", 3 * MOST)
    telling.pass_time(30)
    assert telling.sinks[0].report().waiting <= MOST + 200
    dead.failure = ""
    telling.pass_time(4_000, 5)
    assert sorted(dead.numbers()) == sorted(alive.numbers()) == list(range(1, 3 * MOST + 1))


def test_a_new_sink_begins_with_the_last_day(memory: Path) -> None:
    """The others are not told again."""
    daemon, one = FindingDaemon(), Outlet("one")
    telling = Telling(daemon, memory, one)
    daemon.find("org/a", 2)
    telling.pass_time(60)
    two = Outlet("two")
    Telling(daemon, memory, one, two).pass_time(60)
    assert one.numbers() == two.numbers() == [1, 2]


def test_a_damaged_memory_is_none(memory: Path) -> None:
    """Then finds are told twice rather than not at all."""
    for text in ("", "[]", "{", '{"sinks": {"command": {"one": {"after": "x"}}}}', "\xff"):
        memory.write_text(text, encoding="latin-1")
        daemon, outlet = FindingDaemon(), Outlet()
        daemon.find()
        Telling(daemon, memory, outlet).pass_time(2)
        assert outlet.numbers() == [1], text
        assert remembered(memory)["sinks"]["command"]["one"]["after"] == 1
