"""The vocabulary: what a file is, what was observed in it, how it was judged.

Pure data, no I/O. What is annotated as `picklewatch.core.record_fields` explains is declared here and nowhere else:
the wire from the child, the JSON and the comparison of stored records follow from it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, is_dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final

from picklewatch.core.record_fields import (
    HIDDEN,
    OUTCOME,
    Choice,
    Count,
    Exact,
    Flag,
    Text,
    Word,
    shown_fields,
)

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping


class Verdict(StrEnum):
    """The judgement on a content, from harmless to hostile; compare with `rank`."""

    SKIPPED = "skipped"
    """Contains nothing that a loader would execute (judged by content, not by name)."""
    CLEAN = "clean"
    """Proven: loading runs nothing but listed calls and hooks that were read, on data alone."""
    UNVERIFIED = "unverified"
    """Imports something that nobody has vouched for; no known way to abuse it."""
    UNSCANNABLE = "unscannable"
    """The scan did not reach the end. Never clean."""
    UNSAFE = "unsafe"
    """Imports or calls something that ordinary models don't need and that runs code or reaches files or the network."""
    MALICIOUS = "malicious"
    """A known way to run code, to blind a scanner, or a structure that only serves to hide."""

    @property
    def rank(self) -> int:
        """The position in the order of harm, 0 for `SKIPPED`."""
        return _VERDICT_RANK[self]


_VERDICT_RANK = {verdict: rank for rank, verdict in enumerate(Verdict)}


class Outcome(StrEnum):
    """What becomes of a verdict: the verdict itself, or `ALLOWED` where the operator answers for what it is about."""

    SKIPPED = "skipped"
    CLEAN = "clean"
    ALLOWED = "allowed"
    UNVERIFIED = "unverified"
    UNSCANNABLE = "unscannable"
    UNSAFE = "unsafe"
    MALICIOUS = "malicious"

    @property
    def effective(self) -> Verdict:
        """The verdict that is acted on."""
        return Verdict.CLEAN if self is Outcome.ALLOWED else Verdict(self.value)

    @property
    def rank(self) -> int:
        """The rank of the verdict that is acted on."""
        return self.effective.rank


class Level(StrEnum):
    """The verdict that a finding alone argues for; `INFO` argues for none. Compare with `rank`."""

    INFO = "info"
    UNVERIFIED = "unverified"
    UNSCANNABLE = "unscannable"
    UNSAFE = "unsafe"
    MALICIOUS = "malicious"

    @property
    def rank(self) -> int:
        """The position in the order of harm, 0 for `INFO`."""
        return _LEVEL_RANK[self]


_LEVEL_RANK = {level: rank for rank, level in enumerate(Level)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One observation about one place in a file."""

    rule: Annotated[str, Word(r"[a-z0-9]+(-[a-z0-9]+)*", 64)]
    """A stable kebab-case identifier that users put in allowlists, such as ``unsafe-import``."""
    level: Annotated[Level, Choice(Level)]
    """The verdict that this finding alone argues for."""
    where: Annotated[str, Text(2_000)]
    """``member:0xoffset``, such as ``archive/data.pkl:0x1f``: nested members joined by ``!``, ``0x1f`` without one."""
    summary: Annotated[str, Text(2_000)]
    """One plain sentence, printable."""
    evidence: Annotated[str, Text("evidence")] = ""
    """The decompiled line or the bytes that show it, printable, bounded; may be empty."""
    subject: Annotated[str, Exact(1_000), HIDDEN] = ""
    """For an import, its exact ``module.name``: what an allowlist of imports names."""


def uncovered(seen: Iterable[Finding], findings: Iterable[Finding]) -> list[Finding]:
    """Return those of *seen* that no finding of the same rule and import in *findings* is as bad as."""
    worst: dict[tuple[str, str], int] = {}
    for finding in findings:
        key = finding.rule, finding.subject
        worst[key] = max(worst.get(key, -1), finding.level.rank)
    return [finding for finding in seen if worst.get((finding.rule, finding.subject), -1) < finding.level.rank]


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineVersion:
    """The engine that judged a file. Another may judge differently, so verdicts are kept by it."""

    picklewatch: str
    fickling: str
    rules: str
    """A digest of the lists, the census and the engine's code generation, 12 hexadecimal digits."""

    @property
    def key(self) -> str:
        """The text that a stored verdict is kept under."""
        return f"{self.picklewatch}/{self.fickling}/{self.rules}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanReport:
    """The observations of one scan of one content; not yet a verdict (see `picklewatch.core.policy.decide`)."""

    format: Annotated[str, Word(r"[a-z0-9.+-]{1,40}", 64), OUTCOME] = "other"
    """The outermost format by content: ``torch-zip``, ``torch-legacy``, ``pickle``, ``npy``, ``joblib``, ``other`` …"""
    complete: Annotated[bool, Flag(), HIDDEN]
    """True if the scan reached the end of everything that a loader would run."""
    code_bearing: Annotated[bool, Flag(), HIDDEN]
    """True if any content was found that a loader could run as code (a pickle, or a format not judged yet).

    A complete report that is not code-bearing and has no findings is `Verdict.SKIPPED`.
    """
    findings: Annotated[tuple[Finding, ...], OUTCOME] = ()
    pickles: Annotated[int, Count()] = 0
    """Pickles walked, nested ones included."""
    opcodes: Annotated[int, Count(), OUTCOME] = 0
    """Opcodes walked in all of them."""
    imports: tuple[str, ...] = ()
    """Every distinct import as ``module.name``, in order of first appearance."""
    sha256: Annotated[str | None, OUTCOME] = None
    """The content's SHA-256 in lower-case hexadecimal, or None if it was not computed. The child has no say in it."""
    duration_ms: float = 0.0
    """Wall-clock milliseconds of the scan, the sandbox's work included."""
    peak_kib: Annotated[int, HIDDEN] = 0
    """The scanning process's peak resident memory in KiB; 0 if not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A verdict with its reasons."""

    verdict: Annotated[Verdict, OUTCOME]
    reasons: Annotated[tuple[str, ...], OUTCOME]
    """The rules that set the verdict, most harmful first, without repetition."""
    allowed: Annotated[str | None, OUTCOME] = None
    """The reason that the operator gave for vouching for this content or import, or None."""
    standing: Annotated[Verdict | None, HIDDEN] = None
    """The verdict on what the operator did not allow, where that is milder; None where it is the same."""

    @property
    def effective(self) -> Verdict:
        """The verdict that is acted on: for exit statuses and moves."""
        return self.verdict if self.standing is None else self.standing

    @property
    def outcome(self) -> Outcome:
        """What becomes of it: `Outcome.ALLOWED` where nothing is left that the operator did not allow."""
        if self.standing is not None and self.standing.rank < Verdict.UNVERIFIED.rank:
            return Outcome.ALLOWED
        return Outcome(self.effective.value)


_LONGEST: Final = (1 << 63) - 1
"""Nanoseconds that fit into 64 bits. Some file systems keep times that do not, such as the year 3000."""


@dataclass(frozen=True, slots=True)
class FileId:
    """One state of one inode. Two equal identities mean unchanged content."""

    device: int
    inode: int
    size: int
    """Bytes."""
    mtime_ns: int
    ctime_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> FileId:
        """Return the identity that *status* (from ``fstat``) describes."""
        mtime_ns = max(-_LONGEST, min(_LONGEST, status.st_mtime_ns))
        return cls(status.st_dev, status.st_ino, status.st_size, mtime_ns, status.st_ctime_ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The outcome for one content: what is logged, printed as JSON and kept."""

    path: str
    """The content that was judged (a blob, not a snapshot link), surrogate-escaped as `os.fsdecode` gives it."""
    name: str | None
    """A name that a person understands, such as ``org/model@rev: pytorch_model.bin``."""
    names: tuple[str, ...] = ()
    """Other paths that lead to the same content."""
    report: ScanReport
    judgement: Judgement
    size: int
    """Bytes."""
    engine: EngineVersion
    file: FileId | None = None
    """The inode's state that was judged; None for standard input."""

    def to_json(self) -> dict[str, Any]:
        """Return the documented JSON object (docs/records.md); every text in it is printable."""
        report = _json(self.report)
        return {
            "path": printable(self.path),
            "name": None if self.name is None else printable(self.name),
            "names": _json(self.names),
            "size": self.size,
            "format": report.pop("format"),
            **_json(self.judgement),
            "outcome": self.judgement.outcome.value,
            **report,
            "engine": _json(self.engine),
        }


def _json(value: object) -> Any:
    if value is None or isinstance(value, int):  # most are
        return value
    if isinstance(value, str):
        return printable(value.value if isinstance(value, StrEnum) else value)
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, tuple):
        return [_json(item) for item in value]
    if is_dataclass(value):
        kind: type = type(value)
        return {name: _json(getattr(value, name)) for name in shown_fields(kind)}
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Every bound of a scan. Reaching one is a finding and makes the scan incomplete, never clean."""

    seconds: float = 60.0
    """Wall-clock time for one file."""
    cpu_seconds: int = 60
    """Processor time for one file."""
    memory: int = 1 << 30
    """Bytes of private memory for one file (file mappings do not count)."""
    opcodes: int = 50_000_000
    """Opcodes walked in one file."""
    depth: int = 8
    """Containers and pickles nested in each other."""
    members: int = 100_000
    """Archive members looked at in one file."""
    unpacked: int = 8 << 30
    """Bytes that decompression may produce in one file, in all (streamed, not held)."""
    member: int = 512 << 20
    """Bytes of one unpacked member held in memory at once."""
    findings: int = 200
    """Findings kept of one file; the most harmful stay."""
    evidence: int = 500
    """Characters of one finding's evidence."""
    imports: int = 2_000
    """Distinct imports listed for one file."""
    fickling_opcodes: int = 200_000
    """Opcodes of one pickle up to which fickling is asked for evidence."""
    fickling_seconds: float = 5.0
    """Processor time that fickling may take for one file."""
    output: int = 8 << 20
    """Bytes of result accepted from the sandboxed child."""


DEFAULT_LIMITS = Limits()
BATCH: Final = 256
"""Small files that one process judges, at most."""


_LARGEST: Final = 1 << 40
"""Bytes of the largest content that is taken for one that was allowed without its size: a hole may have an exabyte."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The operator's allowlist; see `picklewatch.core.policy`."""

    allowed_imports: Mapping[str, str] = field(default_factory=dict)
    """Exact ``module.name`` → the reason that the operator gave."""
    allowed_digests: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 in lower-case hexadecimal → the reason that the operator gave."""
    allowed_sizes: Mapping[str, int] = field(default_factory=dict)
    """Bytes of those of these contents whose size is known."""

    def may_allow(self, size: int) -> bool:
        """Return True if only its digest can say that a content of *size* bytes is not an allowed one."""
        sizes = {self.allowed_sizes.get(digest) for digest in self.allowed_digests}
        return size in sizes or (None in sizes and size <= _LARGEST)


def printable(text: str) -> str:
    r"""Return *text* with everything that could break a line or a terminal made visible.

    Control characters, surrogates (names that are not UTF-8), bidirectional overrides and other unprintable
    characters become ``\xNN``, ``\uNNNN`` or ``\UNNNNNNNN``; a byte that `os.fsdecode` escaped becomes ``\xNN``.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escape(ord(char)) for char in text)


def _escape(code: int) -> str:
    first_escaped_byte, last_escaped_byte = 0xDC80, 0xDCFF  # PEP 383
    if first_escaped_byte <= code <= last_escaped_byte:
        return f"\\x{code - 0xDC00:02x}"
    if code <= 0xFF:  # noqa: PLR2004
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004
