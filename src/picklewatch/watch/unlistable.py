"""Directories whose content can't be seen: closed to us, or nested deeper than the system has names for.

A path has at most ``PATH_MAX`` bytes (limits.h); programs get further down only step by step, directory by directory.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from picklewatch.telemetry.health import Health

WHAT: Final = "watch-unlistable"
"""The problem's name."""
_PATH_MAX: Final = 4096  # with the NUL that ends it
_NAME_MAX: Final = 255


def tell(health: Health, directory: str, code: int = errno.EACCES) -> str:
    """Say that *directory* can't be seen, because of the error number *code*; the subject under which that is said."""
    if code == errno.ENAMETOOLONG:
        while _is_too_long(directory):
            directory = os.path.dirname(directory)  # noqa: PTH120 - any bytes, no object needed
        reason = "directories are nested deeper than the system has names for"
        hint = "Files in them are not judged. Move or remove what lies so deep."
    else:
        reason = "what is in a directory can't be seen"
        hint = "picklewatch needs the right to list and to enter it; files below it are not judged."
    health.degrade(WHAT, reason, subject=directory, hint=hint)
    return directory


def is_over(subject: str) -> bool:
    """Whether what `tell` named can be seen by now, or is gone."""
    try:
        os.stat(f"{subject}/.")  # noqa: PTH116
        with os.scandir(subject) as entries:
            if len(os.fsencode(subject)) + 1 + _NAME_MAX < _PATH_MAX:
                return True
            return not any(_is_too_long(entry.path) and entry.is_dir(follow_symlinks=False) for entry in entries)
    except OSError as error:
        return error.errno in (errno.ENOENT, errno.ENOTDIR)


def _is_too_long(path: str) -> bool:
    return len(os.fsencode(path)) >= _PATH_MAX
