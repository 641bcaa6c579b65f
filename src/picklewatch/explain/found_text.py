"""Records that were asked for, as text for a person and as cells of a table. Pure, but for colours."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from picklewatch.core.found_record import Fate
from picklewatch.core.model import Level
from picklewatch.explain.record_text import VERDICT_WIDTH, paint, shell_quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from picklewatch.core.found_record import FoundRecord

COLUMNS: Final = (
    "id",
    "at",
    "verdict",
    "where",
    "allowed",
    "name",
    "path",
    "size",
    "format",
    "reasons",
    "summary",
    "sha256",
    "owner",
    "item",
)
"""The heading of the comma-separated form."""
_ID_WIDTH: Final = 6
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "|", "%")
"""What a spreadsheet takes for the beginning of a formula or a command, whatever the quotes around it."""


def found_lines(found: FoundRecord, *, colour: bool) -> Iterator[str]:
    """Yield *found* as one aligned line, and below it what it would do, what became of it, and the next command."""
    label = paint(found.verdict.value, found.verdict.value, colour=colour)
    label += " " * (VERDICT_WIDTH - len(found.verdict.value))
    at = time.strftime("%Y-%m-%d %H:%M", time.localtime(found.at))
    yield f"{found.id:<{_ID_WIDTH}}  {label}  {at}  {found.shown}"
    if found.body["name"]:
        yield _row("file", str(found.body["path"]), colour=colour)
    if (does := does_what(found)) is not None:
        yield _row("does", does, colour=colour)
    if found.allowed is not None:
        yield _row("allowed", found.allowed, colour=colour)
    if (became := _BECAME.get(found.where)) is not None:
        yield _row("now", became.format(item=found.item), colour=colour)
    if (command := next_command(found)) is not None:
        yield _row("next", command, colour=colour)


def does_what(found: FoundRecord) -> str | None:
    """Return the sentence of the worst finding; None if there is none."""
    ranked = [finding for finding in found.body["findings"] if finding["level"] != Level.INFO.value]
    worst = max(ranked, key=lambda finding: Level(finding["level"]).rank, default=None)
    return None if worst is None else f"{worst['rule']}: {worst['summary']}"


def next_command(found: FoundRecord) -> str | None:
    """Return what to type to learn more about *found*; None if nothing is left to look at."""
    if found.where is Fate.QUARANTINED:
        return f"picklewatch quarantine show {found.item}"
    if not found.where.is_there or not found.body["findings"]:
        return None
    return f"picklewatch explain {shell_quoted(found.path) if found.is_asked else found.id}"


def cells(found: FoundRecord) -> list[str]:
    """Return *found* as the cells below `COLUMNS`; none of them is a formula to a spreadsheet."""
    shown: dict[str, Any] = {
        **found.to_json(),
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(found.at)),
        "reasons": " ".join(found.body["reasons"]),
        "summary": does_what(found),
    }
    return [_cell(shown[column]) for column in COLUMNS]


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULA) else text


_BECAME: Final = {
    Fate.CHANGED: "the file was written to since, and is to be judged again",
    Fate.GONE: "not there any more",
    Fate.QUARANTINED: "in quarantine as {item}",
    Fate.RESTORED: "was in quarantine as {item}, and given back",
    Fate.DELETED: "was in quarantine as {item}, and deleted",
    Fate.SUPERSEDED: "judged again since: a newer record has the outcome",
}


def _row(label: str, text: str, *, colour: bool) -> str:
    return f"{'':<{_ID_WIDTH}}  {paint('dim', f'{label:<7}', colour=colour)}  {text}"
