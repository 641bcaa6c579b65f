"""A scan that did not reach the end and says nothing of why."""

from __future__ import annotations

from dataclasses import replace

from picklewatch.core.model import Policy, ScanReport, Verdict
from picklewatch.core.policy import decide

REPORT = ScanReport(format="pickle", complete=False, code_bearing=True)


def test_an_incomplete_report_is_never_clean() -> None:
    """An attacker chooses where a parser gives up."""
    judgement = decide(REPORT, Policy())
    assert (judgement.verdict, judgement.reasons) == (Verdict.UNSCANNABLE, ("scan-incomplete",))


def test_a_complete_scan_is_clean() -> None:
    """Nothing was found, and everything looked at."""
    assert decide(replace(REPORT, complete=True), Policy()).verdict is Verdict.CLEAN
