"""Scans one content: what runs inside the sandboxed child. Opens nothing, imports nothing late, never raises."""

from __future__ import annotations

import contextlib
import signal
import time
from typing import TYPE_CHECKING

from picklewatch.analysis.formats import read_content
from picklewatch.analysis.formats.context import Scan
from picklewatch.analysis.formats.part import Part
from picklewatch.analysis.pickle import evasion
from picklewatch.core.kept_findings import left_out
from picklewatch.core.model import Level, ScanReport, uncovered
from picklewatch.core.proportion import cpu_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from picklewatch.analysis.pickle import Budget, Buffer
    from picklewatch.core.model import Finding, Limits


def scan_content(data: Buffer, limits: Limits, tell: Callable[[Finding], None] | None = None) -> ScanReport:
    """Judge *data*, all of a file's bytes, within *limits*.

    *tell* is told of harm at once, in case this process does not live until the report.

    Never raises: a limit, a fault of ours or exhausted memory is a finding, and the report is then incomplete.
    """
    begun = time.perf_counter()
    told = _Told(limits, tell)
    view = memoryview(data)
    scan = Scan(limits, read_content, told, size=len(view))
    whole = Part(view)

    def work() -> None:
        scan.format = scan.content(whole)
        scan.budget.check_time()  # whoever took the bell for his own must not make a cut scan look whole

    with _interrupted(scan.budget):
        scan.caught("", work, whole.chunks)
    scan.add(uncovered(told.findings, scan.findings))
    return ScanReport(
        **scan.computed(),
        findings=scan.findings,
        imports=tuple(scan.imports),
        duration_ms=(time.perf_counter() - begun) * 1000,
    )


class _Told:
    """Harm when it is seen: kept for a scan that fails before it is counted, and passed on."""

    def __init__(self, limits: Limits, further: Callable[[Finding], None] | None) -> None:
        self._most = limits.findings
        self._further = further
        self._told: dict[Level, dict[tuple[str, str], Finding]] = {}

    def __call__(self, finding: Finding) -> None:
        """Note *finding*: of each rule and import once a level, of each level so many and what stands for the rest."""
        told = self._told.setdefault(finding.level, {})
        key = finding.rule, finding.subject
        if key in told or len(told) > self._most:
            return
        if len(told) == self._most:
            finding = left_out(finding, self._most)
        told[key] = finding
        if self._further is not None:
            self._further(finding)

    @property
    def findings(self) -> list[Finding]:
        """All that was told."""
        return [finding for told in self._told.values() for finding in told.values()]


@contextlib.contextmanager
def _interrupted(budget: Budget) -> Iterator[None]:
    """End what runs inside when its time is up, wherever it is: what was found until then must not be lost.

    Whoever supervises the scan would kill it a little later, and an attack before a long calculation would only be
    ``unscannable``. The bell rings on and on: for code that takes the exception for one of its own, and since each part
    has a deadline of its own.
    """
    ends = time.process_time() + cpu_seconds(budget.size)

    def ring(_number: int, _frame: FrameType | None) -> None:
        budget.check_time()
        if time.process_time() > ends:
            raise evasion("it takes more processor time than any honest file of its size")

    try:
        before = [(number, signal.signal(number, ring)) for number in (signal.SIGALRM, signal.SIGXCPU)]
    except ValueError:  # not the main thread: only the looks at the clock are left
        yield
        return
    signal.setitimer(signal.ITIMER_REAL, min(_RINGS, max(budget.limits.seconds, 0.001)), _RINGS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before:
            signal.signal(number, handler)


_RINGS = 0.25
"""Seconds between two looks at the clocks from outside."""
