"""Member names that lead out of the directory that an archive is unpacked to (CVE-2007-4559 in `tarfile`, Zip Slip).

Names are taken apart as for Windows and for POSIX: a model's archive is unpacked on either.
"""

from __future__ import annotations

import posixpath
import re

_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


def escapes(name: str) -> bool:
    """Return True if a reader that trusts this name would write the member elsewhere."""
    name = name.replace("\\", "/")
    if name.startswith("/") or _DRIVE.match(name):
        return True
    return climbs(name)


def climbs(name: str) -> bool:
    """Return True if *name* leads out by ``..``."""
    return ".." in name and posixpath.normpath(name.replace("\\", "/")).startswith("..")
