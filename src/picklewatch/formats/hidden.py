"""Looks for pickles and archives where no loader starts: behind, between and inside other data.

Nothing at such a place runs by itself, so only what would do harm is told: a payload that waits for a second loader, an
extraction, or a reader that starts elsewhere. Bytes of tensors and images begin like a pickle every few kilobytes by
chance; they are told apart by walking them and asking for an import of a real module with a harmful meaning.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

from picklewatch.formats.base import RANK, Part, Scan, worst
from picklewatch.model import Level

if TYPE_CHECKING:
    from collections.abc import Iterator

    from picklewatch.engine import PickleReport

WHOLE = 32 << 20
"""Bytes of one range that are searched through; of a longer one the first and the last half of it."""

CANDIDATES = 2_000
"""Places in one range that are walked."""

_START = re.compile(
    rb"\x80[\x02-\x05](?:[\x95ch}\])(\x8c\x8dXBCKJMGNTUV\x8a\x8f\x96]|I[-0-9])"
    rb"|[ci][A-Za-z_][\w.]{0,60}\r?\n[A-Za-z_][\w.]{0,80}\r?\n"
    rb"|\x8c[\x01-\x40][A-Za-z_][\w.]*(?:\x94|\x8c)"
    rb"|X[\x01-\x40]\0\0\0[A-Za-z_][\w.]*(?:[\x94Xq])"
)
"""How a pickle that imports something may begin: a protocol header, GLOBAL or INST, the names of a STACK_GLOBAL."""

_ROOTS = sys.stdlib_module_names | {
    "__builtin__", "commands", "exceptions", "cPickle", "copy_reg", "urllib2", "popen2", "StringIO",
    "torch", "numpy", "pandas", "joblib", "sklearn", "scipy", "pip", "setuptools", "pkg_resources", "distutils",
    "cloudpickle", "dill", "tensorflow", "keras", "jax", "transformers", "requests", "yaml", "django", "flask",
    "PICKLEWATCH_SELF_TEST", "nose", "pytest", "_pytest", "IPython", "idlelib", "lib2to3", "aiohttp", "fickling",
}  # fmt: skip
"""Modules that exist wherever models are loaded; a text line that merely looks like an import names another."""


def search(scan: Scan, part: Part, start: int = 0, stop: int | None = None, *, place: str) -> bool:
    """Judge what hides in *part* from *start* to *stop*; whether it would do harm. *place* says where in words."""
    found = False
    stop = len(part.data) if stop is None else min(stop, len(part.data))
    behind = start
    for offset in _candidates(part.data, start, stop):
        if offset < behind:
            continue
        report = harmful(scan, part, offset)
        if report is None:
            continue
        scan.adopt(report, part)
        level = worst(report.findings)
        summary = f"A pickle that would do harm lies {place}, where scanners don't look."
        scan.finding("hidden-pickle", level, part.at(offset), summary, ", ".join(report.imports))
        found = True
        behind = max(report.end, offset + 1)
    return found


def harmful(scan: Scan, part: Part, offset: int = 0) -> PickleReport | None:
    """The walk from *offset*, if it imports something harmful from a module that exists."""
    report = scan.trial(part, offset)
    if report is None or RANK[worst(report.findings)] < RANK[Level.UNSAFE]:
        return None
    if not any(_counts(finding.subject, finding.level, stopped=report.stopped) for finding in report.findings):
        return None
    return report


def _counts(subject: str, level: Level, *, stopped: bool) -> bool:
    """Whether a finding is about a real import: certain harm, or doubtful harm in a pickle that reaches its end."""
    if subject.partition(".")[0] not in _ROOTS:
        return False
    return level is Level.MALICIOUS or (level is Level.UNSAFE and stopped)


def _candidates(data: memoryview, start: int, stop: int) -> Iterator[int]:
    """Offsets at which a pickle may begin."""
    half = WHOLE // 2
    ranges = [(start, stop)] if stop - start <= WHOLE else [(start, start + half), (stop - half, stop)]
    left = CANDIDATES
    for begin, end in ranges:
        for match in _START.finditer(data[begin:end]):
            if data[begin + match.start()] in b"ci" and not _real(match.group()):
                continue
            left -= 1
            if left < 0:
                return
            yield begin + match.start()


def _real(text: bytes) -> bool:
    """Whether GLOBAL's or INST's module may exist."""
    return re.split(rb"[.\r\n]", text[1:], maxsplit=1)[0].decode("latin-1") in _ROOTS
