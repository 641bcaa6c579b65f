"""The state of one walk, which the opcodes' handlers read and change."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Final

from picklewatch.analysis.pickle.report import Stopped
from picklewatch.analysis.pickle.vm.values import Opaque, OpaqueKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from picklewatch.analysis.pickle.report import Buffer
    from picklewatch.analysis.pickle.semantics.machine import Machine
    from picklewatch.analysis.pickle.vm.values import Value

NO_FRAME = sys.maxsize
"""The end of a frame while none is open."""
_PER_ENTRY, _PER_PLACE = 90, 10
"""Bytes of a dictionary for each entry, while it grows, and of a list for each item."""


PASSED_OVER: Final = Opaque(OpaqueKind.OTHER)
"""Stands in the memo for a value that was not made: see `LaneMissedError`."""


class LaneMissedError(Exception):
    """The pickle uses a value that was passed over: it is to be walked again, opcode by opcode."""


class SparseMemo(dict["int | bytes", "Value"]):
    """A memo whose indexes are not counted from 0 on, as all picklers of Python 3 do."""

    def append(self, value: Value) -> None:
        """Keep *value* under the number of entries, as MEMOIZE does."""
        self[len(self)] = value


def recalled(memo: list[Value] | SparseMemo, index: int | bytes) -> Value:
    """Return the entry *index* of *memo*; raises `KeyError` if there is none, `LaneMissedError` if it is not kept."""
    if isinstance(memo, SparseMemo):
        value = memo[index]
    elif isinstance(index, int) and 0 <= index < len(memo):
        value = memo[index]  # a list takes nothing but numbers, and C's reader none below 0
    else:
        raise KeyError(index)
    if value is PASSED_OVER:
        raise LaneMissedError
    return value


class WalkState(ABC):
    """The place in the data, the stack and the memo; `machine` is asked about all that reaches beyond these."""

    def __init__(self, data: Buffer, start: int, machine: Machine, *, end: int | None = None) -> None:
        self.data = data
        self.size = len(data) if end is None else end
        self.position = start
        self.machine = machine
        self.stack: list[Value] = []
        """The values above the last mark."""
        self.marks: list[list[Value]] = []
        """The stacks below each open mark."""
        self.memo: list[Value] | SparseMemo = []
        """A list, whose entries take a tenth of a dictionary's memory, as long as the indexes are counted from 0 on."""
        self.rewritten = False
        """True once an entry of the memo was given another value, as no pickler does."""
        self.frame_end = NO_FRAME
        self.protocol = 0
        self.opcodes = 0
        """Opcodes executed so far."""
        self.limit = sys.maxsize
        """Opcodes after which the walk ends by itself."""
        self.stopped = False
        """True once STOP was reached."""
        self.result: Value = None
        """The value that STOP returned."""
        self.problem = ""
        """The reason why the walk ended before STOP."""
        self.depth = 0
        """Arrays of objects that this pickle lies in."""

    @abstractmethod
    def run(self) -> None:
        """Walk to STOP, to `limit`, or to the point where every reader raises."""

    @abstractmethod
    def beside(self, position: int, machine: Machine) -> WalkState:
        """Return a new walk over the same data from *position* on."""

    def memoize(self, index: int | bytes, value: Value) -> None:
        """Keep *value* as the memo's entry *index*."""
        memo = self.memo
        if isinstance(memo, SparseMemo):
            memo[index] = value
        elif index == len(memo):
            memo.append(value)
        elif isinstance(index, int) and 0 <= index < len(memo):
            memo[index] = value
            self.rewritten = True
        else:
            self.memo = SparseMemo(enumerate(memo))
            self.memo[index] = value

    @property
    def memoized(self) -> Iterable[Value]:
        """The memo's entries."""
        return self.memo.values() if isinstance(self.memo, SparseMemo) else self.memo

    def held(self) -> int:
        """Estimate the bytes of the stack and the memo themselves."""
        entry = _PER_PLACE if isinstance(self.memo, list) else _PER_ENTRY
        return entry * len(self.memo) + _PER_PLACE * (len(self.stack) + len(self.marks))

    def end(self, end: int) -> int:
        """Return *end*; raises `Stopped` if the data do not reach as far."""
        if end > self.size:
            raise Stopped("the pickle ends inside an opcode")
        return end
