"""What a call, or ``__new__`` of a built-in base, does with its arguments: hash, walk over, or ask them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.checks.arguments import values_of
from picklewatch.analysis.pickle.checks.concern import suspicious_arguments
from picklewatch.analysis.pickle.checks.time_zones import zone_file_in
from picklewatch.analysis.pickle.semantics.data import parts
from picklewatch.analysis.pickle.vm.values import REST, Import, Obj, Opaque
from picklewatch.catalogue.imports.entries import Kind
from picklewatch.catalogue.imports.taken import ITEMS

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.semantics.hazards import Hazards
    from picklewatch.analysis.pickle.semantics.observations import Observations
    from picklewatch.analysis.pickle.vm.values import Value
    from picklewatch.catalogue.imports.taken import Among


class TakenArguments:
    """Judges what happens to arguments before anything is made of them."""

    def __init__(self, observations: Observations, hazards: Hazards) -> None:
        self._observations = observations
        self._hazards = hazards
        self._data = observations.data

    def asked(self, callee: Import, args: Value, offset: int) -> None:
        """Judge what *callee* asks of the objects among its arguments."""
        among = callee.judged.among
        if among is None or type(args) is not tuple:
            return  # what cannot be seen is reported as such
        self._look(callee, args, args[among.looks], among, offset)
        zone = zone_file_in(callee, args, self._observations) if among.zones else None
        if zone is not None:
            self._observations.note_call(callee, zone, offset, args)

    def _look(self, callee: Import, args: Value, given: tuple[Value, ...], among: Among, offset: int) -> None:
        """Report what must not be in *given*, those of *args* that *callee* looks into."""
        found = self._data.foreign(given, among)
        if found is not None:
            doing = "walk over" if among.walks else "look into"
            concern = suspicious_arguments(f"{callee.key} is to {doing} {_named(found)}")
            self._observations.note_call(callee, concern, offset, args)

    def hashed(self, callee: Import, args: Value, offset: int) -> None:
        """Judge what a container hashes of the items that it is made of: each, or the first of each two.

        What brings items in any other way than an exact list, tuple or set must hold nothing but data.
        """
        if callee.name in _HASHING or callee.judged.kind is Kind.SET:
            self._hash_items(callee, args, offset)

    def _hash_items(self, callee: Import, args: Value, offset: int) -> None:
        unseen: list[Value] = []
        for values in values_of(args)[callee.name == "defaultdict" :]:
            if isinstance(values, Obj):
                unseen += parts(values)
            elif isinstance(values, dict):
                unseen.append(values.get(REST))
            elif isinstance(values, Opaque):
                self._hazards.hashed(parts(values), offset)
            elif isinstance(values, list | tuple):
                self._hazards.hashed(values, offset)
                if callee.name not in _HASHES_ITEMS:
                    self._hazards.hashed([two[0] for two in values if isinstance(two, list | tuple) and two], offset)
                    unseen += [two for two in values if isinstance(two, Obj)]
        self._only_data(callee, unseen, args, f"{callee.key} hashes", offset)

    def _only_data(self, callee: Import, values: Value, args: Value, what: str, offset: int) -> None:
        """Report anything but data in *values*, some of the *args* that *callee* is given."""
        reached = self._data.other(values) if values else None
        if reached is not None:
            concern = suspicious_arguments(f"{what} something other than data")
            self._observations.note_call(callee, concern, offset, args)

    def by_base(self, callee: Import, args: Value, offset: int) -> None:
        """Judge what ``__new__`` of the built-in base of a class does with *args*: it walks over one, or asks it."""
        profile = callee.profile
        base = callee.name if callee.module in BUILTINS else profile.base if profile is not None else ""
        values = values_of(args)
        if base in _ASKS:
            self._only_data(callee, args, args, f"{callee.key} is made from", offset)
        elif base in _WALKS and (len(values) == 1 or (len(values) == _WITH_KEYWORDS and isinstance(values[1], dict))):
            self._look(callee, args, (values[0],), ITEMS, offset)
            if base == "frozenset":
                self._hash_items(callee, (values[0],), offset)


def _named(value: Import | Obj) -> str:
    if isinstance(value, Import):
        return value.key
    return f"an object of {value.callee.key}" if isinstance(value.callee, Import) else "an object"


BUILTINS = frozenset({"builtins", "__builtin__"})
_HASHES_ITEMS = frozenset({"frozenset", "set", "Counter", "pset"})
_HASHING = _HASHES_ITEMS | {"dict", "OrderedDict", "defaultdict", "UserDict", "pmap", "FrozenDict"}
_ASKS = frozenset({"str", "int", "float", "complex", "bytes", "bytearray"})
"""Built-in classes whose ``__new__`` asks an object for its text, its number or its items,"""
_WITH_KEYWORDS = 2
"""Arguments where the only one is followed by keywords, which a class with an ``__init__`` of its own lets pass."""
_WALKS = frozenset({"tuple", "frozenset"})
"""and those where it walks over its only argument."""
