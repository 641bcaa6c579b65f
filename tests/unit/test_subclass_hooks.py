"""A hook that was read may run methods of a subclass that nobody read: they count, too."""

from __future__ import annotations

import pytest
from samples.judged import judged, level
from samples.opcodes import (
    APPEND,
    BUILD,
    EMPTY_DICT,
    EMPTY_LIST,
    MARK,
    NONE,
    SETITEM,
    SETITEMS,
    STOP,
    call,
    dict_,
    global_,
    new,
    number,
    text,
)

from picklewatch.analysis.pickle.vm.values import DICT_CAP
from picklewatch.core.model import Level

_HOOK = "_is_full_backward_hook"
_PAIR = EMPTY_LIST + EMPTY_LIST + text(_HOOK) + APPEND + NONE + APPEND + APPEND
_KEPT = call("types", "SimpleNamespace") + dict_(external_values=global_("numpy", "mean")) + BUILD


def _module(cls: str, **state: bytes) -> bytes:
    module, _, name = cls.rpartition(".")
    return new(module, name) + dict_(**state) + BUILD + STOP


@pytest.mark.parametrize("place", ["_buffers", "_parameters", "_modules"])
@pytest.mark.parametrize(
    "names",
    [
        dict_(**{_HOOK: NONE}),
        call("collections", "OrderedDict") + text(_HOOK) + NONE + SETITEM,
        call("collections", "OrderedDict", _PAIR),
        call("collections", "OrderedDict", dict_(**{_HOOK: NONE})),
        call("collections", "OrderedDict", call("collections", "OrderedDict", dict_(**{_HOOK: NONE}))),
        EMPTY_LIST + text(_HOOK) + APPEND,
        EMPTY_DICT + MARK + b"".join(number(key) + NONE for key in range(DICT_CAP)) + text(_HOOK) + NONE + SETITEMS,
    ],
    ids=["dict", "OrderedDict", "pairs", "dict of dict", "twice", "list", "beyond the cap"],
)
def test_no_module_has_a_buffer_named_as_a_table_of_hooks(place: str, names: bytes) -> None:
    """Registering it asks the module for the name, and so a ``__getattr__`` that asks any object in the file."""
    assert level(judged(_module("ultralytics.engine.model.Model", **{place: names}))) is Level.UNSAFE


@pytest.mark.parametrize(
    "names",
    [
        dict_(running_mean=NONE),
        call("collections", "OrderedDict", EMPTY_LIST + EMPTY_LIST + text("weight") + APPEND + NONE + APPEND + APPEND),
        call("collections", "OrderedDict") + text("weight") + NONE + SETITEM,
    ],
    ids=["dict", "pairs of Python 2", "items"],
)
def test_other_buffers_are_the_modules_own_business(names: bytes) -> None:
    """What picklers of any version write for buffers is clean."""
    assert not judged(_module("torch.nn.modules.linear.Linear", _buffers=names, _parameters=names)).findings


def test_a_setter_of_another_library_is_unread() -> None:
    """GeoSeries.crs asks the manager for its values, which pandas keeps without a look: nothing else may be there."""
    hostile = _module("geopandas.geoseries.GeoSeries", _typ=text("series"), _mgr=_KEPT, crs=number(4326))
    assert level(judged(hostile)) is Level.UNSAFE
    plain = _module("geopandas.geoseries.GeoSeries", _typ=text("series"), crs=number(4326))
    assert level(judged(plain)) is Level.UNVERIFIED


def test_setters_that_were_read_with_the_hook_are_not() -> None:
    """The name of a series is data, and set by pandas' own setter."""
    state = {"_typ": text("series"), "_name": text("x"), "name": text("x"), "_mgr": NONE}
    for name in ("geopandas.geoseries.GeoSeries", "pandas.core.series.Series"):
        assert not judged(_module(name, **state)).findings


@pytest.mark.parametrize("module", ["pandas.sparse.series", "pandas.core.sparse.series"])
def test_a_sparse_series_gives_its_number_to_its_own_manager(module: str) -> None:
    """A series of pandas before 1.0 keeps fill_value in its state; the block that takes it is the manager's."""
    state = {"_typ": text("sparse_series"), "fill_value": number(0), "_data": NONE}
    assert not judged(_module(f"{module}.SparseSeries", **state)).findings
    assert level(judged(_module(f"{module}.SparseSeries", **{**state, "_mgr": _KEPT}))) is Level.UNSAFE
