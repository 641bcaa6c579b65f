"""Events of the console in the words of a person, and those that a person need not see one by one. Pure."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator, Mapping

_SCANNED: Final = "file.scanned"
_PASSING: Final = frozenset({"scan.progress", "walk.progress", "walk.done"})
"""Events that the next of their kind makes old."""
_SILENT: Final = frozenset({"file.linked", "file.renamed", "socket.ready", "config.allowlist-changed"})
"""Events that nobody has to act on; `picklewatch history` knows of the files."""
_RENAMED: Final = frozenset({"file.linked", "file.renamed"})
_RANKS: Final = ("unverified", "unscannable", "unsafe", "malicious")


def is_silent(event: Mapping[str, Any]) -> bool:
    """Return True if a person need not see *event*, as all is well."""
    name = event["event"]
    is_whole = name == "scan.sandbox" and not event.get("missing")
    return event.get("level") == "info" and (is_whole or (name in _SILENT and not is_harmful(event)))


def is_harmful(event: Mapping[str, Any]) -> bool:
    """Return True if *event* is about a file that something is to be done about."""
    return event.get("verdict") in {"unscannable", "unsafe", "malicious"}


def is_passing(event: Mapping[str, Any]) -> bool:
    """Return True if *event* is progress: the newest is enough."""
    return event.get("level") == "info" and event["event"] in _PASSING


def outcome_counted(event: Mapping[str, Any]) -> str | None:
    """Return the outcome of a judged file that is only counted, as nothing is to be done; None for other events."""
    if event["event"] != _SCANNED or event.get("level") != "info":
        return None
    return str(event.get("outcome", event["verdict"]))


def counted_text(counts: Counter[str]) -> str:
    """Return the sentence about the files that were only counted."""
    total = sum(counts.values())
    files = "1 file" if total == 1 else f"{total:,} files"
    return f"{files} judged without a finding: {', '.join(f'{n:,} {what}' for what, n in sorted(counts.items()))}"


def sentence(event: Mapping[str, Any]) -> str | None:
    """Return what *event* says to a person; None if there are no better words than its name and fields."""
    make = _SENTENCES.get(str(event["event"]))
    if make is not None:
        return make.format_map(_Fields(event))
    if event["event"] == "watch.ready":
        return _ready(len(event.get("roots", ())), int(event.get("waiting", 0)))
    if event["event"] == "scan.sandbox":
        return f"the sandbox is incomplete on this machine: {'; '.join(map(str, event.get('missing', ())))}"
    return None


def details(event: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what stands below the line of an event that asks for something: a label and a text each."""
    if event["event"] == _SCANNED and event.get("level") in ("warning", "error"):
        if event.get("name"):
            yield "file", str(event["path"])
        if (worst := _worst(event)) is not None:
            yield "does", str(worst["summary"])
        yield "next", _explain(str(event["path"]), str(event.get("id", "")))
    elif event["event"] in _RENAMED and is_harmful(event):
        yield "next", _explain(str(event["path"]))
    elif event["event"] == "quarantine.moved":
        if reasons := event.get("reasons"):
            yield "why", f"{event.get('verdict', '-')}: {', '.join(map(str, reasons))}"
        yield "next", f"picklewatch quarantine show {event.get('id', '')}"
    elif event.get("hint"):
        yield "hint", str(event["hint"])


def _worst(event: Mapping[str, Any]) -> Mapping[str, Any] | None:
    ranked = [finding for finding in event.get("findings", ()) if finding["level"] in _RANKS]
    return max(ranked, key=lambda finding: _RANKS.index(finding["level"]), default=None)


def _explain(path: str, number: str = "") -> str:
    """Return the command; a path that was made printable can't be typed, and the record's id, or the list, can."""
    if "\\" not in path:
        return f"picklewatch explain {shlex.quote(path)}"
    return f"picklewatch explain {number}" if number else "picklewatch findings"


def _ready(roots: int, waiting: int) -> str:
    watched = "1 directory" if roots == 1 else f"{roots} directories"
    return f"watching {watched}" + (f"; {waiting} more as soon as they exist" if waiting else "")


class _Fields(dict[str, Any]):
    """The fields of an event; one that is missing is a dash."""

    def __missing__(self, key: str) -> str:
        return "-"


_SENTENCES: Final = {
    "daemon.started": "picklewatch {version} started (process {pid})",
    "daemon.stopping": "stopping: the files in hand are finished first; Ctrl-C again stops at once",
    "daemon.stopped": "stopped; {queue} files still wait, and are judged after the next start",
    "scan.progress": "{message}",
    "walk.progress": "looking through {path}: {files} files so far",
    "walk.done": "looked through {path}: {files} files, {queued} of them to be judged",
    "quarantine.moved": "moved into quarantine: {path}",
    "file.linked": "the {verdict} file {other} is also at {path}",
    "file.renamed": "the {verdict} file {was} is at {path} now",
    "watch.missed": "no event reported {path}: the periodic walk found it",
}
