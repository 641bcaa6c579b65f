"""fickling's reading of a pickle, as evidence for people. The only module that imports fickling, and only when asked.

Its parser and ``ast.unparse`` can take minutes and gigabytes over a hundred bytes, so it is asked only about what is
not proven inert, within a processor time that is shared over the file, and without its counts and heuristics that
cry wolf. What it fails on is no verdict: ours stands without it.
"""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import io
import re
import signal
import time
from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.render import cut
from picklewatch.analysis.pickle.vm.values import Obj
from picklewatch.core.model import Finding, Level

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import FrameType

    from fickling.analysis import AnalysisResult
    from fickling.fickle import Pickled

    from picklewatch.analysis.pickle.report import Budget
    from picklewatch.analysis.pickle.vm.interpreter import Walk
    from picklewatch.analysis.pickle.vm.values import Value

_BYTES = 4 << 20
"""Bytes of one pickle up to which fickling is asked."""
_SECONDS = 0.5
"""Processor seconds that fickling may take over a small pickle,"""
_SECONDS_PER_BYTE = 1e-6
"""and for each of its bytes: the result is evidence for people, and no verdict."""
_EXPANDED = 100_000
"""Nodes of the written-out values up to which fickling is asked."""
_COMPOUND = (tuple, list, dict, Obj)
_LINE = 300
"""Characters of one decompiled line that are kept."""
_LINES = 20_000
_OPINIONS = 5
"""Results of fickling's analyses kept of one pickle."""
_MARK = "  # fickling: "
_CALL = re.compile(r"(\w+)\(")


class _TimeUp(BaseException):
    """The processor time for fickling is spent."""


def decompile(data: bytes, seconds: float = 5.0) -> list[str]:
    """Return Python for the pickle *data*, line by line; nothing without a result in *seconds* of processor time."""
    try:
        with _bounded(seconds):
            return _lines(_parsed(data))
    except (_TimeUp, Exception):  # noqa: BLE001 - whatever it makes of hostile bytes
        return []


def _second_opinion(data: bytes, seconds: float) -> tuple[list[str], list[AnalysisResult]]:
    """Return fickling's Python for *data* and the results of its analyses, as far as it came."""
    lines: list[str] = []
    results: list[AnalysisResult] = []
    try:
        with _bounded(seconds):
            pickled = _parsed(data)
            results += _analysed(pickled)
            lines += _lines(pickled)
    except (_TimeUp, Exception):  # noqa: BLE001, S110 - its failure is no verdict
        pass
    return lines, results


def _analysed(pickled: Pickled) -> list[AnalysisResult]:
    """Return the results that name something; others count, guess, or call all but the standard library unsafe."""
    from fickling import analysis

    chosen = (analysis.UnsafeImports(), analysis.UnsafeImportsML(), analysis.ScannerDeactivation())
    results = analysis.check_safety(pickled, analyzer=analysis.Analyzer(chosen)).results
    return [result for result in results if result.message and result.severity > analysis.Severity.LIKELY_SAFE]


def _parsed(data: bytes) -> Pickled:
    from fickling import fickle

    fickle.DEFAULT_INTERPRETER_LIMITS = dataclasses.replace(
        fickle.DEFAULT_INTERPRETER_LIMITS, max_memo_size=10_000_000, max_get_ratio=10_000_000
    )
    return fickle.Pickled.load(io.BytesIO(data))


def _lines(pickled: Pickled) -> list[str]:
    lines: list[str] = []
    for statement in pickled.ast.body:
        lines += [line[:_LINE] for line in ast.unparse(statement).split("\n")]
        if len(lines) > _LINES:
            break
    return lines


@contextlib.contextmanager
def _bounded(seconds: float) -> Iterator[None]:
    """Interrupt what runs inside after *seconds* of processor time; only a main thread can be interrupted."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise _TimeUp

    try:
        before = signal.signal(signal.SIGPROF, interrupt)
    except ValueError:
        raise _TimeUp from None
    signal.setitimer(signal.ITIMER_PROF, max(seconds, 0.001))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def enrich(findings: Iterable[Finding], walk: Walk, start: int, budget: Budget) -> tuple[Finding, ...]:
    """Return *findings* with fickling's line beside ours where one names the import, and its analyses' results."""
    findings, end = tuple(findings), walk.position
    if budget.fickling_seconds_left <= 0 or end - start > _BYTES or not any(_wanted(finding) for finding in findings):
        return findings
    if walk.machine.observations.gaps or expanded([walk.result, *walk.stack, *walk.memoized]) > _EXPANDED:
        return findings
    before = time.process_time()
    seconds = min(budget.fickling_seconds_left, _SECONDS + _SECONDS_PER_BYTE * (end - start))
    lines, results = _second_opinion(bytes(walk.data[start:end]), seconds)
    budget.fickling_seconds_left -= time.process_time() - before
    room = budget.limits.evidence
    calls = _calls(lines)
    most = budget.limits.findings  # a record keeps no more
    beside = tuple(_with_line(finding, calls, room) if _wanted(finding) else finding for finding in findings[:most])
    return (*beside, *findings[most:], *_opinions(results, walk.machine.observations.where(start), room))


def _opinions(results: Iterable[AnalysisResult], where: str, room: int) -> Iterator[Finding]:
    """Yield the results of fickling's analyses as findings that do not count: they let people compare."""
    texts = dict.fromkeys((str(result.analysis_name), " ".join(result.message.split())) for result in results)
    for name, text in list(texts)[:_OPINIONS]:
        yield Finding(rule="fickling", level=Level.INFO, where=where, summary=f"fickling ({name}): {text}"[:room])


def expanded(roots: Iterable[Value], most: int = _EXPANDED) -> int:
    """Return how many nodes *roots* would have if nothing in them were shared, up to about *most*, in linear time.

    ``ast.unparse`` writes shared values out each time: a hundred bytes can stand for more text than memory holds.
    """
    sizes: dict[int, int] = {}
    total = 0
    for root in roots:
        waiting: list[tuple[Value, bool]] = [(root, False)]
        while waiting:
            value, ready = waiting.pop()
            if ready:
                sizes[id(value)] = min(most + 1, 1 + sum(sizes.get(id(child), 1) for child in _children(value)))
            elif id(value) not in sizes:
                sizes[id(value)] = 1  # a cycle ends here
                waiting.append((value, True))
                waiting.extend((child, False) for child in _children(value) if isinstance(child, _COMPOUND))
        total += sizes[id(root)]
        if total > most:
            break
    return total


def _children(value: Value) -> Iterable[Value]:
    if isinstance(value, dict):
        return value.values()
    if isinstance(value, Obj):
        return (value.callee, value.args, value.state)
    return value if isinstance(value, tuple | list) else ()


def _wanted(finding: Finding) -> bool:
    return finding.level in {Level.UNSAFE, Level.MALICIOUS} and bool(finding.subject)


def _calls(lines: Iterable[str]) -> dict[str, str]:
    """Return the first line that calls each name."""
    calls: dict[str, str] = {}
    for line in lines:
        if not line.startswith(("import ", "from ")):
            for name in _CALL.findall(line):
                calls.setdefault(name, line)
    return calls


def _with_line(finding: Finding, calls: dict[str, str], room: int) -> Finding:
    line = calls.get(finding.subject.rpartition(".")[2])
    if line is None:
        return finding
    return dataclasses.replace(finding, evidence=cut(f"{finding.evidence}{_MARK}{line}", room))
