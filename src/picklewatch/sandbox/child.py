"""One scan: all that the forked child does, from its first step to its last."""

from __future__ import annotations

import contextlib
import gc
import json
import mmap
import os
import signal
import socket
from typing import TYPE_CHECKING, Any, NoReturn

from picklewatch.access.holes import holes
from picklewatch.analysis import sparse
from picklewatch.sandbox import kernel, lockdown, wire
from picklewatch.sandbox.child_batch import scan_slots

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from picklewatch.core.model import Finding, Limits, ScanReport

    ScanJob = Callable[[Any, Limits, Callable[[Finding], None]], ScanReport]
    ViewJob = Callable[[Any, Limits, dict[str, Any], Callable[[dict[str, Any]], None]], None]
    RescueJob = Callable[
        [Any, Limits, dict[str, Any], Callable[[dict[str, Any]], None], Callable[[bytes | memoryview], None]], None
    ]

MESSAGE = 128 << 10
"""Bytes of one control message, at most."""
DESCRIPTORS = 3
"""Descriptors of one job, at most."""
_RESERVE = 4 << 20
"""Bytes kept back so that running out of memory can still be reported."""
_FLUSH = 32 << 10
_FORGOTTEN = 32 << 20
"""Bytes that a rescue sends before it drops the pages of the file that it read for them: nobody needs them again."""


class Pipe:
    """The pipe for results, written in pieces that are worth a system call, and a rescue's pipe for raw bytes."""

    def __init__(self, descriptor: int, raw: int | None = None) -> None:
        self._descriptor = descriptor
        self._raw = raw
        self._pending = bytearray()

    def put(self, line: bytes) -> None:
        """Write *line*, sooner or later."""
        self._pending += line
        if len(self._pending) >= _FLUSH:
            self.flush()

    def put_now(self, line: bytes) -> None:
        """Write *line*: nothing that happens to this process can take it back."""
        self.put(line)
        self.flush()

    def flush(self) -> None:
        """Write what is pending."""
        while self._pending:
            del self._pending[: os.write(self._descriptor, self._pending)]

    def put_raw(self, piece: bytes | memoryview) -> None:
        """Write *piece* to the pipe for raw bytes, after all lines so far."""
        assert self._raw is not None
        self.flush()
        left = memoryview(piece)
        while left:
            left = left[os.write(self._raw, left) :]


def run(
    plan: lockdown.Plan,
    parent: int,
    functions: dict[str, Callable[..., Any]],
    connection: socket.socket,
    rehearse: Callable[[], object],
) -> NoReturn:
    """Wait for one job on *connection*, do it, and end this process.

    *rehearse* is run first: it touches the memory that a scan writes to, so that the kernel copies those pages while no
    file waits.

    The job is the parent's header (``job``, ``limits``, ``request`` for a view, ``batch`` for a scan of many) with two
    descriptors: the file, and the pipe for the results; a rescue has a third, the pipe for raw bytes.
    """
    status = wire.LOCK_FAILED
    signal.set_wakeup_fd(-1)  # the warm process's; its number may soon be the result pipe's
    try:
        lockdown.enter(plan, parent)
        with contextlib.suppress(Exception):
            rehearse()
        message, fds, _, _ = socket.recv_fds(connection, MESSAGE, DESCRIPTORS)
        if not message:
            os._exit(0)
        header = json.loads(message)
        limits = wire.decode_limits(header["limits"])
        data, sparse_at = mapped(fds[0])
        output = Pipe(*lockdown.only_descriptors(*fds[1:]))
        if plan.rlimits:
            lockdown.limit(plan, file_size=len(data), memory=limits.memory, cpu_seconds=limits.cpu_seconds)
        lockdown.seal(plan)
        status = wire.FAILED
        gc.enable()
        with sparse.known(data, sparse_at):
            status = _guarded(functions[header["job"]], data, limits, header, output)
    finally:
        os._exit(status)


def mapped(descriptor: int) -> tuple[memoryview, list[tuple[int, int]]]:
    """Map the regular file behind *descriptor* read-only, and return its bytes and its holes.

    The holes are not the file's: where they are read all the same, they must not be filled with its memory, as tmpfs
    does, or with its page cache.
    """
    size = os.fstat(descriptor).st_size
    empty = holes(descriptor, size)
    return kernel.map_file(descriptor, size, _between(empty, size)), empty


def _between(empty: list[tuple[int, int]], size: int) -> Iterator[tuple[int, int]]:
    """Yield the ranges between holes, in whole pages."""
    page, start = mmap.PAGESIZE, 0
    for begin, end in empty:
        if begin > start:
            yield start, -(-begin // page) * page
        start = max(start, end // page * page)
    if start < size:
        yield start, size


def _guarded(job: Callable[..., Any], data: Any, limits: Limits, header: dict[str, Any], output: Pipe) -> int:
    reserve = mmap.mmap(-1, _RESERVE)  # never touched, so it costs nothing
    try:
        if header.get("batch") is not None:
            scan_slots(job, data, limits, header["batch"], output.put_now)
        elif header["request"] is None:
            _scan(job, data, limits, output)
        elif header["job"] == "rescue":
            _rescue(job, data, limits, header["request"], output)
        else:
            _view(job, data, limits, header["request"], output)
    except MemoryError:
        failure = ("memory", "")
    except Exception as error:  # noqa: BLE001 - whatever the bytes did to the scanner is reported
        failure = ("error", wire.clip(f"{type(error).__name__}: {error}", wire.FAILURE))
    else:
        return 0
    reserve.close()
    with contextlib.suppress(MemoryError):
        output.put_now(wire.encode("failed", failure))
    return wire.FAILED


def _scan(job: ScanJob, data: Any, limits: Limits, output: Pipe) -> None:
    def report_harm(finding: Finding) -> None:
        output.put_now(wire.encode_finding(finding, limits, "seen"))

    for line in wire.encode_report(job(data, limits, report_harm), limits):
        output.put(line)
    output.flush()


def _view(job: ViewJob, data: Any, limits: Limits, request: dict[str, Any], output: Pipe) -> None:
    job(data, limits, request, lambda line: output.put(wire.encode("line", line)))
    output.put_now(wire.encode("end", None))


def _rescue(job: RescueJob, data: Any, limits: Limits, request: dict[str, Any], output: Pipe) -> None:
    sent, begin = 0, sparse.address(data) if len(data) else 0

    def write(piece: bytes | memoryview) -> None:
        nonlocal sent
        output.put_raw(piece)
        sent += len(piece)
        if sent >= _FORGOTTEN and begin:
            sent = 0
            kernel.forget(begin, len(data))

    job(data, limits, request, lambda line: output.put(wire.encode("line", line)), write)
    output.put_now(wire.encode("end", None))
