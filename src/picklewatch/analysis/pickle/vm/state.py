"""The state of one walk, which the opcodes' handlers read and change."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.report import Stopped

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.report import Buffer
    from picklewatch.analysis.pickle.semantics.machine import Machine
    from picklewatch.analysis.pickle.vm.values import Value

NO_FRAME = sys.maxsize
"""The end of a frame while none is open."""


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
        self.memo: dict[int | bytes, Value] = {}
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

    def end(self, end: int) -> int:
        """Return *end*; raises `Stopped` if the data do not reach as far."""
        if end > self.size:
            raise Stopped("the pickle ends inside an opcode")
        return end
