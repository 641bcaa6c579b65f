"""What BUILD is given is seen however it is spelt, and what it describes is sound, or the pickle is not clean."""

from __future__ import annotations

import pickle as std_pickle
from typing import Any

import numpy as np
import pytest
from samples.judged import judged, level, rules
from samples.opcodes import (
    ADDITEMS,
    APPEND,
    APPENDS,
    BUILD,
    EMPTY_SET,
    FALSE,
    MARK,
    NONE,
    SETITEM,
    SETITEMS,
    TRUE,
    array,
    call,
    data,
    dict_,
    dtype,
    global_,
    new,
    number,
    pickle,
    sizes,
    text,
    tuple_,
)

from picklewatch.core.model import Level

_NAME = text("_parse_arg_template")
_CODE = text("import os\nos.system('true')")
_PAIR = tuple_(_NAME, _CODE)
_DISTRIBUTION = new("scipy.stats._continuous_distns", "norm_gen")
_ORDERED = call("collections", "OrderedDict")
_SHELL = global_("company_ml_utils", "shell")
_FILL = MARK + b"".join(text(f"k{number_}") + NONE for number_ in range(4100)) + SETITEMS


@pytest.mark.parametrize(
    "state",
    [
        _ORDERED + _NAME + _CODE + SETITEM,
        b"}" + call("builtins", "str", _NAME) + _CODE + SETITEM,
        b"}" + _FILL + _NAME + _CODE + SETITEM,
        call("builtins", "dict", MARK + _PAIR + b"l"),
        call("collections", "Counter", b"}" + _NAME + _CODE + SETITEM),
        MARK + _PAIR + b"l",
        tuple_(_PAIR, tuple_(text("b"), NONE)),
        tuple_(_PAIR, tuple_(text("b"), NONE), tuple_(text("c"), NONE)),
        EMPTY_SET + MARK + _PAIR + ADDITEMS,
        call("collections", "deque", MARK + _PAIR + b"l"),
    ],
    ids=["OrderedDict", "computed", "many", "dict()", "Counter", "list", "two", "three", "set", "deque"],
)
def test_a_mapping_of_any_spelling_cannot_hide_code_from_scipy(state: bytes) -> None:
    """Scipy's distributions run one of their attributes when restored; ``dict.update`` takes all of these."""
    report = judged(pickle(4, _DISTRIBUTION, state, BUILD))
    assert level(report) in {Level.UNSAFE, Level.MALICIOUS}
    assert "hijacked-method" in rules(report)


def test_a_handle_cannot_be_hidden_in_an_ordered_dict() -> None:
    """LightGBM frees the pointer in ``_handle`` when the object goes."""
    state = _ORDERED + text("_handle") + number(2_000_000_000) + SETITEM
    assert level(judged(pickle(4, new("lightgbm.basic", "Booster"), state, BUILD))) is Level.UNSAFE


@pytest.mark.parametrize(
    "state",
    [
        _ORDERED + text("__setstate__") + _SHELL + SETITEM,
        b"}" + call("builtins", "str", text("__setstate__")) + _SHELL + SETITEM,
        tuple_(NONE, _ORDERED + text("__setstate__") + _SHELL + SETITEM),
    ],
    ids=["OrderedDict", "computed", "slots"],
)
def test_a_second_state_never_goes_to_a_method_that_the_first_may_have_put_there(state: bytes) -> None:
    """The next BUILD would call it."""
    report = judged(pickle(4, _ORDERED, state, BUILD, text("true"), BUILD))
    assert level(report) is Level.MALICIOUS


def test_a_class_cannot_be_changed_through_slots_that_cannot_be_seen() -> None:
    """The slots' state is set by setattr, ``__class__`` too."""
    slots = _ORDERED + text("__class__") + global_("collections", "Counter") + SETITEM
    assert level(judged(pickle(4, _ORDERED, tuple_(NONE, slots), BUILD))) in {Level.UNSAFE, Level.MALICIOUS}


@pytest.mark.parametrize(
    "holder",
    [
        call("optparse", "Values", dict_(__setstate__=_SHELL)),
        call("types", "SimpleNamespace", dict_(__setstate__=_SHELL)),
        new("easydict", "EasyDict") + text("__setstate__") + _SHELL + SETITEM,
        new("lightning_fabric.utilities.data", "AttributeDict") + text("__setstate__") + _SHELL + SETITEM,
        new("easydict", "EasyDict") + call("builtins", "str", text("__setstate__")) + _SHELL + SETITEM,
    ],
    ids=["Values", "SimpleNamespace", "EasyDict", "AttributeDict", "computed"],
)
def test_what_an_object_was_made_of_is_no_method_for_build(holder: bytes) -> None:
    """Attributes by a call, items that attributes are: BUILD would find the function there."""
    assert level(judged(pickle(4, holder, text("true"), BUILD))) is Level.MALICIOUS


@pytest.mark.parametrize("fill", [text("true") + APPEND, MARK + text("true") + APPENDS, MARK + text("true") + ADDITEMS])
def test_nothing_is_filled_after_its_state_was_given(fill: bytes) -> None:
    """``Module.__getattr__`` finds ``append`` among the buffers that BUILD has set."""
    state = dict_(_buffers=dict_(append=_SHELL, extend=_SHELL, add=_SHELL))
    report = judged(pickle(4, new("torch.nn.modules.linear", "Linear"), state, BUILD, fill))
    assert level(report) is Level.MALICIOUS


def test_an_attribute_dictionary_with_items_and_state_is_data() -> None:
    """A checkpoint as Lightning writes it."""
    sample = (
        new("lightning_fabric.utilities.data", "AttributeDict") + text("lr") + number(1) + SETITEM + dict_() + BUILD
    )
    assert judged(pickle(4, sample)).inert


def _void(*, subtype: bytes = NONE, fields: bytes = NONE, size: int = 8, flags: int = 0) -> bytes:
    made = call("numpy", "dtype", text("V8"), FALSE, TRUE)
    return made + tuple_(number(3), text("|"), subtype, NONE, fields, number(size), number(1), number(flags)) + BUILD


_OBJECT = dtype("O8", size=-1)
_DOUBLE = dtype("f8")


@pytest.mark.parametrize(
    "kind",
    [
        _void(fields=dict_(a=tuple_(_OBJECT, number(0)))),
        _void(fields=_ORDERED + text("a") + tuple_(_OBJECT, number(0)) + SETITEM),
        _void(fields=dict_(a=call("builtins", "tuple", MARK + _OBJECT + number(0) + b"l"))),
        _void(fields=dict_(a=tuple_(_DOUBLE, number(4096)))),
        _void(fields=dict_(a=tuple_(_DOUBLE, number(-8)))),
        _void(subtype=tuple_(_DOUBLE, sizes(1000))),
        _void(size=-8),
        _void() + tuple_(number(3), text("|"), NONE, NONE, NONE, number(1 << 20), number(1), number(0)) + BUILD,
        call("numpy", "dtype", text("V8"), FALSE, TRUE) + call("builtins", "tuple", MARK + number(3) + b"l") + BUILD,
    ],
    ids=["objects", "OrderedDict", "computed", "beyond", "before", "subtype", "negative", "grown", "hidden"],
)
def test_an_element_type_must_be_sound(kind: bytes) -> None:
    """Numpy believes its state, and then reads and writes memory by it."""
    report = judged(pickle(4, array(sizes(1), kind, data(b"A" * 8))))
    assert level(report) is Level.MALICIOUS
    assert rules(report) & {"numpy-size-mismatch", "object-dtype-over-bytes", "opcode-out-of-kind"}


def test_a_subclass_of_arrays_is_checked_as_an_array() -> None:
    """Its state may be wrapped; one that cannot be seen is told."""
    made = call("numpy.core.multiarray", "_reconstruct", global_("numpy", "matrix"), sizes(0), data(b"b"))
    state = call("builtins", "tuple", MARK + number(1) + b"l")
    assert level(judged(pickle(4, made, state, BUILD))) is Level.MALICIOUS


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize(
    "kind",
    [
        "f4",
        "U5",
        "S3",
        "M8[ns]",
        [("a", "f4"), ("b", "i8", (2,)), ("c", "U5")],
        [("o", "O"), ("n", [("x", "f8")])],
        "V6",
    ],
)
def test_what_numpy_writes_is_sound(kind: object, protocol: int) -> None:
    """Records, sub-arrays, objects in records, dates."""
    value: Any = np.zeros(3, dtype=kind)
    report = judged(std_pickle.dumps([value, value.dtype, value[:1]], protocol))
    assert report.inert, report.findings


_IDENTITY = new("torch.nn.modules.linear", "Identity")
_RECONSTRUCTED = call("numpy.core.multiarray", "_reconstruct", global_("numpy", "ndarray"), sizes(0), data(b"b"))
_EIGHT = data(bytes(8))


@pytest.mark.parametrize(
    "made",
    [
        _RECONSTRUCTED + tuple_(_IDENTITY, sizes(1), dtype("f8"), FALSE, _EIGHT) + BUILD,
        _RECONSTRUCTED + tuple_(number(1), sizes(1), dtype("f8"), _IDENTITY, _EIGHT) + BUILD,
        _RECONSTRUCTED + tuple_(number(1), tuple_(_IDENTITY), dtype("f8"), FALSE, _EIGHT) + BUILD,
        call("numpy", "dtype", text("f8"), FALSE, TRUE)
        + tuple_(_IDENTITY, text("<"), NONE, NONE, NONE, number(-1), number(-1), number(0))
        + BUILD,
        call("numpy", "dtype", text("f8"), FALSE, TRUE)
        + tuple_(number(3), text("<"), NONE, NONE, NONE, number(-1), _IDENTITY, number(0))
        + BUILD,
    ],
    ids=["version", "order", "shape", "type's version", "alignment"],
)
def test_numbers_of_arrays_and_types_are_numbers(made: bytes) -> None:
    """Numpy asks any other object for its __index__, a method of the file's choosing."""
    assert level(judged(pickle(4, made))).rank >= Level.UNSAFE.rank


@pytest.mark.parametrize(
    "made",
    [
        new("collections", "UserDict") + dict_(data=_IDENTITY) + BUILD + number(1) + NONE + SETITEM,
        b"}" + new("collections", "UserString") + dict_(data=_IDENTITY) + BUILD + NONE + SETITEM,
    ],
    ids=["filled", "a key"],
)
def test_what_a_users_container_wraps_is_asked_by_its_methods(made: bytes) -> None:
    """UserDict gives its items, and UserString its hash, to whatever ``data`` is."""
    assert level(judged(pickle(4, made))) is not Level.INFO
