"""Real objects, as picklers write them: what a search begins with, and what it puts into others.

Nothing here is hostile, and no object holds another one in an unusual place: chains are what a search must find.
"""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

from oracle.isolation import answer_of_child
from oracle.parsing import parse
from oracle.trees import call, new, tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from oracle.trees import Node

LIBRARIES = (
    *("torch", "torch.utils.data", "torch.optim.lr_scheduler", "torchmetrics", "scipy.stats", "scipy.interpolate"),
    *("sklearn.linear_model", "sklearn.preprocessing", "networkx", "pandas", "omegaconf"),
)
"""The modules that the objects are of: to be imported once, before children make them."""
_SECONDS = 10
_LARGEST = 64 << 10
"""Bytes of a pickle that is a seed: in larger ones the places of interest are lost among numbers."""


def seeds(names: Iterable[str]) -> dict[str, Node]:
    """Return the tree of each object of `MAKERS` that can be made with the libraries that are installed."""
    found = {name: made(MAKERS[name]) for name in names}
    return {name: root for name, root in found.items() if root is not None}


def made(make: Callable[[], object]) -> Node | None:
    """Return the tree of what *make* makes in a child (some crash), None where that fails."""
    data = answer_of_child(lambda: pickle.dumps(make(), protocol=4), _SECONDS)
    if not 0 < len(data) <= _LARGEST:
        return None
    try:
        return parse(data)
    except (ValueError, IndexError, KeyError):
        return None


def example(cls: Callable[..., object]) -> Node | None:
    """Return the tree of an object of *cls*, called with few and plain arguments."""

    def make() -> object:
        for arguments in ((), (1,), ([1],), ("x",), (1, 1), (None,)):
            try:
                made = cls(*arguments)
                pickle.dumps(made, protocol=4)
            except Exception:  # noqa: BLE001 - other arguments may do
                continue
            return made
        raise ValueError("nothing fits")

    return made(make)


def _torch() -> Any:
    import torch

    return torch


def _adam() -> object:
    torch = _torch()
    return torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))])


def _identity() -> object:
    return _torch().nn.Identity()


def _data_loader() -> object:
    return _torch().utils.data.DataLoader([0], batch_size=None)


def _distribution() -> object:
    from scipy.stats import norm

    return norm


def _spline() -> object:
    from scipy.interpolate import BSpline

    return BSpline([0, 1, 2, 3], [1.0, 1.0], 1)


def _estimator() -> object:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression()


def _scaler() -> object:
    from sklearn.preprocessing import StandardScaler

    return StandardScaler().fit([[0.0], [1.0]])


def _metric() -> object:
    from torchmetrics import MeanMetric

    return MeanMetric()


def _graph() -> object:
    from networkx import path_graph

    return path_graph(3)


def _edges() -> object:
    from networkx import path_graph

    return path_graph(3).edges(data=True)


def _frame() -> object:
    from pandas import DataFrame

    return DataFrame({"a": [1]})


def _config() -> object:
    from omegaconf import OmegaConf

    return OmegaConf.create({"a": "b"})


def _config_list() -> object:
    from omegaconf import OmegaConf

    return OmegaConf.create(["a"])


def _signature() -> object:
    import inspect

    return inspect.signature(lambda x, a: None)


def _partial() -> object:
    from functools import partial

    return partial(_torch().nn.functional.relu, inplace=True)


def _namespace() -> object:
    from types import SimpleNamespace

    return SimpleNamespace(a=1)


def _ordered() -> object:
    from collections import OrderedDict

    return OrderedDict(a=1)


def _factory() -> object:
    from collections import defaultdict

    return defaultdict(list, a=[1])


def led() -> dict[str, Node]:
    """Return what leads to scipy's chain, which random changes do not reach.

    A distribution whose restoring falls back to ``__init__``, as pickles of scipy before 1.6 make it; and a signature
    of parameters that are plain namespaces (real ones check their names), alone and as an attribute of a module.
    """
    distribution = made(_distribution)
    if distribution is None:
        return {}
    array = made(_pair)
    assert array is not None
    distribution.state[0].parts += [tree(0), tree({}), tree(1), tree(None), tree("moment_type"), array]
    fields = {"name": "a", "kind": 1, "default": None, "empty": None, "annotation": None}
    parameters = [new("types.SimpleNamespace", {**fields, "name": name}) for name in ("x", "a")]
    signature = call("inspect.Signature", parameters)
    module = new("torch.nn.modules.linear.Identity", {"__signature__": signature})
    return {"norm of old": distribution, "duck-typed Signature": signature, "signed Identity": module}


def _pair() -> object:
    from numpy import array

    return array([0, 0])


MAKERS: dict[str, Callable[[], object]] = {
    "Adam": _adam,
    "DataLoader": _data_loader,
    "Linear": lambda: _torch().nn.Linear(1, 1),
    "Identity": _identity,
    "Sequential": lambda: _torch().nn.Sequential(_torch().nn.ReLU()),
    "GradScaler": lambda: _torch().amp.GradScaler("cpu", enabled=True),
    "StepLR": lambda: _torch().optim.lr_scheduler.StepLR(_adam(), 1),
    "norm": _distribution,
    "BSpline": _spline,
    "LogisticRegression": _estimator,
    "StandardScaler": _scaler,
    "MeanMetric": _metric,
    "Graph": _graph,
    "EdgeDataView": _edges,
    "DataFrame": _frame,
    "DictConfig": _config,
    "ListConfig": _config_list,
    "Signature": _signature,
    "partial": _partial,
    "SimpleNamespace": _namespace,
    "OrderedDict": _ordered,
    "defaultdict": _factory,
    "dict": lambda: {"k": 1, (1, 2): 2},
}
