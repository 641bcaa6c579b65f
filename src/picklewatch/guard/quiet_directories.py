"""Directories outside of the trees of which the kernel need not ask any more. Standard library only.

A data set of a million images beside the trees costs a question for each open. After a few from one directory it gets
a mark: nothing is asked about its files, at 0.5 us an open. Such a mark moves with its directory, into a tree, too; so
only a directory that was not touched for a while gets one, and all marks go when any directory moves.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
import time
from typing import TYPE_CHECKING, Final

from picklewatch.guard import fanotify

if TYPE_CHECKING:
    from picklewatch.guard.guarded_trees import GuardedTrees

QUESTIONS: Final = 4
"""Questions from one directory before it gets a mark."""
AGE: Final = 600.0
"""Seconds since its last change, its move included: what was just unpacked may be moved into a tree next."""
_COUNTED: Final = 10_000
_QUIET: Final = (
    fanotify.MARK_IGNORE | fanotify.MARK_IGNORED_SURV_MODIFY | fanotify.MARK_EVICTABLE | fanotify.MARK_ONLYDIR
)
_OPENAT2: Final = 437
_HOW: Final = struct.Struct("=QQQ")
_RESOLVE: Final = 0x1 | 0x4 | 0x8
"""``RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH``: a name that was swapped leads to no other directory."""
_LIBC: Final = ctypes.CDLL(None, use_errno=True)


class QuietDirectories:
    """Counts questions by their directories, and sets and lifts the marks of the group *group*."""

    def __init__(self, group: int, trees: GuardedTrees, mask: int, age: float = AGE) -> None:
        self._group, self._trees, self._mask, self._age = group, trees, mask, age
        self._asked: dict[bytes, int] = {}

    def note(self, path: bytes, device: int) -> bool:
        """Count a question about the file at *path*, outside of all trees; return True if its directory got a mark."""
        directory = os.path.dirname(path)  # noqa: PTH120 - bytes, as the kernel has them
        if len(self._asked) >= _COUNTED:
            self._asked.clear()
        self._asked[directory] = number = self._asked.get(directory, 0) + 1
        if number < QUESTIONS:
            return False
        self._asked[directory] = 0
        return self._mark(directory, device)

    def lift(self) -> None:
        """Ask about all directories again."""
        self._asked.clear()
        with contextlib.suppress(OSError):
            fanotify.mark(self._group, fanotify.MARK_FLUSH, 0, -1, b"/")

    def _mark(self, directory: bytes, device: int) -> bool:
        """Set the mark on exactly *directory*; not if another is there by now, or if it is young."""
        top = self._trees.top(device)
        if top is None or not directory.startswith(top.path):
            return False
        fd = _opened_beneath(top.fd, directory[len(top.path) :].lstrip(b"/") or b".")
        if fd < 0:
            return False
        try:
            link = b"/proc/self/fd/%d" % fd
            is_old = time.time() - os.fstat(fd).st_ctime > self._age
            is_there = os.readlink(link) == directory  # noqa: PTH115
            if not is_old or not is_there:
                return False
            mask = self._mask | fanotify.EVENT_ON_CHILD
            fanotify.mark(self._group, fanotify.MARK_ADD | _QUIET, mask, -1, link)
        except OSError:  # a kernel before 6.0, or no memory: it is asked about
            return False
        finally:
            os.close(fd)
        return True


def _opened_beneath(top: int, name: bytes) -> int:
    """Open the directory *name* below *top* with ``O_PATH``, which asks nobody; return -1 if that is not possible."""
    how = _HOW.pack(os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC, 0, _RESOLVE)
    opened: int = _LIBC.syscall(
        ctypes.c_long(_OPENAT2), ctypes.c_int(top), name, ctypes.c_char_p(how), ctypes.c_size_t(_HOW.size)
    )
    return opened
