"""What nothing but a new version's lists would move is not moved in a mass."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from support.watching import ENGINE, make_record

from picklewatch.cli import invoke
from picklewatch.core.model import FileId, Verdict
from picklewatch.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NEWER = replace(ENGINE, rules="fedcba987654")
OTHER = "cd" * 32


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store in which an older version let files 1 to 20 stay, and in which two files may be moved without asking."""
    store = Store(tmp_path)
    store.upgrade_moves = 2
    for number in range(1, 21):
        store.finish(None, make_record(f"/m/{number}", file(number)))
    yield store
    store.close()


def file(number: int, ctime: int = 1) -> FileId:
    """The state of a file."""
    return FileId(7, number, 100, 1, ctime)


def judge(store: Store, number: int, *, ctime: int = 1, sha256: str | None = "ab" * 32) -> None:
    """Have the new version judge a file that is to be moved now."""
    record = make_record(f"/m/{number}", file(number, ctime), Verdict.MALICIOUS, sha256=sha256)
    store.finish(None, replace(record, engine=NEWER), quarantine=True)


def test_above_so_many_they_wait_for_a_person(store: Store) -> None:
    """Also after a restart, and when every known file of the level is wanted again."""
    for number in range(1, 8):
        judge(store, number)
    assert store.intents.counts() == {"wanted": 2, "held": 5}
    assert len(store.held_moves) == 5
    store.intents.want_all([Verdict.MALICIOUS])
    judge(store, 7)
    assert store.intents.counts() == {"wanted": 2, "held": 5}
    assert [intent.path for intent in store.intents.wanted()] == ["/m/1", "/m/2"]


@pytest.mark.parametrize(
    ("ctime", "sha256", "held"), [(1, None, True), (2, "ab" * 32, True), (2, OTHER, False), (2, None, False)]
)
def test_another_content_is_moved_at_once(store: Store, ctime: int, sha256: str | None, held: bool) -> None:  # noqa: FBT001 - a parameter
    """Size and time of a hostile rewrite may be those of before: the time of change or the digest tells."""
    store.upgrade_moves = 0
    judge(store, 1, ctime=ctime, sha256=sha256)
    assert store.intents.counts() == ({"held": 1} if held else {"wanted": 1})


def test_new_files_and_what_a_person_asked_for_are_moved_at_once(store: Store) -> None:
    """A download after the upgrade; a file of which the move was wanted before."""
    store.upgrade_moves = 0
    judge(store, 100)
    store.intents.want_all([Verdict.CLEAN])
    judge(store, 1)
    assert "held" not in store.intents.counts()


def test_what_is_judged_anew_waits_no_more(store: Store) -> None:
    """The next version mended its lists, or the user replaced the file."""
    store.upgrade_moves = 0
    judge(store, 1)
    judge(store, 2)
    store.finish(None, replace(make_record("/m/1", file(1)), engine=ENGINE))
    judge(store, 2, ctime=5, sha256=OTHER)
    assert len(store.held_moves) == 0
    assert [intent.path for intent in store.intents.wanted()] == ["/m/2"]


def test_a_person_decides_on_all_or_on_some(store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What stays is not wanted again at the next start."""
    store.upgrade_moves = 0
    for number in (1, 10, 11):
        judge(store, number)
    state = ["--state-dir", str(tmp_path)]
    assert invoke(["quarantine", "apply", "--dry-run", *state]) == 0
    shown = capsys.readouterr().out
    assert "malicious    /m/10  (unsafe-import)" in shown
    assert "3 files wait" in shown
    assert invoke(["quarantine", "apply", "/m/1", *state]) == 2
    assert "--yes" in capsys.readouterr().err
    assert invoke(["quarantine", "apply", "-y", "/m/1", *state]) == 0
    assert store.intents.counts() == {"wanted": 1, "held": 2}
    assert invoke(["quarantine", "dismiss", "-y", *state]) == 0
    assert "2 files will stay" in capsys.readouterr().out
    store.intents.want_all([Verdict.MALICIOUS])
    assert store.intents.counts() == {"wanted": 1, "dismissed": 2}
    assert invoke(["quarantine", "apply", *state]) == 0
    assert "No move waits" in capsys.readouterr().out


def test_where_no_daemon_ran_nothing_is_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is said which directory was looked at."""
    assert invoke(["quarantine", "apply", "--state-dir", str(tmp_path / "none")]) == 2
    assert str(tmp_path / "none") in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
