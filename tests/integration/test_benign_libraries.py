"""Files of the common libraries are data: never called unsafe, however it is packed."""

from __future__ import annotations

import collections
import datetime as dt
import decimal
import fractions
import io
import pathlib
import pickle
import random
import sys
import uuid
from functools import partial
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
import pandas as pd
import pytest
from samples.foreign import lightning_checkpoint, pretending, training_arguments
from samples.scanning import explained, scan
from samples.torch_checkpoint import checkpoint, torch_zip
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

Sample = tuple[str, bytes]
COMPRESSORS = (0, "zlib", "gzip", "bz2", "lzma", "xz", "lz4")
PROTOCOLS = (2, 4, 5)


def standard_library() -> Iterator[Sample]:
    """Plain data, and the standard library's value types, in every protocol."""
    plain = {"epoch": 3, "lr": 1e-3, "names": ["a", "b"], "flags": (True, None), "raw": b"\0\1", "set": {1, 2}}
    values = {
        "ordered": collections.OrderedDict(a=1),
        "default": collections.defaultdict(list, a=[1]),
        "counter": collections.Counter("abca"),
        "deque": collections.deque([1, 2], maxlen=4),
        "when": dt.datetime(2026, 11, 23, tzinfo=dt.UTC),
        "delta": dt.timedelta(seconds=3),
        "decimal": decimal.Decimal("1.5"),
        "fraction": fractions.Fraction(1, 3),
        "uuid": uuid.UUID(int=1),
        "complex": 1 + 2j,
        "range": range(3),
        "slice": slice(1, 2),
        "path": pathlib.PurePosixPath("a/b"),
        "bytes": bytearray(b"x" * 300),
        "random": random.Random(1).getstate(),
    }
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        yield f"plain-{protocol}.pkl", pickle.dumps(plain, protocol)
        yield f"values-{protocol}.pkl", pickle.dumps(values, protocol)


def vocabulary() -> Iterator[Sample]:
    """A dictionary of the size that fickling alone calls overtly malicious."""
    yield "vocabulary.pkl", pickle.dumps({f"token-{n}": n for n in range(60_000)}, 4)


def numpy_arrays() -> Iterator[Sample]:
    """Arrays of numbers and of objects, alone and in an archive, and numpy's own pickles."""
    objects = np.array([{"a": 1}, [2.5], "three", None], dtype=object)
    arrays = {"numbers": np.arange(5.0), "objects": objects, "words": np.array(["a", "bc"])}
    yield "objects.npy", _written(lambda file: np.save(file, objects, allow_pickle=True))
    yield "objects.npz", _written(lambda file: np.savez(file, allow_pickle=True, **arrays))
    yield "compressed.npz", _written(lambda file: np.savez_compressed(file, allow_pickle=True, **arrays))
    mixed = {
        **arrays,
        "scalar": np.float32(1.5),
        "masked": np.ma.masked_array([1, 2], mask=[0, 1]),
        "records": np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
        "dates": np.array(["2026-11-23"], dtype="datetime64[D]"),
        "fortran": np.asfortranarray(np.eye(3)),
    }
    for protocol in PROTOCOLS:
        yield f"numpy-{protocol}.pkl", pickle.dumps(mixed, protocol)
        yield f"generator-{protocol}.pkl", pickle.dumps(np.random.default_rng(1), protocol)


def pandas_frames() -> Iterator[Sample]:
    """Frames with every common kind of column, series and indexes."""
    when = pd.date_range("2026-01-01", periods=3, tz="UTC")
    frame = pd.DataFrame({"n": [1, 2, 3], "x": [0.5, None, 1.5], "s": ["a", "b", None], "when": when})
    frame["kind"] = pd.Categorical(["u", "v", "u"])
    frame["mixed"] = pd.Series([1, "a", None], dtype=object)
    several = frame.set_index(["n", "s"])
    for protocol in PROTOCOLS:
        yield f"frame-{protocol}.pkl", pickle.dumps(frame, protocol)
        yield f"index-{protocol}.pkl", pickle.dumps(several, protocol)
        yield f"series-{protocol}.pkl", pickle.dumps(frame["x"], protocol)
    for compression in ("gzip", "bz2", "xz", "zip", "tar"):
        yield f"frame-{compression}.pkl", _written(partial(frame.to_pickle, compression=compression))


def sklearn_estimators() -> Iterator[Sample]:
    """A fitted pipeline by joblib with each compressor, others by joblib and by pickle."""
    points = np.random.default_rng(1).normal(size=(60, 4))
    labels = (points[:, 0] > 0).astype(int)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(points, labels)
    for compressor in COMPRESSORS:
        yield f"pipeline-{compressor}.joblib", _joblib(pipeline, (compressor, 3) if compressor else 0)
    forest = RandomForestClassifier(n_estimators=3, random_state=1).fit(points, labels)
    words = TfidfVectorizer().fit(["some words", "other words"])
    yield "forest.joblib", _joblib(forest)
    yield "words.joblib", _joblib(words)
    for protocol in PROTOCOLS:
        yield f"pipeline-{protocol}.pkl", pickle.dumps(pipeline, protocol)
        yield f"forest-{protocol}.pkl", pickle.dumps(forest, protocol)


def checkpoints() -> Iterator[Sample]:
    """Values that torch, transformers and Lightning save (with torch itself: tests/e2e/test_torch.py)."""
    yield "state_dict.pt", checkpoint({"weight": [1.0, 2.0], "bias": [0.0]})
    with pretending():
        yield "training_args.bin", torch_zip(pickle.dumps(training_arguments(), 2))
        yield "lightning.ckpt", torch_zip(pickle.dumps(lightning_checkpoint(), 2))


def _joblib(value: object, compress: object = 0) -> bytes:
    return _written(lambda file: joblib.dump(value, file, compress=compress))


def _written(write: Callable[[io.BytesIO], object]) -> bytes:
    file = io.BytesIO()
    file.close = lambda: None  # type: ignore[method-assign]
    write(file)
    return file.getvalue()


KINDS = (standard_library, vocabulary, numpy_arrays, pandas_frames, sklearn_estimators, checkpoints)


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Every sample written to one folder, and that folder scanned."""
    folder: Path = tmp_path_factory.mktemp("benign")
    for kind in KINDS:
        for name, content in kind():
            (folder / name).write_bytes(content)
    return scan(folder)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_what_libraries_write_is_never_unsafe(
    kind: Callable[[], Iterator[Sample]], records: dict[str, dict[str, Any]]
) -> None:
    """Every file is judged to its end, and either proven harmless or called unverified."""
    samples = [name for name, _ in kind()]
    assert samples
    wrong = [explained(records[name]) for name in samples if records[name]["verdict"] not in {"clean", "unverified"}]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "name",
    [
        *(f"plain-{protocol}.pkl" for protocol in range(6)),
        *(f"values-{protocol}.pkl" for protocol in range(6)),
        "vocabulary.pkl",
        "objects.npy",
        "objects.npz",
        "compressed.npz",
        *(f"numpy-{protocol}.pkl" for protocol in PROTOCOLS),
        *(f"series-{protocol}.pkl" for protocol in PROTOCOLS),
        *(f"pipeline-{compressor}.joblib" for compressor in COMPRESSORS),
        "state_dict.pt",
    ],
)
def test_data_alone_is_clean(name: str, records: dict[str, dict[str, Any]]) -> None:
    """Nothing but numbers, text and the curated constructors: proven, not merely unverified."""
    assert records[name]["verdict"] == "clean", explained(records[name])


def test_the_python_that_wrote_a_sample_is_not_what_judges_it() -> None:
    """These samples never name a module of the test run itself, which would hide a mistake in the curated list."""
    assert "samples.foreign" in sys.modules
    with pretending():
        assert b"samples" not in pickle.dumps([training_arguments(), lightning_checkpoint()])
