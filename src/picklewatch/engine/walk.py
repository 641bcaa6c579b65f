"""The pickle machine itself: one linear pass over what CPython's C unpickler would do (``Modules/_pickle.c``).

The opcodes have no jumps, so every reader executes the same ones in the same order up to the point where it raises.
Where CPython's two unpicklers raise at different points (frames, buffers, lenient numbers), the walk goes on as the
more lenient one would and says so. Marks cut the stack into a stack of stacks, as ``pickle._Unpickler`` does it; an
`IndexError` is then exactly an underflow of C's fenced stack.
"""

from __future__ import annotations

import struct
import sys
from struct import Struct
from typing import TYPE_CHECKING, Any

from picklewatch.engine import inline, lines
from picklewatch.engine.report import LimitReached
from picklewatch.engine.values import TEXT_CAP, Blob, Obj, Opaque, Python2Text
from picklewatch.model import Level

if TYPE_CHECKING:
    from picklewatch.engine.machine import Machine
    from picklewatch.engine.report import Buffer

_U16, _I32, _U32, _U64, _F64 = (Struct(layout).unpack_from for layout in ("<H", "<i", "<I", "<Q", ">d"))
_SLICE = 50_000
"""Opcodes between two looks at the clock."""
_HIGHEST_PROTOCOL = 5
_MEMO_GAP = 1 << 24
"""An index of the memo beyond which C's table would take hundreds of megabytes; see `_sparse`."""
NO_FRAME = sys.maxsize
"""No frame is open."""


class Stopped(Exception):  # noqa: N818 - the end of a walk, not an error of ours
    """The walk cannot go on: what both unpicklers raise on."""


class Walk:
    """One pass over one pickle, from *start* to STOP or to the point where every reader raises."""

    def __init__(self, data: Buffer, start: int, machine: Machine, *, end: int | None = None) -> None:
        self.data = data
        self.size = len(data) if end is None else end
        self.position = start
        self.machine = machine
        self.stack: list[Any] = []
        self.marks: list[list[Any]] = []
        self.memo: dict[int, Any] = {}
        self.frame_end = NO_FRAME
        self.opcodes = 0
        self.stopped = False
        self.result: Any = None
        self.problem = ""
        self.protocol = 0
        self.depth = 0
        """How many arrays of objects this pickle lies in."""
        self.limit = sys.maxsize
        """Opcodes after which the walk ends by itself."""

    def run(self) -> None:
        """Walk; `stopped` tells whether STOP was reached, `problem` why not."""
        budget = self.machine.budget
        try:
            while not self.stopped and self.opcodes < self.limit:
                before = self.opcodes
                self._slice(min(_SLICE, self.limit, budget.opcodes_left + 1))
                budget.spend(self.opcodes - before)
        except (Stopped, lines.Malformed) as reason:
            self.problem = str(reason)
        except IndexError:
            self.problem = "an opcode finds too little on the stack"
        except KeyError:
            self.problem = "an opcode asks for a memo entry that does not exist"
        except struct.error:
            self.problem = "the pickle ends inside an opcode"
        except MemoryError:
            raise LimitReached("limit-memory", "the pickle needs more memory than a scan may take") from None
        except UnicodeDecodeError:
            self.problem = "a text or name is not valid in its encoding"

    def _end(self, end: int) -> int:
        if end > self.size:
            raise Stopped("the pickle ends inside an opcode")
        return end

    def _slice(self, count: int) -> None:
        """Execute up to *count* opcodes."""
        data, size, machine, memo, marks = self.data, self.size, self.machine, self.memo, self.marks
        stack, position, frame_end = self.stack, self.position, self.frame_end
        call, done = machine.call, 0
        try:
            for done in range(1, count + 1):
                if position >= frame_end:
                    if position > frame_end:
                        self._straddled(position)
                    frame_end = NO_FRAME
                if position >= size:
                    raise Stopped("the pickle ends without STOP")
                op = data[position]
                if op == 0x71:  # BINPUT
                    memo[data[position + 1]] = stack[-1]
                    position += 2
                elif op == 0x4B:  # BININT1
                    stack.append(data[position + 1])
                    position += 2
                elif op == 0x94:  # MEMOIZE
                    memo[len(memo)] = stack[-1]
                    position += 1
                elif op == 0x72:  # LONG_BINPUT
                    index = _U32(data, position + 1)[0]
                    memo[index] = stack[-1]
                    position += 5
                    if index > _MEMO_GAP:
                        self._sparse(index, position - 5)
                elif op == 0x68:  # BINGET
                    stack.append(memo[data[position + 1]])
                    position += 2
                elif op == 0x4D:  # BININT2
                    stack.append(_U16(data, position + 1)[0])
                    position += 3
                elif op == 0x28:  # MARK
                    marks.append(stack)
                    stack = []
                    position += 1
                elif op == 0x74:  # TUPLE
                    below = marks.pop()
                    below.append(tuple(stack))
                    stack = below
                    position += 1
                elif op == 0x8C:  # SHORT_BINUNICODE
                    end = position + 2 + data[position + 1]
                    if end > size:
                        raise Stopped("the pickle ends inside an opcode")
                    stack.append(str(data[position + 2 : end], "utf-8", "surrogatepass"))
                    position = end
                elif op == 0x58:  # BINUNICODE
                    end = position + 5 + _U32(data, position + 1)[0]
                    if end > size:
                        raise Stopped("the pickle ends inside an opcode")
                    if end - position > TEXT_CAP:
                        stack.append(self._long_text(position + 5, end))
                    else:
                        stack.append(str(data[position + 5 : end], "utf-8", "surrogatepass"))
                    position = end
                elif op == 0x4A:  # BININT
                    stack.append(_I32(data, position + 1)[0])
                    position += 5
                elif op == 0x6A:  # LONG_BINGET
                    stack.append(memo[_U32(data, position + 1)[0]])
                    position += 5
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
                    stack[-1] = call(stack[-1], top, "call", position)
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
                    stack[-1] = call(stack[-1], top, "new", position)
                    position += 1
                elif op == 0x62:  # BUILD
                    top = stack.pop()
                    target = stack[-1]
                    machine.build(target, top, position)
                    position += 1
                    if type(target) is Obj and target.kind == "array-wrapper":
                        self.frame_end, before = frame_end, position
                        position = inline.skip(self, target, position, stack)
                        if frame_end == before:
                            frame_end = NO_FRAME
                else:
                    # the rest is rare, or carries text or much data: the state is written back for it
                    self.stack, self.position, self.frame_end = stack, position, frame_end
                    self._rare(op, position)
                    stack, position, frame_end = self.stack, self.position, self.frame_end
                    if self.stopped:
                        break
        finally:
            self.stack, self.position, self.frame_end = stack, position, frame_end
            self.opcodes += done

    def _rare(self, op: int, position: int) -> None:
        handler = _HANDLERS.get(op)
        if handler is None:
            raise Stopped(f"there is no opcode {op:#04x}")
        handler(self, position)

    # --- constants ---

    def _long_text(self, start: int, end: int) -> Blob:
        str(self.data[start:end], "utf-8", "surrogatepass")  # both unpicklers raise if it is not
        return Blob(self.data, start, end, text=True)

    def _text(self, start: int, end: int) -> None:
        end = self._end(end)
        if end - start > TEXT_CAP:
            self.stack.append(self._long_text(start, end))
        else:
            self.stack.append(str(self.data[start:end], "utf-8", "surrogatepass"))
        self.position = end

    def _binunicode8(self, position: int) -> None:
        self._text(position + 9, position + 9 + _U64(self.data, position + 1)[0])

    def _constant(self, start: int, end: int) -> Any:
        """A bytes constant; what looks like a pickle is remembered."""
        end = self._end(end)
        self.position = end
        value: Any = Blob(self.data, start, end, text=False) if end - start > TEXT_CAP else bytes(self.data[start:end])
        if end > start and (self.data[start] in _STARTS or (type(value) is bytes and b"\n" in value)):
            self.machine.embedded(bytes(self.data[start : min(end, start + _MOST_EMBEDDED)]), start)
        return value

    def _short_binbytes(self, position: int) -> None:
        start = position + 2
        self.stack.append(self._constant(start, start + self.data[position + 1]))

    def _binbytes(self, position: int) -> None:
        start = position + 5
        self.stack.append(self._constant(start, start + _U32(self.data, position + 1)[0]))

    def _binbytes8(self, position: int) -> None:
        start = position + 9
        self.stack.append(self._constant(start, start + _U64(self.data, position + 1)[0]))

    def _bytearray8(self, position: int) -> None:
        start = position + 9
        self.stack.append(Opaque("bytearray", self._constant(start, start + _U64(self.data, position + 1)[0])))

    def _short_binstring(self, position: int) -> None:
        start = position + 2
        self._python2_string(self._constant(start, start + self.data[position + 1]))

    def _binstring(self, position: int) -> None:
        length = _I32(self.data, position + 1)[0]
        if length < 0:
            raise Stopped("a string of negative length")
        self._python2_string(self._constant(position + 5, position + 5 + length))

    def _python2_string(self, value: Any) -> None:
        """Python 2's str: bytes or text, as the reader's ``encoding`` says; Latin-1 keeps every byte."""
        self.stack.append(value if isinstance(value, Blob) else _latin(value.decode("latin1")))

    def _string(self, position: int) -> None:
        text, self.position = lines.line(self.data, position + 1)
        value = lines.string(text)
        self.stack.append(_latin(value))
        if value[:1] in {"\x80", "c", "("}:
            self.machine.embedded(value.encode("latin1"), position)

    def _unicode(self, position: int) -> None:
        text, self.position = lines.line(self.data, position + 1)
        self.stack.append(lines.raw_unicode(text))

    def _int(self, position: int) -> None:
        text, self.position = lines.line(self.data, position + 1)
        self.stack.append(lines.integer(text))

    def _long(self, position: int) -> None:
        text, self.position = lines.line(self.data, position + 1)
        self.stack.append(lines.long(text))

    def _float(self, position: int) -> None:
        text, self.position = lines.line(self.data, position + 1)
        self.stack.append(lines.real(text))

    def _long1(self, position: int) -> None:
        self._counted_long(position + 2, self.data[position + 1])

    def _long4(self, position: int) -> None:
        length = _I32(self.data, position + 1)[0]
        if length < 0:
            raise Stopped("a number of negative length")
        self._counted_long(position + 5, length)

    def _counted_long(self, start: int, length: int) -> None:
        self.position = self._end(start + length)
        longest = 256
        if length > longest:
            self.stack.append(Opaque("int"))
        else:
            self.stack.append(int.from_bytes(self.data[start : start + length], "little", signed=True))

    # --- containers ---

    def _list(self, position: int) -> None:
        items, self.stack = self.stack, self.marks.pop()
        self.stack.append([])
        self.machine.append(self.stack[-1], items, position)
        self.position = position + 1

    def _dict(self, position: int) -> None:
        items, self.stack = self.stack, self.marks.pop()
        if len(items) % 2:
            raise Stopped("an odd number of items for DICT")
        self.stack.append({})
        self.machine.set_items(self.stack[-1], items, position)
        self.position = position + 1

    def _empty_set(self, position: int) -> None:
        self.stack.append(Opaque("set"))
        self.position = position + 1

    def _frozenset(self, position: int) -> None:
        items, self.stack = self.stack, self.marks.pop()
        self.machine.hashed(items, position)
        self.stack.append(Opaque("frozenset", tuple(items[:64])))
        self.position = position + 1

    def _additems(self, position: int) -> None:
        items, self.stack = self.stack, self.marks.pop()
        target = self.stack[-1]
        if items:
            self.machine.add_items(target, items, position)
        self.position = position + 1

    # --- the stack and the memo ---

    def _pop(self, position: int) -> None:
        if self.stack:
            self.stack.pop()
        else:
            self.stack = self.marks.pop()
        self.position = position + 1

    def _pop_mark(self, position: int) -> None:
        self.stack = self.marks.pop()
        self.position = position + 1

    def _dup(self, position: int) -> None:
        self.stack.append(self.stack[-1])
        self.position = position + 1

    def _get(self, position: int) -> None:
        text, self.position = lines.line(self.data, position + 1)
        self.stack.append(self.memo[lines.index(text)])

    def _put(self, position: int) -> None:
        text, self.position = lines.line(self.data, position + 1)
        index = lines.index(text)
        if index < 0:
            raise Stopped("a negative memo index")
        self.memo[index] = self.stack[-1]
        if index > _MEMO_GAP:
            self._sparse(index, position)

    def _sparse(self, index: int, position: int) -> None:
        """C's memo is an array: a huge index makes it allocate as much. Honest picklers count from 0."""
        if index > _MEMO_GAP + 8 * len(self.memo):
            self.machine.once(
                "resource-bomb",
                Level.UNSAFE,
                position,
                f"memo entry {index} would have the unpickler allocate a huge table",
            )

    # --- imports and calls ---

    def _global(self, position: int) -> None:
        module, name = self._two_lines(position, "utf-8")
        self.stack.append(self.machine.global_(module, name, position))

    def _two_lines(self, position: int, encoding: str) -> tuple[str, str]:
        module, after = lines.line(self.data, position + 1)
        if not module:
            raise Stopped("an import without a module")
        name = b""  # Python's reader imports the module all the same
        if after < len(self.data):
            name, after = lines.line(self.data, after)
        self.position = after
        return module.decode(encoding), name.decode(encoding)

    def _stack_global(self, position: int) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        self.stack.append(self.machine.stack_global(module, name, position))
        self.position = position + 1

    def _extension(self, position: int, width: int) -> None:
        end = self._end(position + 1 + width)
        code = int.from_bytes(self.data[position + 1 : end], "little", signed=width == 4)
        self.position = end
        self.stack.append(self.machine.extension(code, position))

    def _ext1(self, position: int) -> None:
        self._extension(position, 1)

    def _ext2(self, position: int) -> None:
        self._extension(position, 2)

    def _ext4(self, position: int) -> None:
        self._extension(position, 4)

    def _inst(self, position: int) -> None:
        module, name = self._two_lines(position, "utf-8")
        imported = self.machine.global_(module, name, position)  # Python's reader imports before it looks for the MARK
        args, self.stack = self.stack, self.marks.pop()
        self.stack.append(self.machine.instantiate(imported, tuple(args), position))

    def _obj(self, position: int) -> None:
        items, self.stack = self.stack, self.marks.pop()
        callee = items[0]
        self.stack.append(self.machine.instantiate(callee, tuple(items[1:]), position))
        self.position = position + 1

    def _newobj_ex(self, position: int) -> None:
        keywords, args = self.stack.pop(), self.stack.pop()
        if not isinstance(keywords, dict) or keywords:
            args = (*args, keywords) if isinstance(args, tuple) else (args, keywords)
        self.stack[-1] = self.machine.call(self.stack[-1], args, "new", position)
        self.position = position + 1

    def _persid(self, position: int) -> None:
        text, self.position = lines.line(self.data, position + 1)
        self.stack.append(self.machine.persistent_id(text.decode("ascii", "replace"), position))

    # --- frames, buffers, the ends ---

    def _proto(self, position: int) -> None:
        protocol = self.data[position + 1]
        if protocol > _HIGHEST_PROTOCOL:
            raise Stopped(f"protocol {protocol} does not exist")
        self.protocol = max(self.protocol, protocol)
        self.position = position + 2

    def _frame(self, position: int) -> None:
        """C only checks that a frame's bytes are there; Python's reader takes opcodes from within it alone."""
        length = _U64(self.data, position + 1)[0]
        start = position + 9
        if self.frame_end != NO_FRAME and start < self.frame_end:
            self.machine.once(
                "frame-mismatch",
                Level.MALICIOUS,
                position,
                "a frame begins inside another: readers differ about what follows",
            )
        if start + length > self.size:
            self.machine.once(
                "frame-mismatch",
                Level.UNSCANNABLE,
                position,
                "a frame is longer than the file: C's reader stops here, Python's goes on",
            )
        self.frame_end = start + length
        self.position = start

    def _straddled(self, position: int) -> None:
        self.machine.once(
            "frame-mismatch",
            Level.MALICIOUS,
            position,
            "an opcode crosses the end of its frame: C's reader runs it, others read something else",
        )

    def _next_buffer(self, position: int) -> None:
        self.machine.once(
            "out-of-band-buffer",
            Level.UNVERIFIED,
            position,
            "refers to buffers that are not in the file; pickle.load stops here",
        )
        self.stack.append(Opaque("buffer"))
        self.position = position + 1

    def _readonly_buffer(self, position: int) -> None:
        self.stack[-1]
        self.position = position + 1

    def _stop(self, position: int) -> None:
        self.result = self.stack.pop()
        self.position = position + 1
        self.stopped = True


def _latin(text: str) -> str:
    return text if text.isascii() else Python2Text(text)


_STARTS = frozenset(b"\x80c(P")
"""How a pickle or a zip begins."""
_MOST_EMBEDDED = 1 << 28
_HANDLERS = {
    ord("."): Walk._stop, ord("0"): Walk._pop, ord("1"): Walk._pop_mark, ord("2"): Walk._dup, ord("F"): Walk._float,
    ord("I"): Walk._int, ord("L"): Walk._long, ord("P"): Walk._persid, ord("S"): Walk._string,
    ord("T"): Walk._binstring,
    ord("U"): Walk._short_binstring, ord("V"): Walk._unicode, ord("c"): Walk._global, ord("d"): Walk._dict,
    ord("g"): Walk._get, ord("i"): Walk._inst, ord("l"): Walk._list, ord("o"): Walk._obj, ord("p"): Walk._put,
    0x80: Walk._proto, 0x82: Walk._ext1, 0x83: Walk._ext2, 0x84: Walk._ext4, 0x8A: Walk._long1, 0x8B: Walk._long4,
    ord("B"): Walk._binbytes, ord("C"): Walk._short_binbytes, 0x8D: Walk._binunicode8, 0x8E: Walk._binbytes8,
    0x8F: Walk._empty_set, 0x90: Walk._additems, 0x91: Walk._frozenset, 0x92: Walk._newobj_ex, 0x93: Walk._stack_global,
    0x95: Walk._frame, 0x96: Walk._bytearray8, 0x97: Walk._next_buffer, 0x98: Walk._readonly_buffer,
}  # fmt: skip
