"""Laws that every scan keeps, whatever the bytes."""

from __future__ import annotations

import contextlib
import functools
import json
import pickletools
import struct
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fuzz import loaders, reference
from fuzz.target import LawBrokenError

from picklewatch.analysis.content import scan_content
from picklewatch.analysis.pickle import Budget, LimitReached, judge_pickle
from picklewatch.analysis.pickle.analyse import report_of
from picklewatch.analysis.pickle.semantics.machine import Machine
from picklewatch.analysis.pickle.vm.interpreter import Walk
from picklewatch.analysis.pickle.vm.torch_storages import read_storage
from picklewatch.analysis.pickle.vm.values import How, Import, Obj, Persistent, Python2Text
from picklewatch.analysis.views import views
from picklewatch.analysis.views.observer import GAP
from picklewatch.catalogue.imports.classify import judge
from picklewatch.catalogue.imports.entries import Check, Use
from picklewatch.core.model import Level, Limits, Policy, Verdict, printable
from picklewatch.core.policy import decide
from picklewatch.sandbox import wire

if TYPE_CHECKING:
    from collections.abc import Callable

    from picklewatch.analysis.pickle import PickleReport
    from picklewatch.core.model import Finding, ScanReport

LIMITS = Limits(
    seconds=60.0,
    opcodes=300_000,
    members=300,
    depth=6,
    member=1 << 22,
    unpacked=1 << 24,
    findings=60,
    imports=400,
    fickling_seconds=0.0,
)
"""Small enough that no input may take long; the time is measured by whoever runs the target."""
_CLOSE = (
    replace(LIMITS, opcodes=12),
    replace(LIMITS, members=2),
    replace(LIMITS, depth=1),
    replace(LIMITS, member=40),
    replace(LIMITS, unpacked=60),
    replace(LIMITS, findings=1, imports=1),
)
"""Limits that are reached soon."""
_HARM = {Level.UNSAFE, Level.MALICIOUS}
_BLIND = {"dynamic-import", "extension-registry", "frame-mismatch"}
"""Rules that say that an import's name can't be known, or that readers see different opcodes."""

_OTHERWISE = {"resource-bomb", "frame-mismatch"}


def scanned(data: bytes) -> tuple[ScanReport, Verdict]:
    """The report on *data*, after it went through the sandbox's wire as every report does, and its verdict."""
    seen: list[Finding] = []
    report = scan_content(data, LIMITS, seen.append)
    for finding in report.findings:
        if finding.rule in {"scan-error", "scan-memory", "limit-time"}:
            raise LawBrokenError(finding.rule, finding.evidence)
    told = wired(report, seen)
    if _essence(told) != _essence(report):
        raise LawBrokenError("wire-changes-report", (told, report))
    return report, decide(report, Policy()).verdict


def _essence(report: ScanReport) -> tuple[object, ...]:
    """Return the part of a report that the verdict depends on; texts may be clipped and made printable."""
    findings = sorted((finding.rule, finding.level) for finding in report.findings)
    return findings, report.format, report.complete, report.code_bearing, len(report.imports)


def wired(report: ScanReport, seen: list[Finding]) -> ScanReport:
    """*report* as the parent reads it behind what was *seen*; `GarbageError` if the parent would not believe it."""
    reader, builder = wire.LineReader(LIMITS.output), wire.ReportBuilder(LIMITS)
    for line in (
        *(wire.encode_finding(finding, LIMITS, "seen") for finding in seen),
        *wire.encode_report(report, LIMITS),
    ):
        for kind, value in reader.feed(line):
            builder.take(kind, value)
    reader.finish()
    return builder.report(duration_ms=0.0, peak_kib=0)


def scan(data: bytes) -> None:
    """A scan gives a verdict that says so if some loader would run something hostile, and twice the same."""
    report, verdict = scanned(data)
    if verdict.rank < Verdict.UNSCANNABLE.rank:
        for call in loaders.calls(data):
            if call.hostile:
                raise LawBrokenError("harm-not-seen", (verdict, call))
            if verdict.rank <= Verdict.CLEAN.rank and (report.format != "joblib" or call.loader.startswith("joblib")):
                _vouched(call.how, call.module, call.name, f"{verdict}-but-calls")
    if len(data) & 15 == 7 and replace(scanned(data)[0], duration_ms=0.0) != replace(report, duration_ms=0.0):
        raise LawBrokenError("not-deterministic", report)
    if len(data) & 7 == 2:
        _limited(data)


def _limited(data: bytes) -> None:
    """Whatever limit is reached, what a loader would run is told, or that the scan did not get there."""
    limits = _CLOSE[sum(data) % len(_CLOSE)]
    verdict = decide(scan_content(data, limits), Policy()).verdict
    if verdict.rank < Verdict.UNSCANNABLE.rank and any(call.hostile for call in loaders.calls(data)):
        raise LawBrokenError("harm-not-seen-within-limits", (verdict, limits))


def one_pickle(data: bytes) -> None:
    """The engine sees whatever an unpickler would import; what it calls inert makes no unvouched call."""
    try:
        report = judge_pickle(
            data, budget=Budget(limits=LIMITS, fickling_seconds_left=0.0), persistent=True, arrays=False
        )
    except LimitReached:
        return
    if report != _opcode_by_opcode(data):
        raise LawBrokenError("not-as-opcode-by-opcode", report)
    if not report.stopped and report.inert:
        raise LawBrokenError("inert-without-end", report)
    rules = {finding.rule for finding in report.findings}
    if any(finding.rule in _OTHERWISE and finding.level in _HARM for finding in report.findings):
        return  # the reference would go off, or reads something else that may
    for kind in reference.KINDS:
        for seen in reference.read(data, kind):
            _compare(report, rules, seen)
    sure = rules.isdisjoint(_BLIND)
    _same_values(data, reference.read(data, reference.ROBUST) if sure else [], arrays=False)
    sure = sure and "hijacked-method" not in rules  # several methods may have been replaced
    _same_values(data, [reference.read_joblib(data)] if sure else [], arrays=True)


class OneByOne(Walk):
    """The walk without what it reads at once: tensors that repeat, and runs of numbers."""

    def _slice(self, count: int) -> None:
        for _ in range(count):
            super()._slice(1)
            if self.stopped:
                return


def _opcode_by_opcode(data: bytes) -> PickleReport:
    budget = Budget(limits=LIMITS, fickling_seconds_left=0.0)
    machine = Machine("", budget, persistent=True, arrays_inline=False, read_storage=read_storage)
    try:
        return report_of(OneByOne(data, 0, machine))
    except LimitReached as limit:
        raise LawBrokenError("limit-opcode-by-opcode", limit.rule) from limit


def _compare(report: PickleReport, rules: set[str], seen: reference.Seen) -> None:
    known = set(report.imports)
    for module, name in seen.imports:
        if f"{module}.{name}" not in known and rules.isdisjoint(_BLIND) and len(known) < LIMITS.imports:
            raise LawBrokenError("import-not-seen", (module, name))
        if loaders.hostile(module, name) and all(finding.level not in _HARM for finding in report.findings):
            raise LawBrokenError("hostile-import-without-finding", (module, name))
    if seen.finished and not report.stopped and rules.isdisjoint(_BLIND):
        raise LawBrokenError("stopped-early", report.findings)
    if report.inert:
        for how, (module, name) in seen.calls:
            _vouched(how, module, name, "inert-but-calls")


_MAKERS = {Check.RECONSTRUCTOR, Check.NEWOBJ, Check.GETATTR, Check.PARTIAL}
"""What returns something of a class that it was given."""


_GETTER = "DynamicInheritanceGetter"
"""PyTorch Geometric's: it makes a class of two."""


class _Listening(Machine):
    """Keeps what each import was called with, as the walk saw it."""

    def __init__(self, where: str, budget: Budget, *, persistent: bool, arrays_inline: bool) -> None:
        super().__init__(where, budget, persistent=persistent, arrays_inline=arrays_inline, read_storage=read_storage)
        self.called: list[tuple[tuple[str, str], object]] = []
        self.states: list[tuple[tuple[str, str], object]] = []
        self._inside = False

    def call(self, callee: Any, args: Any, how: How, offset: int) -> Any:
        """Judge REDUCE, NEWOBJ and NEWOBJ_EX."""
        return self._listen(callee, args, functools.partial(super().call, callee, args, how, offset))

    def instantiate(self, callee: Any, args: tuple[Any, ...], offset: int) -> Any:
        """Judge OBJ and INST."""
        return self._listen(callee, args, functools.partial(super().instantiate, callee, args, offset))

    def _listen(self, callee: Any, args: Any, judge_it: Callable[[], Any]) -> Any:
        """Note a call and judge it; the calls that judging makes of it are no further ones."""
        if self._inside:
            return judge_it()
        if isinstance(callee, Import):
            given = tuple(args) if type(args) is list else args  # Python's reader takes a list as well
            told = reference.shape(_plain(given)) if type(given) is tuple else reference.ANYTHING
            self.called.append(((callee.module, callee.name), told))
        self._inside = True
        try:
            return judge_it()
        finally:
            self._inside = False

    def build(self, target: Any, state: Any, offset: int) -> None:
        """Take a state."""
        root = target
        while isinstance(root, Obj):
            root = root.callee
        if isinstance(root, Import):
            self.states.append(((root.module, root.name), reference.shape(_plain(state))))
        elif isinstance(root, Persistent):
            self.states.append((reference.PERSISTENT, reference.shape(_plain(state))))
        super().build(target, state, offset)


def _guarded(method: Callable[..., Any]) -> Callable[..., Any]:
    """*method*, whose own mistakes the walk would take for the pickle's: an underflow, an entry that does not exist."""

    @functools.wraps(method)
    def called(*args: Any, **options: Any) -> Any:
        try:
            return method(*args, **options)
        except (IndexError, KeyError, struct.error, UnicodeDecodeError) as error:
            raise LawBrokenError(f"fault-in-{method.__name__}", repr(error)) from error

    return called


for _name in (
    "call",
    "instantiate",
    "build",
    "append",
    "set_items",
    "add_items",
    "global_",
    "stack_global",
    "extension",
    "persistent_id",
):
    setattr(_Listening, _name, _guarded(getattr(_Listening, _name)))


def _plain(value: Any, depth: int = 0) -> Any:
    """Return the values that the walk holds, with stand-ins of the reference for imports."""
    if isinstance(value, Import):
        return reference.stand_in((value.module, value.name))
    if depth > reference.DEEPEST:
        return value
    if type(value) in {tuple, list}:
        return type(value)(_plain(item, depth + 1) for item in value)
    if type(value) is dict:
        return {key: _plain(item, depth + 1) for key, item in value.items()}
    return str(value) if isinstance(value, Python2Text) else value


def _same_values(data: bytes, readers: list[reference.Seen], *, arrays: bool) -> None:
    """The walk holds what the unpickler holds: arguments of calls, states, the result."""
    budget = Budget(limits=LIMITS, fickling_seconds_left=0.0)
    machine = _Listening("", budget, persistent=True, arrays_inline=arrays)
    walk = Walk(data, 0, machine)
    walk.run()
    for seen in readers:
        called = [
            (key, arguments)
            for (how, key), arguments in zip(seen.calls, seen.arguments, strict=True)
            if how != "computed" and key != reference.PERSISTENT
        ]
        for law, theirs, ours in (("arguments", called, machine.called), ("states", seen.states, machine.states)):
            for expected, told in zip(theirs, ours, strict=False):
                made = judge(*expected[0]).check in _MAKERS or expected[0][1] == _GETTER
                if (expected[0] != told[0] and not made) or reference.differ(expected[1], told[1]):
                    raise LawBrokenError(f"other-{law}", (expected, told))
        if seen.finished and reference.differ(seen.result, reference.shape(_plain(walk.result))):
            raise LawBrokenError("other-result", (seen.result, walk.result))


def _vouched(how: str, module: str, name: str, law: str) -> None:
    """Callables of an inert pickle must be vouched for; ``getattr`` and ``partial`` make what may be called."""
    judged = judge(module, name)
    if how == "computed":
        if judged.check not in {Check.PARTIAL, Check.GETATTR} and name != _GETTER:
            raise LawBrokenError(f"{law}-a-result", (module, name))
    elif not judged.uses & {Use.CALL, Use.MEMBER, Use.NEW}:
        raise LawBrokenError(law, (how, module, name))


_REQUEST: dict[str, Any] = {"member": None, "limit": 300, "places": ["0x0"], "names": ["os.system"]}
_FICKLING = replace(LIMITS, fickling_seconds=0.3)


def viewed(data: bytes) -> None:
    """No view fails, the parent believes every line of one, and they show what a scan sees."""
    report = scan_content(data, LIMITS)
    request = {**_REQUEST, "names": list(report.imports)}
    lines: dict[Any, list[dict[str, Any]]] = {}
    for view in (views.trace, views.disassemble, views.explain):
        put = lines.setdefault(view, [])

        def told(line: dict[str, Any], put: list[dict[str, Any]] = put) -> None:
            _kind, value = json.loads(wire.encode("line", line))
            put.append(wire.view_line("line", value))

        view(data, LIMITS, request, told)
    broken = any(finding.rule.startswith("malformed") for finding in report.findings)
    broken = broken or any(line["kind"] == "stuck" for line in lines[views.disassemble])
    broken = broken or any(name.endswith(".getattr") for name in report.imports)  # fetches what it names further
    if report.complete and not broken and len(report.imports) < LIMITS.imports:
        shown = {line["name"] for line in lines[views.explain] if line["kind"] == "act" and line["what"] == "import"}
        if len(lines[views.explain]) < _REQUEST["limit"] and not shown.issuperset(map(printable, report.imports)):
            raise LawBrokenError("import-not-shown", (shown, report.imports))
    _same_opcodes(data, lines[views.disassemble])


def _same_opcodes(data: bytes, lines: list[dict[str, Any]]) -> None:
    """The disassembly has the opcodes that Python's own has, as far as that one reads."""
    if not (lines and lines[0]["kind"] == "pickle" and lines[0]["start"] == 0 and not lines[0]["member"]):
        return
    shown = iter(lines[1:])
    with contextlib.suppress(ValueError, SyntaxError):
        for opcode, _argument, position in pickletools.genops(data):
            line = next(shown, None)
            if line is None or line["kind"] != "op" or line["op"] == GAP:  # cut, the end, joblib's array
                return
            if (line["op"], line["offset"]) != (opcode.name, position):
                raise LawBrokenError("other-opcode", (line, opcode.name, position))


def decompiled(data: bytes) -> None:
    """Neither does the one for which fickling is asked; nor its second opinion in a scan."""

    def put(line: dict[str, Any]) -> None:
        wire.view_line("line", json.loads(wire.encode("line", line))[1])

    views.decompile(data, _FICKLING, _REQUEST, put)
    report = scan_content(data, _FICKLING)
    if any(finding.rule == "scan-error" for finding in report.findings):
        raise LawBrokenError("scan-error", report.findings)
    plain = decide(scan_content(data, LIMITS), Policy())
    if decide(report, Policy()) != plain:
        raise LawBrokenError("fickling-changes-verdict", plain)
