"""The views' lines, as the child says them: flat objects, bounded in number and size.

Every line has a ``kind``: ``pickle`` (one begins: where), ``step`` (trace), ``op`` (disassemble), ``source`` and
``code`` (decompile), ``act`` (explain), ``stuck`` (why an unpickler would stop there), ``end`` (how a pickle ends),
``limit`` (why no more is shown), ``none`` (there was nothing to show), ``total`` (the last line).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from picklewatch.analysis.views.collect import visit
from picklewatch.analysis.views.observer import GAP, BrokenError, LimitedError
from picklewatch.analysis.views.opcode_text import argument
from picklewatch.analysis.views.python_text import sources
from picklewatch.analysis.views.value_text import clip
from picklewatch.core.member_patterns import is_member

if TYPE_CHECKING:
    from collections.abc import Callable

    from picklewatch.analysis.pickle import Buffer
    from picklewatch.analysis.views.collect import Found
    from picklewatch.analysis.views.observer import Observer, Step
    from picklewatch.core.model import Limits

    Line = dict[str, object]
    Put = Callable[[Line], None]
    Show = Callable[["Lines", Found], None]

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

    def put(self, kind: str, **fields: object) -> None:
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


def trace(data: Buffer, limits: Limits, request: dict[str, Any], put: Put) -> None:
    """Say each step of each pickle: what it does, the stack and the memo after it."""
    _each(data, limits, request, put, _trace)


def disassemble(data: Buffer, limits: Limits, request: dict[str, Any], put: Put) -> None:
    """Say each opcode of each pickle, with what it imports and calls."""
    _each(data, limits, request, put, _disassemble)


def decompile(data: Buffer, limits: Limits, request: dict[str, Any], put: Put) -> None:
    """Say each pickle as Python."""
    _each(data, limits, request, put, _decompile)


def explain(data: Buffer, limits: Limits, request: dict[str, Any], put: Put) -> None:
    """Say what the pickles do at the request's ``places`` and with its ``names``."""
    places, names = frozenset(request["places"]), frozenset(request["names"])

    def show(lines: Lines, found: Found) -> None:
        def acts(step: Step) -> None:
            where = found.part.at(step.offset) if step.acts else ""
            for act in step.acts:
                if where in places or act.name in names:
                    lines.put("act", where=where, what=act.kind, name=act.name, text=act.statement, given=act.arguments)

        try:
            found.observe().follow(acts)
        except LimitedError as error:
            lines.put("stuck", where=found.part.at(error.offset), text=_not_followed(error))
        except BrokenError:
            pass  # the verdict's findings say so

    _each(data, limits, request, put, show, quiet=True)


def _each(  # noqa: PLR0913 - the job's four, and two that differ
    data: Buffer, limits: Limits, request: dict[str, Any], put: Put, show: Show, *, quiet: bool = False
) -> None:
    lines = Lines(put, lines=request["limit"], output=limits.output)
    members: dict[str, None] = {}
    shown = 0

    def visitor(found: Found) -> None:
        nonlocal shown
        members[found.part.where] = None
        if not is_member(found.part.where, request["member"]):
            return
        shown += 1
        if not quiet:
            lines.put("pickle", **_heading(found))
        show(lines, found)

    name, ended = "other", ""
    try:
        name, ended = visit(data, limits, visitor)
    except EnoughError:
        return
    if not shown and not quiet:
        put({"kind": "none", "text": _nothing(name, members, request["member"])})
    put({"kind": "total", "format": name, "pickles": shown, "text": ended})


def _heading(found: Found) -> Line:
    return {
        "where": found.part.at(found.start),
        "member": found.part.where,
        "start": found.start,
        "end": found.report.end if found.report else None,
        "inert": bool(found.report and found.report.inert),
    }


def _nothing(name: str, members: dict[str, None], member: str | None) -> str:
    if not members:
        return f"There is no pickle in this file (format: {name})."
    listed = ", ".join(where or "the file itself" for where in list(members)[:20])
    return f"No pickle lies in a member {member}. There are pickles in: {clip(listed, _NOTES)}."


def _trace(lines: Lines, found: Found) -> None:
    observer = found.observe()

    def step_line(step: Step) -> None:
        lines.put(
            "step",
            **_op_fields(step, found, observer),
            stack=observer.top(STACK_SHOWN),
            stack_size=observer.height,
            memo=observer.memo,
        )

    _walk(lines, found, observer, step_line)


def _disassemble(lines: Lines, found: Found) -> None:
    observer = found.observe()
    _walk(lines, found, observer, lambda step: lines.put("op", **_op_fields(step, found, observer)))


def _walk(lines: Lines, found: Found, observer: Observer, show: Callable[[Step], None]) -> None:
    """Show every step of one pickle, where it gets stuck, and what it comes to."""
    part = found.part

    def shown(step: Step) -> None:
        show(step)
        if step.trouble:
            lines.put("stuck", where=part.at(step.offset), text=f"An unpickler stops here: {step.trouble}.")

    try:
        observer.follow(shown)
    except LimitedError as error:
        lines.put("stuck", where=part.at(error.offset), text=_not_followed(error))
    except BrokenError as error:
        lines.put("stuck", where=part.at(error.offset), text=f"Nothing can be read from here on: {error}.")
    if observer.result is not None:
        lines.put("end", where=part.at(found.start), text=f"The result is {observer.result}")


def _not_followed(limit: LimitedError) -> str:
    return f"It is not followed any further, though an unpickler would go on: {limit}."


def _op_fields(step: Step, found: Found, observer: Observer) -> Line:
    return {
        "offset": step.offset,
        "depth": observer.depth - (step.op == "MARK"),
        "op": step.op,
        "argument": _argument(step, found),
        "acts": [act.kind for act in step.acts],
        "note": clip("; ".join(_note(act.kind, act.statement) for act in step.acts), _NOTES),
    }


def _argument(step: Step, found: Found) -> str:
    if step.op == GAP:
        return f"{step.end - step.offset} bytes that joblib reads by itself"
    return clip(argument(found.part.data, step.offset, step.end), _NOTES)


def _note(kind: str, statement: str) -> str:
    return {"import": "imports: ", "call": "calls: ", "state": "changes: "}.get(kind, "asks the loader: ") + statement


def _decompile(lines: Lines, found: Found) -> None:
    def code(text: str, offset: int | None = None) -> None:
        lines.put("code", text=clip(text, _NOTES), where=found.part.at(offset) if offset is not None else None)

    for source in sources(found):
        lines.put("source", by=source.by, text=source.note)
        source.write(code)
