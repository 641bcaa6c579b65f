"""The closed world: what a hook of a restored object may reach.

`catalogue.classes.profiles` says which hooks a class runs, a schema what one of them looks into, `semantics.data` what
data is. A hook reaches data, what its schema allows, or the pickle is not clean. All is judged where it runs (BUILD,
a key that is hashed, an item that fills), on what is there at that moment; ``__del__``, which may run at any moment,
at BUILD and once more at the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from picklewatch.analysis.pickle.semantics.data import CONSTANTS, NATIVE, DataReader, Reached, parts
from picklewatch.analysis.pickle.semantics.restored_objects import (
    ASKED,
    BuildPlan,
    is_attributes,
    judged_as,
    place_of,
    plain_mapping,
    plan_of,
    short,
)
from picklewatch.analysis.pickle.vm.values import NOTHING, REST, Blob, How, Import, Obj, Opaque, OpaqueKind
from picklewatch.catalogue.classes.hook_schema import DATA, Content
from picklewatch.catalogue.classes.natives import CONTAINERS, VALUES
from picklewatch.catalogue.classes.profiles import ClassKind, Hook
from picklewatch.catalogue.classes.schema_table import SCHEMAS
from picklewatch.catalogue.imports.entries import Kind, Status
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from collections.abc import Collection

    from picklewatch.analysis.pickle.semantics.observations import Observations
    from picklewatch.analysis.pickle.vm.values import Key, Value
    from picklewatch.catalogue.classes.hook_schema import Permitted, Schema
    from picklewatch.catalogue.classes.profiles import Profile

# Looked up once, for speed: see `picklewatch.catalogue.imports.entries`.
_ACTIVE: Final = ClassKind.ACTIVE
_CALLABLE: Final = Kind.CALLABLE
_ENUM: Final = ClassKind.ENUM
_DEL: Final = Hook.DEL
_DICT: Final = Kind.DICT
_FROZENSET: Final = OpaqueKind.FROZENSET
_DATA: Final = Content.DATA
_NAMES: Final = Content.NAMES
_TEXT: Final = Content.TEXT
_NEW: Final = Hook.NEW
_NEW_WAY: Final = How.NEW
_PASSIVE: Final = ClassKind.PASSIVE
_SETSTATE: Final = Hook.SETSTATE
_UNSEEN: Final = Content.UNSEEN
_VOUCHED: Final = Status.VOUCHED

_REACHED, _KEY, _STATE = "reached-callable", "acting-key", "foreign-state"
"""The rules."""
_HASHES = (Hook.HASH, Hook.EQ)
_SETS = (Hook.SETATTR, Hook.DESCRIPTOR)
"""Hooks that the second part of a state runs."""


class ClosedWorld:
    """Judges what each hook reaches."""

    def __init__(self, observations: Observations) -> None:
        self._finding = observations.finding
        self._findings = observations.findings
        self._charge = observations.budget.charge
        self.data = DataReader(observations.budget)
        self._plans: dict[int, BuildPlan] = {}
        """By the identity of a class's profile: what BUILD runs."""
        self._mortal: list[Obj] = []
        """Objects whose class has a ``__del__`` that acts."""

    # --- what the machine asks ---

    def made(self, made: Obj) -> None:
        """Judge the arguments that ``__new__`` is given, and keep what will be deleted."""
        profile = made.callee.profile if isinstance(made.callee, Import) else None
        if profile is None or profile.kind is _PASSIVE or not made.known:
            return
        if made.how is _NEW_WAY and made.args and profile.kind is not _ENUM:
            for function in profile.acts.get(_NEW, ()):
                schema = SCHEMAS.get(function)
                self._look(function, schema.state if schema else DATA, made.args, (made, ""), made.offset)
        if _DEL in profile.acts:
            self._mortal.append(made)

    def built(self, target: Obj, state: Value, offset: int) -> None:
        """Judge the *state* that BUILD is about to give to *target*."""
        callee = target.callee
        if type(state) is dict and type(callee) is Import and callee.profile is not None and not callee.makes:
            if callee.profile.kind is _PASSIVE:
                return
            if callee.profile.kind is _ACTIVE and target.known and target.kind not in NATIVE:
                self._acting(callee.profile, target, state, offset)
                return
        judges, profile, name = judged_as(target)
        if not judges or (isinstance(state, Obj) and self._is_object(target, profile, state, offset)):
            return
        if profile is None:
            self._run(name, target, state, offset, most=Level.UNVERIFIED)
        elif profile.kind is _ENUM:
            if state is not None and state != {}:
                self._finding(_STATE, Level.UNSAFE, offset, f"changes a member of {name} for the whole process")
        elif profile.kind is _PASSIVE:
            self._stored(target, state, offset)
        else:
            self._acting(profile, target, state, offset)

    def filled(self, target: Obj, hooks: tuple[Hook, ...], items: list[Value], offset: int) -> None:
        """Judge *items* that fill *target* by one of *hooks*."""
        judges, profile, name = judged_as(target)
        if not judges or (profile is not None and profile.kind is _PASSIVE):
            return
        if profile is None:
            self._look(name, DATA, items, (target, ""), offset, most=Level.UNVERIFIED)
            return
        for hook in hooks:
            for function in profile.acts.get(hook, ()):
                schema = SCHEMAS.get(function)
                self._look(function, schema.items if schema else DATA, items, (target, ""), offset)
                self._run(function, target, target.state, offset)
        for hook in ASKED:
            self._run_all(profile, hook, target, target.state, offset)

    def hashed(self, values: Collection[Value], offset: int) -> None:
        """Judge keys of a mapping, or members of a set."""
        waiting, seen = list(values), set[int]()
        while waiting:
            value = waiting.pop()
            if type(value) in CONSTANTS or id(value) in seen:
                continue
            seen.add(id(value))
            if isinstance(value, tuple) or (isinstance(value, Opaque) and value.kind is _FROZENSET):
                held = parts(value)
                self._charge(1 + len(held))
                waiting += held
            elif isinstance(value, list):
                waiting += value  # what a frozenset holds
            elif isinstance(value, Obj) and value.known:
                waiting += self._hashed_object(value, offset)

    def finish(self) -> None:
        """Judge the final state of all that will be deleted."""
        for made in self._mortal:
            if isinstance(made.callee, Import) and made.callee.profile is not None:
                self._run_all(made.callee.profile, _DEL, made, made.state, made.offset)

    # --- objects ---

    def _acting(self, profile: Profile, target: Obj, state: Value, offset: int) -> None:
        plan = self._plans.get(id(profile))
        if plan is None:
            plan = self._plans[id(profile)] = plan_of(profile)
        for function in plan.asked:
            self._run(function, target, target.state, offset)
        if plan.looks is not None and type(state) is dict and target.items is None and target.members is None:
            self._charge(len(plan.looks))
            for function, name, allowed in plan.looks:
                if name in state:
                    self._look(function, allowed, state[name], (target, name), offset)
            return
        for function in plan.runs:
            self._run(function, target, state, offset)
        if not profile.acts.get(_SETSTATE):
            self._stored(target, state, offset)
            if isinstance(state, tuple) and len(state) == 2 and state[1]:
                for hook in _SETS:
                    self._run_all(profile, hook, target, state, offset)

    def _run_all(self, profile: Profile, hook: Hook, target: Obj, state: Value, offset: int) -> None:
        for function in profile.acts.get(hook, ()):
            self._run(function, target, state, offset)

    def _run(self, function: str, target: Obj, state: Value, offset: int, *, most: Level = Level.UNSAFE) -> None:
        """Judge what *function*, a hook of *target* or what made it, reaches once *state* is set."""
        schema = SCHEMAS.get(function)
        if schema is None:
            whole = Obj(target.callee, target.args, target.offset, target.kind, target.how, state)
            whole.items, whole.members = target.items, target.members
            self._look(function, DATA, whole, (whole, ""), offset, most=most)
            return
        self._look(function, schema.items, (target.items, target.members), (target, ""), offset)
        if schema.keyed and target.items is not None:
            self._named(schema, target, target.items, offset)
            self._look(function, DATA, target.items.get(REST), (target, ""), offset)
        if not is_attributes(state):
            self._look(function, schema.state, state, (target, ""), offset)
            return
        for part in state if isinstance(state, tuple) else (state,):
            if isinstance(part, dict):
                self._named(schema, target, part, offset)

    def _named(self, schema: Schema, target: Obj, named: dict[Key, Value], offset: int) -> None:
        """Judge attributes, or items, by their names."""
        names = named if schema.rest.content is not _UNSEEN else [name for name in schema.looks if name in named]
        self._charge(len(names))
        for name in names:
            allowed = schema.looks.get(name, schema.rest) if isinstance(name, str) else schema.rest
            self._look(schema.function, allowed, named[name], (target, str(name)), offset)

    def _stored(self, target: Obj, state: Value, offset: int) -> None:
        """Judge a state that is only stored: whatever stores it walks over anything but an exact dict."""
        if not is_attributes(state) and not (isinstance(state, Obj) and plain_mapping(state)):
            self._look(f"what stores the state of {short(target)}", DATA, state, (target, ""), offset, rule=_STATE)

    def _is_object(self, target: Obj, profile: Profile | None, state: Obj, offset: int) -> bool:
        """Report a state that is an object with methods of its own: what restores *target* asks it for its items."""
        functions = profile.acts.get(_SETSTATE, ()) if profile is not None else ()
        read = [SCHEMAS[function].state for function in functions if function in SCHEMAS]
        allowed = (
            [one for one in read if one.content is not _UNSEEN] if functions and len(read) == len(functions) else [DATA]
        )
        if plain_mapping(state):
            return False
        found = (self.data.other(state, one.classes) for one in allowed)
        reached = next((one for one in found if one is not None), None)
        if reached is not None:
            call = self.data.call(state)
            self._finding(
                _STATE,
                Level.UNSAFE if state.known else Level.UNVERIFIED,
                offset,
                f"the state of {short(target)} is an object of {short(state)}, which is asked for its items",
                self.data.way(short(target), call.trail if call else reached.trail),
            )
        return reached is not None

    def _hashed_object(self, value: Obj, offset: int) -> tuple[Value, ...]:
        """Judge an object that is hashed; return what its own hash is made of."""
        judges, profile, name = judged_as(value)
        is_value = value.kind in NATIVE or name in VALUES or name in CONTAINERS
        if is_value or (profile is not None and profile.kind is _ENUM):
            self._look("hashing a key", DATA, (value,), (value, ""), offset, rule=_KEY)
        elif judges and profile is None:
            self._finding(
                _KEY, Level.UNVERIFIED, offset, f"hashes an object of {name} as a key, whose hash was never read"
            )
        elif judges and profile is not None:
            before = len(self._findings)
            for hook in _HASHES:
                self._run_all(profile, hook, value, value.state, offset)
            if len(self._findings) > before:
                self._finding(_KEY, Level.UNSAFE, offset, f"hashes an object of {name} as a key")
            return (value.args,) if profile.base in _HASH_WHAT_THEY_HOLD else ()
        return ()

    # --- values ---

    def _look(  # noqa: PLR0913 - one place of one hook
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
        if look is _NAMES and self._is_of_names(value):
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
        what = {Content.ABSENT: "may call", Content.TEXT: "takes for a text", Content.NAMES: "takes for names"}[look]
        call = self.data.call(value)
        start = place_of(place)
        evidence = self.data.way(start, call.trail if call else (value,))
        self._finding(rule, Level.UNSAFE, offset, f"{function} {what} what is at {start}, on loading", evidence)

    def _is_of_names(self, value: Value) -> bool:
        """Return True for a container of Python's own: its keys were judged when they were hashed."""
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


_SETS_OF_PYTHON = frozenset({OpaqueKind.SET, OpaqueKind.FROZENSET})
_HASH_WHAT_THEY_HOLD = frozenset({"tuple", "frozenset"})


def _is_vouched(value: Value) -> bool:
    return not isinstance(value, Import) or value.judged.status is _VOUCHED
