"""The opcodes that are rare: containers at once, the memo by text, imports, frames, buffers, the end."""

from __future__ import annotations

import pickletools
import sys
from struct import Struct
from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.report import Stopped
from picklewatch.analysis.pickle.vm import protocol0
from picklewatch.analysis.pickle.vm.opcodes_constants import CONSTANTS
from picklewatch.analysis.pickle.vm.opcodes_constants import line as _line
from picklewatch.analysis.pickle.vm.values import NUMBERS, How, Opaque, OpaqueKind
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.report import Buffer
    from picklewatch.analysis.pickle.vm.interpreter import Walk
    from picklewatch.analysis.pickle.vm.opcodes_constants import Handler

_U64 = Struct("<Q").unpack_from
_HIGHEST_PROTOCOL = 5
MEMO_GAP = 1 << 24
"""An index of the memo beyond which C's table would take hundreds of megabytes; see `sparse`."""
_OPCODES = {opcode.code: opcode for opcode in pickletools.opcodes}
NO_FRAME = sys.maxsize
"""No frame is open."""


# --- containers ---


def _list(walk: Walk, position: int) -> None:
    items, walk.stack = walk.stack, walk.marks.pop()
    walk.stack.append([])
    walk.machine.append(walk.stack[-1], items, position)
    walk.position = position + 1


def _dict(walk: Walk, position: int) -> None:
    items, walk.stack = walk.stack, walk.marks.pop()
    if len(items) % 2:
        raise Stopped("an odd number of items for DICT")
    walk.stack.append({})
    walk.machine.set_items(walk.stack[-1], items, position)
    walk.position = position + 1


def _empty_set(walk: Walk, position: int) -> None:
    walk.stack.append(Opaque(OpaqueKind.SET, []))
    walk.position = position + 1


def _frozenset(walk: Walk, position: int) -> None:
    items, walk.stack = walk.stack, walk.marks.pop()
    walk.machine.hashed(items, position)
    walk.stack.append(Opaque(OpaqueKind.FROZENSET, [item for item in items if type(item) not in NUMBERS]))
    walk.position = position + 1


def _additems(walk: Walk, position: int) -> None:
    items, walk.stack = walk.stack, walk.marks.pop()
    target = walk.stack[-1]
    if items:
        walk.machine.add_items(target, items, position)
    walk.position = position + 1


# --- the stack and the memo ---


def _pop(walk: Walk, position: int) -> None:
    if walk.stack:
        walk.stack.pop()
    else:
        walk.stack = walk.marks.pop()
    walk.position = position + 1


def _pop_mark(walk: Walk, position: int) -> None:
    walk.stack = walk.marks.pop()
    walk.position = position + 1


def _dup(walk: Walk, position: int) -> None:
    walk.stack.append(walk.stack[-1])
    walk.position = position + 1


def _get(walk: Walk, position: int) -> None:
    text = _line(walk, position)
    walk.stack.append(walk.memo[protocol0.index(text)])


def _put(walk: Walk, position: int) -> None:
    text = _line(walk, position)
    index = protocol0.index(text)
    if isinstance(index, int) and index < 0:
        raise Stopped("a negative memo index")
    walk.memo[index] = walk.stack[-1]
    if not isinstance(index, int) or index > MEMO_GAP:
        sparse(walk, index, position)


def sparse(walk: Walk, index: int | bytes, position: int) -> None:
    """C's memo is an array: a huge index makes it allocate as much. Honest picklers count from 0."""
    if not isinstance(index, int) or index > MEMO_GAP + 8 * len(walk.memo):
        walk.machine.once(
            "resource-bomb",
            Level.UNSAFE,
            position,
            f"memo entry {repr(index)[:20]} would have the unpickler allocate a huge table",
        )


# --- imports and calls ---


def _global(walk: Walk, position: int) -> None:
    module, name = _two_lines(walk, position, "utf-8")
    walk.stack.append(walk.machine.global_(module, name, position))


def _two_lines(walk: Walk, position: int, encoding: str) -> tuple[str, str]:
    module, after = protocol0.line(walk.data, position + 1)
    walk.machine.budget.copy(len(module))
    if not module:
        raise Stopped("an import without a module")
    name = b""  # Python's reader imports the module all the same
    if after < len(walk.data):
        name, after = protocol0.line(walk.data, after)
        walk.machine.budget.copy(len(name))
    walk.position = after
    return module.decode(encoding), name.decode(encoding)


def _stack_global(walk: Walk, position: int) -> None:
    name, module = walk.stack.pop(), walk.stack.pop()
    walk.stack.append(walk.machine.stack_global(module, name, position))
    walk.position = position + 1


def _extension(walk: Walk, position: int, width: int) -> None:
    end = walk.end(position + 1 + width)
    code = int.from_bytes(walk.data[position + 1 : end], "little", signed=width == 4)
    walk.position = end
    walk.stack.append(walk.machine.extension(code, position))


def _ext1(walk: Walk, position: int) -> None:
    _extension(walk, position, 1)


def _ext2(walk: Walk, position: int) -> None:
    _extension(walk, position, 2)


def _ext4(walk: Walk, position: int) -> None:
    _extension(walk, position, 4)


def _inst(walk: Walk, position: int) -> None:
    module, name = _two_lines(walk, position, "utf-8")
    imported = walk.machine.global_(module, name, position)  # Python's reader imports before it looks for the MARK
    args, walk.stack = walk.stack, walk.marks.pop()
    walk.stack.append(walk.machine.instantiate(imported, tuple(args), position))


def _obj(walk: Walk, position: int) -> None:
    items, walk.stack = walk.stack, walk.marks.pop()
    callee = items[0]
    walk.stack.append(walk.machine.instantiate(callee, tuple(items[1:]), position))
    walk.position = position + 1


def _newobj_ex(walk: Walk, position: int) -> None:
    keywords, args = walk.stack.pop(), walk.stack.pop()
    if not isinstance(keywords, dict) or keywords:
        walk.machine.budget.charge(len(args) if isinstance(args, tuple) else 1)
        args = (*args, keywords) if isinstance(args, tuple) else (args, keywords)
    walk.stack[-1] = walk.machine.call(walk.stack[-1], args, How.NEW, position)
    walk.position = position + 1


def _persid(walk: Walk, position: int) -> None:
    text = _line(walk, position)
    walk.stack.append(walk.machine.persistent_id(text.decode("ascii", "replace"), position))


# --- frames, buffers, the ends ---


def _proto(walk: Walk, position: int) -> None:
    protocol = walk.data[position + 1]
    if protocol > _HIGHEST_PROTOCOL:
        raise Stopped(f"protocol {protocol} does not exist")
    walk.protocol = max(walk.protocol, protocol)
    walk.position = position + 2


def _frame(walk: Walk, position: int) -> None:
    """C only checks that a frame's bytes are there; Python's reader takes opcodes from within it alone."""
    length = _U64(walk.data, position + 1)[0]
    start = position + 9
    if walk.frame_end != NO_FRAME and start < walk.frame_end:
        walk.machine.once(
            "frame-mismatch",
            Level.MALICIOUS,
            position,
            "a frame begins inside another: readers differ about what follows",
        )
    if start + length > walk.size:
        walk.machine.once(
            "frame-mismatch",
            Level.UNSCANNABLE,
            position,
            "a frame is longer than the file: C's reader stops here, Python's goes on",
        )
    walk.frame_end = start + length
    walk.position = start


def straddled(walk: Walk, position: int) -> None:
    """An opcode has crossed the end of its frame."""
    walk.machine.once(
        "frame-mismatch",
        Level.MALICIOUS,
        position,
        "an opcode crosses the end of its frame: C's reader runs it, others read something else",
    )


def opcode_end(data: Buffer, position: int, size: int) -> int:
    """Where the opcode at *position* and its argument end, however far from the end of *data* that may be."""
    opcode = _OPCODES.get(chr(data[position])) if position < size else None
    start = position + 1
    if opcode is None or opcode.arg is None:
        return start
    if opcode.arg.n >= 0:
        return start + opcode.arg.n
    if opcode.arg.n == pickletools.UP_TO_NEWLINE:
        for _ in range(2 if opcode.name in ("GLOBAL", "INST") else 1):
            newline = protocol0.NEWLINE.search(data, start)
            start = size if newline is None else newline.end()
        return start
    width = {"1": 1, "8": 8}.get(opcode.arg.name.rstrip("u")[-1], 4)
    return start + width + int.from_bytes(data[start : start + width], "little")


def _next_buffer(walk: Walk, position: int) -> None:
    walk.machine.once(
        "out-of-band-buffer",
        Level.UNVERIFIED,
        position,
        "refers to buffers that are not in the file; pickle.load stops here",
    )
    walk.stack.append(Opaque(OpaqueKind.BUFFER))
    walk.position = position + 1


def _readonly_buffer(walk: Walk, position: int) -> None:
    walk.stack[-1]
    walk.position = position + 1


def _stop(walk: Walk, position: int) -> None:
    walk.result = walk.stack.pop()
    walk.position = position + 1
    walk.stopped = True


HANDLERS: dict[int, Handler] = CONSTANTS | {
    ord("."): _stop, ord("0"): _pop, ord("1"): _pop_mark, ord("2"): _dup, ord("P"): _persid, ord("c"): _global,
    ord("d"): _dict, ord("g"): _get, ord("i"): _inst, ord("l"): _list, ord("o"): _obj, ord("p"): _put, 0x80: _proto,
    0x82: _ext1, 0x83: _ext2, 0x84: _ext4, 0x8F: _empty_set, 0x90: _additems, 0x91: _frozenset, 0x92: _newobj_ex,
    0x93: _stack_global, 0x95: _frame, 0x97: _next_buffer, 0x98: _readonly_buffer,
}  # fmt: skip
"""Opcode → what it does to the walk at a position; the most frequent ones are in the walk's own loop."""
