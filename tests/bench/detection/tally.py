"""Tables of the tools' answers."""

from __future__ import annotations

import collections
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

COLUMNS = ("flagged", "warned", "passed", "skipped", "error", "timeout")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One file of a corpus."""

    path: str
    group: str
    """``live attack``, ``dormant attack``, ``benign plain`` (``tensors``, ``code-bearing``), or a folder's own."""
    sweep: str
    """Where the attack comes from; a benign file's library."""
    name: str
    """What a person calls it."""

    @property
    def hostile(self) -> bool:
        """Return True if it must be flagged."""
        return "attack" in self.group


@dataclass(slots=True, kw_only=True)
class Outcome:
    """One tool's answers and what they cost."""

    tool: str
    version: str
    answers: dict[str, str] = field(default_factory=dict)
    """Path → `COLUMNS`."""
    details: dict[str, str] = field(default_factory=dict)
    """Path → the tool's own word for it."""
    wall: float = 0.0
    cpu: float = 0.0
    peak: int = 0
    problem: str = ""
    """Why it did not run, or did not finish."""

    def counts(self, cases: Iterable[Case]) -> collections.Counter[str]:
        """Count each answer among the files that the tool came to."""
        return collections.Counter(self.answers[case.path] for case in cases if case.path in self.answers)


def groups(cases: Iterable[Case]) -> dict[str, list[Case]]:
    """Cases by group, in the order of the table."""
    found: dict[str, list[Case]] = {}
    for case in sorted(cases, key=lambda case: (not case.hostile, case.group != "live attack", case.group)):
        found.setdefault(case.group, []).append(case)
    return found


def share(part: int, whole: int) -> str:
    """A percentage that is 100 only if nothing is missing."""
    if not whole:
        return "-"
    percent = 100 * part / whole
    return f"{percent:.1f} %" if part in (0, whole) or not 99.95 <= percent < 100 else "99.9 %"


def main_table(outcomes: Sequence[Outcome], cases: Sequence[Case]) -> list[list[str]]:
    """One row a tool: shares flagged, errors, cost."""
    by_group = groups(cases)
    header = ["tool"]
    for group, members in by_group.items():
        verb = "caught" if members[0].hostile else "flagged"
        header.append(f"{len(members)} {group}: {verb}")
        header.append("warned")
    header += ["errors", "CPU s", "wall s", "peak MB"]
    rows = [header]
    for outcome in outcomes:
        title = f"{outcome.tool} {outcome.version}"
        if not outcome.answers:
            rows.append([title, f"did not run: {outcome.problem}", *[""] * (len(header) - 2)])
            continue
        row = [title]
        errors = 0
        for members in by_group.values():
            counts = outcome.counts(members)
            row += [f"{share(counts['flagged'], counts.total())} ({counts['flagged']})", str(counts["warned"])]
            errors += counts["error"] + counts["timeout"]
        row += [str(errors), f"{outcome.cpu:.1f}", f"{outcome.wall:.1f}", f"{outcome.peak / 1e6:.0f}"]
        rows.append(row)
    return rows


def sweep_table(outcomes: Sequence[Outcome], cases: Sequence[Case]) -> list[list[str]]:
    """Return the share of each sweep of live attacks that a tool flags."""
    sweeps = list(dict.fromkeys(case.sweep for case in cases if case.group == "live attack"))
    rows = [["tool", *sweeps]]
    for outcome in outcomes:
        row = [outcome.tool]
        for sweep in sweeps:
            members = [case for case in cases if case.group == "live attack" and case.sweep == sweep]
            counts = outcome.counts(members)
            row.append(share(counts["flagged"], counts.total()) if outcome.answers else "")
        rows.append(row)
    return rows


def misses(outcome: Outcome, cases: Iterable[Case]) -> list[str]:
    """Attacks that were not flagged and ordinary files that were, each with the tool's own word."""
    lines = []
    for case in cases:
        answer = outcome.answers.get(case.path, "no answer")
        wrong = answer != "flagged" if case.hostile else answer == "flagged" and "code-bearing" not in case.group
        if wrong:
            lines.append(f"{case.group}, {case.sweep}: {case.name}: {outcome.details.get(case.path, answer)}")
    return lines


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    head, *body = rows
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in body]
    return "\n".join(lines)


def plain(rows: Sequence[Sequence[str]]) -> str:
    """A table in columns of text."""
    widths = [
        max(len(row[index]) for row in rows if not row[1].startswith("did not run")) for index in range(len(rows[0]))
    ]
    lines = []
    for row in rows:
        if row[1].startswith("did not run"):
            lines.append(f"{row[0]}  {row[1]}")
        else:
            cells = [
                cell.ljust(width) if not index else cell.rjust(width)
                for index, (cell, width) in enumerate(zip(row, widths, strict=True))
            ]
            lines.append("  ".join(cells))
    return "\n".join(lines)


def as_json(outcomes: Sequence[Outcome], cases: Sequence[Case]) -> dict[str, Any]:
    """Everything, for other programs."""
    by_group = groups(cases)
    return {
        "cases": {group: len(members) for group, members in by_group.items()},
        "tools": {outcome.tool: _tool_json(outcome, by_group) for outcome in outcomes},
    }


def _tool_json(outcome: Outcome, by_group: Mapping[str, Sequence[Case]]) -> dict[str, Any]:
    return {
        "version": outcome.version,
        "problem": outcome.problem,
        "cpu_seconds": round(outcome.cpu, 2),
        "wall_seconds": round(outcome.wall, 2),
        "peak_bytes": outcome.peak,
        "groups": {group: dict(outcome.counts(members)) for group, members in by_group.items()},
        "wrong": [line for members in by_group.values() for line in misses(outcome, members)],
    }
