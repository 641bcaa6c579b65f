"""Output as JSON lines, and writing of lines that does not wait for ever for a reader.

Not `structlog.processors.JSONRenderer`: it falls back to ``repr`` for what JSON does not know, which `clean` rules out.
"""

from __future__ import annotations

import json
import os
import select
import threading
import time
from typing import Any, Final, Protocol, TextIO

WAIT_SECONDS: Final = 1.0
_PIECE: Final = select.PIPE_BUF
"""Bytes that a pipe takes without waiting once it is ready."""


class Output(Protocol):
    """A place that events are written to."""

    def emit(self, event: dict[str, Any], seconds: float) -> None:
        """Write *event*, which is clean.

        Raises `OSError` if that can't be done within *seconds*.
        """
        ...


class LineWriter:
    """Writer of whole lines to a stream's descriptor, from any thread."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._rest = b""
        """The unwritten rest of a line that was begun; it goes before anything else."""

    def write(self, line: str, seconds: float = WAIT_SECONDS) -> None:
        """Write *line* and a line break. Raises `OSError` (a full disk, a closed pipe, one that nobody reads).

        A line of which a part was written counts as written: its rest goes before the next one.
        """
        data = (line + "\n").encode("utf-8", "backslashreplace")
        with self._lock:
            try:
                self._write(data, time.monotonic() + seconds)
            except ValueError as error:  # the stream was closed
                raise OSError(str(error)) from error

    def _write(self, data: bytes, deadline: float) -> None:
        if self._stream is None:
            return
        try:
            fd = self._stream.fileno()
        except (AttributeError, OSError):  # a stream without descriptor, such as io.StringIO
            self._stream.write(data.decode())
            self._stream.flush()
            return
        self._stream.flush()
        self._push(fd, deadline)
        self._rest = data
        try:
            self._push(fd, deadline)
        except OSError:
            if len(self._rest) == len(data):
                self._rest = b""
                raise

    def _push(self, fd: int, deadline: float) -> None:
        poll = select.poll()
        poll.register(fd, select.POLLOUT)
        while self._rest:
            if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
                raise TimeoutError("nobody reads it")
            self._rest = self._rest[os.write(fd, self._rest[:_PIECE]) :]


class JsonOutput:
    """Output of one JSON object per line."""

    def __init__(self, stream: TextIO | None) -> None:
        self._writer = LineWriter(stream)

    def emit(self, event: dict[str, Any], seconds: float = WAIT_SECONDS) -> None:
        """Write *event*. Raises `OSError`."""
        self._writer.write(json.dumps(event, ensure_ascii=False, separators=(", ", ": ")), seconds)
