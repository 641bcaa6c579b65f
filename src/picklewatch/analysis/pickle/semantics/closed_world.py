"""The closed world: which hooks of a restored object run, and when.

`catalogue.classes.profiles` says which hooks a class runs, a schema what one of them looks into, `semantics.data` what
data is. A hook reaches data, what its schema allows, or the pickle is not clean (`semantics.hook_reader`). All is
judged where it runs (BUILD, a key that is hashed, an item that fills), on what is there at that moment; ``__del__``,
which may run at any moment, at BUILD and once more at the end. A second BUILD, and a filling after BUILD, are reported
for themselves: no pickler writes them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from picklewatch.analysis.pickle.semantics.data import CONSTANTS, NATIVE, class_of, parts
from picklewatch.analysis.pickle.semantics.hook_reader import HookReader, whole_of
from picklewatch.analysis.pickle.semantics.restored_objects import (
    attributes_of,
    judged_as,
    plain_mapping,
    plan_of,
    short,
)
from picklewatch.analysis.pickle.vm.values import How, Import, Obj, Opaque, OpaqueKind
from picklewatch.catalogue.classes.hook_schema import DATA, Content
from picklewatch.catalogue.classes.natives import CLASSES, CONTAINERS, VALUES
from picklewatch.catalogue.classes.profiles import ClassKind, Hook
from picklewatch.catalogue.classes.schema_table import SCHEMAS
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from collections.abc import Collection

    from picklewatch.analysis.pickle.semantics.observations import Observations
    from picklewatch.analysis.pickle.semantics.restored_objects import BuildPlan
    from picklewatch.analysis.pickle.vm.values import Value
    from picklewatch.catalogue.classes.profiles import Profile

# Looked up once, for speed: see `picklewatch.catalogue.imports.entries`.
_ACTIVE: Final = ClassKind.ACTIVE
_DEL: Final = Hook.DEL
_ENUM: Final = ClassKind.ENUM
_FROZENSET: Final = OpaqueKind.FROZENSET
_FUNCTION: Final = ClassKind.FUNCTION
_NEW: Final = Hook.NEW
_NEW_WAY: Final = How.NEW
_PASSIVE: Final = ClassKind.PASSIVE
_SETITEM: Final = Hook.SETITEM
_UNSEEN: Final = Content.UNSEEN

_KEY, _STATE = "acting-key", "foreign-state"
"""The rules."""
_HASHES = (Hook.HASH, Hook.EQ)
_HASH_WHAT_THEY_HOLD = frozenset({"tuple", "frozenset"})


class ClosedWorld:
    """Has each hook judged when it runs."""

    def __init__(self, observations: Observations) -> None:
        self._finding = observations.finding
        self._findings = observations.findings
        self._charge = observations.budget.charge
        self._hooks = HookReader(observations)
        self.data = self._hooks.data
        self._plans: dict[int, BuildPlan] = {}
        """By the identity of a class's profile: what BUILD runs."""
        self._mortal: list[tuple[Profile, Obj]] = []
        """Objects whose class has a ``__del__`` that acts."""

    # --- what the machine asks ---

    def made(self, made: Obj) -> None:
        """Judge the arguments that ``__new__`` is given, and keep what will be deleted."""
        profile = class_of(made).profile if isinstance(made.callee, Import) else None
        if profile is None or profile.kind is _PASSIVE or not made.known:
            return
        native = profile.base == "native"  # compiled: its fields are whatever memory held before
        if made.how is _NEW_WAY and (made.args or native) and profile.kind is not _ENUM:
            for function in profile.acts.get(_NEW, ()):
                schema = SCHEMAS.get(function)
                if schema is None:
                    self._hooks.unread(function, made.args, made, made.offset)
                else:
                    self._hooks.given(schema, made.args, made, made.offset)
        if _DEL in profile.acts:
            self._mortal.append((profile, made))

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
            self._unknown(name, target, state, offset)
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
            self._hooks.look(name, DATA, items, (target, ""), offset, most=Level.UNVERIFIED)
            return
        plan = self._plan(profile)
        if _SETITEM not in hooks:  # that one is looked up in the class
            for function in plan.asked:
                self._hooks.run(function, target, target.state, offset, keyed=plan.keyed)
        for hook in hooks:
            for function in profile.acts.get(hook, ()):
                schema = SCHEMAS.get(function)
                if schema is None:
                    self._hooks.unread(function, items, target, offset)
                else:
                    self._hooks.look(function, schema.items, items, (target, ""), offset)
                self._hooks.run(function, target, target.state, offset, keyed=plan.keyed)

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
            elif isinstance(value, Import):
                self._hashed_class(value, offset)
            elif isinstance(value, Obj) and value.known:
                waiting += self._hashed_object(value, offset)

    def finish(self) -> None:
        """Judge the final state of all that will be deleted."""
        for profile, made in self._mortal:
            self._run_all(profile, _DEL, made, made.offset)

    # --- objects ---

    def _plan(self, profile: Profile) -> BuildPlan:
        plan = self._plans.get(id(profile))
        if plan is None:
            plan = self._plans[id(profile)] = plan_of(profile)
        return plan

    def _acting(self, profile: Profile, target: Obj, state: Value, offset: int) -> None:
        plan = self._plan(profile)
        if plan.merges or plan.assigned:
            self._passed_on(plan, target, state, offset)
        for function in plan.asked:
            self._hooks.run(function, target, target.state, offset, keyed=plan.keyed)
        if plan.looks is not None and type(state) is dict and target.items is None and target.members is None:
            self._charge(len(plan.looks))
            for function, name, allowed in plan.looks:
                if name in state:
                    self._hooks.look(function, allowed, state[name], (target, name), offset)
            return
        for function in plan.restores:
            self._hooks.restore(function, target, state, offset, keyed=plan.keyed)
        for function in plan.deletes:
            self._hooks.run(function, target, state, offset, keyed=plan.keyed)
        if not plan.restores:
            self._stored(target, state, offset)
            if isinstance(state, tuple) and len(state) == 2 and state[1]:
                self._set(plan, target, state, offset)

    def _passed_on(self, plan: BuildPlan, target: Obj, state: Value, offset: int) -> None:
        """Judge where a hook puts *state*: into what *target* holds, or to setters, which see the whole object."""
        if plan.merges and state is not target and (target.items or target.members or target.args):
            what = f"the state of {short(target)} goes into what that holds already, which others may hold as well"
            self._finding(_STATE, Level.UNVERIFIED, offset, what)
        self._charge(len(plan.assigned))
        for name, functions in plan.assigned.items():
            for function in functions if isinstance(state, dict) and name in state else ():
                self._hooks.run(function, target, state, offset, keyed=plan.keyed)

    def _set(self, plan: BuildPlan, target: Obj, state: tuple[Value, ...], offset: int) -> None:
        """Judge what sets the attributes of the second part of *state*, one by one: the first part is there already."""
        named = state[1] if isinstance(state[1], dict) else {}
        self._charge(len(named))
        given = [(function, state[1]) for function in plan.sets]
        given += [(function, value) for name, value in named.items() for function in plan.setters.get(str(name), ())]
        for function, value in given:
            if function in SCHEMAS:
                self._hooks.run(function, target, state, offset, keyed=plan.keyed)
            else:
                self._hooks.unread(function, value, target, offset)

    def _run_all(self, profile: Profile, hook: Hook, target: Obj, offset: int) -> None:
        keyed = self._plan(profile).keyed
        for function in profile.acts.get(hook, ()):
            self._hooks.run(function, target, target.state, offset, keyed=keyed)

    def _unknown(self, name: str, target: Obj, state: Value, offset: int) -> None:
        """Judge the state of an object of *name*, which a list names and no census: a schema may be about the name."""
        if name in SCHEMAS:
            self._hooks.restore(name, target, state, offset)
            return
        whole = whole_of(target, state)
        self._hooks.look(name, DATA, whole, (whole, ""), offset, most=Level.UNVERIFIED)

    def _stored(self, target: Obj, state: Value, offset: int) -> None:
        """Judge a state that is only stored: whatever stores it walks over anything but an exact dict."""
        if attributes_of(state) is None and not (isinstance(state, Obj) and plain_mapping(state)):
            what = f"what stores the state of {short(target)}"
            self._hooks.look(what, DATA, state, (target, ""), offset, rule=_STATE)

    def _is_object(self, target: Obj, profile: Profile | None, state: Obj, offset: int) -> bool:
        """Report a state that is an object with methods of its own: what restores *target* asks it for its items."""
        functions = self._plan(profile).restores if profile is not None else ()
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

    # --- keys ---

    def _hashed_object(self, value: Obj, offset: int) -> tuple[Value, ...]:
        """Judge an object that is hashed; return what its own hash is made of."""
        # an attribute may be in the place of the method
        if isinstance(value.callee, Import) and value.callee.name == "getattr":
            self._finding(_KEY, Level.UNVERIFIED, offset, "hashes what was fetched of an object as a key")
        judges, profile, name = judged_as(value)
        is_value = value.kind in NATIVE or name in VALUES or name in CONTAINERS
        if is_value or (profile is not None and profile.kind is _ENUM):
            self._hooks.look("hashing a key", DATA, (value,), (value, ""), offset, rule=_KEY)
        elif judges and profile is None:
            self._finding(
                _KEY, Level.UNVERIFIED, offset, f"hashes an object of {name} as a key, whose hash was never read"
            )
        elif judges and profile is not None:
            before = len(self._findings)
            for hook in _HASHES:
                self._run_all(profile, hook, value, offset)
            if len(self._findings) > before:
                level = max((one.level for one in self._findings[before:]), key=lambda level: level.rank)
                self._finding(_KEY, level, offset, f"hashes an object of {name} as a key")
            return (value.args,) if profile.base in _HASH_WHAT_THEY_HOLD else ()
        return ()

    def _hashed_class(self, value: Import, offset: int) -> None:
        """Judge an import that is hashed: the hash of a class is its metaclass's, which the census does not list."""
        profile = value.profile
        plain = value.key in CLASSES or value.key in CONTAINERS or value.key in VALUES
        if not plain and profile is not None and profile.kind not in {_FUNCTION, _ENUM}:
            self._finding(_KEY, Level.UNVERIFIED, offset, f"hashes the class {value.key} as a key")
