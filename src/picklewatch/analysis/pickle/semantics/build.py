"""BUILD: the state that a pickle gives to an object, by ``__setstate__`` or into its ``__dict__`` and slots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from picklewatch.analysis.pickle.checks import numpy_arrays
from picklewatch.analysis.pickle.checks.build_state import check_state
from picklewatch.analysis.pickle.checks.concern import Concern
from picklewatch.analysis.pickle.render import render
from picklewatch.analysis.pickle.semantics import attributes
from picklewatch.analysis.pickle.semantics.hazards import among
from picklewatch.analysis.pickle.semantics.kinds import FILLED_BY, Fill
from picklewatch.analysis.pickle.vm.values import NOTHING, Import, Obj, Persistent
from picklewatch.catalogue.imports.entries import Kind, Status
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.semantics.closed_world import ClosedWorld
    from picklewatch.analysis.pickle.semantics.hazards import Hazards
    from picklewatch.analysis.pickle.semantics.imports import ImportTable
    from picklewatch.analysis.pickle.semantics.observations import Observations
    from picklewatch.analysis.pickle.vm.values import Value

# Looked up once, for speed: see `picklewatch.catalogue.imports.entries`.
_CALLABLE: Final = Kind.CALLABLE
_CODE: Final = Status.CODE
_DTYPE: Final = Kind.DTYPE

HOOKS = frozenset({"__setstate__", "append", "extend", "add", "__class__", "__dict__"})
"""Attributes of an object that the unpickler itself looks up and calls, or that change what the object is."""


class BuildJudge:
    """Judges states."""

    def __init__(self, observations: Observations, hazards: Hazards, imports: ImportTable, world: ClosedWorld) -> None:
        self._observations = observations
        self._hazards = hazards
        self._imports = imports
        self._world = world

    def build(self, target: Value, state: Value, offset: int) -> None:
        """Judge the *state* that is given to *target*, and keep it."""
        self._observations.budget.charge(_PER_BUILD)
        if type(target) is not Obj:
            self._build_on_other(target, state, offset)
            return
        fetched = target.kind is _CALLABLE and isinstance(target.callee, Import) and target.callee.name == "getattr"
        of_object = fetched and isinstance(target.args, tuple) and target.args and isinstance(target.args[0], Obj)
        if of_object or ((target.kind not in _TAKE_STATE or fetched) and target.known):
            self._hazards.out_of_kind("BUILD", target, offset, render(state, 200))
        if target.state is not None:
            self._built_twice(target, state, offset)
        self._world.built(target, state, offset)
        self._world.data.filled(target, (state,))
        if not _is_plain(state) or id(state) in self._observations.blind:
            state = self._seen_state(target, state, offset)
        check_state(self._observations, target, state, offset)
        self._look_for_hooks(target, state, offset)
        target.state = NOTHING if state is None else state
        if target.kind is _DTYPE:
            target.size = numpy_arrays.size_of(target)

    def _built_twice(self, target: Obj, state: Value, offset: int) -> None:
        """Report a second BUILD on one object.

        No pickler writes that: whatever relied on the first state (an array on its dtype's size) would be corrupted.
        """
        self._observations.finding(
            "opcode-out-of-kind",
            Level.MALICIOUS if target.known else Level.UNSAFE,
            offset,
            f"BUILD changes {render(target.callee, 100)} a second time",
            render(state, 200),
        )

    def _seen_state(self, target: Obj, state: Value, offset: int) -> Value:
        """Normalise *state* to dicts; report a state whose attribute names cannot be determined."""
        if isinstance(state, list | tuple):
            self._observations.budget.charge(_PER_PAIR * len(state))
        named = attributes.of_a_data_model(target, state)
        if named is not state and isinstance(state, dict):
            self._observations.budget.charge(1 + len(state) // _COPIED)
            state = named
        parts = attributes.split(state)
        if any(id(part) in self._observations.blind or attributes.hidden(target, part) for part in parts):
            self._observations.finding(
                "hijacked-method",
                Level.UNSAFE,
                offset,
                f"the names of the attributes that {render(target.callee, 100)} is given cannot be seen",
                render(state, 200),
            )
        return parts if len(parts) > 1 else parts[0]

    def _build_on_other(self, target: Value, state: Value, offset: int) -> None:
        """Report a state that is given to anything but a made object: it changes that for the whole process."""
        if isinstance(target, Import):
            if target.judged.status is _CODE or self._imports.code_bearing:
                concern = Concern("code-bearing", Level.UNSAFE, f"changes {target.key}")
            else:
                concern = Concern(
                    "interpreter-state", Level.MALICIOUS, f"changes {target.key} itself for the whole process"
                )
            self._observations.note(
                target, concern, offset, lambda: f"{render(target)}.__setstate__({render(state, 200)})"
            )
            return
        self._hazards.out_of_kind("BUILD", target, offset, render(state, 200))

    def _look_for_hooks(self, target: Obj, state: Value, offset: int) -> None:
        """Keep attributes that the unpickler would call later; report those that change what *target* is."""
        slots: Value = None
        if isinstance(state, tuple) and len(state) == 2:
            state, slots = state
        for number, named in enumerate((state, slots)):
            if not isinstance(named, dict):
                continue
            self._hazards.interface(target, named, offset)
            for name in among(HOOKS, named):
                value = named[name]
                if name in {"__class__", "__dict__"}:
                    # a ``__setstate__`` that assigns sets the first part so; pydantic's only takes its parts from there
                    first = Level.UNSAFE if target.known else Level.UNVERIFIED
                    self._observations.finding(
                        "hijacked-method",
                        Level.MALICIOUS if number else first,
                        offset,
                        f"replaces {name} of an object",
                        render(value, 200),
                    )
                elif isinstance(value, Import | Obj | Persistent):
                    target.hijacked = {**(target.hijacked or {}), name: value}


def _is_plain(state: Value) -> bool:
    """Return True for a state that is an exact dict, or begins with a number, as an array's: no pairs, no two parts."""
    if type(state) is tuple:
        return len(state) > 2 and type(state[0]) is int
    return type(state) is dict and "__dict__" not in state


_TAKE_STATE = FILLED_BY[Fill.BUILD]
_PER_BUILD = 30
"""Units of work that judging a state costs."""
_COPIED = 16
"""Attributes of a data model that are copied for one unit of work."""
_PER_PAIR = 8
"""Units more for each item of a state that may be a list of names and values."""
