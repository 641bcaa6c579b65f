"""More honest kinds: values of Python's own, tensors of other layouts, and what people keep beside their models.

They were written before their verdicts were looked at. A document of spaCy and a syntax tree are not among them: the
one unpickles bytes that it carries, the other is code.
"""

from __future__ import annotations

from samples.honest_kinds import NUMBERS, estimator, member, thing
from samples.opcodes import (
    BUILD,
    EMPTY_DICT,
    EMPTY_LIST,
    FALSE,
    NONE,
    TRUE,
    call,
    data,
    dict_,
    dtype,
    global_,
    new,
    number,
    sizes,
    storage,
    text,
    tuple_,
)

_WORD = text("a")
_TENSOR = call(
    "torch._utils",
    "_rebuild_tensor_v2",
    *(storage(), number(0), sizes(2), sizes(1), FALSE, call("collections", "OrderedDict")),
)
OD = call("collections", "OrderedDict")
f8 = dtype("f8")
IDX = call(
    "torch._utils",
    "_rebuild_tensor_v2",
    *(storage("1", 8, "LongStorage"), number(0), sizes(2, 2), sizes(2, 1), FALSE, OD),
)
SIZE = call("torch", "Size", sizes(2, 2))
COO = call("torch._utils", "_rebuild_sparse_tensor", global_("torch", "sparse_coo"), tuple_(IDX, _TENSOR, SIZE, TRUE))
CSR = call("torch._utils", "_rebuild_sparse_tensor", global_("torch", "sparse_csr"), tuple_(IDX, IDX, _TENSOR, SIZE))
MORE_KINDS: dict[str, bytes] = {
    "COO": dict_(a=COO),
    "COO, old": dict_(
        a=call("torch._utils", "_rebuild_sparse_tensor", global_("torch", "sparse_coo"), tuple_(IDX, _TENSOR, SIZE))
    ),
    "CSR": dict_(a=CSR),
    "nested": dict_(a=call("torch._utils", "_rebuild_nested_tensor", _TENSOR, IDX, IDX, IDX)),
    "quantized": dict_(
        a=call(
            "torch._utils",
            "_rebuild_qtensor",
            storage("2", 16, "QInt8Storage"),
            number(0),
            sizes(2),
            sizes(1),
            tuple_(global_("torch", "per_tensor_affine"), number(1), number(0)),
            FALSE,
            OD,
        )
    ),
    "meta tensor": dict_(
        a=call(
            "torch._utils", "_rebuild_meta_tensor_no_storage", global_("torch", "float32"), sizes(2), sizes(1), FALSE
        )
    ),
    "subclass parameter with state": dict_(
        a=call("torch._utils", "_rebuild_parameter_with_state", _TENSOR, TRUE, OD, dict_(tag=_WORD))
    ),
    "device": dict_(d=call("torch", "device", text("cuda"), number(0)), t=global_("torch", "bfloat16")),
    "joblib old": thing(
        "joblib.numpy_pickle_compat.NDArrayWrapper",
        filename=text("model.pkl_01.npy"),
        subclass=global_("numpy", "ndarray"),
        allow_mmap=TRUE,
    ),
    "joblib z": thing(
        "joblib.numpy_pickle_compat.ZNDArrayWrapper",
        filename=text("m.pkl_01.npy.z"),
        init_args=tuple_(global_("numpy", "ndarray"), sizes(0), text("b")),
        state=tuple_(number(1), sizes(2), f8, FALSE),
    ),
    "joblib older": thing(
        "sklearn.externals.joblib.numpy_pickle.NDArrayWrapper",
        filename=text("model.pkl_01.npy"),
        subclass=global_("numpy", "ndarray"),
    ),
    "crfsuite": thing(
        "sklearn_crfsuite.estimator.CRF",
        algorithm=text("lbfgs"),
        c1=number(1),
        modelfile=thing(
            "sklearn_crfsuite._fileresource.FileResource",
            auto=TRUE,
            name=NONE,
            __FILE_RESOURCE_DATA__=data(b"lCRF"),
        ),
        _tagger=NONE,
    ),
    "features": thing(
        "datasets.features.features.Value",
        dtype=text("string"),
        id=NONE,
        pa_type=call("pyarrow.lib", "type_for_alias", text("string")),
    ),
    "features dict": call(
        "datasets.features.features",
        "Features",
        dict_(a=thing("datasets.features.features.ClassLabel", num_classes=NONE, names=EMPTY_LIST)),
    ),
    "figure": thing(
        "matplotlib.figure.Figure",
        _axstack=NONE,
        dpi=number(100),
        _suptitle=NONE,
        _canvas_callbacks=thing("matplotlib.cbook.CallbackRegistry", callbacks=EMPTY_DICT, _signals=NONE),
        __mpl_version__=text("3.9.0"),
    ),
    "bars": new(
        "matplotlib.container",
        "BarContainer",
        tuple_(thing("matplotlib.patches.Rectangle", _remove_method=global_("numpy", "mean"), _x0=number(1))),
    ),
    "colormap": thing("matplotlib.colors.LinearSegmentedColormap", name=_WORD, N=number(256), _segmentdata=EMPTY_DICT),
    "GeoSeries": thing("geopandas.geoseries.GeoSeries", _name=_WORD, attrs=EMPTY_DICT),
    "geometry array": thing("geopandas.array.GeometryArray", _data=NUMBERS, _crs=NONE, _sindex=NONE),
    "shapely": call("shapely.io", "from_wkb", data(bytes(21))),
    "RLlib batch": thing("ray.rllib.policy.sample_batch.SampleBatch", obs=NUMBERS),
    "RLlib spec": thing("ray.rllib.policy.policy.PolicySpec", policy_class=NONE, config=EMPTY_DICT),
    "RLlib filter": thing("ray.rllib.utils.filter.MeanStdFilter", shape=sizes(4), demean=TRUE),
    "darts series": thing("darts.timeseries.TimeSeries", _values=NUMBERS, _freq_str=_WORD),
    "darts scaler": thing(
        "darts.dataprocessing.transformers.scaler.Scaler",
        _name=_WORD,
        transformer=estimator("sklearn.preprocessing._data.MinMaxScaler"),
    ),
    "tianshou buffer": thing("tianshou.data.buffer.base.ReplayBuffer", maxsize=number(10), _index=number(0)),
    "pandas categorical": call("pandas.core.arrays.categorical", "Categorical", EMPTY_LIST),
    "UUIDs": thing("uuid.UUID", int=number(5)),
    "fractions": call("fractions", "Fraction", text("1/3")),
    "decimal": call("decimal", "Decimal", text("1.5")),
    "date": call("datetime", "datetime", data(bytes([7, 230, 1, 1, 0, 0, 0, 0, 0, 0]))),
    "delta": call("datetime", "timedelta", number(1), number(0), number(0)),
    "tz": call("datetime", "timezone", call("datetime", "timedelta", number(0))),
    "zone": call("zoneinfo", "ZoneInfo._unpickle", text("Europe/Berlin"), TRUE),
    "range": call("builtins", "range", number(0), number(3), number(1)),
    "slice": call("builtins", "slice", number(0), number(3), NONE),
    "frozenset": call("builtins", "frozenset", EMPTY_LIST),
    "deque": call("collections", "deque", EMPTY_LIST, number(5)),
    "Counter": call("collections", "Counter", dict_(a=number(1))),
    "defaultdict": call("collections", "defaultdict", global_("builtins", "list")),
    "Path": call("pathlib", "PosixPath", text("data"), text("x")),
    "pattern": call("re", "_compile", text("a+"), number(32)),
    "namedtuple of one's own": new("__main__", "Point", number(1), number(2)),
    "requests response": thing(
        "requests.models.Response",
        _content=data(b"x"),
        status_code=number(200),
        headers=thing("requests.structures.CaseInsensitiveDict", _store=EMPTY_DICT),
    ),
    "http status": member("http.HTTPStatus", 404),
    "http method": member("http.HTTPMethod", "GET"),
    "socket family": member("socket.AddressFamily", 2),
    "socket kind": member("socket.SocketKind", 1),
    "ssl version": member("ssl.TLSVersion", 771),
    "signal handlers": member("signal.Handlers", 0),
    "re flag": member("re.RegexFlag", 2),
    "inspect kind": member("inspect._ParameterKind", 1),
    "uuid safe": member("uuid.SafeUUID", 0),
    "platform": call("platform", "uname_result", _WORD, _WORD, _WORD, _WORD, _WORD),
    "argparse": thing("argparse.Namespace", lr=number(1), name=_WORD),
    "SimpleNamespace": call("types", "SimpleNamespace") + dict_(a=number(1)) + BUILD,
    "traceback summary": thing("traceback.FrameSummary", lineno=number(1), name=_WORD),
    "subprocess result": thing(
        "subprocess.CompletedProcess", args=EMPTY_LIST, returncode=number(0), stdout=NONE, stderr=NONE
    ),
    "exception": call("builtins", "ValueError", text("bad")),
    "timeout": call("subprocess", "TimeoutExpired", text("x"), number(1)),
    "concurrent": member("asyncio.constants._SendfileMode", 1),
    "logging level": call("logging", "getLogger", text("x")),
    "stat result": call("os", "stat_result", sizes(*range(10)), EMPTY_DICT),
    "terminal size": call("os", "terminal_size", sizes(80, 24)),
    "struct_time": call("time", "struct_time", sizes(*range(9)), EMPTY_DICT),
    "urllib parts": new("urllib.parse", "ParseResult", *[text("x")] * 6),
    "ip": call("ipaddress", "IPv4Address", text("1.2.3.4")),
    "random state": call("numpy.random._pickle", "__randomstate_ctor", text("MT19937")),
    "generator": call("numpy.random._pickle", "__generator_ctor", text("PCG64")),
    "xgboost": thing("xgboost.core.Booster", handle=call("builtins", "bytearray", data(b"{L")), feature_names=NONE),
    "lightgbm": thing("lightgbm.basic.Booster", params=EMPTY_DICT, handle=text("tree"), pandas_categorical=NONE),
    "polars": thing("polars.dataframe.frame.DataFrame", a=data(b"x")),
    "torch generator state": dict_(
        rng=call(
            "torch._utils",
            "_rebuild_tensor_v2",
            storage("3", 16, "ByteStorage"),
            number(0),
            sizes(16),
            sizes(1),
            FALSE,
            OD,
        )
    ),
    "sympy": call("sympy.core.numbers", "Integer", number(3)),
    "networkx digraph": thing("networkx.classes.digraph.DiGraph", _node=EMPTY_DICT, _adj=EMPTY_DICT),
    "sb3 buffer": thing(
        "stable_baselines3.common.buffers.ReplayBuffer",
        buffer_size=number(10),
        observations=NUMBERS,
        device=call("torch", "device", text("cpu")),
    ),
    "optuna trial": thing("optuna.trial._frozen.FrozenTrial", number=number(1)),
    "optuna state": member("optuna.trial._state.TrialState", 1),
    "gym box": thing("gymnasium.spaces.box.Box", dtype=f8, _shape=sizes(2), low=NUMBERS, high=NUMBERS, _np_random=NONE),
    "gym old box": thing("gym.spaces.box.Box", dtype=f8, shape=sizes(2), low=NUMBERS, high=NUMBERS),
    "trainer args": thing(
        "transformers.training_args.TrainingArguments",
        output_dir=_WORD,
        lr_scheduler_type=member("transformers.trainer_utils.SchedulerType", "linear"),
    ),
    "tokenizer": thing(
        "transformers.models.bert.tokenization_bert.BertTokenizer",
        vocab=EMPTY_DICT,
        chat_template=text("{{ messages[0]['content'] }}"),
    ),
    "added token": thing("tokenizers.AddedToken", content=_WORD),
}
"""Kind → the opcodes of its value."""
