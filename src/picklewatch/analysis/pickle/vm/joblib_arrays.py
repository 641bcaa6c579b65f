"""joblib's arrays, whose raw bytes lie between the opcodes (``joblib/numpy_pickle.py``, ``NumpyArrayWrapper``)."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.checks import numpy_arrays
from picklewatch.analysis.pickle.report import Stopped, evasion
from picklewatch.analysis.pickle.semantics.machine import Machine
from picklewatch.analysis.pickle.vm.state import SparseMemo, recalled
from picklewatch.analysis.pickle.vm.values import Blob, Import, Obj, Opaque, OpaqueKind, Value
from picklewatch.catalogue.imports.classify import plausible
from picklewatch.catalogue.imports.entries import Kind
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.vm.state import WalkState
    from picklewatch.analysis.pickle.vm.values import Key

_OTHER_READING = 1_000_000
"""Opcodes that are followed in an array's bytes as a plain ``pickle.load`` would; more are ``array-payload``."""
_DEPTH = 8
"""Arrays of objects within each other; more are `EVASION`: no writer nests them, and each takes a part of our stack."""
_ENDED = "the file ends inside an in-line array"


def skip(walk: WalkState, wrapper: Obj, position: int, stack: list[Value]) -> int:
    """Return where the opcodes go on after the array that *wrapper* announces at *position*.

    *stack* ends with the wrapper. joblib's own unpickler reads the array when it executes the wrapper's BUILD
    (``NumpyUnpickler.load_build``); ``pickle.load`` would take its bytes for opcodes: an attack may hide in either.
    """
    machine = walk.machine
    if not machine.arrays_inline:
        return position
    state = wrapper.state if isinstance(wrapper.state, dict) else {}
    if walk.frame_end > position and walk.frame_end != sys.maxsize:
        machine.observations.once(
            "frame-mismatch",
            Level.MALICIOUS,
            position,
            "an array's bytes lie inside a frame: readers differ about what follows",
        )
        return position
    size, elements = numpy_arrays.item_size(state.get("dtype")), numpy_arrays.count(state.get("shape"))
    if size is None or elements is None:
        machine.observations.finding(
            "malformed-pickle", Level.UNSCANNABLE, position, "the size of an in-line array is not known"
        )
        return position
    if size == numpy_arrays.OBJECT:
        end = _objects(walk, wrapper, position)
        other_reading(walk, position, stack, certain=True)
    else:
        end = _raw(walk, state, position, elements * size, stack)
        state = {**state, "": Blob(walk.data, end - elements * size, end, text=False, budget=machine.budget)}
    machine.observations.gaps.append((position, end))
    stack[-1] = Obj(wrapper.callee, wrapper.args, wrapper.offset, Kind.NDARRAY_DONE, state=state)
    return end


def _raw(walk: WalkState, state: dict[Key, Value], position: int, length: int, stack: list[Value]) -> int:
    """Return the end of the elements, after an alignment byte that counts its padding, and the padding."""
    start = position
    if state.get("numpy_array_alignment_bytes") is not None:
        if position >= walk.size:
            raise Stopped(_ENDED)
        start = position + 1 + walk.data[position]
    end = start + length
    if end > walk.size:
        raise Stopped(_ENDED)
    if length:
        other_reading(walk, position, stack)
    return end


def _objects(walk: WalkState, wrapper: Obj, position: int) -> int:
    """Walk an array of objects, which is a pickle of its own that ``pickle.load`` reads; return its end."""
    if walk.depth >= _DEPTH:
        raise evasion(f"arrays of objects are nested more than {_DEPTH} deep")
    inner = walk.beside(position, walk.machine)
    inner.depth = walk.depth + 1
    inner.run()
    walk.opcodes += inner.opcodes
    if not inner.stopped:
        raise Stopped(f"in an array of objects: {inner.problem}")
    wrapper.members = [inner.result]
    return inner.position


def other_reading(walk: WalkState, position: int, stack: list[Value], *, certain: bool = False) -> None:
    """Report what a plain ``pickle.load`` would run in an array's bytes; random numbers reach no import by a name.

    With *certain* only what is denied counts: opcodes that another reading makes of a sound pickle may import anything.
    """
    if walk.data[position] not in _OPCODES:
        return
    outer = walk.machine
    machine = Machine("", outer.budget, persistent=False, arrays_inline=False, read_storage=outer.read_storage)
    machine.observations.prefix, machine.observations.tell = outer.observations.prefix, None
    other = walk.beside(position, machine)
    walk.machine.budget.charge(_PER_READING + len(stack) + sum(map(len, walk.marks)) + len(walk.marks))
    other.stack = [_stand_in(value, machine) for value in stack]
    other.marks = [[_stand_in(value, machine) for value in below] for below in walk.marks]
    other.memo = _Overlay(walk.memo, machine)
    other.limit = _OTHER_READING
    other.run()
    if other.opcodes >= other.limit:
        walk.machine.observations.once(
            "array-payload",
            Level.UNSCANNABLE,
            position,
            "an array's bytes go on and on as opcodes when the file is read by pickle.load",
        )
    for imported in machine.imports.found.values():
        worst = max(imported.level or Level.INFO, imported.judged.level, key=lambda level: level.rank)
        if not plausible(imported.module, imported.name) or imported.offset < position:
            continue
        if worst is Level.MALICIOUS or (not certain and (worst is Level.UNSAFE or imported.called)):
            walk.machine.observations.finding(
                "array-payload",
                Level.MALICIOUS,
                imported.offset,
                f"an array's bytes are opcodes that import {imported.key[:200]} when the file is read by pickle.load",
                imported.evidence,
            )


def _stand_in(value: Value, machine: Machine) -> Value:
    """Return a copy of *value* for another reading, which must not change what this one holds."""
    if isinstance(value, Import):
        known = Import(value.module, value.name, value.judged, value.offset)
        return machine.imports.found.setdefault((value.module, value.name), known)
    return value if value is None or isinstance(value, str | bytes | int | float) else Opaque(OpaqueKind.OTHER)


class _Overlay(SparseMemo):
    """A memo over another that stays as it is."""

    def __init__(self, below: list[Value] | SparseMemo, machine: Machine) -> None:
        super().__init__()
        self.below = below
        self.machine = machine

    def __missing__(self, index: int | bytes) -> Value:
        return _stand_in(recalled(self.below, index), self.machine)

    def __len__(self) -> int:
        return super().__len__() + len(self.below)


_PER_READING = 80
"""Units of work that another reading costs before its first opcode."""
_OPCODES = frozenset(b"().0123FIJKLMNPRSTUVXabcde}ghijloprqstu]GQBC" + bytes(range(0x80, 0x99)))
