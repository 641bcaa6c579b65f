"""The values that the machine keeps on its stack instead of objects: `Value` is the type of all of them.

Plain constants are kept as themselves: None, bool, int, float, str and bytes; tuples, lists and dicts as themselves
too, holding such values. Past a cap (`LIST_CAP`, `DICT_CAP`) lists and dicts lack plain numbers and the order of
things, but nothing that could do something. Code that walks them charges `Budget` for each item that it touches: an
attacker chooses the nesting and the sharing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.report import Budget, Buffer, Storage
    from picklewatch.catalogue.classes.profiles import Profile
    from picklewatch.catalogue.imports.classify import Judged
    from picklewatch.catalogue.imports.entries import Kind
    from picklewatch.core.model import Level

Value: TypeAlias = (
    "bool | int | float | str | bytes | tuple[Value, ...] | list[Value] | dict[Key, Value]"
    " | Blob | Opaque | Import | Obj | Persistent | Storage | _Rest | None"
)
"""Anything that an opcode may find on the stack or in the memo. `Storage` is only ever the state of an object, `REST`
only a key."""
Key: TypeAlias = "str | int | _Rest"
"""A key of a dict that is kept by itself."""

LIST_CAP = 1 << 16
"""Items from which on a list keeps no plain numbers: they are only counted, in `Observations.dropped`."""
DICT_CAP = 1 << 12
"""Keys that a dict keeps by themselves; what follows is kept without its place, under `REST`, but for numbers."""
NUMBERS = frozenset({int, float, bool, type(None)})
"""Types of constants that no check looks at where there are many of them."""


class _Rest:
    """The type of `REST`."""

    __slots__ = ()


REST = _Rest()
"""The key of a list of all keys and values of a dict that have no place in it: past `DICT_CAP`, or under keys that
are neither texts nor plain numbers."""
HASHED_PLAINLY = 1 << 60
"""Numbers below it are their own hash; beyond, an attacker could choose numbers that all collide."""
TEXT_CAP = 1 << 12
"""Bytes of a text or bytes constant that are kept as a value; a longer one stays a place in the data."""


@dataclass(slots=True, eq=False)
class Blob:
    """A long constant, left where it lies in the data."""

    data: Buffer
    """The buffer that holds it."""
    start: int
    end: int
    text: bool
    """True for a str (UTF-8), False for bytes."""
    budget: Budget
    """The budget that copies of it are charged to."""

    @property
    def size(self) -> int:
        """Return its length in bytes."""
        return self.end - self.start

    def read(self) -> bytes:
        """Return a copy of its bytes."""
        self.budget.copy(self.size)
        return bytes(self.data[self.start : self.end])

    def view(self) -> memoryview:
        """Return its bytes without copying them."""
        return memoryview(self.data)[self.start : self.end]


class How(StrEnum):
    """The two ways in which the unpickler uses a class or a function."""

    CALL = "call"
    NEW = "new"
    """``__new__`` without ``__init__``."""


class OpaqueKind(StrEnum):
    """The kind of an `Opaque` value."""

    SET = "set"
    FROZENSET = "frozenset"
    BYTEARRAY = "bytearray"
    INT = "int"
    """A number with too many digits to be read."""
    BUFFER = "buffer"
    """An out-of-band buffer, which is not in the file."""
    STATE = "state"
    """The state of an object that BUILD has given None."""
    OTHER = "other"
    """A stand-in for any other value."""


@dataclass(slots=True, eq=False)
class Opaque:
    """A value whose content is not kept, or is kept without its order."""

    kind: OpaqueKind
    content: Value = None


NOTHING = Opaque(OpaqueKind.STATE)
"""The state of an object that BUILD has given None."""


@dataclass(slots=True, eq=False)
class Import:
    """One imported global, the same object however often and however it is spelt."""

    module: str
    name: str
    judged: Judged
    offset: int
    """Where it first appeared."""
    level: Level | None = None
    """The worst level that was reported about it, None while none was."""
    rule: str = ""
    summary: str = ""
    evidence: str = ""
    at: int = 0
    called: bool = False
    """True once anything called it."""
    made: bool = False
    """True once anything made an instance of it by ``__new__`` alone."""
    kept: bool = False
    """True if it lies in a value although it may only be called."""
    profile: Profile | None = None
    """What restoring an object of this class runs; None if that is not known, or it is no class."""
    makes: bool = False
    """True for a function that makes an object of the class that is its first argument."""
    watched: bool = False
    """True for a class whose ``__new__`` or ``__del__`` acts, and for a function that makes an object of any class."""
    key: str = field(init=False)
    """``module.name``."""

    def __post_init__(self) -> None:
        self.key = f"{self.module}.{self.name}"


@dataclass(slots=True, eq=False)
class Obj:
    """The value that a call returned."""

    callee: Value
    args: Value
    offset: int
    kind: Kind
    """The kind of value that it is, which determines the opcodes that may follow."""
    how: How = How.CALL
    state: Value = None
    """The state that BUILD gave it last."""
    hijacked: dict[str, Import | Obj | Persistent] | None = None
    """Attributes that the unpickler itself would later call."""
    known: bool = True
    """True if its class is vouched for."""
    items: dict[Key, Value] | None = None
    """The items that SETITEM put into it."""
    members: list[Value] | None = None
    """The items that APPEND and ADDITEMS put into it, other than plain numbers."""
    used: bool = False
    """True once an array was made of this element type."""
    size: int | None = None
    """Bytes of one element of this element type as its state says, see `checks.numpy_arrays`."""


@dataclass(slots=True, eq=False)
class Persistent:
    """The object that a persistent id stands for: a storage, or something that only the loader knows."""

    pid: Value
    storage: Storage | None = None


class Python2Text(str):
    """Python 2's str with bytes beyond ASCII, as Latin-1: which text it is depends on the reader's ``encoding``."""

    __slots__ = ()


def as_bytes(value: Value) -> bytes | None:
    """Return the bytes that *value* would be, or None if they are not known.

    ``_codecs.encode(text, 'latin1')`` (how protocol 2 spells bytes) and ``bytearray(bytes)`` are followed.
    """
    if isinstance(value, bytes):
        return value
    if isinstance(value, Blob):
        return None if value.text else value.read()
    if isinstance(value, Opaque) and value.kind is OpaqueKind.BYTEARRAY:
        return as_bytes(value.content)
    if not isinstance(value, Obj) or not isinstance(value.callee, Import) or not isinstance(value.args, tuple):
        return None
    return _called_bytes(value.callee, value.args)


def _called_bytes(callee: Import, args: tuple[Value, ...]) -> bytes | None:
    name, arity = callee.name, len(args)
    if name == "encode" and callee.module in {"_codecs", "codecs"} and arity in {1, 2}:
        text, codec = as_text(args[0]), _codec(args)
        if text is None or codec is None or isinstance(args[0], Python2Text):
            return None
        try:
            return text.encode(codec)
        except UnicodeError:
            return None
    if callee.module not in {"builtins", "__builtin__"}:
        return None
    if name in {"bytes", "bytearray"} and arity == 1 and isinstance(args[0], bytes | Blob):
        return as_bytes(args[0])
    if name in {"bytes", "bytearray", "str"} and arity == 0:
        return b""
    return None


_CODECS = {
    "latin1": "latin1",
    "latin-1": "latin1",
    "iso-8859-1": "latin1",
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "ascii": "ascii",
}


def _codec(args: tuple[Value, ...]) -> str | None:
    """Return the codec that ``encode`` is asked for, None for one that is not plain."""
    if len(args) == 1:
        return "utf-8"
    return _CODECS.get(args[1].lower()) if isinstance(args[1], str) else None


def as_text(value: Value) -> str | None:
    """Return the text that *value* is, or None if it is none."""
    if isinstance(value, str):
        return value
    if isinstance(value, Blob) and value.text:
        return value.read().decode("utf-8", "surrogatepass")
    return None
