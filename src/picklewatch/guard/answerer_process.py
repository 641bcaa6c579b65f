"""The answerer's process, from its start to its end. Standard library only.

`python -c "… main(TEXT)"` is started by `picklewatch.guard.warden`; TEXT is an `AnswererStart` as JSON. On its socket
to the warden it says ``ready`` once it has the mark, or ``failed …``; a message with a descriptor brings the socket to
a new judge.
"""

from __future__ import annotations

import ctypes
import errno
import gc
import os
import resource
import signal
import socket
from typing import Final, NoReturn

from picklewatch.guard.answerer import AnswerLoop
from picklewatch.guard.answerer_start import AnswererStart
from picklewatch.guard.held_questions import MOST
from picklewatch.guard.privileges import die_with, may_lock_memory

FILES: Final = 4 * MOST
"""Descriptors: those that are held, those of one read, and as many again."""
_LOCK: Final = 1 | 2 | 4
"""``MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT``."""


def main(text: str) -> NoReturn:
    """Be the answerer that *text* describes; ends the process."""
    start = AnswererStart.of(text)
    try:
        _prepare_process(start)
        loop = AnswerLoop(start)
        _settle_memory()
        loop.mark()
    except OSError as error:
        reason = f"failed {error.errno or 0} {error.strerror or error}"
        socket.socket(fileno=start.warden).send(reason.encode(errors="replace"))
        os._exit(1)
    try:
        loop.run()
    except BaseException:
        loop.close()  # first: printing a traceback reads source files
        raise
    loop.close()
    os._exit(0)


def _prepare_process(start: AnswererStart) -> None:
    """End with the warden, whatever state this process is in; never by a signal for somebody else.

    Raises `OSError`.
    """
    die_with(start.warden_pid)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGIO, signal.SIG_IGN)  # somebody opens for writing what has our lease, for a microsecond
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and most < FILES:
        raise OSError(errno.EMFILE, f"LimitNOFILE={most} is too low: without descriptors the kernel refuses all opens")
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, most))


def _settle_memory() -> None:
    """Keep everything in memory, for a page that is read from a disk may be one that is asked about."""
    gc.collect()
    gc.freeze()
    gc.disable()
    if may_lock_memory():  # within a limit instead, an allocation would fail some day
        ctypes.CDLL(None).mlockall(_LOCK)
