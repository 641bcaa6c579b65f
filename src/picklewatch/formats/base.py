"""What every reader works with: the state of one scan, and how bytes are looked at without copying them.

A reader is ``read(scan, part)``: it says what it sees through *scan* and hands what it finds inside
to `Scan.content` (any bytes) or `Scan.pickle` (bytes that a loader unpickles).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from picklewatch.engine import Budget, LimitReached, judge_pickle
from picklewatch.model import Finding, Level, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from picklewatch.engine import Nested, PickleReport
    from picklewatch.model import Limits

CHUNK = 1 << 20
"""Bytes that are copied or decompressed at a time."""

TIME_LIMIT = "limit-time"
"""The rule of the one limit that ends a whole scan at once."""

TRIAL_OPCODES = 100_000
"""Opcodes that a walk at a doubtful place may take."""


_PROTO = 0x80


class Malformed(Exception):  # noqa: N818  (a state of the bytes, not a fault of ours)
    """The bytes break the rules of their own format; the text is a plain sentence."""


class Part(NamedTuple):
    """Bytes to be judged, and where they are."""

    data: memoryview
    where: str = ""
    """The member that they are, nested members joined by ``!``; empty for the file itself."""
    depth: int = 0
    """Containers around them."""

    def at(self, offset: int) -> str:
        """The place *offset* in these bytes, as findings name it."""
        return f"{self.where}:{offset:#x}" if self.where else f"{offset:#x}"

    def name(self, member: str) -> str:
        """The place of *member* in these bytes, as findings name it."""
        return f"{self.where}!{member}" if self.where else member

    def inside(self, member: str, data: memoryview | bytes) -> Part:
        """*data* as the content of *member*."""
        return Part(memoryview(data), self.name(member), self.depth + 1)

    def behind(self, start: int) -> Part:
        """The bytes from *start* on as a content of their own."""
        return Part(self.data[start:], self.at(start), self.depth + 1)


class Format(NamedTuple):
    """One format that content is recognised as."""

    name: str
    """The stable name, as in docs/formats.md."""
    matches: Callable[[bytes, memoryview], bool]
    """Whether the head (its first `HEAD` bytes) or the whole says so."""
    read: Callable[[Scan, Part], str | None]
    """Judges the content; may return a more exact format name."""


HEAD = 4096
"""Bytes that `Format.matches` is given first."""


class Scan:
    """The running account of one file: budgets, findings, counts."""

    def __init__(
        self,
        limits: Limits,
        dispatch: Callable[[Scan, Part], str],
        tell: Callable[[Finding], None] | None = None,
    ) -> None:
        self.limits = limits
        self.budget = Budget(limits=limits, tell=tell)
        self.complete = True
        self.code_bearing = False
        self.pickles = 0
        self.opcodes = 0
        self.imports: dict[str, None] = {}
        self.members_left = limits.members
        self.unpacked_left = limits.unpacked
        self.doubtful_left = limits.opcodes // 20
        self._findings: dict[Finding, None] = {}
        self._dispatch = dispatch

    def finding(self, rule: str, level: Level, where: str, summary: str, evidence: str = "") -> None:
        """Note one observation; *evidence* is cut to the limit and made printable."""
        evidence = printable(evidence[: self.limits.evidence])
        self.add((Finding(rule=rule, level=level, where=where or "0x0", summary=summary, evidence=evidence),))

    def add(self, findings: Iterable[Finding]) -> None:
        """Note *findings*; of too many the most harmful stay."""
        for finding in findings:
            self._findings[finding] = None
            if self.budget.tell is not None and finding.level.rank >= Level.UNSAFE.rank:
                self.budget.tell(finding)
        if len(self._findings) > 4 * self.limits.findings:
            self._findings = dict.fromkeys(self.findings)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The most harmful findings up to the limit, in the order in which they were seen."""
        noted = list(self._findings)
        if len(noted) <= self.limits.findings:
            return tuple(noted)
        kept = sorted(range(len(noted)), key=lambda i: (-noted[i].level.rank, i))[: self.limits.findings]
        return tuple(noted[i] for i in sorted(kept))

    @property
    def worst(self) -> Level:
        """The level of the most harmful finding so far."""
        return worst(self._findings)

    def content(self, part: Part) -> str:
        """Judge *part* by what it is; the format's name."""
        if part.depth > self.limits.depth:
            raise LimitReached("limit-depth", f"Contents are nested more than {self.limits.depth} deep.")
        self.check()
        return self._dispatch(self, part)

    def pickle(self, part: Part, start: int = 0, *, persistent: bool = False, arrays: bool = True) -> PickleReport:
        """Judge the pickle at *start*, and what it nests."""
        report = self._walk(part, start, persistent=persistent, arrays=arrays)
        self.adopt(report, part)
        return report

    def _walk(self, part: Part, start: int, *, persistent: bool = False, arrays: bool = True) -> PickleReport:
        """Judge one pickle within the file's budget; what was seen before a limit counts all the same."""
        try:
            return judge_pickle(
                part.data, start, where=part.where, budget=self.budget, persistent=persistent, arrays=arrays
            )
        except LimitReached as limit:
            if limit.report is not None:
                self._note(limit.report)
            raise

    def trial(self, part: Part, start: int = 0) -> PickleReport | None:
        """Walk what may or may not be a pickle, noting nothing.

        Where a loader starts (at 0), or a protocol header stands, the walk goes as far as any other. Elsewhere it is
        cut short: then, and once the budget for such places is used up, the answer is None.
        """
        sure = start == 0 or part.data[start] == _PROTO
        if start and not sure and self.doubtful_left <= 0:
            return None
        self.check()
        budget = Budget(
            limits=self.limits,
            opcodes_left=TRIAL_OPCODES,
            deadline=self.budget.deadline,
            fickling_seconds_left=0.0,
        )
        try:
            report = judge_pickle(part.data, start, where=part.where, budget=budget)
        except LimitReached:
            self.doubtful_left -= TRIAL_OPCODES
            return self._walk_quietly(part, start) if sure else None
        self.doubtful_left -= report.opcodes + 50
        return report

    def _walk_quietly(self, part: Part, start: int) -> PickleReport:
        """Walk as `_walk`, telling nobody: whoever tries decides whether it counts."""
        tell, self.budget.tell = self.budget.tell, None
        try:
            return self._walk(part, start)
        finally:
            self.budget.tell = tell

    def adopt(self, report: PickleReport, part: Part) -> None:
        """Note what the walk over a pickle in *part* found, and judge what it nests."""
        self._note(report)
        self._nested(report, part)

    def _note(self, report: PickleReport) -> None:
        self.code_bearing = True
        self.pickles += 1
        self.opcodes += report.opcodes
        self._note_imports(report.imports)
        self.add(report.findings)

    def _nested(self, report: PickleReport, part: Part) -> None:
        """Judge what the pickle would have unpickled; mere look-alikes count if they would do harm."""
        for nested in report.nested:

            def judge(nested: Nested = nested) -> None:
                self.content(Part(memoryview(nested.data), nested.where, part.depth + 1))

            if nested.why == "embedded":
                self.only_harm(judge)
            else:
                self.guarded(nested.where, judge)

    def apart(self, work: Callable[[], object]) -> Level:
        """Do *work* and return the most harmful level of what it noted."""
        before, self._findings = self._findings, {}
        try:
            work()
        finally:
            noted, self._findings = self._findings, before
            self.add(noted)
        return worst(noted)

    def only_harm(self, work: Callable[[], object]) -> bool:
        """Do *work* on doubtful bytes and forget it unless it found harm; whether it did."""
        kept = (self._findings, self.complete, self.code_bearing, self.pickles, self.opcodes, self.imports)
        self._findings, self.imports = {}, dict(self.imports)
        limit: LimitReached | None = None
        try:
            work()
        except LimitReached as error:
            limit = error
        finally:
            noted, self._findings = self._findings, kept[0]
            harm = worst(noted).rank >= Level.UNSAFE.rank
            if harm:
                self.add(noted)
        if harm:
            return True
        _, self.complete, self.code_bearing, self.pickles, self.opcodes, self.imports = kept
        if limit is not None and limit.rule == TIME_LIMIT:
            raise limit
        return False

    def guarded(self, where: str, work: Callable[[], object]) -> None:
        """Do *work* on one part; a limit that only this part reached is noted, and the other parts go on."""
        try:
            work()
        except LimitReached as error:
            if error.rule == TIME_LIMIT:
                raise
            self.stopped(error, where)

    def stopped(self, error: LimitReached, where: str) -> None:
        """Note that a limit ended a part of the scan."""
        self.complete = False
        self.finding(error.rule, Level.UNSCANNABLE, where, str(error))

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
        """Stop when the file's time is used up."""
        self.budget.check_time()

    def unpack(self, chunks: Iterator[bytes]) -> memoryview:
        """Everything that *chunks* yields, held in memory up to the limit of one member."""
        held = bytearray()
        for chunk in chunks:
            self.unpacked(len(chunk))
            held += chunk
            if len(held) > self.limits.member:
                raise LimitReached("limit-member", f"A member unpacks to more than {self.limits.member} bytes.")
        return memoryview(held).toreadonly()

    def unpacked(self, size: int) -> None:
        """Count *size* bytes made by decompression."""
        self.unpacked_left -= size
        self.check()
        if self.unpacked_left < 0:
            raise LimitReached("limit-unpacked", f"The file unpacks to more than {self.limits.unpacked} bytes.")


def worst(findings: Iterable[Finding]) -> Level:
    """The most harmful level of *findings*, `Level.INFO` for none."""
    return max((finding.level for finding in findings), key=lambda level: level.rank, default=Level.INFO)


def find(data: memoryview, needle: bytes, start: int = 0, stop: int | None = None) -> int:
    """The first offset of *needle* in ``data[start:stop]``, or -1; copies at most `CHUNK` bytes at a time."""
    end = len(data) if stop is None else min(stop, len(data))
    while start < end:
        upto = min(start + CHUNK, end)
        found = bytes(data[start:upto]).find(needle)
        if found >= 0:
            return start + found
        if upto == end:
            break
        start = upto - len(needle) + 1
    return -1
