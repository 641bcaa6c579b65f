"""Bytes that a loader unpickles from offset 0: one pickle, several in a row, torch's legacy file.

Mirrors Lib/pickle.py (``load`` stops at the first STOP and leaves the rest to the caller) and torch/serialization.py
(``_legacy_load``, which goes on behind it). Where the first pickle ends, a second one, a container or a payload for
another reader may begin: scanners that stop at the first STOP miss them, so everything behind it is judged as well.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from picklewatch.analysis.formats import torch_legacy
from picklewatch.analysis.formats.context import Scan, worst
from picklewatch.analysis.formats.encoded import search_encoded
from picklewatch.analysis.formats.hidden_pickles import acts, harms, runs, search, unmistakable
from picklewatch.analysis.formats.trials import trial
from picklewatch.analysis.pickle import looks_like_pickle
from picklewatch.analysis.pickle.vm.torch_storages import MAGIC
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from picklewatch.analysis.formats.part import Part
    from picklewatch.analysis.pickle import PickleReport

PICKLE = 200
"""Units of work that a pickle costs besides its opcodes."""

_CONTAINERS = (b"PK\x03\x04", b"\x93NUMPY", b"7z\xbc\xaf\x27\x1c", b"\xfd7zXZ", b"\x1f\x8b\x08")
_SHORTEST = 2
"""Opcodes of a pickle that holds one constant."""

_JOBLIB = ("joblib.numpy_pickle.", "sklearn.externals.joblib.")


def matches(_head: bytes, data: memoryview) -> bool:
    """Return True if *data* is a pickle by its first bytes."""
    return bool(looks_like_pickle(data, 0))


def read(scan: Scan, part: Part) -> str:
    """Judge the pickles from offset 0 and return the exact format name.

    Encoded pickles are searched for in the bytes as the unpickler has them, and before what follows is judged: a text
    may be read in another encoding than the pickle (UTF-16), and what follows may reach a limit.
    """
    first = scan.pickle(part)
    if scan.worst.rank < Level.UNSAFE.rank:
        search_encoded(scan, part)
    _row(scan, part, first)
    if first.value == MAGIC and first.stopped:
        return "torch-legacy"
    return "joblib" if any(name.startswith(_JOBLIB) for name in first.imports) else "pickle"


def _row(scan: Scan, part: Part, report: PickleReport) -> None:
    """Judge the bytes behind a pickle: further ones as loads in a loop read them, torch's files, then anything."""
    size = len(part.data)
    while True:
        if not report.stopped:
            search(scan, part, report.end, place="behind a pickle that breaks off")
            return
        end = step_over(scan, part, torch_legacy.read(scan, part, report.end) if report.value == MAGIC else report.end)
        if end >= size:
            return
        if not looks_like_pickle(part.data, end, scan.budget):
            break
        scan.budget.charge(PICKLE)
        report = scan.pickle(part, end)
    scan.finding("trailing-data", Level.INFO, part.at(end), f"{size - end} bytes follow the pickle.")
    behind(scan, part, end, place="behind other data")


def step_over(scan: Scan, part: Part, start: int) -> int:
    """Return the end of the row of pickles of one constant each that begins at *start*: there may be a million."""
    run = _CONSTANTS.match(part.data, start)
    if run is None:
        return start
    scan.budget.charge((run.end() - start) // _STEPPED)
    return run.end()


_CONSTANTS = re.compile(
    rb"(?:(?:\x80[\x02-\x05])?(?:[N\x88\x89\])}]|K[\x00-\xff]|M[\x00-\xff]{2}|J[\x00-\xff]{4}|G[\x00-\xff]{8})\.)++"
)
"""Protocol, one constant or empty container, STOP."""
_STEPPED = 32
"""Bytes of such pickles that are stepped over in the time of one unit of work."""


def behind(scan: Scan, part: Part, start: int, *, place: str) -> None:
    """Judge bytes behind those that a loader reads: a container is judged, of anything else only harm counts."""
    if search(scan, part, start, place=place):
        return
    rest = part.behind(start)
    if bytes(rest.data[:6]).startswith(_CONTAINERS):
        scan.guarded(rest.where, lambda: scan.content(rest), rest.chunks)
    else:
        scan.only_harm(lambda: scan.content(rest), rest.where)


def lead(scan: Scan, part: Part) -> None:
    """Report content of another format that runs code if `pickle.load` is given it: a polyglot."""
    report = trial(scan, part)
    if report is not None and _does_something(report, part.data):
        scan.adopt(report, part)
        summary = "The content looks like something else, but a loader that unpickles it runs code."
        scan.finding("polyglot", worst(report.findings), part.at(0), summary, ", ".join(report.imports))


def in_letters(scan: Scan, part: Part) -> bool:
    """Return True if a text is a pickle of protocol 0 or 1: it runs to its end, or up to a call that does harm.

    Source code and lists of words spell imports, too (``import os``, ``cat``), of modules that don't exist.
    """
    report = trial(scan, part)
    if report is None:
        return True
    harm = worst(report.findings).rank >= Level.UNSAFE.rank
    if report.stopped and report.opcodes <= _SHORTEST and not harm:  # letters that are a whole pickle, such as "N."
        search(scan, part, report.end, place="behind other data")
        following = trial(scan, part, report.end) if report.end < len(part.data) else None
        return following is not None and runs(following, part.data[report.end :])
    return report.stopped or _does_something(report, part.data) or any(map(unmistakable, report.imports))


def _does_something(report: PickleReport, data: memoryview) -> bool:
    return acts(report) or harms(report) or runs(report, data)
