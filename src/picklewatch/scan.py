"""Scans one content: what runs inside the sandboxed child. Opens nothing, imports nothing late, never raises."""

from __future__ import annotations

import contextlib
import hashlib
import signal
import time
import traceback
from typing import TYPE_CHECKING

from picklewatch.engine import LimitReached
from picklewatch.formats import read_content
from picklewatch.formats.base import CHUNK, Part, Scan
from picklewatch.model import Level, ScanReport, unsaid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from picklewatch.engine import Budget, Buffer
    from picklewatch.model import Finding, Limits

DIGEST_ALWAYS = 64 << 20
"""Bytes up to which every content's SHA-256 is computed; of larger ones only where there is something to report."""


def scan_content(data: Buffer, limits: Limits, tell: Callable[[Finding], None] | None = None) -> ScanReport:
    """Judge *data*, all of a file's bytes, within *limits*.

    *tell* is told of harm at once, in case this process does not live until the report.

    Never raises: a limit, a fault of ours or exhausted memory is a finding, and the report is then incomplete.
    """
    begun = time.perf_counter()
    told = _Told(limits, tell)
    scan = Scan(limits, read_content, told)
    view = memoryview(data)
    name = "other"
    try:
        with _interrupted(scan.budget):
            name = scan.content(Part(view))
            scan.budget.check_time()  # whoever took the bell for his own must not make a cut scan look whole
    except LimitReached as error:
        scan.add(unsaid(told.findings, scan.findings))
        scan.stopped(error, "")
    except (Exception, RecursionError) as error:  # noqa: BLE001  (whatever hostile bytes cause must end in a report)
        scan.add(unsaid(told.findings, scan.findings))
        _fault(scan, error)
    return ScanReport(
        format=name,
        complete=scan.complete,
        code_bearing=scan.code_bearing,
        findings=scan.findings,
        pickles=scan.pickles,
        opcodes=scan.opcodes,
        imports=tuple(scan.imports),
        sha256=_digest(scan, view),
        duration_ms=(time.perf_counter() - begun) * 1000,
    )


class _Told:
    """Harm when it is seen: kept for a scan that fails before it is counted, and passed on."""

    def __init__(self, limits: Limits, further: Callable[[Finding], None] | None) -> None:
        self._most = limits.findings
        self._further = further
        self._told: dict[Level, dict[tuple[str, str], Finding]] = {}

    def __call__(self, finding: Finding) -> None:
        """Note *finding*: of each rule and import once a level, of each level so many."""
        told = self._told.setdefault(finding.level, {})
        key = finding.rule, finding.subject
        if key in told or len(told) >= self._most:
            return
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
    ``unscannable``. The bell rings every second, for code that takes the exception for one of its own.
    """

    def ring(_number: int, _frame: FrameType | None) -> None:
        budget.deadline = _PAST
        budget.check_time()

    try:
        before = [(number, signal.signal(number, ring)) for number in (signal.SIGALRM, signal.SIGXCPU)]
    except ValueError:  # not the main thread: only the looks at the clock are left
        yield
        return
    signal.setitimer(signal.ITIMER_REAL, max(budget.limits.seconds, 0.001), 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before:
            signal.signal(number, handler)


_PAST = 1e-9
"""A time of `time.monotonic` that is over; 0 would mean none."""


def _fault(scan: Scan, error: BaseException) -> None:
    """Note a fault by its type and place only: its text may quote hostile bytes."""
    scan.complete = False
    if isinstance(error, MemoryError):
        traceback.clear_frames(error.__traceback__)
        summary = f"The scan needs more than {scan.limits.memory >> 20} MiB of memory."
        scan.finding("scan-memory", Level.UNSCANNABLE, "", summary)
        return
    frames = traceback.extract_tb(error.__traceback__)
    place = next((f"{frame.name}:{frame.lineno}" for frame in reversed(frames) if "picklewatch" in frame.filename), "")
    summary = "The scan failed on this content; that is a fault of picklewatch and never a clean bill."
    scan.finding("scan-error", Level.UNSCANNABLE, "", summary, f"{type(error).__name__} at {place}")


def _digest(scan: Scan, view: memoryview) -> str | None:
    quiet = scan.complete and scan.worst.rank == 0
    if quiet and len(view) > DIGEST_ALWAYS:
        return None
    digest = hashlib.sha256()
    for begin in range(0, len(view), CHUNK):
        digest.update(view[begin : begin + CHUNK])
    return digest.hexdigest()
