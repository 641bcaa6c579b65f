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
from picklewatch.sandbox.starting import DiedError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from picklewatch.core.model import Limits
    from picklewatch.sandbox.direct import DirectProcess
    from picklewatch.sandbox.endings import Ending
    from picklewatch.sandbox.process import WarmProcess

    Process = WarmProcess | DirectProcess

END_SECONDS = 5.0
"""Seconds that the warm process may take to have a child killed and to report that."""
_READ = 64 << 10
_TICK_SECONDS = 0.1
_RAW = 1 << 20
"""Bytes of the second pipe that are read, and that it holds where the system allows it."""


def run_child(  # noqa: PLR0913 - a job, its bounds, and where its end goes
    process: Process,
    header: dict[str, Any],
    fd: int,
    limits: Limits,
    ending: Ending,
    *,
    tick: Callable[[], None],
    raw: bool = False,
) -> Generator[tuple[str, object], None, None]:
    """Have a child of *process* do the job of *header* with *fd*; yield its results as they come, fill in *ending*.

    With *raw* the child has a second pipe, for bytes that are no lines: from the line of kind ``planned`` on, they are
    yielded as ``raw``.

    Raises `DiedError`, `SandboxStartError`, `GarbageError`, and whatever *tick* raises.
    """
    with contextlib.ExitStack() as pipes:
        reading, writing = _pipe(pipes)
        raws = [_wide_pipe(pipes)] if raw else []
        ends = [writing, *(end for _, end in raws)]
        try:
            with _read_only(fd) as file:
                process.submit(header, [file, *ends])
        finally:
            for end in ends:
                os.close(end)
        try:
            yield from _observe(process, [reading, *(begin for begin, _ in raws)], limits, ending, tick)
        finally:
            if ending.status is None:
                _end_child(process, ending)


def _pipe(pipes: contextlib.ExitStack) -> tuple[int, int]:
    reading, writing = os.pipe()
    pipes.callback(os.close, reading)
    return reading, writing


def _wide_pipe(pipes: contextlib.ExitStack) -> tuple[int, int]:
    reading, writing = _pipe(pipes)
    with contextlib.suppress(OSError):  # of a user who has many pipes
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, _RAW)
    return reading, writing


def _is_planned(value: object) -> bool:
    return isinstance(value, dict) and value.get("kind") == "planned"


def _observe(
    process: Process, pipes: list[int], limits: Limits, ending: Ending, tick: Callable[[], None]
) -> Iterator[tuple[str, object]]:
    reader = wire.LineReader(limits.output)
    left = limits.seconds
    poll = select.poll()
    reading, *raw = pipes
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
            for kind, value in _decoded(reader, data, ending):
                if _is_planned(value):
                    _register(poll, raw)
                yield kind, value
        elif ready.intersection(raw):
            yield from _raw_piece(poll, raw[0])
        elif ready:
            _take_ending(process, ending)
        if left <= 0 and ending.status is None:
            ending.timed_out = True
            return
    if ending.status == 0 and not ending.garbage:
        _finish(reader, ending)


def _register(poll: select.poll, descriptors: list[int]) -> None:
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)


def _raw_piece(poll: select.poll, descriptor: int) -> Iterator[tuple[str, object]]:
    if piece := os.read(descriptor, _RAW):
        yield "raw", piece
    else:
        poll.unregister(descriptor)


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


def _take_ending(process: Process, ending: Ending) -> None:
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


def _end_child(process: Process, ending: Ending) -> None:
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
