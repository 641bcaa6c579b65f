"""Pickles as torch, numpy and scikit-learn write them, by Python's own pickler over stand-ins: no library is needed."""

from __future__ import annotations

import collections
import contextlib
import io
import pickle
import sys
import types
from random import Random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAMES = {
    "torch": ["FloatStorage"],
    "torch._utils": ["_rebuild_tensor_v2"],
    "numpy.core": [],
    "sklearn": [],
    "sklearn.ensemble": [],
    "sklearn.tree": [],
    "numpy": ["ndarray", "dtype"],
    "numpy.core.multiarray": ["_reconstruct", "scalar"],
    "sklearn.ensemble._forest": ["RandomForestClassifier"],
    "sklearn.tree._classes": ["DecisionTreeClassifier"],
    "sklearn.tree._tree": ["Tree"],
}
"""What the pickles name. Stand-ins for it are in `sys.modules` while a pickle is written."""


class _Named:
    """A class that pickles by the name that it is given."""


def _stand_in(module: str, name: str) -> type:
    return type(name, (_Named,), {"__module__": module, "__qualname__": name})


_MADE = {(module, name): _stand_in(module, name) for module, names in _NAMES.items() for name in names}


@contextlib.contextmanager
def _pretending() -> Iterator[None]:
    """Let Python's pickler find the stand-ins by their names."""
    before = {name: sys.modules.get(name) for name in _NAMES}
    for module, names in _NAMES.items():
        made = types.ModuleType(module)
        for name in names:
            setattr(made, name, _MADE[module, name])
        sys.modules[module] = made
    try:
        yield
    finally:
        for name, old in before.items():
            if old is None:
                del sys.modules[name]
            else:
                sys.modules[name] = old


class _Calls:
    """An object that is restored by a call, and by a state if it has one."""

    def __init__(self, made_by: type, *arguments: Any, state: Any = None) -> None:
        self._reduced = (made_by, arguments) if state is None else (made_by, arguments, state)

    def __reduce_ex__(self, _protocol: Any) -> Any:
        return self._reduced


class _Storage:
    """The storage of a tensor, which torch's pickler writes as a persistent id."""

    def __init__(self, number: int, elements: int) -> None:
        self.id = ("storage", _MADE["torch", "FloatStorage"], str(number), "cpu", elements)


class _Pickler(pickle.Pickler):
    def persistent_id(self, obj: Any) -> Any:
        return obj.id if isinstance(obj, _Storage) else None


def _dumps(value: Any, protocol: int) -> bytes:
    out = io.BytesIO()
    with _pretending():
        _Pickler(out, protocol).dump(value)
    return out.getvalue()


def _tensor(number: int, shape: tuple[int, ...] = (1,)) -> _Calls:
    rebuild = _MADE["torch._utils", "_rebuild_tensor_v2"]
    size, strides = (*shape,), tuple([1 for _ in shape])  # each tensor's own, as torch's are
    return _Calls(rebuild, _Storage(number, 1), 0, size, strides, False, collections.OrderedDict())


def state_dict(tensors: int, protocol: int) -> bytes:
    """A state_dict of one-element tensors."""
    entries = {f"model.layers.{n // 10}.block.{n % 10}.weight": _tensor(n) for n in range(tensors)}
    return _dumps(collections.OrderedDict(entries), protocol)


def optimizer(parameters: int, protocol: int = 2) -> bytes:
    """The state of Adam: three tensors of each parameter, and the groups of parameters."""
    state = {
        n: {"step": _tensor(3 * n, ()), "exp_avg": _tensor(3 * n + 1), "exp_avg_sq": _tensor(3 * n + 2)}
        for n in range(parameters)
    }
    group = {
        "lr": 0.001, "betas": (0.9, 0.999), "eps": 1e-08, "weight_decay": 0, "amsgrad": False, "maximize": False,
        "foreach": None, "capturable": False, "differentiable": False, "fused": None, "params": [*range(parameters)],
    }  # fmt: skip
    return _dumps({"state": state, "param_groups": [group]}, protocol)


def vocabulary(words: int) -> bytes:
    """Words and their numbers."""
    return pickle.dumps({f"token{number * 7919 % words}": number for number in range(words)}, protocol=4)


def _dtype(code: str, fields: Any = None, size: int = -1) -> _Calls:
    names = None if fields is None else tuple(fields)
    state = (3, "|" if fields else "<", None, names, fields, size, 1 if fields else -1, 16 if fields else 0)
    return _Calls(_MADE["numpy", "dtype"], code, False, True, state=state)


def _array(shape: tuple[int, ...], dtype: _Calls, content: bytes) -> _Calls:
    made = _MADE["numpy.core.multiarray", "_reconstruct"]
    state = (1, shape, dtype, False, content)
    return _Calls(made, _MADE["numpy", "ndarray"], (0,), b"b", state=state)


def scalars(count: int) -> bytes:
    """A list of numpy's scalars."""
    double = _dtype("f8")
    made = _MADE["numpy.core.multiarray", "scalar"]
    rng = Random(1)
    return _dumps([_Calls(made, double, rng.randbytes(8)) for _ in range(count)], 4)


class _Estimator(_Calls):
    """An estimator of scikit-learn: a class made without a call, and a dictionary of attributes."""

    def __init__(self, module: str, name: str, attributes: dict[str, Any]) -> None:
        made: Any = object.__new__(_MADE[module, name])
        vars(made).update(attributes)
        self.made = made


def forest(trees: int) -> bytes:
    """A random forest of trees with thirty nodes each."""
    rng = Random(1)
    long, double = _dtype("i8"), _dtype("f8")
    node = {
        "left_child": (long, 0), "right_child": (long, 8), "feature": (long, 16), "threshold": (double, 24),
        "impurity": (double, 32), "n_node_samples": (long, 40), "weighted_n_node_samples": (double, 48),
    }  # fmt: skip
    nodes = _dtype("V56", node, 56)
    settings = {
        "criterion": "gini", "splitter": "best", "max_depth": None, "min_samples_split": 2, "min_samples_leaf": 1,
        "min_weight_fraction_leaf": 0.0, "max_features": "sqrt", "max_leaf_nodes": None, "random_state": None,
        "min_impurity_decrease": 0.0, "class_weight": None, "ccp_alpha": 0.0, "n_features_in_": 4, "n_outputs_": 1,
    }  # fmt: skip
    made: list[object] = []
    for _ in range(trees):
        classes = _array((2,), double, rng.randbytes(16))
        state = {
            "max_depth": 5,
            "node_count": 30,
            "nodes": _array((30,), nodes, rng.randbytes(56 * 30)),
            "values": _array((30, 1, 2), double, rng.randbytes(8 * 60)),
        }
        tree = _Calls(_MADE["sklearn.tree._tree", "Tree"], 4, _array((1,), long, rng.randbytes(8)), 1, state=state)
        seed = rng.randrange(1 << 31)
        one = settings | {"random_state": seed, "classes_": classes, "n_classes_": 2, "max_features_": 2, "tree_": tree}
        made.append(_Estimator("sklearn.tree._classes", "DecisionTreeClassifier", one).made)
    whole = settings | {"estimators_": made, "n_estimators": trees, "bootstrap": True, "_sklearn_version": "1.5.2"}
    return _dumps(_Estimator("sklearn.ensemble._forest", "RandomForestClassifier", whole).made, 4)
