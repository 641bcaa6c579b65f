"""From paths to contents, each once."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from picklewatch.access.open_file import OpenFailure
from picklewatch.core.path_patterns import excluder
from picklewatch.scanning.collect_paths import collect

if TYPE_CHECKING:
    from pathlib import Path


def names(root: Path, *paths: str, follow: bool = False) -> list[tuple[str, list[str]]]:
    """Collect below *root* and return the contents and their other names, relative to it."""
    found = collect(paths or [str(root)], follow=follow)
    return [
        (os.path.relpath(item.path, root), [os.path.relpath(name, root) for name in item.names]) for item in found.items
    ]


def test_directories_are_walked_in_the_order_of_names(tmp_path: Path) -> None:
    """Files of a directory come before those of the directories in it; nothing depends on the file system's order."""
    for name in ("b/2", "b/1", "a/z/1", "a/1", "0", "c"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    assert [path for path, _ in names(tmp_path)] == ["0", "c", "a/1", "a/z/1", "b/1", "b/2"]


def test_a_content_is_judged_once_with_every_name(tmp_path: Path) -> None:
    """Links and hard links lead to it; so does naming it twice."""
    (tmp_path / "blobs").mkdir()
    (tmp_path / "blobs/x").write_text("x")
    (tmp_path / "snapshots").mkdir()
    (tmp_path / "snapshots/m.bin").symlink_to("../blobs/x")
    os.link(tmp_path / "blobs/x", tmp_path / "hard")
    found = names(tmp_path, str(tmp_path), str(tmp_path / "snapshots/m.bin"), str(tmp_path / "blobs/x"))
    assert found == [("hard", ["blobs/x", "snapshots/m.bin"])]
    assert names(tmp_path / "blobs", str(tmp_path / "snapshots")) == [("x", ["../snapshots/m.bin"])]


def test_links_to_directories_are_told_not_followed(tmp_path: Path) -> None:
    """Unless asked for; those that another path covers need no word."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out/x").write_text("x")
    (tmp_path / "in/sub").mkdir(parents=True)
    (tmp_path / "in/there").symlink_to("../out")
    (tmp_path / "in/here").symlink_to("sub")
    assert collect([str(tmp_path / "in")]).unfollowed == [str(tmp_path / "in/there")]
    followed = collect([str(tmp_path / "in")], follow=True)
    assert ([item.path for item in followed.items], followed.unfollowed) == ([str(tmp_path / "out/x")], [])


def test_loops_end(tmp_path: Path) -> None:
    """A directory is visited once, whatever leads to it."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a/x").write_text("x")
    (tmp_path / "a/up").symlink_to("..")
    (tmp_path / "a/self").symlink_to(".")
    assert names(tmp_path, follow=True) == [("a/x", [])]


def test_a_given_link_is_followed(tmp_path: Path) -> None:
    """The user named it, so its target is meant; the path shown is the target's."""
    (tmp_path / "real").mkdir()
    (tmp_path / "real/x").write_text("x")
    (tmp_path / "link").symlink_to("real")
    assert names(tmp_path, str(tmp_path / "link")) == [("real/x", [])]


def test_what_cannot_be_judged_is_an_item_with_its_reason(tmp_path: Path) -> None:
    """Each path once, never silence."""
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "broken").symlink_to("none")
    (tmp_path / "loop").symlink_to("loop")
    found = collect([str(tmp_path), str(tmp_path / "none"), str(tmp_path / "fifo"), "/dev/null", "a\0b", "x" * 300])
    kinds = {os.path.basename(item.path): item.problem.kind for item in found.items if item.problem}  # noqa: PTH119
    assert kinds == {
        "broken": OpenFailure.DANGLING,
        "fifo": OpenFailure.NOT_REGULAR,
        "loop": OpenFailure.DANGLING,
        "none": OpenFailure.MISSING,
        "null": OpenFailure.NOT_REGULAR,
        "a\0b": OpenFailure.MISSING,
        "x" * 300: OpenFailure.MISSING,
    }
    assert len(found.items) == len(kinds)


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user, which only root may")
def test_a_directory_that_may_not_be_listed_is_an_item(tmp_path: Path) -> None:
    """The rest of the tree is still walked."""
    (tmp_path / "closed").mkdir(mode=0o700)
    (tmp_path / "x").write_text("x")
    tmp_path.chmod(0o755)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.chdir(tmp_path)
        os.setresuid(65534, 65534, 65534)
        found = collect(["."]).items
        text = ",".join(str(item.problem.kind) if item.problem else "fine" for item in found)
        os.write(writing, text.encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    result = os.read(reading, 500).decode()
    os.close(reading)
    assert result in ("fine,not-readable", "not-readable")  # the second where the parents are closed to others


def test_excluded_names_are_left_out(tmp_path: Path) -> None:
    """Directories with everything below them; a path that was given itself is not."""
    for name in ("a/x.bin", "a/x.log", "skip/x.bin"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    exclude = excluder(["*.log", "skip"])
    assert [item.path for item in collect([str(tmp_path)], exclude=exclude).items] == [str(tmp_path / "a/x.bin")]
    assert len(collect([str(tmp_path / "a/x.log")], exclude=exclude).items) == 1


def test_sizes_add_up_and_standard_input_has_none(tmp_path: Path) -> None:
    """Progress is measured by them."""
    (tmp_path / "x").write_bytes(b"x" * 100)
    (tmp_path / "y").write_bytes(b"x" * 50)
    found = collect(["-", str(tmp_path)])
    assert (found.size, found.items[0].path) == (150, "-")
