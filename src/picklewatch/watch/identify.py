"""Find out which candidate a path leads to, without opening it."""

from __future__ import annotations

import os
import re
import stat
from typing import Final

from picklewatch.core.candidate import Candidate, Source
from picklewatch.core.model import FileId

_NO_FILES: Final = ("/proc/", "/sys/", "/dev/")
"""Pseudo file systems whose "regular files" may block or have side effects when read."""


_UNNAMED: Final = re.compile(r"#(\d{1,20})")
"""What the kernel calls a file that was opened with ``O_TMPFILE``, in events about it, also after it got a name."""
_INODES: Final = 1 << 64


def inode_of_unnamed(path: str) -> tuple[int, int] | None:
    """Return device and inode if *path* is the kernel's name for a file without one; None for any other path."""
    directory, _, name = path.rpartition("/")
    match = _UNNAMED.fullmatch(name)
    number = 0 if match is None else int(match[1])
    if not 0 < number < _INODES or os.path.lexists(path):
        return None
    try:
        return os.lstat(directory).st_dev, number
    except (OSError, ValueError):
        return None


def identify(path: str, source: Source) -> Candidate | None:
    """Return the candidate behind *path*, or None if no regular file is there (or it can't be seen).

    A symbolic link stands for its target, wherever that is: stores that share contents between repositories
    make nothing but links.
    """
    try:
        status = os.lstat(path)
        if stat.S_ISREG(status.st_mode):
            return Candidate(path, FileId.of(status), source, owner=status.st_uid)
        if not stat.S_ISLNK(status.st_mode):
            return None
        content = os.path.realpath(path, strict=True)
        if content.startswith(_NO_FILES):
            return None
        status = os.lstat(content)
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return Candidate(content, FileId.of(status), source, link=path, owner=status.st_uid)
