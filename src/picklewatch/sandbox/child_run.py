"""One child's run as the parent sees it: a job sent, its observations as they come, its end. Believes nothing."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import time
from typing import TYPE_CHECKING, Any

from picklewatch.core.errors import SandboxStartError
from picklewatch.core.model import printable
from picklewatch.sandbox import wire
from picklewatch.sandbox.process import DiedError, WarmProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from picklewatch.core.model import Limits
    from picklewatch.sandbox.endings import Ending

END_SECONDS = 5.0
"""Seconds that the warm process may take to have a child killed and to report that."""
_READ = 64 << 10
_TICK_SECONDS = 0.1


def run_child(  # noqa: PLR0913 - a job, its bounds, and where its end goes
    process: WarmProcess,
    header: dict[str, Any],
    fd: int,
    limits: Limits,
    ending: Ending,
    *,
    tick: Callable[[], None],
) -> Generator[tuple[str, object], None, None]:
    """Have a child of *process* do the job of *header* with *fd*; yield its results as they come, fill in *ending*.

    Raises `DiedError`, `SandboxStartError`, `GarbageError`, and whatever *tick* raises.
    """
    reading, writing = os.pipe()
    try:
        try:
            with _read_only(fd) as file:
                process.submit(header, [file, writing])
        finally:
            os.close(writing)
        try:
            yield from _observe(process, reading, limits, ending, tick)
        finally:
            if ending.status is None:
                _end_child(process, ending)
    finally:
        os.close(reading)


def _observe(
    process: WarmProcess, reading: int, limits: Limits, ending: Ending, tick: Callable[[], None]
) -> Iterator[tuple[str, object]]:
    reader = wire.LineReader(limits.output)
    left = limits.seconds
    poll = select.poll()
    poll.register(reading, select.POLLIN)
    poll.register(process.fileno(), select.POLLIN)
    while ending.status is None:
        before = time.monotonic()
        ready = {descriptor for descriptor, _ in poll.poll(min(max(left, 0.001), _TICK_SECONDS) * 1000)}
        left -= time.monotonic() - before  # the child's time, not that of the reader of a view
        tick()
        if reading in ready:
            data = os.read(reading, _READ)
            if not data:
                poll.unregister(reading)
            yield from _decoded(reader, data, ending)
        elif ready:
            _take_ending(process, ending)
        if left <= 0 and ending.status is None:
            ending.timed_out = True
            return
    if ending.status == 0 and not ending.garbage:
        _finish(reader, ending)


def _decoded(reader: wire.LineReader, data: bytes, ending: Ending) -> Iterator[tuple[str, object]]:
    for kind, value in reader.feed(data):
        if kind == "failed":
            ending.failed = _failure(value)
        else:
            yield kind, value


def _finish(reader: wire.LineReader, ending: Ending) -> None:
    try:
        reader.finish()
    except wire.GarbageError as error:
        ending.garbage = str(error)


def _failure(value: object) -> tuple[str, str]:
    match value:
        case ["memory", str()]:
            return "memory", ""
        case ["error", str(text)]:
            return "error", printable(wire.clip(text, wire.FAILURE))
    raise wire.GarbageError("it sent something else than a failure")


def _take_ending(process: WarmProcess, ending: Ending) -> None:
    message = process.message(0)
    if message is None:
        raise DiedError("the warm process ended")
    if "unforked" in message:
        ending.status = wire.LOCK_FAILED
        raise SandboxStartError("no process can be made for a scan", "Look at TasksMax= and MemoryMax= of the unit.")
    try:
        ending.take(message)
    except ValueError:
        raise DiedError("the warm process sent an unknown message") from None


def _end_child(process: WarmProcess, ending: Ending) -> None:
    """Have the child killed and wait for its end, so that the next job starts from rest."""
    try:
        process.kill_child()
        ending.take(process.message(END_SECONDS) or {})
    except (DiedError, ValueError):
        process.close()  # this ends its child as well; the next job starts another


@contextlib.contextmanager
def _read_only(fd: int) -> Iterator[int]:
    """Yield a descriptor of *fd*'s file that can't be written through."""
    if fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
        yield fd
        return
    reopened = os.open(f"/proc/self/fd/{fd}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield reopened
    finally:
        os.close(reopened)
