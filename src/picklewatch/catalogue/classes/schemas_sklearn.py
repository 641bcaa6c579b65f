"""scikit-learn: estimators, trees for neighbours, and what looks like a dict."""

from __future__ import annotations

from typing import Final

from picklewatch.catalogue.classes.hook_schema import (
    ABSENT,
    ARRAY,
    COMPILED,
    DATA,
    NUMBER,
    TEXT,
    Schema,
    data_and,
    each,
    spelt,
)

_KINDS: Final = (
    "Euclidean SEuclidean Manhattan Chebyshev Minkowski WMinkowski Mahalanobis Hamming Canberra BrayCurtis Jaccard "
    "Matching Dice Kulsinski RogersTanimoto RussellRao SokalMichener SokalSneath Haversine"
)
_MODULES: Final = "sklearn.metrics._dist_metrics sklearn.neighbors._dist_metrics sklearn.neighbors.dist_metrics"
_UNSIZED: Final = spelt(_MODULES, " ".join(f"{kind}Distance" for kind in _KINDS.split()))
_METRICS: Final = " ".join(
    (_UNSIZED, *(f"{metric}{size}" for metric in _UNSIZED.split() for size in (64, 32)), spelt(_MODULES, "newObj"))
)
"""All but `PyFuncDistance`, which calls a function that it keeps."""

_ASKED: Final = each("append extend add", ABSENT)

_TREE_WHY: Final = (
    "unpacks a tuple of arrays and numbers into typed fields and asks the metric for the name of its class; the "
    "metric is "
    "one of the library's own, all in C"
)


def _tree(function: str, *lengths: int) -> Schema:
    """Return the schema of a tree that keeps a metric."""
    metric = data_and(_METRICS)
    return Schema(
        function=function,
        why=_TREE_WHY,
        sources={COMPILED: "1.9.1"},
        rest=metric,
        state=metric,
        places=(*4 * (ARRAY,), *7 * (NUMBER,), metric, DATA),
        lengths=frozenset(lengths),
    )


def _metric(function: str) -> Schema:
    """Return the schema of a metric: all of them have the state of their base."""
    return Schema(
        function=function,
        why="unpacks the power, the weights and the matrix into typed fields",
        sources={COMPILED: "1.9.1 1.6.1"},
        rest=DATA,
        places=(NUMBER, ARRAY, ARRAY),
        lengths=frozenset({3}),
    )


SCHEMAS: Final[tuple[Schema, ...]] = (
    Schema(
        function="sklearn.base.BaseEstimator.__setstate__",
        why="compares _sklearn_version with its own and formats it into a warning, then stores the state; whatever "
        "else "
        "an estimator holds, nobody asks it",
        sources={
            "c9a57edc6ee4221d": "1.9.1",
            "63ced6477f428163": "1.2.2",
            "4367cfa359cd178b": "1.0.2",
            "a23eebf94edf8b0d": "0.21.3",
            "f8b27a6fc2b63ed8": "0.19.2",
            "b96205c69e209ff3": "0.18.2",
        },
        looks={"_sklearn_version": TEXT},
    ),
    Schema(
        function="sklearn.isotonic.IsotonicRegression.__setstate__",
        why="as BaseEstimator, then builds scipy's interpolation of two arrays",
        sources={
            "ea0f04474f872668": "1.9.1",
            "bbaaea3270be70dd": "0.21.3",
            "5dcb6fc3b9e065ca": "0.19.2",
            "63ecc78714dd4821": "0.24.2",
            "ff28c63a6a1f2eea": "0.17.1",
        },
        looks={
            "_sklearn_version": TEXT,
            **each("X_thresholds_ y_thresholds_ X_ y_ _necessary_X_ _necessary_y_ out_of_bounds", DATA),
            "_build_f": ABSENT,
        },
    ),
    Schema(
        function="sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor.__setstate__",
        why="stores the state and has the array of nodes cast to the machine's size of integers",
        sources={"a0bee231f1066651": "1.9.1"},
        looks={"nodes": DATA},
    ),
    Schema(
        function="sklearn.utils._bunch.Bunch.__getattr__",
        why="returns self[name], and is asked for append, extend and add only: the class has a __setstate__, which "
        "does "
        "nothing; what stands under those names would be called",
        sources={"455e60ad62809450": "1.9.1"},
        looks=_ASKED,
        keyed=True,
    ),
    *(
        Schema(
            function=f"sklearn.{module}.Bunch.__getattr__",
            why="the same in older versions",
            sources={"455e60ad62809450": version},
            looks=_ASKED,
            keyed=True,
        )
        for module, version in (("utils", "0.21.3"), ("datasets.base", "0.18.2"))
    ),
    Schema(
        function="sklearn.utils._metadata_requests.MetadataRequest.__getattr__",
        why="raises for any name that is no composite method, as none is that restoring asks for; formats the name "
        "of its "
        "class",
        sources={"762c08ce53968594": "1.9.1"},
    ),
    *(
        _tree(f"sklearn.neighbors._{kind}_tree.BinaryTree{size}.__setstate__", 13)
        for kind in ("kd", "ball")
        for size in ("64", "32", "")
    ),
    *(
        _tree(f"sklearn.neighbors.{name}", 12, 13)  # the last part came with 0.20
        for name in (
            *("kd_tree.BinaryTree.__setstate__", "kd_tree.BinaryTree", "kd_tree.KDTree"),
            *("ball_tree.BinaryTree.__setstate__", "ball_tree.BinaryTree", "ball_tree.BallTree"),
        )
    ),
    *(
        _metric(f"{name}.__setstate__")
        for name in (
            *(f"{module}.DistanceMetric" for module in _MODULES.split()),
            *(f"{_MODULES.split()[0]}.{kind}Distance{size}" for kind in ("Mahalanobis",) for size in (64, 32)),
            *(f"{_MODULES.split()[0]}.DistanceMetric{size}" for size in (64, 32)),
        )
    ),
    *(_metric(name) for name in (*_UNSIZED.split(), *spelt(_MODULES, "DistanceMetric").split())),
)
