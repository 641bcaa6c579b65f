"""Findings before a limit count: where a scan ends is up to an attacker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from picklewatch.analysis.content import scan_content
from picklewatch.analysis.formats.context import Scan
from picklewatch.analysis.pickle.semantics.hazards import Hazards
from picklewatch.core.model import Level, Limits, Policy, Verdict
from picklewatch.core.policy import decide

if TYPE_CHECKING:
    from collections.abc import Collection

    from picklewatch.analysis.formats.part import Part
    from picklewatch.analysis.pickle.vm.values import Value

CALL = b"cos\nsystem\n(S'true'\ntR."


@pytest.mark.parametrize("head", [b"", b"\x80\x02"], ids=["protocol 0", "protocol 2"])
def test_an_attack_before_the_limit_of_opcodes_is_malicious(head: bytes) -> None:
    """Padding that exhausts the limit hides no call that a loader has made by then."""
    report = scan_content(head + CALL[:-1] + b"0" + b"N0" * 50_000 + b"N.", Limits(opcodes=20_000))
    assert not report.complete
    assert "os.system" in report.imports
    assert {"code-execution", "limit-opcodes"} <= {finding.rule for finding in report.findings}
    assert decide(report, Policy()).verdict is Verdict.MALICIOUS


def test_padding_alone_is_unscannable() -> None:
    """Without an attack before it, the limit alone sets the verdict."""
    report = scan_content(b"\x80\x02" + b"N0" * 50_000 + b"N.", Limits(opcodes=20_000))
    assert [finding.level for finding in report.findings] == [Level.UNSCANNABLE]
    assert decide(report, Policy()).verdict is Verdict.UNSCANNABLE


def test_an_attack_before_a_calculation_without_end_is_malicious(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time is up wherever the scan is, also far from a look at the clock; what was seen before counts."""
    hashed = Hazards.hashed

    def slow(hazards: Hazards, values: Collection[Value], offset: int) -> None:
        hashed(hazards, values, offset)
        while True:
            pass

    monkeypatch.setattr(Hazards, "hashed", slow)
    report = scan_content(CALL[:-1] + b"0}K\1K\2s.", Limits(seconds=0.3))
    assert {"code-execution", "limit-time"} <= {finding.rule for finding in report.findings}
    assert not report.complete
    assert decide(report, Policy()).verdict is Verdict.MALICIOUS


def test_a_bell_that_nobody_passed_on_still_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search that takes the end of its time for the end of a trial leaves no scan that looks whole."""

    def swallow(scan: Scan, _part: Part) -> str:
        scan.budget.deadline = 1e-9
        return "other"

    monkeypatch.setattr(Scan, "content", swallow)
    report = scan_content(b"x", Limits())
    assert not report.complete
    assert decide(report, Policy()).verdict is Verdict.UNSCANNABLE
