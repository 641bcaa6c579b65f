"""The findings of one walk, and the bytes inside the pickle that have to be judged as well."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.render import cut, render_call
from picklewatch.analysis.pickle.report import UNREAD, Nested, Why
from picklewatch.analysis.pickle.semantics.data_reader import DataReader
from picklewatch.analysis.pickle.vm.values import Blob, How, Obj
from picklewatch.analysis.sparse import solid
from picklewatch.catalogue.imports.classify import LONGEST_NAME, is_denied
from picklewatch.core.model import Finding, Level

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from picklewatch.analysis.pickle.checks.concern import Concern
    from picklewatch.analysis.pickle.report import Budget, Indices
    from picklewatch.analysis.pickle.vm.values import Import, Value

_FINDINGS = 5_000
"""Structural findings of one level that are kept during one walk: a pickle is judged by the worst, and nobody reads as
many. Each is charged for all the same."""
_PER_FINDING = 30
"""Units of work that a finding costs, with the texts that it shows."""
_PER_NESTED = 300
"""Units of work that judging one more pickle costs before its first opcode."""
_PER_NAME = 10
_IMPORT_TEXT = re.compile(rb"(?<![\w.])([\w.]++)\n[A-Za-z_][\w.]*+\n")
"""Two lines that could be the names of an import, spelt as protocol 0 does."""
_EMBEDDED_TEXT = re.compile(rb"[c(]{1,3}[A-Za-z_][\w.]*\n[A-Za-z_][\w.]*\n")


class Observations:
    """The record of one walk: everything that is judged reports here and is charged for it."""

    def __init__(self, where: str, budget: Budget) -> None:
        self.prefix = f"{where}:" if where else ""
        self.budget = budget
        self.data = DataReader(budget)
        self.tell = budget.tell
        """Receives harm at once; None where the caller decides later whether the walk counts."""
        self.findings: list[Finding] = []
        self.nested: list[Nested] = []
        self.gaps: list[tuple[int, int]] = []
        """Bytes between opcodes that joblib reads as arrays: begin and end of each."""
        self.indices: list[tuple[Indices, int]] = []
        """Bounds that only the storages tell, and where the tensors are made."""
        self.reported: set[str] = set()
        """Rules that `once` has reported."""
        self.texts: dict[int, tuple[str, Value]] = {}
        """The signs in long texts, by identity, and the texts themselves: see `checks.argument_signs`."""
        self.dropped: dict[int, tuple[int, Value]] = {}
        """How many plain numbers lists lack past their cap, by identity, and the lists themselves."""
        self.blind: dict[int, Value] = {}
        """Dictionaries, by identity, with keys that were not kept, or are not known."""
        self.pattern_work = 0
        """Microseconds that compiling the patterns so far takes: see `checks.patterns`."""
        self.mappings: list[tuple[Value, int]] = []
        """The arguments of calls that make a mapping, and where each call stands."""
        self._nests: set[tuple[object, ...]] = set()
        """The bytes that `nest` was given: the same bytes again are no other pickle."""
        self._kept: Counter[Level] = Counter()
        """Findings so far, by level."""

    def where(self, offset: int) -> str:
        """Return *offset* as findings spell it."""
        return f"{self.prefix}{offset:#x}"

    def take_indices(self) -> tuple[Indices, ...]:
        """Return the bounds that only the storages tell; report those of tensors that BUILD changed since."""
        kept = []
        for indices, offset in self.indices:
            if all(isinstance(made, Obj) and made.state is None for made in indices.tensors):
                kept.append(replace(indices, tensors=(), where=self.where(offset)))
            else:
                self.finding("tensor-out-of-bounds", Level.UNVERIFIED, offset, UNREAD)
        return tuple(kept)

    def finding(self, rule: str, level: Level, offset: int, summary: str, evidence: str = "") -> None:
        """Report something that is not about one import."""
        self.budget.charge(_PER_FINDING)
        self._kept[level] += 1
        if self._kept[level] <= _FINDINGS:
            self.findings.append(self.made(rule, level, offset, summary, evidence))
            self.report_now(rule, level, offset, summary, evidence)

    def made(  # noqa: PLR0913 - a finding's fields
        self, rule: str, level: Level, offset: int, summary: str, evidence: str, *, subject: str = ""
    ) -> Finding:
        """Make a finding about *offset*, with its texts cut to length."""
        return Finding(
            rule=rule,
            level=level,
            where=self.where(offset),
            summary=cut(summary, 400),
            evidence=cut(evidence, self.budget.limits.evidence),
            subject=subject if len(subject) < LONGEST_NAME else "",
        )

    def report_now(  # noqa: PLR0913 - a finding's fields
        self, rule: str, level: Level, offset: int, summary: str, evidence: str, *, subject: str = ""
    ) -> None:
        """Report harm before the walk ends, as far as nothing that follows can make it look better."""
        if self.tell is not None and level.rank >= Level.UNSAFE.rank:
            self.tell(self.made(rule, level, offset, summary, evidence, subject=subject))

    def once(self, rule: str, level: Level, offset: int, summary: str, evidence: str = "") -> None:
        """Report something at most once per pickle."""
        if rule not in self.reported:
            self.reported.add(rule)
            self.finding(rule, level, offset, summary, evidence)

    def note_call(self, callee: Import, concern: Concern, offset: int, args: Value, how: How = How.CALL) -> None:
        """Record a concern about a call of *callee* with *args*; the worst one stays."""
        self.note(callee, concern, offset, lambda: render_call(callee, args, how))

    def note(self, imported: Import, concern: Concern, offset: int, shown: Callable[[], str]) -> None:
        """Record a concern about an import; the worst one stays, and *shown* makes its evidence."""
        if imported.level is None or concern.level.rank > imported.level.rank:
            self.budget.charge(_PER_FINDING)
            imported.level, imported.rule = concern.level, concern.rule
            evidence = shown()
            imported.summary, imported.evidence, imported.at = concern.summary, evidence, offset
            level = concern.level if imported.called else min(concern.level, Level.UNSAFE, key=lambda level: level.rank)
            self.report_now(concern.rule, level, offset, concern.summary, evidence, subject=imported.key)

    def nest(self, content: bytes | Blob, offset: int, why: Why) -> None:
        """Record bytes that may be unpickled; the same ones only once, as sharing them costs an attacker nothing."""
        key = (content.start, content.end) if isinstance(content, Blob) else (content,)
        if (key, why) in self._nests:
            return
        self._nests.add((key, why))
        self.budget.charge(_PER_NESTED)
        data = content.view() if isinstance(content, Blob) else content
        if isinstance(data, bytes):
            self.budget.copy(len(data))
        self.nested.append(Nested(data=data, where=self.where(offset), why=why))

    def embedded(self, content: bytes | Blob | None, offset: int) -> None:
        """Record *content* if it looks like a whole pickle with imports."""
        shortest, newest = 8, 5
        if content is None:
            return
        data = content.view() if isinstance(content, Blob) else content
        if len(data) < shortest:
            return
        self.budget.charge(1 + len(data) // _SEARCHED_PER_UNIT)
        if data[0] == 0x80 and _ends_with_stop(data):
            if data[1] <= newest and (isinstance(content, Blob) or any(code in content for code in _IMPORTING)):
                self.nest(content, offset, Why.EMBEDDED)
            return
        text = data[0] in b"c(" and _EMBEDDED_TEXT.match(data) and b"." in bytes(data[-8:])
        if text or bytes(data[:4]) == b"PK\x03\x04":
            self.nest(content, offset, Why.EMBEDDED)
        else:
            self._embedded_import(content, data, offset)

    def _embedded_import(self, content: bytes | Blob, data: bytes | memoryview, offset: int) -> None:
        """Record what follows a denied import, spelt as protocol 0 does, in the middle of *content*."""
        for match in self._two_lines(data):
            module, name, _ = match[0].decode("latin1").split("\n")
            first = max(0, len(module) + len(name) - LONGEST_NAME)
            begins = [at for at in range(first, len(module) - 1) if module[at] == "c"]
            self.budget.charge(6 + _PER_NAME * len(begins))
            found = next((at for at in begins if is_denied(module[at + 1 :], name)), None)
            if found is not None:
                begin = match.start() + found
                if isinstance(content, Blob):
                    rest: bytes | Blob = replace(content, start=content.start + begin)
                else:
                    rest = content[begin:]
                self.nest(rest, offset + begin, Why.EMBEDDED)
                return

    @staticmethod
    def _two_lines(data: bytes | memoryview) -> Iterator[re.Match[bytes]]:
        for begin, end in solid(data):
            position = begin
            while (match := _IMPORT_TEXT.search(data, position, end)) is not None:
                yield match
                position = match.end(1) + 1  # the second line may be the first of another two


_SEARCHED_PER_UNIT = 10
"""Bytes that are searched for an import in the time of one unit of work."""
_IMPORTING = (b"c", b"\x93", b"i")


def _ends_with_stop(data: bytes | memoryview) -> bool:
    """Return True if the last byte of *data* is STOP, but for line ends, zeros and spaces."""
    step = 1 << 16
    for begin, stop in reversed([*solid(data)]):
        for end in range(stop, begin, -step):
            last = bytes(data[max(begin, end - step) : end]).rstrip(b"\n\0 ")
            if last:
                return last.endswith(b".")
    return False
