"""pandas' time zones by name: ``dateutil/PATH`` has dateutil open that file (``pandas/_libs/tslibs/timezones.pyx``)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.checks.concern import Concern
from picklewatch.analysis.pickle.vm.values import Blob
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.report import Budget
    from picklewatch.analysis.pickle.vm.values import Import, Value

_PREFIX = "dateutil/"
_ZONE = re.compile(r"(?:[\w+-]+/)*[\w+-]+(?:\]|\Z)")
"""A name in the data base of zones, perhaps at the end of an element type's; others lead out of it: ``/``, ``..``, and
``:/etc/passwd``, whose colon dateutil takes away (``dateutil/tz/tz.py``, ``gettz``)."""


def zone_file_in(callee: Import, args: Value, budget: Budget) -> Concern | None:
    """Return the concern about a text, among what a function of pandas is given, that names a file as a zone."""
    if callee.module.partition(".")[0] != "pandas":
        return None
    waiting, seen = [args], set[int]()
    while waiting:
        value = waiting.pop()
        if isinstance(value, str | Blob):
            text = value if isinstance(value, str) else value.read().decode("utf-8", "replace")
            budget.charge(1 + len(text) // 8)
            if _PREFIX in text and not _ZONE.match(text.partition(_PREFIX)[2]):
                return Concern("suspicious-arguments", Level.UNSAFE, f"{callee.key} is to read a time zone from a file")
        elif isinstance(value, tuple | list | dict) and id(value) not in seen:
            seen.add(id(value))
            budget.charge(1 + len(value))
            waiting += value.values() if isinstance(value, dict) else value
    return None
