"""A data set beside the guarded directories: the kernel is soon told not to ask, and asks again when it may matter."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from support.guarding import HOSTILE, READ, REFUSED, Guard, disk, opened

from picklewatch.guard.quiet_directories import QUESTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OPENS = 40


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Path]:
    """A disk with ``models``, and ``old`` and ``young`` outside with a hostile file each; ``old`` is from 2020."""
    if shutil.which("debugfs") is None:
        pytest.skip("there is no debugfs to set a time of change")
    with disk(tmp_path) as root:
        for name in ("models", "old", "young"):
            (root / name).mkdir()
            (root / name / f"{name}.pt").write_bytes(HOSTILE + name.encode())
        image = tmp_path / "disk.img"
        subprocess.run(["umount", str(root)], check=True)
        command = ["debugfs", "-w", "-R", "set_inode_field /old ctime 20200101", str(image)]
        subprocess.run(command, check=True, capture_output=True)
        subprocess.run(["mount", "-o", "loop", str(image), str(root)], check=True)
        yield root


def open_often(path: Path) -> None:
    """Open *path* many times."""
    for _ in range(OPENS):
        path.open("rb").close()


def test_an_old_directory_is_no_longer_asked_about(tmp_path: Path, mounted: Path) -> None:
    """After a few questions; a young one, which may be moved into a tree next, is."""
    with Guard(tmp_path, mounted / "models") as guard:
        open_often(mounted / "old" / "old.pt")
        guard.end()
    (numbers,) = guard.events("guard.stopped")
    assert (numbers["quieted"], numbers["asked"]) == (1, QUESTIONS)
    with Guard(tmp_path, mounted / "models") as guard:
        open_often(mounted / "young" / "young.pt")
        guard.end()
    (numbers,) = guard.events("guard.stopped")
    assert (numbers["quieted"], numbers["asked"]) == (0, OPENS)


def test_a_directory_that_moves_is_asked_about_again(tmp_path: Path, mounted: Path) -> None:
    """The mark moves with it, into a tree, too: so all marks go."""
    with Guard(tmp_path, mounted / "models"):
        open_often(mounted / "old" / "old.pt")
        (mounted / "old").rename(mounted / "models" / "old")
        assert opened(mounted / "young" / "young.pt") == READ  # asked after the move: the guard knows of it
        assert opened(mounted / "models" / "old" / "old.pt") == REFUSED


def test_what_is_written_into_a_quiet_directory_is_none_of_the_trees(tmp_path: Path, mounted: Path) -> None:
    """It stays quiet; the tree beside it is asked about as ever, and a link in a quiet directory leads into it."""
    (mounted / "old" / "link.pt").symlink_to(mounted / "models" / "models.pt")
    with Guard(tmp_path, mounted / "models"):
        open_often(mounted / "old" / "old.pt")
        (mounted / "old" / "new.pt").write_bytes(HOSTILE)
        assert opened(mounted / "old" / "new.pt") == READ
        assert opened(mounted / "old" / "link.pt") == REFUSED
