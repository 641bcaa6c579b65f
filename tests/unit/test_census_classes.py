"""The census looks at classes: their hooks, who defines them, and which act."""
# ruff: noqa: D101, D102 - the classes are samples, each named for what it does

from __future__ import annotations

import enum
import functools
import threading
from collections import namedtuple
from dataclasses import dataclass
from typing import Any

import pytest
from census.introspect import Census


class Nothing:
    """No hooks."""


class Stores:
    def __setstate__(self, state: dict[str, Any]) -> None:
        state = state.copy()
        state.pop("old", None)
        self.__dict__.update(state)
        self.lock = threading.Lock()


class PassesOn(Stores):
    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)


class NamesItsBase(Stores):
    def __setstate__(self, state: dict[str, Any]) -> None:
        Stores.__setstate__(self, state)


class Acts:
    def __setstate__(self, state: dict[str, Any]) -> None:
        self.groups = [dict(group) for group in state["groups"]]


class PassesOnToAnActing(Acts):
    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)


class Watched:
    def __setattr__(self, name: str, value: object) -> None:
        value.check()  # type: ignore[attr-defined]

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.a = state["a"]


class WithSetter:
    @property
    def size(self) -> int:
        return 1

    @size.setter
    def size(self, value: Any) -> None:
        value.resize()


class SetsIt(WithSetter):
    def __setstate__(self, state: dict[str, Any]) -> None:
        self.size = state["size"]


class Called(type):
    def __call__(cls, *args: Any) -> Any:
        return args[0]()


class OfAMetaclass(metaclass=Called):
    pass


class Fruit(str, enum.Enum):  # noqa: UP042 - the older spelling is what libraries have
    APPLE = "apple"


class Guesses(enum.Enum):
    APPLE = "apple"

    @classmethod
    def _missing_(cls, value: Any) -> Any:
        return value.lower()


class FailsError(Exception):
    pass


class Ends:
    def __del__(self) -> None:
        self.handle.close()  # type: ignore[attr-defined]


class Slotted:
    __slots__ = ("a",)


class Mapping(dict):  # type: ignore[type-arg]
    def __setitem__(self, key: Any, value: Any) -> None:
        value.seen()


class Number(float):
    def __new__(cls, value: Any) -> Number:  # noqa: PYI034
        return super().__new__(cls, value)


class Made:
    def __new__(cls, *args: Any) -> Made:  # noqa: PYI034
        made = super().__new__(cls)
        made.a = None  # type: ignore[attr-defined]
        return made


class Other:
    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return self.kind  # type: ignore[attr-defined,no-any-return]


def _wraps(function: Any) -> Any:
    @functools.wraps(function)
    def wrapper(self: Any, state: Any) -> None:
        state["first"]()
        function(self, state)

    return wrapper


class Decorated:
    @_wraps
    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)


Point = namedtuple("Point", "x y")  # noqa: PYI024 - the function is what libraries call


@dataclass(frozen=True)
class Frozen:
    a: int


def acts(cls: type) -> dict[str, list[str]]:
    """Return hook → acting functions, by their names without this module's."""
    found: dict[str, list[str]] = Census().look(cls)["acts"]
    return {hook: [name.removeprefix(__name__ + ".") for name in names] for hook, names in found.items()}


@pytest.mark.parametrize("cls", [Nothing, Stores, PassesOn, NamesItsBase, Made, Point, Slotted])
def test_what_only_stores_is_passive(cls: type) -> None:
    """No hook of these looks at what it is given, however many classes pass the state on."""
    assert acts(cls) == {}
    assert Census().look(cls)["kind"] == "passive"


ACTING = {
    Acts: {"__setstate__": ["Acts.__setstate__"]},
    PassesOnToAnActing: {"__setstate__": ["Acts.__setstate__"]},
    Ends: {"__del__": ["Ends.__del__"]},
    WithSetter: {"descriptor": ["WithSetter.size"]},
    OfAMetaclass: {"metaclass": ["Called.__call__"]},
    Mapping: {"__setitem__": ["Mapping.__setitem__"]},
    Decorated: {"__setstate__": ["Decorated.__setstate__"]},
    Number: {"__new__": ["Number.__new__"]},
    Other: {"descriptor": ["Other.__class__"]},
}


@pytest.mark.parametrize("cls", ACTING, ids=lambda cls: cls.__name__)
def test_a_hook_that_looks_at_values_acts(cls: type) -> None:
    """Each hook that runs code of a value, or of the library, is named by where it is defined."""
    assert acts(cls) == ACTING[cls]
    assert Census().look(cls)["kind"] == "active"


def test_setting_an_attribute_runs_what_the_class_says() -> None:
    """``self.a = …`` in a hook that stores goes through ``__setattr__`` and through properties."""
    assert acts(Watched)["__setstate__"] == ["Watched.__setattr__"]
    assert acts(SetsIt)["__setstate__"] == ["WithSetter.size"]


def test_an_enumeration_is_one_unless_its_lookup_does_more() -> None:
    """A member is made by calling the class with one literal; ``_missing_`` runs on it."""
    assert Census().look(Fruit)["kind"] == "enum"
    assert Census().look(Guesses)["kind"] == "active"


def test_an_exception_sets_each_key_of_its_state() -> None:
    """``BaseException.__setstate__`` is compiled, and calls ``setattr``."""
    assert acts(FailsError)["__setstate__"] == ["builtins.BaseException.__setstate__"]


def test_compiled_hooks_are_native() -> None:
    """A compiled hook can't be read: it acts, under the name of the class that has it."""
    census = Census()

    class Partial(functools.partial):  # type: ignore[type-arg]
        pass

    found = census.look(Partial)
    assert found["acts"]["__setstate__"] == ["functools.partial.__setstate__"]
    assert census.functions["functools.partial.__setstate__"].reading.does == "native"
    assert found["base"] == "native"


def test_generated_functions_share_a_name() -> None:
    """A data class's comparison is the same everywhere; its frozen ``__setattr__`` only refuses."""
    assert acts(Frozen) == {"__eq__": ["dataclasses.__eq__"], "__hash__": ["dataclasses.__hash__"]}


def test_the_layout_and_the_slots_are_told() -> None:
    """Rules about items, arguments and states of two parts depend on them."""
    assert [Census().look(cls)["base"] for cls in (Nothing, Mapping, Number, Point, FailsError)] == [
        "object",
        "dict",
        "float",
        "tuple",
        "BaseException",
    ]
    assert [Census().look(cls)["slots"] for cls in (Nothing, Slotted)] == [False, True]
