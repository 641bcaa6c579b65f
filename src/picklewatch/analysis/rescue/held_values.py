"""What lies in a value of the engine by a name: items, attributes, the arguments of a call."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from picklewatch.analysis.pickle.vm.values import NOTHING, Blob, How, Import, Obj, Opaque, Persistent
from picklewatch.analysis.rescue.arrays import number, numpy_array
from picklewatch.analysis.rescue.byte_sources import NotSavedError
from picklewatch.analysis.rescue.tensors import Tensor, torch_tensor
from picklewatch.catalogue.imports.entries import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from picklewatch.analysis.rescue.byte_sources import ByteSources
    from picklewatch.analysis.rescue.tensors import Storages

MODULE = frozenset({"_parameters", "_buffers", "_modules"})
"""Attributes of ``torch.nn.Module`` that hold its parts: ``state_dict`` leaves their names off."""
_CONTAINERS = frozenset({Kind.DICT, Kind.LIST, Kind.SET})
_PAIR = 2
_SHOWN = 60
PLAIN = (bool, int, float, str, bytes)
"""Types of values that no weights are."""


class Savable(NamedTuple):
    """What a call makes that can be saved; neither of the two if it is something else."""

    tensor: Tensor | None
    number: bool | float | None = None


def found(value: Obj, storages: Storages, sources: ByteSources) -> Savable:
    """Return the tensor, array or number that *value* is; raises `NotSavedError` for one that can't be saved."""
    tensor = torch_tensor(value, storages) or numpy_array(value, sources)
    return Savable(tensor, None if tensor is not None else number(value))


def inside(value: object) -> Iterator[tuple[object, object]]:
    """Yield what *value* holds, each with its key, number or attribute."""
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list | tuple):
        yield from enumerate(value)
    elif isinstance(value, Obj):
        yield from items(value).items()
        yield from attributes(value)
        yield from _arguments(value)


def items(value: Obj) -> dict[object, object]:
    """Return the items of a mapping: those of the pairs that it was made of, and those that were put into it."""
    held: dict[object, object] = {}
    if value.kind is Kind.DICT and type(value.args) is tuple and value.args:
        first = value.args[0]
        pairs = first.items() if isinstance(first, dict) else first if isinstance(first, list | tuple) else ()
        for pair in pairs:
            if isinstance(pair, list | tuple) and len(pair) == _PAIR and type(pair[0]) in {str, int}:
                held[pair[0]] = pair[1]
    return {**held, **dict[object, object]((value.items or {}).items())}


def attributes(value: Obj) -> Iterator[tuple[object, object]]:
    """Yield the attributes that BUILD gave *value*."""
    for state in value.state if type(value.state) is tuple else (value.state,):
        if isinstance(state, dict):
            # torch's state_dict has an attribute of versions
            yield from ((key, held) for key, held in state.items() if value.kind is not Kind.DICT or key != "_metadata")


def _arguments(value: Obj) -> Iterator[tuple[object, object]]:
    """Yield what a call was given that may hold weights: an attack may wrap them in a call of its own."""
    if value.kind is Kind.DICT or type(value.args) is not tuple:
        return
    for place, given in enumerate(value.args):
        if isinstance(given, dict | list | tuple | Obj) and given not in ((), [], {}):
            yield f"args.{place}", given


def is_module(value: Obj) -> bool:
    """Return True for a ``torch.nn.Module``, or an object of TorchScript."""
    if isinstance(value.callee, Import) and value.callee.module.split(".")[0] == "__torch__":
        return True
    return isinstance(value.state, dict) and {"_parameters", "_modules"} <= value.state.keys()


def described(value: object) -> str:
    """Return what *value* is, in a few words."""
    if isinstance(value, Obj):
        made = "an object of" if value.how is How.NEW else "what a call would return of"
        return f"{made} {described(value.callee)}"
    if isinstance(value, PLAIN):
        return f"{type(value).__name__} {_digits(value) if isinstance(value, int) else str(value)[:_SHOWN]}"
    return _of_engine(value)


def _of_engine(value: object) -> str:
    match value:
        case Import():
            return value.key
        case Opaque():
            return "None" if value is NOTHING else f"a {value.kind.value}"
        case Blob():
            return "a long text" if value.text else "long bytes"
        case Persistent():
            return "an object that only its loader knows" if value.storage is None else "a storage"
    return "None" if value is None else f"a {type(value).__name__}"


def _digits(value: int) -> str:
    most = 200
    return str(value)[:_SHOWN] if value.bit_length() < most else "of many digits"


def is_plain(value: object) -> bool:
    """Return True for a number, a text, bytes or None."""
    return value is None or isinstance(value, PLAIN) or type(value) is Blob


def is_empty(value: object) -> bool:
    """Return True for a container with nothing in it, of a value in which nothing was found."""
    if isinstance(value, Obj):
        return value.kind in _CONTAINERS
    return isinstance(value, dict | list | tuple) or (isinstance(value, Opaque) and value.content == [])


def subtree(value: object, only: str) -> object:
    """Return what lies in *value* under the name *only*, whose parts are joined by dots; raises `NotSavedError`.

    The keys of a state_dict have dots of their own: those that begin with the name are what lies under it, too.
    """
    todo, steps = [(value, only)], 0
    below: dict[str, object] = {}
    while todo and steps <= _STEPS:
        item, rest = todo.pop()
        for key, held in inside(item):
            steps += 1
            name = str(key)
            if name == rest:
                return held
            if rest.startswith(f"{name}."):
                todo.append((held, rest[len(name) + 1 :]))
            elif name.startswith(f"{rest}."):
                below[name[len(rest) + 1 :]] = held
    if below:
        return below
    raise NotSavedError(f"there is nothing under the name {only}")


_STEPS = 1_000_000
"""Values that are looked at for one name."""
