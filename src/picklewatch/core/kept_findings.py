"""The choice of the findings of one file that are kept if there are too many. Pure.

An operator may allow imports, and that is decided after the cut: an attacker must not be able to push the finding about
an import that is not allowed out by two hundred about imports that are. So of each rule and import the most harmful
finding stays before any other; if even these are too many, one finding argues for all that are left out, and nobody can
allow it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from picklewatch.core.model import Finding, Level

if TYPE_CHECKING:
    from collections.abc import Iterable

LIMIT = "limit-findings"
"""The rule that stands for findings that were left out."""


def kept(findings: Iterable[Finding], most: int) -> tuple[Finding, ...]:
    """Return *findings* if they are no more than *most*, else so many, in their order, and one for the rest."""
    noted = list(findings)
    if len(noted) <= most:
        return tuple(noted)
    leading = _leading(noted)
    order = sorted(range(len(noted)), key=lambda index: (index not in leading, -noted[index].level.rank, index))
    room = most if len(leading) <= most else max(most - 1, 0)
    chosen = tuple(noted[index] for index in sorted(order[:room]))
    left = [noted[index] for index in order[room:] if index in leading]
    return (*chosen, left_out(left[0], most)) if left else chosen


def left_out(finding: Finding, most: int) -> Finding:
    """Return a finding for those that do not fit in *most*, of which *finding* is the most harmful."""
    summary = (
        f"There are findings about more than {most} different things; one that is not listed argues for this level."
    )
    return Finding(rule=LIMIT, level=finding.level, where=finding.where, summary=summary)


def _leading(noted: list[Finding]) -> set[int]:
    """Return the indexes of the most harmful finding of each rule and import, `Level.INFO` aside."""
    worst: dict[tuple[str, str], int] = {}
    for index, finding in enumerate(noted):
        known = worst.setdefault((finding.rule, finding.subject), index)
        if noted[known].level.rank < finding.level.rank:
            worst[finding.rule, finding.subject] = index
    return {index for index in worst.values() if noted[index].level is not Level.INFO}
