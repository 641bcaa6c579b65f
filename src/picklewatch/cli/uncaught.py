"""Ends a command that met an error which no part of picklewatch foresaw: in one line, with what to do and a status.

Python's own ending would be a traceback and the status 1, which says "something is unsafe" here.
"""

from __future__ import annotations

import errno
import sys
import traceback
from typing import Final

from picklewatch.core.errors import ExitStatus
from picklewatch.core.model import printable

_PASSING: Final = {
    errno.ENOSPC: "Make room on that disk (TMPDIR names the one for temporary files), then try again.",
    errno.EDQUOT: "Make room within the quota, then try again.",
    errno.EROFS: "That file system may only be read now; its log says why.",
    errno.EIO: "A disk fails; the kernel's log says which.",
    errno.EMFILE: "Raise the limit of open files (`ulimit -n`), or LimitNOFILE= of the unit.",
    errno.ENFILE: "The machine has too many files open; try again.",
    errno.ENOMEM: "Memory ran out; try again.",
    errno.EAGAIN: "Processes or threads ran out (`ulimit -u`, or TasksMax= of the unit); try again.",
}
"""What to do about errors that may be over the next time."""
_BUG: Final = "This is a bug: please report it with the lines above."


def ending(error: BaseException) -> tuple[str, ExitStatus]:
    """Return the text about *error* for standard error, and the exit status."""
    what = type(error).__name__
    if isinstance(error, OSError) and error.errno is not None:
        where = f": {error.filename}" if error.filename is not None else ""
        hint = _PASSING.get(error.errno, "Try again as a user who may do that, or report it if it should work.")
        status = ExitStatus.UNAVAILABLE if error.errno in _PASSING else ExitStatus.UNSCANNABLE
        return _lines(f"{error.strerror or what}{where}", hint), status
    if isinstance(error, MemoryError):
        return _lines("memory ran out", _PASSING[errno.ENOMEM]), ExitStatus.UNAVAILABLE
    if _is_of_database(error):
        hint = "`picklewatch doctor` checks the state directory; a running daemon repairs a damaged database."
        return _lines(f"the database can't be used: {error}", hint), ExitStatus.UNAVAILABLE
    shown = "".join(traceback.format_exception(error))
    return f"{shown}{_lines(f'internal error: {what}: {error}', _BUG)}", ExitStatus.INTERNAL


def _lines(message: str, hint: str) -> str:
    return f"picklewatch: error: {printable(message)}\nhint: {hint}"


def _is_of_database(error: BaseException) -> bool:
    sqlite3 = sys.modules.get("sqlite3")  # slow to import, and only commands that did can fail by it
    return sqlite3 is not None and isinstance(error, sqlite3.OperationalError)
