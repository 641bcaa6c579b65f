"""Changes to pickles by someone who knows the opcodes: none of them needs the result to be a sound pickle."""

from __future__ import annotations

import struct
from functools import cache
from typing import TYPE_CHECKING

from samples import hostile
from samples import opcodes as ops

from picklewatch.catalogue.imports.vouched import VOUCHED

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

_LINES = dict.fromkeys(b"FILSVgpP", 1) | dict.fromkeys(b"ci", 2)
_FIXED = {
    **dict.fromkeys(b"Kqh\x80\x82", 1),
    **dict.fromkeys(b"M\x83", 2),
    **dict.fromkeys(b"Jrj\x84", 4),
    0x47: 8,
    0x95: 8,
}
_COUNTED = {**dict.fromkeys(b"CU\x8c\x8a", 1), **dict.fromkeys(b"BTX\x8b", 4), **dict.fromkeys(b"\x8d\x8e\x96", 8)}
_BARE = b"(.012N\x88\x89)t\x85\x86\x87]lae}dsu\x8f\x90\x91Rbo\x81\x92\x93\x94Q\x97\x98"
_USUAL = 300
"""Pieces that are looked at of one pickle."""

MODULES = (
    *("os", "posix", "builtins", "__builtin__", "collections", "copyreg", "copy_reg", "functools", "operator", "mylib"),
    *("torch", "torch._utils", "torch.storage", "numpy", "numpy.core.multiarray", "numpy._core.multiarray", "pickle"),
    *("joblib.numpy_pickle", "a.b", "é", "random", "_codecs", "datetime", "sklearn.tree._tree", "", "os\r", " os"),
)
NAMES = (
    *(
        "system",
        "eval",
        "getattr",
        "OrderedDict",
        "Thing",
        "thing",
        "partial",
        "_reconstruct",
        "ndarray",
        "dtype",
        "loads",
    ),
    *(
        "FloatStorage",
        "_rebuild_tensor_v2",
        "_rebuild_parameter",
        "encode",
        "_os.system",
        "a.b.c",
        "__class__",
        "é",
        "",
    ),
    *(
        "NumpyArrayWrapper",
        "_load_from_bytes",
        "_reconstructor",
        "__newobj__",
        "scalar",
        "defaultdict",
        "set",
        "system\r",
    ),
)
TEXTS = (
    *MODULES,
    *NAMES,
    "echo",
    "__setstate__",
    "append",
    "extend",
    "add",
    "__dict__",
    "__reduce__",
    "storage",
    "cpu",
    "0",
)


@cache
def vouched() -> tuple[tuple[str, str], ...]:
    """Every import that the lists name exactly."""
    return tuple((module, name) for group in VOUCHED for module, names in group.names.items() for name in names.split())


def split(data: bytes) -> list[bytes]:
    """*data* cut into opcodes; what can't be cut is the last piece."""
    pieces: list[bytes] = []
    at = 0
    while at < len(data):
        end = _end(data, at)
        if end is None or end > len(data):
            pieces.append(data[at:])
            break
        pieces.append(data[at:end])
        at = end
    return pieces


def _end(data: bytes, at: int) -> int | None:
    code = data[at]
    if code in _LINES:
        end = at
        for _ in range(_LINES[code]):
            end = data.find(b"\n", end + 1)
            if end < 0:
                return None
        return end + 1
    if code in _COUNTED:
        width = _COUNTED[code]
        return at + 1 + width + int.from_bytes(data[at + 1 : at + 1 + width], "little")
    if code in _FIXED:
        return at + 1 + _FIXED[code]
    return at + 1 if code in _BARE else None


def _name(rng: Random) -> tuple[str, str]:
    if rng.random() < 0.5:
        return rng.choice(vouched())
    return rng.choice(MODULES), rng.choice(NAMES)


def _count(rng: Random) -> int:
    return rng.choice((0, 1, 2, 3, 7, 127, 128, 255, 256, 65535, 1 << 24, (1 << 31) - 1, 1 << 31, (1 << 32) - 1))


def _string(rng: Random) -> bytes:
    value = rng.choice(TEXTS)
    raw = value.encode()
    return rng.choice(
        (
            ops.text(value),
            b"X" + struct.pack("<I", len(raw)) + raw,
            b"\x8d" + struct.pack("<Q", len(raw)) + raw,
            b"U" + bytes([len(raw)]) + raw,
            b"T" + struct.pack("<i", len(raw)) + raw,
            b"V" + value.encode("raw-unicode-escape").replace(b"\n", b"") + b"\n",
            b"S" + repr(value).encode() + b"\n",
            b"C" + bytes([len(raw)]) + raw,
            b"\x96" + struct.pack("<Q", len(raw)) + raw,
        )
    )


def _value(rng: Random) -> bytes:
    simple = (ops.NONE, ops.TRUE, ops.EMPTY_TUPLE, ops.EMPTY_LIST, ops.EMPTY_DICT, ops.EMPTY_SET)
    return rng.choice(
        (
            rng.choice(simple),
            _string(rng),
            ops.number(rng.choice((0, 1, 2, 300, -1, 1 << 40))),
            b"I%d\n" % rng.choice((0, 1, 7, -3)),
            b"I0%d\n" % rng.choice((0, 1, 7)),
            b"F1.5\n",
            b"L5L\n",
            b"G" + struct.pack(">d", 1.5),
            ops.global_(*_name(rng)),
            ops.get(rng.randrange(4)),
        )
    )


def _memo(rng: Random) -> bytes:
    index = rng.randrange(6)
    return rng.choice(
        (
            ops.put(index),
            ops.get(index),
            b"p%d\n" % index,
            b"g%d\n" % index,
            ops.MEMOIZE,
            b"r" + struct.pack("<I", index),
        )
    )


def _import(rng: Random) -> bytes:
    module, name = _name(rng)
    return rng.choice(
        (
            ops.global_(module, name),
            ops.stack_global(module, name),
            ops.MARK + _value(rng) + ops.inst(module, name),
            ops.MARK + ops.inst(module, name),
            ops.text(module) + ops.MEMOIZE + ops.text(name) + ops.STACK_GLOBAL,
            rng.choice((b"\x82\x01", b"\x83\x01\x00", b"\x84\x01\x00\x00\x00")),
        )
    )


def _call(rng: Random) -> bytes:
    module, name = _name(rng)
    args = [_value(rng) for _ in range(rng.randrange(4))]
    return rng.choice(
        (
            ops.call(module, name, *args),
            ops.new(module, name, *args),
            ops.global_(module, name) + ops.tuple_(*args) + ops.EMPTY_DICT + ops.NEWOBJ_EX,
            ops.MARK + ops.global_(module, name) + b"".join(args) + ops.OBJ,
            ops.MARK + b"".join(args) + ops.inst(module, name),
            ops.call("os", "system", ops.text("echo")),
            ops.tuple_(*args) + ops.REDUCE,
            ops.call(
                "copyreg", "_reconstructor", ops.global_(module, name), ops.global_("builtins", "object"), ops.NONE
            ),
            ops.call("functools", "partial", ops.global_(module, name), *args),
            ops.call("builtins", "getattr", ops.global_(module, name), ops.text(rng.choice(NAMES))),
        )
    )


def _state(rng: Random) -> bytes:
    pairs = {rng.choice(TEXTS): _value(rng) for _ in range(rng.randrange(3))}
    items = b"".join(ops.text(key) + value for key, value in pairs.items())
    return rng.choice(
        (
            ops.dict_() + ops.BUILD,
            ops.EMPTY_DICT + ops.MARK + items + ops.SETITEMS + ops.BUILD,
            ops.NONE + ops.EMPTY_DICT + ops.MARK + items + ops.SETITEMS + ops.TUPLE2 + ops.BUILD,
            ops.MARK + items + ops.SETITEMS,
            ops.MARK + _value(rng) + ops.APPENDS,
            _value(rng) + ops.APPEND,
            _value(rng) + _value(rng) + ops.SETITEM,
            ops.MARK + _value(rng) + ops.ADDITEMS,
            _value(rng) + ops.BUILD,
        )
    )


def _data(rng: Random) -> bytes:
    sizes = ops.sizes(*(rng.choice((0, 1, 2, 3)) for _ in range(rng.randrange(3))))
    kind = rng.choice(("f8", "<f4", "O", "V8", "U3", "i1", "|O8"))
    return rng.choice(
        (
            ops.storage(elements=rng.choice((0, 4, 16, -1))),
            ops.tensor(ops.storage(), sizes, sizes),
            ops.dtype(kind),
            ops.array(sizes, ops.dtype(kind), ops.data(bytes(rng.randrange(20)))),
            b"Pid\n",
            _value(rng) + ops.BINPERSID,
            ops.data(hostile.EVIL),
            rng.choice((ops.NEXT_BUFFER, ops.READONLY_BUFFER)),
        )
    )


def _frame(rng: Random) -> bytes:
    return b"\x95" + struct.pack("<Q", rng.choice((0, 1, 3, 9, 30, 100, 1 << 16, 1 << 40)))


def _bare(rng: Random) -> bytes:
    return bytes([rng.choice(_BARE)])


MAKERS: tuple[Callable[[Random], bytes], ...] = (
    _value, _value, _memo, _memo, _import, _call, _call, _state, _state, _data, _frame, _bare, _bare, _bare,
)  # fmt: skip


def _changed(piece: bytes, rng: Random) -> bytes:
    """*piece* with another operand."""
    code = piece[0]
    if code in _FIXED and len(piece) > 1:
        return piece[:1] + (_count(rng) & ((1 << 8 * _FIXED[code]) - 1)).to_bytes(_FIXED[code], "little")
    if code in _COUNTED:
        width = _COUNTED[code]
        if rng.random() < 0.3:  # a lie about the length
            return piece[:1] + (_count(rng) & ((1 << 8 * width) - 1)).to_bytes(width, "little") + piece[1 + width :]
        text = rng.choice(TEXTS).encode()
        return piece[:1] + len(text).to_bytes(width, "little") + text
    if code in _LINES:
        words = [rng.choice(TEXTS).encode() for _ in range(_LINES[code])]
        return piece[:1] + b"".join(word + b"\n" for word in words)
    return _bare(rng)


def mutate(data: bytes, rng: Random) -> bytes:
    """*data* with one change."""
    pieces = split(data)
    at = rng.randrange(min(len(pieces), _USUAL) + 1)
    end = min(len(pieces), at + rng.choice((1, 1, 1, 2, 4, 8)))
    match rng.randrange(11):
        case 0 | 1 | 2:
            pieces[at:at] = [rng.choice(MAKERS)(rng)]
        case 3:
            del pieces[at:end]
        case 4:
            pieces[at:end] = [rng.choice(MAKERS)(rng)]
        case 5:
            pieces[at:at] = pieces[at:end]
        case 6:
            pieces[at:end] = reversed(pieces[at:end])
        case 7 if at < len(pieces):
            pieces[at] = _changed(pieces[at], rng)
        case 8:
            other = rng.randrange(len(pieces) + 1)
            moved = pieces[at:end]
            pieces[other:other] = moved
        case 9:
            return _as_a_whole(b"".join(pieces), rng)
        case _:
            pieces[at:at] = _fragment(rng)
    return b"".join(pieces)


@cache
def _shapes() -> tuple[list[bytes], ...]:
    return tuple(split(shape) for shape in hostile.all_but_bombs().values())


def _fragment(rng: Random) -> list[bytes]:
    """A stretch of a hostile pickle."""
    pieces = rng.choice(_shapes())
    at = rng.randrange(len(pieces))
    return pieces[at : at + rng.randrange(1, 8)]


def _as_a_whole(data: bytes, rng: Random) -> bytes:
    match rng.randrange(6):
        case 0:
            return data[: rng.randrange(len(data) + 1)]
        case 1:
            return data + b"."
        case 2:
            return b"\x80" + bytes([rng.randrange(7)]) + data
        case 3:
            return data + rng.choice((hostile.EVIL, hostile.BENIGN, b"\0" * 20, b"PK\x03\x04", b"\n"))
        case 4:
            return ops.pickle(4, ops.call("pickle", "loads", ops.data(data)))
        case _:
            return rng.choice((hostile.BENIGN, b"N.", b"\n", b"I1\n.", ops.LIST)) + data
