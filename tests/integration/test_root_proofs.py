"""Each root's watches are proven, not only that some event arrives: what changed unannounced is found and repaired."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
from support.watching import Watching, eventually

from picklewatch.telemetry.root_state import RootState
from picklewatch.watch import inotify_observer, walk_finds
from picklewatch.watch.timing import Timing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from watchdog.events import FileSystemEvent

    from picklewatch.watch.events import Event

QUICK = Timing(poll=0.3, retry=0.3, proof=0.05, proof_age=0.3)


@pytest.fixture
def watching(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watching]:
    """Give a watch on ``heard`` and ``deaf``, of which the second has no event of what happens in it."""
    roots = (tmp_path / "heard", tmp_path / "deaf")
    for root in roots:
        (root / "old").mkdir(parents=True)
    translate = inotify_observer._translate

    def hear(event: FileSystemEvent) -> Event | None:
        return None if "/deaf" in str(event.src_path) else translate(event)

    monkeypatch.setattr(inotify_observer, "_translate", hear)
    monkeypatch.setattr(walk_finds, "_FRESH_NS", 0)
    with Watching(tmp_path / "state", *roots, timing=QUICK) as watching:
        assert watching.wait_ready()
        yield watching


def is_said(watching: Watching, times: int) -> bool:
    """Return True if unannounced changes were counted so often."""
    return watching.health.counts.get("watch-unannounced", 0) >= times


def test_a_root_whose_changes_are_not_announced_is_found_out(watching: Watching, tmp_path: Path) -> None:
    """While the canary, and every other root, is fine: its files are judged, it is said, in the end it is walked."""
    heard, deaf = watching.watcher.roots
    for number in range(3):
        path = tmp_path / "deaf/old" / f"{number}.pt"
        path.write_bytes(b"x")
        assert watching.wait_for(path)
        assert eventually(partial(is_said, watching, number + 1))
    assert eventually(lambda: deaf.state is RootState.WATCHED and "not always announced" in deaf.reason)
    assert heard.reason == ""
    assert not any(problem.what == "watch-silent" for problem in watching.health.problems)


def test_a_directory_without_a_watch_gets_one(watching: Watching, tmp_path: Path) -> None:
    """Its creation was never announced; nothing in it would be."""
    observer = watching.watcher._trees.observer
    assert observer is not None
    (tmp_path / "deaf/new").mkdir()
    for directory in (tmp_path / "deaf/new", tmp_path / "heard/old"):
        assert eventually(partial(observer.is_watching, str(directory)))


def test_what_is_announced_or_only_removed_is_no_doubt(watching: Watching, tmp_path: Path) -> None:
    """Events prove a directory; what is gone asks for no file to be judged."""
    path = tmp_path / "heard/old/m.pt"
    path.write_bytes(b"x")
    assert watching.wait_for(path)
    path.unlink()
    last = tmp_path / "deaf/old/last.pt"
    last.write_bytes(b"x")
    assert watching.wait_for(last)
    assert eventually(lambda: watching.health.counts.get("missed", 0) == 1)
