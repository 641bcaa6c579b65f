"""What one walk notes: findings, imports, storages, bytes inside bytes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from picklewatch.engine.judge import judge
from picklewatch.engine.report import Nested
from picklewatch.engine.strangers import Looked
from picklewatch.model import Finding, Level

if TYPE_CHECKING:
    from picklewatch.engine.checking import Doubt
    from picklewatch.engine.report import Budget, Storage
    from picklewatch.engine.values import Import

_FINDINGS = 5_000
"""Structural findings kept during one walk."""
LONGEST_NAME = 400
"""Characters of an import's two names; honest ones have a quarter of that, and patterns must not see more."""
NESTED = 2_000
_NESTED_BYTES = 1 << 28
_SEARCHED = 1 << 16
"""Bytes of a constant that are searched for an import."""
_IMPORT_TEXT = re.compile(rb"c([A-Za-z_][\w.]{0,80})\n([A-Za-z_][\w.]{0,80})\n")
_EMBEDDED_TEXT = re.compile(rb"[c(]{1,3}[A-Za-z_][\w.]*\n[A-Za-z_][\w.]*\n")


class Notes:
    """What is observed during one walk."""

    def __init__(self, where: str, budget: Budget, *, persistent: bool, arrays_inline: bool) -> None:
        self.prefix = f"{where}:" if where else ""
        self.budget = budget
        self.tell = budget.tell
        """Told of harm at once; None where whoever walks decides later whether it counts."""
        self.persistent = persistent
        self.arrays_inline = arrays_inline
        self.ahead = False
        """Whether this walk only looks at bytes that are judged later."""
        self.findings: list[Finding] = []
        self.imports: dict[tuple[str, str], Import] = {}
        self.storages: dict[str, Storage] = {}
        self.nested: list[Nested] = []
        self.nested_bytes = 0
        self.gaps: list[tuple[int, int]] = []
        """Bytes between opcodes that joblib reads as arrays: begin and end of each."""
        self.spoken: set[str] = set()
        self.looked = Looked()
        self.hash_work = 0
        self.hash_sizes: dict[int, tuple[int, Any]] = {}
        self.code_bearing = False
        self.indirect = False
        self.blind: dict[int, Any] = {}
        """Dictionaries, by identity, with keys that `set_items` does not know or did not keep."""

    def where(self, offset: int) -> str:
        """*offset* as findings spell it."""
        return f"{self.prefix}{offset:#x}"

    def finding(self, rule: str, level: Level, offset: int, summary: str, evidence: str = "") -> None:
        """Record one observation that is not about an import."""
        if len(self.findings) < _FINDINGS:
            self.findings.append(self.made(rule, level, offset, summary, evidence))
            self.say(rule, level, offset, summary, evidence)

    def made(  # noqa: PLR0913 - a finding's fields
        self, rule: str, level: Level, offset: int, summary: str, evidence: str, *, subject: str = ""
    ) -> Finding:
        """Make a finding about *offset*, with its texts cut to length."""
        return Finding(
            rule=rule,
            level=level,
            where=self.where(offset),
            summary=summary[:400],
            evidence=evidence[: self.budget.limits.evidence],
            subject=subject if len(subject) < LONGEST_NAME else "",
        )

    def say(  # noqa: PLR0913 - a finding's fields
        self, rule: str, level: Level, offset: int, summary: str, evidence: str, *, subject: str = ""
    ) -> None:
        """Say harm at once, as far as nothing that follows can make it look better."""
        if self.tell is not None and level.rank >= Level.UNSAFE.rank:
            self.tell(self.made(rule, level, offset, summary, evidence, subject=subject))

    def once(self, rule: str, level: Level, offset: int, summary: str, evidence: str = "") -> None:
        """Record an observation of which one a pickle is enough."""
        if rule not in self.spoken:
            self.spoken.add(rule)
            self.finding(rule, level, offset, summary, evidence)

    def note(self, imported: Import, doubt: Doubt, offset: int, evidence: str) -> None:
        """Record something about an import; the worst stays."""
        if imported.level is None or doubt.level.rank > imported.level.rank:
            imported.level, imported.rule = doubt.level, doubt.rule
            imported.summary, imported.evidence, imported.at = doubt.summary, evidence, offset
            level = doubt.level if imported.called else min(doubt.level, Level.UNSAFE, key=lambda level: level.rank)
            self.say(doubt.rule, level, offset, doubt.summary, evidence, subject=imported.key)

    def nest(self, content: bytes, offset: int, why: str) -> None:
        """Remember bytes that something would unpickle."""
        if len(self.nested) >= NESTED or self.nested_bytes + len(content) > _NESTED_BYTES:
            self.once(
                "limit-nested", Level.UNSCANNABLE, offset, "holds too many or too large pickles within the pickle"
            )
            return
        self.nested_bytes += len(content)
        self.nested.append(Nested(data=content, where=self.where(offset), why=why))

    def embedded(self, content: bytes | None, offset: int) -> None:
        """Remember bytes that look like a whole pickle with imports."""
        shortest = 8
        if content is None or len(content) < shortest:
            return
        newest = 5
        if content[0] == 0x80 and content.rstrip(b"\n\0 ")[-1:] == b".":
            if content[1] <= newest and (b"c" in content or b"\x93" in content or b"i" in content):
                self.nest(content, offset, "embedded")
            return
        text = content[:1] in {b"c", b"("} and _EMBEDDED_TEXT.match(content) and b"." in content[-8:]
        if text or content.startswith(b"PK\x03\x04"):
            self.nest(content, offset, "embedded")
        else:
            self._embedded_import(content, offset)

    def _embedded_import(self, content: bytes, offset: int) -> None:
        """An import of something dangerous, spelt as protocol 0 does, in the middle of bytes."""
        for match in _IMPORT_TEXT.finditer(content[:_SEARCHED]):
            if judge(match[1].decode("latin1"), match[2].decode("latin1")).level is Level.MALICIOUS:
                self.nest(content[match.start() :], offset + match.start(), "embedded")
                return
