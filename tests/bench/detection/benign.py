"""Writes ordinary files with the real libraries: ``python benign.py FOLDER``, in an environment that has them.

Each library that is not there is named on standard output and left out. Prints one line a file: class, a tab, the path.
Classes: ``tensors`` (weights, optimizers, random states), ``plain`` (models and data), ``code-bearing`` (cloudpickle,
dill, TorchScript).
Imports nothing of ours.
"""

from __future__ import annotations

import argparse
import bz2
import collections
import datetime as dt
import decimal
import fractions
import gzip
import importlib
import lzma
import pathlib
import pickle
import random
import sys
import uuid
import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

OUT = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")
PROTOCOLS = (0, 1, 2, 3, 4, 5)


def library(name: str) -> Any:
    """A library that may not be there."""
    return importlib.import_module(name)


def path(kind: str, name: str) -> pathlib.Path:
    """Where to write *name*; told to who reads our output."""
    target = OUT / kind / name
    target.parent.mkdir(parents=True, exist_ok=True)
    print(f"{kind}\t{target}")
    return target


def dump(kind: str, name: str, value: Any, protocols: tuple[int, ...] = (2, 4, 5)) -> None:
    """Pickle *value* once a protocol."""
    for protocol in protocols:
        path(kind, f"{name}-p{protocol}.pkl").write_bytes(pickle.dumps(value, protocol))


def standard_library() -> None:
    """Containers, numbers, dates and random states of Python itself."""
    dump(
        "plain",
        "std-values",
        [1, -1, 2**80, 1.5, "é", b"x", None, True, (1, 2), {1, 2}, frozenset({1}), {"a": [1]}],
        PROTOCOLS,
    )
    dump(
        "plain",
        "std-containers",
        [
            collections.OrderedDict(a=1),
            collections.defaultdict(list, a=[1]),
            collections.Counter("aab"),
            collections.deque([1], 4),
        ],
        PROTOCOLS,
    )
    dump(
        "plain",
        "std-numbers",
        [decimal.Decimal("1.5"), fractions.Fraction(1, 3), complex(1, 2), uuid.UUID(int=5), range(3), slice(1, 2)],
        PROTOCOLS,
    )
    dump(
        "plain",
        "std-dates",
        [dt.datetime.now(dt.UTC), dt.date(2026, 1, 1), dt.timedelta(1)],
        PROTOCOLS,
    )
    dump("plain", "std-paths", [pathlib.PurePosixPath("/a"), pathlib.Path("b"), bytearray(b"abc")], PROTOCOLS)
    dump("tensors", "std-random-state", {"python": random.getstate(), "seed": random.Random(0)})
    dump("plain", "std-vocabulary", {f"token{n}": n for n in range(20_000)})
    dump("plain", "std-defaultdict-int", collections.defaultdict(int, {"a": 1}))
    compressors: dict[str, Callable[[bytes], bytes]] = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}
    for suffix, compress in compressors.items():
        path("plain", f"std-vocabulary.pkl.{suffix}").write_bytes(
            compress(pickle.dumps({f"t{n}": n for n in range(500)}))
        )
    with path("plain", "std-stacked.pkl").open("wb") as file:
        for n in range(5):
            pickle.dump({"epoch": n}, file)


def numpy() -> None:
    """Arrays of every kind of type, raw and as objects."""
    np = library("numpy")

    arrays = {
        kind: np.arange(24).reshape(2, 3, 4).astype(kind)
        for kind in ("f2", "f4", "f8", "i1", "u8", ">i4", "c16", "?", "S3", "U3", "O", "M8[s]", "m8[D]")
    }
    for kind, array in arrays.items():
        name = kind.replace(">", "be").replace("?", "bool").replace("[", "").replace("]", "")
        dump("plain", f"np-{name}", array, (2, 3, 4, 5))
        np.save(path("plain", f"np-{name}.npy"), array)
    record = np.zeros(3, [("a", "f4"), ("b", "i8", (2,)), ("c", "U5")])
    dump("plain", "np-record", [record, record.view(np.recarray), record[0], record.dtype])
    dump(
        "plain",
        "np-scalars",
        [np.float32(1.5), np.int64(3), np.bool_(1), np.str_("x"), np.datetime64("2026-01-01"), np.complex64(1j)],
    )
    dump("plain", "np-fortran", np.asfortranarray(np.eye(3)))
    dump("plain", "np-masked", np.ma.masked_array([1, 2], [0, 1]))
    dump("plain", "np-matrix", np.asmatrix(np.eye(2)))
    dump("plain", "np-ufunc", [np.sin, np.add])
    dump("plain", "np-polynomial", np.polynomial.Polynomial([1, 2]))
    dump(
        "tensors",
        "np-random",
        [np.random.default_rng(1), np.random.RandomState(1), np.random.get_state(), np.random.PCG64(3)],
    )
    np.savez(path("plain", "np-many.npz"), **{f"a{n}": a for n, a in enumerate(arrays.values())})
    np.savez_compressed(path("plain", "np-many-compressed.npz"), a=arrays["f8"], o=arrays["O"])
    np.save(path("plain", "np-objects.npy"), np.array([{"a": 1}, [2], None], dtype=object), allow_pickle=True)
    np.savez(path("plain", "np-objects.npz"), names=np.array(["a", None], dtype=object))


def pandas() -> None:
    """Frames, series and indexes, each with the compressions that pandas offers."""
    np = library("numpy")
    pd = library("pandas")

    frame = pd.DataFrame(
        {
            "f": np.arange(5.0),
            "i": range(5),
            "s": list("abcde"),
            "c": pd.Categorical(list("aabbc")),
            "d": pd.date_range("2026-01-01", periods=5),
            "z": pd.date_range("2026-01-01", periods=5, tz="Europe/Berlin"),
            "n": pd.array([1, None, 3, 4, 5], dtype="Int64"),
            "b": pd.array([True, None, True, False, True], dtype="boolean"),
            "p": pd.period_range("2026-01", periods=5, freq="M"),
            "v": pd.arrays.IntervalArray.from_breaks(range(6)),
            "t": pd.to_timedelta(range(5), unit="D"),
        }
    )
    dump("plain", "pd-frame", frame)
    dump("plain", "pd-multi", frame.set_index(["i", "s"]))
    dump("plain", "pd-series", [frame[name] for name in frame.columns])
    dump("plain", "pd-sparse", pd.Series(pd.arrays.SparseArray([0, 0, 1])))
    dump(
        "plain",
        "pd-scalars",
        [pd.Timestamp("2026-01-01", tz="UTC"), pd.Timedelta(1), pd.NaT, pd.NA, pd.Interval(0, 1), pd.Period("2026-01")],
    )
    dump("plain", "pd-offsets", [pd.offsets.MonthEnd(), pd.offsets.BDay(2), pd.offsets.Week(weekday=1)])
    dump("plain", "pd-groups", dict(list(frame.groupby("c", observed=True))))
    for suffix in ("gz", "bz2", "zip", "xz", "tar"):
        frame.to_pickle(path("plain", f"pd-frame.pkl.{suffix}"))


_SKLEARN = (
    "cluster compose datasets decomposition ensemble feature_extraction feature_selection "
    "gaussian_process impute isotonic linear_model manifold mixture model_selection multiclass "
    "naive_bayes neighbors neural_network pipeline preprocessing svm tree "
)


def scikit_learn() -> None:
    """Estimators, fitted, through pickle and joblib with each compressor."""
    joblib = library("joblib")
    np = library("numpy")
    sk = {name: library(f"sklearn.{name}") for name in _SKLEARN.split()}

    x, y = sk["datasets"].make_classification(120, 8, random_state=0)
    text = ["the cat", "a dog", "the dog"] * 4
    fitted: dict[str, Any] = {
        "logistic": sk["linear_model"].LogisticRegression().fit(x, y),
        "sgd": sk["linear_model"].SGDClassifier().fit(x, y),
        "ridge": sk["linear_model"].RidgeCV().fit(x, y),
        "lasso": sk["linear_model"].LassoLars().fit(x, y),
        "svc": sk["svm"].SVC(probability=False).fit(x, y),
        "linear-svc": sk["svm"].LinearSVC().fit(x, y),
        "tree": sk["tree"].DecisionTreeClassifier().fit(x, y),
        "forest": sk["ensemble"].RandomForestClassifier(5).fit(x, y),
        "extra-trees": sk["ensemble"].ExtraTreesRegressor(5).fit(x, y),
        "gradient": sk["ensemble"].GradientBoostingClassifier(n_estimators=5).fit(x, y),
        "hist-gradient": sk["ensemble"].HistGradientBoostingClassifier(max_iter=5).fit(x, y),
        "isolation": sk["ensemble"].IsolationForest(n_estimators=5).fit(x),
        "bagging": sk["ensemble"].BaggingClassifier(n_estimators=3).fit(x, y),
        "voting": sk["ensemble"]
        .VotingClassifier([("a", sk["linear_model"].LogisticRegression()), ("b", sk["naive_bayes"].GaussianNB())])
        .fit(x, y),
        "stacking": sk["ensemble"].StackingClassifier([("b", sk["naive_bayes"].GaussianNB())]).fit(x, y),
        "ada": sk["ensemble"].AdaBoostClassifier(n_estimators=3).fit(x, y),
        "knn": sk["neighbors"].KNeighborsClassifier(algorithm="kd_tree").fit(x, y),
        "knn-ball": sk["neighbors"].KNeighborsRegressor(algorithm="ball_tree").fit(x, y),
        "lof": sk["neighbors"].LocalOutlierFactor(novelty=True).fit(x),
        "kde": sk["neighbors"].KernelDensity().fit(x),
        "kmeans": sk["cluster"].KMeans(3, n_init=1).fit(x),
        "dbscan": sk["cluster"].DBSCAN().fit(x),
        "birch": sk["cluster"].Birch().fit(x),
        "pca": sk["decomposition"].PCA(3).fit(x),
        "nmf": sk["decomposition"].NMF(2, max_iter=20, tol=1.0).fit(np.abs(x)),
        "lda": sk["decomposition"].LatentDirichletAllocation(2).fit(np.abs(x)),
        "mlp": sk["neural_network"].MLPClassifier((4,), max_iter=5, early_stopping=True).fit(x, y),
        "gp": sk["gaussian_process"].GaussianProcessClassifier().fit(x[:40], y[:40]),
        "mixture": sk["mixture"].GaussianMixture(2).fit(x),
        "isotonic": sk["isotonic"].IsotonicRegression().fit(x[:, 0], y),
        "isomap": sk["manifold"].Isomap().fit(x),
        "imputer": sk["impute"].SimpleImputer().fit(x),
        "knn-imputer": sk["impute"].KNNImputer().fit(x),
        "ovr": sk["multiclass"].OneVsRestClassifier(sk["svm"].LinearSVC()).fit(x, y),
        "scaler": sk["preprocessing"].StandardScaler().fit(x),
        "quantile": sk["preprocessing"].QuantileTransformer(n_quantiles=10).fit(x),
        "onehot": sk["preprocessing"].OneHotEncoder().fit(np.array([["a"], ["b"]], dtype=object)),
        "labels": sk["preprocessing"].LabelEncoder().fit(["a", "b"]),
        "function": sk["preprocessing"].FunctionTransformer(np.log1p).fit(x),
        "kbest": sk["feature_selection"].SelectKBest(sk["feature_selection"].f_classif, k=2).fit(x, y),
        "tfidf": sk["feature_extraction"].text.TfidfVectorizer().fit(text),
        "counts": sk["feature_extraction"].text.CountVectorizer(ngram_range=(1, 2)).fit(text),
        "hashing": sk["feature_extraction"].text.HashingVectorizer(),
        "columns": sk["compose"]
        .ColumnTransformer([("s", sk["preprocessing"].StandardScaler(), [0, 1])], remainder="passthrough")
        .fit(x),
        "pipeline": sk["pipeline"]
        .make_pipeline(sk["preprocessing"].StandardScaler(), sk["decomposition"].PCA(2), sk["svm"].SVC())
        .fit(x, y),
        "grid": sk["model_selection"].GridSearchCV(sk["svm"].SVC(), {"C": [1, 2]}, cv=2).fit(x, y),
        "random-search": sk["model_selection"]
        .RandomizedSearchCV(sk["tree"].DecisionTreeClassifier(), {"max_depth": [1, 2]}, n_iter=2, cv=2)
        .fit(x, y),
        "dataset": sk["datasets"].load_iris(),
    }
    for name, estimator in fitted.items():
        dump("plain", f"sk-{name}", estimator, (4,))
        joblib.dump(estimator, path("plain", f"sk-{name}.joblib"))
    for compress in ("zlib", "gzip", "bz2", "lzma", "xz"):
        joblib.dump(fitted["pipeline"], path("plain", f"sk-pipeline-{compress}.joblib"), compress=(compress, 3))
    joblib.dump({"x": x, "o": np.array([1, "a"], dtype=object), "list": [x, x.T]}, path("plain", "jl-arrays.joblib"))


def scipy() -> None:
    """Sparse matrices, interpolators, trees, distributions."""
    np = library("numpy")
    interpolate, sparse = library("scipy.interpolate"), library("scipy.sparse")
    spatial, stats = library("scipy.spatial"), library("scipy.stats")

    eye = sparse.eye(4)
    for kind in ("csr", "csc", "coo", "bsr", "dia", "dok", "lil"):
        dump("plain", f"sp-{kind}", eye.asformat(kind))
    dump("plain", "sp-array", sparse.csr_array(np.eye(3)))
    sparse.save_npz(path("plain", "sp-csr.npz"), eye.tocsr())
    points = np.arange(12.0).reshape(6, 2)
    dump("plain", "sp-interp", [interpolate.interp1d(range(6), range(6)), interpolate.CubicSpline(range(6), range(6))])
    dump(
        "plain", "sp-spatial", [spatial.cKDTree(points), spatial.KDTree(points), spatial.transform.Rotation.identity()]
    )
    dump("plain", "sp-stats", [stats.norm(0, 1), stats.gamma(2.0), stats.gaussian_kde(points.T[0])])


def torch() -> None:
    """Weights, optimizers, random states, whole modules, exports."""
    torch = library("torch")
    nn = library("torch.nn")

    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.LayerNorm(16), nn.Dropout(0.1), nn.Linear(16, 2))
    conv = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.MaxPool2d(2), nn.Flatten())
    lstm = nn.LSTM(4, 4, 2, batch_first=True)
    transformer = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 1)
    modules: dict[str, Any] = {
        "mlp": model,
        "conv": conv,
        "lstm": lstm,
        "transformer": transformer,
        "embedding": nn.Embedding(5, 3),
    }
    for name, module in modules.items():
        for legacy in (False, True):
            tag = "-legacy" if legacy else ""
            torch.save(
                module.state_dict(),
                path("tensors", f"pt-state-{name}{tag}.pt"),
                _use_new_zipfile_serialization=not legacy,
            )
            torch.save(module, path("plain", f"pt-module-{name}{tag}.pth"), _use_new_zipfile_serialization=not legacy)
    for name in (
        "SGD",
        "Adam",
        "AdamW",
        "RMSprop",
        "Adagrad",
        "LBFGS",
        "NAdam",
        "RAdam",
        "Adamax",
        "ASGD",
        "Rprop",
        "Adadelta",
    ):
        optimizer = getattr(torch.optim, name)(model.parameters(), lr=1e-3)

        def closure() -> Any:
            loss = model(torch.ones(4, 8)).sum()
            loss.backward()
            return loss

        optimizer.step(closure)
        torch.save(optimizer.state_dict(), path("tensors", f"pt-optimizer-{name}.pt"))
    optimizer = torch.optim.AdamW(model.parameters())
    for name, scheduler in {
        "step": torch.optim.lr_scheduler.StepLR(optimizer, 1),
        "cosine": torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 5),
        "plateau": torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer),
        "one-cycle": torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=5),
    }.items():
        torch.save(scheduler.state_dict(), path("tensors", f"pt-scheduler-{name}.pt"))
    kinds = [
        torch.float16,
        torch.bfloat16,
        torch.float64,
        torch.int8,
        torch.uint8,
        torch.int64,
        torch.bool,
        torch.complex64,
        torch.float8_e4m3fn,
    ]
    torch.save({str(kind): torch.ones(3, 2).to(kind) for kind in kinds}, path("tensors", "pt-dtypes.pt"))
    base = torch.arange(24.0)
    torch.save(
        {
            "base": base,
            "view": base[4:12].reshape(2, 4).T,
            "expanded": torch.ones(1).expand(5),
            "empty": torch.empty(0),
        },
        path("tensors", "pt-views.pt"),
    )
    torch.save(
        {"sparse": torch.eye(3).to_sparse(), "csr": torch.eye(3).to_sparse_csr()}, path("tensors", "pt-sparse.pt")
    )
    torch.save(torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8), path("tensors", "pt-quantized.pt"))
    torch.save(
        [torch.Size([1]), torch.float32, torch.device("cpu"), nn.Parameter(torch.ones(2))],
        path("tensors", "pt-values.pt"),
    )
    torch.save({"cpu": torch.get_rng_state(), "python": random.getstate()}, path("tensors", "pt-rng-state.pth"))
    torch.save(
        {"storage": torch.ones(3).untyped_storage(), "typed": torch.ones(3).storage()},
        path("tensors", "pt-storages.pt"),
    )
    torch.save(
        {
            "epoch": 3,
            "model": model.state_dict(),
            "optimizer": optimizer.state_dict(),
            "args": {"lr": 0.1},
            "best": 0.9,
        },
        path("tensors", "pt-checkpoint.tar"),
    )
    torch.save(
        {"args": argparse.Namespace(lr=1, name="x"), "state": model.state_dict()}, path("plain", "pt-namespace.pt")
    )
    dump("tensors", "pt-plain-pickle", {"w": torch.ones(3), "p": nn.Parameter(torch.ones(2))})
    script = torch.jit.script(nn.Sequential(nn.Linear(2, 2), nn.ReLU()))
    script.save(str(path("code-bearing", "ts-script.pt")))
    torch.jit.trace(conv.eval(), torch.ones(1, 3, 8, 8)).save(str(path("code-bearing", "ts-trace.ptl")))
    torch.save(torch.fx.symbolic_trace(model), path("code-bearing", "pt-graph-module.pt"))
    dataset = torch.utils.data.TensorDataset(torch.ones(3, 2))
    torch.save(
        [dataset, torch.utils.data.Subset(dataset, [0]), torch.distributions.Normal(0.0, 1.0)],
        path("plain", "pt-datasets.pt"),
    )


def cloudpickle_and_dill() -> None:
    """Functions by value: code that runs by nature."""
    cloudpickle = library("cloudpickle")
    dill = library("dill")

    def add(a: int, b: int = 1) -> int:
        return a + b

    path("code-bearing", "cp-function.pkl").write_bytes(cloudpickle.dumps(add))
    path("code-bearing", "cp-lambda.pkl").write_bytes(cloudpickle.dumps({"f": lambda x: x}))
    path("plain", "cp-data.pkl").write_bytes(cloudpickle.dumps({"a": [1, 2]}))
    path("code-bearing", "dill-lambda.pkl").write_bytes(dill.dumps(lambda x: x + 1))
    path("plain", "dill-data.pkl").write_bytes(dill.dumps({"a": (1, 2)}))


def boosters() -> None:
    """LightGBM and XGBoost."""
    np = library("numpy")

    x, y = np.random.default_rng(0).normal(size=(60, 3)), np.arange(60) % 2
    try:
        lightgbm = library("lightgbm")

        dump("plain", "lgbm", lightgbm.LGBMClassifier(n_estimators=2, verbose=-1).fit(x, y), (4,))
    except ImportError:
        print("#\tlightgbm")
    try:
        xgboost = library("xgboost")

        dump("plain", "xgb", xgboost.XGBClassifier(n_estimators=2).fit(x, y), (4,))
    except ImportError:
        print("#\txgboost")


def transformers() -> None:
    """The training state that ``Trainer`` saves."""
    torch = library("torch")
    transformers = library("transformers")

    arguments = transformers.TrainingArguments(output_dir=str(OUT / "run"), use_cpu=True)
    torch.save(arguments, path("tensors", "hf-training_args.bin"))
    config = transformers.BertConfig(
        hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, vocab_size=20
    )
    model = transformers.BertModel(config)
    torch.save(model.state_dict(), path("tensors", "hf-pytorch_model.bin"))
    torch.save(model, path("plain", "hf-whole-model.bin"))
    dump("plain", "hf-config", config)


def lightning() -> None:
    """A tiny model as a ``Trainer`` writes it, and metrics."""
    torch, pl = library("torch"), library("lightning.pytorch")
    torchmetrics = library("torchmetrics")

    class Model(pl.LightningModule):  # type: ignore[misc, name-defined]
        """One layer."""

        def __init__(self, width: int = 4) -> None:
            super().__init__()
            self.save_hyperparameters()
            self.layer = torch.nn.Linear(width, 1)

        def training_step(self, batch: Any, _index: int) -> Any:
            """Something to minimise."""
            return self.layer(batch[0]).pow(2).mean()

        def configure_optimizers(self) -> Any:
            """Adam with a schedule."""
            optimizer = torch.optim.Adam(self.parameters())
            return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, 1)]

    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.ones(8, 4)), batch_size=4)
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "logger": False}
    checkpoint = pl.callbacks.ModelCheckpoint(dirpath=OUT / "run", monitor=None)
    trainer = pl.Trainer(max_epochs=1, accelerator="cpu", devices=1, callbacks=[checkpoint], **quiet)
    trainer.fit(Model(), data)
    trainer.save_checkpoint(path("tensors", "pl-trainer.ckpt"))
    torch.save(torchmetrics.Accuracy(task="binary"), path("plain", "pl-metric.pt"))


def statsmodels() -> None:
    """Fitted models, with and without a formula."""
    np, pd = library("numpy"), library("pandas")
    sm, formula = library("statsmodels.api"), library("statsmodels.formula.api")

    frame = pd.DataFrame({"x": np.arange(20.0), "y": np.arange(20.0) ** 2})
    dump("plain", "sm-ols", sm.OLS(frame.y, sm.add_constant(frame.x)).fit(), (4,))
    dump("plain", "sm-formula", formula.ols("y ~ x + np.log1p(x)", frame).fit(), (4,))
    dump("plain", "sm-glm", sm.GLM(frame.y, sm.add_constant(frame.x)).fit(), (4,))


LIBRARIES: tuple[Callable[[], None], ...] = (
    standard_library,
    numpy,
    pandas,
    scikit_learn,
    scipy,
    torch,
    cloudpickle_and_dill,
    boosters,
    transformers,
    lightning,
    statsmodels,
)


def main() -> None:
    """Write what each library that is there writes."""
    warnings.simplefilter("ignore")
    for write in LIBRARIES:
        try:
            write()
        except ImportError as error:
            print(f"#\t{write.__name__}: {error}")


if __name__ == "__main__":
    main()
