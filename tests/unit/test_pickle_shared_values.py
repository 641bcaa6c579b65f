"""Calls that return their argument, or what the whole process shares; and values that are replaced by others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from samples.closed import World, loader, made, profile
from samples.judged import judged, level, rules
from samples.opcodes import (
    BUILD,
    EMPTY_DICT,
    FALSE,
    MARK,
    NONE,
    POP,
    SETITEM,
    SETITEMS,
    TRUE,
    array,
    call,
    data,
    dict_,
    get,
    new,
    number,
    pickle,
    put,
    sizes,
    text,
    tuple_,
)

from picklewatch.core.model import Level

if TYPE_CHECKING:
    from collections.abc import Callable

_TYPE = call("numpy", "dtype", text("V8"), FALSE, TRUE)


def _state(size: int) -> bytes:
    return tuple_(number(3), text("|"), NONE, NONE, NONE, number(size), number(1), number(0)) + BUILD


@pytest.mark.parametrize(
    "again",
    [
        call("numpy", "dtype", get(1)),
        call("numpy", "dtype", get(1), FALSE, TRUE),
        call("numpy", "dtype", tuple_(get(1), number(1))),
    ],
)
def test_an_element_type_of_an_element_type_is_the_same(again: bytes) -> None:
    """``numpy.dtype(d)`` is ``d``, also where a copy is asked for: a larger size would be that of arrays of ``d``."""
    content = array(sizes(2), get(1), data(b"\0" * 16))
    assert level(judged(pickle(4, _TYPE, put(1), again, POP, content))) is Level.INFO
    grown = judged(pickle(4, _TYPE, put(1), POP, again, _state(80), POP, content))
    assert level(grown) is Level.MALICIOUS
    assert "numpy-size-mismatch" in rules(grown)


@pytest.mark.parametrize("name", [loader(), tuple_(number(1)), number(1)])
def test_names_of_fields_are_texts(name: bytes) -> None:
    """Names that are none are looked for in the fields, and hashed: an object answers by a method of its own."""
    field = tuple_(call("numpy", "dtype", text("f8"), FALSE, TRUE), number(0))
    parts = (number(3), text("|"), NONE, tuple_(name), dict_(a=field), number(8), number(1), number(0))
    assert level(judged(pickle(4, _TYPE, tuple_(*parts), BUILD))) is Level.MALICIOUS
    usual = (*parts[:3], tuple_(text("a")), *parts[4:])
    assert judged(pickle(4, _TYPE, tuple_(*usual), BUILD)).inert


@pytest.mark.parametrize(
    "shared",
    [
        call("pandas", "PeriodDtype", text("D")),
        call("pandas._libs.tslibs.timestamps", "Timestamp", number(1)),
        call("pytz", "_p", text("UTC")),
        call("pytz", "FixedOffset", number(60)),
        call("dateutil.tz.tz", "tzutc"),
    ],
)
def test_what_the_process_shares_is_given_no_state(shared: bytes) -> None:
    """Types, times and zones come out of tables of their classes: a state would change them for everyone."""
    assert judged(pickle(4, shared)).inert
    assert level(judged(pickle(4, shared, dict_(x=number(1)), BUILD))) is Level.MALICIOUS


@pytest.mark.parametrize(
    "sample",
    [
        EMPTY_DICT + text("k") + loader() + SETITEM + text("k") + NONE + SETITEM,
        EMPTY_DICT + MARK + text("k") + number(1) + text("k") + number(2) + SETITEMS,
        MARK + text("k") + number(1) + text("x") + NONE + text("k") + number(1) + b"d",
        EMPTY_DICT + MARK + number(1) + NONE + tuple_(number(1)) + NONE + number(1) + NONE + SETITEMS,
        call("collections", "OrderedDict") + text("k") + NONE + SETITEM + text("k") + NONE + SETITEM,
    ],
)
def test_a_key_that_is_written_twice_is_not_clean(sample: bytes) -> None:
    """What was there was looked at, copied or deleted meanwhile; no pickler writes a key twice."""
    assert level(judged(pickle(4, sample))) is Level.UNVERIFIED


def test_a_copy_does_not_follow_what_it_was_made_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """An OrderedDict keeps what the dict held when it was made; so does an object that deletes what it holds."""
    world = World(monkeypatch)
    dying = "torch.optim.sgd SGD"
    copied = EMPTY_DICT + put(1) + text("k") + loader() + SETITEM + POP + call("collections", "OrderedDict", get(1))
    content = (
        copied + put(2) + POP + get(1) + text("k") + NONE + SETITEM + POP + made("torch.optim.adam Adam", state=get(2))
    )
    assert level(judged(pickle(4, content))) is not Level.INFO
    world.profile(dying, profile(DEL="torch.optim.sgd.SGD.__del__"))
    held = EMPTY_DICT + put(1) + POP + made(dying, x=get(1)) + get(1) + text("k") + loader() + SETITEM + POP + POP
    assert level(judged(pickle(4, held, get(1), text("k"), NONE, SETITEM))) is not Level.INFO


@pytest.mark.parametrize("size", [3, 5000])
def test_many_different_keys_are_fine(size: int) -> None:
    """Also past the number of keys that are kept by themselves, and beside keys of other types."""
    items = b"".join(number(at) + NONE for at in range(1, size)) + text("k") + NONE + tuple_(number(1)) + NONE
    assert judged(pickle(4, EMPTY_DICT, MARK, items, SETITEMS)).inert


_OWNER = "scipy.interpolate._interpolate", "interp1d"


@pytest.mark.parametrize("state", [dict_, lambda **named: tuple_(NONE, dict_(**named))], ids=["attribute", "slot"])
def test_what_is_fetched_of_an_object_is_not_what_the_file_put_there(state: Callable[..., bytes]) -> None:
    """``getattr`` returns the object's own attribute before the method of its class: any object, by another name."""
    key = new("torchmetrics.aggregation", "MeanMetric") + dict_(x=loader()) + BUILD
    owner = new(*_OWNER) + state(_call_linear=key) + BUILD
    fetched = call("builtins", "getattr", owner, text("_call_linear"))
    assert judged(pickle(4, call("builtins", "getattr", new(*_OWNER), text("_call_linear")))).inert
    assert level(judged(pickle(4, fetched))) is Level.UNVERIFIED
    assert level(judged(pickle(4, EMPTY_DICT, fetched, NONE, SETITEM))) is Level.UNVERIFIED
