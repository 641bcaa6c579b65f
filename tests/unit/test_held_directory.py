"""Many files of one directory, opened below one descriptor with the rights of those whose directory it is."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from support.directories import open_directory
from support.vaulting import root_only

from picklewatch.access.held_directory import hold_directory
from picklewatch.access.open_file import SubjectError
from picklewatch.access.opening import Opener
from picklewatch.access.ownership import Tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ADA, BOB = 12346, 12347


@pytest.fixture
def base() -> Iterator[Path]:
    """Give a directory that all users can reach."""
    with open_directory() as directory:
        yield directory


def opener(directory: Path, owner: int | None) -> Opener:
    """Return what opens files in a cache of *owner*."""
    status = directory.stat()
    trees = (Tree(str(directory), (status.st_dev, status.st_ino), owner),)
    return Opener(lambda: trees)


def put(path: Path, owner: int, mode: int) -> Path:
    """Write a file of *owner*."""
    path.write_bytes(b"1")
    os.chown(path, owner, owner)
    path.chmod(mode)
    return path


@root_only
def test_what_the_caches_user_may_not_read_is_not_opened(base: Path) -> None:
    """A hard link of theirs must not make the daemon read another's file."""
    put(base / "own", ADA, 0o600)
    put(base / "shared", BOB, 0o644)
    put(base / "secret", BOB, 0o600)
    with opener(base, ADA).hold(str(base)) as held:
        for name in ("own", "shared"):
            with held.open(name) as subject:
                assert subject.path == str(base / name)
        with pytest.raises(SubjectError):
            held.open("secret")


@root_only
def test_rights_that_end_meanwhile_end_for_the_next_file(base: Path) -> None:
    """The directory is held open; whether its user may still enter it is asked for each file."""
    os.chown(base, BOB, BOB)
    put(base / "one", BOB, 0o644)
    with opener(base, ADA).hold(str(base)) as held:
        held.open("one").close()
        base.chmod(0o700)
        with pytest.raises(SubjectError):
            held.open("one")


@root_only
def test_a_directory_that_is_not_the_watched_one_is_not_held(base: Path) -> None:
    """Nor one behind a link, or in no watched directory."""
    (base / "cache/models").mkdir(parents=True)
    (base / "cache/link").symlink_to("models")
    opens = opener(base / "cache", ADA)
    for path in (base / "cache/link", base):
        with pytest.raises(SubjectError), opens.hold(str(path)):
            pass
    (base / "cache").rename(base / "former")
    (base / "cache/models").mkdir(parents=True)
    with pytest.raises(SubjectError), opens.hold(str(base / "cache/models")):
        pass


def test_only_regular_files_are_opened_and_of_the_held_directory(tmp_path: Path) -> None:
    """However its name is given to another directory meanwhile."""
    for name in ("held", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    (tmp_path / "held/link").symlink_to("file")
    os.mkfifo(tmp_path / "held/fifo")
    with hold_directory(str(tmp_path / "held")) as held:
        (tmp_path / "held").rename(tmp_path / "former")
        (tmp_path / "other").rename(tmp_path / "held")
        with held.open("file") as subject:
            assert os.read(subject.fd, 10) == b"held"
        for name in ("link", "fifo", "missing", "nul\0"):
            with pytest.raises(SubjectError):
                held.open(name)
