"""Standard input as a file that can be scanned."""

from __future__ import annotations

import os
import stat
import sys
from errno import ENOSPC

from picklewatch.core.errors import Error


def open_standard_input() -> int:
    """Make standard input a file that can be mapped: itself if it is one, else a nameless temporary copy.

    Return a descriptor of its own. Raises `picklewatch.core.errors.Error`.
    """
    try:
        if stat.S_ISREG(os.fstat(0).st_mode):
            return os.dup(0)
        import shutil
        import tempfile

        with tempfile.TemporaryFile(prefix="picklewatch-") as copy:
            shutil.copyfileobj(sys.stdin.buffer, copy)
            copy.flush()
            return os.dup(copy.fileno())
    except OSError as error:
        hint = (
            "Free some space in the temporary directory, or set TMPDIR to another one." if error.errno == ENOSPC else ""
        )
        raise Error(f"standard input can't be read: {error.strerror or error}", hint) from None
