"""Events for a person at a terminal, coloured where that helps.

Not `structlog.dev.ConsoleRenderer`: it puts the level first, in brackets, where a person looks for the verdict, and the
journal's message needs the same sentence without colours and times.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, TextIO

from picklewatch.telemetry.log.json_lines import WAIT_SECONDS, LineWriter
from picklewatch.telemetry.log.plain_words import (
    counted_text,
    details,
    is_passing,
    is_silent,
    outcome_counted,
    sentence,
)

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
    """Output for a person: what asks for something, with what to do; files that ask for nothing are counted.

    On a terminal the count, and progress, stand in one line that the next one replaces: however many files are clean,
    what was said of a hostile one stays in sight. Elsewhere the count is written at 1, 10, 100, ... files.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._writer = LineWriter(stream)
        self._colour = wants_colour(stream)
        self._replaces = stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb"
        self._counts: Counter[str] = Counter()
        self._passing = False
        """True if the last line may be replaced."""

    def emit(self, event: dict[str, Any], seconds: float = WAIT_SECONDS) -> None:
        """Write *event*. Raises `OSError`."""
        counted = outcome_counted(event)
        if counted is not None:
            self._counts[counted] += 1
            self._count(event, seconds)
        elif not is_silent(event):
            self._write(render(event, colour=self._colour), seconds, passing=is_passing(event))

    def _count(self, event: Mapping[str, Any], seconds: float) -> None:
        total = sum(self._counts.values())
        if not self._replaces and total != 10 ** (len(str(total)) - 1):
            return
        counted = {"event": "files.counted", "level": event["level"], "message": counted_text(self._counts)}
        with contextlib.suppress(OSError):  # the next one says it
            self._write(render(counted, colour=self._colour), seconds, passing=True)

    def _write(self, text: str, seconds: float, *, passing: bool) -> None:
        """Write *text* in the place of a last line that is *passing*, if that is one."""
        before = _UP_AND_ERASE if self._passing and self._replaces else ""
        self._writer.write(before + text, seconds)
        self._passing = passing


_UP_AND_ERASE = "\x1b[1A\x1b[2K"


def render(
    event: Mapping[str, Any], *, colour: bool, now: Callable[[], str] = lambda: time.strftime("%H:%M:%S")
) -> str:
    """Return *event*, which is clean, as text for a terminal."""

    def paint(style: str, text: str) -> str:
        return f"{STYLES[style]}{text}{RESET}" if colour and style in STYLES else text

    label, text, rest = _for_a_person(event)
    padding = " " * max(0, LABEL_WIDTH - len(label))
    line = f"{paint('dim', now())} {paint(label, label)}{padding} {text}"
    if rest:
        line += "  " + " ".join(paint("dim", f"{key}={_short(value)}") for key, value in rest.items())
    for name, detail in details(event):
        line += f"\n{'':<{_INDENT}}{paint('dim', name)}  {detail}"
    exception = event.get("exception")
    return f"{line}\n{exception}" if exception else line


_INDENT = 21


def _for_a_person(event: Mapping[str, Any]) -> tuple[str, str, dict[str, Any]]:
    """Do as `summary`, in plain words: fields that an explanation below the line, or a sentence, says are left out."""
    if event["event"] == "file.scanned":
        name, reasons = event.get("name") or event["path"], ", ".join(event["reasons"])
        allowed = f"  allowed: {event['allowed']}" if event.get("outcome") == "allowed" else ""
        number = f"{event['id']}  " if event.get("id") else ""
        return str(event["verdict"]), f"{number}{name}{f'  ({reasons})' if reasons else ''}{allowed}", {}
    words = sentence(event)
    if words is not None:
        return str(event["level"]), words, {}
    if event.get("message") and (event.get("hint") or event["event"] == "files.counted"):
        return str(event["level"]), str(event["message"]), {}
    return summary(event)


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
    if event["level"] in ("warning", "error") and event.get("id"):
        why += f"  {event['id']}"
    return f"{name}{why}"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return json.dumps(text, ensure_ascii=False) if " " in text or not text else text
