"""dateutil's time zones: ``tzfile`` opens the file that it is given (``dateutil/tz/tz.py``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.checks.arguments import values_of
from picklewatch.analysis.pickle.checks.concern import Concern
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.checks.judges import Context
    from picklewatch.analysis.pickle.vm.values import Import, Value


def tzfile(_context: Context, callee: Import, args: Value, _offset: int) -> Concern | None:
    """Let only ``tzfile(None, name)`` pass, which BUILD fills."""
    values = values_of(args)
    if values and values[0] is not None:
        return Concern("file-access", Level.UNSAFE, f"{callee.key} is given a file to open")
    return None
