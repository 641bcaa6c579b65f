"""Looks for pickles and archives where no loader starts: behind, between and inside other data.

Nothing at such a place runs by itself, so only harm is reported: a payload that waits for a second loader, for an
extraction, or for a reader that starts elsewhere (``pickle.load`` at an offset; a zip's reader behind a pickle). Bytes
of tensors and images begin like a pickle every few kilobytes by chance; a walk and the import of a real module with a
harmful meaning tell a payload from them.

A range is searched to its end, holes aside, and the ranges of one file up to `context.SEARCHED` bytes; if more is left
then, that is reported. Of tensors' bytes callers pass the beginning only: that is a sample, not a part of the proof.
"""

from __future__ import annotations

import re
from heapq import merge
from typing import TYPE_CHECKING

from picklewatch.analysis.formats.context import SEARCHED, Scan, worst
from picklewatch.analysis.formats.import_lines import ROOTS, SHORT_TEXTS, import_lines
from picklewatch.analysis.formats.trials import trial
from picklewatch.analysis.sparse import solid
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from collections.abc import Iterator

    from picklewatch.analysis.formats.part import Part
    from picklewatch.analysis.pickle import PickleReport

_PER_UNIT = 100
"""Bytes that are searched through in the time of one unit of work."""

_PROTO = 0x80

SMALLEST = 10
"""Bytes of the shortest pickle that does harm."""

_STARTS = (
    re.compile(rb"\x80[\x02-\x05](?:[\x95ch}\])(\x8c\x8dXBCKJMGNTUV\x8a\x8f\x96]|I[-0-9])"),
    *(re.compile(opcode + rb"(?=" + length + rb"[A-Za-z_]\w)") for opcode, length in SHORT_TEXTS),
)
"""The beginnings of a pickle that imports something: a protocol header, or the names that STACK_GLOBAL takes.

Each begins with one byte, for which the regular expression engine has a fast search.
"""
_AT_NAME = {0x8C: 2, ord("X"): 5}
"""Opcode of a short text → bytes up to its first letter."""

_ANY = re.compile(
    rb"|".join(
        (rb"\x80[\x02-\x05]", *(opcode + length + rb"[A-Za-z_]" for opcode, length in SHORT_TEXTS), rb"\n[A-Za-z_]")
    )
)
_SMALL = 1024
"""Bytes up to which one search for all beginnings at once is cheaper than one for each."""

_INST = ord("i")


def search(  # noqa: PLR0913  (a range of one part, and where it lies)
    scan: Scan, part: Part, start: int = 0, stop: int | None = None, *, place: str, compiled: bool = False
) -> bool:
    """Judge hidden pickles in *part* from *start* to *stop*; return True if one would do harm.

    *place* names the place in words. In *compiled* Python a pickle may be a constant, which is unverified.
    """
    found = False
    stop = len(part.data) if stop is None else min(stop, len(part.data))
    size = stop - start
    if size < SMALLEST or (size <= _SMALL and _ANY.search(part.data, start, stop) is None):
        return False
    behind = start
    for offset in _candidates(scan, part, start, stop):
        if offset < behind:
            continue
        report = trial(scan, part, offset)
        if report is None:
            continue
        headed = report.stopped and part.data[offset] == _PROTO
        if not harms(report, headed=headed):
            if headed and not report.nested:
                behind = report.end
            continue
        level = Level.UNVERIFIED
        if not compiled or not _is_constant(part.data, offset, report.end):
            scan.adopt(report, part)
            level = worst(report.findings)
        summary = f"A pickle that would do harm lies {place}, where scanners don't look."
        scan.finding("hidden-pickle", level, part.at(offset), summary, ", ".join(report.imports))
        found = True
        behind = max(report.end, offset + 1)
    return found


def _is_constant(data: memoryview, start: int, end: int) -> bool:
    """Return True if bytes of marshal begin at *start* and hold all up to *end* (``TYPE_STRING``, Python/marshal.c)."""
    head = bytes(data[max(start - 5, 0) : start])
    return head[:1] in {b"s", b"\xf3"} and int.from_bytes(head[1:], "little") >= end - start


def harms(report: PickleReport, *, headed: bool = False) -> bool:
    """Return True if the walk met harm beyond chance: a real module, and a call or a pickle that reaches its end.

    Words on two lines spell an import (``cos``, ``sin``), and programs hold many of them. Bytes with both a header and
    an end (*headed*) are a pickle beyond chance, whatever they import.
    """
    return any(
        (exists(finding.subject) or (headed and report.imports))
        and (report.stopped or (finding.level is Level.MALICIOUS and not finding.evidence.startswith(_MERELY_NAMED)))
        for finding in report.findings
        if finding.level in _HARM
    )


def acts(report: PickleReport) -> bool:
    """Return True if the walk met an import that acts by itself, called or not."""
    return any(finding.rule == "import-side-effect" for finding in report.findings)


def runs(report: PickleReport, data: memoryview) -> bool:
    """Return True if a loader that begins at the start of *data* calls one of its imports, of whatever module.

    Two lines of a text may spell an import by chance, but no call besides, nor two names alone on their lines after
    a bracket and an ``i`` (INST). Data that begins with a persistent id, as every zip does ("P"), goes no further in a
    loader that knows of none.
    """
    if report.opcodes <= _WORDS or data[0] == _PERSID:
        return False
    return any(
        (_DOTTED.fullmatch(finding.subject) is not None and not finding.evidence.startswith(_MERELY_NAMED))
        or (finding.rule == "computed-call" and any(map(exists, report.imports)))
        for finding in report.findings
    )


_WORDS = 2
_PERSID = ord("P")
_DOTTED = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)+")
_HARM = (Level.UNSAFE, Level.MALICIOUS)
_MERELY_NAMED = "from "
"""The beginning of the engine's evidence for an import that is not called."""


def exists(name: str) -> bool:
    """Return True if the root module of *name* exists wherever models are loaded."""
    return name.partition(".")[0] in ROOTS


def unmistakable(name: str) -> bool:
    """Return True if *name* is a function that attacks use, and can't be two words of prose."""
    return exists(name) and name.rpartition(".")[2] in WELL_KNOWN


WELL_KNOWN = {
    "system", "popen", "popen2", "Popen", "spawn", "spawnl", "spawnv", "posix_spawn", "execl", "execv",
    "execve", "fork", "eval", "exec", "execfile", "compile", "__import__", "getattr", "import_module",
    "run_path", "run_module", "runcode", "runctx", "check_output", "check_call", "getoutput", "getstatusoutput",
    "startfile", "rmtree", "unlink", "urlopen", "urlretrieve", "loads", "CDLL", "FunctionType", "CodeType",
    "create_connection", "main",
}  # fmt: skip
"""Functions that attacks import; they are reported in a broken pickle, too."""


def _candidates(scan: Scan, part: Part, start: int, stop: int) -> Iterator[int]:
    """Yield offsets at which a pickle may begin, roughly ascending."""
    for begin, whole in solid(part.data, start, stop):
        end = begin + min(whole - begin, scan.search_left)
        scan.search_left -= end - begin
        scan.budget.charge((end - begin) // _PER_UNIT)
        begins = [_beginnings(pattern, part.data, begin, end) for pattern in _STARTS]
        yield from merge(*begins, _lines(scan, part.data, begin, end))
        if end < whole:
            scan.complete = False
            summary = f"More than {SEARCHED >> 30} GiB of the file could hide a pickle; the rest was not searched."
            scan.finding("limit-search", Level.UNSCANNABLE, part.at(end), summary)
            return


def _beginnings(pattern: re.Pattern[bytes], data: memoryview, start: int, stop: int) -> Iterator[int]:
    """Yield the offsets of *pattern*; a name has to be that of a module that may exist."""
    for match in pattern.finditer(data, start, stop):
        at = match.start()
        letters = _AT_NAME.get(data[at])
        if letters is None:
            yield at
        else:
            name = bytes(data[at + letters : at + letters + data[at + 1]])
            if name.partition(b".")[0].decode("latin-1") in ROOTS:
                yield at


def _lines(scan: Scan, data: memoryview, start: int, stop: int) -> Iterator[int]:
    """Yield offsets of opcodes whose text names a module that may exist, and a name in it.

    INST takes its arguments from behind a mark: the walk begins at the nearest.
    """
    mark = -1
    looked = start
    for at, _ in import_lines(data, start, stop, scan.budget.charge):
        if data[at] != _INST:
            yield at
            continue
        nearest = bytes(data[looked:at]).rfind(b"(")
        mark = looked + nearest if nearest >= 0 else mark
        looked = at
        if mark >= 0:
            yield mark
