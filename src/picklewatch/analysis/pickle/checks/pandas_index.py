"""pandas's indexes.

``_new_Index(cls, d)`` (``pandas/core/indexes/base.py``) calls ``cls.__new__(cls, **d)`` of any class, with keywords
that no other opcode can give it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.checks.arguments import values_of
from picklewatch.analysis.pickle.checks.concern import Concern, indirect_call
from picklewatch.analysis.pickle.vm.values import Import
from picklewatch.catalogue.imports.entries import Status

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.checks.judges import Context
    from picklewatch.analysis.pickle.vm.values import Value


def index_class(_context: Context, callee: Import, args: Value, _offset: int) -> Concern | None:
    """Let only a class of indexes be made."""
    values = values_of(args)
    made = values[0] if values else None
    if (
        not isinstance(made, Import)
        or not made.name.endswith("Index")
        or made.judged.status not in {Status.VOUCHED, Status.FOREIGN}
    ):
        return indirect_call(f"{callee.key} is made to make something other than an index")
    return None
