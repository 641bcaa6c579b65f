"""The way to fanotify(7) through libc, which Python's library lacks. Standard library only.

The numbers are those of ``<linux/fanotify.h>``.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from typing import Final

ALLOW: Final = 1
DENY: Final = 2

OPEN_PERM: Final = 0x10000
ACCESS_PERM: Final = 0x20000
MOVED_TO: Final = 0x80
EVENT_ON_CHILD: Final = 0x0800_0000
ONDIR: Final = 0x4000_0000
_OVERFLOW: Final = 0x4000

CLASS_CONTENT: Final = 0x4
REPORT_DFID_NAME: Final = 0xC00
_CLOEXEC: Final = 0x1
_NONBLOCK: Final = 0x2
UNLIMITED: Final = 0x10 | 0x20
"""Neither the queue nor the marks are bounded: an overflow of the queue would let opens pass unasked."""

MARK_ADD: Final = 0x1
MARK_REMOVE: Final = 0x2
MARK_ONLYDIR: Final = 0x8
MARK_IGNORED_MASK: Final = 0x20
MARK_IGNORED_SURV_MODIFY: Final = 0x40
MARK_FLUSH: Final = 0x80
MARK_FILESYSTEM: Final = 0x100
MARK_EVICTABLE: Final = 0x200
MARK_IGNORE: Final = 0x400

_EVENT: Final = struct.Struct("=IBBHQii")
"""``struct fanotify_event_metadata``."""
_ANSWER: Final = struct.Struct("=iI")
"""``struct fanotify_response``."""
_AT_ONCE: Final = 64
"""Events of one read: each costs a descriptor."""
_NOTES: Final = 64 << 10

_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_LIBC.fanotify_mark.argtypes = [ctypes.c_int, ctypes.c_uint, ctypes.c_uint64, ctypes.c_int, ctypes.c_char_p]


def _error() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))


def group(flags: int) -> int:
    """Make a group, whose descriptor never blocks; neither do those of its events, FIFOs included.

    Raises `OSError`.
    """
    opening = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | getattr(os, "O_LARGEFILE", 0)
    fd: int = _LIBC.fanotify_init(ctypes.c_uint(flags | _CLOEXEC | _NONBLOCK), ctypes.c_uint(opening))
    if fd < 0:
        raise _error()
    return fd


def mark(fd: int, flags: int, mask: int, target: int, path: bytes | None = None) -> None:
    """Change a mark of the group *fd*, on the file behind the descriptor *target*, or on *path* relative to it.

    Raises `OSError`.
    """
    if _LIBC.fanotify_mark(fd, flags, mask, target, path) < 0:
        raise _error()


def questions(fd: int) -> list[tuple[int, int, int]]:
    """Return the mask, the descriptor and the asking process of what waits for an answer.

    Raises `OSError`: an event whose file can't be opened for us was refused by the kernel.
    """
    try:
        events = os.read(fd, _EVENT.size * _AT_ONCE)
    except BlockingIOError:
        return []
    return [(mask, file, pid) for _, _, _, _, mask, file, pid in _EVENT.iter_unpack(events) if file >= 0]


def answer(fd: int, file: int, response: int) -> bool:
    """Answer the question that came with the descriptor *file*, and close it; return False if nobody waits any more.

    Raises `OSError`.
    """
    try:
        os.write(fd, _ANSWER.pack(file, response))
    except OSError as error:
        if error.errno != errno.ENOENT:  # the process that asked was killed meanwhile
            raise
        return False
    finally:
        os.close(file)
    return True


def directories_moved(fd: int) -> bool:
    """Empty a group of notifications of moves; return True if a directory may have moved."""
    found = False
    while True:
        try:
            events = os.read(fd, _NOTES)
        except BlockingIOError:
            return found
        at = 0
        while at < len(events):
            length, _, _, _, mask, _, _ = _EVENT.unpack_from(events, at)
            found |= bool(mask & (ONDIR | _OVERFLOW))
            at += length
