"""What the child says and how the parent reads it. Pure.

One line of JSON per observation, ``["kind", value]``, so that the parent never holds more than one short line of
hostile text at a time, and keeps what was found before a crash. The parent's side (`Reader`, `ReportBuilder`)
assumes that the child is under the attacker's control: every type, length, value and count is checked.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from picklewatch.core.kept_findings import kept
from picklewatch.core.model import Finding, Level, Limits, ScanReport, printable, unsaid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

LOCK_FAILED: Final = 71
"""Exit status of a child that could not lock itself down as planned (``EX_OSERR``); it has scanned nothing."""
FAILED: Final = 70
"""Exit status of a child after a failure (``EX_SOFTWARE``), said if it still could."""

LINE: Final = 64 << 10
"""Bytes of one line, at most."""
SUMMARY: Final = 2_000
WHERE: Final = 2_000
SUBJECT: Final = 1_000
IMPORT: Final = 1_000
TEXT: Final = 8_000
"""Characters of one text of a view."""

_NUMBER: Final = 1 << 63
_RULE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_RULE_LENGTH: Final = 64
_FORMAT = re.compile(r"[a-z0-9.+-]{1,40}")
_ITEMS: Final = 256
_ELLIPSIS: Final = "…"


class GarbageError(Exception):
    """The child said something that it would not say if it were sound."""


# --- the child's side -------------------------------------------------------------------------------------------


def encode(kind: str, value: object) -> bytes:
    """One line that says *value* as *kind*."""
    return json.dumps([kind, value], ensure_ascii=True, separators=(",", ":")).encode("ascii") + b"\n"


def encode_report(report: ScanReport, limits: Limits) -> Iterator[bytes]:
    """Say *report*, clipped to what the parent accepts: the findings, the imports, the rest."""
    for finding in kept(report.findings, limits.findings):
        yield encode_finding(finding, limits)
    for name in report.imports[: limits.imports]:
        yield encode("import", clip(name, IMPORT))
    yield encode(
        "report",
        {
            "format": report.format,
            "complete": report.complete,
            "code_bearing": report.code_bearing,
            "pickles": report.pickles,
            "opcodes": report.opcodes,
        },
    )


def encode_finding(finding: Finding, limits: Limits, kind: str = "finding") -> bytes:
    """Say *finding* as *kind*, clipped: ``finding`` of the report, or ``seen`` before there is one.

    A subject too long to be said whole is left out: it must not match an allowlist.
    """
    return encode(
        kind,
        {
            "rule": finding.rule,
            "level": finding.level.value,
            "where": clip(finding.where, WHERE),
            "summary": clip(finding.summary, SUMMARY),
            "evidence": clip(finding.evidence, limits.evidence),
            "subject": finding.subject if len(finding.subject) <= SUBJECT else "",
        },
    )


def clip(text: str, length: int) -> str:
    """*text*, shortened to *length* characters with an ellipsis where it is longer."""
    return text if len(text) <= length else text[: length - 1] + _ELLIPSIS


# --- the parent's side ------------------------------------------------------------------------------------------


class Reader:
    """Cuts the child's bytes into lines and lines into ``(kind, value)``; bounded. Raises `GarbageError`."""

    def __init__(self, limit: int) -> None:
        self._left = limit
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[tuple[str, object]]:
        """Take *data* and give what is complete."""
        self._left -= len(data)
        if self._left < 0:
            raise GarbageError("it said more than the limit allows")
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LINE:
            raise GarbageError("it said an endless line")
        for line in lines:
            yield _parsed(line)

    def finish(self) -> None:
        """Say that no more will come."""
        if self._rest:
            raise GarbageError("it stopped in the middle of a line")


def _parsed(line: bytes) -> tuple[str, object]:
    if len(line) > LINE:
        raise GarbageError("it said too long a line")
    try:
        pair = json.loads(line.decode("ascii"), parse_constant=_no_constant, parse_float=_no_constant)
    except (ValueError, RecursionError):
        raise GarbageError("it said something that is not JSON") from None
    if not (isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str)):  # noqa: PLR2004 - kind and value
        raise GarbageError("it said something that is not an observation")
    return pair[0], pair[1]


def _no_constant(text: str) -> object:
    raise ValueError(text)


class ReportBuilder:
    """Collects a scan's observations into a `ScanReport`. Raises `GarbageError`."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.findings: list[Finding] = []
        self._seen: list[Finding] = []
        """What it said as soon as it saw it."""
        self._imports: list[str] = []
        self._head: dict[str, Any] | None = None

    def take(self, kind: str, value: object) -> None:
        """Take one observation."""
        if self._head is not None:
            raise GarbageError("it went on after its report")
        if kind == "finding":
            self._take_finding(value, self.findings, self._limits.findings)
        elif kind == "seen":
            self._take_finding(value, self._seen, self._limits.findings * len(Level))
        elif kind == "import":
            self._take_import(value)
        elif kind == "report":
            head = checked(value, _REPORT)
            if _rank(self._seen) > _rank(self.findings):
                raise GarbageError("it took back what it had seen")
            self._head = head
        else:
            raise GarbageError("it said something unknown")

    def _take_finding(self, value: object, findings: list[Finding], most: int) -> None:
        fields = checked(value, {**_FINDING, "evidence": _text(self._limits.evidence)})
        if len(findings) >= most:
            raise GarbageError("it reported too many findings")
        findings.append(Finding(**{**fields, "level": Level(fields["level"])}))

    def _take_import(self, value: object) -> None:
        if len(self._imports) >= self._limits.imports:
            raise GarbageError("it listed too many imports")
        self._imports.append(_text(IMPORT)(value))

    @property
    def done(self) -> bool:
        """Whether the report itself has come."""
        return self._head is not None

    def report(self, *, duration_ms: float, peak_kib: int) -> ScanReport:
        """Give the whole report; it must be `done`.

        What was said as soon as it was seen stays in it: the child may have been taken over since, and say only harm
        that an allowlist takes away.
        """
        assert self._head is not None
        return ScanReport(
            **self._head,
            findings=(*unsaid(self._seen, self.findings), *self.findings),
            imports=tuple(self._imports),
            duration_ms=duration_ms,
            peak_kib=peak_kib,
        )

    def broken_report(self, finding: Finding, *, duration_ms: float, peak_kib: int) -> ScanReport:
        """Give what was observed before the scan broke off as *finding* says; never complete, never clean."""
        head = self._head or {"format": "other", "pickles": 0, "opcodes": 0}
        return ScanReport(
            **{**head, "complete": False, "code_bearing": True},
            findings=(*unsaid(self._seen, self.findings), *self.findings, finding),
            imports=tuple(self._imports),
            duration_ms=duration_ms,
            peak_kib=peak_kib,
        )


def _rank(findings: list[Finding]) -> int:
    return max((finding.level.rank for finding in findings), default=0)


def checked(value: object, fields: Mapping[str, Callable[[object], Any]]) -> dict[str, Any]:
    """*value* if it is an object with exactly *fields*, each as its function accepts it."""
    if not isinstance(value, dict) or value.keys() != fields.keys():
        raise GarbageError("it said an observation with the wrong fields")
    return {name: accept(value[name]) for name, accept in fields.items()}


def view_line(kind: str, value: object) -> dict[str, Any]:
    """*value* if the child says it as a line of a view."""
    if kind != "line":
        raise GarbageError("it said something unknown")
    return flat(value)


def flat(value: object) -> dict[str, Any]:
    """*value* if it is a flat object of a view: texts (made printable), numbers, flags, short lists of texts."""
    if not isinstance(value, dict) or len(value) > _ITEMS:
        raise GarbageError("it said a line with the wrong fields")
    text = _text(TEXT)
    return {text(name): _flat_item(item) for name, item in value.items()}


def _flat_item(item: object) -> object:
    if item is None or isinstance(item, bool):
        return item
    if isinstance(item, int):
        return _number(item)
    if isinstance(item, list) and len(item) <= _ITEMS:
        return [_text(TEXT)(part) for part in item]
    return _text(TEXT)(item)


def _text(length: int) -> Callable[[object], str]:
    def accept(value: object) -> str:
        if not isinstance(value, str) or len(value) > length:
            raise GarbageError("it said a text that is none, or too long")
        return printable(value)

    return accept


def _subject(value: object) -> str:
    """Accept an import's exact name, which an allowlist is compared with, so it is never escaped."""
    if not isinstance(value, str) or len(value) > SUBJECT:
        raise GarbageError("it said a name that is none, or too long")
    return value


def _number(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not -_NUMBER <= value < _NUMBER:
        raise GarbageError("it said a number that is none, or too big")
    return value


def _count(value: object) -> int:
    if (number := _number(value)) < 0:
        raise GarbageError("it said a negative count")
    return number


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise GarbageError("it said a flag that is none")
    return value


def _matching(pattern: re.Pattern[str], length: int = 64) -> Callable[[object], str]:
    def accept(value: object) -> str:
        if not isinstance(value, str) or len(value) > length or not pattern.fullmatch(value):
            raise GarbageError("it said an identifier that is none")
        return value

    return accept


def _level(value: object) -> str:
    if not isinstance(value, str) or value not in list(Level):
        raise GarbageError("it said a level that is none")
    return value


_FINDING: Final[dict[str, Callable[[object], Any]]] = {
    "rule": _matching(_RULE, _RULE_LENGTH),
    "level": _level,
    "where": _text(WHERE),
    "summary": _text(SUMMARY),
    "evidence": _text(Limits().evidence),
    "subject": _subject,
}
_REPORT: Final[dict[str, Callable[[object], Any]]] = {
    "format": _matching(_FORMAT),
    "complete": _flag,
    "code_bearing": _flag,
    "pickles": _count,
    "opcodes": _count,
}


def encode_limits(limits: Limits) -> dict[str, Any]:
    """*limits* as the job's header carries them (from the parent, which is trusted)."""
    return asdict(limits)


def decode_limits(value: Mapping[str, Any]) -> Limits:
    """*value* from a job's header as limits."""
    return Limits(**value)
