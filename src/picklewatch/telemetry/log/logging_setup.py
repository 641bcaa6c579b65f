"""Set-up of logging: structlog's processors, and libraries and crashes of threads routed to them.

Get a logger with `structlog.get_logger()` and name the event first::

    log.warning("watch.degraded", root=str(root), message="inotify ran out of watches")

An optional ``message`` is the sentence a person reads. No text of a field can break a line or a terminal, and no
failure to write (a full disk, a closed pipe) reaches the caller; the call returns False then.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, TextIO

import structlog

from picklewatch.core.model import Verdict
from picklewatch.telemetry.log.clean import clean
from picklewatch.telemetry.log.console import ConsoleOutput
from picklewatch.telemetry.log.journald import JournalOutput, connected_to_journal
from picklewatch.telemetry.log.json_lines import JsonOutput
from picklewatch.telemetry.log.outlet import Outlet, timestamp

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from picklewatch.telemetry.log.json_lines import Output

FORMATS = ("auto", "console", "json", "journal")
"""The values of the configuration's ``log.format``."""

LEVEL_OF_VERDICT = {
    Verdict.SKIPPED: "info",
    Verdict.CLEAN: "info",
    Verdict.UNVERIFIED: "info",
    Verdict.UNSCANNABLE: "warning",
    Verdict.UNSAFE: "error",
    Verdict.MALICIOUS: "error",
}
"""Verdict → the level of its ``file.scanned`` event."""


OUTLET = Outlet()
"""The outlet of this process; `configure` says where it leads."""


def configure(log_format: str = "auto", level: str = "info", stream: TextIO | None = None) -> str:
    """Set up logging for this process, also of libraries and of crashes in threads; may be called again.

    *log_format* and *level* are the configuration's ``log.format`` and ``log.level``; *stream* is standard error
    if not given. Returns the format that was chosen.
    """
    stream = stream if stream is not None else sys.stderr
    chosen = choose_format(log_format, stream)
    OUTLET.output = _output(chosen, stream)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            _add_level_and_time,
            structlog.processors.format_exc_info,
            clean,
            _emit,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.ReturnLoggerFactory(),
        cache_logger_on_first_use=False,
    )
    _route_libraries(level)
    threading.excepthook = _log_thread_crash
    return chosen


def choose_format(log_format: str, stream: TextIO | None) -> str:
    """Resolve ``auto`` for *stream*: ``journal`` under systemd, ``console`` on a terminal, else ``json``."""
    if log_format != "auto":
        return log_format
    if connected_to_journal(stream):
        return "journal"
    return "console" if stream is not None and stream.isatty() else "json"


def _output(chosen: str, stream: TextIO | None) -> Output:
    if chosen == "console":
        return ConsoleOutput(stream)
    if chosen == "journal":
        return JournalOutput(JsonOutput(stream))
    return JsonOutput(stream)


def _emit(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> tuple[tuple[bool], dict[str, Any]]:
    """Write *event*; structlog returns to the caller whether that worked."""
    return (OUTLET.emit(dict(event)),), {}


def _add_level_and_time(_logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    stamp = timestamp(time.time())
    return {"event": event.pop("event"), "level": event.pop("level", method), "timestamp": stamp, **event}


class _Forward(logging.Handler):
    """Forwarder of what libraries log through the standard library's logging."""

    def emit(self, record: logging.LogRecord) -> None:
        """Forward *record* as the event ``library.message``."""
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001 - a library's wrong format string must not end its thread
            message = str(record.msg)
        error = {"exc_info": record.exc_info} if record.exc_info else {}
        log = structlog.get_logger()
        log.log(record.levelno, "library.message", logger=record.name, message=message, **error)


def _route_libraries(level: str) -> None:
    root = logging.getLogger()
    root.handlers = [handler for handler in root.handlers if not isinstance(handler, _Forward)]
    root.addHandler(_Forward())
    root.setLevel(max(logging.INFO, logging.getLevelNamesMapping()[level.upper()]))
    logging.captureWarnings(capture=True)


def _log_thread_crash(crash: threading.ExceptHookArgs) -> None:
    if crash.exc_type is SystemExit or crash.exc_value is None:
        return
    error = (crash.exc_type, crash.exc_value, crash.exc_traceback)
    name = crash.thread.name if crash.thread else "?"
    structlog.get_logger().critical("thread.crashed", thread=name, message="A bug: please report it.", exc_info=error)
