"""The machine: the meaning of a walk's opcodes, on values that stand for objects.

The walk (`vm.interpreter`) asks it about all that reaches beyond the stack and the memo: imports, calls, states, and
the filling of containers. Each kind of question has a judge of its own, and all of them report to one `Observations`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from picklewatch.analysis.pickle.render import render, render_call
from picklewatch.analysis.pickle.semantics import attributes
from picklewatch.analysis.pickle.semantics.build import HOOKS, BuildJudge
from picklewatch.analysis.pickle.semantics.calls import CallJudge
from picklewatch.analysis.pickle.semantics.closed_world import ClosedWorld
from picklewatch.analysis.pickle.semantics.fillings import ADDS, APPENDS, SETS_ITEM, goes_elsewhere
from picklewatch.analysis.pickle.semantics.hazards import INTERFACES, Hazards
from picklewatch.analysis.pickle.semantics.imports import ImportTable
from picklewatch.analysis.pickle.semantics.kept_keys import KeptKeys
from picklewatch.analysis.pickle.semantics.kinds import FILLED_BY, Fill
from picklewatch.analysis.pickle.semantics.observations import Observations
from picklewatch.analysis.pickle.semantics.persistent_ids import PersistentIds
from picklewatch.analysis.pickle.vm.values import (
    DICT_CAP,
    HASHED_PLAINLY,
    LIST_CAP,
    NUMBERS,
    REST,
    How,
    Import,
    Obj,
    Opaque,
    OpaqueKind,
    Persistent,
)
from picklewatch.catalogue.imports.entries import Kind
from picklewatch.catalogue.loaders.loader_keys import TELLING, WATCHED
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.report import Budget
    from picklewatch.analysis.pickle.semantics.calls import StorageReader
    from picklewatch.analysis.pickle.vm.values import Key, Value
    from picklewatch.catalogue.classes.profiles import Hook

# Looked up once, for speed: see `picklewatch.catalogue.imports.entries`.
_ATOM: Final = Kind.ATOM
_CALL: Final = How.CALL
_CALLABLE: Final = Kind.CALLABLE
_DICT: Final = Kind.DICT
_OBJECT: Final = Kind.OBJECT
_SET: Final = OpaqueKind.SET


class Machine:
    """Everything that is known of one walk, other than its stack and its memo."""

    def __init__(
        self, where: str, budget: Budget, *, persistent: bool, arrays_inline: bool, read_storage: StorageReader
    ) -> None:
        self.budget = budget
        self.arrays_inline = arrays_inline
        """True if the loader may be joblib's, which reads arrays between the opcodes."""
        self.read_storage = read_storage
        self.observations = Observations(where, budget)
        self.kept_keys = KeptKeys(self.observations)
        self.world = ClosedWorld(self.observations)
        self.hazards = Hazards(self.observations, self.world)
        self.imports = ImportTable(self.observations)
        self.persistent_ids = PersistentIds(self.observations, of_torch=persistent)
        self._builds = BuildJudge(self.observations, self.hazards, self.imports, self.world)
        self._hashed = self.hazards.hashed
        self._looked = self.world.data.filled
        self._charge = budget.charge
        self.calls = CallJudge(self.observations, self.hazards, self.imports, self._builds, read_storage)

    def global_(self, module: str, name: str, offset: int) -> Import:
        """Judge the import of GLOBAL and INST."""
        return self.imports.global_(module, name, offset)

    def stack_global(self, module: Value, name: Value, offset: int) -> Import:
        """Judge the import of STACK_GLOBAL."""
        return self.imports.stack_global(module, name, offset)

    def extension(self, code: int, offset: int) -> Import:
        """Judge the import of EXT1, EXT2 and EXT4."""
        return self.imports.extension(code, offset)

    def persistent_id(self, pid: Value, offset: int) -> Value:
        """Judge PERSID and BINPERSID."""
        return self.persistent_ids.persistent_id(pid, offset)

    def call(self, callee: Value, args: Value, how: How, offset: int) -> Value:
        """Judge REDUCE, NEWOBJ and NEWOBJ_EX."""
        return self.calls.call(callee, args, how, offset)

    def instantiate(self, callee: Value, args: tuple[Value, ...], offset: int) -> Value:
        """Judge OBJ and INST."""
        return self.calls.instantiate(callee, args, offset)

    def build(self, target: Value, state: Value, offset: int) -> None:
        """Judge BUILD."""
        if type(target) is Obj and target.hijacked is not None:
            self._hijacked_calls(target, ("__setstate__", _COMPUTED), (state,), offset)
        self._builds.build(target, state, offset)

    def _hijacked_calls(self, target: Obj, names: tuple[str, ...], args: Value, offset: int) -> None:
        """Report the methods of *target* that the unpickler calls, and that the pickle has put there itself."""
        for name in names:
            value = (target.hijacked or {}).get(name)
            if value is None:
                continue
            self.observations.finding(
                "hijacked-method",
                Level.MALICIOUS,
                offset,
                f"has the unpickler call a method {name} that it put there itself",
                render_call(value, args),
            )
            if type(value) is Import:
                self.call(value, args, _CALL, offset)

    def set_items(self, target: Value, items: list[Value], offset: int) -> None:
        """Judge SETITEM and SETITEMS: *items* are keys and values in turn."""
        keys = items[::2]
        self._hashed(keys, offset)
        self._charge(len(items) // 2)
        self._looked(target, items)
        if type(target) is dict:
            self._fill(target, keys, items, offset)
            return
        if type(target) is Obj and (target.kind in _TAKE_ITEMS or not target.known):
            self._filled(target, SETS_ITEM, items, offset)
            if target.items is None:
                target.items = {}
            self._fill(target.items, keys, items, offset)
            self._hooks_among(target, items, offset)
            if target.kind is _OBJECT and target.known:
                self._filled_late("SETITEM", target, offset)
            return
        self.hazards.out_of_kind("SETITEM", target, offset, render_call(target, items[:4]))

    def _filled(self, target: Obj, hooks: tuple[Hook, ...], items: list[Value], offset: int) -> None:
        """Judge *items* that a method of *target* takes."""
        if goes_elsewhere(target, hooks):
            self.observations.finding(
                "foreign-state",
                Level.UNVERIFIED,
                offset,
                f"fills an object of {render(target.callee, 100)}, which may put its items anywhere",
                render_call(target, items[:4]),
            )
        self.world.filled(target, hooks, items, offset)

    def _fill(self, target: dict[Key, Value], keys: list[Value], items: list[Value], offset: int) -> None:
        """Put *items*, *keys* and values in turn, into *target*; those that are not kept by themselves under `REST`.

        A key that is written twice is reported: what was there may have been looked at, copied or deleted meanwhile.
        """
        others: list[Value] = []
        before, apart = len(target), 0
        full, hidden = len(target) >= DICT_CAP, False
        for number in range(0, len(items) - 1, 2):
            key, value = items[number], items[number + 1]
            if (
                (type(key) is str or (type(key) is int and -HASHED_PLAINLY < key < HASHED_PLAINLY))
                and (not full or key in target)
            ):  # fmt: skip
                target[key] = value
                full = full or len(target) >= DICT_CAP
                continue
            apart += 1
            hidden = hidden or full or isinstance(key, attributes.COMPUTED)
            if type(key) not in NUMBERS:
                others.append(key)
            if type(value) not in NUMBERS:
                others.append(value)
            if isinstance(key, Obj):
                self.kept_keys.computed(target, key, value, offset)
        if len(target) - before + apart < len(keys):
            self.observations.finding(
                "opcode-out-of-kind",
                Level.UNVERIFIED,
                offset,
                "SETITEM writes a key of a dictionary for the second time",
                render(items, 200),
            )
        if hidden:
            self.observations.blind[id(target)] = target
        if others:
            rest = target.setdefault(REST, [])
            assert isinstance(rest, list)
            rest += others
        self._note_keys(target, keys, items, offset)
        self.kept_keys.resolved(items, offset)

    def _note_keys(self, target: dict[Key, Value], keys: list[Value], items: list[Value], offset: int) -> None:
        """Note *target* if a loader may import or run what lies under one of *keys*."""
        texts = [key for key in keys if type(key) is str]  # others may take for ever to be hashed
        if not (TELLING if len(target) < DICT_CAP else WATCHED).isdisjoint(texts):
            self.kept_keys.put(target, items, offset)

    def _hooks_among(self, target: Obj, items: list[Value], offset: int) -> None:
        """Keep items that the unpickler would call: an ``EasyDict`` returns them where it asks for a method."""
        for number in range(0, len(items) - 1, 2):
            key, value = items[number], items[number + 1]
            if type(key) is str and key in INTERFACES:
                self.hazards.interface(target, {key: value}, offset)
            if type(key) is str:
                if key in HOOKS and isinstance(value, Import | Obj | Persistent):
                    target.hijacked = {**(target.hijacked or {}), key: value}
            elif type(key) is Obj and key.kind in {_ATOM, _CALLABLE} and isinstance(value, Import | Obj | Persistent):
                target.hijacked = {**(target.hijacked or {}), _COMPUTED: value}

    def _filled_late(self, what: str, target: Obj, offset: int) -> None:
        """Report the filling of an object after BUILD: its own state then determines what filling calls.

        Picklers fill an object first (``save_reduce`` in ``Lib/pickle.py``).
        """
        if target.state is not None:
            self.observations.finding(
                "opcode-out-of-kind",
                Level.MALICIOUS if target.known else Level.UNSAFE,
                offset,
                f"{what} fills {render(target.callee, 100)} after BUILD has given it its state",
                render(target.state, 200),
            )

    def append(self, target: Value, items: list[Value], offset: int) -> None:
        """Judge APPEND and APPENDS."""
        self._charge(2 + len(items) // 8)
        self._looked(target, items)
        if type(target) is list:
            if len(target) >= LIST_CAP:
                plain = NUMBERS.issuperset(map(type, items))
                kept = [] if plain else [item for item in items if type(item) not in NUMBERS]
                before = self.observations.dropped.get(id(target), (0, target))[0]
                self.observations.dropped[id(target)] = before + len(items) - len(kept), target
                items = kept
            self.kept_keys.resolved(items, offset)
            target.extend(items)
            return
        if type(target) is Obj:
            if target.hijacked is not None:
                self._hijacked_calls(target, ("extend", "append"), (items,), offset)
            if target.kind in _TAKE_MORE or not target.known:
                self._filled(target, APPENDS, items, offset)
                _keep(target, items)
                self._filled_late("APPEND", target, offset)
                return
        self.hazards.out_of_kind("APPEND", target, offset, render_call(target, items[:4]))

    def add_items(self, target: Value, items: list[Value], offset: int) -> None:
        """Judge ADDITEMS."""
        self._hashed(items, offset)
        self._looked(target, items)
        if isinstance(target, Opaque) and target.kind is _SET:
            assert isinstance(target.content, list)
            target.content += [item for item in items if type(item) not in NUMBERS]
            return
        if type(target) is Obj:
            if target.hijacked is not None:
                self._hijacked_calls(target, ("add",), tuple(items), offset)
            if target.kind in _TAKE_MEMBERS or not target.known:
                self._filled(target, ADDS, items, offset)
                _keep(target, items)
                self._filled_late("ADDITEMS", target, offset)
                return
        self.hazards.out_of_kind("ADDITEMS", target, offset, render_call(target, items[:4]))


def _keep(target: Obj, items: list[Value]) -> None:
    """Keep what fills *target*, other than plain numbers."""
    kept = [item for item in items if type(item) not in NUMBERS]
    if kept:
        if target.members is None:
            target.members = []
        target.members += kept


_TAKE_ITEMS, _TAKE_MORE = FILLED_BY[Fill.SETITEM], FILLED_BY[Fill.APPEND]
_TAKE_MEMBERS = FILLED_BY[Fill.ADDITEMS]
_COMPUTED = "?"
"""A name that was computed: it may be that of any method."""
