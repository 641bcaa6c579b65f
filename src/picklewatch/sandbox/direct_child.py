"""The child that a command forks for one scan: it forgets the command, locks itself down and waits for the job.

What a warm process has by being another program, this one has to get rid of: the command's environment, descriptors,
terminal and signal handlers. It is forked before the command has read a configuration, so there is nothing else to
forget. What the command has imported stays, and so does the place of everything in memory.

When it is ready, nothing more can be imported. What a scan misses then (fickling, a rare decoder) ends this process
with `wire.ELSEWHERE`, and a warm process takes its place.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import signal
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

from picklewatch.sandbox import child, kernel, lockdown, samples, wire
from picklewatch.sandbox.starting import kept_environment

if TYPE_CHECKING:
    import socket

_FIRST, _LAST = 3, 1 << 20
_BEFORE_TEXT = bytes.__basicsize__ - 1
"""Where the bytes of a `bytes` object begin: its size counts the zero behind them."""


def main(control: socket.socket, parent: int, job: str) -> NoReturn:
    """Become ready for *job* (``module:function``), do what comes on *control*, and end.

    The import of this module has imported the parsers already; no hostile byte is anywhere near.
    """
    gc.disable()
    kernel.die_with_parent()
    _leave_the_command(control.fileno())
    kernel.set_name("picklewatch-one")
    module, _, name = job.partition(":")
    functions = {"scan": getattr(import_module(module), name)}
    samples.take_a_plain_path(functions["scan"])
    gc.freeze()
    try:
        plan = lockdown.prepare()
    except lockdown.RefusedError as error:
        _send(control, {"refused": str(error)})
        os._exit(0)
    plan.rlimits = True
    sys.meta_path.insert(0, _NothingMore())
    _send(control, {"ready": plan.protections().to_json(), "engine": None})
    child.run(plan, parent, functions, control, lambda: None)


def _leave_the_command(control: int) -> None:
    """Have its descriptors, terminal, directory, environment and signal handlers no more."""
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for standard in range(_FIRST):
        os.dup2(null, standard)
    os.closerange(_FIRST, control)
    os.closerange(control + 1, _LAST)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)  # the command ends this process
    os.chdir("/")
    forget_environment()


def forget_environment() -> None:
    """Overwrite every variable but the few that are needed, wherever a copy of it is known to be."""
    kept = kept_environment()
    for value in os.environ._data.values():  # type: ignore[attr-defined] # noqa: SLF001
        if len(value) > 1:  # shorter ones are shared by everything that has them
            ctypes.memset(id(value) + _BEFORE_TEXT, 0, len(value))
    variables = ctypes.POINTER(ctypes.c_void_p).in_dll(ctypes.CDLL(None), "environ")
    at = 0
    while variables and variables[at]:
        ctypes.memset(variables[at], 0, len(ctypes.string_at(variables[at])))
        at += 1
    os.environ._data.clear()  # type: ignore[attr-defined] # noqa: SLF001
    ctypes.CDLL(None).clearenv()
    os.environ.update(kept)


def _send(control: socket.socket, message: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):  # the command is gone, and this process follows
        control.send(json.dumps(message).encode())


class _NothingMore:
    """The first finder of modules once no file can be opened."""

    @staticmethod
    def find_spec(_name: str, _path: object = None, _target: object = None) -> NoReturn:
        """End this process: a reader that goes on without a module would judge by less than it should."""
        os._exit(wire.ELSEWHERE)
