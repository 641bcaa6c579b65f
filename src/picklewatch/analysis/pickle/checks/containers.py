"""Python's containers, made from other containers of the file.

``defaultdict`` keeps a factory that every look-up of a missing key calls, and ``iter`` with two arguments calls its
first one (``Modules/_collectionsmodule.c``, ``Python/bltinmodule.c``): with a function in that place an object runs
code long after it was loaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.checks.arguments import values_of
from picklewatch.analysis.pickle.checks.concern import Concern, indirect_call, suspicious_arguments
from picklewatch.analysis.pickle.vm.values import Blob, Import, Obj, Opaque, OpaqueKind
from picklewatch.catalogue.imports.entries import Check, Kind, Status
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.checks.judges import Context
    from picklewatch.analysis.pickle.vm.values import Value


def mapping(_context: Context, callee: Import, args: Value, _offset: int) -> Concern | None:
    """Let ``OrderedDict`` be made from pairs or a mapping; no pickler gives it a text."""
    if any(isinstance(value, str | bytes | Blob) for value in values_of(args)):
        return suspicious_arguments(f"{callee.key} is given a text")
    return None


def factory(_context: Context, callee: Import, args: Value, _offset: int) -> Concern | None:
    """Let ``defaultdict`` keep a class, or a callable that is harmless itself."""
    values = values_of(args)
    if not values or values[0] is None:
        return None
    made = values[0]
    if (
        isinstance(made, Import)
        and made.judged.status in {Status.VOUCHED, Status.FOREIGN, Status.CODE}
        and made.judged.level is not Level.UNSAFE
    ):
        return None
    if isinstance(made, Obj) and made.kind is Kind.CALLABLE:
        return None if made.known else indirect_call(f"{callee.key} keeps a callable", Level.UNVERIFIED)
    return indirect_call(f"{callee.key} is given a factory that nobody vouched for")


def iterator(_context: Context, callee: Import, args: Value, _offset: int) -> Concern | None:
    """Let ``iter`` and the like walk over containers of the file; a callable to iterate over would be called."""
    values = values_of(args)
    if values and all(_container(value) for value in values):
        return None
    return indirect_call(f"{callee.key} is given something other than containers of the file")


def _container(value: Value) -> bool:
    if isinstance(value, str | bytes | tuple | list | dict | int):
        return True
    if isinstance(value, Opaque):
        return value.kind in {OpaqueKind.SET, OpaqueKind.FROZENSET, OpaqueKind.BYTEARRAY}
    if not isinstance(value, Obj) or not value.known:
        return False
    iterates = isinstance(value.callee, Import) and value.callee.judged.check is Check.ITERATOR
    return iterates or value.kind in {Kind.LIST, Kind.DICT, Kind.SET, Kind.ATOM}
