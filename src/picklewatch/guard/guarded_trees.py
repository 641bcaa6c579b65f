"""Which files lie in the trees that are guarded: by their handles, never by an opener's view. Standard library only.

The path of an event's descriptor is the opener's view, and any user can bind a tree over another place in a mount
namespace of their own. A handle leads to the same inode through our own mount, in namespaces, chroots and overlays
alike (name_to_handle_at(2), 40 us).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_EMPTY_PATH: Final = 0x1000
_HANDLE_BYTES: Final = 128
_HEADER: Final = struct.Struct("=Ii")
_LIBC: Final = ctypes.CDLL(None, use_errno=True)


class Top(NamedTuple):
    """The uppermost directory of a file system that our own mount shows."""

    path: bytes
    fd: int


class _Mount:
    """One file system that holds trees, as our own mount shows it."""

    def __init__(self, fd: int, top: Top) -> None:
        self.fd = fd
        """A directory on it, which handles need."""
        self.top = top
        self.trees: list[int] = []
        """The trees that are there (``O_PATH``), wherever they are moved."""
        self.wanted: list[bytes] = []
        """The trees' paths as they were given: what appears there again is guarded, too."""
        self.prefixes: tuple[bytes, ...] = ()

    def refresh(self) -> None:
        """Look where the trees are now."""
        paths = [*self.wanted, *map(_path_of, self.trees)]
        self.prefixes = tuple({path.rstrip(b"/") + b"/" for path in paths if path.startswith(b"/")})


class GuardedTrees:
    """The trees, each held open; made before the mark is set, for it opens them.

    A tree that is not there is waited for on the file system of the nearest directory above it. *mounted* are what is
    mounted in trees; such a file system is left out if its files can't be found by handles.
    Raises `OSError`.
    """

    def __init__(self, paths: Iterable[bytes], mounted: Iterable[bytes] = ()) -> None:
        self._buffer = ctypes.create_string_buffer(_HEADER.size + _HANDLE_BYTES)
        self._mount_id = ctypes.c_int()
        self._mounts: dict[int, _Mount] = {}
        for path in paths:
            self._add(os.path.realpath(path))
        self._needed = set(self._mounts)
        for path in mounted:
            with contextlib.suppress(OSError):
                self._add(path)
        self.refresh()

    def each_file_system(self, act: Callable[[int], None]) -> None:
        """Call *act* with a descriptor of a directory on each file system that holds a tree.

        Raises the `OSError` of one that is needed; one that is only mounted in a tree is left out then.
        """
        for device, mount in self._mounts.items():
            try:
                act(mount.fd)
            except OSError:
                if device in self._needed:
                    raise

    def refresh(self) -> None:
        """Look where the trees are: a directory has moved, and perhaps one above them."""
        for mount in self._mounts.values():
            mount.refresh()

    def locate(self, fd: int, device: int) -> tuple[bool, bytes]:
        """Return True if the file behind *fd* lies in a tree, and its path on our own mount, empty if it is not known.

        What has no path that could be known is inside.
        """
        mount = self._mounts.get(device)
        path = b"" if mount is None else self._true_path(mount, fd)
        return mount is None or not path.startswith(b"/") or path.startswith(mount.prefixes), path

    def top(self, device: int) -> Top | None:
        """Return the uppermost directory of the file system *device*; None if it holds no tree."""
        mount = self._mounts.get(device)
        return None if mount is None else mount.top

    def _add(self, path: bytes) -> None:
        there = path
        while not os.path.isdir(there):  # noqa: PTH112 - bytes, as the kernel has them
            there = os.path.dirname(there)  # noqa: PTH120
        fd = os.open(there, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        device = os.fstat(fd).st_dev
        mount = self._mounts.get(device) or _Mount(fd, _top_of(there, device))
        tree = self._reopened(mount, fd)  # on the mount of all others: paths of two mounts can't be compared
        self._mounts[device] = mount
        rest = path[len(there) :]
        mount.wanted += [path, _path_of(tree).rstrip(b"/") + rest]
        if rest:
            os.close(tree)
        else:
            mount.trees.append(tree)
        if fd != mount.fd:
            os.close(fd)

    def _reopened(self, mount: _Mount, fd: int) -> int:
        """Return an ``O_PATH`` descriptor of what is behind *fd*, on *mount*; without handles, the same.

        Raises `OSError` if there is no way to it.
        """
        handle = self._opened_by_handle(mount, fd)
        if handle < 0:
            number = ctypes.get_errno()
            raise OSError(number, f"its files can't be found by their handles: {os.strerror(number)}")
        return handle

    def _true_path(self, mount: _Mount, fd: int) -> bytes:
        handle = self._opened_by_handle(mount, fd)
        if handle < 0:
            return b""
        try:
            return _path_of(handle)
        finally:
            os.close(handle)

    def _opened_by_handle(self, mount: _Mount, fd: int) -> int:
        """Open by its handle what is behind *fd*; ``O_PATH`` opens ask nobody. Return -1 if that can't be done."""
        _HEADER.pack_into(self._buffer, 0, _HANDLE_BYTES, 0)
        if _LIBC.name_to_handle_at(fd, b"", self._buffer, ctypes.byref(self._mount_id), _EMPTY_PATH) < 0:
            return -1
        opened: int = _LIBC.open_by_handle_at(mount.fd, self._buffer, os.O_PATH | os.O_CLOEXEC)
        return opened


def _top_of(path: bytes, device: int) -> Top:
    while path != b"/" and os.lstat(above := os.path.dirname(path)).st_dev == device:  # noqa: PTH120
        path = above
    return Top(path, os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC))


def _path_of(fd: int) -> bytes:
    with contextlib.suppress(OSError):
        return os.readlink(b"/proc/self/fd/%d" % fd)  # noqa: PTH115 - bytes, as the kernel has them
    return b""
