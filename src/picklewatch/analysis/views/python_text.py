"""One pickle as Python: fickling's view, or ours where fickling has none."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

from picklewatch.analysis.pickle.fickling_evidence import decompile
from picklewatch.analysis.views.observer import BrokenError, LimitedError
from picklewatch.analysis.views.value_text import TEXT, clip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from picklewatch.analysis.views.collect import Found
    from picklewatch.analysis.views.observer import Act, Step

    class Code(Protocol):
        """Takes a line of Python and its offset, where that is known."""

        def __call__(self, text: str, offset: int | None = None) -> None:
            """Take one."""


BYTES = 8 << 20
"""Bytes of one pickle up to which fickling is asked."""


@dataclass(frozen=True, slots=True)
class PythonText:
    """One view of one pickle."""

    by: str
    """``fickling`` or ``picklewatch``."""
    note: str
    """What the reader should know about it; may be empty."""
    write: Callable[[Code], None]
    """Writes the lines, each with its offset where that is known."""


def sources(found: Found) -> Iterator[PythonText]:
    """Give fickling's view of a pickle, and ours where fickling has none or leaves something out."""
    report, seconds = found.report, found.limits.fickling_seconds
    if report is None or not report.stopped or report.gaps:
        yield PythonText("picklewatch", "", partial(ours, found))
        return
    if report.end - report.start > BYTES:
        yield PythonText(
            "picklewatch", f"fickling is not asked about more than {BYTES >> 20} MiB", partial(ours, found)
        )
        return
    lines = decompile(bytes(found.part.data[report.start : report.end]), seconds)
    if not lines:
        note = f"fickling fails on it, or takes longer than {seconds:g} seconds"
        yield PythonText("picklewatch", note, partial(ours, found))
        return
    yield PythonText("fickling", "", partial(_theirs, lines))
    missing = [name for name in report.imports if not _named(name, lines)]
    if missing:
        yield PythonText("picklewatch", f"fickling leaves out {clip(', '.join(missing), TEXT)}", partial(ours, found))


def _named(name: str, lines: list[str]) -> bool:
    """Return True if *lines* name the last part of the import *name*."""
    last = name.rpartition(".")[2]
    return any(last in line for line in lines)


def _theirs(lines: list[str], code: Code) -> None:
    for line in lines:
        code(line)


def ours(found: Found, code: Code) -> None:
    """Write what a pickle imports, calls and returns, in order."""

    def statements(step: Step) -> None:
        for act in step.acts:
            code(_python(act), step.offset)
        if step.trouble:
            code(f"raise UnpicklingError({step.trouble!r})  # nothing below is reached", step.offset)

    observer = found.observe()
    try:
        observer.follow(statements)
    except LimitedError as error:
        code(f"# not followed any further: {error}", error.offset)
    except BrokenError as error:
        code(f"raise UnpicklingError({str(error)!r})", error.offset)
    if observer.result is not None:
        code(f"result = {observer.result}")


def _python(act: Act) -> str:
    return act.statement if act.kind != "import" or act.statement.isascii() else f"# import {act.statement!a}"
