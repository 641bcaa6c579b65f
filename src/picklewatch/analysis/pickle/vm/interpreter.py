"""The pickle machine itself: one linear pass over what CPython's C unpickler would do (``Modules/_pickle.c``).

The opcodes have no jumps, so every reader executes the same ones in the same order up to the point where it raises.
Where CPython's two unpicklers raise at different points (frames, buffers, lenient numbers), the walk goes on as the
more lenient one would and reports it. Marks cut the stack into a stack of stacks, as ``pickle._Unpickler`` does it; an
`IndexError` is then exactly an underflow of C's fenced stack.
"""

from __future__ import annotations

import struct
from struct import Struct
from typing import TYPE_CHECKING, Final

from picklewatch.analysis.pickle.report import LimitReached, Stopped
from picklewatch.analysis.pickle.vm import joblib_arrays, protocol0
from picklewatch.analysis.pickle.vm.number_runs import FIRST_OF_RUN, push_numbers
from picklewatch.analysis.pickle.vm.opcodes import HANDLERS, MEMO_GAP, opcode_end, sparse, straddled
from picklewatch.analysis.pickle.vm.opcodes_constants import long_text
from picklewatch.analysis.pickle.vm.state import NO_FRAME, PASSED_OVER, LaneMissedError, WalkState
from picklewatch.analysis.pickle.vm.tensor_lane import TensorLane
from picklewatch.analysis.pickle.vm.values import TEXT_CAP, How, Obj
from picklewatch.catalogue.imports.entries import Kind

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.report import Buffer
    from picklewatch.analysis.pickle.semantics.machine import Machine

# Looked up once, for speed: see `picklewatch.catalogue.imports.entries`.
_ARRAY_WRAPPER: Final = Kind.ARRAY_WRAPPER
_CALL: Final = How.CALL
_NEW: Final = How.NEW

_U16, _I32, _U32, _F64 = (Struct(layout).unpack_from for layout in ("<H", "<i", "<I", ">d"))
_RECALLING = b"ghj"
"""GET, BINGET and LONG_BINGET."""
_IMPORTING = b"c\x93"
"""GLOBAL and STACK_GLOBAL."""
_TEXTS = 1 << 16
"""Short texts from which on no more are remembered for their repetition; others take their own memory."""
_SLICE = 50_000
"""Opcodes between two looks at the clock."""


class Walk(WalkState):
    """One pass over one pickle, from *start* to STOP or to the point where every reader raises."""

    def __init__(
        self, data: Buffer, start: int, machine: Machine, *, end: int | None = None, lane: bool = False
    ) -> None:
        super().__init__(data, start, machine, end=end)
        self._lane = TensorLane(machine, active=lane)
        self._rare_opcodes = 0
        """Opcodes with a handler of their own, which take twice the time, since the budget was last charged."""
        self._texts: dict[str, str] = {}
        """Short texts, each once: honest files repeat a few thousand words millions of times."""

    @property
    def passed(self) -> int:
        """Return how many opcodes the lane has passed over."""
        return self._lane.opcodes

    def beside(self, position: int, machine: Machine) -> Walk:
        """Return a new walk over the same data from *position* on."""
        return Walk(self.data, position, machine, end=self.size)

    def run(self) -> None:
        """Walk; afterwards `stopped` tells whether STOP was reached, and `problem` why not."""
        budget = self.machine.budget
        try:
            while not self.stopped and self.opcodes < self.limit:
                before = self.opcodes
                self._slice(min(_SLICE, self.limit, budget.opcodes_left + 1))
                budget.charge(self._rare_opcodes)
                self._rare_opcodes = 0
                budget.spend(self.opcodes - before, self.held())
        except (Stopped, protocol0.Malformed) as reason:
            self.problem = str(reason)
        except (IndexError, KeyError):
            recalls = self.data[self.position] in _RECALLING
            self.problem = (
                "an opcode asks for a memo entry that does not exist"
                if recalls
                else "an opcode finds too little on the stack"
            )
        except struct.error:
            self.problem = "the pickle ends inside an opcode"
        except MemoryError:
            raise LimitReached("limit-memory", "the pickle needs more memory than a scan may take") from None
        except UnicodeDecodeError:
            self.problem = "a text or name is not valid in its encoding"
        framed = self.position < self.frame_end != NO_FRAME
        if self.problem and framed and self.frame_end < opcode_end(self.data, self.position, self.size):
            straddled(self, self.position)

    def forget(self) -> None:
        """Release all values."""
        self.stack, self.marks, self.memo, self.result = [], [], [], None
        self._texts = {}

    def _slice(self, count: int) -> None:
        """Execute up to *count* opcodes."""
        data, size, machine, memo, marks = self.data, self.size, self.machine, self.memo, self.marks
        stack, position, frame_end = self.stack, self.position, self.frame_end
        call, done, over, lane = machine.call, 0, 0, self._lane
        rebuild, shared, passed = lane.rebuild, lane.shared, lane.opcodes
        same = self._texts.setdefault if len(self._texts) < _TEXTS else self._texts.get
        try:
            for done in range(1, count + 1):
                if position >= frame_end:
                    if position > frame_end:
                        straddled(self, position)
                    frame_end = NO_FRAME
                if position >= size:
                    raise Stopped("the pickle ends without STOP")
                op = data[position]
                if op == 0x71:  # BINPUT
                    index = data[position + 1]
                    if index == len(memo):
                        memo.append(stack[-1])
                    else:
                        self.memoize(index, stack[-1])
                        memo = self.memo
                    position += 2
                elif op == 0x4B:  # BININT1
                    stack.append(data[position + 1])
                    position += 2
                elif op == 0x94:  # MEMOIZE
                    memo.append(stack[-1])
                    position += 1
                elif op == 0x72:  # LONG_BINPUT
                    index = _U32(data, position + 1)[0]
                    if index == len(memo):
                        memo.append(stack[-1])
                    else:
                        self.memoize(index, stack[-1])
                        memo = self.memo
                    position += 5
                    if index > MEMO_GAP:
                        sparse(self, index, position - 5)
                elif op == 0x68:  # BINGET
                    top = memo[data[position + 1]]
                    stack.append(top)
                    position += 2
                    if top is rebuild:
                        position, rebuild = lane.passed(self, position, stack, frame_end), lane.rebuild
                    elif top is PASSED_OVER:
                        raise LaneMissedError
                elif op == 0x4D:  # BININT2
                    stack.append(_U16(data, position + 1)[0])
                    position += 3
                elif op == 0x28:  # MARK
                    marks.append(stack)
                    stack = []
                    position += 1
                    if position < size and data[position] in FIRST_OF_RUN:
                        position = push_numbers(data, position, min(size, frame_end), count - done - over, stack)
                        over += len(stack)
                        if done + over >= count:
                            break
                elif op == 0x74:  # TUPLE
                    below = marks.pop()
                    below.append(tuple(stack))
                    stack = below
                    position += 1
                elif op == 0x8C:  # SHORT_BINUNICODE
                    end = position + 2 + data[position + 1]
                    if end > size:
                        raise Stopped("the pickle ends inside an opcode")
                    text = str(data[position + 2 : end], "utf-8", "surrogatepass")
                    stack.append(same(text, text))
                    position = end
                elif op == 0x58:  # BINUNICODE
                    end = position + 5 + _U32(data, position + 1)[0]
                    if end > size:
                        raise Stopped("the pickle ends inside an opcode")
                    if end - position > TEXT_CAP:
                        stack.append(long_text(self, position + 5, end))
                    else:
                        stack.append(str(data[position + 5 : end], "utf-8", "surrogatepass"))
                    position = end
                elif op == 0x4A:  # BININT
                    stack.append(_I32(data, position + 1)[0])
                    position += 5
                elif op == 0x6A:  # LONG_BINGET
                    top = memo[_U32(data, position + 1)[0]]
                    stack.append(top)
                    position += 5
                    if top is rebuild:
                        position, rebuild = lane.passed(self, position, stack, frame_end), lane.rebuild
                    elif top is PASSED_OVER:
                        raise LaneMissedError
                elif op == 0x85:  # TUPLE1
                    stack[-1] = (stack[-1],)
                    position += 1
                elif op == 0x86:  # TUPLE2
                    top = stack.pop()
                    try:
                        stack[-1] = (stack[-1], top)
                    except IndexError:
                        stack.append(top)
                        raise
                    position += 1
                elif op == 0x87:  # TUPLE3
                    top = tuple(stack[-3:])
                    if len(top) < 3:
                        raise IndexError
                    stack[-3:] = [top]
                    position += 1
                elif op == 0x52:  # REDUCE
                    top = stack.pop()
                    stack[-1] = call(stack[-1], top, _CALL, position)
                    position += 1
                elif op == 0x51:  # BINPERSID
                    stack[-1] = machine.persistent_id(stack[-1], position)
                    position += 1
                elif op == 0x29:  # EMPTY_TUPLE
                    stack.append(())
                    position += 1
                elif op == 0x89:  # NEWFALSE
                    stack.append(False)
                    position += 1
                elif op == 0x47:  # BINFLOAT
                    stack.append(_F64(data, position + 1)[0])
                    position += 9
                elif op == 0x4E:  # NONE
                    stack.append(None)
                    position += 1
                elif op == 0x88:  # NEWTRUE
                    stack.append(True)
                    position += 1
                elif op == 0x7D:  # EMPTY_DICT
                    stack.append({})
                    position += 1
                elif op == 0x5D:  # EMPTY_LIST
                    stack.append([])
                    position += 1
                elif op == 0x73:  # SETITEM
                    top = stack[-2:]
                    if len(stack) < 3:
                        raise IndexError
                    del stack[-2:]
                    machine.set_items(stack[-1], top, position)
                    position += 1
                elif op == 0x75:  # SETITEMS
                    below = marks.pop()
                    if stack:
                        if len(stack) % 2:
                            raise Stopped("an odd number of items for SETITEMS")
                        machine.set_items(below[-1], stack, position)
                    else:
                        below[-1]
                    stack = below
                    position += 1
                elif op == 0x61:  # APPEND
                    top = stack.pop()
                    machine.append(stack[-1], [top], position)
                    position += 1
                elif op == 0x65:  # APPENDS
                    below = marks.pop()
                    target = below[-1]
                    if stack:
                        machine.append(target, stack, position)
                    stack = below
                    position += 1
                elif op == 0x81:  # NEWOBJ
                    top = stack.pop()
                    stack[-1] = call(stack[-1], top, _NEW, position)
                    position += 1
                elif op == 0x62:  # BUILD
                    top = stack.pop()
                    target = stack[-1]
                    if id(target) in shared:
                        raise LaneMissedError
                    machine.build(target, top, position)
                    position += 1
                    if type(target) is Obj and target.kind is _ARRAY_WRAPPER:
                        self.frame_end, before = frame_end, position
                        lane.leave()
                        position = joblib_arrays.skip(self, target, position, stack)
                        if frame_end == before:
                            frame_end = NO_FRAME
                else:
                    # the rest is rare, or carries text or much data: the state is written back for it
                    self.stack, self.position, self.frame_end = stack, position, frame_end
                    self._rare(op, position)
                    stack, position, frame_end, memo = self.stack, self.position, self.frame_end, self.memo
                    if op in _IMPORTING:
                        lane.imported()
                        rebuild = lane.rebuild
                    if self.stopped:
                        break
        finally:
            self.stack, self.position, self.frame_end = stack, position, frame_end
            self.opcodes += done + over + lane.opcodes - passed

    def _rare(self, op: int, position: int) -> None:
        handler = HANDLERS.get(op)
        if handler is None:
            raise Stopped(f"there is no opcode {op:#04x}")
        self._rare_opcodes += 1
        handler(self, position)
