"""What the opcodes mean: imports, calls, BUILD, the filling of containers, on values that stand for objects."""

from __future__ import annotations

from typing import Any

from picklewatch.analysis.pickle.checks import numpy_arrays
from picklewatch.analysis.pickle.checks.arguments import Doubt
from picklewatch.analysis.pickle.checks.build_state import check_state
from picklewatch.analysis.pickle.render import render, render_call
from picklewatch.analysis.pickle.semantics import attributes
from picklewatch.analysis.pickle.semantics.calls import NOTHING, Calls
from picklewatch.analysis.pickle.semantics.hazards import INTERFACES, among, may_be_called
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
from picklewatch.catalogue.imports.entries import Kind, Status
from picklewatch.core.model import Level

_HOOKS = frozenset({"__setstate__", "append", "extend", "add", "__class__", "__dict__"})
"""Attributes of an object that the unpickler itself looks up and calls, or that change what the object is."""


class Machine(Calls):
    """The state of one walk other than the stack and the memo."""

    def build(self, target: Any, state: Any, offset: int) -> None:
        """BUILD: ``__setstate__``, or the instance's ``__dict__`` and slots."""
        self.budget.charge(_PER_BUILD)
        if type(target) is not Obj:
            self._build_on_other(target, state, offset)
            return
        if target.hijacked is not None:
            for name in ("__setstate__", _UNSEEN):
                if name in target.hijacked:
                    self.hijacked_call(target, name, (state,), offset)
        fetched = target.kind is Kind.CALLABLE and isinstance(target.callee, Import) and target.callee.name == "getattr"
        of_object = fetched and isinstance(target.args, tuple) and target.args and isinstance(target.args[0], Obj)
        if of_object or ((target.kind in _NO_STATE or fetched) and target.known):
            self.out_of_kind("BUILD", target, offset, render(state, 200))
        if target.state is not None:
            self._built_twice(target, state, offset)
        state = self._seen_state(target, state, offset)
        check_state(self, target, state, offset)
        self._look_for_hooks(target, state, offset)
        target.state = NOTHING if state is None else state
        if target.kind is Kind.DTYPE:
            target.size = numpy_arrays.size_of(target)

    def _built_twice(self, target: Obj, state: Any, offset: int) -> None:
        """No pickler does: what uses the first state (an array its type's size) is pulled the rug from under."""
        self.finding(
            "opcode-out-of-kind",
            Level.MALICIOUS if target.known else Level.UNSAFE,
            offset,
            f"BUILD changes {render(target.callee, 100)} a second time",
            render(state, 200),
        )

    def _seen_state(self, target: Obj, state: Any, offset: int) -> Any:
        """*state* with what is as good as a dict as one; one that hides the names it sets is told."""
        if type(state) in {list, tuple}:
            self.budget.charge(_PER_PAIR * len(state))
        parts = attributes.split(state)
        if attributes.obscure(target, state) or any(
            id(part) in self.blind or attributes.hidden(target, part) for part in parts
        ):
            self.finding(
                "hijacked-method",
                Level.UNSAFE,
                offset,
                f"the names of the attributes that {render(target.callee, 100)} is given cannot be seen",
                render(state, 200),
            )
        return parts if len(parts) > 1 else parts[0]

    def _build_on_other(self, target: Any, state: Any, offset: int) -> None:
        if isinstance(target, Import):
            if target.judged.status is Status.CODE or self.code_bearing:
                doubt = Doubt("code-bearing", Level.UNSAFE, f"changes {target.key}")
            else:
                doubt = Doubt(
                    "interpreter-state", Level.MALICIOUS, f"changes {target.key} itself for the whole process"
                )
            self.note(target, doubt, offset, lambda: f"{render(target)}.__setstate__({render(state, 200)})")
            return
        self.out_of_kind("BUILD", target, offset, render(state, 200))

    def _look_for_hooks(self, target: Obj, state: Any, offset: int) -> None:
        pair = 2
        slots = None
        if isinstance(state, tuple) and len(state) == pair:
            state, slots = state
        for number, named in enumerate((state, slots)):
            if not isinstance(named, dict):
                continue
            self.interface(target, named, offset)
            for name in among(_HOOKS, named):
                value = named[name]
                if name in {"__class__", "__dict__"}:
                    if number:
                        self.finding(
                            "hijacked-method",
                            Level.MALICIOUS,
                            offset,
                            f"replaces {name} of an object",
                            render(value, 200),
                        )
                elif isinstance(value, Import | Obj | Persistent):
                    target.hijacked = {**(target.hijacked or {}), name: value}

    def hijacked_call(self, target: Obj, name: str, args: Any, offset: int) -> None:
        """The unpickler calls a method that the pickle has put in the object's own attributes."""
        value = (target.hijacked or {})[name]
        self.finding(
            "hijacked-method",
            Level.MALICIOUS,
            offset,
            f"has the unpickler call a method {name} that it put there itself",
            render_call(value, args),
        )
        if type(value) is Import:
            self.call(value, args, How.CALL, offset)

    def set_items(self, target: Any, items: list[Any], offset: int) -> None:
        """SETITEM and SETITEMS: keys and values in turn."""
        self.hashed(items[::2], offset)
        self.budget.charge(len(items) // 2)
        if type(target) is dict:
            self._fill(target, items)
            return
        if type(target) is Obj and (target.kind in _TAKE_ITEMS or not target.known):
            if target.kind is Kind.DICT:
                if target.items is None:
                    target.items = {}
                self.set_items(target.items, items, offset)
            self._hooks_among(target, items, offset)
            if target.kind is Kind.OBJECT and target.known:
                self._filled_late("SETITEM", target, offset)
            return
        self.out_of_kind("SETITEM", target, offset, render_call(target, items[:4]))

    def _fill(self, target: dict[Any, Any], items: list[Any]) -> None:
        """Put *items*, keys and values in turn, into *target*: what has no place in it under `REST`."""
        for number in range(0, len(items) - 1, 2):
            key, value = items[number], items[number + 1]
            kind = type(key)
            if (
                (kind is str or (kind is int and -HASHED_PLAINLY < key < HASHED_PLAINLY))
                and (len(target) < DICT_CAP or key in target)
            ):  # fmt: skip
                target[key] = value
                continue
            if isinstance(key, attributes.COMPUTED) or len(target) >= DICT_CAP:
                self.blind[id(target)] = target
            kept = [one for one in (key, value) if type(one) not in NUMBERS]
            if kept:
                target.setdefault(REST, []).extend(kept)

    def _hooks_among(self, target: Obj, items: list[Any], offset: int) -> None:
        """Dictionaries with attributes (``EasyDict``) give an item where the unpickler asks for a method."""
        for number in range(0, len(items) - 1, 2):
            key, value = items[number], items[number + 1]
            if target.kind is Kind.OBJECT and target.known and may_be_called(key):  # a DataFrame calls such a key
                self.out_of_kind("SETITEM", target, offset, render_call(target, [key, value]))
            if type(key) is str and key in INTERFACES:
                self.interface(target, {key: value}, offset)
            if type(key) is str:
                if key in _HOOKS and isinstance(value, Import | Obj | Persistent):
                    target.hijacked = {**(target.hijacked or {}), key: value}
            elif (
                type(key) is Obj
                and key.kind in {Kind.ATOM, Kind.CALLABLE}
                and isinstance(value, Import | Obj | Persistent)
            ):
                target.hijacked = {**(target.hijacked or {}), _UNSEEN: value}

    def _filled_late(self, what: str, target: Obj, offset: int) -> None:
        """Picklers fill an object before BUILD; after it, the object's own state says what filling does."""
        if target.state is not None:
            self.finding(
                "opcode-out-of-kind",
                Level.MALICIOUS if target.known else Level.UNSAFE,
                offset,
                f"{what} fills {render(target.callee, 100)} after BUILD has given it its state",
                render(target.state, 200),
            )

    def append(self, target: Any, items: list[Any], offset: int) -> None:
        """APPEND and APPENDS."""
        self.budget.charge(2 + len(items) // 8)
        if type(target) is list:
            if len(target) >= LIST_CAP:
                kept = [item for item in items if type(item) not in NUMBERS]
                before = self.dropped.get(id(target), (0, target))[0]
                self.dropped[id(target)] = before + len(items) - len(kept), target
                items = kept
            target.extend(items)
            return
        if type(target) is Obj:
            if target.hijacked is not None:
                for name in ("extend", "append"):
                    if name in target.hijacked:
                        self.hijacked_call(target, name, (items,), offset)
            if target.kind in _TAKE_MORE or not target.known:
                self._filled_late("APPEND", target, offset)
                return
        self.out_of_kind("APPEND", target, offset, render_call(target, items[:4]))

    def add_items(self, target: Any, items: list[Any], offset: int) -> None:
        """ADDITEMS."""
        self.hashed(items, offset)
        if isinstance(target, Opaque) and target.kind is OpaqueKind.SET:
            target.content += [item for item in items if type(item) not in NUMBERS]
            return
        if type(target) is Obj:
            if target.hijacked is not None and "add" in target.hijacked:
                self.hijacked_call(target, "add", tuple(items), offset)
            if target.kind in {Kind.SET, Kind.OBJECT, Kind.UNKNOWN, Kind.CODE} or not target.known:
                self._filled_late("ADDITEMS", target, offset)
                return
        self.out_of_kind("ADDITEMS", target, offset, render_call(target, items[:4]))


_PER_BUILD = 30
"""Units of work that judging a state costs."""
_PER_PAIR = 8
"""Units more for each item of a state that may be a list of names and values."""
_UNSEEN = "?"
"""A name that was computed: it may be that of any method."""
_NO_STATE = frozenset(
    {Kind.ATOM, Kind.TENSOR, Kind.STORAGE, Kind.SCALAR, Kind.NDARRAY_DONE, Kind.BYTEARRAY, Kind.SHARED}
)
_TAKE_ITEMS = frozenset({Kind.DICT, Kind.OBJECT, Kind.UNKNOWN, Kind.CODE})
_TAKE_MORE = frozenset({Kind.LIST, Kind.OBJECT, Kind.UNKNOWN, Kind.CODE})
