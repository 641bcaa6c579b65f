"""Events for a person at a terminal: one line each, coloured where that helps.

Not `structlog.dev.ConsoleRenderer`: it puts the level first, in brackets, where a person looks for the verdict, and the
journal's message needs the same sentence without colours and times.
"""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any, TextIO

from picklewatch.telemetry.log.json_lines import WAIT_SECONDS, LineWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

RESET = "\x1b[0m"
STYLES: Mapping[str, str] = {
    "malicious": "\x1b[1;97;41m",
    "unsafe": "\x1b[1;31m",
    "unscannable": "\x1b[33m",
    "unverified": "\x1b[36m",
    "allowed": "\x1b[33m",
    "clean": "\x1b[32m",
    "skipped": "\x1b[2m",
    "critical": "\x1b[1;97;41m",
    "error": "\x1b[1;31m",
    "warning": "\x1b[33m",
    "info": "\x1b[32m",
    "debug": "\x1b[2m",
    "dim": "\x1b[2m",
}
"""Verdict or level → the escape sequence that begins its colour."""

LONGEST_REST = 300
"""Characters of the fields behind a message, in the journal."""
LABEL_WIDTH = 11
"""Characters of the longest verdict."""


def wants_colour(stream: TextIO | None, environ: Mapping[str, str] = os.environ) -> bool:
    """Return True if *stream* takes colours: a terminal, unless ``NO_COLOR`` or ``TERM=dumb`` say otherwise."""
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR"):
        return True
    return stream is not None and stream.isatty() and environ.get("TERM") != "dumb"


class ConsoleOutput:
    """Output of one line per event: time, verdict or level, what happened, and the fields that matter to a person."""

    def __init__(self, stream: TextIO | None) -> None:
        self._writer = LineWriter(stream)
        self._colour = wants_colour(stream)

    def emit(self, event: dict[str, Any], seconds: float = WAIT_SECONDS) -> None:
        """Write *event*. Raises `OSError`."""
        self._writer.write(render(event, colour=self._colour), seconds)


def render(
    event: Mapping[str, Any], *, colour: bool, now: Callable[[], str] = lambda: time.strftime("%H:%M:%S")
) -> str:
    """Return *event*, which is clean, as text for a terminal."""

    def paint(style: str, text: str) -> str:
        return f"{STYLES[style]}{text}{RESET}" if colour and style in STYLES else text

    label, text, rest = summary(event)
    padding = " " * max(0, LABEL_WIDTH - len(label))
    line = f"{paint('dim', now())} {paint(label, label)}{padding} {text}"
    if rest:
        line += "  " + " ".join(paint("dim", f"{key}={_short(value)}") for key, value in rest.items())
    exception = event.get("exception")
    return f"{line}\n{exception}" if exception else line


def summary(event: Mapping[str, Any]) -> tuple[str, str, dict[str, Any]]:
    """Split *event* for a person: its label (verdict or level), a sentence, and the fields left to show."""
    if event["event"] == "file.scanned":
        return str(event["verdict"]), _scanned(event), {}
    hidden = {"event", "level", "timestamp", "message", "exception"}
    rest = {key: value for key, value in event.items() if key not in hidden}
    message = event.get("message")
    text = f"{event['event']}: {message}" if message else str(event["event"])
    return str(event["level"]), text, rest


def fields_text(rest: Mapping[str, Any]) -> str:
    """Return the fields *rest* as one line of limited length, for the journal's message."""
    shown = " ".join(
        f"{key}={_short(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
        for key, value in rest.items()
        if value is not None
    )
    return shown if len(shown) <= LONGEST_REST else shown[: LONGEST_REST - 1] + "…"


def _scanned(event: Mapping[str, Any]) -> str:
    name = event.get("name") or event["path"]
    reasons = ", ".join(event["reasons"])
    why = f"  ({reasons})" if reasons else ""
    if event.get("outcome") == "allowed":
        why += f"  allowed: {event['allowed']}"
    if event["level"] in ("warning", "error") and event.get("name"):
        why += f"  {event['path']}"
    return f"{name}{why}"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return json.dumps(text, ensure_ascii=False) if " " in text or not text else text
