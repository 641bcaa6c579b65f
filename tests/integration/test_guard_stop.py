"""Whatever stops, dies or hangs in the guard: nobody's open waits longer than it may.

No test looks at a clock. In each, only one thing can end the wait: either `stall`, or `max_wait`; the other is an hour.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest
from support.guarding import BENIGN, HOSTILE, READ, REFUSED, Guard, Opener, disk, opened
from support.watching import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WATCHED = 'stall = "1s"\nmax_wait = "1h"\n'
PATIENT = 'stall = "1h"\nmax_wait = "1s"\n'


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Path]:
    """A directory to guard, with a hostile file."""
    with disk(tmp_path) as mounted:
        folder = mounted / "models"
        folder.mkdir()
        (folder / "hostile.pt").write_bytes(HOSTILE)
        (folder / "benign.pt").write_bytes(BENIGN)
        yield folder


def test_a_stopped_answerer_is_replaced(tmp_path: Path, tree: Path) -> None:
    """Its beat stops: it is killed, the kernel lets the opener pass, and its successor refuses the next one."""
    with Guard(tmp_path, tree, config=WATCHED) as guard:
        os.kill(guard.answerer, signal.SIGSTOP)
        assert opened(tree / "hostile.pt") == READ
        (lost,) = guard.wait_for("guard.restarted")
        assert (lost["process"], lost["reason"]) == ("answerer", "it showed no sign of life for 1 s")
        guard.wait_for("guard.ready", 2)
        assert opened(tree / "hostile.pt") == REFUSED


def test_a_killed_answerer_lets_pass_who_waits(tmp_path: Path, tree: Path) -> None:
    """The kernel knows that nobody answers any more."""
    with Guard(tmp_path, tree, config=WATCHED) as guard:
        for scanner in guard.scanners():
            os.kill(scanner, signal.SIGSTOP)
        opener = Opener(tree / "hostile.pt")
        opener.wait_until_held()
        os.kill(guard.answerer, signal.SIGKILL)
        assert opener.result() == READ
        guard.wait_for("guard.ready", 2)


def test_a_stopped_judge_is_replaced_and_asked_again(tmp_path: Path, tree: Path) -> None:
    """Who waited for the former judge gets the verdict of the next."""
    with Guard(tmp_path, tree, config=WATCHED) as guard:
        os.kill(guard.judge, signal.SIGSTOP)
        assert opened(tree / "hostile.pt") == REFUSED
        assert guard.wait_for("guard.restarted")[0]["process"] == "judge"


def test_a_killed_judge_is_replaced_and_asked_again(tmp_path: Path, tree: Path) -> None:
    """The same, for one that dies while a file waits for it."""
    with Guard(tmp_path, tree, config=WATCHED) as guard:
        for scanner in guard.scanners():
            os.kill(scanner, signal.SIGSTOP)
        opener = Opener(tree / "hostile.pt")
        opener.wait_until_held()
        os.kill(guard.judge, signal.SIGKILL)
        assert opener.result() == REFUSED


@pytest.mark.parametrize(("late", "result"), [("allow", READ), ("deny", REFUSED)])
def test_a_scan_that_hangs_ends_with_the_wait(tmp_path: Path, tree: Path, late: str, result: str) -> None:
    """`max_wait` ends it as `late` says; the read that follows the open does not wait as long again."""
    with Guard(tmp_path, tree, config=f'{PATIENT}late = "{late}"') as guard:
        for scanner in guard.scanners():
            os.kill(scanner, signal.SIGSTOP)
        assert opened(tree / "hostile.pt") == result
        assert guard.wait_for("guard.late")[0]["path"] == str(tree / "hostile.pt")


def test_other_files_do_not_wait_for_one_that_hangs(tmp_path: Path, tree: Path) -> None:
    """While one open is held, files outside, and files that were judged, are opened."""
    outside = tree.parent / "outside.txt"
    outside.write_text("x")
    with Guard(tmp_path, tree, config='stall = "1h"\nmax_wait = "1h"\n') as guard:
        assert opened(tree / "benign.pt") == READ
        for scanner in guard.scanners():
            os.kill(scanner, signal.SIGSTOP)
        opener = Opener(tree / "hostile.pt")
        opener.wait_until_held()
        assert opened(outside) == READ
        assert opened(tree / "benign.pt") == READ
        assert opener.is_held()
        for scanner in guard.scanners():
            os.kill(scanner, signal.SIGCONT)
        assert opener.result() == REFUSED


def test_a_killed_warden_takes_the_others_with_it(tmp_path: Path, tree: Path) -> None:
    """Nobody would watch over the answerer, so it ends even when it is stopped itself; whoever waits passes."""
    with Guard(tmp_path, tree, config='stall = "1h"\nmax_wait = "1h"\n') as guard:
        os.kill(guard.answerer, signal.SIGSTOP)
        opener = Opener(tree / "hostile.pt")
        opener.wait_until_held()
        guard.kill()
        assert opener.result() == READ


def test_a_stopped_warden_holds_nobody_up(tmp_path: Path, tree: Path) -> None:
    """The other two need it only to be replaced."""
    with Guard(tmp_path, tree, config=PATIENT) as guard:
        guard.warden.send_signal(signal.SIGSTOP)
        assert opened(tree / "hostile.pt") == REFUSED
        assert opened(tree / "benign.pt") == READ


def test_the_end_of_the_guard_lets_pass_who_waits(tmp_path: Path, tree: Path) -> None:
    """`systemctl stop` leaves no open behind."""
    with Guard(tmp_path, tree, config=WATCHED) as guard:
        for scanner in guard.scanners():
            os.kill(scanner, signal.SIGSTOP)
        opener = Opener(tree / "hostile.pt")
        opener.wait_until_held()
        guard.end()
        assert opener.result() == READ


def test_a_frozen_guard_holds_opens_until_it_thaws(tmp_path: Path, tree: Path) -> None:
    """A limit that is named: with the warden stopped as well (a frozen cgroup), nobody ends the answerer.

    The warden does not take the time for which it was stopped itself for silence.
    """
    with Guard(tmp_path, tree, config=WATCHED) as guard:
        guard.warden.send_signal(signal.SIGSTOP)
        os.kill(guard.answerer, signal.SIGSTOP)
        opener = Opener(tree / "hostile.pt")
        opener.wait_until_held()
        os.kill(guard.answerer, signal.SIGCONT)
        guard.warden.send_signal(signal.SIGCONT)
        assert opener.result() == REFUSED
        assert guard.events("guard.restarted") == []


def test_an_opener_that_is_killed_while_it_waits_harms_nobody(tmp_path: Path, tree: Path) -> None:
    """Its question has no asker any more when the verdict comes."""
    with Guard(tmp_path, tree, config=WATCHED) as guard:
        scanners = guard.scanners()
        for scanner in scanners:
            os.kill(scanner, signal.SIGSTOP)
        opener = Opener(tree / "hostile.pt")
        opener.wait_until_held()
        opener.kill()
        for scanner in scanners:
            os.kill(scanner, signal.SIGCONT)
        assert opened(tree / "hostile.pt") == REFUSED
        assert eventually(lambda: guard.events("guard.denied") != [])
        assert guard.events("guard.restarted") == []
