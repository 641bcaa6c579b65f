"""Checks of the arguments of calls that are harmless only with the right ones.

Each takes the machine, the import that is called, its arguments and the offset, and returns a doubt or None.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from picklewatch.engine import arrays, signs, tensors
from picklewatch.engine.judge import judge, looks_like_class
from picklewatch.engine.lists import denied
from picklewatch.engine.lists.stdlib import STDLIB
from picklewatch.engine.report import Storage
from picklewatch.engine.values import Blob, Import, Obj, Opaque, Persistent, as_bytes, as_text
from picklewatch.model import Level

if TYPE_CHECKING:
    from picklewatch.engine.machine import Machine


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a call is not harmless after all."""

    rule: str
    level: Level
    summary: str


Check = "Callable[[Machine, Import, Any, int], Doubt | None]"

_LATIN = {"latin1", "latin-1", "iso-8859-1", "utf-8", "utf8", "ascii"}
_UFUNC_MODULE = re.compile(r"numpy(\.(core|_core)(\.(_multiarray_umath|umath))?)?\Z|scipy\.special(\._ufuncs)?\Z")
_MEMBER = re.compile(r"[A-Z][A-Z0-9_]*\Z")
_HUGE = 1 << 32
_BUILTINS = {"builtins", "__builtin__"}
_PURE_TYPES = {"str", "list", "dict", "tuple", "set", "frozenset", "int", "float", "bytes", "unicode"}


def _tuple(args: Any) -> tuple[Any, ...]:
    return args if isinstance(args, tuple) else ()


def _odd(summary: str) -> Doubt:
    return Doubt("suspicious-arguments", Level.UNSAFE, summary)


def take_types(args: Any) -> None:
    """Note of the element types in *args* that something may be made of them: they must not change any more."""
    waiting, most = [args], 2_000
    for _ in range(most):
        if not waiting:
            return
        value = waiting.pop()
        if type(value) is Obj and value.kind == "dtype":
            value.used = True
        elif isinstance(value, tuple | list):
            waiting.extend(one for one in value[:most] if isinstance(one, tuple | list | dict | Obj))
        elif isinstance(value, dict):
            waiting.extend(one for one in value.values() if isinstance(one, tuple | list | dict | Obj))


def plain(_machine: Machine, callee: Import, args: Any, _offset: int) -> Doubt | None:
    """Only data and harmless classes as arguments."""
    take_types(args)
    if signs.plain(args):
        return None
    return _odd(f"{callee.key} is given something other than data")


_COLLECTS = frozenset({"bytes", "bytearray", "list", "tuple", "set", "frozenset", "dict", "deque", "array", "UserList"})


def _endless(value: Any) -> bool:
    """Whether *value* is an iterator without an end."""
    if not isinstance(value, Obj) or not isinstance(value.callee, Import) or value.callee.module != "itertools":
        return False
    pair = 2
    return value.callee.name == "count" or (value.callee.name == "repeat" and len(_tuple(value.args)) < pair)


def bounded(machine: Machine, callee: Import, args: Any, offset: int) -> Doubt | None:
    """Plain, and not a size that would exhaust memory."""
    for value in _tuple(args)[:3]:
        inner = value.args if isinstance(value, Obj) and isinstance(value.args, tuple) else (value,)
        number = max((abs(one) for one in inner[:3] if type(one) is int), default=0)
        if callee.name in _COLLECTS and (number > _HUGE or _endless(value)):
            return Doubt("resource-bomb", Level.UNSAFE, f"{callee.key} is asked for more items than memory can hold")
        if isinstance(value, Opaque) and value.kind == "int":
            return _odd(f"{callee.key} is given a huge number")
    return plain(machine, callee, args, offset)


def index_class(machine: Machine, callee: Import, args: Any, offset: int) -> Doubt | None:
    """``_new_Index(cls, state)`` is ``cls.__new__(cls, **state)``: only a class of indexes may stand there."""
    values = _tuple(args)
    made = values[0] if values else None
    if (
        not isinstance(made, Import)
        or not made.name.endswith("Index")
        or made.judged.status not in {"vouched", "foreign"}
    ):
        return Doubt("indirect-call", Level.UNSAFE, f"{callee.key} is made to make something other than an index")
    return plain(machine, callee, args, offset)


def unit_class(machine: Machine, callee: Import, args: Any, offset: int) -> Doubt | None:
    """``_recreate_irreducible_unit(cls, names, registered)`` calls *cls*: only a class of units may stand there."""
    values = _tuple(args)
    if not values or not isinstance(values[0], Import) or not values[0].module.startswith("astropy.units"):
        return Doubt("indirect-call", Level.UNSAFE, f"{callee.key} is made to call something other than a unit")
    return plain(machine, callee, args, offset)


_ARRAY_CLASSES = frozenset({"ndarray", "MaskedArray", "mvoid", "matrix", "recarray", "chararray", "MaskedConstant"})


def masked(machine: Machine, callee: Import, args: Any, offset: int) -> Doubt | None:
    """``_mareconstruct(cls, base, shape, type)`` makes an instance of *cls*: only classes of arrays may stand there."""
    classes = _tuple(args)[:2]
    for made in classes:
        known = isinstance(made, Import) and (made.name in _ARRAY_CLASSES or made.judged.status == "foreign")
        if not known:
            return Doubt("indirect-call", Level.UNSAFE, f"{callee.key} is made to make something other than an array")
    return plain(machine, callee, args, offset)


def tree(machine: Machine, callee: Import, args: Any, offset: int) -> Doubt | None:
    """``Tree(features, classes, outputs)``, ``Gini(outputs, classes)`` believe the number of outputs."""
    for value in _tuple(args):
        if not isinstance(value, Obj) or value.kind not in {"ndarray", "ndarray-done"}:
            continue
        outputs = _tuple(args)[2 if callee.name == "Tree" else 0]
        held, said = arrays.elements(value), arrays.integer(outputs)
        if held is None or said is None or not 0 <= said <= held:
            return Doubt("numpy-size-mismatch", Level.MALICIOUS, f"{callee.key} is to read beyond its array of classes")
    return plain(machine, callee, args, offset)


def factory(_machine: Machine, callee: Import, args: Any, _offset: int) -> Doubt | None:
    """``defaultdict(factory)``: a class, or a callable that is harmless itself."""
    values = _tuple(args)
    if not values or values[0] is None:
        return None
    made = values[0]
    if (
        isinstance(made, Import)
        and made.judged.status in {"vouched", "foreign", "code"}
        and made.judged.level is not Level.UNSAFE
    ):
        return None
    if isinstance(made, Obj) and made.kind == "callable":
        return None if made.known else Doubt("indirect-call", Level.UNVERIFIED, f"{callee.key} keeps a callable")
    return Doubt("indirect-call", Level.UNSAFE, f"{callee.key} is given a factory that nobody vouched for")


def arrow(machine: Machine, callee: Import, args: Any, offset: int) -> Doubt | None:
    """``_restore_array((type, length, nulls, offset, buffers, children, dictionary))``: Arrow believes the length."""
    values = _tuple(args)
    told = _tuple(values[0]) if values else ()
    fewest = 6
    if len(told) < fewest:
        return _odd(f"{callee.key} is given something other than an array's parts")
    length, start, buffers, children = arrays.integer(told[1]), arrays.integer(told[3]), told[4], told[5]
    if length is None or start is None or length < 0 or start < 0:
        return Doubt("numpy-size-mismatch", Level.MALICIOUS, "an array of Arrow has no plain length and offset")
    held = [_arrow_bytes(one) for one in buffers if one is not None] if isinstance(buffers, list | tuple) else []
    if held and not children and None not in held and (length + start + 7) // 8 > max(one or 0 for one in held):
        return Doubt("numpy-size-mismatch", Level.MALICIOUS, "an array of Arrow is longer than all of its buffers")
    return plain(machine, callee, args, offset)


def _arrow_bytes(value: Any) -> int | None:
    if isinstance(value, Obj) and isinstance(value.args, tuple) and len(value.args) == 1:
        return arrays.length(value.args[0])
    return None


def pattern(_machine: Machine, callee: Import, args: Any, _offset: int) -> Doubt | None:
    """A regular expression: text and flags."""
    values = _tuple(args)
    if values and (isinstance(values[0], bytes | str | Blob) or as_bytes(values[0]) is not None):
        return None
    return _odd(f"{callee.key} is given something other than a pattern")


def encode(machine: Machine, callee: Import, args: Any, offset: int) -> Doubt | None:
    """``_codecs.encode(text, 'latin1')`` only: other codecs decode, decompress or are looked up in a registry."""
    values = _tuple(args)
    fewest, most = 1, 2
    if not fewest <= len(values) <= most or as_text(values[0]) is None:
        return _odd(f"{callee.key} is given something other than a text")
    if len(values) == most and (not isinstance(values[1], str) or values[1].lower() not in _LATIN):
        return _odd(f"{callee.key} is asked for an unusual codec")
    text = as_text(values[0]) or ""
    if text[:1] in {"\x80", "c", "(", "]", "}"} and len(values) == most:
        content = as_bytes(Obj(callee=callee, args=values, offset=offset, kind="atom"))
        machine.embedded(content, offset)
    return None


def np_reconstruct(_machine: Machine, callee: Import, args: Any, _offset: int) -> Doubt | None:
    """``_reconstruct(ndarray, (0,), b'b')``: an array class and a small shape."""
    values = _tuple(args)
    if len(values) < 2 or not isinstance(values[0], Import):
        return _odd(f"{callee.key} is not given an array class")
    elements = arrays.count(values[1])
    take_types(args)
    if elements is None or elements > _HUGE:
        return Doubt("resource-bomb", Level.UNSAFE, f"{callee.key} is asked for an array of an impossible shape")
    if values[0].judged.status in {"vouched", "foreign"}:
        return None
    return _odd(f"{callee.key} is given {values[0].key} as an array class")


def np_scalar(_machine: Machine, callee: Import, args: Any, _offset: int) -> Doubt | None:
    """``scalar(dtype, bytes)``: as many bytes as the type has; no pointers from bytes."""
    values = _tuple(args)
    if not values:
        return _odd(f"{callee.key} is called without a type")
    size = arrays.item_size(values[0])
    if len(values) == 1:
        return None
    if size == arrays.OBJECT:
        if isinstance(values[1], bytes | Blob) or as_bytes(values[1]) is not None:
            return Doubt("object-dtype-over-bytes", Level.MALICIOUS, "an object pointer is to be made from raw bytes")
        return None
    found = arrays.length(values[1])
    if size is not None and found is not None and found < size:
        return Doubt("numpy-size-mismatch", Level.MALICIOUS, f"a number of {size} bytes is to be made from {found}")
    return None if signs.plain(args) else _odd(f"{callee.key} is given something other than data")


def np_frombuffer(_machine: Machine, callee: Import, args: Any, _offset: int) -> Doubt | None:
    """``_frombuffer(bytes, dtype, shape, order)``."""
    values = _tuple(args)
    if len(values) < 3:
        return _odd(f"{callee.key} is given too few arguments")
    rule, summary = arrays.mismatch(values[2], values[1], values[0])
    if rule:
        return Doubt(rule, Level.MALICIOUS, summary)
    return None if signs.plain(args) else _odd(f"{callee.key} is given something other than data")


def np_dtype(_machine: Machine, callee: Import, args: Any, _offset: int) -> Doubt | None:
    """An element type by its name, or a description of one in plain data."""
    take_types(args)
    return None if signs.plain(args) else _odd(f"{callee.key} is given something other than data")


def np_random(_machine: Machine, callee: Import, args: Any, _offset: int) -> Doubt | None:
    """The second argument is called with the first by numpy: only numpy's own constructor may stand there."""
    for value in _tuple(args):
        if isinstance(value, Import):
            if not value.module.startswith("numpy.random") or value.judged.status != "vouched":
                return Doubt("indirect-call", Level.MALICIOUS, f"{callee.key} is made to call {value.key}")
        elif not isinstance(value, str | int | None) and not (
            isinstance(value, Obj) and value.known and value.kind != "callable"
        ):
            return _odd(f"{callee.key} is given something other than a generator")
    return None


def array_file(_machine: Machine, callee: Import, args: Any, _offset: int) -> Doubt | None:
    """Made by NEWOBJ without arguments; its state is checked when BUILD gives it."""
    return None if not args else plain(_machine, callee, args, _offset)


def torch_tensor(_machine: Machine, callee: Import, args: Any, _offset: int) -> Doubt | None:
    """Offset, size and stride inside the storage."""
    dtype_at = 6
    dtype = (
        args[dtype_at]
        if callee.name == "_rebuild_tensor_v3" and isinstance(args, tuple) and len(args) > dtype_at
        else None
    )
    summary = tensors.out_of_bounds(args, dtype)
    if summary:
        return Doubt("tensor-out-of-bounds", Level.MALICIOUS, summary)
    storage = args[0]
    if type(storage) is Persistent:
        return (
            None if type(storage.storage) is Storage else _odd("a tensor is rebuilt over something that is no storage")
        )
    if isinstance(storage, Obj) and (storage.kind == "storage" or not storage.known):
        return None
    return _odd("a tensor is rebuilt over something that is no storage")


_OF_TENSORS = frozenset({"_rebuild_parameter", "_rebuild_parameter_with_state"})


def _tensor(args: Any) -> bool:
    """Whether the first of *args* is a tensor, or may be one for all that is known: its methods will be called."""
    values = _tuple(args)
    if not values or isinstance(values[0], Import):
        return False
    made = values[0]
    return not isinstance(made, Obj) or made.kind in {"tensor", "parameter", "storage"} or not made.known


def torch_plain(machine: Machine, callee: Import, args: Any, offset: int) -> Doubt | None:
    """Tensors, numbers and types."""
    if callee.name == "_rebuild_nested_tensor":
        return Doubt(
            "tensor-out-of-bounds",
            Level.UNVERIFIED,
            "a nested tensor's bounds lie in other tensors, which are not read",
        )
    if callee.name.startswith("_rebuild_sparse"):
        return Doubt(
            "tensor-out-of-bounds",
            Level.UNVERIFIED,
            "a sparse tensor's indices lie in other tensors, which are not read",
        )
    if callee.name in _OF_TENSORS and not _tensor(args):
        return _odd(f"{callee.key} is given something other than a tensor")
    if callee.name == "_rebuild_qtensor":
        summary = tensors.out_of_bounds(args)
        if summary:
            return Doubt("tensor-out-of-bounds", Level.MALICIOUS, summary)
    return plain(machine, callee, args, offset)


def torch_from_type(machine: Machine, callee: Import, args: Any, offset: int) -> Doubt | None:
    """``_rebuild_from_type_v2(function, type, arguments, state)`` calls *function*: only torch's own ones."""
    values = _tuple(args)
    if len(values) != 4 or not isinstance(values[0], Import):
        return Doubt("indirect-call", Level.UNSAFE, f"{callee.key} is called in an unusual way")
    function = values[0]
    if function.module != "torch._utils" or function.judged.status != "vouched":
        return Doubt(
            "indirect-call",
            Level.MALICIOUS if function.judged.level is Level.MALICIOUS else Level.UNSAFE,
            f"{callee.key} is made to call {function.key}",
        )
    machine.call(function, values[2], "call", offset)
    return None


def load_from_bytes(machine: Machine, callee: Import, args: Any, offset: int) -> Doubt | None:
    """The bytes are a pickle: judged by the caller."""
    values = _tuple(args)
    content = as_bytes(values[0]) if len(values) == 1 else None
    if content is None:
        return Doubt(
            "nested-unpickling", Level.UNSAFE, f"{callee.key} unpickles bytes that are not in the file as such"
        )
    machine.nest(content, offset, callee.key)
    return None


def partial(_machine: Machine, callee: Import, args: Any, _offset: int) -> Doubt | None:
    """``partial(function, …)`` keeps what it is given; what is kept is looked at."""
    return kept(callee, _tuple(args))


def kept(callee: Import, values: tuple[Any, ...]) -> Doubt | None:
    """Doubts about a callable and arguments that are kept for later."""
    if not values:
        return None
    function = values[0]
    if isinstance(function, Import) and function.judged.status == "vouched" and "R" in function.judged.uses:
        if signs.plain(values):
            return None
        return Doubt("indirect-call", Level.UNVERIFIED, f"{callee.key} keeps a call of {function.key}")
    if isinstance(function, Import) and function.judged.status == "code":
        return None
    found = signs.sign(values[1:])
    if isinstance(function, Import) and function.judged.status == "foreign" and not found:
        return Doubt("indirect-call", Level.UNVERIFIED, f"{callee.key} keeps a call of {function.key}")
    if isinstance(function, Obj) and function.kind == "callable" and not found:
        return Doubt("indirect-call", Level.UNVERIFIED, f"{callee.key} keeps a call")
    return Doubt("indirect-call", Level.UNSAFE, f"{callee.key} keeps a call" + (f" with {found}" if found else ""))


def fetch(_machine: Machine, callee: Import, args: Any, _offset: int) -> Doubt | None:
    """``getattr(object, 'name')``: what is fetched of what."""
    values = _tuple(args)
    if not 2 <= len(values) <= 3 or not isinstance(values[1], str):
        return Doubt("dotted-import", Level.UNSAFE, "getattr is called with a name that is not in the file as such")
    target, name = values[0], values[1]
    if (
        name in denied.DUNDERS
        or name in denied.FUNCTIONS
        or name.strip("_") in denied.ALIASES
        or name in {"eval", "exec"}
    ):
        return Doubt("code-execution", Level.MALICIOUS, f"getattr fetches {name}, which leads to running code")
    if name.startswith("__") or not name.isidentifier():
        return Doubt("dotted-import", Level.UNSAFE, f"getattr fetches the internal attribute {name}")
    return _fetch_of(callee, target, name)


def _fetch_of(callee: Import, target: Any, name: str) -> Doubt | None:
    if isinstance(target, Import):
        judged = judge(target.module, f"{target.name}.{name}")
        if judged.status == "vouched" or (
            target.module in _BUILTINS and target.name in _PURE_TYPES and not name.startswith("format")
        ):
            return None
        if target.judged.status == "vouched" and _MEMBER.match(name) and target.judged.uses & {"E", "N"}:
            return None  # how Python 3.11 pickles a member of an enumeration
        if target.judged.level is Level.MALICIOUS or judged.level is Level.MALICIOUS:
            return Doubt("code-execution", Level.MALICIOUS, f"getattr fetches {name} of {target.key}")
        classlike = (
            (looks_like_class(target.name) or target.judged.status == "vouched")
            and target.judged.status in {"vouched", "foreign"}
            and target.module.partition(".")[0] not in STDLIB
        )
        return Doubt(
            "dotted-import", Level.UNVERIFIED if classlike else Level.UNSAFE, f"getattr fetches {name} of {target.key}"
        )
    if isinstance(target, Obj) and target.kind not in {"shared", "callable", "code"}:
        return Doubt("dotted-import", Level.UNVERIFIED, f"{callee.name} fetches {name} of an object")
    if isinstance(target, str | bytes | tuple | list | dict | int | float) and not name.startswith("format"):
        return None
    return Doubt("dotted-import", Level.UNSAFE, f"{callee.name} fetches {name}")


def getitem(_machine: Machine, callee: Import, args: Any, _offset: int) -> Doubt | None:
    """``operator.getitem(typing.Union, (…))``: subscripts a type."""
    values = _tuple(args)
    if (
        values
        and isinstance(values[0], Import)
        and values[0].module in {"typing", "collections.abc", *_BUILTINS}
        and values[0].judged.level is Level.INFO
    ):
        return None
    return Doubt("dotted-import", Level.UNSAFE, f"{callee.key} takes an item out of something that is no type")


def set_attribute(_machine: Machine, callee: Import, args: Any, _offset: int) -> Doubt | None:
    """``setattr(object, name, value)``: dill fills rebuilt classes with it; else it changes what is shared."""
    values = _tuple(args)
    rebuilt = bool(values) and isinstance(values[0], Obj) and values[0].kind == "code"
    if rebuilt and len(values) > 1 and isinstance(values[1], str) and values[1] not in denied.DUNDERS:
        return Doubt("code-bearing", Level.UNSAFE, f"carries Python code: {callee.name} fills a rebuilt class")
    return Doubt(
        "interpreter-state", Level.MALICIOUS, f"{callee.key} changes an object that the pickle did not rebuild"
    )


def tzfile(machine: Machine, callee: Import, args: Any, offset: int) -> Doubt | None:
    """``tzfile(None, name)``, filled by BUILD; anything else opens a file."""
    values = _tuple(args)
    if values and values[0] is not None:
        return Doubt("file-access", Level.UNSAFE, f"{callee.key} is given a file to open")
    return plain(machine, callee, args, offset)


def reduce(_machine: Machine, callee: Import, args: Any, _offset: int) -> Doubt | None:
    """``functools.reduce(operator.or_, (int, str))``: how a union of types is pickled."""
    values = _tuple(args)
    joins = bool(values) and isinstance(values[0], Import) and values[0].key in {"operator.or_", "_operator.or_"}
    if joins and len(values) == 2 and signs.plain(values[1]):
        return None
    return Doubt("indirect-call", Level.UNSAFE, f"{callee.key} calls what it is handed")


def ufunc(_machine: Machine, callee: Import, args: Any, _offset: int) -> Doubt | None:
    """``_ufunc_reconstruct(module, name)`` imports: only numpy's and scipy's own functions are harmless."""
    values = _tuple(args)
    if len(values) == 2 and all(isinstance(value, str) for value in values):
        module, name = values
        if _UFUNC_MODULE.match(module) and name.isidentifier() and judge(module, name).status == "vouched":
            return None
    return Doubt(
        "code-execution", Level.MALICIOUS, f"{callee.key} is made to import something that is no function of numpy"
    )


def formula(_machine: Machine, callee: Import, args: Any, offset: int) -> Doubt | None:
    """Made by NEWOBJ; its state is checked when BUILD gives it."""
    return plain(_machine, callee, args, offset)


def type_of(_machine: Machine, callee: Import, args: Any, _offset: int) -> Doubt | None:
    """``type(None)``; with three arguments it would make a class."""
    values = _tuple(args)
    if len(values) == 1 and (
        values[0] is None or (isinstance(values[0], Import) and values[0].name in {"Ellipsis", "NotImplemented"})
    ):
        return None
    return Doubt("unknown-call", Level.UNSAFE, f"{callee.key} is asked for something other than a singleton's type")


def iterator(_machine: Machine, callee: Import, args: Any, _offset: int) -> Doubt | None:
    """``iter([…])`` and the like: the pickled form of an iterator; a callable to iterate over would be called."""
    values = _tuple(args)
    if values and all(_container(value) for value in values):
        return None
    return Doubt("indirect-call", Level.UNSAFE, f"{callee.key} is given something other than containers of the file")


def _container(value: Any) -> bool:
    if isinstance(value, str | bytes | tuple | list | dict | int):
        return True
    if isinstance(value, Opaque):
        return value.kind in {"set", "frozenset", "bytearray"}
    if not isinstance(value, Obj) or not value.known:
        return False
    iterates = isinstance(value.callee, Import) and value.callee.judged.check == "iterator"
    return iterates or value.kind in {"list", "dict", "set", "atom"}


CHECKS: dict[str, Any] = {
    "plain": plain, "bounded": bounded, "factory": factory, "pattern": pattern, "encode": encode,
    "np_reconstruct": np_reconstruct, "np_scalar": np_scalar, "np_frombuffer": np_frombuffer, "np_dtype": np_dtype,
    "np_random": np_random, "array_file": array_file, "torch_tensor": torch_tensor, "torch_plain": torch_plain,
    "torch_from_type": torch_from_type, "load_from_bytes": load_from_bytes, "partial": partial, "getattr": fetch,
    "getitem": getitem, "tzfile": tzfile, "reduce": reduce, "ufunc": ufunc,
    "arrow": arrow,
    "index_class": index_class, "setattr": set_attribute, "formula": formula, "type_of": type_of, "iterator": iterator,
    "unit_class": unit_class, "masked": masked, "tree": tree,
}  # fmt: skip
"""By the name that the lists use."""
