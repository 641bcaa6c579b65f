"""Chains of harmless classes that ran code on a plain load, each in eight guises: none is clean."""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING

import pytest
from samples.closed import FUNCTION, fresh, loader, made
from samples.containers import objects
from samples.judged import judged, level
from samples.judging import HARMFUL, verdict
from samples.opcodes import (
    ADDITEMS,
    APPEND,
    BUILD,
    EMPTY_DICT,
    EMPTY_LIST,
    EMPTY_SET,
    FROZENSET,
    LIST,
    MARK,
    NONE,
    POP,
    SETITEM,
    call,
    dict_,
    get,
    global_,
    number,
    pickle,
    put,
    text,
    tuple_,
)
from samples.torch_checkpoint import torch_zip

from picklewatch.core.model import Level, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

_LOAD = global_("torch.storage", "_load_from_bytes")
_PARTIAL = call("functools", "partial", _LOAD, text("x"))
_LOADER = made("torch.utils.data.dataloader DataLoader", collate_fn=_LOAD)
_DUCK = call("types", "SimpleNamespace") + dict_(__iter__=_LOAD, get=_LOAD) + BUILD
_LAYER = made("torch.nn.modules.linear Identity", extra_repr=_PARTIAL)
_CONFIG = made("omegaconf.dictconfig DictConfig", _content=dict_(x=text("${oc.coerce:x.y,1}")))
_LIST_CONFIG = made("omegaconf.listconfig ListConfig", _content=EMPTY_LIST)
_SIGNATURE = call("inspect", "Signature", tuple_(call("inspect", "Parameter", text("x=f()"), number(1))))
_ORDERED = call("collections", "OrderedDict")
_METRIC = made("torchmetrics.aggregation MeanMetric", v=_LOADER)


def _optimizer(name: str, value: bytes, attribute: str = "param_groups") -> bytes:
    return made(f"torch.optim.{name.lower()} {name}", **{attribute: value})


def _distribution(name: str, value: bytes, attribute: str = "_pdf") -> bytes:
    return made(f"scipy.stats._continuous_distns {name}", **{attribute: value})


def _estimator(name: str, value: bytes) -> bytes:
    return made(f"sklearn.{name}", _sklearn_version=value)


_CHAINS = {
    "an optimizer walks over a loader": (
        _optimizer("Adam", _LOADER),
        _optimizer("AdamW", EMPTY_LIST + _LOADER + APPEND),
        _optimizer("SGD", tuple_(EMPTY_DICT + text("params") + _DUCK + SETITEM)),
        _optimizer("Adagrad", _ORDERED + text("k") + _LOADER + SETITEM),
        _optimizer("RMSprop", call("collections", "deque", EMPTY_LIST) + _LOADER + APPEND),
        _optimizer("Adamax", _LOADER, "state"),
        _LOADER + put(0) + POP + _optimizer("NAdam", get(0)),
        EMPTY_LIST + put(0) + _LOADER + APPEND + POP + _optimizer("Rprop", tuple_(get(0))),
    ),
    "a distribution runs what a signature names": (
        _distribution("norm_gen", made("scipy.interpolate._bsplines BSpline", __signature__=_SIGNATURE)),
        _distribution("gamma_gen", call("types", "SimpleNamespace") + dict_(__signature__=_SIGNATURE) + BUILD),
        _distribution("expon_gen", _PARTIAL),
        _distribution("beta_gen", _SIGNATURE),
        _distribution("norm_gen", _LAYER, "_cdf"),
        _distribution("norm_gen", made("sklearn.svm._classes SVC", __signature__=_SIGNATURE), "_pdf"),
        made("scipy.stats._discrete_distns poisson_gen", _pmf=_SIGNATURE),
        _SIGNATURE + put(0) + POP + _distribution("norm_gen", tuple_(get(0))),
    ),
    "a kept call has the name of a method": (
        _distribution("norm_gen", _PARTIAL, "_attach_argparser_methods"),
        _distribution("norm_gen", _PARTIAL, "_attach_methods"),
        _distribution("gamma_gen", _PARTIAL, "_construct_argparser"),
        _optimizer("Adam", _PARTIAL, "_patch_step_function"),
        _optimizer("SGD", _LOAD, "_hook_for_profile"),
        made("torchmetrics.aggregation MeanMetric", _wrap_update=_PARTIAL),
        made("torchmetrics.aggregation SumMetric", _wrap_compute=_LOAD),
        made("torch.nn.modules.linear Linear", register_parameter=_PARTIAL),
    ),
    "a configuration is a state": (
        *(
            fresh(name) + _CONFIG + BUILD
            for name in (
                "torch.amp.grad_scaler GradScaler",
                "torch.nn.modules.linear Linear",
                "torch.optim.adam Adam",
                "sklearn.preprocessing._data StandardScaler",
                "torch.utils.data.dataloader DataLoader",
            )
        ),
        call("types", "SimpleNamespace") + _CONFIG + BUILD,
        fresh("torch.amp.grad_scaler GradScaler") + _LIST_CONFIG + BUILD,
        fresh("torch.amp.grad_scaler GradScaler") + EMPTY_LIST + _LOADER + APPEND + BUILD,
    ),
    "an estimator formats its version": (
        _estimator("preprocessing._data StandardScaler", _LAYER),
        _estimator("svm._classes SVC", _LOADER),
        _estimator("pipeline Pipeline", _PARTIAL),
        _estimator("linear_model._base LinearRegression", EMPTY_LIST + _LAYER + APPEND),
        _estimator("tree._classes DecisionTreeClassifier", tuple_(_LAYER)),
        _estimator("cluster._kmeans KMeans", EMPTY_DICT + text("k") + _LAYER + SETITEM),
        _estimator("naive_bayes GaussianNB", _DUCK),
        _LAYER + put(0) + POP + _estimator("decomposition._pca PCA", get(0)),
    ),
    "a module asks for names": (
        *(
            made("torch.nn.modules.linear Identity", **{attribute: _LOADER})
            for attribute in ("_modules", "_parameters", "_buffers", "_non_persistent_buffers_set")
        ),
        made("torch.nn.modules.conv Conv2d", _modules=_DUCK),
        made("torch.nn.modules.container Sequential", _modules=EMPTY_LIST + _LOADER + APPEND),
        made("torchvision.models.resnet ResNet", _modules=_LOADER),
        made("torch.nn.modules.rnn LSTM", _parameters=_ORDERED + dict_(__contains__=_PARTIAL, keys=_LOAD) + BUILD),
    ),
    "a metric hashes what it holds": (
        EMPTY_DICT + _METRIC + NONE + SETITEM,
        EMPTY_SET + MARK + _METRIC + ADDITEMS,
        MARK + _METRIC + FROZENSET,
        EMPTY_DICT + tuple_(number(1), tuple_(_METRIC)) + NONE + SETITEM,
        call("builtins", "set", MARK + _METRIC + LIST),
        call("collections", "OrderedDict", MARK + tuple_(_METRIC, NONE) + LIST),
        EMPTY_DICT + made("torchmetrics.aggregation SumMetric", v=_DUCK) + NONE + SETITEM,
        _ORDERED + _METRIC + NONE + SETITEM,
    ),
    "a class is called with a literal": tuple(
        call(module, name, text("ds_config.json"))
        for module, name in (
            ("sklearn.preprocessing._data", "StandardScaler"),
            ("torchvision.models.resnet", "ResNet"),
            ("pandas.core.frame", "DataFrame"),
            ("optuna.study.study", "Study"),
            ("transformers.configuration_utils", "PretrainedConfig"),
            ("transformers.training_args", "TrainingArguments"),
            ("transformers.trainer_utils", "RemoveColumnsCollator"),
            ("torchvision.transforms.transforms", "Compose"),
        )
    ),
}
_ALL = [
    pytest.param(guise, id=f"{chain}, {number_}")
    for chain, guises in _CHAINS.items()
    for number_, guise in enumerate(guises, 1)
]


@pytest.mark.parametrize("guise", _ALL)
def test_no_chain_is_clean(guise: bytes) -> None:
    """By any protocol."""
    assert {level(judged(pickle(protocol, guise))) for protocol in range(6)} <= {
        Level.UNVERIFIED,
        Level.UNSAFE,
        Level.MALICIOUS,
    }


_FILES: dict[str, Callable[[bytes], bytes]] = {
    "torch zip": torch_zip,
    "gzip": lambda content: gzip.compress(content, 1),
    "joblib, compressed": lambda content: zlib.compress(content, 1),
    "npy": objects,
}


@pytest.mark.parametrize("file", _FILES)
@pytest.mark.parametrize("chain", _CHAINS)
def test_a_chain_is_as_bad_in_any_file(chain: str, file: str) -> None:
    """A file is judged as the pickle that it holds, or worse."""
    for number_, guise in enumerate(_CHAINS[chain], 1):
        content = pickle(2, guise)
        unverified = level(judged(content)) is Level.UNVERIFIED
        assert verdict(_FILES[file](content)) in HARMFUL | ({Verdict.UNVERIFIED} if unverified else set()), number_


@pytest.mark.parametrize(
    "guise", [guise for guise in _ALL if not any(name in str(guise.id) for name in ("signature", "literal"))]
)
def test_what_fires_is_unsafe(guise: bytes) -> None:
    """A hook that was read reaches what acts."""
    assert level(judged(pickle(4, guise))) in {Level.UNSAFE, Level.MALICIOUS}


def test_the_same_classes_are_clean_as_models_have_them() -> None:
    """The rule costs no honest object."""
    linear = made(
        "torch.nn.modules.linear Linear",
        training=b"\x88",
        _parameters=_ORDERED,
        _modules=_ORDERED + text("x") + loader() + SETITEM,
        activation=FUNCTION,
    )
    optimizer = _optimizer("Adam", EMPTY_LIST + dict_(lr=number(1), params=EMPTY_LIST) + APPEND)
    estimator = made("sklearn.preprocessing._data StandardScaler", _sklearn_version=text("1.5"), key=FUNCTION)
    assert level(judged(pickle(4, tuple_(linear, optimizer, estimator)))) is Level.INFO
