"""One pickle as Python: fickling's view, or ours where fickling has none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from picklewatch.inspect.machine import Act, BrokenError, Machine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from picklewatch.engine import PickleReport
    from picklewatch.inspect.opcodes import Buffer

FICKLING_BYTES: Final = 8 << 20
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


def sources(data: Buffer, start: int, _report: PickleReport | None) -> Iterator[Source]:
    """Give the views of the pickle at *start*, one that shows everything last."""
    yield Source("picklewatch", "", ours(data, start))


def ours(data: Buffer, start: int) -> Iterator[tuple[int | None, str]]:
    """Write what the pickle at *start* imports, calls and returns, in order."""
    machine = Machine()
    try:
        for step in machine.run(data, start):
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
