"""Units of astropy and pint.

``_recreate_irreducible_unit(cls, …)`` (``astropy/units/core.py``) and ``_unpickle_*`` (``pint/__init__.py``) call
whatever *cls* is: a call of any function with arguments of the attacker's.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.checks.arguments import values_of
from picklewatch.analysis.pickle.checks.concern import Concern, indirect_call
from picklewatch.analysis.pickle.vm.values import Import

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.checks.judges import Context
    from picklewatch.analysis.pickle.vm.values import Value

_UNITS = re.compile(r"astropy\.units\.[\w.]+\.[A-Z]\w+|pint\.[\w.]*\b(Plain)?(Quantity|Unit|Measurement)")


def unit_class(_context: Context, callee: Import, args: Value, _offset: int) -> Concern | None:
    """Let only a class of units be called."""
    values = values_of(args)
    if not values or not isinstance(values[0], Import) or not _UNITS.fullmatch(values[0].key):
        return indirect_call(f"{callee.key} is made to call something other than a unit")
    return None
