"""A file system whose server can be stopped: FUSE's protocol (``include/uapi/linux/fuse.h``), by hand, over a folder.

``python tests/fault/passthrough.py DIRECTORY POINT`` mounts it, says ``ready`` and answers until it is unmounted. To
the kernel and to picklewatch it is what sshfs is: other machines may write to it (here: whoever writes to DIRECTORY),
and while this process is stopped, nothing that needs an answer returns. Nothing is cached. No users, no locks.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import struct
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

KIND = "fuse.picklewatch"
"""How the mount table calls it."""

_HEAD = struct.Struct("<IIQQIIIHH")
_ANSWER = struct.Struct("<IiQ")
_ROOT = 1
_LARGEST = 1 << 17
"""Bytes of one write."""
_SETS_MODE, _SETS_SIZE = 1 << 0, 1 << 3
_INTERRUPT, _FORGETS = 36, (2, 42)


class Server:
    """Answers the kernel's requests from the files below *directory*. A node is an inode, held by a descriptor."""

    def __init__(self, device: int, directory: str) -> None:
        self._device = device
        self._nodes: dict[int, int] = {_ROOT: os.open(directory, os.O_PATH)}
        self._lists: dict[int, list[bytes]] = {}
        self._handlers: dict[int, Callable[[int, bytes], bytes]] = {
            1: self._lookup, 3: self._getattr, 4: self._setattr, 9: self._mkdir, 10: self._unlink, 11: self._rmdir,
            12: self._rename, 13: self._link, 14: self._open, 15: self._read, 16: self._write, 17: self._statfs,
            18: self._release, 20: _nothing, 25: _nothing, 26: _begin, 27: self._opendir, 28: self._readdir,
            29: self._releasedir, 30: _nothing, 34: _nothing, 35: self._create,
        }  # fmt: skip

    def run(self) -> None:
        """Answer until the file system is unmounted."""
        while True:
            try:
                request = os.read(self._device, _LARGEST + 4096)
            except OSError as error:
                if error.errno in (errno.EINTR, errno.ENOENT, errno.EAGAIN):
                    continue
                return  # ENODEV: unmounted
            _, opcode, unique, node, *_ = _HEAD.unpack_from(request)
            if opcode in _FORGETS or opcode == _INTERRUPT:
                continue
            code, content = 0, b""
            try:
                content = self._handlers.get(opcode, _unknown)(node, request[_HEAD.size :])
            except OSError as error:
                code = -(error.errno or errno.EIO)
            with contextlib.suppress(OSError):  # whoever asked was killed
                os.write(self._device, _ANSWER.pack(_ANSWER.size + len(content), code, unique) + content)

    def _path(self, node: int) -> str:
        return f"/proc/self/fd/{self._nodes[node]}"

    def _entry(self, parent: int, name: bytes) -> bytes:
        descriptor = os.open(name, os.O_PATH | os.O_NOFOLLOW, dir_fd=self._nodes[parent])
        status = os.fstat(descriptor)
        if self._nodes.setdefault(status.st_ino, descriptor) != descriptor:
            os.close(descriptor)
        return struct.pack("<QQQQII", status.st_ino, 0, 0, 0, 0, 0) + _attributes(status)

    def _lookup(self, node: int, body: bytes) -> bytes:
        return self._entry(node, body.rstrip(b"\0"))

    def _getattr(self, node: int, _body: bytes) -> bytes:
        return struct.pack("<QII", 0, 0, 0) + _attributes(os.fstat(self._nodes[node]))

    def _setattr(self, node: int, body: bytes) -> bytes:
        (valid,) = struct.unpack_from("<I", body)
        if valid & _SETS_MODE:
            Path(self._path(node)).chmod(struct.unpack_from("<I", body, 68)[0] & 0o7777)
        if valid & _SETS_SIZE:
            os.truncate(self._path(node), struct.unpack_from("<Q", body, 16)[0])
        return self._getattr(node, b"")

    def _mkdir(self, node: int, body: bytes) -> bytes:
        name = body[8:].rstrip(b"\0")
        os.mkdir(name, dir_fd=self._nodes[node])
        return self._entry(node, name)

    def _unlink(self, node: int, body: bytes) -> bytes:
        os.unlink(body.rstrip(b"\0"), dir_fd=self._nodes[node])
        return b""

    def _rmdir(self, node: int, body: bytes) -> bytes:
        os.rmdir(body.rstrip(b"\0"), dir_fd=self._nodes[node])
        return b""

    def _rename(self, node: int, body: bytes) -> bytes:
        old, new = body[8:].split(b"\0")[:2]
        target = self._nodes[struct.unpack_from("<Q", body)[0]]
        os.rename(old, new, src_dir_fd=self._nodes[node], dst_dir_fd=target)
        return b""

    def _link(self, node: int, body: bytes) -> bytes:
        name = body[8:].rstrip(b"\0")
        os.link(self._path(struct.unpack_from("<Q", body)[0]), name, dst_dir_fd=self._nodes[node], follow_symlinks=True)
        return self._entry(node, name)

    def _open(self, node: int, body: bytes) -> bytes:
        flags = struct.unpack_from("<I", body)[0] & (os.O_ACCMODE | os.O_TRUNC | os.O_APPEND)
        return struct.pack("<QII", os.open(self._path(node), flags), 1, 0)  # 1: no cache of the kernel's

    def _create(self, node: int, body: bytes) -> bytes:
        flags, mode = struct.unpack_from("<II", body)
        name = body[16:].rstrip(b"\0")
        flags = flags & (os.O_ACCMODE | os.O_EXCL | os.O_TRUNC) | os.O_CREAT
        descriptor = os.open(name, flags, mode & 0o7777, dir_fd=self._nodes[node])
        return self._entry(node, name) + struct.pack("<QII", descriptor, 1, 0)

    def _read(self, _node: int, body: bytes) -> bytes:
        descriptor, offset, size = struct.unpack_from("<QQI", body)
        return os.pread(descriptor, size, offset)

    def _write(self, _node: int, body: bytes) -> bytes:
        descriptor, offset, size = struct.unpack_from("<QQI", body)
        return struct.pack("<II", os.pwrite(descriptor, body[40 : 40 + size], offset), 0)

    def _release(self, _node: int, body: bytes) -> bytes:
        os.close(struct.unpack_from("<Q", body)[0])
        return b""

    def _statfs(self, node: int, _body: bytes) -> bytes:
        room = os.statvfs(self._path(node))
        return struct.pack("<QQQQQIIII24x", room.f_blocks, room.f_bfree, room.f_bavail, 0, 0, room.f_bsize, 255, 0, 0)

    def _opendir(self, node: int, _body: bytes) -> bytes:
        entries: list[bytes] = []
        with os.scandir(self._path(node)) as found:
            for entry in found:
                name, kind = os.fsencode(entry.name), 4 if entry.is_dir(follow_symlinks=False) else 8
                padding = bytes(-len(name) % 8)
                entries.append(struct.pack("<QQII", entry.inode(), len(entries) + 1, len(name), kind) + name + padding)
        handle = max(self._lists, default=0) + 1
        self._lists[handle] = entries
        return struct.pack("<QII", handle, 0, 0)

    def _readdir(self, _node: int, body: bytes) -> bytes:
        handle, offset, size = struct.unpack_from("<QQI", body)
        told = b""
        for entry in self._lists[handle][offset:]:
            if len(told) + len(entry) > size:
                break
            told += entry
        return told

    def _releasedir(self, _node: int, body: bytes) -> bytes:
        del self._lists[struct.unpack_from("<Q", body)[0]]
        return b""


def _attributes(status: os.stat_result) -> bytes:
    times = [status.st_atime_ns, status.st_mtime_ns, status.st_ctime_ns]
    return struct.pack(
        "<6Q10I",
        *(status.st_ino, status.st_size, status.st_blocks, *(time // 10**9 for time in times)),
        *(time % 10**9 for time in times),
        *(status.st_mode, status.st_nlink, status.st_uid, status.st_gid, 0, 4096, 0),
    )


def _begin(_node: int, _body: bytes) -> bytes:
    return struct.pack("<IIIIHHII9I", 7, 31, _LARGEST, 0, 16, 12, _LARGEST, 1, *[0] * 9)


def _nothing(_node: int, _body: bytes) -> bytes:
    return b""


def _unknown(_node: int, _body: bytes) -> bytes:
    raise OSError(errno.ENOSYS, "not here")


def serve(directory: str, point: str) -> None:
    """Mount *directory* at *point* and answer. Raises `OSError` if that is not allowed."""
    device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    libc = ctypes.CDLL(None, use_errno=True)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other"
    if libc.mount(b"picklewatch-fault", os.fsencode(point), KIND.encode(), 0, options.encode()):
        raise OSError(ctypes.get_errno(), "can't mount it")
    print("ready", flush=True)
    Server(device, directory).run()


if __name__ == "__main__":
    serve(*sys.argv[1:])
