"""What a call, or ``__new__`` of a built-in base, hashes, walks over or asks of its arguments."""

from __future__ import annotations

import pytest
from samples.closed import ACTING, World, made, profile
from samples.judged import judged, level
from samples.opcodes import (
    APPEND,
    APPENDS,
    BUILD,
    EMPTY_LIST,
    MARK,
    NONE,
    POP,
    TRUE,
    call,
    data,
    dict_,
    global_,
    new,
    number,
    pickle,
    put,
    text,
    tuple_,
)

from picklewatch.core.model import Level

_HARM = {Level.UNSAFE, Level.MALICIOUS}
_FROZENSET = "nltk.featstruct", "FeatureValueSet"
_BLOCK = "pandas._libs.internals", "_unpickle_block"
_TUPLE = "nltk.featstruct", "FeatureValueTuple"
_TEXT = "torch._utils", "KeyErrorMessage"
_PARTIAL = call("functools", "partial", global_("numpy", "mean"))
_KEY = made(ACTING, x=_PARTIAL)
_LOADER = new("torch.utils.data.dataloader", "DataLoader") + dict_(collate_fn=global_("numpy", "mean")) + BUILD


def _list(*items: bytes) -> bytes:
    return MARK + b"".join(items) + b"l"


_ONE = _list(_KEY)
_PAIR = _list(tuple_(_KEY, number(1)))

_TENSOR = call(
    "torch._utils",
    "_rebuild_meta_tensor_no_storage",
    global_("torch", "float32"),
    tuple_(number(1)),
    tuple_(number(1)),
    TRUE,
)


@pytest.fixture(name="world")
def _world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World(monkeypatch)
    world.profile(ACTING, profile(HASH="torch.nn.modules.linear.Linear.__hash__"))
    return world


@pytest.mark.parametrize(
    "sample",
    [
        call("builtins", "set", call("builtins", "iter", _ONE)),
        call("builtins", "frozenset", call("builtins", "reversed", _ONE)),
        call("builtins", "set", call("builtins", "list", _ONE)),
        call("builtins", "set", call("builtins", "list") + MARK + _KEY + APPENDS),
        call("builtins", "set", call("collections", "deque", _ONE)),
        call("builtins", "set", call("builtins", "iter", _list(tuple_(_KEY, number(1))))),
        call("builtins", "dict", call("builtins", "zip", _ONE, _list(number(1)))),
        call("builtins", "dict", call("builtins", "reversed", _PAIR)),
        call("builtins", "dict", _list(call("builtins", "list", tuple_(_KEY, number(1))))),
        call("collections", "OrderedDict", call("builtins", "zip", _ONE, _ONE)),
        call("collections", "defaultdict", NONE, call("builtins", "zip", _ONE, _ONE)),
        call("collections", "Counter", call("builtins", "iter", _ONE)),
        call("pyrsistent._pset", "pset", _ONE, number(8)),
        new("builtins", "frozenset", _ONE),
        new(*_FROZENSET, _ONE),
        call("copyreg", "__newobj__", global_("builtins", "frozenset"), _ONE),
        call("copyreg", "_reconstructor", global_("builtins", "dict"), global_("builtins", "dict"), _PAIR),
        call("copyreg", "_reconstructor", global_("builtins", "set"), global_("builtins", "set"), _ONE),
    ],
)
def test_keys_that_a_call_brings_are_judged(world: World, sample: bytes) -> None:
    """A key acts when it is hashed, whatever brings it: an iterator, a list of the file's, the state of a base."""
    assert level(judged(pickle(4, sample))) in _HARM


@pytest.mark.parametrize(
    "sample",
    [
        new(*_TUPLE, _LOADER),
        new(*_TEXT, _LOADER),
        new("fastai.torch_core", "TitledFloat", _LOADER),
        new("datasets.splits", "PercentSliceMeta", text("x"), tuple_(), dict_()),
        call("builtins", "list", call("collections", "OrderedDict") + dict_(keys=_PARTIAL) + BUILD),
        call("builtins", "str", call("builtins", "tuple", _list(_LOADER))),
        call(*_BLOCK, number(1), call("builtins", "slice", _LOADER), number(2)),
        call(*_BLOCK, call("builtins", "list") + MARK + _LOADER + APPENDS),
        call(
            "pandas._libs.internals",
            "_unpickle_block",
            new("pandas", "Series") + dict_(x=global_("numpy", "mean")) + BUILD,
        ),
        call("operator", "getitem", global_("typing", "Literal"), _KEY),
        call("inspect", "Parameter", text("a"), _KEY),
        call("itertools", "repeat", number(1), _LOADER),
        call("optparse", "Values", _LOADER),
        call("types", "SimpleNamespace", _LOADER),
        call("collections", "UserString", call("builtins", "tuple", _list(_LOADER))),
        call("torch._utils", "_rebuild_parameter_with_state", _TENSOR, TRUE, dict_(), _LOADER),
        call("torch._utils", "_rebuild_parameter_with_state", _TENSOR, TRUE, dict_(), tuple_(_LOADER, _LOADER)),
        call(*_BLOCK, new("pandas", "Series") + dict_(__array__=global_("torch.nn.modules.linear", "Linear")) + BUILD),
        call("pandas.core.dtypes.dtypes", "DatetimeTZDtype", text("ns"), text("dateutil//etc/hosts")),
        new("pandas.core.dtypes.dtypes", "SparseDtype", text("datetime64[ns, dateutil/../x]")),
        call("operator", "getitem", global_("typing", "Union"), tuple_(_KEY, global_("builtins", "int"))),
        call("operator", "getitem", global_("typing", "Optional"), text("(lambda: 1)()")),
        call("types", "GenericAlias", global_("builtins", "list"), _LOADER),
    ],
)
def test_objects_that_answer_a_question_are_found(world: World, sample: bytes) -> None:
    """What asks an object for its text, its number, its items or its parameters runs the object's methods."""
    assert level(judged(pickle(4, sample))) is not Level.INFO


@pytest.mark.parametrize(
    "sample",
    [
        call("builtins", "set", _list(number(1), text("x"), tuple_(number(1), text("y")))),
        call("builtins", "set", call("builtins", "iter", _list(number(1)))),
        call("collections", "OrderedDict", _list(_list(text("a"), _LOADER))),
        call("builtins", "list", call("builtins", "iter", _list(_LOADER))),
        new(*_TUPLE, tuple_(_LOADER, number(1))),
        new(*_TUPLE, _LOADER, number(1)),
        new(*_TEXT, text("x")),
        call("operator", "getitem", global_("typing", "Union"), tuple_(global_("builtins", "int"), NONE)),
        call("operator", "getitem", global_("typing", "Literal"), tuple_(text("a"), number(1))),
        call("functools", "reduce", global_("operator", "or_"), tuple_(global_("builtins", "int"), NONE)),
        call("torch._utils", "_rebuild_parameter_with_state", _TENSOR, TRUE, dict_(), dict_(x=_LOADER)),
        call(
            "torch._utils",
            "_rebuild_parameter_with_state",
            _TENSOR,
            TRUE,
            dict_(),
            tuple_(dict_(), dict_(x=_LOADER)),
        ),
        call("inspect", "Parameter", text("a"), call("inspect", "_ParameterKind", number(1))),
        call("optparse", "Values", dict_(a=_LOADER)),
        call("pandas.core.dtypes.dtypes", "DatetimeTZDtype", text("ns"), text("Europe/Berlin")),
        call("fractions", "Fraction", text("1/3")),
        call("decimal", "Decimal", text("1E-27")),
        call(
            "pandas._libs.internals",
            "_unpickle_block",
            number(1),
            call("builtins", "slice", number(0), number(2), number(1)),
            number(2),
        ),
    ],
)
def test_what_picklers_write_is_clean(world: World, sample: bytes) -> None:
    """Containers that only keep objects, types for annotations and plain numbers are as harmless as ever."""
    assert judged(pickle(4, sample)).inert


@pytest.mark.parametrize("name", ["fractions Fraction", "decimal Decimal"])
@pytest.mark.parametrize("value", ["1e9999999999", "1E+99_999", "-1e-0000009999999"])
def test_numbers_that_take_for_ever_are_found(name: str, value: str) -> None:
    """A text may stand for a number that would take for ever to be worked out, called or made."""
    module, _, own = name.partition(" ")
    for sample in (call(module, own, text(value)), new(module, own, text(value))):
        assert level(judged(pickle(4, sample))) is Level.UNSAFE


@pytest.mark.parametrize(
    "function",
    [
        "torch.storage _load_from_bytes",
        "torch._tensor _rebuild_from_type_v2",
        "copyreg _reconstructor",
        "copyreg __newobj__",
        "numpy.random._pickle __generator_ctor",
        "pandas.core.indexes.base _new_Index",
        "pint _unpickle_quantity",
    ],
)
def test_what_calls_its_arguments_is_not_kept(function: str) -> None:
    """A function that is harmless for checked arguments only may be called, not kept: a later call is unseen."""
    kept = global_(*function.split(" "))
    state = new("torch.nn.modules.linear", "Identity") + dict_(f=kept) + BUILD
    assert level(judged(pickle(4, state))) in _HARM
    assert level(judged(pickle(4, call("functools", "partial", kept, text("x"))))) in _HARM


@pytest.mark.parametrize(
    ("cls", "given"), [(("builtins", "frozenset"), _ONE), (_FROZENSET, _ONE), (_TUPLE, _LOADER), (_TEXT, _LOADER)]
)
@pytest.mark.parametrize("keywords", [dict_(), dict_(x=number(1))])
def test_new_with_keywords_is_new(world: World, cls: tuple[str, str], given: bytes, keywords: bytes) -> None:
    """``copyreg.__newobj_ex__(cls, args, keywords)`` and NEWOBJ_EX hash, walk over and ask as NEWOBJ does."""
    assert level(judged(pickle(4, new(*cls, given)))) in _HARM
    by_call = call("copyreg", "__newobj_ex__", global_(*cls), tuple_(given), keywords)
    by_opcode = global_(*cls) + tuple_(given) + keywords + b"\x92"
    for sample in (by_call, by_opcode):
        assert level(judged(pickle(4, sample))) in _HARM


_SAVED = call("torch.storage", "_load_from_bytes", data(b"\x80\x02}."))
_FETCHED = call("builtins", "getattr", global_("torch.nn.modules.linear", "Linear"), text("forward"))


@pytest.mark.parametrize(
    ("function", "called"),
    [("torch.storage _load_from_bytes", _SAVED), ("builtins getattr", _FETCHED)],
)
def test_a_call_does_not_hide_that_a_function_is_kept(function: str, called: bytes) -> None:
    """A file that calls it as models do may keep it besides: in an attribute, a container, or memoized and popped."""
    kept = global_(*function.split(" "))
    holder = new("torch.nn.modules.linear", "Identity")
    before = level(judged(pickle(4, tuple_(called, number(1)))))
    assert before not in _HARM
    for held in (kept, tuple_(number(1), kept), EMPTY_LIST + kept + APPEND, dict_(x=kept)):
        assert level(judged(pickle(4, tuple_(called, holder + dict_(f=held) + BUILD)))) in _HARM
        assert level(judged(pickle(4, called, POP, holder, dict_(f=held), BUILD, put(7), POP, NONE))) in _HARM


@pytest.mark.parametrize(
    "sample",
    [
        call("sklearn.tree._tree", "TreeBuilder", number(1), number(3), TRUE, tuple_()),
        new("sklearn.tree._tree", "DepthFirstTreeBuilder"),
        call("statsmodels.tsa.statespace._simulation_smoother", "zSimulationSmoother", NONE, number(0)),
        new("statsmodels.tsa.statespace._kalman_filter", "dKalmanFilter"),
        call("statsmodels.tsa.statespace._kalman_filter", "dKalmanFilter", NONE, number(0)),
        new("statsmodels.tsa.statespace._representation", "dStatespace"),
    ],
)
def test_compiled_classes_that_crash_are_not_made(sample: bytes) -> None:
    """A compiled class that reads memory by what it was not given is named by honest models, never made by them."""
    assert level(judged(pickle(4, sample))) is not Level.INFO
