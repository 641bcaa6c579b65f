"""Records as text for a person. Pure, but for colours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from picklewatch.core.model import Level, Outcome, Record, Verdict, printable
from picklewatch.core.units import human_size
from picklewatch.telemetry.log.console import RESET, STYLES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from picklewatch.core.model import Finding

VERDICT_WIDTH = 11
FORMAT_WIDTH = 13
SIZE_WIDTH = 8
SHOWN_FINDINGS = 5
"""Findings shown of one file; JSON has all."""
SHOWN_NAMES = 3
"""Other paths shown of one file."""


def paint(style: str, text: str, *, colour: bool) -> str:
    """Return *text*, coloured if *colour* says so."""
    return f"{STYLES[style]}{text}{RESET}" if colour and style in STYLES else text


def record_lines(record: Record, *, colour: bool) -> Iterator[str]:
    """Yield *record* as one aligned line, and below it what is wrong and what to do, if anything is."""
    verdict = record.judgement.verdict
    label = paint(verdict.value, verdict.value, colour=colour) + " " * (VERDICT_WIDTH - len(verdict.value))
    size = "-" if record.file is None and record.size == 0 else human_size(record.size)
    name = printable(record.name or record.path)
    yield f"{label}  {record.report.format:<{FORMAT_WIDTH}}  {size:>{SIZE_WIDTH}}  {name}"
    if record.judgement.allowed is not None:
        yield f"    {_allowed(record, colour=colour)}: {printable(record.judgement.allowed)}"
    if record.judgement.effective.rank >= Verdict.UNVERIFIED.rank:
        yield from _details(record, colour=colour)


def _allowed(record: Record, *, colour: bool) -> str:
    judgement = record.judgement
    if judgement.verdict.rank < Verdict.UNSAFE.rank or judgement.effective.rank >= Verdict.UNSAFE.rank:
        return "allowed"
    return paint("malicious", f"allowed although it is {judgement.verdict}", colour=colour)


def _details(record: Record, *, colour: bool) -> Iterator[str]:
    if record.name is not None:
        yield f"    {paint('dim', 'file', colour=colour)}  {printable(record.path)}"
    findings = worst_first(record.report.findings)
    for finding in findings[:SHOWN_FINDINGS]:
        yield from _finding(finding, colour=colour)
    if len(findings) > SHOWN_FINDINGS:
        yield f"    … and {len(findings) - SHOWN_FINDINGS} more findings: --format json shows all"
    if record.file is not None and record.judgement.effective.rank >= Verdict.UNSAFE.rank:
        yield f"    {paint('dim', 'next', colour=colour)}  picklewatch explain {shell_quoted(record.path)}"


def worst_first(findings: tuple[Finding, ...]) -> list[Finding]:
    """Return *findings* sorted by harm, without those of level info."""
    counted = [finding for finding in findings if finding.level is not Level.INFO]
    return sorted(counted, key=lambda finding: -finding.level.rank)


def _finding(finding: Finding, *, colour: bool) -> Iterator[str]:
    where = f"{printable(finding.where)}: " if finding.where else ""
    rule = paint(finding.level.value, finding.rule, colour=colour)
    yield f"    {rule}  {where}{printable(finding.summary)}"
    if finding.evidence:
        yield f"        {paint('dim', printable(finding.evidence), colour=colour)}"


def summary_line(counts: Mapping[Outcome, int], seconds: float, *, colour: bool) -> str:
    """Return the line with the number of files per outcome: what is allowed is counted apart."""
    total = sum(counts.values())
    shown = [
        paint(outcome.value, f"{counts[outcome]:,} {outcome.value}", colour=colour)
        for outcome in reversed(Outcome)
        if counts.get(outcome)
    ]
    took = f"{seconds:.1f} s" if seconds < 60 else f"{int(seconds // 60)} min {int(seconds % 60)} s"  # noqa: PLR2004
    files = "1 file" if total == 1 else f"{total:,} files"
    return f"{files} in {took}: {', '.join(shown) or 'nothing to scan'}"


def shell_quoted(path: str) -> str:
    """Return *path* quoted for a shell, also if it has bytes that a terminal must not get."""
    if path.isprintable():
        safe = path and all(char.isalnum() or char in "@%+=:,./-_" for char in path)
        return path if safe else "'" + path.replace("'", "'\"'\"'") + "'"
    data = path.encode("utf-8", "surrogateescape")
    return "$'" + "".join(_ansi_c(byte) for byte in data) + "'"


def _ansi_c(byte: int) -> str:
    char = chr(byte)
    if char in "'\\":
        return f"\\{char}"
    return char if char.isascii() and char.isprintable() else f"\\x{byte:02x}"
