"""Time zones that name a file, which is then opened.

``tzfile`` opens what it is given (``dateutil/tz/tz.py``); for pandas, ``dateutil/PATH`` is the zone in that file
(``pandas/_libs/tslibs/timezones.pyx``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.checks.arguments import values_of
from picklewatch.analysis.pickle.checks.concern import Concern
from picklewatch.analysis.pickle.vm.values import Blob
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.checks.judges import Context
    from picklewatch.analysis.pickle.semantics.observations import Observations
    from picklewatch.analysis.pickle.vm.values import Import, Value

_PREFIX = "dateutil/"
_ZONE = re.compile(r"(?:[\w+-]+/)*[\w+-]+(?:\]|\Z)")
"""A name in the data base of zones, perhaps at the end of an element type's; others lead out of it: ``/``, ``..``, and
``:/etc/passwd``, whose colon dateutil takes away (``dateutil/tz/tz.py``, ``gettz``)."""


def tzfile(_context: Context, callee: Import, args: Value, _offset: int) -> Concern | None:
    """Let only ``tzfile(None, name)`` pass, which BUILD fills."""
    values = values_of(args)
    if values and values[0] is not None:
        return Concern("file-access", Level.UNSAFE, f"{callee.key} is given a file to open")
    return None


def zone_file_in(callee: Import, args: Value, observations: Observations) -> Concern | None:
    """Return the concern about a text, among what a function of pandas is given, that names a file as a zone."""
    for value in observations.data.each(args):
        if isinstance(value, str | Blob):
            text = value if isinstance(value, str) else value.read().decode("utf-8", "replace")
            observations.budget.charge(1 + len(text) // 8)
            if _PREFIX in text and not _ZONE.match(text.partition(_PREFIX)[2]):
                return Concern("suspicious-arguments", Level.UNSAFE, f"{callee.key} is to read a time zone from a file")
    return None
