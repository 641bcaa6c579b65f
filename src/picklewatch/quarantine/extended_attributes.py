"""Extended attributes of a file, which a copy into the vault, or out of it, would lose.

Kept are a user's own ones and the access list. Capabilities and other set-id likes never come back, and labels are the
machine's.
"""

from __future__ import annotations

import base64
import contextlib
import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_ACCESS_LIST: Final = "system.posix_acl_access"
_MOST: Final = 64 << 10
"""Bytes of all of them that the journal has space for; ext4 has one block."""


def read(fd: int) -> dict[str, str]:
    """Return the attributes of *fd* as a journal keeps them; without those that don't fit or may not be read."""
    kept: dict[str, str] = {}
    room = _MOST
    with contextlib.suppress(OSError):
        for name in sorted(os.listxattr(fd)):
            if not (name.startswith("user.") or name == _ACCESS_LIST):
                continue
            with contextlib.suppress(OSError):
                value = os.getxattr(fd, name)
                room -= len(name) + len(value)
                if room >= 0:
                    kept[_encoded(os.fsencode(name))] = _encoded(value)
    return kept


def write(fd: int, kept: Mapping[str, str]) -> None:
    """Give *fd* the attributes that `read` returned, as far as its file system has any."""
    for name, value in kept.items():
        with contextlib.suppress(OSError):
            os.setxattr(fd, base64.b64decode(name), base64.b64decode(value))


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()
