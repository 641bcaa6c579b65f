"""Files that may not be read."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from picklewatch.core.model import FileId
from picklewatch.telemetry.health import Health
from picklewatch.watch import unreadable_files
from picklewatch.watch.unreadable_files import LOOK_SECONDS, UnreadableFiles

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_file_whose_permissions_change_is_returned_once(tmp_path: Path) -> None:
    """One that is gone is forgotten; one that stays as it was is looked at again."""
    paths = [tmp_path / name for name in ("changes", "goes", "stays")]
    files = UnreadableFiles(Health())
    for path in paths:
        path.write_bytes(b"x")
        path.chmod(0)
        files.note(str(path), FileId.of(os.lstat(path)))
    assert files.changed(LOOK_SECONDS) == []
    paths[0].chmod(0o600)
    paths[1].unlink()
    assert files.changed(LOOK_SECONDS + 0.1) == [], "it is not time for it"
    assert files.changed(2 * LOOK_SECONDS) == [str(paths[0])]
    assert files.changed(3 * LOOK_SECONDS) == []
    paths[2].chmod(0o600)
    assert files.changed(4 * LOOK_SECONDS) == [str(paths[2])]


def test_a_file_noted_without_its_state_is_compared_with_the_next_look(tmp_path: Path) -> None:
    """After a start nobody knows in which state a file could not be read; that it could not is known."""
    path = tmp_path / "m.pt"
    path.write_bytes(b"x")
    path.chmod(0)
    files = UnreadableFiles(Health())
    files.note(str(path), None)
    assert files.changed(LOOK_SECONDS) == []
    path.chmod(0o600)
    assert files.changed(2 * LOOK_SECONDS) == [str(path)]


def test_only_so_many_are_looked_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The periodic walk finds the others."""
    monkeypatch.setattr(unreadable_files, "_MOST", 2)
    health = Health()
    files = UnreadableFiles(health)
    state = FileId.of(os.lstat(tmp_path))
    for name in ("a", "b", "c", "a"):
        files.note(name, state)
    assert health.counts == {"watch-denied-left-out": 1}
