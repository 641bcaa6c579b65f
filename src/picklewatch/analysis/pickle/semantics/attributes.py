"""The attributes that BUILD's state names, however the mapping that holds them is spelt.

The unpickler sets ``__dict__`` from any subclass of dict, and ``dict.update``, as most ``__setstate__`` have it,
takes any mapping and any pairs as well. A state that cannot be read as a plain dict is reported, never taken for
empty.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from picklewatch.analysis.pickle.vm.values import Blob, Import, Obj, Opaque, OpaqueKind, Persistent
from picklewatch.catalogue.classes.profiles import Hook
from picklewatch.catalogue.classes.schema_table import SCHEMAS
from picklewatch.catalogue.imports.entries import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from picklewatch.analysis.pickle.vm.values import Key, Value

# Looked up once, for speed: see `picklewatch.catalogue.imports.entries`.
_ATOM: Final = Kind.ATOM
_CALLABLE: Final = Kind.CALLABLE
_CODE: Final = Kind.CODE
_DICT: Final = Kind.DICT
_FROZENSET: Final = OpaqueKind.FROZENSET
_LIST: Final = Kind.LIST
_SET: Final = OpaqueKind.SET
_UNKNOWN: Final = Kind.UNKNOWN

COMPUTED = (Obj, Opaque, Blob, Persistent)
"""Types of values that may be a text which a call makes."""


def split(state: Value) -> tuple[Value, ...]:
    """Return the ``__dict__`` state, and the slots' if there is one; pairs of names and values are made a dict."""
    if isinstance(state, tuple) and len(state) == 2 and not _are_pairs(state):
        return (_as_dict(state[0]), _as_dict(state[1]))
    return (_as_dict(state),)


def of_a_data_model(target: Obj, state: Value) -> Value:
    """Return the attributes in the *state* of a data model, one part of which pydantic makes its ``__dict__``.

    Its ``__setstate__`` looks four names up in the state, and sets each; the others it leaves alone. What becomes the
    ``__dict__`` is the same dict: what fills it later are attributes, too.
    """
    profile = target.callee.profile if isinstance(target.callee, Import) else None
    if profile is None or profile.acts.get(Hook.SETSTATE) != _OF_PYDANTIC or type(state) is not dict:
        return state
    named = state.get("__dict__")
    if type(named) is not dict:
        return state
    return ({name: value for name, value in state.items() if name != "__dict__"}, named)


_OF_PYDANTIC = ("pydantic.main.BaseModel.__setstate__",)


def hidden(target: Obj, part: Value) -> bool:
    """Return True if *part* may name attributes of *target* that cannot be seen."""
    if _are_pairs(part):
        return True
    if not isinstance(part, Obj | Opaque):
        return False
    if isinstance(part, Opaque):
        return part.kind in {_SET, _FROZENSET}
    if part.kind is _UNKNOWN:
        return target.known
    if _takes_items_of(target, part):
        return False
    return part.kind in {_DICT, _LIST, _CALLABLE} or (
        part.kind is _ATOM and isinstance(part.callee, Import) and part.callee.name == "tuple"
    )


def _takes_items_of(target: Obj, part: Obj) -> bool:
    """Return True if what restores *target* was read, and takes an object such as *part* for its items alone."""
    profile = target.callee.profile if isinstance(target.callee, Import) else None
    functions = profile.acts.get(Hook.SETSTATE, ()) if profile is not None else ()
    return (
        bool(functions)
        and isinstance(part.callee, Import)
        and all(one in SCHEMAS and part.callee.key in SCHEMAS[one].state.classes for one in functions)
    )


def _are_pairs(state: Value) -> bool:
    return (
        isinstance(state, list | tuple)
        and len(state) > 0
        and all(isinstance(item, tuple | list) and len(item) == 2 and _may_be_text(item[0]) for item in state)
    )


def _may_be_text(value: Value) -> bool:
    """Return True if *value* is a text, or may be made one: an array or another object of a known class is not."""
    if isinstance(value, Obj):
        return value.kind in {_ATOM, _UNKNOWN, _CALLABLE, _CODE}
    return isinstance(value, str | Blob | Persistent)


def _as_dict(state: Value) -> Value:
    if isinstance(state, list | tuple) and _are_pairs(state):
        named = _named(state)
        if named is not None:
            return named
    if isinstance(state, Obj) and state.kind is _DICT and state.known and not state.args and state.state is None:
        return {} if state.items is None else state.items  # an OrderedDict or the like, filled by SETITEM
    return state


def _named(pairs: Sequence[Value]) -> dict[Key, Value] | None:
    """Return *pairs* as a dict, None if any name is not a plain text."""
    named: dict[Key, Value] = {}
    for pair in pairs:
        if not isinstance(pair, list | tuple) or type(pair[0]) is not str:
            return None
        named[pair[0]] = pair[1]
    return named
