"""Open files for scanning: regular files only, without ever blocking and without trusting a name twice.

A path is first resolved to a descriptor that gives no access (``O_PATH``), which does not block on a FIFO and does
not wake a device. Only when that descriptor says "regular file" is *it* - not the path - opened for reading.
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Self

from picklewatch.access.paths import PATH_MAX
from picklewatch.core.errors import Error
from picklewatch.core.model import FileId, printable

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

_KINDS_OF_FILE = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a character device"),
    (stat.S_ISBLK, "a block device"),
    (stat.S_ISLNK, "a symbolic link"),
)


class OpenFailure(StrEnum):
    """Reasons why a path can't be scanned; the value is the rule of the finding that reports it."""

    MISSING = "path-missing"
    """Nothing has this name (or not any more)."""
    DANGLING = "broken-link"
    """A symbolic link that leads nowhere, or in a circle."""
    DENIED = "not-readable"
    """It may not be read, or reading fails."""
    NOT_REGULAR = "not-a-regular-file"
    """A directory, FIFO, socket or device."""
    CHANGED = "changed-while-scanned"
    """It was written to or replaced while it was being judged."""


class SubjectError(Error):
    """A path that can't be opened for judging: *kind* and *reason* say why, *hint* what to do."""

    def __init__(self, kind: OpenFailure, path: str, reason: str, hint: str = "") -> None:
        super().__init__(f"{printable(path)}: {reason}", hint)
        self.kind = kind
        self.path = path
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Subject:
    """A regular file, open for reading and positioned at its start. Close it, or use it in a ``with`` statement."""

    fd: int
    file: FileId
    """The state of the inode when it was opened."""
    path: str
    """The path of the content itself, symbolic links resolved, as `os.fsdecode` gives it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self.fd)

    def again(self) -> Subject:
        """Look at the same open file again: its state, and where it is now.

        Shares the descriptor.
        """
        return Subject(self.fd, FileId.of(os.fstat(self.fd)), _true_path(self.fd, self.path, follow=True))


def open_subject(path: str | bytes | os.PathLike[str], *, follow: bool = True) -> Subject:
    """Open the regular file *path* leads to, for reading.

    With *follow*, symbolic links are followed and the subject's path is that of the content; without, a link as
    the last component is refused. Never blocks, never opens anything but a regular file.

    Raises `SubjectError`.
    """
    name = os.fsdecode(path)
    handle = _resolve(name, follow=follow)
    try:
        return open_held(handle, name, lambda fd: _true_path(fd, name, follow=follow))
    finally:
        os.close(handle)


def open_held(handle: int, name: str, true_path: Callable[[int], str]) -> Subject:
    """Open for reading what *handle* (``O_PATH``), found under *name*, holds.

    Raises `SubjectError`.
    """
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode):
        raise not_regular(name, status.st_mode)
    fd = _reopen(handle, name)
    try:
        return Subject(fd, _state(fd, name), true_path(fd))
    except BaseException:
        os.close(fd)
        raise


EXHAUSTED: Final = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN)
"""Error numbers that mean that the machine, or a limit of this process, is at fault and not the file."""


class ExhaustedError(SubjectError):
    """The file could not be looked at now because descriptors or memory ran out."""


class OpenRefusedError(SubjectError):
    """The kernel refused to open the file although its mode permits it: a guard (docs/guard.md) holds it back."""


def subject_error(error: OSError, path: str, *, link: bool = False) -> SubjectError:
    """Turn the failure *error* to open or list *path* into what the user can understand."""
    if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG):
        return _not_there(error, path, link=link)
    if error.errno == errno.ELOOP:
        return SubjectError(OpenFailure.DANGLING, path, "the symbolic link leads in a circle, or is not followed")
    if error.errno in (errno.EACCES, errno.EPERM):
        refusal = OpenRefusedError if error.errno == errno.EPERM else SubjectError
        return refusal(OpenFailure.DENIED, path, "permission denied", "Run as a user who may read it.")
    if error.errno in (errno.ENXIO, errno.ENODEV):
        return SubjectError(OpenFailure.NOT_REGULAR, path, "not a regular file")
    kind = ExhaustedError if error.errno in EXHAUSTED else SubjectError
    return kind(OpenFailure.DENIED, path, error.strerror or str(error))


def _not_there(error: OSError, path: str, *, link: bool) -> SubjectError:
    if error.errno == errno.ENAMETOOLONG and len(os.fsencode(path)) >= PATH_MAX:  # it may well exist
        return SubjectError(
            OpenFailure.DENIED, path, "its path is longer than the system allows", "Move it further up."
        )
    if link:
        return SubjectError(OpenFailure.DANGLING, path, "the symbolic link leads nowhere")
    return SubjectError(OpenFailure.MISSING, path, "no such file or directory")


def _resolve(name: str, *, follow: bool) -> int:
    flags = os.O_PATH | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    try:
        return os.open(name, flags)
    except OSError as error:
        is_link = os.path.islink(name)  # noqa: PTH114 - never raises
        raise subject_error(error, name, link=is_link) from None
    except ValueError:  # an embedded null byte
        raise SubjectError(OpenFailure.MISSING, name, "not a possible file name") from None


def not_regular(name: str, mode: int) -> SubjectError:
    """Say that *name*, whose ``st_mode`` is *mode*, is no regular file."""
    kind = next((text for test, text in _KINDS_OF_FILE if test(mode)), "something else")
    return SubjectError(OpenFailure.NOT_REGULAR, name, f"{kind}, not a regular file")


def _reopen(handle: int, name: str) -> int:
    """Open for reading exactly the inode that *handle* holds, whatever its name leads to by now."""
    try:
        return os.open(f"/proc/self/fd/{handle}", os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError as error:
        if error.errno == errno.ENOENT and not os.path.isdir("/proc/self/fd"):  # noqa: PTH112 - no object is needed
            reason = "it can't be opened safely, for /proc is not mounted"
            raise SubjectError(OpenFailure.DENIED, name, reason, "Mount /proc.") from None
        raise subject_error(error, name) from None


def _state(fd: int, name: str) -> FileId:
    """Return the state of *fd*. Raises `SubjectError` where files have no size until they are read, as in /proc."""
    status = os.fstat(fd)
    if status.st_size == 0 and _has_content(fd):
        status = os.fstat(fd)  # somebody may be writing it just now
        if status.st_size == 0:
            raise SubjectError(
                OpenFailure.NOT_REGULAR, name, "it has content but no size", "Copy it, and scan the copy."
            )
    return FileId.of(status)


def _has_content(fd: int) -> bool:
    try:
        return bool(os.pread(fd, 1, 0))
    except OSError:
        return False


def _true_path(fd: int, name: str, *, follow: bool) -> str:
    """Return where the kernel says that *fd* is, if that name still leads to it; else *name* made absolute."""
    if not follow:
        return os.path.abspath(name)  # noqa: PTH100 - Path.absolute keeps ".."
    status = os.fstat(fd)
    try:
        path = os.readlink(f"/proc/self/fd/{fd}")  # noqa: PTH115 - as os.fsdecode gives it
        there = os.stat(path, follow_symlinks=False)  # noqa: PTH116
    except OSError:
        return os.path.realpath(name)
    same = (there.st_dev, there.st_ino) == (status.st_dev, status.st_ino)
    return path if same else os.path.realpath(name)
