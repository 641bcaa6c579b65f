"""A new file, made beside its place under another name, which gets its own only when it is proven."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from typing import TYPE_CHECKING

from picklewatch.core.errors import Error
from picklewatch.core.model import printable
from picklewatch.quarantine import fs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_BLOCK = 4 << 20
_NAME = 200
"""Bytes of the target's name in the one that the new file has meanwhile: names end at 255."""
_COPIES_ELSEWHERE = frozenset({errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF, errno.ETXTBSY})
"""Error numbers with which ``copy_file_range`` leaves a copy to read and write: other file systems, older kernels."""


class NewFile:
    """The file that is to become *target*; written by offset, as long as it has no name. Raises `Error`.

    Where the file system can, it has no other name either: whatever ends this process ends the file, too.
    """

    def __init__(self, target: Path, directory: int) -> None:
        self._target = target
        self._directory = directory
        self._name: bytes | None = None
        nameless = fs.create_nameless(directory)
        if nameless is not None:
            self.fd = nameless
        else:
            self._name = b".%s.%s.part" % (os.fsencode(target.name)[:_NAME], secrets.token_hex(6).encode())
            self.fd = fs.create(directory, self._name)

    def reserve(self, size: int) -> None:
        """Reserve *size* bytes, so that a full disk is noticed before the work."""
        fs.allocate(self.fd, size)

    def write(self, piece: bytes | memoryview, at: int) -> None:
        """Write *piece* at *at*."""
        while piece:
            written = os.pwrite(self.fd, piece, at)
            piece, at = piece[written:], at + written

    def copy(self, source: int, begin: int, at: int, size: int) -> None:
        """Copy a range of the file *source*, in the kernel where that is possible."""
        while size:
            moved = _copied(source, begin, self.fd, at, size)
            if not moved:
                raise Error("the file became shorter while it was copied", "Try again when nobody writes to it.")
            begin, at, size = begin + moved, at + moved, size - moved

    def cut(self, size: int) -> None:
        """End the file after *size* bytes."""
        os.ftruncate(self.fd, size)

    def pieces(self, at: int, size: int) -> Iterator[bytes]:
        """Yield what was written."""
        for begin in range(at, at + size, _BLOCK):
            yield os.pread(self.fd, min(_BLOCK, at + size - begin), begin)

    def publish(self) -> None:
        """Give the file its name; raises `Error` if something else has it by now."""
        mask = os.umask(0o077)
        os.umask(mask)
        os.fchmod(self.fd, 0o666 & ~mask)
        os.fsync(self.fd)
        name = os.fsencode(self._target.name)
        try:
            if self._name is None:
                fs.give_name(self.fd, self._directory, name)
            else:
                fs.move(self._directory, self._name, self._directory, name)
        except FileExistsError:
            raise there_already(self._target) from None
        self._name = None
        os.fsync(self._directory)

    def close(self) -> None:
        """Close it; remove it if it was not published."""
        os.close(self.fd)
        if self._name is not None:
            with contextlib.suppress(OSError):
                os.unlink(self._name, dir_fd=self._directory)


def _copied(source: int, begin: int, target: int, at: int, size: int) -> int:
    try:
        return os.copy_file_range(source, target, min(size, 1 << 30), begin, at)
    except OSError as error:
        if error.errno not in _COPIES_ELSEWHERE:
            raise
    return os.pwrite(target, os.pread(source, min(size, _BLOCK), begin), at)


def there_already(target: Path) -> Error:
    """Return the error for a name that is taken."""
    return Error(f"{printable(str(target))} exists already", "Nothing is ever overwritten: choose another name.")


@contextlib.contextmanager
def made(target: Path) -> Iterator[NewFile]:
    """Make a file beside *target*, which must not exist, and remove it again unless it is published.

    Raises `Error`, also for what the system refuses meanwhile.
    """
    if os.path.lexists(target):
        raise there_already(target)
    try:
        directory = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            new = NewFile(target, directory)
            try:
                yield new
            finally:
                new.close()
        finally:
            os.close(directory)
    except OSError as error:
        raise _refused(target, error) from error


def _refused(target: Path, error: OSError) -> Error:
    full = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
    hint = "Free some space there, or choose another place." if error.errno in full else ""
    return Error(f"{printable(str(target))} can't be written: {error.strerror or error}", hint)
