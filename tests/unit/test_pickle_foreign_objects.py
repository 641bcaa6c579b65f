"""Objects that answer a harmless question by calling what they hold, and functions that must not be held so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from samples.closed import ACTING, World, profile
from samples.judged import judged, level
from samples.opcodes import BUILD, MARK, NONE, TRUE, call, dict_, global_, new, number, pickle, put, text, tuple_

from picklewatch.analysis.pickle import EVASION, Budget, LimitReached, judge_pickle
from picklewatch.catalogue.classes.profiles import ClassKind
from picklewatch.catalogue.imports.classify import judge
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from collections.abc import Callable

_HARM = {Level.UNSAFE, Level.MALICIOUS}
_KEPT = global_("numpy", "mean")
_LAYER = new("torch.nn.modules.linear", "Linear") + dict_(extra_repr=_KEPT) + BUILD
_LOADER = new("torch.utils.data.dataloader", "DataLoader") + dict_(collate_fn=_KEPT) + BUILD


def _list(*items: bytes) -> bytes:
    return MARK + b"".join(items) + b"l"


@pytest.mark.parametrize(
    "sample",
    [
        call("builtins", "str", _LAYER),
        call("builtins", "str", _list(_LAYER)),
        call("builtins", "str", call("collections", "deque", _list(_LAYER))),
        new("builtins", "str", _LAYER),
        call(
            "copyreg",
            "_reconstructor",
            global_("torch.torch_version", "TorchVersion"),
            global_("builtins", "str"),
            _LAYER,
        ),
        call("numpy", "str_", _LAYER),
        call("uuid", "UUID", call("types", "SimpleNamespace") + dict_(replace=_KEPT) + BUILD),
        call("builtins", "list", _LOADER),
        call("builtins", "dict", _LOADER),
        call("collections", "deque", _LOADER),
        call("collections", "defaultdict", NONE, _LOADER),
        call("builtins", "SyntaxError", text("x"), _LOADER),
        call("builtins", "ExceptionGroup", text("x"), _LOADER),
        call("inspect", "Signature", _LOADER),
        call("logging", "getLogger", _LAYER),
        call("torch", "Size", _LOADER),
        call("copyreg", "_reconstructor", global_("torch", "Size"), global_("builtins", "tuple"), _LOADER),
        call(
            "pandas.core.indexes.base", "_new_Index", global_("pandas.core.indexes.base", "Index"), dict_(data=_LOADER)
        ),
        call("pandas.core.internals.managers", "BlockManager", tuple_(_LOADER), _list()),
        call("collections", "OrderedDict", call("types", "SimpleNamespace") + dict_(keys=_LAYER) + BUILD),
    ],
)
def test_objects_are_not_looked_into_by_strangers(sample: bytes) -> None:
    """``str`` of a module of torch calls the module's ``extra_repr``, ``list`` of a loader its ``collate_fn``."""
    assert level(judged(pickle(4, sample))) in _HARM


@pytest.mark.parametrize(
    "sample",
    [
        call("builtins", "list", _list(_LAYER)),
        call("builtins", "set", _list(call("datetime", "timedelta", number(1)))),
        call("builtins", "str", text("x")),
        call("types", "SimpleNamespace") + dict_(layer=_LAYER) + BUILD,
        call("collections", "defaultdict", call("functools", "partial", global_("builtins", "int"))),
        call("builtins", "SyntaxError", text("x"), tuple_(text("f"), number(1), number(1), text("y"))),
        call("inspect", "Signature", tuple_(call("inspect", "Parameter", text("x"), number(1)))),
        call("sklearn.metrics._dist_metrics", "__pyx_unpickle_DistanceMetric", NONE, number(1), NONE),
        call("datetime", "timezone", call("datetime", "timedelta", number(1))),
        call("datetime", "datetime", text("x"), call("datetime", "timezone", call("datetime", "timedelta", number(1)))),
        call("builtins", "KeyError", new("torch.nn.modules.linear", "Linear")),
        call("flax.core.frozen_dict", "FrozenDict", dict_(state=new("optax._src.base", "EmptyState"))),
        call("pandas._libs.tslibs.offsets", "BusinessDay", number(1), call("datetime", "timedelta", number(1))),
    ],
)
def test_what_picklers_hand_over_is_fine(sample: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Containers keep any object; times are made of times."""
    World(monkeypatch).profile(ACTING, profile(ClassKind.PASSIVE))
    assert judged(pickle(4, sample)).inert


def test_objects_that_contain_themselves_are_walked_once() -> None:
    """A list in itself has an end."""
    endless = b"]" + put(1) + b"h\x01a"
    assert judged(pickle(4, call("pandas.core.internals.managers", "BlockManager", endless, _list()))).stopped


def test_objects_handed_over_again_and_again_are_charged_for() -> None:
    """A list of many objects for each of many calls would take minutes: that is no honest file's shape."""
    frame = "pandas.core.internals.managers"
    shared = _list(*[new("pandas.core.arrays.integer", "IntegerArray")] * 2_000) + put(1) + b"0"
    calls = (global_(frame, "BlockManager") + b"h\x01]\x86R") * 3_000
    with pytest.raises(LimitReached) as limit:
        judged(pickle(4, shared + MARK + calls + b"t"))
    assert limit.value.rule == EVASION


_PARTIAL = call("functools", "partial", global_("builtins", "int"))
_TYPE = call("numpy", "dtype", text("f8"))
_FRAME = ("pandas.core.internals.managers", "BlockManager")


@pytest.mark.parametrize(
    "sample",
    [
        call(*_FRAME, _list(_PARTIAL)),
        call(*_FRAME, tuple_(tuple_(_KEPT))),
        call(*_FRAME, global_("company", "run")),
        call("builtins", "int", call("numpy.core.multiarray", "_reconstruct", global_("numpy", "ndarray"), number(0))),
        call("numpy.core.multiarray", "_reconstruct", _KEPT, tuple_(number(0)), text("b")),
        new("torch", "Size", _PARTIAL),
        call(*_FRAME, _list(_TYPE + put(1))) + b"0h\x01" + tuple_(number(3), *[NONE] * 5) + BUILD,
    ],
)
def test_what_no_call_is_given(sample: bytes) -> None:
    """Callables, functions and names that nobody vouched for are no data; an element type is not changed afterwards."""
    assert level(judged(pickle(4, sample))) in _HARM


@pytest.mark.parametrize("name", ["list", "tuple", "set"])
def test_a_container_that_is_called_keeps_what_opcodes_put_in_it(name: str) -> None:
    """``list([x])`` makes the list that ``[x]`` is: it calls nothing of ``x``."""
    assert judged(pickle(4, call("builtins", name, _list(_PARTIAL)))).inert


def test_arguments_that_are_shared_are_read_once() -> None:
    """The work grows with the file, not with its square."""

    def work(count: int) -> int:
        shared = _list(*[tuple_(_list())] * count) + put(1) + b"0"
        budget = Budget(fickling_seconds_left=0.0)
        before = budget.work_left
        judge_pickle(pickle(4, shared, MARK, (global_("torch", "Size") + b"h\x01\x85R") * count, b"t"), budget=budget)
        return before - budget.work_left

    assert work(2_000) < 2.2 * work(1_000)


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("sklearn.metrics._scorer", "joblib"),
        ("sklearn.metrics._scorer", "_cached_call"),
        ("sklearn.metrics._scorer", "np"),
        ("sklearn.tree._export", "export_graphviz"),
        ("numpy", "lib"),
        ("numpy", "fromfunction"),
        ("numpy", "recfromtxt"),
        ("numpy.core.fromnumeric", "types"),
        ("scipy._lib.array_api_compat.torch", "hub"),
        ("scipy._lib.array_api_compat.torch", "load"),
        ("scipy._lib.array_api_compat.numpy", "save"),
        ("scipy.special", "test"),
        ("torch.nn.functional", "boolean_dispatch"),
        ("torch.nn.functional", "torch"),
        ("transformers.activations", "logger"),
        ("torch", "nn"),
    ],
)
def test_what_a_namespace_holds_beside_its_functions_is_not_vouched_for(module: str, name: str) -> None:
    """Modules, readers of files and functions that call others stand beside what computes."""
    assert judge(module, name).level is not Level.INFO


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("sklearn.metrics._classification", "f1_score"),
        ("sklearn.metrics.pairwise", "rbf_kernel"),
        ("sklearn.feature_selection._univariate_selection", "f_classif"),
        ("numpy", "log1p"),
        ("numpy._core._multiarray_umath", "add"),
        ("scipy.special._ufuncs", "expit"),
        ("torch.nn.functional", "relu"),
        ("transformers.activations", "gelu_new"),
    ],
)
def test_functions_that_compute_are_vouched_for(module: str, name: str) -> None:
    """Objects that models keep."""
    assert judge(module, name).level is Level.INFO


def test_a_kept_call_that_opens_a_file_is_reported() -> None:
    """``numpy.memmap`` is vouched for as the type of an array; kept with arguments it would write a file."""
    kept = call("functools", "partial", global_("numpy", "memmap"), text("x"), text("uint8"), text("w+"))
    assert level(judged(pickle(4, kept))) in _HARM


def test_a_kept_call_of_a_class_is_no_data() -> None:
    """Many objects call one of their own attributes when they are deleted; a class may load a model from anywhere."""
    kept = call(
        "functools", "partial", global_("sentence_transformers.cross_encoder.model", "CrossEncoder"), text("a/b")
    )
    summary = new("lightning.pytorch.utilities.model_summary.model_summary", "LayerSummary")
    assert level(judged(pickle(4, summary + dict_(detach_hook=kept) + BUILD))) is not Level.INFO


@pytest.mark.parametrize(
    ("module", "name", "arguments"),
    [
        ("scipy.odr", "ODR", (number(1), text("model.pt"))),
        ("joblib.logger", "PrintTime", (text("model.pt"),)),
        ("PIL.EpsImagePlugin", "Ghostscript", (number(1),)),
        ("multiprocess.pool", "Pool", (number(1),)),
        ("ray.util.rpdb", "_RemotePdb", (text("x"), text("0.0.0.0"), number(5555))),
        ("smart_open.hdfs", "CliRawInputBase", (text("x"),)),
    ],
)
def test_classes_that_act_when_they_are_made(module: str, name: str, arguments: tuple[bytes, ...]) -> None:
    """They remove files, run programs, listen, whatever labels they are given."""
    assert level(judged(pickle(4, call(module, name, *arguments)))) is Level.MALICIOUS


@pytest.mark.parametrize("made", [call, new])
@pytest.mark.parametrize("name", ["CodeType", "FunctionType", "MethodType", "FileIO"])
def test_types_of_python_are_known_by_any_module(made: Callable[..., bytes], name: str) -> None:
    """``CodeType`` and ``FunctionType`` make a function of numbers and bytes, whichever library imports them."""
    assert level(judged(pickle(4, made("some.library", name, number(0), text("model.pt"), text("w"))))) in _HARM


@pytest.mark.parametrize(
    ("module", "cls"),
    [("gensim.models.wrappers.ldavowpalwabbit", "LdaVowpalWabbit"), ("ultralytics.utils", "JSONDict")],
)
def test_classes_that_act_on_files_of_their_state(module: str, cls: str) -> None:
    """One removes a directory when it is deleted, the other writes a file when an item is set."""
    made = new(module, cls) + dict_(tmp_dir=text("/home/x"), cleanup_files=TRUE) + BUILD
    assert level(judged(pickle(4, made))) is Level.MALICIOUS


def test_a_configuration_with_endless_labels_is_reported() -> None:
    """``num_labels`` is a property that makes as many names; nobody read its setter."""
    config = new("transformers.configuration_utils", "PretrainedConfig")
    few = config + tuple_(NONE, dict_(num_labels=number(3))) + BUILD
    assert level(judged(pickle(4, few))) is Level.UNVERIFIED
    bomb = config + tuple_(NONE, dict_(num_labels=b"\x8a\x06" + bytes(5) + b"\x01")) + BUILD
    assert level(judged(pickle(4, bomb))) in _HARM
