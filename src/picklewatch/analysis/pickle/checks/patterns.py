"""Compiled patterns: ``re._compile`` (``Lib/re/__init__.py``) calls methods of what is no text, and takes its time.

A range beyond Latin-1 in a set (Chinese characters) is laid out as a table of 65,536 entries, character by character
where case is ignored: 10 kB of such ranges take half a minute, and a file may have any number of them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.checks.arguments import values_of
from picklewatch.analysis.pickle.checks.concern import Concern, suspicious_arguments
from picklewatch.analysis.pickle.vm.values import Import, as_bytes, as_text
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.checks.judges import Context
    from picklewatch.analysis.pickle.vm.values import Value


def pattern(context: Context, callee: Import, args: Value, _offset: int) -> Concern | None:
    """Let only texts, or bytes, be compiled, and no more than some seconds' worth in one pickle."""
    values = values_of(args)
    text = as_text(values[0]) if values else None
    content = as_bytes(values[0]) if values and text is None else None
    if text is None and content is None:
        return suspicious_arguments(f"{callee.key} is given something other than a pattern")
    observations = context.observations
    size = len(text if text is not None else content or b"")
    observations.budget.charge(1 + size // _SEARCHED_PER_UNIT)
    observations.pattern_work += _PER_CHARACTER * size
    observations.pattern_work += _PER_RANGE * sum(1 for _ in _RANGE.finditer(text or ""))
    if observations.pattern_work > _WORK:
        return Concern("resource-bomb", Level.UNVERIFIED, f"{callee.key} would take minutes or longer on loading")
    return None


_RANGE = re.compile(r"-(?:[^\x00-\xff]|\\[uUN])")
"""The end of a range beyond Latin-1."""
_PER_CHARACTER, _PER_RANGE = 5, 11_000
"""Microseconds that a character of a pattern, and such a range, take to be compiled."""
_WORK = 10_000_000
_SEARCHED_PER_UNIT = 100
"""Characters that are searched for ranges in the time of one unit of work."""
