"""Ways to a directory that no link can divert: openat2(2), or one component after the other where it is missing."""

from __future__ import annotations

import ctypes
import errno
import functools
import os
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
_AT_FDCWD = -100
_OPENAT2 = 437  # the same on every architecture
_RESOLVE_NO_MAGICLINKS, _RESOLVE_NO_SYMLINKS, _RESOLVE_BENEATH = 2, 4, 8
PATH_MAX = 4096
"""Bytes of a path that Linux takes, with the null byte at its end (limits.h)."""
_PIECE = 3072  # bytes of a path that are resolved at once, well below PATH_MAX


@functools.cache
def has_openat2() -> bool:
    """Return True if the kernel, and a container's filter, let us resolve a path beneath a directory."""
    try:
        os.close(_openat2(_AT_FDCWD, b"/", os.O_PATH | os.O_DIRECTORY, _RESOLVE_NO_SYMLINKS))
    except OSError:
        return False
    return True


def beneath(path: str, directory: str) -> bool:
    """Return True if *path* is *directory* or lies under it, by its spelling."""
    return path == directory or path.startswith(directory.rstrip("/") + "/")


def open_beneath(directory: int, path: bytes, flags: int) -> int:
    """Open the relative *path*, of any length, below *directory*; a link anywhere in it is an error (ELOOP or ENOTDIR).

    *path* must not contain ``.``, ``..`` or empty components; ``b""`` is the directory itself.
    """
    pieces = list(_pieces(_components(path)))
    at = directory
    try:
        for index, piece in enumerate(pieces):
            last = index == len(pieces) - 1
            below = _open_piece(at, piece, flags if last else os.O_PATH | os.O_DIRECTORY)
            if at != directory:
                os.close(at)
            at = below
    except BaseException:
        if at != directory:
            os.close(at)
        raise
    return at


def open_directory(path: str) -> int:
    """Open the directory at the absolute *path*, which must not contain a link."""
    return _from_the_top(path, open_directory_beneath)


def open_to_list(path: str) -> int:
    """Open the directory at the absolute *path* to list it; `PermissionError` if that is not permitted."""
    if len(os.fsencode(path)) >= PATH_MAX:
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), path)
    return _from_the_top(path, lambda top, below: open_beneath(top, below, os.O_RDONLY | os.O_DIRECTORY))


def _from_the_top(path: str, way: Callable[[int, bytes], int]) -> int:
    top = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return way(top, os.fsencode(path).strip(b"/"))
    finally:
        os.close(top)


def open_directory_beneath(directory: int, path: bytes) -> int:
    """Open the directory *path* below *directory*; one that may not be listed still serves to reach names in it."""
    try:
        return open_beneath(directory, path, os.O_RDONLY | os.O_DIRECTORY)
    except PermissionError:
        return open_beneath(directory, path, os.O_PATH | os.O_DIRECTORY)


def _components(path: bytes) -> list[bytes]:
    components = path.split(b"/") if path else []
    if any(component in (b"", b".", b"..") for component in components) or b"\0" in path:
        raise OSError(errno.EINVAL, "not a plain relative path", os.fsdecode(path))
    return components


def _pieces(components: list[bytes]) -> Iterator[list[bytes]]:
    piece: list[bytes] = []
    length = 0
    for component in components:
        if piece and length + len(component) > _PIECE:
            yield piece
            piece, length = [], 0
        piece.append(component)
        length += len(component) + 1
    yield piece


def _open_piece(at: int, components: list[bytes], flags: int) -> int:
    flags |= os.O_CLOEXEC
    if not components:
        return os.open(".", flags, dir_fd=at)
    if has_openat2():
        resolve = _RESOLVE_BENEATH | _RESOLVE_NO_SYMLINKS | _RESOLVE_NO_MAGICLINKS
        return _openat2(at, b"/".join(components), flags, resolve)
    return _walk(at, components, flags)


def _walk(at: int, components: list[bytes], flags: int) -> int:
    """Do what openat2 does where it is missing: one component after the other, none of them a link."""
    opened = at
    for index, component in enumerate(components):
        last = index == len(components) - 1
        how = flags if last else os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
        try:
            below = os.open(component, how | os.O_NOFOLLOW, dir_fd=opened)
        finally:
            if opened != at:
                os.close(opened)
        opened = below
    return opened


def _openat2(at: int, path: bytes, flags: int, resolve: int) -> int:
    how = struct.pack("=QQQ", flags | os.O_CLOEXEC, 0, resolve)
    for _ in range(100):  # EAGAIN: a rename elsewhere made the kernel unsure
        result = _libc.syscall(
            ctypes.c_long(_OPENAT2),
            ctypes.c_int(at),
            ctypes.c_char_p(path),
            ctypes.c_char_p(how),
            ctypes.c_size_t(len(how)),
        )
        if result >= 0:
            return int(result)
        if ctypes.get_errno() not in (errno.EAGAIN, errno.EINTR):
            break
    raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), os.fsdecode(path))
