"""Looks for pickles and archives where no loader starts: behind, between and inside other data.

Nothing at such a place runs by itself, so only what would do harm is told: a payload that waits for a second loader, an
extraction, or a reader that starts elsewhere. Bytes of tensors and images begin like a pickle every few kilobytes by
chance; they are told apart by walking them and asking for an import of a real module with a harmful meaning.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

from picklewatch.engine.lists.stdlib import STDLIB
from picklewatch.formats.base import Part, Scan, worst
from picklewatch.model import Level

if TYPE_CHECKING:
    from collections.abc import Iterator

    from picklewatch.engine import PickleReport

WHOLE = 32 << 20
"""Bytes of one range that are searched through; of a longer one the first and the last half of it."""

_PROTO = 0x80

SMALLEST = 10
"""Bytes of the shortest pickle that does harm."""

CANDIDATES = 2_000
"""Places in one range that are walked."""

_STARTS = (
    re.compile(rb"\x80[\x02-\x05](?:[\x95ch}\])(\x8c\x8dXBCKJMGNTUV\x8a\x8f\x96]|I[-0-9])"),
    re.compile(rb"\x8c(?=[\x01-\x40][A-Za-z_][\w.]*[\x94\x8c])"),
    re.compile(rb"X(?=[\x01-\x40]\0\0\0[A-Za-z_][\w.]*[\x94Xq])"),
)
"""How a pickle that imports something may begin: a protocol header, the names that a STACK_GLOBAL takes.

Each begins with one byte, for which the regular expression engine has a fast search.
"""

_ANY = re.compile(rb"\x80[\x02-\x05]|\x8c[\x01-\x40][A-Za-z_]|X[\x01-\x40]\0\0\0[A-Za-z_]|\n[A-Za-z_]")
_SMALL = 1024
"""In a few bytes one look for all beginnings at once is cheaper than a look for each."""

_NAME_LINE = re.compile(rb"\n(?=[A-Za-z_][\w.]{0,80}\r?\n)")
_MODULE = re.compile(rb"[A-Za-z_][\w.]*\r?\Z")
_INST = ord("i")
_ARGUMENTS = 300
"""INST takes its arguments from behind a mark, and needs one."""
_MODULE_LENGTH = 80
"""GLOBAL, INST and UNICODE spell a module, a line break, a name, a line break; the search goes by the second line."""

_ROOTS = {name for name in STDLIB if name.islower()} | {
    "__builtin__", "pipes", "commands", "exceptions", "cPickle", "copy_reg", "urllib2", "popen2", "StringIO",
    "torch", "numpy", "pandas", "joblib", "sklearn", "scipy", "pip", "setuptools", "pkg_resources", "distutils",
    "cloudpickle", "dill", "tensorflow", "keras", "jax", "transformers", "requests", "yaml", "django", "flask",
    "PICKLEWATCH_SELF_TEST", "nose", "pytest", "_pytest", "IPython", "idlelib", "lib2to3", "aiohttp", "fickling",
}  # fmt: skip
"""Modules that exist wherever models are loaded; a text line that merely looks like an import names another."""


def search(scan: Scan, part: Part, start: int = 0, stop: int | None = None, *, place: str) -> bool:
    """Judge what hides in *part* from *start* to *stop*; whether it would do harm. *place* says where in words."""
    found = False
    stop = len(part.data) if stop is None else min(stop, len(part.data))
    size = stop - start
    if size < SMALLEST or (size <= _SMALL and _ANY.search(part.data, start, stop) is None):
        return False
    behind = start
    for offset in _candidates(part.data, start, stop):
        if offset < behind:
            continue
        report = scan.trial(part, offset)
        if report is None:
            continue
        headed = report.stopped and part.data[offset] == _PROTO
        if not harms(report, headed=headed):
            if headed and not report.nested:
                behind = report.end
            continue
        scan.adopt(report, part)
        level = worst(report.findings)
        summary = f"A pickle that would do harm lies {place}, where scanners don't look."
        scan.finding("hidden-pickle", level, part.at(offset), summary, ", ".join(report.imports))
        found = True
        behind = max(report.end, offset + 1)
    return found


def harms(report: PickleReport, *, headed: bool = False) -> bool:
    """Whether the walk met harm that is no accident: a real module, and a call or a pickle that reaches its end.

    Words on two lines spell an import (``cos``, ``sin``), and programs hold many of them. What has both a header and an
    end (*headed*) is a pickle beyond chance, whatever it imports.
    """
    return any(
        (exists(finding.subject) or (headed and report.imports))
        and (report.stopped or (finding.level is Level.MALICIOUS and not finding.evidence.startswith(_MERELY_NAMED)))
        for finding in report.findings
        if finding.level in _HARM
    )


def acts(report: PickleReport) -> bool:
    """Whether the walk met an import that does something by itself, called or not."""
    return any(finding.rule == "import-side-effect" for finding in report.findings)


def runs(report: PickleReport, data: memoryview) -> bool:
    """Whether a loader that begins at the start of *data* calls what it imports, whoever wrote the module.

    Two lines of a text may spell an import; a call besides, or two names alone on their lines after a bracket and an
    ``i`` (INST), are no accident. What begins with a persistent id, as every zip does, goes no further in a loader that
    knows of none.
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
"""How the engine's evidence begins where an import is not called."""


def exists(name: str) -> bool:
    """Whether the root module of *name* exists wherever models are loaded."""
    return name.partition(".")[0] in _ROOTS


def unmistakable(name: str) -> bool:
    """Whether an import is of a function that attacks use, and can't be two words of prose."""
    return exists(name) and name.rpartition(".")[2] in WELL_KNOWN


WELL_KNOWN = {
    "system", "popen", "popen2", "Popen", "spawn", "spawnl", "spawnv", "posix_spawn", "execl", "execv",
    "execve", "fork", "eval", "exec", "execfile", "compile", "__import__", "getattr", "import_module",
    "run_path", "run_module", "runcode", "runctx", "check_output", "check_call", "getoutput", "getstatusoutput",
    "startfile", "rmtree", "unlink", "urlopen", "urlretrieve", "loads", "CDLL", "FunctionType", "CodeType",
    "create_connection", "main",
}  # fmt: skip
"""Functions that attacks import; what a broken one names is told too."""


def _candidates(data: memoryview, start: int, stop: int) -> Iterator[int]:
    """Offsets at which a pickle may begin, ascending."""
    half = WHOLE // 2
    ranges = [(start, stop)] if stop - start <= WHOLE else [(start, start + half), (stop - half, stop)]
    for begin, end in ranges:
        found: set[int] = set()
        for pattern in _STARTS:
            found.update(match.start() for match in islice(pattern.finditer(data, begin, end), CANDIDATES))
        found.update(islice(_lines(data, begin, end), CANDIDATES))
        yield from sorted(found)


def _lines(data: memoryview, start: int, stop: int) -> Iterator[int]:
    """Offsets of opcodes whose text names a module that may exist, and a name in it."""
    for match in _NAME_LINE.finditer(data, start, stop):
        begin = max(start, match.start() - _MODULE_LENGTH)
        before = bytes(data[begin : match.start()])
        for index in range(len(before) - 1, -1, -1):
            if before[index] in b"cV" and _real(before[index + 1 :]):
                yield begin + index
            elif before[index] == _INST and _real(before[index + 1 :]):
                mark = bytes(data[max(start, begin + index - _ARGUMENTS) : begin + index]).rfind(b"(")
                if mark >= 0:
                    yield max(start, begin + index - _ARGUMENTS) + mark


def _real(module: bytes) -> bool:
    """Whether *module* is spelt like a module and its root may exist."""
    if _MODULE.match(module) is None:
        return False
    return module.partition(b".")[0].rstrip(b"\r").decode("latin-1") in _ROOTS
