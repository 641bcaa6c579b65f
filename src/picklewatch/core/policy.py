"""The only place where findings become a verdict. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from picklewatch.core.model import Finding, Judgement, Level, Policy, ScanReport, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

_VERDICT_OF = {
    Level.INFO: Verdict.CLEAN,
    Level.UNVERIFIED: Verdict.UNVERIFIED,
    Level.UNSCANNABLE: Verdict.UNSCANNABLE,
    Level.UNSAFE: Verdict.UNSAFE,
    Level.MALICIOUS: Verdict.MALICIOUS,
}

INCOMPLETE = "scan-incomplete"
"""The reason of a report that is incomplete without a finding about that."""


def decide(report: ScanReport, policy: Policy) -> Judgement:
    """Judge *report* under *policy*.

    The worst finding sets the verdict. A scan that stopped early is never clean, whatever it found
    before it stopped: an attacker chooses where a parser gives up. Allowed is not clean: what the operator allows
    changes what is acted on, not the verdict. An allowed digest takes all findings away, an allowed import its own.
    """
    found = _judged(report, report.findings)
    if report.sha256 is not None and report.sha256 in policy.allowed_digests:
        return _spared(found, Verdict.CLEAN, policy.allowed_digests[report.sha256])
    left = [finding for finding in report.findings if not _allowed(finding, policy)]
    return _spared(found, _judged(report, left).verdict, _allowed_reason(report, policy))


def _spared(found: Judgement, left: Verdict, reason: str | None) -> Judgement:
    standing = left if left.rank < found.verdict.rank else None
    return replace(found, allowed=reason, standing=standing)


def _judged(report: ScanReport, findings: Iterable[Finding]) -> Judgement:
    counted = list(findings)
    verdict = max((_VERDICT_OF[finding.level] for finding in counted), key=lambda v: v.rank, default=Verdict.CLEAN)
    reasons = _reasons(counted)
    if not report.complete and verdict.rank < Verdict.UNSCANNABLE.rank:
        verdict, reasons = Verdict.UNSCANNABLE, (INCOMPLETE, *reasons)
    elif verdict is Verdict.CLEAN and not report.code_bearing:
        verdict = Verdict.SKIPPED
    return Judgement(verdict=verdict, reasons=reasons)


def _allowed(finding: Finding, policy: Policy) -> bool:
    return bool(finding.subject) and finding.subject in policy.allowed_imports


def _allowed_reason(report: ScanReport, policy: Policy) -> str | None:
    """Return the operator's reason for each allowed import; one that is malicious is marked."""
    used = dict.fromkeys(f.subject for f in report.findings if _allowed(f, policy))
    if not used:
        return None
    bad = {f.subject for f in report.findings if f.level is Level.MALICIOUS}
    names = ((subject, f"{subject} (malicious)" if subject in bad else subject) for subject in used)
    return "; ".join(f"{name}: {policy.allowed_imports[subject]}" for subject, name in names)


def _reasons(findings: list[Finding]) -> tuple[str, ...]:
    worst_first = sorted(findings, key=lambda f: -_VERDICT_OF[f.level].rank)
    return tuple(dict.fromkeys(f.rule for f in worst_first if f.level is not Level.INFO))
