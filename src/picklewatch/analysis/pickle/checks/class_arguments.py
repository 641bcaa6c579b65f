"""Functions that make an instance of the class that they are given, or trust the class of what they are given.

``_new_Index(cls, d)`` (``pandas/core/indexes/base.py``) calls ``cls.__new__(cls, **d)`` of any class, with keywords
that no other opcode can give it; ``_recreate_irreducible_unit(cls, …)`` (``astropy/units/core.py``) and ``_unpickle_*``
(``pint/__init__.py``) call any function with the file's arguments. ``type`` with three arguments makes a class of any
base, with a metaclass that may run code (``Objects/typeobject.c``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.checks.arguments import values_of
from picklewatch.analysis.pickle.checks.concern import Concern, indirect_call, suspicious_arguments
from picklewatch.analysis.pickle.vm.values import Import, Obj
from picklewatch.catalogue.imports.entries import Status
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.checks.judges import Context
    from picklewatch.analysis.pickle.vm.values import Value

_UNITS = re.compile(r"astropy\.units\.[\w.]+\.[A-Z]\w+|pint\.[\w.]*\b(Plain)?(Quantity|Unit|Measurement)")
_ARRAYS = frozenset({"ndarray", "MaskedArray", "mvoid", "matrix", "recarray", "chararray", "MaskedConstant"})
_NAMED = frozenset({Status.VOUCHED, Status.FOREIGN})
_SINGLETONS = frozenset({"Ellipsis", "NotImplemented"})
_STATE_SPACES = "statsmodels.tsa.statespace._representation"


def index_class(_context: Context, callee: Import, args: Value, _offset: int) -> Concern | None:
    """Let only a class of indexes be made."""
    made = next(iter(values_of(args)), None)
    if isinstance(made, Import) and made.judged.status in _NAMED and made.name.endswith("Index"):
        return None
    return indirect_call(f"{callee.key} is made to make something other than an index")


def unit_class(_context: Context, callee: Import, args: Value, _offset: int) -> Concern | None:
    """Let only a class of units be called."""
    made = next(iter(values_of(args)), None)
    if isinstance(made, Import) and _UNITS.fullmatch(made.key):
        return None
    return indirect_call(f"{callee.key} is made to call something other than a unit")


def masked(_context: Context, callee: Import, args: Value, _offset: int) -> Concern | None:
    """Let ``_mareconstruct(cls, base, shape, type)`` make instances of classes of arrays only."""
    for made in values_of(args)[:2]:
        if not isinstance(made, Import) or (made.name not in _ARRAYS and made.judged.status is not Status.FOREIGN):
            return indirect_call(f"{callee.key} is made to make something other than an array")
    return None


def type_of(_context: Context, callee: Import, args: Value, _offset: int) -> Concern | None:
    """Let only ``type(None)`` and the like pass, as ``NoneType`` is pickled (``Lib/pickle.py``, ``save_type``)."""
    values = values_of(args)
    if len(values) == 1:
        singleton = isinstance(values[0], Import) and values[0].name in _SINGLETONS
        if singleton or values[0] is None:
            return None
    return Concern("unknown-call", Level.UNSAFE, f"{callee.key} is asked for something other than a singleton's type")


def state_space(_context: Context, callee: Import, args: Value, _offset: int) -> Concern | None:
    """Let a Kalman filter of statsmodels be made of a state space, as picklers do; without one it crashes."""
    model = next(iter(values_of(args)), None)
    maker = model.callee if isinstance(model, Obj) and model.known else None
    if isinstance(maker, Import) and maker.module == _STATE_SPACES:
        return None
    return suspicious_arguments(f"{callee.key} is made without a state space")
