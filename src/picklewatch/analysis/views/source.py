"""One pickle as Python: fickling's view, or ours where fickling has none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.fickling_evidence import decompile
from picklewatch.analysis.views.machine import Machine
from picklewatch.analysis.views.opcode_reader import NO_GAPS, BrokenError
from picklewatch.analysis.views.wording import TEXT, Act, clip

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from picklewatch.analysis.pickle import PickleReport
    from picklewatch.analysis.views.opcode_reader import Buffer
    from picklewatch.core.model import Limits

BYTES = 8 << 20
"""Bytes of one pickle up to which fickling is asked."""


@dataclass(frozen=True, slots=True)
class Source:
    """One view of one pickle."""

    by: str
    """``fickling`` or ``picklewatch``."""
    note: str
    """What the reader should know about it; may be empty."""
    lines: Iterator[tuple[int | None, str]]
    """The lines, each with its offset where that is known."""


def gaps(report: PickleReport | None) -> Mapping[int, int]:
    """Where *report*'s pickle is interrupted by bytes that its loader reads by itself."""
    return dict(report.gaps) if report else NO_GAPS


def sources(data: Buffer, start: int, report: PickleReport | None, limits: Limits) -> Iterator[Source]:
    """Give fickling's view of the pickle at *start*, and ours where fickling has none or leaves something out."""
    if report is None or not report.stopped or report.gaps:
        yield Source("picklewatch", "", ours(data, start, gaps(report)))
        return
    if report.end - start > BYTES:
        yield Source("picklewatch", f"fickling is not asked about more than {BYTES >> 20} MiB", ours(data, start))
        return
    lines = decompile(bytes(data[start : report.end]), limits.fickling_seconds)
    if not lines:
        note = f"fickling fails on it, or takes longer than {limits.fickling_seconds:g} seconds"
        yield Source("picklewatch", note, ours(data, start))
        return
    yield Source("fickling", "", iter([(None, line) for line in lines]))
    missing = [name for name in report.imports if not _named(name, lines)]
    if missing:
        yield Source("picklewatch", f"fickling leaves out {clip(', '.join(missing), TEXT)}", ours(data, start))


def _named(name: str, lines: list[str]) -> bool:
    """Whether *lines* name the last part of the import *name*."""
    last = name.rpartition(".")[2]
    return any(last in line for line in lines)


def ours(data: Buffer, start: int, gaps: Mapping[int, int] = NO_GAPS) -> Iterator[tuple[int | None, str]]:
    """Write what the pickle at *start* imports, calls and returns, in order."""
    machine = Machine()
    try:
        for step in machine.run(data, start, gaps):
            for act in step.acts:
                yield step.op.offset, _python(act)
            if step.trouble:
                yield step.op.offset, f"raise UnpicklingError({step.trouble!r})  # nothing below is reached"
    except BrokenError as error:
        yield error.offset, f"raise UnpicklingError({str(error)!r})"
        return
    if machine.result is not None:
        yield None, f"result = {machine.result.text}"


def _python(act: Act) -> str:
    return act.statement if act.kind != "import" or act.statement.isascii() else f"# import {act.statement!a}"
