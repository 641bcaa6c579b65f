"""What a call, or ``__new__`` of a built-in base, does with its arguments: hash, walk over, or ask them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.checks.arguments import values_of
from picklewatch.analysis.pickle.checks.concern import suspicious_arguments
from picklewatch.analysis.pickle.checks.foreign_objects import foreign_object_in, walked
from picklewatch.analysis.pickle.checks.pandas_zones import zone_file_in
from picklewatch.analysis.pickle.semantics.data import parts
from picklewatch.analysis.pickle.vm.values import REST, Obj, Opaque
from picklewatch.catalogue.imports.entries import Kind

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.semantics.hazards import Hazards
    from picklewatch.analysis.pickle.semantics.observations import Observations
    from picklewatch.analysis.pickle.vm.values import Import, Value


class TakenArguments:
    """Judges what happens to arguments before anything is made of them."""

    def __init__(self, observations: Observations, hazards: Hazards) -> None:
        self._observations = observations
        self._hazards = hazards
        self._data = hazards.world.data
        self._budget = observations.budget

    def asked(self, callee: Import, args: Value, offset: int) -> None:
        """Judge what *callee* asks of the objects among its arguments."""
        concern = foreign_object_in(callee, args, self._budget) or zone_file_in(callee, args, self._observations)
        if concern is not None:
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
        if base in _ASKS:
            self._only_data(callee, args, args, f"{callee.key} is made from", offset)
        elif base in _WALKS and len(values_of(args)) == 1:
            found = walked(values_of(args), self._budget)
            if found:
                concern = suspicious_arguments(f"{callee.key} is to walk over {found}")
                self._observations.note_call(callee, concern, offset, args)
            if base == "frozenset":
                self._hash_items(callee, args, offset)


BUILTINS = frozenset({"builtins", "__builtin__"})
_HASHES_ITEMS = frozenset({"frozenset", "set", "Counter", "pset"})
_HASHING = _HASHES_ITEMS | {"dict", "OrderedDict", "defaultdict", "UserDict", "pmap", "FrozenDict"}
_ASKS = frozenset({"str", "int", "float", "complex", "bytes", "bytearray"})
"""Built-in classes whose ``__new__`` asks an object for its text, its number or its items,"""
_WALKS = frozenset({"tuple", "frozenset"})
"""and those where it walks over its only argument."""
