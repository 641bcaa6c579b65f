"""A rescue from its first step to its last: what appears, and what never does."""

from __future__ import annotations

import errno
import json
import os
import resource
import stat
import zipfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import pytest
from samples import opcodes as op
from samples.torch_checkpoint import checkpoint, torch_zip
from support.rescues import LIMITS, InProcess, descriptor, names_in, planned, read_safetensors

from picklewatch.analysis.content import scan_content
from picklewatch.core.errors import Error
from picklewatch.core.model import Policy, Verdict
from picklewatch.core.policy import decide
from picklewatch.quarantine import fs
from picklewatch.rescue import new_file
from picklewatch.rescue.rescuing import Rescued, rescue

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from picklewatch.core.model import ScanReport
    from picklewatch.sandbox import Rescuer, RescueRequest

GOOD = checkpoint({"b": [1.0, 2.0], "a": [3.0]})
EVIL = op.call("os", "system", op.text("true"))


def rescued(content: bytes, target: Path, rescuer: InProcess | None = None, only: str | None = None) -> Rescued:
    """Rescue *content* as *target*."""
    with descriptor(content) as fd:
        return rescue(cast("Rescuer", rescuer or InProcess()), fd, target, only)


@pytest.mark.parametrize("only", [None, "x"])
def test_a_safetensors_file_has_what_was_planned(tmp_path: Path, only: str | None) -> None:
    """Type, shape and bytes of each tensor; it is proven skipped, and readable by whom the umask lets."""
    transposed = op.tensor(op.storage(), op.sizes(4, 4), op.sizes(1, 4))
    half = op.tensor(op.storage("1", 3, "HalfStorage"), op.sizes(3), op.sizes(1))
    value = op.dict_(x=op.dict_(t=transposed, h=half, s=op.tensor(op.storage(), op.sizes(16), op.sizes(1))))
    content = torch_zip(op.pickle(2, EVIL, op.POP, value), {"0": bytes(range(64)), "1": b"abcdef"})
    target = tmp_path / "out.safetensors"
    done = rescued(content, target, only=only)
    assert done.verdict is Verdict.SKIPPED
    assert read_safetensors(target) == planned(content, only).tensors
    assert names_in(tmp_path) == ["out.safetensors"]
    mask = os.umask(0o022)
    os.umask(mask)
    assert stat.S_IMODE(target.stat().st_mode) == 0o666 & ~mask


def test_a_short_header_is_not_taken_for_a_text(tmp_path: Path) -> None:
    """The length before it, if it were below 256, would look like UTF-32, and all of the file like a text."""
    target = tmp_path / "out.safetensors"
    rescued(GOOD, target)
    assert json.detect_encoding(target.read_bytes()) == "utf-8"


def test_a_checkpoint_made_anew_is_clean_and_whole(tmp_path: Path) -> None:
    """The hostile call is gone, the checksums are right, and shared storages are written once."""
    view = op.tensor(op.storage(), op.sizes(4), op.sizes(2), 1)
    value = op.dict_(w=op.tensor(op.storage(), op.sizes(16), op.sizes(1)), v=view, e=EVIL, n=op.number(7))
    target = tmp_path / "out.pt"
    done = rescued(torch_zip(op.pickle(2, value), {"0": bytes(range(64))}), target)
    assert done.verdict is Verdict.CLEAN
    assert {left.name for left in done.plan.left} == {"e"}
    with zipfile.ZipFile(target) as archive:
        assert archive.testzip() is None
        assert archive.read("archive/data/0") == bytes(range(64))
        assert len(archive.namelist()) == 4
    assert decide(scan_content(target.read_bytes(), LIMITS), Policy()).verdict is Verdict.CLEAN
    assert (
        planned(target.read_bytes()).tensors == planned(torch_zip(op.pickle(2, value), {"0": bytes(range(64))})).tensors
    )


def test_a_rescued_checkpoint_is_rescued_the_same_again(tmp_path: Path) -> None:
    """Whatever protocol and kind of file it came from."""
    first, second = tmp_path / "first.pt", tmp_path / "second.pt"
    rescued(GOOD, first)
    rescued(first.read_bytes(), second)
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("suffix", ["pt", "safetensors"])
def test_what_holds_no_tensor_makes_no_file(tmp_path: Path, suffix: str) -> None:
    """It is told why."""
    done = rescued(op.pickle(2, EVIL), tmp_path / f"out.{suffix}")
    assert done.verdict is None
    assert done.plan.others == 1
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("kind", ["file", "link", "dangling", "directory"])
def test_nothing_is_overwritten_and_no_link_followed(tmp_path: Path, kind: str) -> None:
    """Whatever has the name keeps it, as it is."""
    target, other = tmp_path / "out.safetensors", tmp_path / "other"
    other.write_bytes(b"kept")
    match kind:
        case "file":
            target.write_bytes(b"kept")
        case "link":
            target.symlink_to(other)
        case "dangling":
            target.symlink_to(tmp_path / "nowhere")
        case _:
            target.mkdir()
    before = names_in(tmp_path), os.lstat(target)
    with pytest.raises(Error, match="exists already"):
        rescued(GOOD, target)
    assert (names_in(tmp_path), os.lstat(target)) == before
    assert other.read_bytes() == b"kept"


@pytest.mark.parametrize("has_nameless", [True, False], ids=["nameless", "named"])
def test_a_name_that_is_taken_meanwhile_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, has_nameless: bool
) -> None:
    """Whoever made it first keeps it; ours leaves no trace."""
    if not has_nameless:
        monkeypatch.setattr(fs, "create_nameless", lambda _directory: None)
    target = tmp_path / "out.safetensors"

    class Racing(InProcess):
        def scan(self, fd: int) -> ScanReport:
            target.write_bytes(b"first")
            return super().scan(fd)

    with pytest.raises(Error, match="exists already"):
        rescued(GOOD, target, Racing())
    assert target.read_bytes() == b"first"
    assert names_in(tmp_path) == ["out.safetensors"]


def has_nameless_files(directory: Path) -> bool:
    """Return True if the file system of *directory* has files without a name."""
    handle = os.open(directory, os.O_RDONLY)
    made = fs.create_nameless(handle)
    os.close(handle)
    if made is not None:
        os.close(made)
    return made is not None


@pytest.mark.parametrize("has_nameless", [True, False], ids=["nameless", "named"])
def test_an_end_in_the_middle_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, has_nameless: bool
) -> None:
    """A killed rescue leaves nothing, where files can be without a name; elsewhere one that only its end removes."""
    if has_nameless and not has_nameless_files(tmp_path):
        pytest.skip("this file system has no files without a name")
    if not has_nameless:
        monkeypatch.setattr(fs, "create_nameless", lambda _directory: None)
    meanwhile: list[str] = []

    class Looking(InProcess):
        def scan(self, fd: int) -> ScanReport:
            meanwhile.extend(names_in(tmp_path))
            return super().scan(fd)

    target = tmp_path / ("模" * 78 + ".safetensors")  # names end at 255 bytes
    rescued(GOOD, target, Looking())
    assert len(meanwhile) == (0 if has_nameless else 1)
    assert names_in(tmp_path) == [target.name]
    with pytest.raises(Error, match="exists already"):
        rescued(GOOD, target)


@pytest.mark.parametrize("suffix", ["pt", "safetensors"])
def test_a_file_that_is_not_proven_does_not_appear(tmp_path: Path, suffix: str) -> None:
    """The scan of what was written has the last word, not the plan."""

    class Doubting(InProcess):
        def scan(self, fd: int) -> ScanReport:
            return scan_content(op.pickle(2, EVIL), LIMITS)

    with pytest.raises(Error, match="not proven harmless"):
        rescued(GOOD, tmp_path / f"out.{suffix}", Doubting())
    assert names_in(tmp_path) == []


def test_a_pickle_that_a_taken_over_child_writes_is_not_published(tmp_path: Path) -> None:
    """What runs something is malicious, whoever wrote it."""
    evil = op.pickle(2, EVIL)

    class TakenOver(InProcess):
        def rescue(self, fd: int, request: RescueRequest) -> Iterator[dict[str, Any] | bytes]:
            del fd, request
            part = {"kind": "part", "name": "0", "dtype": "U8", "shape": "4", "bytes": 4, "begin": 0}
            yield from ({"kind": "pickle", "bytes": len(evil)}, part, {"kind": "planned", "plain": 0, "others": 0})
            yield evil

    with pytest.raises(Error, match="malicious"):
        rescued(GOOD, tmp_path / "out.pt", TakenOver())
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("change", ["written to", "cut"])
def test_a_source_that_changes_meanwhile_gives_no_file(tmp_path: Path, change: str) -> None:
    """The plan was about another content."""

    class Changing(InProcess):
        def rescue(self, fd: int, request: RescueRequest) -> Iterator[dict[str, Any] | bytes]:
            yield from list(super().rescue(fd, request))
            os.utime(fd, ns=(0, 0)) if change == "written to" else os.ftruncate(fd, 100)

    with pytest.raises(Error, match=r"changed|shorter"):
        rescued(GOOD, tmp_path / "out.safetensors", Changing())
    assert names_in(tmp_path) == []


def test_a_source_that_is_shorter_than_planned_is_no_endless_copy(tmp_path: Path) -> None:
    """A range that is not there any more ends the rescue."""

    class Cutting(InProcess):
        def rescue(self, fd: int, request: RescueRequest) -> Iterator[dict[str, Any] | bytes]:
            said = list(super().rescue(fd, request))
            os.ftruncate(fd, 10)
            yield from said

    with pytest.raises(Error, match="shorter"):
        rescued(GOOD, tmp_path / "out.safetensors", Cutting())
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("suffix", ["pt", "safetensors"])
def test_a_disk_without_room_is_an_error_and_leaves_nothing(tmp_path: Path, suffix: str) -> None:
    """It is noticed before the copying, as a limit of the file's size is."""
    content = checkpoint({"w": [1.0] * 10_000})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with descriptor(content) as fd:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4_096, hard))
        try:
            with pytest.raises(Error, match="can't be written"):
                rescue(cast("Rescuer", InProcess()), fd, tmp_path / f"out.{suffix}")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert names_in(tmp_path) == []


def test_a_directory_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """No directory is made."""
    with pytest.raises(Error, match="can't be written"):
        rescued(GOOD, tmp_path / "none" / "out.safetensors")


@pytest.mark.parametrize("name", ["out", "out.pkl", "out.npz"])
def test_the_name_says_what_it_is_to_be(tmp_path: Path, name: str) -> None:
    """Another ending is refused before any work."""
    with pytest.raises(Error, match="safetensors"):
        rescued(GOOD, tmp_path / name)


def test_a_copy_between_file_systems_reads_and_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the kernel can't copy from one to the other, the bytes are the same."""

    def refuse(*_arguments: Any) -> int:
        raise OSError(errno.EXDEV, "other file system")

    monkeypatch.setattr(os, "copy_file_range", refuse)
    monkeypatch.setattr(new_file, "_BLOCK", 3)
    target = tmp_path / "out.safetensors"
    rescued(GOOD, target)
    assert read_safetensors(target) == planned(GOOD).tensors


@contextmanager
def wide_from(size: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Take *size* for four gigabytes."""
    from picklewatch.rescue import torch_archive

    with monkeypatch.context() as patch:
        patch.setattr(torch_archive, "_WIDE", size)
        yield


def test_large_archives_are_read_by_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From four gigabytes on, sizes and places stand in fields of their own; zipfile and we read the same."""
    target = tmp_path / "out.pt"
    with wide_from(4, monkeypatch):
        rescued(GOOD, target)
    with zipfile.ZipFile(target) as archive:
        assert archive.testzip() is None
        assert archive.read("archive/data/0") == b"\0\0\x80\x3f\0\0\0\x40"
    assert planned(target.read_bytes()).tensors == planned(GOOD).tensors
