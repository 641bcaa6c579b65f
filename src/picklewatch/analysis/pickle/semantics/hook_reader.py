"""What one hook function reaches in an object: only what its schema allows; without a schema, data at most.

A function without a schema may do harm with data alone (it may open or remove a path, connect, unpickle bytes): it
makes the file unverified even so, but for the hooks of classes that a list names exactly, with a reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from picklewatch.analysis.pickle.semantics.data import FILLED, class_of
from picklewatch.analysis.pickle.semantics.restored_objects import attributes_of, has_form, may_have, place_of, short
from picklewatch.analysis.pickle.vm.values import NOTHING, REST, Blob, How, Import, Obj, Opaque, OpaqueKind
from picklewatch.catalogue.classes.hook_schema import DATA, Content
from picklewatch.catalogue.classes.natives import CONTAINERS
from picklewatch.catalogue.classes.schema_table import SCHEMAS
from picklewatch.catalogue.imports.entries import Kind, Status
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.semantics.data_reader import Reached
    from picklewatch.analysis.pickle.semantics.observations import Observations
    from picklewatch.analysis.pickle.vm.values import Key, Value
    from picklewatch.catalogue.classes.hook_schema import Permitted, Schema

# Looked up once, for speed: see `picklewatch.catalogue.imports.entries`.
_CALLABLE: Final = Kind.CALLABLE
_DATA: Final = Content.DATA
_DICT: Final = Kind.DICT
_NAMES: Final = Content.NAMES
_NEW_WAY: Final = How.NEW
_SEQUENCE: Final = Content.SEQUENCE
_ARRAY: Final = Content.ARRAY
_NUMBER: Final = Content.NUMBER
_TEXT: Final = Content.TEXT
_UNSEEN: Final = Content.UNSEEN
_VOUCHED: Final = Status.VOUCHED

_REACHED, _STATE = "reached-callable", "foreign-state"
"""The rules."""
_FORMS = frozenset({_ARRAY, _NUMBER})
"""Data of one type only."""
_TAKEN = {
    Content.ABSENT: "may call",
    Content.NAMES: "takes for names",
    Content.SEQUENCE: "walks over",
    Content.TEXT: "takes for a text",
}
"""What a hook does to what is in a place where something else may be."""


class HookReader:
    """Judges what hook functions reach."""

    def __init__(self, observations: Observations) -> None:
        self._finding = observations.finding
        self._findings = observations.findings
        self._charge = observations.budget.charge
        self.data = observations.data
        self._told: set[str] = set()
        """Functions that nobody read, and that were reported."""

    def run(self, function: str, target: Obj, state: Value, offset: int, *, keyed: bool = False) -> None:
        """Judge what *function*, a hook of *target*, reaches while the attributes of *target* are those of *state*.

        With *keyed* the items of *target* are attributes, too.
        """
        schema = SCHEMAS.get(function)
        if schema is None:
            self.unread(function, whole_of(target, state), target, offset)
            return
        self._inside(schema, target, offset, keyed=keyed)
        named = attributes_of(state)
        if named is None:
            self.given(schema, state, target, offset)
        for part in named or ():
            self._named(schema, target, part, offset)

    def restore(self, function: str, target: Obj, state: Value, offset: int, *, keyed: bool = False) -> None:
        """Judge what *function*, a ``__setstate__`` of *target*, reaches in the *state* that it is given itself."""
        schema = SCHEMAS.get(function)
        if schema is not None and isinstance(state, tuple):
            self._inside(schema, target, offset, keyed=keyed)
            self.given(schema, state, target, offset)
        elif schema is not None:
            self.run(function, target, state, offset, keyed=keyed)
        else:
            self.unread(function, whole_of(target, state), target, offset)

    def unread(self, function: str, value: Value, target: Obj, offset: int) -> None:
        """Judge the *value* in *target* that *function* is given, which nobody read."""
        before = len(self._findings)
        of = target if not isinstance(value, Obj) else value
        self.look(function, DATA, value, (of, ""), offset)
        if len(self._findings) == before and function not in self._told and not class_of(target).judged.exact:
            self._told.add(function)
            self._finding(
                _REACHED, Level.UNVERIFIED, offset, f"{function} runs on loading, and was never read", short(target)
            )

    def given(self, schema: Schema, state: Value, target: Obj, offset: int) -> None:
        """Judge a *state* that is no exact dict, or the arguments of ``__new__``: as a whole, or by its places."""
        if schema.lengths and not (type(state) is tuple and len(state) in schema.lengths):
            what = f"{schema.function} takes a state apart that is not of its length, without counting: it may crash"
            self._finding(_STATE, Level.UNVERIFIED, offset, what, short(target))
        if not (schema.places and isinstance(state, tuple)):
            self.look(schema.function, schema.state, state, (target, ""), offset)
            return
        self._charge(len(state))
        for at, held in enumerate(state):
            allowed = schema.places[at] if at < len(schema.places) else schema.state
            self.look(schema.function, allowed, held, (target, f"[{at}]"), offset)

    def _inside(self, schema: Schema, target: Obj, offset: int, *, keyed: bool) -> None:
        """Judge what fills *target*, and what it was made of."""
        function = schema.function
        given: tuple[Value, ...] = ()
        if target.how is _NEW_WAY or target.kind in FILLED:  # called with its items, or with what ``__new__`` keeps
            given = target.args if isinstance(target.args, tuple) else (target.args,)
        if given or target.items is not None or target.members is not None:
            self.look(function, schema.items, (target.items, target.members, given), (target, ""), offset)
        if keyed:
            for named in (target.items, *given):
                if type(named) is dict:
                    self._named(schema, target, named, offset)
                    self.look(function, DATA, named.get(REST), (target, ""), offset)
                else:
                    self.look(function, DATA, named, (target, ""), offset)

    def _named(self, schema: Schema, target: Obj, named: dict[Key, Value], offset: int) -> None:
        """Judge attributes, or items, by their names."""
        names = named if schema.rest.content is not _UNSEEN else [name for name in schema.looks if name in named]
        self._charge(len(names))
        for name in names:
            allowed = schema.looks.get(name, schema.rest) if isinstance(name, str) else schema.rest
            self.look(schema.function, allowed, named[name], (target, str(name)), offset)

    def look(  # noqa: PLR0913 - one place of one hook
        self,
        function: str,
        allowed: Permitted,
        value: Value,
        place: tuple[Obj, str],
        offset: int,
        *,
        rule: str = _REACHED,
        most: Level = Level.UNSAFE,
    ) -> None:
        """Judge one *value* in a *place*: an object, and the attribute if it is in one."""
        look = allowed.content
        if look is _UNSEEN:
            return
        if (look is _NAMES and self._is_of_names(value, allowed)) or (look is _SEQUENCE and _is_sequence(value)):
            return
        if look in _FORMS:
            before = len(self._findings)
            self.look(function, DATA, value, place, offset, rule=rule, most=most)
            if len(self._findings) == before and not has_form(value, look):
                what = f"{function} takes what is at {place_of(place)} for one {look} without asking, and may crash"
                self._finding(_STATE, Level.UNVERIFIED, offset, what)
            return
        if look is _DATA:
            whole = place[0] if value is place[0] else None
            reached = self.data.other(value, allowed.classes, of=whole)
            if reached is not None:
                level, what, trail = self._reached(function, reached)
                level = min(level, most, key=lambda level: level.rank)
                evidence = self.data.way(place_of(place), trail, whole)
                self._finding(rule, level, offset, f"{function} would reach {what} on loading", evidence)
            return
        if look is _TEXT and (type(value) is str or (isinstance(value, Blob) and value.text)):
            return
        what = _TAKEN[look]
        call = self.data.call(value)
        start = place_of(place)
        evidence = self.data.way(start, call.trail if call else (value,))
        self._finding(rule, Level.UNSAFE, offset, f"{function} {what} what is at {start}, on loading", evidence)

    def _is_of_names(self, value: Value, allowed: Permitted) -> bool:
        """Return True for a container of Python's own: its keys were judged when they were hashed."""
        if allowed.without and may_have(value, allowed.without, self._charge):
            return False
        if isinstance(value, Obj):
            exact = isinstance(value.callee, Import) and value.callee.key in CONTAINERS
            state = None if value.state is NOTHING else value.state
            held = None if value.kind is _DICT else (value.args, value.members)
            if state is None and held is None:
                return exact
            return exact and self.data.other((state, held)) is None
        if isinstance(value, tuple | list):
            return self.data.other(value) is None
        return value is None or isinstance(value, dict) or (isinstance(value, Opaque) and value.kind in _SETS_OF_PYTHON)

    def _reached(self, function: str, reached: Reached) -> tuple[Level, str, tuple[Value, ...]]:
        """Return how bad it is that *function* reaches a value, what the value is, and the way to it."""
        value, trail = reached.value, reached.trail
        if not isinstance(value, Obj):
            level = Level.UNSAFE if _is_vouched(value) else Level.UNVERIFIED
            return level, "something that may be called", trail
        call = self.data.call(value)
        level = Level.UNSAFE if function in SCHEMAS and value.known else Level.UNVERIFIED
        if call is not None and _is_vouched(call.value):
            level, trail = Level.UNSAFE, (*trail, *call.trail[1:])
        return level, "a callable" if value.kind is _CALLABLE else f"an object of {short(value)}", trail


def whole_of(target: Obj, state: Value) -> Obj:
    """Return *target* as it is once its state is *state*."""
    whole = Obj(target.callee, target.args, target.offset, target.kind, target.how, state)
    whole.items, whole.members = target.items, target.members
    return whole


_SETS_OF_PYTHON = frozenset({OpaqueKind.SET, OpaqueKind.FROZENSET})


def _is_vouched(value: Value) -> bool:
    return not isinstance(value, Import) or value.judged.status is _VOUCHED


def _is_sequence(value: Value) -> bool:
    return value is None or type(value) in (tuple, list)
