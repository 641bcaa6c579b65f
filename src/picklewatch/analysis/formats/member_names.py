"""Member names that lead out of the directory that an archive is unpacked to."""

from __future__ import annotations

import posixpath
import re

_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


def escapes(name: str) -> bool:
    """Whether a member of this name would be written elsewhere by a reader that trusts it."""
    name = name.replace("\\", "/")
    if name.startswith("/") or _DRIVE.match(name):
        return True
    return ".." in name and posixpath.normpath(name).startswith("..")
