"""The state of one scan, through which every reader works: budgets, findings, counts, and what a failure leaves.

A reader is ``read(scan, part)``: it reports what it sees through *scan*, and passes the contents that it finds on
to `Scan.content` (any bytes) or `Scan.pickle` (bytes that a loader unpickles). See also `unpacking` and `trials`.
"""

from __future__ import annotations

import contextlib
import sys
import time
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from picklewatch.analysis.formats import fault_trace
from picklewatch.analysis.formats.last_look import LastLook
from picklewatch.analysis.formats.part import MalformedError, Part
from picklewatch.analysis.pickle import Budget, LimitReached, WalkFailed, Why, evasion, judge_pickle
from picklewatch.analysis.pickle.report import UNREAD
from picklewatch.core.kept_findings import kept
from picklewatch.core.model import DEFAULT_LIMITS, Finding, Level, ScanReport, printable
from picklewatch.core.proportion import cpu_seconds, is_tiny_for
from picklewatch.core.record_fields import child_fields

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from picklewatch.analysis.pickle import Nested, PickleReport
    from picklewatch.core.model import Limits

    Look = Callable[[], Iterable[bytes | memoryview]]
    """Gives the bytes of a part once more, to be looked through."""

CONTENT = 400
"""Units of work that finding out what a content is takes."""

_OF_MEMORY = frozenset({"limit-memory", "scan-memory"})
_COMPUTED = tuple(child_fields(ScanReport))


class Format(NamedTuple):
    """A format that content is recognised as."""

    name: str
    """The stable name, as in docs/formats.md."""
    matches: Callable[[bytes, memoryview], bool]
    """Returns True if the head (the first `HEAD` bytes) or the whole content is of this format."""
    read: Callable[[Scan, Part], str | None]
    """Judges the content; may return a more exact format name."""


HEAD = 4096
"""Bytes that `Format.matches` is given first."""
SEARCHED = 8 << 30
"""Bytes of one file that are searched where no loader starts: a worker must not be kept for ever."""


class Scan:
    """The running account of one file: budgets, findings, counts."""

    def __init__(
        self,
        limits: Limits,
        dispatch: Callable[[Scan, Part], str],
        tell: Callable[[Finding], None] | None = None,
        *,
        size: int = 0,
    ) -> None:
        self.limits = limits
        self.size = size
        """Bytes of the file."""
        self.budget = Budget(limits=limits, tell=tell, size=size)
        self._cpu = time.process_time()
        self.format = "other"
        self.complete = True
        self.code_bearing = False
        self.pickles = 0
        self.opcodes = 0
        self.imports: dict[str, None] = {}
        self.members_left = limits.members
        self.unpacked_left = limits.unpacked
        self.held = 0
        """Bytes of unpacked contents in memory now."""
        self._last_look = LastLook()
        self.doubtful_left = limits.opcodes // 20
        self.search_left = SEARCHED
        """Bytes that may still be searched for pickles where no loader starts."""
        self._findings: dict[Finding, None] = {}
        self._dispatch = dispatch

    def finding(self, rule: str, level: Level, where: str, summary: str, evidence: str = "") -> None:
        """Record one observation; *evidence* is cut to the limit and made printable."""
        evidence = printable(evidence[: self.limits.evidence])
        self.add((Finding(rule=rule, level=level, where=where or "0x0", summary=summary, evidence=evidence),))

    def add(self, findings: Iterable[Finding]) -> None:
        """Record *findings*; if there are too many, `kept` chooses."""
        for finding in findings:
            self._findings[finding] = None
            if self.budget.tell is not None and finding.level.rank >= Level.UNSAFE.rank:
                self.budget.tell(finding)
        if len(self._findings) > 4 * self.limits.findings:
            self._findings = dict.fromkeys(self.findings)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings up to the limit, in the order in which they were seen: see `kept`."""
        return kept(self._findings, self.limits.findings)

    def computed(self) -> dict[str, Any]:
        """Return the fields of the report that are attributes of this scan: all that `ScanReport` has of the child."""
        return {name: getattr(self, name) for name in _COMPUTED}

    @property
    def worst(self) -> Level:
        """The level of the most harmful finding so far."""
        return worst(self._findings)

    def content(self, part: Part) -> str:
        """Judge *part* by its content and return the format's name."""
        if part.depth > self.limits.depth:
            self.look(part.where, part.chunks)
            if part.depth > DEFAULT_LIMITS.depth:  # no honest writer comes near it; a lower limit is the operator's
                raise evasion(f"contents are nested more than {self.limits.depth} deep")
            raise LimitReached("limit-depth", f"Contents are nested more than {self.limits.depth} deep.")
        self.check()
        self.budget.charge(CONTENT)
        return self._dispatch(self, part)

    def pickle(
        self, part: Part, start: int = 0, *, persistent: bool = False, arrays: bool = True, reads_indices: bool = False
    ) -> PickleReport:
        """Judge the pickle at *start* and the contents that it nests; *reads_indices*: see `adopt`."""
        report = self.walk(part, start, persistent=persistent, arrays=arrays)
        self.adopt(report, part, reads_indices=reads_indices)
        return report

    def walk(
        self, part: Part, start: int, *, persistent: bool = False, arrays: bool = True, most: int = sys.maxsize
    ) -> PickleReport:
        """Walk one pickle within the file's budget; findings before a limit count all the same."""
        try:
            return judge_pickle(
                part.data, start, where=part.where, budget=self.budget, persistent=persistent, arrays=arrays, most=most
            )
        except LimitReached as limit:
            if limit.report is not None:
                self._note(limit.report)
            raise
        except WalkFailed as failed:
            self._note(failed.report)
            raise failed.cause from None

    def adopt(self, report: PickleReport, part: Part, *, reads_indices: bool = False) -> None:
        """Record the *report* on a pickle in *part*, and judge the contents that it nests.

        *reads_indices*: the caller has the storages, and compares `PickleReport.indices` itself.
        """
        self._note(report)
        for indices in () if reads_indices else report.indices:
            self.finding("tensor-out-of-bounds", Level.UNVERIFIED, indices.where, UNREAD)
        self._nested(report, part)

    def _note(self, report: PickleReport) -> None:
        self.code_bearing = True
        self.pickles += 1
        self.opcodes += report.opcodes
        self._note_imports(report.imports)
        self.add(report.findings)

    def _nested(self, report: PickleReport, part: Part) -> None:
        """Judge the bytes that the pickle would have unpickled; mere look-alikes count if they would do harm."""
        for nested in report.nested:

            def judge(nested: Nested = nested) -> None:
                self.content(Part(memoryview(nested.data), nested.where, part.depth + 1))

            if nested.why is Why.EMBEDDED:
                self.only_harm(judge, nested.where)
            else:
                self.guarded(nested.where, judge, partial(iter, (nested.data,)))

    def apart(self, work: Callable[[], object]) -> Level:
        """Do *work* and return the level of its most harmful finding."""
        before, self._findings = self._findings, {}
        try:
            work()
        finally:
            noted, self._findings = self._findings, before
            self.add(noted)
        return worst(noted)

    def only_harm(self, work: Callable[[], object], where: str = "") -> bool:
        """Do *work* on doubtful bytes and forget it unless it found harm, or did not reach its end; whether it did."""
        findings, imports, computed = self._findings, self.imports, self.computed()
        self._findings, self.imports, self.complete = {}, dict(self.imports), True
        try:
            self.guarded(where, work)
        finally:
            noted, self._findings = self._findings, findings
            harm = worst(noted).rank >= Level.UNSAFE.rank
            if harm or not self.complete:
                self.add(noted)
        computed["complete"] = computed["complete"] and self.complete
        if harm:
            self.complete = computed["complete"]
            return True
        self.imports = imports
        for name, value in computed.items():
            setattr(self, name, value)
        return False

    def guarded(self, where: str, work: Callable[[], object], look: Look | None = None) -> None:
        """Do *work* on one part within its share of the budget; a failure becomes a finding, the other parts go on.

        A fault of ours, a limit or exhausted memory in one part must hide nothing of another: an attacker would only
        have to add a costly part. Bytes that were not reached are at least looked through for imports: *look* yields
        them.
        """
        self.caught(where, partial(self.budget.share, work), look)

    def caught(self, where: str, work: Callable[[], object], look: Look | None = None) -> None:
        """Do *work* on the only part that there is, as `guarded` does for one of several."""
        try:
            work()
        except LimitReached as error:
            self.stopped(error, where)
        except Exception as error:  # noqa: BLE001  (whatever hostile bytes cause must end in a finding)
            self.fault(error, where)
        else:
            return
        if look is not None:
            self.look(where, look)

    def stopped(self, error: LimitReached, where: str) -> None:
        """Report that a limit ended a part of the scan."""
        self.complete = False
        if error.rule == "limit-time" and time.process_time() - self._cpu > cpu_seconds(self.size) / 4:
            error = evasion("it takes more processor time than any honest file of its size")
        if error.rule in _OF_MEMORY and is_tiny_for(self.size, self.limits.memory):
            error = evasion("it fills the memory out of a few bytes")
        self.finding(error.rule, error.level, where, str(error))

    def fault(self, error: BaseException, where: str) -> None:
        """Report a fault of ours by its type and place only: its text may quote hostile bytes."""
        if isinstance(error, MemoryError):
            fault_trace.release(error.__traceback__)
            summary = f"The scan needs more than {self.limits.memory >> 20} MiB of memory."
            self.stopped(LimitReached("scan-memory", summary), where)
            return
        self.complete = False
        summary = "The scan failed on this content; that is a fault of picklewatch and never a clean bill."
        evidence = f"{type(error).__name__} at {fault_trace.own_place(error.__traceback__)}"
        self.finding("scan-error", Level.UNSCANNABLE, where, summary, evidence)

    def look(self, where: str, look: Look) -> None:
        """Search bytes that could not be judged for imports that are denied, out of a reserve of work."""
        if self._last_look.left <= 0:
            error = evasion("it stops the scan at more places than can be looked through")
            self.finding(error.rule, error.level, where, str(error))
            return
        names: list[str] = []
        with contextlib.suppress(LimitReached, MalformedError, MemoryError):  # reported already: it ended the scan here
            names = self._last_look.denied_imports(look())
        for name in names:
            summary = f"Where the scan could not read on, the content spells an import of {name}."
            self.finding("unread-import", Level.MALICIOUS, where, summary, name)

    def _note_imports(self, names: Iterable[str]) -> None:
        for name in names:
            if len(self.imports) >= self.limits.imports:
                break
            self.imports[name] = None

    def member(self) -> None:
        """Count one archive member."""
        self.members_left -= 1
        if self.members_left < 0:
            raise LimitReached("limit-members", f"The file holds more than {self.limits.members} archive members.")
        if not self.members_left & 0xFF:
            self.check()

    def check(self) -> None:
        """Raise `LimitReached` when the file's time is used up."""
        self.budget.check_time()

    def release(self, size: int) -> None:
        """Record that *size* held bytes are freed."""
        self.held -= size


def worst(findings: Iterable[Finding]) -> Level:
    """Return the most harmful level of *findings*, `Level.INFO` for none."""
    return max((finding.level for finding in findings), key=lambda level: level.rank, default=Level.INFO)
