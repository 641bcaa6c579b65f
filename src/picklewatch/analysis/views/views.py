"""The views' lines, as the child says them: flat objects, bounded in number and size.

Every line has a ``kind``: ``pickle`` (one begins: where), ``step`` (trace), ``op`` (disassemble), ``source`` and
``code`` (decompile), ``act`` (explain), ``stuck`` (why an unpickler would stop there), ``end`` (how a pickle ends),
``limit`` (why no more is shown), ``none`` (there was nothing to show), ``total`` (the last line).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from picklewatch.analysis.views.collect import visit
from picklewatch.analysis.views.machine import Machine
from picklewatch.analysis.views.opcode_reader import GAP, BrokenError
from picklewatch.analysis.views.source import gaps, sources
from picklewatch.analysis.views.wording import clip, constant
from picklewatch.core.member_patterns import is_member

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from picklewatch.analysis.formats.part import Part
    from picklewatch.analysis.pickle import PickleReport
    from picklewatch.analysis.views.opcode_reader import Op
    from picklewatch.analysis.views.wording import Step
    from picklewatch.core.model import Limits

    Line = dict[str, Any]
    Put = Callable[[Line], None]
    Show = Callable[["Lines", Part, int, PickleReport | None], None]

STACK_SHOWN: Final = 6
"""Values of the stack that a step shows, the topmost last."""
_HEADROOM: Final = 128 << 10
_NOTES: Final = 4_000


class EnoughError(BaseException):
    """All lines that may be shown have been. Not an `Exception`: no reader may mistake it for a fault of the bytes."""


class Lines:
    """Takes lines until there are enough."""

    def __init__(self, put: Put, *, lines: int, output: int) -> None:
        self._put = put
        self._limit = lines
        self._lines_left = lines
        self._bytes_left = output - _HEADROOM

    def put(self, kind: str, **fields: Any) -> None:
        """Say one line."""
        line = {"kind": kind, **fields}
        self._lines_left -= 1
        self._bytes_left -= len(json.dumps(line))
        if self._lines_left < 0:
            self._put({"kind": "limit", "text": f"Only the first {self._limit} lines are shown (--limit)."})
            raise EnoughError
        if self._bytes_left < 0:
            self._put({"kind": "limit", "text": "No more is shown: the output reached its limit (scan.limits.output)."})
            raise EnoughError
        self._put(line)


def trace(data: Any, limits: Limits, request: dict[str, Any], put: Put) -> None:
    """Say each step of each pickle: what it does, the stack and the memo after it."""
    _each(data, limits, request, put, _trace)


def disassemble(data: Any, limits: Limits, request: dict[str, Any], put: Put) -> None:
    """Say each opcode of each pickle, with what it imports and calls."""
    _each(data, limits, request, put, _disassemble)


def decompile(data: Any, limits: Limits, request: dict[str, Any], put: Put) -> None:
    """Say each pickle as Python."""
    _each(data, limits, request, put, _decompile(limits))


def explain(data: Any, limits: Limits, request: dict[str, Any], put: Put) -> None:
    """Say what the pickles do at the request's ``places`` and with its ``names``."""
    places, names = frozenset(request["places"]), frozenset(request["names"])

    def show(lines: Lines, part: Part, start: int, report: PickleReport | None) -> None:
        for step in _steps(part, start, report):
            where = part.at(step.op.offset)
            for act in step.acts:
                if where in places or act.name in names:
                    lines.put("act", where=where, what=act.kind, name=act.name, text=act.statement, given=act.arguments)

    _each(data, limits, request, put, show, quiet=True)


def _each(  # noqa: PLR0913 - the job's four, and two that differ
    data: Any, limits: Limits, request: dict[str, Any], put: Put, show: Show, *, quiet: bool = False
) -> None:
    lines = Lines(put, lines=request["limit"], output=limits.output)
    members: dict[str, None] = {}
    shown = 0

    def visitor(part: Part, start: int, report: PickleReport | None) -> None:
        nonlocal shown
        members[part.where] = None
        if not is_member(part.where, request["member"]):
            return
        shown += 1
        if not quiet:
            lines.put("pickle", **_heading(part, start, report))
        show(lines, part, start, report)

    name, ended = "other", ""
    try:
        name, ended = visit(data, limits, visitor)
    except EnoughError:
        return
    if not shown and not quiet:
        put({"kind": "none", "text": _nothing(name, members, request["member"])})
    put({"kind": "total", "format": name, "pickles": shown, "text": ended})


def _heading(part: Part, start: int, report: PickleReport | None) -> Line:
    return {
        "where": part.at(start),
        "member": part.where,
        "start": start,
        "end": report.end if report else None,
        "inert": bool(report and report.inert),
    }


def _nothing(name: str, members: dict[str, None], member: str | None) -> str:
    if not members:
        return f"There is no pickle in this file (format: {name})."
    listed = ", ".join(where or "the file itself" for where in list(members)[:20])
    return f"No pickle lies in a member {member}. There are pickles in: {clip(listed, _NOTES)}."


def _steps(part: Part, start: int, report: PickleReport | None) -> Iterator[Step]:
    """Follow the pickle at *start* as far as its bytes can be read."""
    try:
        yield from Machine().run(part.data, start, gaps(report))
    except BrokenError:
        return


def _trace(lines: Lines, part: Part, start: int, report: PickleReport | None) -> None:
    machine = Machine()

    def step_line(step: Step) -> None:
        lines.put(
            "step",
            **_op_fields(step, machine),
            stack=machine.top_texts(STACK_SHOWN),
            stack_size=machine.height,
            memo=len(machine.memo),
        )

    _walk(lines, part, machine.run(part.data, start, gaps(report)), step_line)
    _result(lines, part, machine, start)


def _disassemble(lines: Lines, part: Part, start: int, report: PickleReport | None) -> None:
    machine = Machine()
    steps = machine.run(part.data, start, gaps(report))
    _walk(lines, part, steps, lambda step: lines.put("op", **_op_fields(step, machine)))
    _result(lines, part, machine, start)


def _walk(lines: Lines, part: Part, steps: Iterator[Step], say: Callable[[Step], None]) -> None:
    """Say every step of one pickle, and where it gets stuck."""
    try:
        for step in steps:
            say(step)
            if step.trouble:
                lines.put("stuck", where=part.at(step.op.offset), text=f"An unpickler stops here: {step.trouble}.")
    except BrokenError as error:
        lines.put("stuck", where=part.at(error.offset), text=f"Nothing can be read from here on: {error}.")


def _result(lines: Lines, part: Part, machine: Machine, start: int) -> None:
    if machine.result is not None:
        lines.put("end", where=part.at(start), text=f"The result is {machine.result.text}")


def _op_fields(step: Step, machine: Machine) -> Line:
    op = step.op
    return {
        "offset": op.offset,
        "depth": machine.depth - (op.name == "MARK"),
        "op": op.name,
        "argument": _argument(op),
        "acts": [act.kind for act in step.acts],
        "note": clip("; ".join(_note(act.kind, act.statement) for act in step.acts), _NOTES),
    }


def _note(kind: str, statement: str) -> str:
    return {"import": "imports: ", "call": "calls: ", "state": "changes: "}.get(kind, "asks the loader: ") + statement


def _argument(op: Op) -> str:
    if op.argument is None:
        return f"{op.length} bytes that joblib reads by itself" if op.name == GAP else ""
    if isinstance(op.argument, tuple):
        return clip(" ".join(op.argument), _NOTES)
    return constant(op.argument, op.length)


def _decompile(limits: Limits) -> Show:
    def show(lines: Lines, part: Part, start: int, report: PickleReport | None) -> None:
        for source in sources(part.data, start, report, limits):
            lines.put("source", by=source.by, text=source.note)
            for offset, text in source.lines:
                lines.put("code", text=clip(text, _NOTES), where=part.at(offset) if offset is not None else None)

    return show
