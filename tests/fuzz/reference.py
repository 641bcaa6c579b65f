"""CPython's own unpicklers with nothing behind them: what they would import and call, without doing either.

"Never unpickle anything from a scanned file" holds here, too. What is read are bytes that a mutator or a test made,
never a file from elsewhere. `find_class` and `persistent_load` give stand-ins, classes of this module whose methods
note that they were called and do nothing. An unpickler has no other source of objects than these two and the constants
of the pickle (None, numbers, texts, bytes, containers), so nothing on its stack can do anything: the world is closed.
The extension registry is empty, and asks `find_class` too.

Three unpicklers (C's on a plain file and on a buffered one, which read differently, and the one in Python) and three
kinds of stand-ins, since what a pickle can do depends on what the imported objects would be: ones that take any state,
ones whose attributes BUILD replaces (so that a stand-in may come where the unpickler looks for ``append``), and
functions that return texts (so that an import may be named by the result of a call).
"""

from __future__ import annotations

import contextlib
import io
import math
import pickle
import re
import resource
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROBUST, PLAIN, TEXTS, REMEMBERING = "robust", "plain", "texts", "remembering"
KINDS = (ROBUST, PLAIN, TEXTS)
PERSISTENT = ("?", "persistent")
"""What `persistent_load` makes its objects of."""
_ROOM = 128 << 20
"""Bytes that an unpickler may take: C's makes a table as long as a memo's highest index, gigabytes of it."""


@dataclass(slots=True)
class Seen:
    """The requests of one unpickler until it ended or raised."""

    imports: list[tuple[str, str]] = field(default_factory=list)
    """In order, each time."""
    calls: list[tuple[str, tuple[str, str]]] = field(default_factory=list)
    """``call`` (REDUCE and the like), ``new`` (``__new__`` alone) or ``computed`` (a call of a result), and of what."""
    arguments: list[object] = field(default_factory=list)
    """The arguments of each of `calls`, as `shape` shows them."""
    states: list[tuple[tuple[str, str], object]] = field(default_factory=list)
    """What BUILD gave to which import or what came of it."""
    result: object = None
    """What the pickle is, as `shape` shows it."""
    finished: bool = False
    position: int = 0
    """Where it stopped reading, if it finished."""


class _StandInClass(type):
    """A stand-in for an imported class."""

    seen: Seen
    key: tuple[str, str]

    def __call__(cls, *args: Any, **_keywords: Any) -> Any:
        cls.seen.calls.append(("call", cls.key))
        cls.seen.arguments.append(shape(args))
        made = _made(cls)
        made.called_with = args
        return made


def _made(cls: Any) -> Any:
    return object.__new__(cls)


def _new(cls: Any, *args: Any, **keywords: Any) -> Any:
    of: Any = cls if isinstance(cls, type) else type(cls)
    of.seen.calls.append(("new" if of is cls else "computed", of.key))
    of.seen.arguments.append(shape((*args, keywords) if keywords else args))
    return _made(of)


def _computed(self: Any, *_args: Any, **_keywords: Any) -> Any:
    kind = type(self)
    kind.seen.calls.append(("computed", kind.key))
    kind.seen.arguments.append(shape(_args))
    return _made(kind)


def stand_in(key: tuple[str, str]) -> Any:
    """Return the stand-in for an import of *key*."""
    return _stand_in(Seen(), key, ROBUST)


ANYTHING = "?"
DEEPEST = 5
_WIDEST = 30
_CONSTANTS = (bool, int, float, str, bytes)


def shape(value: Any, depth: int = 0) -> object:
    """*value* as two readers of one pickle can compare it: `ANYTHING` where it is more than data."""
    kind = type(value)
    if value is None or (kind in _CONSTANTS and not (kind is int and abs(value) >= 1 << 64)):
        return "int" if kind is bool else kind.__name__, repr(int(value) if kind is bool else value)
    if isinstance(value, _StandInClass):
        return "import", value.key
    if depth > DEEPEST or kind not in {tuple, list, dict} or len(value) > _WIDEST:
        return ANYTHING
    if kind is dict:
        return "dict", {key: shape(item, depth + 1) for key, item in value.items() if type(key) is str}
    return kind.__name__, [shape(item, depth + 1) for item in value]


def differ(one: object, other: object) -> bool:
    """Return True if two of `shape` can't be the same."""
    if ANYTHING in (one, other):
        return False
    if isinstance(one, tuple) and isinstance(other, tuple) and one[0] == other[0]:
        if one[0] in {"tuple", "list"}:
            return len(one[1]) != len(other[1]) or any(map(differ, one[1], other[1]))
        if one[0] == "dict":
            return one[1].keys() != other[1].keys() or any(differ(one[1][key], other[1][key]) for key in one[1])
    return one != other


def _nothing(*_args: Any, **_keywords: Any) -> None:
    """Take anything."""


_PLAIN: dict[str, Any] = {"__new__": _new, "__call__": _computed, "__setitem__": _nothing}


def _take_state(cls: Any, state: Any) -> None:
    cls.seen.states.append((cls.key, shape(state)))


def _remember(self: Any, state: Any) -> None:
    _take_state(type(self), state)
    if isinstance(state, dict):
        vars(self).update(state)


_TAKING = dict.fromkeys(("append", "extend", "add", "__setitem__"), staticmethod(_nothing))


_METHODS = {
    ROBUST: _PLAIN | _TAKING | {"__setstate__": classmethod(_take_state)},
    PLAIN: _PLAIN,
    REMEMBERING: _PLAIN | _TAKING | {"__setstate__": _remember},
}


def _stand_in(seen: Seen, key: tuple[str, str], kind: str) -> Any:
    if kind == TEXTS:
        return _Function(seen, key)
    made = _StandInClass("StandIn", (), dict(_METHODS[kind]))
    made.seen, made.key = seen, key
    return made


class _Function:
    """A stand-in for an imported function: its result is a text, which may name the next import."""

    def __init__(self, seen: Seen, key: tuple[str, str]) -> None:
        self._seen, self._key = seen, key

    def __call__(self, *_args: Any, **_keywords: Any) -> str:
        """Note the call."""
        self._seen.calls.append(("call", self._key))
        self._seen.arguments.append(shape(_args))
        return "posix"


def _methods(seen: Seen, kind: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    def find_class(_self: Any, module: str, name: str) -> Any:
        if not module:
            raise ImportError("no module has an empty name")  # what the import system says, too
        seen.imports.append((module, name))
        return _stand_in(seen, (module, name), kind)

    def persistent_load(_self: Any, _pid: Any) -> Any:
        made = _stand_in(seen, PERSISTENT, ROBUST)
        return _made(made)

    return find_class, persistent_load


def _reader(base: type[Any], file: Any, seen: Seen, kind: str) -> Any:
    find_class, persistent_load = _methods(seen, kind)
    made = type("Reader", (base,), {"find_class": find_class, "persistent_load": persistent_load})
    return made(file, encoding="latin1", fix_imports=False)


def _files(sample: bytes) -> tuple[tuple[type[Any], Any], ...]:
    return (
        (pickle.Unpickler, io.BytesIO(sample)),
        (pickle.Unpickler, io.BufferedReader(io.BytesIO(sample), 64)),
        (pickle._Unpickler, io.BytesIO(sample)),
    )


def read(sample: bytes, kind: str) -> list[Seen]:
    """Return the requests of each of the three unpicklers for the pickle at the start of *sample*."""
    files = _files(sample)
    return [_load(base, file, kind) for base, file in (files[:2] if _claims_too_much(sample) else files)]


def _claims_too_much(sample: bytes) -> bool:
    """Return True if a bytearray may be longer than the sample: the reader in Python makes that many zeros first."""
    at = sample.find(b"\x96")
    while at >= 0:
        if int.from_bytes(sample[at + 1 : at + 9], "little") > len(sample):
            return True
        at = sample.find(b"\x96", at + 1)
    return False


def read_all(sample: bytes, most: int = 8) -> list[Seen]:
    """Return the requests of a loop of ``pickle.load``, and of torch's reader of legacy files: pickle after pickle."""
    found: list[Seen] = []
    file = io.BytesIO(sample)
    while len(found) < most and file.tell() < len(sample):
        seen = _load(pickle.Unpickler, file, ROBUST)
        found.append(seen)
        if not seen.finished:
            break
    return found


_Slow: Any = pickle._Unpickler


class _JoblibReader(_Slow):  # type: ignore[misc]
    """Reads arrays between the opcodes as joblib does (``joblib/numpy_pickle.py``, NumpyUnpickler.load_build)."""

    dispatch = _Slow.dispatch.copy()

    def __init__(self, file: io.BytesIO, **options: Any) -> None:
        super().__init__(file, **options)
        self._file, self._options = file, options

    def load_build(self) -> None:
        """BUILD, and what joblib does behind it."""
        super().load_build()
        wrapper = self.stack[-1]
        if getattr(type(wrapper), "key", ("", ""))[1] == "NumpyArrayWrapper":
            self._skip(vars(wrapper))
            self.stack[-1] = object.__new__(_Array)

    dispatch[pickle.BUILD[0]] = load_build

    def _skip(self, state: dict[str, Any]) -> None:
        dtype = np.dtype(_spelling(state["dtype"]))
        count = math.prod(state["shape"])
        if dtype.hasobject:
            inner = _Slow(self._file, **self._options)
            inner.find_class, inner.persistent_load = self.find_class, self.persistent_load
            inner.load()
            return
        if state.get("numpy_array_alignment_bytes") is not None:
            self._file.read(self._file.read(1)[0])
        if len(self._file.read(count * dtype.itemsize)) < count * dtype.itemsize:
            raise ValueError("the array is cut off")


class _Array:
    """An array in place of its wrapper."""


def _spelling(dtype: Any) -> str:
    spelling = dtype.called_with[0]
    if type(dtype).key != ("numpy", "dtype") or not re.fullmatch(r"[biufcOSUV]\d{1,3}|[?bhilqefdgO]", spelling):
        raise ValueError("not a type that a stand-in can tell")
    return str(spelling)


def read_joblib(sample: bytes) -> Seen:
    """Return the requests of joblib."""
    return _load(_JoblibReader, io.BytesIO(sample), REMEMBERING)


def _load(base: type[Any], file: Any, kind: str) -> Seen:
    seen = Seen()
    with contextlib.suppress(Exception), _little_memory():  # whatever the bytes make of it
        seen.result = shape(_reader(base, file, seen, kind).load())
        seen.finished = True
        seen.position = file.tell()
    return seen


@contextlib.contextmanager
def _little_memory() -> Iterator[None]:
    """Leave the process `_ROOM` bytes more than it has, so that its peak is one of the parsers that are fuzzed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (_least(pages * resource.getpagesize() + _ROOM, soft, hard), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _least(*limits: int) -> int:
    return min(limit for limit in limits if limit != resource.RLIM_INFINITY)
