"""Runs a function of ours in a child: libraries crash while honest objects are made."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def answer_of_child(work: Callable[[], bytes], seconds: int) -> bytes:
    """Return what *work* returns in a child within *seconds*, nothing if it raises, crashes or hangs."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reader)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(seconds)
            with os.fdopen(writer, "wb") as answer:
                answer.write(work())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as answer:
        data = answer.read()
    os.waitpid(child, 0)
    return data
