"""The opcodes that are rare: containers at once, the memo by text, imports, frames, buffers, the end."""

from __future__ import annotations

import pickletools
from struct import Struct
from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.report import Stopped
from picklewatch.analysis.pickle.vm import protocol0
from picklewatch.analysis.pickle.vm.opcodes_constants import CONSTANTS, number
from picklewatch.analysis.pickle.vm.state import NO_FRAME, recalled
from picklewatch.analysis.pickle.vm.values import NUMBERS, TEXT_CAP, How, Opaque, OpaqueKind
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.report import Buffer
    from picklewatch.analysis.pickle.vm.opcodes_constants import Handler
    from picklewatch.analysis.pickle.vm.state import WalkState

_U64 = Struct("<Q").unpack_from
_HIGHEST_PROTOCOL = 5
MEMO_GAP = 1 << 24
"""An index of the memo beyond which C's table would take hundreds of megabytes; see `sparse`."""
_OPCODES = {opcode.code: opcode for opcode in pickletools.opcodes}


# --- containers ---


def _list(state: WalkState, position: int) -> None:
    items, state.stack = state.stack, state.marks.pop()
    state.stack.append([])
    state.machine.append(state.stack[-1], items, position)
    state.position = position + 1


def _dict(state: WalkState, position: int) -> None:
    items, state.stack = state.stack, state.marks.pop()
    if len(items) % 2:
        raise Stopped("an odd number of items for DICT")
    state.stack.append({})
    state.machine.set_items(state.stack[-1], items, position)
    state.position = position + 1


def _empty_set(state: WalkState, position: int) -> None:
    state.stack.append(Opaque(OpaqueKind.SET, []))
    state.position = position + 1


def _frozenset(state: WalkState, position: int) -> None:
    items, state.stack = state.stack, state.marks.pop()
    state.machine.hazards.hashed(items, position)
    state.stack.append(Opaque(OpaqueKind.FROZENSET, [item for item in items if type(item) not in NUMBERS]))
    state.position = position + 1


def _additems(state: WalkState, position: int) -> None:
    items, state.stack = state.stack, state.marks.pop()
    target = state.stack[-1]
    if items:
        state.machine.add_items(target, items, position)
    state.position = position + 1


# --- the stack and the memo ---


def _pop(state: WalkState, position: int) -> None:
    if state.stack:
        state.stack.pop()
    else:
        state.stack = state.marks.pop()
    state.position = position + 1


def _pop_mark(state: WalkState, position: int) -> None:
    state.stack = state.marks.pop()
    state.position = position + 1


def _dup(state: WalkState, position: int) -> None:
    state.stack.append(state.stack[-1])
    state.position = position + 1


def _get(state: WalkState, position: int) -> None:
    text = number(state, position)
    state.stack.append(recalled(state.memo, protocol0.index(text)))


def _put(state: WalkState, position: int) -> None:
    text = number(state, position)
    index = protocol0.index(text)
    if isinstance(index, int) and index < 0:
        raise Stopped("a negative memo index")
    state.memoize(index, state.stack[-1])
    if not isinstance(index, int) or index > MEMO_GAP:
        sparse(state, index, position)


def sparse(state: WalkState, index: int | bytes, position: int) -> None:
    """Report a huge index: C's memo is an array, and allocates as much. Honest picklers count from 0."""
    if not isinstance(index, int) or index > MEMO_GAP + 8 * len(state.memo):
        state.machine.observations.once(
            "resource-bomb",
            Level.UNSAFE,
            position,
            f"memo entry {repr(index)[:20]} would have the unpickler allocate a huge table",
        )


# --- imports and calls ---


def _global(state: WalkState, position: int) -> None:
    module, name = _two_lines(state, position)
    state.stack.append(state.machine.global_(module, name, position))


def _two_lines(state: WalkState, position: int) -> tuple[str, str]:
    data = state.data
    end, second = protocol0.line_end(data, position + 1)
    state.machine.budget.copy(min(end - position - 1, protocol0.LONG_LINE))
    if end == position + 1:
        raise Stopped("an import without a module")
    stop = after = second  # Python's reader imports the module all the same
    if after < len(data):
        stop, after = protocol0.line_end(data, second)
        state.machine.budget.copy(min(stop - second, protocol0.LONG_LINE))
    state.position = after
    return protocol0.name(data, position + 1, end), protocol0.name(data, second, stop)


def _stack_global(state: WalkState, position: int) -> None:
    name, module = state.stack.pop(), state.stack.pop()
    state.stack.append(state.machine.stack_global(module, name, position))
    state.position = position + 1


def _extension(state: WalkState, position: int, width: int) -> None:
    end = state.end(position + 1 + width)
    code = int.from_bytes(state.data[position + 1 : end], "little", signed=width == 4)
    state.position = end
    state.stack.append(state.machine.extension(code, position))


def _ext1(state: WalkState, position: int) -> None:
    _extension(state, position, 1)


def _ext2(state: WalkState, position: int) -> None:
    _extension(state, position, 2)


def _ext4(state: WalkState, position: int) -> None:
    _extension(state, position, 4)


def _inst(state: WalkState, position: int) -> None:
    module, name = _two_lines(state, position)
    imported = state.machine.global_(module, name, position)  # Python's reader imports before it looks for the MARK
    args, state.stack = state.stack, state.marks.pop()
    state.stack.append(state.machine.instantiate(imported, tuple(args), position))


def _obj(state: WalkState, position: int) -> None:
    items, state.stack = state.stack, state.marks.pop()
    callee = items[0]
    state.stack.append(state.machine.instantiate(callee, tuple(items[1:]), position))
    state.position = position + 1


def _newobj_ex(state: WalkState, position: int) -> None:
    keywords, args = state.stack.pop(), state.stack.pop()
    if not isinstance(keywords, dict) or keywords:
        state.machine.budget.charge(len(args) if isinstance(args, tuple) else 1)
        args = (*args, keywords) if isinstance(args, tuple) else (args, keywords)
    state.stack[-1] = state.machine.call(state.stack[-1], args, How.NEW, position)
    state.position = position + 1


def _persid(state: WalkState, position: int) -> None:
    end, state.position = protocol0.line_end(state.data, position + 1)
    text = bytes(state.data[position + 1 : min(end, position + 1 + TEXT_CAP)])
    state.machine.budget.copy(24 + len(text))
    state.stack.append(state.machine.persistent_id(text.decode("ascii", "replace"), position))


# --- frames, buffers, the ends ---


def _proto(state: WalkState, position: int) -> None:
    protocol = state.data[position + 1]
    if protocol > _HIGHEST_PROTOCOL:
        raise Stopped(f"protocol {protocol} does not exist")
    state.protocol = max(state.protocol, protocol)
    state.position = position + 2


def _frame(state: WalkState, position: int) -> None:
    """Report frames that the unpicklers read differently.

    C only checks that a frame's bytes are there (``load_frame`` in ``_pickle.c``); Python's reader takes opcodes from
    within it alone (``pickle._Unframer``).
    """
    length = _U64(state.data, position + 1)[0]
    start = position + 9
    if state.frame_end != NO_FRAME and start < state.frame_end:
        state.machine.observations.once(
            "frame-mismatch",
            Level.MALICIOUS,
            position,
            "a frame begins inside another: readers differ about what follows",
        )
    if start + length > state.size:
        state.machine.observations.once(
            "frame-mismatch",
            Level.UNSCANNABLE,
            position,
            "a frame is longer than the file: C's reader stops here, Python's goes on",
        )
    state.frame_end = start + length
    state.position = start


def straddled(state: WalkState, position: int) -> None:
    """Report an opcode that crosses the end of its frame."""
    state.machine.observations.once(
        "frame-mismatch",
        Level.MALICIOUS,
        position,
        "an opcode crosses the end of its frame: C's reader runs it, others read something else",
    )


def opcode_end(data: Buffer, position: int, size: int) -> int:
    """Return where the opcode at *position* and its argument end, however far beyond *data* that may be."""
    opcode = _OPCODES.get(chr(data[position])) if position < size else None
    start = position + 1
    if opcode is None or opcode.arg is None:
        return start
    if opcode.arg.n >= 0:
        return start + opcode.arg.n
    if opcode.arg.n == pickletools.UP_TO_NEWLINE:
        for _ in range(2 if opcode.name in ("GLOBAL", "INST") else 1):
            start = protocol0.line_end(data, start)[1] if start < size else size
        return start
    width = {"1": 1, "8": 8}.get(opcode.arg.name.rstrip("u")[-1], 4)
    return start + width + int.from_bytes(data[start : start + width], "little")


def _next_buffer(state: WalkState, position: int) -> None:
    state.machine.observations.once(
        "out-of-band-buffer",
        Level.UNVERIFIED,
        position,
        "refers to buffers that are not in the file; pickle.load stops here",
    )
    state.stack.append(Opaque(OpaqueKind.BUFFER))
    state.position = position + 1


def _readonly_buffer(state: WalkState, position: int) -> None:
    state.stack[-1]
    state.position = position + 1


def _stop(state: WalkState, position: int) -> None:
    state.result = state.stack.pop()
    state.position = position + 1
    state.stopped = True


HANDLERS: dict[int, Handler] = CONSTANTS | {
    ord("."): _stop, ord("0"): _pop, ord("1"): _pop_mark, ord("2"): _dup, ord("P"): _persid, ord("c"): _global,
    ord("d"): _dict, ord("g"): _get, ord("i"): _inst, ord("l"): _list, ord("o"): _obj, ord("p"): _put, 0x80: _proto,
    0x82: _ext1, 0x83: _ext2, 0x84: _ext4, 0x8F: _empty_set, 0x90: _additems, 0x91: _frozenset, 0x92: _newobj_ex,
    0x93: _stack_global, 0x95: _frame, 0x97: _next_buffer, 0x98: _readonly_buffer,
}  # fmt: skip
"""Opcode → its handler; the most frequent ones are in the walk's own loop."""
