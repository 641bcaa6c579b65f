"""JSON lines, and writing lines so that no failure reaches who logs."""

from __future__ import annotations

import json
import os
import threading
from typing import Any, Protocol, TextIO


class Output(Protocol):
    """Where events go."""

    def emit(self, event: dict[str, Any]) -> None:
        """Write *event*, which is clean. Never raises for a failure of the output."""
        ...


class LineWriter:
    """Writes whole lines to a stream's descriptor, from any thread; counts what can't be written."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self.dropped = 0
        """Lines lost since the last one that was written."""

    def write(self, line: str) -> bool:
        """Write *line* and a line break; say whether that worked (a full disk, a closed pipe: it does not)."""
        data = (line + "\n").encode("utf-8", "backslashreplace")
        with self._lock:
            try:
                self._write(data)
            except (OSError, ValueError):  # ValueError: the stream was closed
                self.dropped += 1
                return False
        return True

    def _write(self, data: bytes) -> None:
        try:
            fd = self._stream.fileno()
        except (AttributeError, OSError):  # a stream without descriptor, such as io.StringIO
            self._stream.write(data.decode())
            self._stream.flush()
            return
        self._stream.flush()
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]


class JsonOutput:
    """One JSON object a line."""

    def __init__(self, stream: TextIO) -> None:
        self._writer = LineWriter(stream)

    def emit(self, event: dict[str, Any]) -> None:
        """Write *event*; first say how many were lost before it, if any were."""
        lost = self._writer.dropped
        if lost and self._writer.write(_json({**_lost(event), "dropped": lost})):
            self._writer.dropped = 0
        self._writer.write(_json(event))


def _lost(event: dict[str, Any]) -> dict[str, Any]:
    return {"event": "log.dropped", "level": "error", "timestamp": event.get("timestamp", "")}


def _json(event: dict[str, Any]) -> str:
    return json.dumps(event, ensure_ascii=False, separators=(", ", ": "))
