"""Find out which candidate a path leads to, without opening it."""

from __future__ import annotations

import os
import stat
from typing import Final

from picklewatch.core.candidate import Candidate, Source
from picklewatch.core.model import FileId

_NO_FILES: Final = ("/proc/", "/sys/", "/dev/")
"""Pseudo file systems whose "regular files" may block or have side effects when read."""


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
