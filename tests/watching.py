"""Helpers of the tests of watching, storing and running."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from picklewatch.model import EngineVersion, FileId, Finding, Judgement, Level, Record, ScanReport, Verdict
from picklewatch.watch.candidate import Candidate, Source

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ENGINE = EngineVersion(picklewatch="0.0", fickling="0.1.12", rules="0123456789ab")


def make_record(
    path: str, file: FileId | None, verdict: Verdict = Verdict.CLEAN, sha256: str | None = "ab" * 32
) -> Record:
    """An outcome as a scan would give it."""
    findings: tuple[Finding, ...] = ()
    if verdict.rank > Verdict.CLEAN.rank:
        level = Level(verdict.value)
        findings = (Finding(rule="unsafe-import", level=level, where="0x0", summary="imports os.system"),)
    report = ScanReport(format="pickle", complete=True, code_bearing=True, findings=findings, sha256=sha256)
    judgement = Judgement(verdict=verdict, reasons=tuple(finding.rule for finding in findings))
    size = 0 if file is None else file.size
    return Record(path=path, name=None, report=report, judgement=judgement, size=size, engine=ENGINE, file=file)


def make_candidate(path: Path, source: Source = Source.EVENT) -> Candidate:
    """The candidate that *path* is now."""
    return Candidate(str(path), FileId.of(os.lstat(path)), source)


def eventually(check: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Whether *check* comes true within *seconds*."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if check():
            return True
        time.sleep(0.02)
    return check()
