"""Detect foreign objects passed to functions that inspect their arguments.

Such a function calls the object's methods, which may call what the pickle stored in it: a function that does no harm
to numbers and arrays asks an object for its length, its items, its text. Classes that are harmless as data answer by
calling what their attributes hold (``torch.nn.Module`` its ``extra_repr``, ``torch.utils.data.DataLoader`` its
``collate_fn``). Picklers pass constants, arrays, and objects of the function's own library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from picklewatch.analysis.pickle.checks.concern import Concern
from picklewatch.analysis.pickle.vm.values import How, Import, Obj, Opaque
from picklewatch.catalogue.imports.entries import Check, Kind
from picklewatch.catalogue.imports.stdlib_modules import STDLIB
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from collections.abc import Iterable

    from picklewatch.analysis.pickle.report import Budget
    from picklewatch.analysis.pickle.vm.values import Value

# Looked up once, for speed: see `picklewatch.catalogue.imports.entries`.
_ATOM: Final = Kind.ATOM
_CALLABLE: Final = Kind.CALLABLE
_ITERATOR: Final = Check.ITERATOR
_NEW: Final = How.NEW
_TORCH_FROM_TYPE: Final = Check.TORCH_FROM_TYPE

_STORES = frozenset(
    {"SimpleNamespace", "Namespace", "Values", "slice", "repeat", "itemgetter", "attrgetter", "methodcaller", "partial"}
    | {"getattr", "setattr", "_reconstructor", "__newobj__", "__newobj_ex__", "type", "GenericAlias"}
    | {"reduce", "getitem", "Parameter", "object"}
)
"""Functions of Python that only keep their arguments, or have a check of their own."""
_COLLECTS = frozenset(
    {"list", "tuple", "set", "frozenset", "dict", "deque", "OrderedDict", "Counter", "UserDict", "UserList", "ChainMap"}
    | {"iter", "reversed", "enumerate", "zip", "izip", "defaultdict", "Signature", "SyntaxError", "IndentationError"}
    | {"TabError", "ExceptionGroup", "BaseExceptionGroup"}
)
"""Functions that walk over their arguments and keep the items."""
_COLLECTING = frozenset({"pyrsistent", "pvectorc", "flax"})
"""Libraries whose containers keep any object, as Python's do."""
_CONTAINERS = frozenset({Kind.LIST, Kind.DICT, Kind.SET, Kind.ATOM, Kind.BYTEARRAY, Kind.SCALAR})
_CONSTANTS = frozenset({Kind.ATOM, Kind.BYTEARRAY, Kind.SCALAR, Kind.DTYPE})
_DATA = _CONTAINERS | {
    Kind.NDARRAY,
    Kind.NDARRAY_DONE,
    Kind.DTYPE,
    Kind.TENSOR,
    Kind.PARAMETER,
    Kind.STORAGE,
    Kind.ARRAY_WRAPPER,
    Kind.ARRAY_FILE,
}
_TIME = frozenset({"datetime", "_datetime", "_pydatetime", "zoneinfo", "_zoneinfo", "backports", "pytz", "dateutil"})
_PLAIN = _TIME | {"torch.jit._pickle", "decimal", "_decimal", "fractions", "uuid", "calendar", "enum"}
"""Packages, and a module, whose objects are values: times, numbers, lists of TorchScript."""
_EXCEPTIONS = ("Error", "Exception", "Warning", "Exit", "Interrupt", "Group", "StopIteration", "StopAsyncIteration")
_FRIENDS = {"pandas": frozenset({"pyarrow", "numpy"}), "pyarrow": frozenset({"pandas"})}
_ONLY_DATA = frozenset({"torch"})
"""Libraries whose own functions get no objects of theirs but tensors and arrays."""
_BEFORE_STATE = 3
"""Arguments of torch's function before those that become attributes."""
_PER_VALUE = 4
"""Units of work that looking at a container or an object costs,"""
_PER_OBJECT = 6
"""and more for one that is opened."""


def foreign_object_in(callee: Import, args: Value, budget: Budget) -> Concern | None:
    """Return the concern about a call of *callee* with an object that it has no business to look into."""
    found = _among(callee, args, budget)
    if not found:
        return None
    return Concern("suspicious-arguments", Level.UNSAFE, f"{callee.key} is to look into {found}")


def _among(callee: Import, args: Value, budget: Budget) -> str:
    top = callee.module.partition(".")[0]
    if callee.judged.check is _TORCH_FROM_TYPE:
        return ""  # what it calls is looked at as a call
    if callee.name == "_rebuild_parameter_with_state":
        args = _given(args)[:_BEFORE_STATE]
    if top in STDLIB and top not in _TIME:
        if callee.name in _COLLECTS:
            given = _given(args)[callee.name == "defaultdict" :]  # whose factory has a check of its own
            return _first_foreign(given)
        if callee.name in _STORES or callee.name.endswith(_EXCEPTIONS):
            return ""
        return _walk(args, _CONSTANTS, _PLAIN, budget)
    if top in _COLLECTING:
        return _first_foreign(_given(args))
    kinds = _CONSTANTS if top == "numpy" and callee.judged.kind is _ATOM else _DATA
    return _walk(args, kinds, (frozenset({top}) | _FRIENDS.get(top, frozenset()) | _PLAIN) - _ONLY_DATA, budget)


def _given(args: Value) -> tuple[Value, ...]:
    return args if isinstance(args, tuple) else ()


def _is_foreign(value: Obj) -> bool:
    return value.known and value.kind not in _CONTAINERS and not _iterates(value)


def _iterates(value: Obj) -> bool:
    return isinstance(value.callee, Import) and value.callee.judged.check is _ITERATOR


def _first_foreign(values: Iterable[Value]) -> str:
    """Return a description of the first of *values* that is no container, or an empty text."""
    return next((_named(value) for value in values if isinstance(value, Obj) and _is_foreign(value)), "")


def _named(value: Obj) -> str:
    return (
        f"an object of {value.callee.module}.{value.callee.name}" if isinstance(value.callee, Import) else "an object"
    )


def _walk(args: Value, kinds: frozenset[Kind], libraries: frozenset[str], budget: Budget) -> str:
    """Return the first object in *args* that is neither of *kinds* nor of *libraries*.

    Unknown objects are skipped here because they are reported elsewhere.
    """
    waiting, seen = [args], set[int]()
    while waiting:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, Obj):
            if value.kind in kinds or not value.known:
                continue
            if not isinstance(value.callee, Import) or value.kind is _CALLABLE:
                return _named(value)
            if libraries.isdisjoint((value.callee.module, value.callee.module.partition(".")[0])):
                return _named(value)
            budget.charge(_PER_OBJECT)
            waiting += [value.state, value.items]
            if value.how is _NEW:
                waiting.append(value.args)
        else:
            waiting += _inside(value, budget)
    return ""


_OPENED = (tuple, list, dict, Opaque, Obj)


def _inside(value: Value, budget: Budget) -> list[Value]:
    if isinstance(value, Opaque):
        return [value.content]
    if isinstance(value, dict):
        found: list[Value] = [one for one in value.values() if isinstance(one, _OPENED)]
        budget.charge(len(value) // 2 + _PER_VALUE * len(found))
        return found
    if not isinstance(value, tuple | list):
        return []
    found = [one for one in value if isinstance(one, _OPENED)]
    budget.charge(len(value) // 4 + _PER_VALUE * len(found))
    return found
