"""What real libraries write is no alarm; what is plain data is clean."""

# ruff: noqa: E501 - a value a line reads better

from __future__ import annotations

import argparse
import array
import collections
import datetime as dt
import decimal
import fractions
import functools
import io
import ipaddress
import logging
import operator
import pathlib
import pickle
import random
import re
import types
import uuid
import warnings
import zoneinfo
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from samples.judged import judged, level
from sklearn.compose import ColumnTransformer
from sklearn.datasets import make_classification
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import SVC

from picklewatch.core.model import Level

STANDARD: list[Any] = [
    dt.datetime(2026, 1, 2, tzinfo=dt.UTC), dt.timedelta(1), zoneinfo.ZoneInfo("UTC"), decimal.Decimal("1.5"),
    fractions.Fraction(1, 3), uuid.UUID(int=7), pathlib.PurePosixPath("/a/b"), collections.OrderedDict(a=1), collections.Counter("aab"),
    collections.defaultdict(list, a=[1]), collections.deque([1], 3), collections.ChainMap({}), ipaddress.ip_address("10.0.0.1"),
    array.array("d", [1.5]), re.compile("a+"), random.Random(1), types.SimpleNamespace(a=1), argparse.Namespace(lr=0.1),
    functools.partial(int, base=2), operator.itemgetter(1), ValueError("x"), range(10), slice(1, 2), 1j, frozenset({1}), bytearray(b"x"), ...,
    NotImplemented, int | None, list[int], len, {(i, i) for i in range(900)}, logging.getLogger("some.name"),
]  # fmt: skip


@pytest.mark.parametrize("protocol", range(6))
def test_data_types_of_the_standard_library_are_clean(protocol: int) -> None:
    """Containers, numbers, dates, paths, patterns, generators, in every protocol."""
    for value in STANDARD:
        report = judged(pickle.dumps(value, protocol))
        assert report.inert, (value, report.findings)


@pytest.fixture(scope="module")
def models() -> list[Any]:
    """Fit a few estimators of each family."""
    points, labels = make_classification(40, 4, random_state=0)
    pipeline = Pipeline([("scale", StandardScaler()), ("model", LogisticRegression())])
    columns = ColumnTransformer([("a", OneHotEncoder(), [0]), ("b", FunctionTransformer(np.log1p), [1])])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        columns.fit(np.abs(points).round())
        fitted = [
            model.fit(points, labels)
            for model in (
                RandomForestClassifier(3),
                GradientBoostingClassifier(n_estimators=3),
                KNeighborsClassifier(),
                SVC(),
                pipeline,
            )
        ]
    return [*fitted, columns]


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_estimators_of_scikit_learn_are_clean(models: list[Any], protocol: int) -> None:
    """Trees, losses, kernels and functions included."""
    for model in models:
        report = judged(pickle.dumps(model, protocol))
        assert report.inert, (model, report.findings)


def test_joblib_files_are_clean_to_their_last_byte(models: list[Any]) -> None:
    """Arrays between the opcodes, padded and not, are stepped over."""
    for model in models:
        buffer = io.BytesIO()
        joblib.dump(model, buffer)
        report = judged(buffer.getvalue())
        assert report.inert, (model, report.findings)
        assert report.end == len(buffer.getvalue())


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_tables_of_pandas_are_clean(protocol: int) -> None:
    """Frames, series and indexes of every element type."""
    frame = pd.DataFrame(
        {
            "a": [1, 2, 3], "b": ["x", "y", None], "c": pd.to_datetime(["2020", "2021", "2022"]), "d": pd.Categorical(["u", "v", "u"]),
            "e": pd.array([1, None, 2], dtype="Int64"), "f": pd.to_timedelta([1, 2, 3], unit="s"),
        }
    )  # fmt: skip
    values = [
        frame, frame.a, frame.index, pd.MultiIndex.from_tuples([(1, "a")]), pd.Timestamp("2020-01-01", tz="UTC"), pd.Timedelta("1s"),
        pd.period_range("2020", periods=3), pd.interval_range(0, 3), pd.date_range("2020", periods=3, freq="D"), pd.NaT, pd.NA,
        pd.offsets.MonthEnd(2), pd.arrays.SparseArray([0, 1]),
    ]  # fmt: skip
    for value in values:
        report = judged(pickle.dumps(value, protocol))
        assert report.inert, (value, report.findings)


class Project:
    """A class of somebody's project."""

    def __init__(self) -> None:
        self.width, self.names = 3, ["a"]

    def restore(self) -> None:
        """Do nothing."""


def test_objects_of_projects_are_unverified_and_no_more() -> None:
    """Nobody vouched for them, and nothing is wrong with them."""
    for protocol in range(6):
        assert level(judged(pickle.dumps(Project(), protocol))) is Level.UNVERIFIED
        assert level(judged(pickle.dumps(Project().restore, protocol))) in {Level.UNVERIFIED, Level.UNSAFE}
