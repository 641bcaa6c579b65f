"""What data is: values that a hook or a call may look into, all the way down, and nothing of the file's choosing runs.

Data are constants, Python's own containers, arrays, element types and storages, and objects of the classes that
`catalogue.classes.natives` lists, with nothing but data in them. Any other object answers by methods of its own
(``torch.nn.Module`` by its ``extra_repr``, ``torch.utils.data.DataLoader`` by its ``collate_fn``), and any other import
may be called. `semantics.data_reader` looks for what is none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from picklewatch.analysis.pickle.semantics.fetched import member_of
from picklewatch.analysis.pickle.vm.values import NOTHING, REST, Import, Obj, Opaque
from picklewatch.catalogue.classes.natives import CLASSES, CONTAINERS, VALUES
from picklewatch.catalogue.classes.profiles import ClassKind
from picklewatch.catalogue.imports.classify import looks_like_class
from picklewatch.catalogue.imports.entries import Check, Kind, Status
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from picklewatch.analysis.pickle.vm.values import Value
    from picklewatch.catalogue.imports.taken import Among

# Looked up once, for speed: see `picklewatch.catalogue.imports.entries`.
_CALLABLE: Final = Kind.CALLABLE
_DTYPE: Final = Kind.DTYPE
_ENUM: Final = ClassKind.ENUM
_FOREIGN: Final = Status.FOREIGN
_FUNCTION: Final = ClassKind.FUNCTION
_INFO: Final = Level.INFO
_ITERATOR: Final = Check.ITERATOR
_TORCH_FROM_TYPE: Final = Check.TORCH_FROM_TYPE
_VOUCHED: Final = Status.VOUCHED

NATIVE = frozenset(
    {Kind.ATOM, Kind.SCALAR, Kind.BYTEARRAY, Kind.DTYPE, Kind.NDARRAY, Kind.NDARRAY_DONE, Kind.ARRAY_WRAPPER}
    | {Kind.ARRAY_FILE, Kind.TENSOR, Kind.PARAMETER, Kind.STORAGE}
)
"""Kinds of values that native code restores: they are data if what they are made of is."""
FILLED = frozenset({Kind.LIST, Kind.DICT, Kind.SET})
"""Kinds of containers."""
CONSTANTS = frozenset({int, float, bool, type(None), str, bytes})
"""Types of values that hold nothing."""
_PROTOCOLS = frozenset(
    {"__array__", "__array_ufunc__", "__array_function__", "__array_namespace__", "__array_interface__"}
    | {"__array_struct__", "__arrow_c_array__", "__arrow_c_stream__", "__arrow_array__", "__dlpack__"}
)
"""Methods that numpy and its friends ask an object itself for, not its class."""
_SHORT = 8


def is_short(value: Value) -> bool:
    """Return True for a short tuple of constants, such as a shape: it is looked at faster than remembered."""
    return type(value) is tuple and len(value) <= _SHORT and CONSTANTS.issuperset(map(type, value))


def parts(value: Value) -> Collection[Value]:
    """Return the values that lie directly in *value*."""
    if isinstance(value, Obj):
        return _of_object(value)
    if isinstance(value, dict):
        return value.values()
    if isinstance(value, tuple | list):
        return value
    return (value.content,) if isinstance(value, Opaque) else ()


def _of_object(made: Obj) -> Sequence[Value]:
    args, callee = made.args, made.callee
    if type(args) is tuple and isinstance(callee, Import) and _passes_on(made, callee):
        args = args[1:]
    return (made.state, made.items, made.members, args)


def _passes_on(made: Obj, callee: Import) -> bool:
    """Return True if the first argument is the class of what was made, or a function that was judged as called."""
    return class_of(made) is not callee or callee.judged.check is _TORCH_FROM_TYPE


_OPENED = FILLED | {Kind.ATOM, Kind.BYTEARRAY, Kind.CALLABLE}
"""Kinds of objects whose arguments are opened in search of texts; others' were looked at when they were made."""


def written_in(value: Value) -> Sequence[Value]:
    """Return what lies in *value*, keys too, as far as texts among it are of the file's own writing."""
    if isinstance(value, Obj):
        return (value.args,) if value.kind in _OPENED else ()
    if isinstance(value, dict):
        return [*(key for key in value if key is not REST), *value.values()]
    return value if isinstance(value, tuple | list) else tuple(parts(value))


def in_argument(value: Obj | Import, among: Among) -> Collection[Value] | None:
    """Return what counts in an object, or an import, that a call is given, None if it must not be there."""
    if isinstance(value, Import):
        return () if is_type(value) else None
    if not value.known and value.kind is not _CALLABLE:
        return ()
    if value.kind is _DTYPE:
        value.used = True  # numpy keeps it: an array whose element type grows later reads beyond its memory
    return parts(value) if value.kind in among.kinds or _is_of(value, among.libraries) else None


def in_kept(value: Obj | Import) -> Collection[Value] | None:
    """Return nothing that counts, or None for what must not even be kept: a callable, an import with a finding."""
    if isinstance(value, Import):
        return () if _is_harmless(value) else None
    if value.kind is _DTYPE:
        value.used = True
    return None if value.kind is _CALLABLE else ()


def _is_harmless(value: Import) -> bool:
    return value.judged.level is _INFO or (value.judged.status is _FOREIGN and looks_like_class(value.name))


def is_type(value: Import) -> bool:
    """Return True for a class, which names a type where it is handed over: a function could be called."""
    if value.key in CLASSES:
        return True
    known = value.profile is not None and value.profile.kind is not _FUNCTION
    return _is_harmless(value) and (known or value.judged.status is not _VOUCHED or looks_like_class(value.name))


def _is_of(value: Obj, libraries: frozenset[str]) -> bool:
    if not isinstance(value.callee, Import) or value.kind is _CALLABLE:
        return False
    states = value.state if isinstance(value.state, tuple) else (value.state,)
    if any(isinstance(state, dict) and not _PROTOCOLS.isdisjoint(state) for state in states):
        return False
    return not libraries.isdisjoint((value.callee.module, value.callee.module.partition(".")[0]))


def gives_what_it_holds(value: Obj) -> bool:
    """Return True for a container or iterator of Python's own, of which no attribute takes the place of a method."""
    if not isinstance(value.callee, Import) or value.state not in (None, NOTHING):
        return False
    return value.callee.key in CONTAINERS or value.callee.judged.check is _ITERATOR


def is_data(value: Obj | Import, classes: frozenset[str]) -> bool:
    """Return True if *value* itself is data, or an object of one of *classes*, whatever it holds."""
    if isinstance(value, Import):
        return value.key in CLASSES or value.key in classes
    if value.kind is _CALLABLE and classes and member_of(value) in classes:
        return True  # a function that a schema names, fetched of its class
    if not value.known or value.kind is _CALLABLE or not isinstance(value.callee, Import):
        return False
    key, made = value.callee.key, class_of(value)
    if value.kind in NATIVE:
        return made is value.callee or made.key in CLASSES or made.key in classes
    if value.kind in FILLED:
        return key in CONTAINERS or made.key in classes
    listed = key in VALUES or key in classes or made.key in classes
    return listed or (made.profile is not None and made.profile.kind is _ENUM)


def class_of(made: Obj) -> Import:
    """Return the class of an object, or the function that made it; it has an import as its callee."""
    assert isinstance(made.callee, Import)
    args = made.args
    if made.callee.makes and isinstance(args, tuple) and args and isinstance(args[0], Import):
        return args[0]
    return made.callee


def may_call(value: Import | Obj) -> bool:
    """Return True for what may be called, classes that data may name aside."""
    if isinstance(value, Import):
        return value.key not in CLASSES
    return value.kind is _CALLABLE or not isinstance(value.callee, Import)
