"""``type`` of a singleton, as ``NoneType`` is pickled (``Lib/pickle.py``, ``save_type``).

With three arguments ``type`` makes a class of any base, with a metaclass that may run code
(``Objects/typeobject.c``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.checks.arguments import values_of
from picklewatch.analysis.pickle.checks.concern import Concern
from picklewatch.analysis.pickle.vm.values import Import
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.checks.judges import Context
    from picklewatch.analysis.pickle.vm.values import Value


def type_of(_context: Context, callee: Import, args: Value, _offset: int) -> Concern | None:
    """Let only ``type(None)`` and the like pass."""
    values = values_of(args)
    if len(values) == 1 and (
        values[0] is None or (isinstance(values[0], Import) and values[0].name in {"Ellipsis", "NotImplemented"})
    ):
        return None
    return Concern("unknown-call", Level.UNSAFE, f"{callee.key} is asked for something other than a singleton's type")
