"""Steps on files that are relative to a descriptor and never follow a link.

Every step that changes something first raises the audit event `STEP` with its name (`sys.audit`), so that tests can
kill the process, or make the step fail, at each of them in turn.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import functools
import math
import os
import stat
import sys
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

from picklewatch.access.digest import sha256_within

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_P = ParamSpec("_P")
_R = TypeVar("_R")

_libc = ctypes.CDLL(None, use_errno=True)
_RENAME_NOREPLACE, _RENAME_EXCHANGE = 1, 2
_UNSUPPORTED = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP})


STEP: Final = "picklewatch.quarantine.step"
"""The audit event before a step that changes something."""


def _changes(function: Callable[_P, _R]) -> Callable[_P, _R]:
    @functools.wraps(function)
    def step(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        sys.audit(STEP, function.__name__)
        return function(*args, **kwargs)

    return step


class ExchangeUnsupportedError(Exception):
    """The file system can't swap two names atomically."""


def _renameat2(from_fd: int, from_name: bytes, to_fd: int, to_name: bytes, flags: int) -> None:
    call = getattr(_libc, "renameat2", None)
    if call is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    result = call(
        ctypes.c_int(from_fd),
        ctypes.c_char_p(from_name),
        ctypes.c_int(to_fd),
        ctypes.c_char_p(to_name),
        ctypes.c_uint(flags),
    )
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), os.fsdecode(from_name), None, os.fsdecode(to_name))


@_changes
def move(from_fd: int, from_name: bytes, to_fd: int, to_name: bytes) -> None:
    """Rename without ever replacing anything (FileExistsError)."""
    try:
        _renameat2(from_fd, from_name, to_fd, to_name, _RENAME_NOREPLACE)
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
        # such as NFS: a link never replaces either, and the name is there all the time
        os.link(from_name, to_name, src_dir_fd=from_fd, dst_dir_fd=to_fd, follow_symlinks=False)
        sys.audit(STEP, "move: linked")
        os.unlink(from_name, dir_fd=from_fd)


@_changes
def exchange(one_fd: int, one_name: bytes, other_fd: int, other_name: bytes) -> None:
    """Swap two names in one step, so that neither is ever missing.

    Raises ExchangeUnsupportedError, having changed nothing, where the file system can't.
    """
    try:
        _renameat2(one_fd, one_name, other_fd, other_name, _RENAME_EXCHANGE)
    except OSError as error:
        if error.errno in _UNSUPPORTED:
            raise ExchangeUnsupportedError from error
        raise


@_changes
def create(directory: int, name: bytes, data: bytes = b"", reserve: int = 0) -> int:
    """Create the file *name*, which must not exist, with *data* on disk; *reserve* bytes in all can't run out of space.

    Returns the descriptor (read and write, mode 0600). Nothing is left behind on failure.
    """
    descriptor = os.open(
        name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=directory
    )
    try:
        allocate(descriptor, reserve)
        write(descriptor, data, 0)
        if data:
            sync(descriptor)
    except BaseException:
        os.close(descriptor)
        with contextlib.suppress(OSError):
            os.unlink(name, dir_fd=directory)
        raise
    return descriptor


@_changes
def create_nameless(directory: int) -> int | None:
    """Create a file without a name in *directory*, mode 0600, that ends with its descriptor; None if that can't be."""
    if not os.path.isdir("/proc/self/fd"):  # noqa: PTH112 - `give_name` needs it
        return None
    try:
        return os.open(".", os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600, dir_fd=directory)
    except OSError as error:
        if error.errno not in {*_UNSUPPORTED, errno.EISDIR, errno.ENOENT}:  # the last two: kernels that don't know it
            raise
        return None


@_changes
def give_name(descriptor: int, directory: int, name: bytes) -> None:
    """Give a file that `create_nameless` made the name *name*, never replacing anything (FileExistsError)."""
    os.link(f"/proc/self/fd/{descriptor}", name, dst_dir_fd=directory, follow_symlinks=True)


@_changes
def allocate(descriptor: int, size: int) -> None:
    """Reserve *size* bytes, so that a full disk is noticed now and not half way."""
    if not size:
        return
    try:
        os.posix_fallocate(descriptor, 0, size)
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise


@_changes
def write(descriptor: int, data: bytes, offset: int) -> None:
    """Write all of *data* at *offset*."""
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written


@_changes
def unlink(directory: int, name: bytes) -> None:
    """Remove the file *name* if it is there."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name, dir_fd=directory)


@_changes
def truncate(descriptor: int, size: int) -> None:
    """Free reserved space."""
    os.ftruncate(descriptor, size)


@_changes
def make_directory(directory: int, name: bytes) -> None:
    """Create a directory for us alone."""
    os.mkdir(name, 0o700, dir_fd=directory)


@_changes
def remove_directory(directory: int, name: bytes) -> None:
    """Remove the empty directory *name* if it is there."""
    with contextlib.suppress(FileNotFoundError):
        os.rmdir(name, dir_fd=directory)


@_changes
def sync(descriptor: int) -> None:
    """Flush a file or directory to disk; an ``O_PATH`` descriptor and some file systems can't."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EBADF, errno.EINVAL):
            raise


@_changes
def lock_down(descriptor: int, owner: os.stat_result) -> bool:
    """Give the content to *owner* (the vault's), mode 0400, also under its other names; False if not permitted."""
    path = f"/proc/self/fd/{descriptor}"  # works for O_PATH too
    status = os.fstat(descriptor)
    if status.st_uid != owner.st_uid:
        with contextlib.suppress(OSError):  # without CAP_CHOWN; in a user namespace
            os.chown(path, owner.st_uid, owner.st_gid)
    try:
        os.chmod(path, 0o400)  # noqa: PTH101 - of a descriptor
    except PermissionError:
        return False
    return True


@_changes
def open_to_write(directory: int, name: bytes) -> int:
    """Open the regular file *name*, which is ours, for writing, whatever its mode."""
    handle = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", os.fsdecode(name))
        os.chmod(f"/proc/self/fd/{handle}", 0o600)  # noqa: PTH101 - of a descriptor
        return os.open(f"/proc/self/fd/{handle}", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    finally:
        os.close(handle)


def dress_if_permitted(descriptor: int, *, uid: int, gid: int, mode: int) -> None:
    """Do as `dress` does; an ordinary user, in place of someone else's file, can only set the mode."""
    try:
        dress(descriptor, uid=uid, gid=gid, mode=mode)
    except PermissionError:
        os.fchmod(descriptor, mode)


@_changes
def dress(descriptor: int, *, uid: int, gid: int, mode: int, mtime_ns: int | None = None) -> None:
    """Give a file an owner, a mode without set-id bits, and a time of modification."""
    if (os.fstat(descriptor).st_uid, os.fstat(descriptor).st_gid) != (uid, gid):
        os.chown(descriptor, uid, gid)  # before the mode: it clears bits
    if stat.S_IMODE(os.fstat(descriptor).st_mode) != mode & 0o777:
        os.chmod(descriptor, mode & 0o777)
    if mtime_ns is not None and os.fstat(descriptor).st_mtime_ns != mtime_ns:
        os.utime(descriptor, ns=(mtime_ns, mtime_ns))


def status(directory: int, name: bytes) -> os.stat_result | None:
    """Return the status of *name* itself, or None if there is nothing."""
    try:
        return os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return None


def is_inode(status_: os.stat_result | None, other: os.stat_result) -> bool:
    """Return True if both are the same file, while both exist."""
    return status_ is not None and (status_.st_dev, status_.st_ino) == (other.st_dev, other.st_ino)


@contextlib.contextmanager
def opened(directory: int, name: bytes) -> Iterator[int]:
    """Open the regular file *name* for reading, without waiting and without following a link."""
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=directory)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", os.fsdecode(name))
        yield descriptor
    finally:
        os.close(descriptor)


def read(directory: int, name: bytes, limit: int) -> bytes | None:
    """Return at most *limit* bytes of the regular file *name*; None if it is none or may not be read."""
    try:
        with opened(directory, name) as descriptor:
            return os.pread(descriptor, limit, 0)
    except OSError:
        return None


def digest(descriptor: int) -> str:
    """Return the SHA-256 of the content."""
    sha256 = sha256_within(descriptor, math.inf)
    assert sha256 is not None
    return sha256


def has_content(directory: int, name: bytes, size: int, sha256: str | None) -> bool:
    """Return True if *name* is a regular file with exactly this content."""
    with contextlib.suppress(OSError), opened(directory, name) as descriptor:
        return os.fstat(descriptor).st_size == size and digest(descriptor) == sha256
    return False
