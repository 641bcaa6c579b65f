"""What fills one object may fill another: an item must never reach a container that the engine believes empty."""

from __future__ import annotations

import pytest
from samples.judged import judged, level
from samples.opcodes import (
    APPEND,
    BUILD,
    EMPTY_DICT,
    EMPTY_LIST,
    POP,
    SETITEM,
    call,
    dict_,
    get,
    global_,
    new,
    number,
    pickle,
    put,
    text,
    tuple_,
)

from picklewatch.core.model import Level

_FIRST = EMPTY_DICT + put(1) + POP
_ITEM = text("_parse_arg_template") + text("a template") + SETITEM
_BUILT = new("scipy.stats._continuous_distns", "norm_gen") + get(1) + BUILD


@pytest.mark.parametrize(
    "alias",
    [
        new("collections", "UserDict") + dict_(data=get(1)) + BUILD,
        new("UserDict", "UserDict") + dict_(data=get(1)) + BUILD,
        call("torch.jit._pickle", "restore_type_tag", get(1), text("x")),
        call("torch.jit._pickle", "build_intlist", get(1)),
        call("functools", "reduce", global_("operator", "or_"), tuple_(get(1))),
        call("torch.jit._pickle", "restore_type_tag", call("torch.jit._pickle", "build_intlist", get(1)), text("x")),
    ],
)
def test_an_item_that_goes_through_a_wrapper_or_a_function_is_seen(alias: bytes) -> None:
    """A dict that is filled by way of another object is no longer the empty dict that it was."""
    assert level(judged(pickle(4, _FIRST, alias, _ITEM, POP, _BUILT))) not in {Level.INFO, Level.UNVERIFIED}


def test_what_a_function_returned_of_its_argument_is_the_argument() -> None:
    """TorchScript's annotations return the list that they are given."""
    typed = call("torch.jit._pickle", "build_intlist", EMPTY_LIST + number(1) + APPEND)
    assert judged(pickle(2, typed)).inert


@pytest.mark.parametrize(
    "filled",
    [
        call("shapely", "from_wkb", text("x")) + text("k") + number(1) + SETITEM,
        call("pyrsistent._pvector", "pvector", EMPTY_LIST) + number(1) + APPEND,
        new("collections", "UserList") + number(1) + APPEND,
        new("torch.nn.modules.linear", "Identity") + text("k") + number(1) + SETITEM,
        new("torch.nn.modules.linear", "Identity") + number(1) + APPEND,
        new("types", "SimpleNamespace") + new("torch.nn.modules.linear", "Identity") + number(1) + SETITEM,
    ],
)
def test_what_is_no_container_is_filled_by_nothing(filled: bytes) -> None:
    """No pickler fills what a function returned, or an object whose class has not the layout of a container."""
    assert level(judged(pickle(4, filled))) is not Level.INFO


@pytest.mark.parametrize(
    "filled",
    [
        call("collections", "OrderedDict") + text("k") + number(1) + SETITEM,
        call("collections", "deque", EMPTY_LIST) + number(1) + APPEND,
        new("sklearn.utils._bunch", "Bunch") + text("k") + number(1) + SETITEM,
        new("collections", "UserDict") + dict_(data=EMPTY_DICT) + BUILD,
    ],
)
def test_containers_are_filled(filled: bytes) -> None:
    """Containers, and subclasses of dict, take their items as ever; a wrapper takes what it wraps."""
    assert judged(pickle(4, filled)).inert
