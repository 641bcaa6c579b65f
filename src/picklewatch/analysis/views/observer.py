"""The verdict's own walk, one opcode at a time, and what it was seen to do: all that a view knows of the engine.

The walk (`vm.interpreter.Walk`) asks the machine (`semantics.machine.Machine`) about everything that reaches beyond
its stack. An `Observer` stands between the two, passes every question on, and notes those about imports, calls,
states and persistent ids. So nobody is shown anything else than what was judged, and a walk that nobody observes
does no more work than it would without this.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from picklewatch.analysis.pickle.report import LimitReached, Stopped
from picklewatch.analysis.pickle.semantics.machine import Machine
from picklewatch.analysis.pickle.vm.interpreter import Walk
from picklewatch.analysis.pickle.vm.opcodes import opcode_end
from picklewatch.analysis.pickle.vm.torch_storages import read_storage
from picklewatch.analysis.pickle.vm.values import How, Import, Obj, Opaque, OpaqueKind
from picklewatch.analysis.views.opcode_text import OPCODES, unreadable
from picklewatch.analysis.views.value_text import ValueText, clip

if TYPE_CHECKING:
    from collections.abc import Callable

    from picklewatch.analysis.pickle import Budget, Buffer
    from picklewatch.analysis.pickle.vm.values import Value

GAP: Final = "(array)"
"""Stands for bytes between the opcodes that joblib reads by itself."""
_STOP, _APPEND, _SETITEM, _FROZENSET, _NEWOBJ_EX, _FRAME = b".as\x91\x92\x95"
STATEMENT: Final = 2_000
"""Characters of one statement."""


@dataclass(frozen=True, slots=True)
class Act:
    """What reaches beyond plain data: an import, a call, a state given to an object, a persistent id."""

    kind: str
    """``import``, ``call``, ``state`` or ``persistent``."""
    name: str
    """``module.name`` of what is imported or called, where that is known."""
    statement: str
    """The Python that would do the same."""
    arguments: str = ""
    """What a call is given, as it stands between the parentheses."""


class Step(NamedTuple):
    """One opcode and what it did."""

    offset: int
    end: int
    """The offset behind it."""
    op: str
    """Its name, or `GAP`."""
    acts: tuple[Act, ...] = ()
    trouble: str = ""
    """Why an unpickler stops here; empty if it goes on."""


class BrokenError(Exception):
    """From *offset* on nothing can be read, or is followed, any more."""

    def __init__(self, offset: int, why: str) -> None:
        super().__init__(why)
        self.offset = offset


class LimitedError(BrokenError):
    """A limit of the scan ends the view from *offset* on; an unpickler would go on."""


class _ObservedWalk(Walk):
    """The walk, stopping after each opcode to be looked at."""

    def __init__(self, data: Buffer, start: int, observer: Observer) -> None:
        super().__init__(data, start, cast("Machine", observer))
        self._observer = observer
        self._show: Callable[[Step], None] = _ignore
        self._fault: Exception | None = None

    def run_observed(self, show: Callable[[Step], None]) -> None:
        """Walk, and give each step to *show*."""
        self._show = show
        self.run()
        if self._fault is not None:
            raise self._fault

    def _slice(self, count: int) -> None:
        for _ in range(count):
            self._observer.before(self)
            super()._slice(1)
            try:
                self._observer.after(self, self._show)
            except Exception as fault:  # a fault of the view's, which the walk would take for the pickle's
                self._fault = fault
                raise Stopped(str(fault)) from fault
            if self.stopped:
                return


class Observer:
    """Follows one pickle by `follow`; the other members tell the state after the step that was given last."""

    def __init__(self, data: Buffer, start: int, budget: Budget, *, arrays: bool = True) -> None:
        self._budget = budget
        self._machine = Machine("", budget, persistent=False, arrays_inline=arrays, read_storage=read_storage)
        self._walk = _ObservedWalk(data, start, self)
        self._text = ValueText(self._machine.observations.dropped)
        self._offset, self._code, self._gaps = start, -1, 0
        self._found: list[Value] = []
        """The stack above the last mark before the step."""
        self._operands: list[Value] = []
        self._shown: dict[int, tuple[Value, str]] = {}
        """The values that `top` gave last and their texts by identity, until an opcode fills a container."""
        self._acts: list[Act] = []
        self._below = [0]
        """Values and marks below each open mark."""

    @property
    def depth(self) -> int:
        """Marks that are open."""
        return len(self._walk.marks)

    @property
    def height(self) -> int:
        """Values and marks on the whole stack."""
        return self._below[-1] + len(self._walk.stack)

    @property
    def memo(self) -> int:
        """Entries of the memo."""
        return len(self._walk.memo)

    @property
    def result(self) -> str | None:
        """What loading would return, after STOP."""
        return self._text.value(self._walk.result) if self._walk.stopped else None

    def top(self, count: int) -> list[str]:
        """Write the topmost *count* values and marks of the whole stack, the topmost last."""
        before, self._shown = self._shown, {}
        texts = [self._shown_again(value, before) for value in reversed(self._walk.stack[-count:])]
        for below in reversed(self._walk.marks[-count:]):
            if len(texts) >= count:
                break
            texts.append("MARK")
            texts += [self._shown_again(value, before) for value in reversed(below[-count:])]
        return texts[:count][::-1]

    def _shown_again(self, value: Value, before: dict[int, tuple[Value, str]]) -> str:
        known = before.get(id(value))
        shown = self._shown[id(value)] = known or (value, self._text.value(value))
        return shown[1]

    def follow(self, show: Callable[[Step], None]) -> None:
        """Give each step to *show*.

        Raises `BrokenError` where the bytes can't be read any more, `LimitedError` at a limit.

        After a step with trouble the opcodes are still read, but no longer followed; only a frame that is too long
        lets the walk go on.
        """
        walk = self._walk
        try:
            self._budget.share(lambda: walk.run_observed(show))  # as the scan does: further pickles are shown, too
        except LimitReached as limit:
            raise LimitedError(self._offset, str(limit)) from None
        if walk.problem:
            self._read_on(show)

    def before(self, walk: Walk) -> None:
        """Look at what the next opcode of *walk* finds."""
        self._offset = offset = walk.position
        self._code = walk.data[offset] if offset < walk.size else -1
        self._found = walk.stack
        self._gaps = len(self._machine.observations.gaps)
        if self._acts:
            self._acts = []
        if self._code == _NEWOBJ_EX:
            self._operands = walk.stack[-2:]

    def after(self, walk: Walk, show: Callable[[Step], None]) -> None:
        """Give the opcode that *walk* has followed to *show*, and an array that lies behind it."""
        marks, below = walk.marks, self._below
        if len(marks) != len(below) - 1:
            if len(marks) >= len(below):
                below.append(below[-1] + len(marks[-1]) + 1)
            del below[len(marks) + 1 :]
        if self._code == _FROZENSET:
            self._text.filled(walk.stack[-1], self._found, len(self._found))
        if len(self._machine.observations.gaps) == self._gaps:
            show(self._step(walk.position, self._frame_trouble(walk) if self._code == _FRAME else ""))
            return
        begin, end = self._machine.observations.gaps[-1]
        show(self._step(begin))
        show(Step(begin, end, GAP))

    def _step(self, end: int, trouble: str = "") -> Step:
        return Step(self._offset, end, OPCODES[self._code].name, tuple(self._acts), trouble)

    @staticmethod
    def _frame_trouble(walk: Walk) -> str:
        said, left = walk.frame_end - walk.position, walk.size - walk.position
        return f"the frame says {said} bytes, {left} are left" if said > left else ""

    def _read_on(self, show: Callable[[Step], None]) -> None:
        """Say why the walk ended, and read on as far as there are opcodes."""
        data, offset, trouble = self._walk.data, self._offset, self._walk.problem
        while not (why := unreadable(data, offset)):
            end = opcode_end(data, offset, len(data))
            if trouble:
                show(self._step(end, trouble))
            else:
                show(Step(offset, end, OPCODES[data[offset]].name))
            if trouble and self._walk.position > offset:  # it was in the bytes of an array, which are no opcodes
                raise BrokenError(offset, trouble)
            if data[offset] == _STOP:
                return
            offset, trouble = end, ""
        raise BrokenError(offset, why)

    # --- what is noted ------------------------------------------------------------------------------------------

    def _act(self, offset: int, kind: str, name: str, statement: str, arguments: str = "") -> None:
        if offset == self._offset:  # else of a pickle in an array, which is shown by itself
            self._acts.append(Act(kind, name, clip(statement, STATEMENT), clip(arguments, STATEMENT)))

    def _call(self, callee: Value, args: Value, how: How, offset: int) -> None:
        if offset != self._offset:
            return
        keywords = ""
        if self._code == _NEWOBJ_EX:  # the walk gives both operands as one
            args, keywords = self._operands[0], f"**{self._text.value(self._operands[1])}"
        function = self._text.value(callee)
        first = function if how is How.NEW else ""
        arguments = ", ".join(filter(None, (first, self._text.arguments(args), keywords)))
        number = self._text.results[offset] = len(self._text.results) + 1
        method = ".__new__" if how is How.NEW else ""
        self._act(offset, "call", _name(callee), f"v{number} = {function}{method}({arguments})", arguments)

    def _state(self, target: Value, change: str, offset: int) -> None:
        self._act(offset, "state", _name(target), f"{self._text.value(target)}.{change}")

    # --- what the walk asks the machine -------------------------------------------------------------------------

    def __getattr__(self, name: str) -> object:
        return getattr(self._machine, name)

    def global_(self, module: str, name: str, offset: int) -> Import:
        """GLOBAL and INST."""
        imported = self._machine.global_(module, name, offset)
        self._act(offset, "import", imported.key, f"from {imported.module} import {imported.name}")
        return imported

    def stack_global(self, module: Value, name: Value, offset: int) -> Import:
        """STACK_GLOBAL; names that are no texts are shown as what they are."""
        imported = self._machine.stack_global(module, name, offset)
        if imported.key == "?.?":
            self._act(offset, "import", "", f"from {self._text.value(module)} import {self._text.value(name)}")
        else:
            self._act(offset, "import", imported.key, f"from {imported.module} import {imported.name}")
        return imported

    def extension(self, code: int, offset: int) -> Import:
        """EXT1, EXT2, EXT4."""
        self._act(offset, "import", "", f"copyreg extension {code}")
        return self._machine.extension(code, offset)

    def persistent_id(self, pid: Value, offset: int) -> Value:
        """PERSID and BINPERSID."""
        self._act(offset, "persistent", "", f"persistent_load({self._text.value(pid)})")
        return self._machine.persistent_id(pid, offset)

    def call(self, callee: Value, args: Value, how: How, offset: int) -> Value:
        """REDUCE, NEWOBJ and NEWOBJ_EX."""
        self._call(callee, args, how, offset)
        return self._machine.call(callee, args, how, offset)

    def instantiate(self, callee: Value, args: tuple[Value, ...], offset: int) -> Value:
        """INST and OBJ."""
        self._call(callee, args, How.CALL, offset)
        return self._machine.instantiate(callee, args, offset)

    def build(self, target: Value, state: Value, offset: int) -> None:
        """BUILD."""
        self._state(target, f"__setstate__({self._text.value(state)})", offset)
        self._machine.build(target, state, offset)

    def append(self, target: Value, items: list[Value], offset: int) -> None:
        """APPEND and APPENDS."""
        self._shown = {}
        if type(target) is not list:
            method = "append" if self._code == _APPEND else "extend"
            self._state(target, f"{method}({self._text.arguments(items)})", offset)
        self._machine.append(target, items, offset)

    def set_items(self, target: Value, items: list[Value], offset: int) -> None:
        """SETITEM and SETITEMS."""
        self._shown = {}
        if type(target) is dict:
            self._text.set_items(target, items)
        else:
            method = "__setitem__" if self._code == _SETITEM else "update"
            self._state(target, f"{method}({self._text.items_of(items)})", offset)
        self._machine.set_items(target, items, offset)

    def add_items(self, target: Value, items: list[Value], offset: int) -> None:
        """ADDITEMS."""
        self._shown = {}
        if isinstance(target, Opaque) and target.kind is OpaqueKind.SET:
            self._text.filled(target, items, len(items))
        else:
            self._state(target, f"update({self._text.arguments(items)})", offset)
        self._machine.add_items(target, items, offset)


def _name(value: Value) -> str:
    """``module.name`` of what *value* is or is an instance of by ``__new__`` alone; empty if that is not known."""
    while type(value) is Obj and value.how is How.NEW:
        value = value.callee
    return value.key if type(value) is Import else ""


def _ignore(_step: Step) -> None:
    """Show nothing."""
