"""Hold a directory open while many of its files are opened: the way to it is walked once, not once for each file."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from picklewatch.access.open_file import OpenFailure, Subject, SubjectError, open_held, subject_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from picklewatch.access.rights import User


@dataclass(frozen=True, slots=True)
class HeldDirectory:
    """A directory that somebody holds open. What it held is what is opened, whatever its name leads to by now."""

    fd: int
    path: str
    """Its real path, without links."""
    users: tuple[User, ...] = ()
    """The users who have to be able to read what is opened; whether they may is asked for each file."""

    def open(self, name: str) -> Subject:
        """Open the regular file *name*, which may be no link.

        Raises `SubjectError`.
        """
        path = f"{self.path.rstrip('/')}/{name}"
        try:
            handle = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self.fd)
        except OSError as error:
            raise subject_error(error, path) from None
        except ValueError:  # an embedded null byte
            raise SubjectError(OpenFailure.MISSING, path, "not a possible file name") from None
        try:
            if not all(user.may(self.fd, os.X_OK) and user.may(handle, os.R_OK) for user in self.users):
                raise SubjectError(OpenFailure.DENIED, path, "one of those who lead to it may not read it")
            return open_held(handle, path, lambda _fd: path)
        finally:
            os.close(handle)


@contextlib.contextmanager
def hold_directory(path: str) -> Iterator[HeldDirectory]:
    """Hold the directory *path* leads to, with this process's own rights.

    Raises `SubjectError`.
    """
    try:
        fd = os.open(path or "/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise subject_error(error, path) from None
    except ValueError:  # an embedded null byte
        raise SubjectError(OpenFailure.MISSING, path, "not a possible file name") from None
    try:
        yield HeldDirectory(fd, _real_path(fd, path))
    finally:
        os.close(fd)


def _real_path(fd: int, path: str) -> str:
    try:
        real = os.readlink(f"/proc/self/fd/{fd}")  # noqa: PTH115 - as os.fsdecode gives it
        is_there = os.path.samestat(os.stat(real, follow_symlinks=False), os.fstat(fd))  # noqa: PTH116
    except OSError as error:
        raise subject_error(error, path) from None
    if not is_there:
        raise SubjectError(OpenFailure.MISSING, path, "its directory was moved")
    return real
