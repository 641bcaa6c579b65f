"""Clean also means that the file cannot corrupt a loader's memory: opcodes on their kind, tensors in their storages, arrays that fit."""

# ruff: noqa: E501 - a sample a line reads better

from __future__ import annotations

import io
import pickle as std_pickle
import pickletools

import numpy as np
import pytest
from samples.judged import judged, level, rules
from samples.judging import HARMFUL, verdict
from samples.opcodes import (
    ADDITEMS,
    APPEND,
    BINPERSID,
    BUILD,
    EMPTY_DICT,
    EMPTY_LIST,
    EMPTY_TUPLE,
    FALSE,
    MARK,
    NONE,
    SETITEM,
    array,
    call,
    data,
    dict_,
    dtype,
    global_,
    new,
    number,
    pickle,
    sizes,
    storage,
    tensor,
    text,
    tuple_,
)

from picklewatch.analysis.pickle import Budget, Why, judge_pickle
from picklewatch.core.model import Level, Verdict

TENSOR = tensor(storage(), sizes(4, 4), sizes(4, 1))


def test_a_state_dict_is_inert_and_lists_its_storages() -> None:
    """The common case: tensors over storages, in an OrderedDict."""
    report = judged(pickle(2, call("collections", "OrderedDict"), text("weight"), TENSOR, SETITEM), persistent=True)
    assert report.inert, report.findings
    (found,) = report.storages
    assert (found.key, found.kind, found.location, found.elements, found.element_size) == (
        "0",
        "FloatStorage",
        "cpu",
        16,
        4,
    )


OUT_OF_BOUNDS = {
    "too large": tensor(storage(), sizes(4, 5), sizes(5, 1)),
    "an offset beyond": tensor(storage(), sizes(4, 4), sizes(4, 1), offset=1),
    "a stride beyond": tensor(storage(), sizes(2, 2), sizes(1000, 1)),
    "a negative offset": call("torch._utils", "_rebuild_tensor_v2", storage(), number(-1), sizes(1), sizes(1), FALSE, NONE),
    "a negative size": tensor(storage(), sizes(-1), sizes(1)),
    "a negative stride": tensor(storage(), sizes(2), sizes(-1)),
    "a size that is text": tensor(storage(), tuple_(text("4")), sizes(1)),
    "different lengths": tensor(storage(), sizes(1, 1), sizes(1)),
    "too few arguments": call("torch._utils", "_rebuild_tensor_v2", storage(), number(0)),
    "a huge size": tensor(storage(), tuple_(b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f"), sizes(1)),
    "a storage declared negative": tensor(storage(elements=-5), sizes(0), sizes(1)),
    "a storage declared twice": tuple_(tensor(storage(), sizes(1), sizes(1)), tensor(storage(elements=99), sizes(99), sizes(1))),
    "a dtype wider than the storage": call(
        "torch._utils", "_rebuild_tensor_v3", storage(kind="UntypedStorage"), number(0), sizes(8), sizes(1), FALSE, NONE,
        global_("torch", "float32"),
    ),
    "a quantized tensor": call("torch._utils", "_rebuild_qtensor", storage(kind="QInt8Storage"), number(0), sizes(99), sizes(1), NONE),
}  # fmt: skip


@pytest.mark.parametrize("case", OUT_OF_BOUNDS)
def test_a_tensor_outside_its_storage_is_malicious(case: str) -> None:
    """Offset, size and stride stay inside what the storage declares."""
    report = judged(pickle(2, OUT_OF_BOUNDS[case]), persistent=True)
    assert rules(report) == {"tensor-out-of-bounds"}
    assert level(report) is Level.MALICIOUS


@pytest.mark.parametrize(
    "sample",
    [
        tensor(storage(), sizes(), sizes()),
        tensor(storage(), sizes(0, 99), sizes(99, 1)),
        tensor(storage(), sizes(16, 100), sizes(1, 0)),
        tensor(storage(), call("torch", "Size", sizes(4, 4)), sizes(4, 1)),
        call("torch._utils", "_rebuild_parameter", TENSOR, FALSE, call("collections", "OrderedDict")),
        call("torch._utils", "_rebuild_tensor_v3", storage(kind="UntypedStorage", elements=32), number(0), sizes(8), sizes(1), FALSE, NONE,
             global_("torch", "float32")),
        call("torch._tensor", "_rebuild_from_type_v2", global_("torch._utils", "_rebuild_tensor_v2"), global_("torch", "Tensor"),
             tuple_(storage(), number(0), sizes(1), sizes(1), FALSE, NONE), EMPTY_DICT),
    ],
)  # fmt: skip
def test_honest_tensors_pass(sample: bytes) -> None:
    """Scalars, empty and expanded tensors, parameters, version 3, subclasses."""
    report = judged(pickle(2, sample), persistent=True)
    assert report.inert, report.findings


def test_an_odd_persistent_id_in_torch_is_unsafe() -> None:
    """Loaders of torch know storages only."""
    assert level(judged(pickle(2, text("x"), BINPERSID), persistent=True)) is Level.UNSAFE


ARRAY = array(sizes(2), dtype("f8"), data(bytes(16)))
OUT_OF_KIND = {
    "SETITEM on a tensor": TENSOR + number(0) + number(1) + SETITEM,
    "SETITEM on a storage": storage() + number(0) + number(1) + SETITEM,
    "SETITEM on a number": number(1) + number(0) + number(1) + SETITEM,
    "SETITEM on a list": EMPTY_LIST + number(0) + number(1) + SETITEM,
    "SETITEM on a class": global_("collections", "OrderedDict") + text("a") + number(1) + SETITEM,
    "APPEND on a dict": EMPTY_DICT + number(1) + APPEND,
    "APPEND on a tensor": TENSOR + number(1) + APPEND,
    "ADDITEMS on a list": EMPTY_LIST + MARK + number(1) + ADDITEMS,
    "BUILD on a tuple": EMPTY_TUPLE + EMPTY_DICT + BUILD,
    "BUILD on a tensor": TENSOR + EMPTY_DICT + BUILD,
    "BUILD on a storage": storage() + EMPTY_DICT + BUILD,
    "BUILD on a logger of the process": call("logging", "getLogger", text("x")) + dict_(disabled=number(1)) + BUILD,
    "BUILD on a fetched attribute": call("builtins", "getattr", global_("zoneinfo", "ZoneInfo"), text("_unpickle"))
    + EMPTY_DICT
    + BUILD,
}


@pytest.mark.parametrize("case", OUT_OF_KIND)
def test_an_opcode_on_something_it_is_not_for_is_malicious(case: str) -> None:
    """Picklers never write that (CVE-2026-24747 is one such case)."""
    report = judged(pickle(2, OUT_OF_KIND[case]), persistent=True)
    assert rules(report) == {"opcode-out-of-kind"}
    assert level(report) is Level.MALICIOUS


OBJECT_FIELD = dict_(a=tuple_(dtype("O8"), number(0)))
MISFITS = {
    "too few bytes": (array(sizes(3), dtype("f8"), data(bytes(16))), "numpy-size-mismatch"),
    "too many bytes": (array(sizes(1), dtype("f8"), data(bytes(16))), "numpy-size-mismatch"),
    "too few objects": (array(sizes(2), dtype("O8"), b"](Ne"), "numpy-size-mismatch"),
    "pointers from bytes": (array(sizes(1), dtype("O8"), data(bytes(8))), "object-dtype-over-bytes"),
    "pointers in a field": (array(sizes(1), dtype("V8", fields=OBJECT_FIELD, size=8), data(bytes(8))), "object-dtype-over-bytes"),
    "a pointer as a scalar": (call("numpy.core.multiarray", "scalar", dtype("O8"), data(bytes(8))), "object-dtype-over-bytes"),
    "a short scalar": (call("numpy.core.multiarray", "scalar", dtype("f8"), data(bytes(4))), "numpy-size-mismatch"),
    "a short buffer": (call("numpy.core.numeric", "_frombuffer", data(bytes(4)), dtype("f8"), sizes(2), text("C")), "numpy-size-mismatch"),
    "no state of an array": (call("numpy.core.multiarray", "_reconstruct", global_("numpy", "ndarray"), sizes(0), data(b"b")) + EMPTY_DICT + BUILD,
                             "numpy-size-mismatch"),
}  # fmt: skip


@pytest.mark.parametrize("case", MISFITS)
def test_an_array_that_does_not_fit_its_bytes_is_malicious(case: str) -> None:
    """Shape and type against the bytes that fill them."""
    sample, rule = MISFITS[case]
    report = judged(pickle(2, sample))
    assert rules(report) == {rule}
    assert level(report) is Level.MALICIOUS


ARRAYS = [
    np.arange(10), np.zeros((2, 3), "f4", order="F"), np.array(["a", None], dtype=object), np.array(["abc", "d"]), np.array([b"ab"]),
    np.zeros(3, dtype=[("a", "i4"), ("b", "f8", (2,))]), np.array(["2026-01-01"], "M8[D]"), np.array([1], "m8[s]"), np.zeros(0), np.array(1.5),
    np.ma.array([1, 2], mask=[True, False]), np.array([True]), np.array([1 + 2j]), np.zeros((3, 0, 2)), np.array([(1, "x")], dtype=[("n", "i8"), ("o", "O")]),
    np.float64(1.5), np.datetime64("2026-01-01"), np.dtype("f8"), np.random.RandomState(0), np.random.default_rng(1),
    np.array([1, 2], ">i4"), np.zeros(2000), np.rec.array([(1, 2.0)], dtype=[("a", "i8"), ("b", "f8")]),
]  # fmt: skip


@pytest.mark.parametrize("protocol", range(6))
def test_arrays_that_numpy_writes_are_inert(protocol: int) -> None:
    """Every kind of array, scalar and generator, in every protocol."""
    for value in ARRAYS:
        report = judged(std_pickle.dumps(value, protocol))
        assert report.inert, (value, report.findings)


def test_a_pickle_in_bytes_that_breaks_off_is_nested_too() -> None:
    """Whoever loads it runs what comes before the break."""
    inner = pickle(4, call("os", "system", text("true")))[:-1]
    (embedded,) = judged(pickle(4, data(inner))).nested
    assert embedded.data == inner[2:]
    assert verdict(pickle(4, data(inner))) in HARMFUL
    assert verdict(pickle(4, data(pickle(4, global_("mylib", "Thing"))[:-1] + bytes(99)))) is Verdict.CLEAN


def test_bytes_that_a_loader_would_unpickle_are_handed_on() -> None:
    """``torch.storage._load_from_bytes`` nests a pickle; bytes that look like one are handed on too."""
    inner = pickle(2, call("os", "system", text("true")))
    (nested,) = judged(pickle(2, call("torch.storage", "_load_from_bytes", data(inner)))).nested[-1:]
    assert nested.data == inner
    spelt = call("_codecs", "encode", text(inner.decode("latin1")), text("latin1"))
    report = judged(pickle(2, call("torch.storage", "_load_from_bytes", spelt)))
    assert inner in {found.data for found in report.nested}
    (embedded,) = judged(pickle(4, data(inner))).nested
    assert (embedded.data, embedded.why) == (inner, Why.EMBEDDED)
    (middle,) = judged(pickle(4, data(b"header: cos\nsystem\n(S'true'\ntR."))).nested
    assert bytes(middle.data).startswith(b"cos\nsystem\n")


def test_a_loader_of_bytes_that_are_computed_is_unsafe() -> None:
    """The bytes that would be unpickled are not in the file as such."""
    unknown = call("mylib", "Secret")
    assert level(judged(pickle(2, call("torch.storage", "_load_from_bytes", unknown)))) is Level.UNSAFE


@pytest.mark.parametrize("content", [bytes(100), b"\xff" * 64, np.random.default_rng(0).random(4000).tobytes()])
def test_bytes_that_are_no_pickle_are_left_alone(content: bytes) -> None:
    """Numbers and images are not handed on."""
    assert judged(pickle(4, data(content))).nested == ()


def wrapper(shape: bytes, dtype_: bytes, *, alignment: bytes = b"") -> bytes:
    """Announce a joblib array; its bytes are to follow."""
    state = {
        "subclass": global_("numpy", "ndarray"),
        "shape": shape,
        "order": text("C"),
        "dtype": dtype_,
        "allow_mmap": FALSE,
    }
    if alignment:
        state["numpy_array_alignment_bytes"] = alignment
    return new("joblib.numpy_pickle", "NumpyArrayWrapper") + dict_(**state) + BUILD


def test_an_in_line_array_is_stepped_over() -> None:
    """The opcodes go on after the padding and the elements."""
    plain = pickle(4, EMPTY_LIST, wrapper(sizes(4), dtype("f8")), bytes(32), APPEND)
    padded = pickle(4, wrapper(sizes(4), dtype("f8"), alignment=number(16)), b"\x05", b"\xff" * 5, b"\xfe" * 32)
    for sample in (plain, padded):
        report = judged(sample)
        assert report.inert, report.findings
        assert report.end == len(sample)


def test_an_in_line_array_of_objects_is_a_pickle_of_its_own() -> None:
    """It is read with pickle.load: its imports count."""
    inner = pickle(2, call("os", "system", text("true")))
    assert level(judged(pickle(4, wrapper(sizes(1), dtype("O8")), inner))) is Level.MALICIOUS
    assert judged(pickle(4, wrapper(sizes(1), dtype("O8")), std_pickle.dumps(np.array([None]), 4))).inert


def test_an_array_whose_bytes_are_opcodes_is_malicious() -> None:
    """Numbers for joblib where pickle.load runs a call."""
    payload = call("os", "system", text("true")) + b"0N."
    sample = pickle(4, wrapper(sizes(len(payload)), dtype("u1")), payload)
    report = judged(sample)
    assert "array-payload" in rules(report)
    assert level(report) is Level.MALICIOUS


def test_an_array_longer_than_the_file_is_unscannable() -> None:
    """What a wrapper announces must be there."""
    assert level(judged(pickle(4, wrapper(sizes(1000), dtype("f8")), bytes(8)))) is Level.UNSCANNABLE


def test_random_arrays_raise_no_alarm() -> None:
    """Bytes of real arrays do not happen to be an attack."""
    for seed in range(60):
        content = np.random.default_rng(seed).bytes(4096)
        report = judged(pickle(4, wrapper(sizes(4096), dtype("u1")), content))
        assert report.inert, report.findings


def test_without_joblib_the_bytes_are_opcodes() -> None:
    """Where no loader reads arrays in line, they are walked as what follows."""
    sample = pickle(4, wrapper(sizes(1), dtype("f8")), call("os", "system", text("true")))
    assert level(judge_pickle(sample, budget=Budget(), arrays=False)) is Level.MALICIOUS


def test_samples_of_this_file_are_opcodes() -> None:
    """The assembler writes what pickletools reads."""
    for sample in (TENSOR, ARRAY):
        pickletools.dis(pickle(2, sample), io.StringIO())
