"""Detect foreign objects passed to functions that inspect their arguments.

Such a function calls the object's methods, which may call what the pickle stored in it: a function that does no harm
to numbers and arrays asks an object for its length, its items, its text. Classes that are harmless as data answer by
calling what their attributes hold (``torch.nn.Module`` its ``extra_repr``, ``torch.utils.data.DataLoader`` its
``collate_fn``). Picklers pass constants, arrays, and objects of the function's own library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from picklewatch.analysis.pickle.checks.concern import Concern
from picklewatch.analysis.pickle.semantics.data import parts
from picklewatch.analysis.pickle.vm.values import NOTHING, How, Import, Obj, Opaque
from picklewatch.catalogue.classes.natives import CLASSES, CONTAINERS
from picklewatch.catalogue.classes.profiles import ClassKind
from picklewatch.catalogue.imports.classify import looks_like_class
from picklewatch.catalogue.imports.entries import Check, Kind, Status
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
_JAX_ARRAY: Final = Check.JAX_ARRAY
_NEW: Final = How.NEW
_TORCH_FROM_TYPE: Final = Check.TORCH_FROM_TYPE

_STORES = frozenset(
    {"slice", "itemgetter", "attrgetter", "methodcaller", "partial"}
    | {"getattr", "setattr", "_reconstructor", "__newobj__", "__newobj_ex__", "type", "GenericAlias"}
    | {"reduce", "getitem", "object"}
)
"""Functions of Python that only keep their arguments, or have a check of their own."""
_KEEPS = {"repeat": slice(1, None), "Parameter": slice(2)}
"""Functions of Python that keep their arguments but these: how often, the kind of a parameter."""
_COLLECTS = frozenset(
    {"list", "tuple", "set", "frozenset", "dict", "deque", "OrderedDict", "Counter", "UserDict", "UserList", "ChainMap"}
    | {"iter", "reversed", "enumerate", "zip", "izip", "defaultdict", "Signature", "SyntaxError", "IndentationError"}
    | {"TabError", "ExceptionGroup", "BaseExceptionGroup", "SimpleNamespace", "Namespace", "Values"}
)
"""Functions that walk over their arguments and keep the items."""
_COLLECTING = frozenset({"pyrsistent", "pvectorc", "flax"})
"""Libraries whose containers keep any object, as Python's do."""
_HOLDS = frozenset({Kind.LIST, Kind.DICT, Kind.SET, Kind.ATOM, Kind.BYTEARRAY, Kind.SCALAR})
_CONSTANTS = frozenset({Kind.ATOM, Kind.BYTEARRAY, Kind.SCALAR, Kind.DTYPE})
_DATA = _HOLDS | {
    Kind.NDARRAY,
    Kind.NDARRAY_DONE,
    Kind.DTYPE,
    Kind.TENSOR,
    Kind.PARAMETER,
    Kind.STORAGE,
    Kind.ARRAY_WRAPPER,
    Kind.ARRAY_FILE,
}
_PROTOCOLS = frozenset(
    {"__array__", "__array_ufunc__", "__array_function__", "__array_namespace__", "__array_interface__"}
    | {"__array_struct__", "__arrow_c_array__", "__arrow_c_stream__", "__arrow_array__", "__dlpack__"}
)
"""Methods that numpy and its friends ask an object itself for, not its class."""
_TIME = frozenset({"datetime", "_datetime", "_pydatetime", "zoneinfo", "_zoneinfo", "backports", "pytz", "dateutil"})
_PLAIN = _TIME | {"inspect", "torch.jit._pickle", "decimal", "_decimal", "fractions", "uuid", "calendar", "enum"}
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
    elif callee.judged.check is _JAX_ARRAY:
        args = _given(args)[1:]  # after the function, which has to be numpy's own
    if top in STDLIB and top not in _TIME:
        if callee.name in _COLLECTS:
            given = _given(args)[callee.name == "defaultdict" :]  # whose factory has a check of its own
            return walked(given, budget)
        if callee.name in _KEEPS:
            return _walk(_given(args)[_KEEPS[callee.name]], _CONSTANTS, _PLAIN, budget)
        if callee.name in _STORES or callee.name.endswith(_EXCEPTIONS):
            return ""
        return _walk(args, _CONSTANTS, _PLAIN, budget)
    if top in _COLLECTING:
        return walked(_given(args), budget)
    kinds = _CONSTANTS if top == "numpy" and callee.judged.kind is _ATOM else _DATA
    return _walk(args, kinds, (frozenset({top}) | _FRIENDS.get(top, frozenset()) | _PLAIN) - _ONLY_DATA, budget)


def _given(args: Value) -> tuple[Value, ...]:
    return args if isinstance(args, tuple) else ()


def walked(values: Iterable[Value], budget: Budget) -> str:
    """Return a description of the first of *values* that answers by methods of its own when it is walked over.

    Python's own containers and iterators give what they hold, which is only kept.
    """
    for value in values:
        if isinstance(value, Import):
            return f"{value.key}, which is no container"
        if not isinstance(value, Obj) or not value.known or _gives_what_it_holds(value):
            continue
        found = _walk(value, _DATA, _PLAIN, budget)
        if found:
            return found
    return ""


def _gives_what_it_holds(value: Obj) -> bool:
    if not isinstance(value.callee, Import) or value.state not in (None, NOTHING):
        return False  # an attribute may take the place of a method
    return value.callee.key in CONTAINERS or value.callee.judged.check is _ITERATOR


def _named(value: Obj) -> str:
    return (
        f"an object of {value.callee.module}.{value.callee.name}" if isinstance(value.callee, Import) else "an object"
    )


def _may_be_called(value: Import) -> bool:
    """Return True for a function: a class that is handed over names a type."""
    if value.key in CLASSES or (value.profile is not None and value.profile.kind is not ClassKind.FUNCTION):
        return False
    return value.judged.status is Status.VOUCHED and not looks_like_class(value.name)


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
        if isinstance(value, Import) and _may_be_called(value):
            return value.key
        if not isinstance(value, Obj):
            waiting += _inside(value, budget)
        elif value.known:
            if value.kind not in kinds and not _is_of(value, libraries):
                return _named(value)
            budget.charge(_PER_OBJECT)
            judged = value.kind not in kinds and value.how is not _NEW  # its arguments, when it was called
            waiting += (value.state, value.items, value.members) if judged else parts(value)
    return ""


def _is_of(value: Obj, libraries: frozenset[str]) -> bool:
    if not isinstance(value.callee, Import) or value.kind is _CALLABLE:
        return False
    states = value.state if isinstance(value.state, tuple) else (value.state,)
    if any(isinstance(state, dict) and not _PROTOCOLS.isdisjoint(state) for state in states):
        return False
    return not libraries.isdisjoint((value.callee.module, value.callee.module.partition(".")[0]))


_OPENED = (tuple, list, dict, Opaque, Obj, Import)


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
