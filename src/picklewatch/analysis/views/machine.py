"""Following the pickle machine in words: what would be on its stack, what would be imported and called. Nothing is.

Every value is a short text; a call's result is named ``v1``, ``v2``, …, so that texts stay short however often and
deep values are shared, and the cost stays linear in the number of opcodes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from picklewatch.analysis.views.handlers import HANDLERS
from picklewatch.analysis.views.opcode_reader import NO_GAPS, Op, read
from picklewatch.analysis.views.wording import STATEMENT, TEXT, Act, Step, StuckError, Value, clip, constant

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from picklewatch.analysis.views.opcode_reader import Buffer


class Machine:
    """Follows one pickle. Iterate over `run`; `stack`, `memo` and `depth` are the state after the step given last."""

    def __init__(self) -> None:
        self.stack: list[Value] = []
        self._marks: list[list[Value]] = []
        """What lies below each open mark."""
        self._below = 0
        """Values and marks in all of it."""
        self.memo: dict[int, Value] = {}
        self._calls = 0
        self._acts: list[Act] = []
        self.result: Value | None = None
        """What loading would return, after STOP."""

    @property
    def depth(self) -> int:
        """Marks that are open."""
        return len(self._marks)

    @property
    def height(self) -> int:
        """Values and marks on the whole stack."""
        return self._below + len(self.stack)

    def top_texts(self, count: int) -> list[str]:
        """How the topmost *count* values and marks of the whole stack read, the topmost last."""
        texts = [value.text for value in reversed(self.stack[-count:])]
        for below in range(len(self._marks) - 1, max(-1, len(self._marks) - 1 - count), -1):
            texts.append("MARK")
            texts += [value.text for value in reversed(self._marks[below][-count:])]
        return texts[:count][::-1]

    def run(self, data: Buffer, start: int, gaps: Mapping[int, int] = NO_GAPS) -> Iterator[Step]:
        """Follow the pickle at *start*; raises `BrokenError` where its bytes can't be read any more.

        After a step with trouble the opcodes are still read, but no longer followed; only a frame that is too long
        leaves the machine in a state to go on from.
        """
        following = True
        for op in read(data, start, gaps):
            trouble = ""
            self._acts = []
            if op.name == "FRAME" and op.end + op.argument > len(data):
                trouble = f"the frame says {op.argument} bytes, {len(data) - op.end} are left"
            elif following:
                try:
                    self._follow(op)
                except StuckError as error:
                    trouble, following = str(error), False
            yield Step(op, tuple(self._acts), trouble)

    def _follow(self, op: Op) -> None:
        handler = HANDLERS.get(op.name)
        if handler is not None:
            handler(self, op)
        else:
            self.stack.append(Value(constant(op.argument, op.length)))

    # --- the stack -----------------------------------------------------------------------------------------------

    def pop(self) -> Value:
        """Take the topmost value."""
        if not self.stack:
            raise StuckError("the stack is empty here")
        return self.stack.pop()

    def top(self) -> Value:
        """Look at the topmost value."""
        if not self.stack:
            raise StuckError("the stack is empty here")
        return self.stack[-1]

    def pop_mark(self) -> list[Value]:
        """Take everything above the topmost mark."""
        if not self._marks:
            raise StuckError("there is no mark on the stack")
        items, self.stack = self.stack, self._marks.pop()
        self._below -= len(self.stack) + 1
        return items

    def mark(self, _op: Op) -> None:
        """Set a mark."""
        self._below += len(self.stack) + 1
        self._marks.append(self.stack)
        self.stack = []

    # --- what reaches beyond data --------------------------------------------------------------------------------

    def push_import(self, module: str, name: str) -> None:
        """Import *name* from *module*."""
        full = clip(f"{module}.{name}", TEXT)
        self._acts.append(Act("import", f"{module}.{name}", clip(f"from {module} import {name}", STATEMENT)))
        self.stack.append(Value(full, name=f"{module}.{name}"))

    def call(self, function: Value, arguments: str, how: str = "") -> None:
        """Call *function*; its result goes on the stack."""
        self._calls += 1
        result = f"v{self._calls}"
        statement = clip(f"{result} = {function.text}{how}({arguments})", STATEMENT)
        self._acts.append(Act("call", function.name, statement, clip(arguments, STATEMENT)))
        self.stack.append(Value(result, name=function.name if how else ""))

    def act(self, kind: str, statement: str, name: str = "") -> None:
        """Note something that reaches beyond data."""
        self._acts.append(Act(kind, name, clip(statement, STATEMENT)))
