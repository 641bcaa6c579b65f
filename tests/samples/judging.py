"""Scans bytes in this process and says what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from samples.judged import UNTIMED

from picklewatch.analysis.content import scan_content
from picklewatch.analysis.formats import read_content
from picklewatch.analysis.formats.context import Scan, worst
from picklewatch.analysis.formats.spelling import pieces
from picklewatch.analysis.formats.text_signs import Signs, worth_reading
from picklewatch.core.model import Policy, Verdict
from picklewatch.core.policy import decide

if TYPE_CHECKING:
    from picklewatch.core.model import Level, Limits, ScanReport

HARMFUL = {Verdict.UNSAFE, Verdict.MALICIOUS}


def new_scan() -> Scan:
    """An account of a file in which nothing was seen yet."""
    return Scan(UNTIMED, read_content)


def signs_of(data: memoryview) -> set[bytes]:
    """Return what in a text makes it worth reading."""
    signs = Signs()
    for _offset, piece in pieces(data):
        signs.look_in(piece)
    return worth_reading(data, signs.counting(data))


def judged(data: bytes, limits: Limits = UNTIMED) -> tuple[ScanReport, Verdict]:
    """The report on *data* and the verdict under the default policy."""
    report = scan_content(data, limits)
    return report, decide(report, Policy()).verdict


def verdict(data: bytes, limits: Limits = UNTIMED) -> Verdict:
    """The verdict on *data* under the default policy."""
    return judged(data, limits)[1]


def rules(data: bytes, limits: Limits = UNTIMED) -> set[str]:
    """The rules of all findings in *data*."""
    return {finding.rule for finding in scan_content(data, limits).findings}


def levels(data: bytes, limits: Limits = UNTIMED) -> dict[str, Level]:
    """Every rule that is found in *data*, with the worst level that it argues for."""
    findings = scan_content(data, limits).findings
    return {rule: worst(f for f in findings if f.rule == rule) for rule in {f.rule for f in findings}}
