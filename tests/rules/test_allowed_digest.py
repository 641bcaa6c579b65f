"""Content that the operator vouched for."""

from __future__ import annotations

from dataclasses import replace

from picklewatch.core.model import Finding, Level, Policy, ScanReport, Verdict
from picklewatch.core.policy import decide

REPORT = ScanReport(format="pickle", complete=True, code_bearing=True, sha256="ab" * 32)
POLICY = Policy(allowed_digests={"ab" * 32: "our own export"})


def test_an_allowed_content_is_clean_and_says_why() -> None:
    """Never silently."""
    finding = Finding(rule="code-execution", level=Level.MALICIOUS, where="0x2", summary="Imports os.system.")
    judgement = decide(replace(REPORT, findings=(finding,)), POLICY)
    assert (judgement.verdict, judgement.reasons) == (Verdict.CLEAN, ("allowed-digest",))
    assert judgement.allowed == "our own export"


def test_other_content_is_not_allowed() -> None:
    """Not even by one digit."""
    assert decide(replace(REPORT, sha256="ab" * 31 + "ac"), POLICY).allowed is None
