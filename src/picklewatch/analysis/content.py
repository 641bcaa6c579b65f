"""Scans one content, inside the sandboxed child. Opens nothing, imports nothing late, never raises."""

from __future__ import annotations

import contextlib
import signal
import time
from typing import TYPE_CHECKING

from picklewatch.analysis.formats import read_content
from picklewatch.analysis.formats.context import Scan
from picklewatch.analysis.formats.part import Part
from picklewatch.analysis.pickle import LimitReached, evasion
from picklewatch.core.kept_findings import left_out
from picklewatch.core.model import Level, ScanReport, uncovered
from picklewatch.core.proportion import cpu_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from picklewatch.analysis.pickle import Budget, Buffer
    from picklewatch.core.model import Finding, Limits


def scan_content(data: Buffer, limits: Limits, report_harm: Callable[[Finding], None] | None = None) -> ScanReport:
    """Judge *data*, all of a file's bytes, within *limits*.

    Harm is passed to *report_harm* at once, in case this process does not live until the report.

    Never raises: a limit, a fault of ours or exhausted memory is a finding, and the report is then incomplete.
    """
    begun = time.perf_counter()
    early = _EarlyHarm(limits, report_harm)
    view = memoryview(data)
    scan = Scan(limits, read_content, early, size=len(view))
    whole = Part(view)

    def work() -> None:
        scan.format = scan.content(whole)
        scan.budget.check_time()  # a parser may have swallowed the alarm's exception

    try:
        with _interrupted(scan.budget):
            scan.caught("", work, whole.chunks)
    except LimitReached as error:  # the alarm came again while the first was being dealt with
        scan.stopped(error, "")
    scan.add(uncovered(early.findings, scan.findings))
    return ScanReport(
        **scan.computed(),
        findings=scan.findings,
        imports=tuple(scan.imports),
        duration_ms=(time.perf_counter() - begun) * 1000,
    )


class _EarlyHarm:
    """Harm as soon as it is seen: passed on, and kept in case the scan dies before its report."""

    def __init__(self, limits: Limits, report_harm: Callable[[Finding], None] | None) -> None:
        self._most = limits.findings
        self._report_harm = report_harm
        self._seen: dict[Level, dict[tuple[str, str], Finding]] = {}

    def __call__(self, finding: Finding) -> None:
        """Record *finding*: one per rule, import and level, and of each level so many and one for the rest."""
        seen = self._seen.setdefault(finding.level, {})
        key = finding.rule, finding.subject
        if key in seen or len(seen) > self._most:
            return
        if len(seen) == self._most:
            finding = left_out(finding, self._most)
        seen[key] = finding
        if self._report_harm is not None:
            self._report_harm(finding)

    @property
    def findings(self) -> list[Finding]:
        """All that was recorded."""
        return [finding for seen in self._seen.values() for finding in seen.values()]


@contextlib.contextmanager
def _interrupted(budget: Budget) -> Iterator[None]:
    """Interrupt the scan inside when its time is up, so that its findings until then are not lost.

    The parent would kill the scan a little later, and an attack in front of a long calculation would only be
    ``unscannable``. The alarm repeats, because a parser may swallow the exception as one of its own, and because each
    part has a deadline of its own.
    """
    ends = time.process_time() + cpu_seconds(budget.size)

    def on_alarm(_number: int, _frame: FrameType | None) -> None:
        budget.check_time()
        if time.process_time() > ends:
            raise evasion("it takes more processor time than any honest file of its size")

    try:
        before = [(number, signal.signal(number, on_alarm)) for number in (signal.SIGALRM, signal.SIGXCPU)]
    except ValueError:  # not the main thread: only the readers' own checks of the clock are left
        yield
        return
    signal.setitimer(signal.ITIMER_REAL, min(_INTERVAL, max(budget.limits.seconds, 0.001)), _INTERVAL)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before:
            signal.signal(number, handler)


_INTERVAL = 0.25
"""Seconds between two alarms."""
