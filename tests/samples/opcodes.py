"""A small assembler for pickles by hand: what no pickler would write. Nothing here is ever loaded.

Each function gives the bytes of one opcode or of a short idiom; a sample is their concatenation::

    pickle(2, global_("os", "system"), text("echo hi"), TUPLE1, REDUCE)
"""

from __future__ import annotations

import struct

MARK, STOP, POP, POP_MARK, DUP = b"(", b".", b"0", b"1", b"2"
NONE, TRUE, FALSE = b"N", b"\x88", b"\x89"
EMPTY_TUPLE, TUPLE, TUPLE1, TUPLE2, TUPLE3 = b")", b"t", b"\x85", b"\x86", b"\x87"
EMPTY_LIST, LIST, APPEND, APPENDS = b"]", b"l", b"a", b"e"
EMPTY_DICT, DICT, SETITEM, SETITEMS = b"}", b"d", b"s", b"u"
EMPTY_SET, ADDITEMS, FROZENSET = b"\x8f", b"\x90", b"\x91"
REDUCE, BUILD, OBJ, NEWOBJ, NEWOBJ_EX = b"R", b"b", b"o", b"\x81", b"\x92"
STACK_GLOBAL, MEMOIZE, BINPERSID = b"\x93", b"\x94", b"Q"
NEXT_BUFFER, READONLY_BUFFER = b"\x97", b"\x98"


def pickle(protocol: int, *parts: bytes) -> bytes:
    """A whole pickle: the header of *protocol* (none below 2), *parts*, STOP."""
    return (b"\x80" + bytes([protocol]) if protocol > 1 else b"") + b"".join(parts) + STOP


def global_(module: str, name: str) -> bytes:
    """GLOBAL."""
    return f"c{module}\n{name}\n".encode()


def inst(module: str, name: str) -> bytes:
    """INST; a MARK and the arguments come before it."""
    return f"i{module}\n{name}\n".encode()


def text(value: str) -> bytes:
    """SHORT_BINUNICODE, or BINUNICODE for what is longer."""
    raw = value.encode("utf-8", "surrogatepass")
    short = 256
    return b"\x8c" + bytes([len(raw)]) + raw if len(raw) < short else b"X" + struct.pack("<I", len(raw)) + raw


def data(value: bytes) -> bytes:
    """SHORT_BINBYTES, or BINBYTES for what is longer."""
    short = 256
    return b"C" + bytes([len(value)]) + value if len(value) < short else b"B" + struct.pack("<I", len(value)) + value


def number(value: int) -> bytes:
    """BININT1, BININT or LONG1."""
    if 0 <= value < 1 << 8:
        return b"K" + bytes([value])
    if -(1 << 31) <= value < 1 << 31:
        return b"J" + struct.pack("<i", value)
    raw = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(raw)]) + raw


def put(index: int) -> bytes:
    """BINPUT or LONG_BINPUT."""
    return b"q" + bytes([index]) if index < 256 else b"r" + struct.pack("<I", index)


def get(index: int) -> bytes:
    """BINGET or LONG_BINGET."""
    return b"h" + bytes([index]) if index < 256 else b"j" + struct.pack("<I", index)


def frame(content: bytes, length: int | None = None) -> bytes:
    """FRAME around *content*, claiming *length* bytes if that is given."""
    return b"\x95" + struct.pack("<Q", len(content) if length is None else length) + content


def stack_global(module: str, name: str) -> bytes:
    """STACK_GLOBAL with its operands."""
    return text(module) + text(name) + STACK_GLOBAL


def tuple_(*items: bytes) -> bytes:
    """A tuple of *items*."""
    return MARK + b"".join(items) + TUPLE


def call(module: str, name: str, *args: bytes) -> bytes:
    """REDUCE of a global with *args*."""
    return global_(module, name) + tuple_(*args) + REDUCE


def new(module: str, name: str, *args: bytes) -> bytes:
    """NEWOBJ of a global with *args*."""
    return global_(module, name) + tuple_(*args) + NEWOBJ


def dict_(**items: bytes) -> bytes:
    """A dict with text keys."""
    return EMPTY_DICT + MARK + b"".join(text(key) + value for key, value in items.items()) + SETITEMS


def storage(key: str = "0", elements: int = 16, kind: str = "FloatStorage") -> bytes:
    """A torch storage by its persistent id."""
    pid = tuple_(text("storage"), global_("torch", kind), text(key), text("cpu"), number(elements))
    return pid + BINPERSID


def sizes(*values: int) -> bytes:
    """A tuple of numbers."""
    return tuple_(*(number(value) for value in values))


def tensor(storage_: bytes, size: bytes, stride: bytes, offset: int = 0) -> bytes:
    """``torch._utils._rebuild_tensor_v2(…)``."""
    hooks = call("collections", "OrderedDict")
    return call("torch._utils", "_rebuild_tensor_v2", storage_, number(offset), size, stride, FALSE, hooks)


def dtype(spelling: str, *, fields: bytes = NONE, size: int = -1) -> bytes:
    """``numpy.dtype(spelling, False, True)`` with its state."""
    state = tuple_(number(3), text("<"), NONE, NONE, fields, number(size), number(-1), number(0))
    return call("numpy", "dtype", text(spelling), FALSE, TRUE) + state + BUILD


def array(shape: bytes, dtype_: bytes, content: bytes) -> bytes:
    """A numpy array as numpy pickles it."""
    empty = call("numpy.core.multiarray", "_reconstruct", global_("numpy", "ndarray"), sizes(0), data(b"b"))
    return empty + tuple_(number(1), shape, dtype_, FALSE, content) + BUILD
