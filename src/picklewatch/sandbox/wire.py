"""The protocol from the sandboxed child to the parent: encoding, and reading without believing. Pure.

One line of JSON per observation, ``["kind", value]``, so that the parent never holds more than one short line of
hostile text at a time, and keeps what was found before a crash. The parent's side (`LineReader`, `ReportBuilder`)
assumes that the child is under the attacker's control: every type, length, value and count is checked. The fields
and their bounds are those that `Finding` and `ScanReport` declare (see `picklewatch.core.record_fields`).
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from picklewatch.core.kept_findings import kept
from picklewatch.core.model import Finding, Level, Limits, ScanReport, printable, uncovered
from picklewatch.core.record_fields import Choice, Count, Exact, Flag, Text, Word, child_fields

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from enum import StrEnum

    from picklewatch.core.record_fields import Rule

LOCK_FAILED: Final = 71
"""Exit status of a child that could not lock itself down as planned (``EX_OSERR``); it has scanned nothing."""
ELSEWHERE: Final = 72
"""Exit status of a direct process that would have to import something, which it can't: a warm process has it."""
FAILED: Final = 70
"""Exit status of a child after a failure (``EX_SOFTWARE``), which it reported if it still could."""

LINE: Final = 64 << 10
"""Bytes of one line, at most."""
FAILURE: Final = 2_000
"""Characters of the sentence about a failure."""
IMPORT: Final = 1_000
"""Characters of one name in the list of imports."""
TEXT: Final = 8_000
"""Characters of one text of a view."""

_NUMBER: Final = 1 << 63
_ITEMS: Final = 256
_ELLIPSIS: Final = "…"


class GarbageError(Exception):
    """The child sent something that no sound child sends; the text says what, with "it" for the child."""


# --- the child's side -------------------------------------------------------------------------------------------


def encode(kind: str, value: object) -> bytes:
    """Return the line that carries *value* as *kind*."""
    return _ENCODER.encode([kind, value]).encode("ascii") + b"\n"


_ENCODER: Final = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"))


def encode_report(report: ScanReport, limits: Limits) -> Iterator[bytes]:
    """Yield the lines of *report*, clipped to what the parent accepts: the findings, the imports, the rest."""
    for finding in kept(report.findings, limits.findings):
        yield encode_finding(finding, limits)
    for name in report.imports[: limits.imports]:
        yield encode("import", clip(name, IMPORT))
    yield encode("report", _clipped(report, limits))


def encode_finding(finding: Finding, limits: Limits, kind: str = "finding") -> bytes:
    """Return the line of *finding*, clipped: ``finding`` of the report, or ``seen`` before there is one."""
    return encode(kind, _clipped(finding, limits))


def encode_inert(report: ScanReport, limits: Limits) -> dict[str, object]:
    """Return *report*, which has no findings, as one object, clipped as `encode_report` does."""
    imports = [clip(name, IMPORT) for name in report.imports[: limits.imports]]
    return {**_clipped(report, limits), "imports": imports}


def _clipped(observed: Finding | ScanReport, limits: Limits) -> dict[str, object]:
    """Return what the child computes of *observed*, every text as long as the parent accepts it at most."""
    clipped: dict[str, object] = {}
    kind: type = type(observed)
    for name, rule in child_fields(kind).items():
        value = getattr(observed, name)
        if isinstance(rule, Text):
            value = clip(value, _length(rule, limits))
        elif isinstance(rule, Exact) and len(value) > rule.length:
            value = ""  # a part of a name must not match an allowlist
        clipped[name] = value
    return clipped


def _length(rule: Text, limits: Limits) -> int:
    return rule.length if isinstance(rule.length, int) else int(getattr(limits, rule.length))


def clip(text: str, length: int) -> str:
    """Return *text*, shortened to *length* characters with an ellipsis where it is longer."""
    return text if len(text) <= length else text[: length - 1] + _ELLIPSIS


# --- the parent's side ------------------------------------------------------------------------------------------


class LineReader:
    """Cut the child's bytes into lines and lines into ``(kind, value)``; bounded. Raises `GarbageError`."""

    def __init__(self, limit: int) -> None:
        self._left = limit
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[tuple[str, object]]:
        """Take *data* and yield the observations that are complete."""
        self._left -= len(data)
        if self._left < 0:
            raise GarbageError("it sent more than the limit allows")
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LINE:
            raise GarbageError("it sent a line without an end")
        for line in lines:
            yield _parsed(line)

    def finish(self) -> None:
        """Take note that no more will come."""
        if self._rest:
            raise GarbageError("it ended in the middle of a line")


def _parsed(line: bytes) -> tuple[str, object]:
    if len(line) > LINE:
        raise GarbageError("it sent too long a line")
    try:
        pair = _DECODER.decode(line.decode("ascii"))
    except (ValueError, RecursionError):
        raise GarbageError("it sent something that is not JSON") from None
    if not (isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str)):  # noqa: PLR2004 - kind and value
        raise GarbageError("it sent something that is not an observation")
    return pair[0], pair[1]


def _no_constant(text: str) -> object:
    raise ValueError(text)


_DECODER: Final = json.JSONDecoder(parse_constant=_no_constant, parse_float=_no_constant)


class ReportBuilder:
    """Collect a scan's observations into a `ScanReport`. Raises `GarbageError`."""

    def __init__(self, limits: Limits, seen: Iterable[Finding] = ()) -> None:
        """*seen* is the harm that another child saw in the same content."""
        self._limits = limits
        self.findings: list[Finding] = []
        self.seen = list(seen)
        """The findings that the child reported as soon as it saw them."""
        self._imports: list[str] = []
        self._head: dict[str, Any] | None = None

    def take(self, kind: str, value: object) -> None:
        """Take one observation."""
        if self._head is not None:
            raise GarbageError("it sent more after its report")
        if kind == "finding":
            self._take_finding(value, self.findings, self._limits.findings)
        elif kind == "seen":
            self._take_finding(value, self.seen, self._limits.findings * len(Level))
        elif kind == "import":
            self._take_import(value)
        elif kind == "report":
            head = _checked(value, ScanReport, self._limits)
            if _rank(self.seen) > _rank(self.findings):
                raise GarbageError("its report takes back what it had seen")
            self._head = head
        else:
            raise GarbageError("it sent an observation of an unknown kind")

    def _take_finding(self, value: object, findings: list[Finding], most: int) -> None:
        finding = Finding(**_checked(value, Finding, self._limits))
        if len(findings) >= most:
            raise GarbageError("it sent too many findings")
        findings.append(finding)

    def _take_import(self, value: object) -> None:
        if len(self._imports) >= self._limits.imports:
            raise GarbageError("it sent too many imports")
        self._imports.append(_text(value, IMPORT))

    def harm(self) -> ScanReport:
        """Return what is known before the report comes; never complete, never clean."""
        return ScanReport(complete=False, code_bearing=True, findings=tuple(self.seen))

    @property
    def done(self) -> bool:
        """True if the report itself has come."""
        return self._head is not None

    def report(self, *, duration_ms: float, peak_kib: int) -> ScanReport:
        """Return the whole report; it must be `done`.

        What was reported as soon as it was seen stays in it: the child may have been taken over since, and report
        only harm that an allowlist takes away.
        """
        assert self._head is not None
        return ScanReport(
            **self._head,
            findings=(*uncovered(self.seen, self.findings), *self.findings),
            imports=tuple(self._imports),
            duration_ms=duration_ms,
            peak_kib=peak_kib,
        )

    def broken_report(self, finding: Finding, *, duration_ms: float, peak_kib: int) -> ScanReport:
        """Return what was observed before the scan broke off as *finding* says; never complete, never clean."""
        return ScanReport(
            **{**(self._head or {}), "complete": False, "code_bearing": True},
            findings=(*uncovered(self.seen, self.findings), *self.findings, finding),
            imports=tuple(self._imports),
            duration_ms=duration_ms,
            peak_kib=peak_kib,
        )


def inert_report(value: dict[Any, Any], limits: Limits) -> ScanReport:
    """Return the report without findings that *value*, from the child, is."""
    imports = value.pop("imports", None)
    if not isinstance(imports, list) or len(imports) > limits.imports:
        raise GarbageError("it sent something else than imports, or too many")
    return ScanReport(**_checked(value, ScanReport, limits), imports=tuple(_text(name, IMPORT) for name in imports))


def _rank(findings: list[Finding]) -> int:
    return max((finding.level.rank for finding in findings), default=0)


def _checked(value: object, kind: type, limits: Limits) -> dict[str, Any]:
    """Return *value* if it is an object with exactly the child's fields of *kind*, each as its rule accepts it."""
    rules = child_fields(kind)
    if not isinstance(value, dict) or value.keys() != rules.keys():
        raise GarbageError("it sent an observation with the wrong fields")
    return {name: _accepted(value[name], rule, limits) for name, rule in rules.items()}


def _accepted(value: object, rule: Rule, limits: Limits) -> object:
    match rule:
        case Flag():
            return _flag(value)
        case Count():
            return _count(value)
        case Text():
            return _text(value, _length(rule, limits))
        case Exact():
            return _exact(value, rule.length)
        case Word():
            return _word(value, rule)
        case Choice():
            return _choice(value, rule.of)


def view_line(kind: str, value: object) -> dict[str, Any]:
    """Return *value* if the child sent it as a line of a view."""
    if kind != "line":
        raise GarbageError("it sent an observation of an unknown kind")
    return flat(value)


def flat(value: object) -> dict[str, Any]:
    """Return *value* if it is a flat object of a view: texts (made printable), numbers, flags, short lists of texts."""
    if not isinstance(value, dict) or len(value) > _ITEMS:
        raise GarbageError("it sent a line with the wrong fields")
    return {_text(name, TEXT): _flat_item(item) for name, item in value.items()}


def _flat_item(item: object) -> object:
    if item is None or isinstance(item, bool):
        return item
    if isinstance(item, int):
        return _number(item)
    if isinstance(item, list) and len(item) <= _ITEMS:
        return [_text(part, TEXT) for part in item]
    return _text(item, TEXT)


def _text(value: object, length: int) -> str:
    if not isinstance(value, str) or len(value) > length:
        raise GarbageError("it sent something else than a text, or too long a one")
    return printable(value)


def _exact(value: object, length: int) -> str:
    if not isinstance(value, str) or len(value) > length:
        raise GarbageError("it sent something else than a name, or too long a one")
    return value


def _number(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not -_NUMBER <= value < _NUMBER:
        raise GarbageError("it sent something else than a number, or too large a one")
    return value


def _count(value: object) -> int:
    if (number := _number(value)) < 0:
        raise GarbageError("it sent a negative count")
    return number


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise GarbageError("it sent something else than true or false")
    return value


def _word(value: object, rule: Word) -> str:
    if not isinstance(value, str) or len(value) > rule.length or not re.fullmatch(rule.pattern, value):
        raise GarbageError("it sent something else than an identifier")
    return value


def _choice(value: object, of: type[StrEnum]) -> StrEnum:
    if not isinstance(value, str) or value not in list(of):
        raise GarbageError(f"it sent an unknown {of.__name__.lower()}")
    return of(value)


def encode_limits(limits: Limits) -> dict[str, Any]:
    """Return *limits* as the job's header carries them (from the parent, which is trusted)."""
    return asdict(limits)


def decode_limits(value: Mapping[str, Any]) -> Limits:
    """Return the limits that *value*, from a job's header, carries."""
    return Limits(**value)
