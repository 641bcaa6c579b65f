"""Stand-ins: one object, one function and one class that take the places of real ones, and report who touches them.

A pickle names an ordinary class, such as ``torch.nn.Identity``; the engine judges that name. The unpickler of the cage
finds `Canary` instead, whose every method reports its caller. So a touch is seen wherever it happens, also where the
real object would have done no harm with it.
"""

from __future__ import annotations

import io
import pickle
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import FrameType

OBJECT = "torch.nn.modules.linear.Identity"
FUNCTION = "torch.nn.functional.relu"
CLASS = "torch.nn.modules.linear.Linear"
NATIVE = "native"
"""The place of a touch by compiled code that the unpickler itself called."""
_MOST = 50
"""Touches of one load that are kept."""
_UNPICKLER_ASKS = frozenset({"__setstate__", "__dict__", "__reduce_ex__", "append", "extend", "add"})


@dataclass(frozen=True, slots=True)
class Touch:
    """One call of one method of a stand-in."""

    what: str
    """The method, an attribute as ``.name``, or ``call`` of the function or class."""
    place: str
    """The function that did it, with its module, or `NATIVE`."""
    hook: str = NATIVE
    """The function that the unpickler called, in which it happened."""


TOUCHES: list[Touch] = []
"""What the current load did so far."""
CALLED = "called"
"""The touch of the function, and of the class."""


def note(what: str, frame: FrameType) -> None:
    """Record that *frame* did *what*, unless it is the unpickler's own work."""
    unpickler = frame.f_code is load.__code__
    if (unpickler and what.lstrip(".") in _UNPICKLER_ASKS) or len(TOUCHES) == _MOST:
        return
    TOUCHES.append(Touch(what, NATIVE if unpickler else place_of(frame), _hook_of(frame)))


def _hook_of(frame: FrameType) -> str:
    """Return the outermost function below `load`."""
    hook, outer = NATIVE, frame
    while outer.f_back is not None and outer.f_code is not load.__code__:
        hook, outer = place_of(outer), outer.f_back
    return hook


def place_of(frame: FrameType) -> str:
    """Return the function that *frame* runs, as ``module.Class.function``."""
    return f"{frame.f_globals.get('__name__')}.{frame.f_code.co_qualname}"


class Canary:
    """An object that reports each use of any of its methods."""

    def __new__(cls, *_arguments: object, **_keywords: object) -> Self:
        """Take any arguments."""
        return object.__new__(cls)

    def __getattribute__(self, name: str) -> Any:
        if name != "__class__":  # what isinstance asks: it runs nothing
            note(f".{name}", sys._getframe(1))
        return object.__getattribute__(self, name)


def _reporting(name: str, answer: Callable[[], object]) -> Callable[..., object]:
    def method(_self: Canary, *_arguments: object, **_keywords: object) -> object:
        note(name, sys._getframe(1))
        return answer()

    return method


_ANSWERS: dict[str, Callable[[], object]] = {
    **dict.fromkeys(
        ["__getitem__", "__call__", "__enter__", "__add__", "__radd__", "__mul__", "__rmul__", "__sub__", "__mod__"],
        Canary,
    ),
    **dict.fromkeys(["__eq__", "__lt__", "__gt__", "__le__", "__ge__", "__contains__"], lambda: False),
    **dict.fromkeys(["__exit__", "__setitem__", "__delitem__"], lambda: None),
    **dict.fromkeys(["__len__", "__int__", "__index__", "__hash__"], lambda: 1),
    **dict.fromkeys(["__repr__", "__str__", "__format__", "__fspath__"], lambda: "canary"),
    "__iter__": lambda: iter((Canary(),)),
    "__next__": Canary,
    "__bool__": lambda: True,
    "__float__": lambda: 1.0,
}
"""Each method, and what it returns so that the caller goes on."""
for _name, _answer in _ANSWERS.items():
    setattr(Canary, _name, _reporting(_name, _answer))


def kept(*_arguments: object, **_keywords: object) -> Canary:
    """Report the call of a function that the pickle only mentions."""
    note(CALLED, sys._getframe(1))
    return Canary()


class Made:
    """A class that reports who makes an object of it, but for the pickle itself."""

    def __new__(cls, *_arguments: object, **_keywords: object) -> Self:
        """Report who calls."""
        if sys._getframe(1).f_code is not load.__code__:
            note(CALLED, sys._getframe(1))
        return object.__new__(cls)


STAND_INS: Mapping[tuple[str, str], object] = {
    tuple(name.rsplit(".", 1)): standing  # type: ignore[misc]  # two parts
    for name, standing in ((OBJECT, Canary), (FUNCTION, kept), (CLASS, Made))
}


class _Unpickler(pickle.Unpickler):
    """CPython's own, with stand-ins for some names."""

    def __init__(self, data: bytes, stand_ins: Mapping[tuple[str, str], object]) -> None:
        super().__init__(io.BytesIO(data))
        self._stand_ins = stand_ins

    def find_class(self, module: str, name: str) -> Any:
        found = self._stand_ins.get((module, name))
        return super().find_class(module, name) if found is None else found


def load(data: bytes, stand_ins: Mapping[tuple[str, str], object]) -> Any:
    """Load *data*: only ever called in the cage."""
    return _Unpickler(data, stand_ins).load()
