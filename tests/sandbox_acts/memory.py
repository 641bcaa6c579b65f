"""Searches the scanning process's own memory for what the command's environment held; tests only.

Only before the lock can ``/proc/self/mem`` be opened, so the search is made by the import, which is then no later than
what hostile code could do.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox_acts.hostile import report

if TYPE_CHECKING:
    from picklewatch.core.model import Limits, ScanReport

JOB = "sandbox_acts.memory:act"
_PATTERN = rb"hf_[x]{20}[y]"
"""Matches the secret of the test, which is nowhere spelt out here."""


def _found() -> int:
    hits = 0
    with Path("/proc/self/mem").open("rb", buffering=0) as memory:
        for line in Path("/proc/self/maps").read_text().splitlines():
            span, rights, *_ = line.split()
            begin, end = (int(number, 16) for number in span.split("-"))
            if rights.startswith("rw"):
                memory.seek(begin)
                hits += len(re.findall(_PATTERN, memory.read(end - begin)))
    return hits


_HITS = _found()


def act(_data: Any, _limits: Limits, _tell: object = None) -> ScanReport:
    """Report how often the secret was found."""
    return report(f"hits: {_HITS}")
