"""Libraries read: the versions that were imported, those read as text, and how many classes of each."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from census import recorded

if TYPE_CHECKING:
    from collections.abc import Mapping

TEXT = "text-"
"""What the name of a reading of text begins with."""


def table() -> str:
    """Write what was read, a row for each library."""
    rows = _rows(recorded.readings())
    return "\n".join(("| library | imported | read as text | classes |", "|---|---|---|---|", *rows))


def _rows(readings: Mapping[str, list[dict[str, Any]]]) -> list[str]:
    versions: dict[str, dict[bool, set[str]]] = defaultdict(lambda: {True: set(), False: set()})
    classes: dict[str, set[str]] = defaultdict(set)
    for name, lines in readings.items():
        for line in lines:
            if line["version"][:1].isdigit() and ("class" in line or "kept" in line):
                versions[line["library"]][name.startswith(TEXT)].add(line["version"])
            if "class" in line:
                classes[line["library"]].add(line["class"])
    return [
        f"| {library} | {_listed(of[False])} | {_listed(of[True])} | {len(classes[library]):,} |"
        for library, of in sorted(versions.items(), key=lambda item: item[0].lower())
    ]


def _listed(versions: set[str]) -> str:
    return ", ".join(sorted(versions, key=_in_order)) or "-"


def _in_order(version: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in version.split(".")]
