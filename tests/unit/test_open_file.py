"""Opening files that are to be judged."""

from __future__ import annotations

import os
import signal
import socket
from typing import TYPE_CHECKING

import pytest
from support.directories import bind

from picklewatch.access.open_file import OpenFailure, SubjectError, open_subject

if TYPE_CHECKING:
    from pathlib import Path


def problem_of(path: str | Path, *, follow: bool = True) -> SubjectError:
    """Try to open *path* and return why that is refused; never waits."""
    signal.alarm(5)
    try:
        with pytest.raises(SubjectError) as caught:
            open_subject(path, follow=follow)
    finally:
        signal.alarm(0)
    return caught.value


def test_a_regular_file_is_opened_with_its_identity(tmp_path: Path) -> None:
    """The descriptor is at the start and inherits to no child."""
    path = tmp_path / "x"
    path.write_bytes(b"abc")
    with open_subject(path) as subject:
        assert os.read(subject.fd, 9) == b"abc"
        assert (subject.file.size, subject.file.inode) == (3, path.stat().st_ino)
        assert subject.path == str(path.resolve())
        assert not os.get_inheritable(subject.fd)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(subject.fd)


def test_links_are_followed_to_the_content(tmp_path: Path) -> None:
    """The subject's path is that of the content, as every parent really is."""
    (tmp_path / "real").mkdir()
    (tmp_path / "real/blob").write_bytes(b"abc")
    (tmp_path / "dir").symlink_to("real")
    (tmp_path / "link").symlink_to("dir/blob")
    with open_subject(tmp_path / "link") as subject:
        assert subject.path == str((tmp_path / "real/blob").resolve())


def test_a_link_can_be_refused(tmp_path: Path) -> None:
    """For a watcher that resolves links itself."""
    (tmp_path / "blob").write_bytes(b"abc")
    (tmp_path / "link").symlink_to("blob")
    assert problem_of(tmp_path / "link", follow=False).kind is OpenFailure.NOT_REGULAR
    with open_subject(tmp_path / "blob", follow=False) as subject:
        assert subject.path == str(tmp_path / "blob")


def test_special_files_are_refused_without_waiting(tmp_path: Path) -> None:
    """A FIFO without a writer would block an ordinary open for ever."""
    os.mkfifo(tmp_path / "fifo")
    listener = socket.socket(socket.AF_UNIX)
    bind(listener, tmp_path / "sock")
    reasons = {
        path: problem_of(path).reason
        for path in (str(tmp_path / "fifo"), str(tmp_path / "sock"), str(tmp_path), "/dev/null")
    }
    listener.close()
    assert list(reasons.values()) == [
        "a FIFO, not a regular file",
        "a socket, not a regular file",
        "a directory, not a regular file",
        "a character device, not a regular file",
    ]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("none", OpenFailure.MISSING),
        ("file/below", OpenFailure.MISSING),
        ("x" * 300, OpenFailure.MISSING),
        ("x/" * 2100, OpenFailure.DENIED),
        ("a\0b", OpenFailure.MISSING),
    ],
)
def test_names_that_lead_nowhere(name: str, kind: OpenFailure, tmp_path: Path) -> None:
    """Each has its reason, none a traceback; what lies too deep for the system may be there."""
    (tmp_path / "file").write_bytes(b"")
    assert problem_of(f"{tmp_path}/{name}").kind is kind


def test_content_without_a_size_is_not_called_empty() -> None:
    """As /proc and some FUSE file systems have it: a loader would read what a scan by size does not see."""
    assert problem_of("/proc/self/status").kind is OpenFailure.NOT_REGULAR
    assert problem_of("/proc/self/status").reason == "it has content but no size"


def test_broken_and_circular_links(tmp_path: Path) -> None:
    """They are told from names that never existed."""
    (tmp_path / "broken").symlink_to("none")
    (tmp_path / "loop").symlink_to("loop")
    assert problem_of(tmp_path / "broken").kind is OpenFailure.DANGLING
    assert problem_of(tmp_path / "loop").kind is OpenFailure.DANGLING


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user, which only root may")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    """The hint says what to do."""
    path = tmp_path / "x"
    path.write_bytes(b"abc")
    path.chmod(0o000)
    tmp_path.chmod(0o755)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.chdir(tmp_path)  # the directories above are root's own
        os.setresuid(65534, 65534, 65534)
        try:
            open_subject("x")
        except SubjectError as error:
            os.write(writing, f"{error.kind} {error.hint}".encode())
        os._exit(0)
    os.close(writing)
    assert os.read(reading, 200).decode() == "not-readable Run as a user who may read it."
    os.close(reading)
    os.waitpid(child, 0)


def test_messages_are_printable(tmp_path: Path) -> None:
    """A name with escape codes can't reach the terminal."""
    error = problem_of(str(tmp_path / "\x1b[31m\n"))
    assert error.message.isprintable()
    assert error.path.endswith("\x1b[31m\n")


def test_what_is_opened_is_what_was_looked_at(tmp_path: Path) -> None:
    """Once resolved, a swapped name changes nothing; looking again says where the content is now."""
    path = tmp_path / "x"
    path.write_bytes(b"old")
    with open_subject(path) as subject:
        path.rename(tmp_path / "y")
        path.write_bytes(b"new")
        again = subject.again()
        assert os.pread(again.fd, 9, 0) == b"old"
        assert again.path == str(tmp_path / "y")
        assert again.file != subject.file or again.file.ctime_ns == subject.file.ctime_ns


def test_a_deleted_file_keeps_its_name(tmp_path: Path) -> None:
    """The kernel's own mark of a deleted file is not part of it."""
    path = tmp_path / "x"
    path.write_bytes(b"old")
    with open_subject(path) as subject:
        path.unlink()
        assert subject.again().path == str(path)
