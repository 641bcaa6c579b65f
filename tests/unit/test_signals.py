"""SIGHUP reloads, and ends what ran in a terminal that was closed."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from support.watching import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path

CODE = """
import os, sys
from picklewatch.service.signals import Signals
with Signals() as signals:
    os.write(int(sys.argv[1]), b"ready ")
    while not signals.wait(60):
        pass
    os.write(int(sys.argv[1]), b"%d" % signals.take())
"""


@pytest.mark.parametrize(
    ("prefix", "closed", "caught"),
    [([], True, signal.SIGTERM), (["nohup"], True, signal.SIGHUP), ([], False, signal.SIGHUP)],
)
def test_a_closed_terminal_ends_the_daemon(tmp_path: Path, prefix: list[str], caught: int, *, closed: bool) -> None:
    """Its window is gone, so a person thinks that it is; under nohup, and by a mere signal, it reloads."""
    reading, writing = os.pipe()
    master, slave = pty.openpty()
    as_by_a_shell = "import fcntl, os, signal, sys, termios; signal.signal(signal.SIGHUP, signal.SIG_DFL); os.setsid();"
    take_terminal = f"{as_by_a_shell} fcntl.ioctl({slave}, termios.TIOCSCTTY, 0);"
    command = [*prefix, sys.executable, "-c", CODE, str(writing)]
    starter = [sys.executable, "-c", f"{take_terminal} os.execvp(sys.argv[1], sys.argv[1:])", *command]
    process = subprocess.Popen(  # in a folder of its own, where nohup writes
        starter, pass_fds=(slave, writing), stdin=slave, stdout=slave, stderr=slave, cwd=tmp_path
    )
    os.close(slave)
    os.close(writing)
    with process, os.fdopen(reading, "rb") as answer:
        assert answer.read(6) == b"ready "
        if closed:
            os.close(master)  # the kernel sends SIGHUP, as soon as nobody else has it open
        else:
            process.send_signal(signal.SIGHUP)
        assert int(answer.read()) == caught
        process.wait(PATIENCE)
    if not closed:
        os.close(master)
