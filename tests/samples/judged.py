"""One pickle judged by the engine, in a test's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from picklewatch.analysis.pickle import Budget, PickleReport, judge_pickle
from picklewatch.core.model import Level, Limits

if TYPE_CHECKING:
    from picklewatch.core.model import Finding

ORDER = list(Level)
UNTIMED = Limits(seconds=1e6)
"""What is judged in the tests' own process ends by counts alone: a clock says how busy the machine is."""


def judged(data: bytes, *, persistent: bool = False, limits: Limits = UNTIMED) -> PickleReport:
    """Judge the pickle *data* without asking fickling."""
    return judge_pickle(data, budget=Budget(limits=limits, fickling_seconds_left=0.0), persistent=persistent)


def level(report: PickleReport) -> Level:
    """Give the worst level of *report*'s findings, `Level.INFO` if there is none."""
    return max((finding.level for finding in report.findings), key=ORDER.index, default=Level.INFO)


def rules(report: PickleReport) -> set[str]:
    """Give the rules that *report* names."""
    return {finding.rule for finding in report.findings}


def worst(report: PickleReport) -> Finding:
    """Give the most harmful finding of *report*."""
    return max(report.findings, key=lambda finding: ORDER.index(finding.level))
