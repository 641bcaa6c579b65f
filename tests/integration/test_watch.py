"""Watching real directories: every file that appears is offered, whatever way it comes."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import threading
import time
from typing import TYPE_CHECKING

import pytest
from support.watching import PATIENCE, Watching, eventually

from picklewatch.core.candidate import Source
from picklewatch.watch.settle import Delays

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A directory to watch."""
    root = tmp_path / "root"
    root.mkdir()
    return root


@pytest.fixture
def watching(tmp_path: Path, root: Path) -> Iterator[Watching]:
    """A watch on *root* that is ready."""
    with Watching(tmp_path / "state", root) as watching:
        assert watching.wait_ready()
        yield watching


def test_a_file_is_offered_because_it_was_closed(watching: Watching, root: Path) -> None:
    """The researcher does not wait for a walk to find it."""
    (root / "model.pt").write_bytes(b"x")
    assert watching.wait_for(root / "model.pt")
    assert watching.last(root / "model.pt").source is Source.EVENT


def test_files_in_directories_made_a_millisecond_ago_are_offered(watching: Watching, root: Path) -> None:
    """`mkdir -p` and a write race with the watch of the new directory, and lose nothing."""
    wanted = []
    for number in range(50):
        directory = root / f"a{number}" / "b" / "c"
        directory.mkdir(parents=True)
        (directory / "model.pt").write_bytes(b"x")
        wanted.append(directory / "model.pt")
    assert watching.wait_for(*wanted)


@pytest.mark.parametrize("way", ["copytree", "move", "tar"])
def test_trees_that_come_in_one_piece_are_offered_completely(
    watching: Watching, root: Path, tmp_path: Path, way: str
) -> None:
    """Cp -r, mv and tar x: no file is missed."""
    source = tmp_path / "source"
    names = [f"d{number % 7}/e{number % 3}/f{number}.bin" for number in range(200)]
    for name in names:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(b"x")
    if way == "copytree":
        shutil.copytree(source, root / "copy")
    elif way == "move":
        source.rename(root / "copy")
    else:
        with tarfile.open(tmp_path / "t.tar", "w") as tar:
            tar.add(source, "copy")
        subprocess.run(["tar", "xf", str(tmp_path / "t.tar"), "-C", str(root)], check=True)
    assert watching.wait_for(*(root / "copy" / name for name in names))


def test_a_rename_into_place_is_offered_under_the_final_name_only(tmp_path: Path, root: Path) -> None:
    """huggingface_hub and torch.hub write a temporary file first."""
    with Watching(tmp_path / "state", root, delays=Delays(grace=PATIENCE)) as watching:
        assert watching.wait_ready()
        temporary = root / "blob.1234abcd.incomplete"
        temporary.write_bytes(b"x")
        assert eventually(lambda: str(temporary) in watching.loop._settle)
        temporary.rename(root / "blob")
        assert watching.wait_for(root / "blob")
        assert str(temporary) not in watching.loop._settle
        assert watching.paths() == [str(root / "blob")]


def test_a_file_opened_without_a_name_is_offered_again_when_its_writer_closes_it(
    watching: Watching, root: Path
) -> None:
    """The kernel announces that under the number of the inode; the name that was judged has other content now."""
    (root / "sub").mkdir()
    fd = os.open(root, os.O_TMPFILE | os.O_RDWR)
    os.write(fd, b"harmless")
    os.link(f"/proc/self/fd/{fd}", root / "sub" / "model.pt", src_dir_fd=fd, follow_symlinks=True)
    assert watching.wait_for(root / "sub" / "model.pt")
    os.write(fd, b"and hostile")
    os.close(fd)
    assert eventually(lambda: watching.last(root / "sub" / "model.pt").file.size == len(b"harmlessand hostile"))


def test_numbers_of_no_inode_are_names_like_others(watching: Watching, root: Path) -> None:
    """Anybody may call a file so, and remove it."""
    for name in ("#0", "#18446744073709551616", "#99999999999999999999", "#7"):
        (root / name).write_bytes(b"x")
        (root / name).unlink()
    (root / "#8").write_bytes(b"x")
    assert watching.wait_for(root / "#8")
    assert "watch-failed" not in watching.health.counts


def test_a_slow_writer_is_waited_for(watching: Watching, root: Path) -> None:
    """A file in a new directory that is still written to is offered when it is complete."""
    directory = root / "new"
    directory.mkdir()
    path = directory / "model.pt"
    with path.open("wb") as file:
        for _ in range(8):
            file.write(b"x" * 10)
            file.flush()
            time.sleep(0.05)
    assert eventually(lambda: [offer.file.size for offer in watching.offered if offer.path == str(path)][-1:] == [80])


def test_links_stand_for_the_content_they_lead_to(watching: Watching, root: Path, tmp_path: Path) -> None:
    """A snapshot link to a shared store outside of every root makes the content a candidate, with its name."""
    shared = tmp_path / "store" / "content"
    shared.parent.mkdir()
    shared.write_bytes(b"x")
    (root / "model.bin").symlink_to(shared)
    assert watching.wait_for(shared)
    assert watching.last(shared).link == str(root / "model.bin")


def test_names_of_any_bytes_are_offered(watching: Watching, root: Path) -> None:
    """Names that are not UTF-8, or hold newlines, are names."""
    name = os.fsencode(root) + b"/\xff\xfe\n\x1b[31m.bin"
    with open(name, "wb") as file:  # noqa: PTH123 - a path of bytes
        file.write(b"x")
    assert eventually(lambda: os.fsdecode(name) in watching.paths())


def test_what_is_not_a_regular_file_is_never_offered(watching: Watching, root: Path) -> None:
    """FIFOs, broken links and directories are passed over."""
    os.mkfifo(root / "fifo")
    (root / "broken").symlink_to(root / "nowhere")
    (root / "loop").symlink_to(root / "loop")
    (root / "directory").mkdir()
    (root / "file").write_bytes(b"")
    assert watching.wait_for(root / "file")
    assert watching.paths() == [str(root / "file")]


def test_what_is_there_already_is_found(tmp_path: Path, root: Path) -> None:
    """The start-up walk offers what no event will announce."""
    (root / "a").mkdir()
    old = root / "a" / "old.pt"
    old.write_bytes(b"x")
    os.utime(old, (1, 1))
    with Watching(tmp_path / "state", root) as watching:
        assert watching.wait_for(old)


def test_a_root_that_is_a_link_or_lies_in_another_is_watched_once(tmp_path: Path, root: Path) -> None:
    """Roots are resolved first; watchdog would miss the top-level files of a link."""
    link = tmp_path / "link"
    link.symlink_to(root)
    (root / "inner").mkdir()
    with Watching(tmp_path / "state", link, root / "inner") as watching:
        assert watching.wait_ready()
        (root / "top.pt").write_bytes(b"x")
        (root / "inner" / "in.pt").write_bytes(b"x")
        assert watching.wait_for(root / "top.pt", root / "inner" / "in.pt")
        assert sorted(watching.paths()) == sorted(map(str, (root / "top.pt", root / "inner" / "in.pt")))


def test_a_root_that_appears_later_is_picked_up(tmp_path: Path) -> None:
    """The first download makes the cache, and is seen."""
    root = tmp_path / "later" / "cache"
    with Watching(tmp_path / "state", root) as watching:
        assert watching.wait_ready()
        assert [r.state.value for r in watching.watcher.roots] == ["waiting"]
        root.mkdir(parents=True)
        (root / "first.pt").write_bytes(b"x")
        assert watching.wait_for(root / "first.pt")
        (root / "second.pt").write_bytes(b"x")
        assert watching.wait_for(root / "second.pt")
        assert [r.state.value for r in watching.watcher.roots] == ["watched"]


def test_excluded_paths_are_not_offered(tmp_path: Path, root: Path) -> None:
    """Neither by events nor by walks."""
    (root / "skip").mkdir()
    (root / "skip" / "old").write_bytes(b"x")
    with Watching(tmp_path / "state", root, excluded=lambda path: "/skip" in path) as watching:
        assert watching.wait_ready()
        (root / "skip" / "new").write_bytes(b"x")
        (root / "kept").write_bytes(b"x")
        assert watching.wait_for(root / "kept")
        assert watching.paths() == [str(root / "kept")]


def test_threads_end_when_asked(tmp_path: Path, root: Path) -> None:
    """Stopping leaves no thread of ours or of watchdog's behind."""
    before = threading.active_count()
    with Watching(tmp_path / "state", root) as watching:
        assert watching.wait_ready()
    assert eventually(lambda: threading.active_count() <= before)
