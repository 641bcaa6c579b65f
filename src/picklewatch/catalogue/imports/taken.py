"""What `Takes` means for the functions of one library: the objects that may be among their arguments."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

from picklewatch.catalogue.imports.entries import Kind, Takes

if TYPE_CHECKING:
    from picklewatch.catalogue.imports.entries import Group

_CONSTANTS = frozenset({Kind.ATOM, Kind.BYTEARRAY, Kind.SCALAR, Kind.DTYPE})
_DATA = _CONSTANTS | {
    *(Kind.LIST, Kind.DICT, Kind.SET, Kind.NDARRAY, Kind.NDARRAY_DONE, Kind.TENSOR, Kind.PARAMETER, Kind.STORAGE),
    *(Kind.ARRAY_WRAPPER, Kind.ARRAY_FILE),
}
_VALUES = frozenset(
    {"datetime", "_datetime", "_pydatetime", "zoneinfo", "_zoneinfo", "backports", "pytz", "dateutil", "inspect"}
    | {"torch.jit._pickle", "decimal", "_decimal", "fractions", "uuid", "calendar", "enum"}
)
"""Packages, and a module, whose objects are values: times, numbers, lists of TorchScript."""
_FRIENDS = {"pandas": frozenset({"pyarrow", "numpy"}), "pyarrow": frozenset({"pandas"})}
_ONLY_DATA = frozenset({"torch"})
"""Libraries whose own functions get no objects of theirs but tensors and arrays."""


@dataclass(frozen=True, slots=True, eq=False)
class Among:
    """What may be among the arguments of a call."""

    kinds: frozenset[Kind]
    """Kinds of values, whatever made them."""
    libraries: frozenset[str]
    """Packages, and modules, whose objects may be there."""
    looks: slice
    """The arguments that this is about."""
    walks: bool = False
    """True if the function walks over its arguments: what Python's own containers and iterators hold is only kept."""
    zones: bool = False
    """True if a text may name a file to read a time zone from."""


def among(group: Group, module: str) -> Among | None:
    """Return what the functions of *group* in *module* may be given, None for anything."""
    return None if group.takes is Takes.ANYTHING else _made(group.takes, module.partition(".")[0], group.looks)


@cache
def _made(takes: Takes, top: str, looks: tuple[int, int | None]) -> Among:
    own = takes is Takes.OWN
    libraries = _VALUES | ({top} | _FRIENDS.get(top, frozenset()) if own else frozenset()) - _ONLY_DATA
    kinds = _CONSTANTS if takes is Takes.CONSTANTS else _DATA
    return Among(kinds, libraries, slice(*looks), walks=takes is Takes.ITEMS, zones=top == "pandas")


ITEMS: Final = _made(Takes.ITEMS, "", (0, None))
"""What ``__new__`` of a built-in container walks over."""
