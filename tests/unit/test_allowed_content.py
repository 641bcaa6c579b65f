"""Allowed is not clean: the verdict keeps what the scan says, and what the operator allowed is not acted on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from picklewatch.core.model import Finding, Level, Outcome, Policy, ScanReport, Verdict
from picklewatch.core.policy import decide

REPORT = ScanReport(format="pickle", complete=True, code_bearing=True, sha256="ab" * 32)
ATTACK = Finding(
    rule="code-execution", level=Level.MALICIOUS, where="0x2", summary="Calls os.system.", subject="os.system"
)
STRANGE = Finding(rule="unvouched-import", level=Level.UNVERIFIED, where="0x2", summary="Imports a.b.", subject="a.b")
DIGEST = Policy(allowed_digests={"ab" * 32: "our own export"})


def test_an_allowed_content_keeps_its_verdict_and_says_why() -> None:
    """A file that is known to be malicious is never shown as clean; nothing is done about it."""
    judgement = decide(replace(REPORT, findings=(ATTACK,)), DIGEST)
    assert (judgement.verdict, judgement.reasons) == (Verdict.MALICIOUS, ("code-execution",))
    assert (judgement.outcome, judgement.effective) == (Outcome.ALLOWED, Verdict.CLEAN)
    assert judgement.allowed == "our own export"


def test_what_a_scan_did_not_reach_may_be_allowed_as_well() -> None:
    """The operator answers for all of the content, also where a limit ended the scan."""
    judgement = decide(replace(REPORT, complete=False), DIGEST)
    assert (judgement.verdict, judgement.outcome) == (Verdict.UNSCANNABLE, Outcome.ALLOWED)


def test_a_clean_content_that_is_allowed_is_clean() -> None:
    """Nobody's word is needed; the reason is shown all the same."""
    judgement = decide(REPORT, DIGEST)
    assert (judgement.verdict, judgement.outcome, judgement.allowed) == (Verdict.CLEAN, Outcome.CLEAN, "our own export")


def test_other_content_is_not_allowed() -> None:
    """Not even by one digit."""
    assert decide(replace(REPORT, sha256="ab" * 31 + "ac"), DIGEST).allowed is None


@pytest.mark.parametrize(
    ("allowed", "outcome"),
    [
        ({"os.system": "ours"}, Outcome.UNVERIFIED),
        ({"a.b": "ours"}, Outcome.MALICIOUS),
        ({"os.system": "ours", "a.b": "ours"}, Outcome.ALLOWED),
    ],
)
def test_an_allowed_import_takes_its_own_findings_away(allowed: dict[str, str], outcome: Outcome) -> None:
    """The outcome is what the other findings argue for; the verdict is that of all."""
    judgement = decide(replace(REPORT, findings=(ATTACK, STRANGE)), Policy(allowed_imports=allowed))
    assert (judgement.verdict, judgement.outcome) == (Verdict.MALICIOUS, outcome)
    assert judgement.allowed is not None
