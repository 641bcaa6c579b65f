"""What would have a loader corrupt memory, or run what was judged as something else, is never clean."""

from __future__ import annotations

import struct
from pickle import dumps

import pytest
from samples.judged import judged, level
from samples.opcodes import (
    APPEND,
    APPENDS,
    BINPERSID,
    BUILD,
    EMPTY_DICT,
    EMPTY_LIST,
    EMPTY_TUPLE,
    FALSE,
    MARK,
    NEWOBJ_EX,
    NONE,
    POP,
    REDUCE,
    SETITEM,
    TRUE,
    TUPLE1,
    array,
    call,
    data,
    dict_,
    dtype,
    get,
    global_,
    new,
    number,
    pickle,
    put,
    sizes,
    storage,
    tensor,
    text,
    tuple_,
)

from picklewatch.analysis.pickle import Why
from picklewatch.core.model import Level, Limits

_LOAD = global_("torch.storage", "_load_from_bytes")
_SHELL = b"cos\nsystem\n(S'echo hi'\ntR."
_FOREIGN = global_("company_ml_utils", "run")
_FUNCTION = global_("numpy", "mean")
_HARMFUL = {Level.UNSAFE, Level.MALICIOUS}
_VOID = call("numpy", "dtype", text("V1"), FALSE, TRUE)


def _type_state(size: int, *, subtype: bytes = NONE, flags: int = 0) -> bytes:
    return tuple_(number(3), text("|"), subtype, NONE, NONE, number(size), number(1), number(flags))


def _part(spelling: str) -> bytes:
    return tuple_(call("numpy", "dtype", text(spelling), FALSE, TRUE), sizes(1000))


def _address() -> bytes:
    place = tuple_(number(4096), FALSE)
    return dict_(data=place, shape=EMPTY_TUPLE, typestr=text("<f8"), version=number(3))


def test_bytes_that_grow_are_not_the_bytes_that_were_judged() -> None:
    """APPENDS on a bytearray extends what ``_load_from_bytes`` then unpickles."""
    grown = b"\x96" + struct.pack("<Q", 0) + MARK + b"".join(number(byte) for byte in _SHELL) + APPENDS
    assert level(judged(pickle(5, _LOAD, grown, TUPLE1, REDUCE))) is Level.MALICIOUS


def test_bytes_are_what_their_codec_makes_of_the_text() -> None:
    """In UTF-8 a constant ends where in Latin-1 it covers the import."""
    spelt = "X\x7e\0\0\0" + "\xe9" * 63 + "0" + _SHELL.decode()
    report = judged(pickle(2, _LOAD, call("_codecs", "encode", text(spelt), text("utf-8")), TUPLE1, REDUCE))
    assert [nested.data for nested in report.nested if nested.why is not Why.EMBEDDED] == [spelt.encode()]


def test_bytes_of_a_text_that_depends_on_the_reader_are_unknown() -> None:
    """``torch.load`` reads Python 2's strings as UTF-8, others as Latin-1."""
    raw = ("X\x20\0\0\0" + "\xe9" * 32 + "0").encode() + _SHELL
    spelt = call("_codecs", "encode", b"T" + struct.pack("<i", len(raw)) + raw, text("latin1"))
    assert level(judged(pickle(2, _LOAD, spelt, TUPLE1, REDUCE))) in _HARMFUL


@pytest.mark.parametrize(
    "sample",
    [
        _VOID + put(1) + array(sizes(10), get(1), data(b"0123456789")) + POP + get(1) + _type_state(1 << 20) + BUILD,
        call("numpy.dtypes", "VoidDType", number(1)) + _type_state(1, flags=63) + BUILD,
        _VOID
        + put(1)
        + call("numpy", "dtype", EMPTY_LIST + tuple_(text("a"), get(1)) + APPEND)
        + POP
        + get(1)
        + _type_state(1 << 20)
        + BUILD,
        _VOID + put(1) + new("numpy", "void", data(b"0"), get(1)) + POP + get(1) + _type_state(1 << 20) + BUILD,
        array(sizes(10), _VOID + _type_state(1, subtype=_part("i")) + BUILD, data(b"0123456789")),
        array(sizes(10), _VOID + _type_state(1, subtype=_part("g")) + BUILD, data(b"0123456789")),
        array(sizes(10), _VOID + _type_state(1, flags=63) + BUILD, data(b"0123456789")),
    ],
    ids=[
        "array-then-type",
        "class-of-types",
        "type-then-type",
        "scalar-then-type",
        "parts-of-int",
        "parts-unknown",
        "pointers-from-nowhere",
    ],
)
def test_element_types_do_not_change_and_are_what_their_parts_are(sample: bytes) -> None:
    """``dtype.__setstate__`` changes the type of arrays that were already filled, and believes sizes and flags."""
    assert level(judged(pickle(2, sample))) in _HARMFUL


def test_element_types_with_parts_that_fit() -> None:
    """A subarray as numpy writes it."""
    sound = _VOID + _type_state(4000, subtype=_part("i4")) + BUILD
    assert judged(pickle(2, array(sizes(1), sound, data(b"0" * 4000)))).inert


@pytest.mark.parametrize(
    "holder",
    [
        new("argparse", "Namespace") + dict_(__array_interface__=_address()) + BUILD,
        call("optparse", "Values", dict_(__array_interface__=_address())),
        new("munch", "Munch") + text("__array_interface__") + _address() + SETITEM,
    ],
    ids=["state", "argument", "item"],
)
def test_no_address_comes_from_the_file(holder: bytes) -> None:
    """``numpy.float64(object)`` reads memory where the object's ``__array_interface__`` says."""
    assert level(judged(pickle(2, call("numpy", "float64", holder)))) is Level.MALICIOUS


@pytest.mark.parametrize(
    "sample",
    [
        new("configparser", "ConfigParser") + dict_(optionxform=_FOREIGN) + BUILD + text("s") + EMPTY_DICT + SETITEM,
        call("collections", "ChainMap", new("collections", "UserDict")) + text("s") + NONE + SETITEM,
        new("pandas.core.frame", "DataFrame") + _FUNCTION + NONE + SETITEM,
        call("torch._utils", "_rebuild_parameter", new("argparse", "Namespace") + dict_(detach=_FOREIGN) + BUILD, TRUE),
    ],
    ids=["filled-after-its-state", "filled-through-a-chain", "key-that-is-called", "method-of-no-tensor"],
)
def test_what_has_a_loader_call_a_method_of_the_file_s_choosing(sample: bytes) -> None:
    """Filling an object calls what its own state says; a function that is merely referred to is so called."""
    assert level(judged(pickle(2, sample))) in _HARMFUL


@pytest.mark.parametrize("state", [dict_(pos=number(625)), dict_(pos=number(-1)), dict_(pos=TRUE)])
def test_generators_stay_in_their_tables(state: bytes) -> None:
    """MT19937 takes its position for an index without a look."""
    twister = call("numpy.random._pickle", "__randomstate_ctor", text("MT19937"))
    whole = dict_(bit_generator=text("MT19937"), state=state)
    assert level(judged(pickle(2, twister, whole, BUILD))) is Level.MALICIOUS
    sound = dict_(bit_generator=text("MT19937"), state=dict_(pos=number(624)))
    assert judged(pickle(2, twister, sound, BUILD)).inert


@pytest.mark.parametrize(
    "sample",
    [
        call("_sre", "compile", text("a"), number(0), EMPTY_LIST, number(0), EMPTY_DICT, EMPTY_TUPLE),
        call("builtins", "list", call("builtins", "range", number(0), number(1 << 40))),
        call("builtins", "list", call("itertools", "count")),
        new("numpy", "memmap", text("weights"), text("u1"), text("w+")),
        global_("numpy", "memmap") + EMPTY_TUPLE + dict_(filename=text("weights"), mode=text("w+")) + NEWOBJ_EX,
    ],
    ids=["opcodes-of-re", "many-items", "endless", "file", "file-by-keyword"],
)
def test_vouched_names_used_otherwise(sample: bytes) -> None:
    """What is harmless in one use is not in another."""
    assert level(judged(pickle(4, sample))) in _HARMFUL


def test_nested_tensors_are_not_proven() -> None:
    """Their sizes and offsets are the numbers of other tensors."""
    report = judged(pickle(2, call("torch._utils", "_rebuild_nested_tensor", NONE, NONE, NONE, NONE)))
    assert level(report) is Level.UNVERIFIED


@pytest.mark.parametrize(
    "name",
    [("transformers.modeling_utils", "Thread"), ("timm.models._hub", "TemporaryDirectory"),
     ("sklearn.ensemble.tests.test_forest", "Mine")],
)  # fmt: skip
def test_families_do_not_vouch_for_what_a_library_borrowed(name: tuple[str, str]) -> None:
    """What a module imports from elsewhere bears its name too; tests are no part of a library."""
    assert level(judged(pickle(2, new(*name)))) is Level.UNVERIFIED
    assert judged(pickle(2, new("timm.models.vision_transformer", "Block"))).inert


def _inline(content: bytes, *, before: bytes = b"", behind: bytes = b"", kind: str = "u1", items: int = 0) -> bytes:
    """A joblib array of *content*, which a plain ``pickle.load`` reads as opcodes."""
    state = dict_(
        subclass=global_("numpy", "ndarray"),
        shape=sizes(items or len(content)),
        order=text("C"),
        dtype=call("numpy", "dtype", text(kind), FALSE, TRUE),
    )
    wrapper = new("joblib.numpy_pickle", "NumpyArrayWrapper") + state + BUILD
    return pickle(4, before + wrapper + content + behind)


_STRANGER = POP + call("company_ml_utils.shell", "run", text("model")) + b"."
_OTHER_MEMO = text("numpy") + b"\x94" + text("ndarray") + b"\x94" + get(0) + get(1) + b"\x93."


@pytest.mark.parametrize(
    "sample",
    [
        _inline(_STRANGER),
        _inline((NONE + POP) * 30_000 + _STRANGER),
        _inline(POP + POP + _STRANGER, before=NONE * 3),
        _inline(b"X\x08\0\0\0aaaa", behind=POP + data(b"x" + _STRANGER)),
        _inline(_OTHER_MEMO, before=text("os") + put(0) + text("system") + put(1), kind="O", items=1),
    ],
    ids=["stranger", "far", "deep", "swallowed", "other-memo"],
)
def test_an_array_s_bytes_as_a_plain_unpickler_reads_them(sample: bytes) -> None:
    """With the stack and the memo that are there, to the end of the file, whoever wrote what is called."""
    assert level(judged(sample)) is Level.MALICIOUS


def test_an_array_s_bytes_are_usually_no_opcodes() -> None:
    """Numbers."""
    assert judged(_inline(bytes(range(256)), before=b"]" + MARK, behind=APPENDS)).inert


_KEPT = call("functools", "partial", global_("numpy", "zeros"), number(5))


@pytest.mark.parametrize(
    "holder",
    [
        new("argparse", "Namespace") + dict_(keys=_KEPT) + BUILD,
        call("optparse", "Values", dict_(keys=_KEPT)),
        new("torch.nn.modules.module", "Module") + dict_(items=_FOREIGN) + BUILD,
    ],
    ids=["state", "argument", "module"],
)
def test_no_object_brings_its_own_methods(holder: bytes) -> None:
    """``OrderedDict(object)`` calls ``object.keys()``, found in the object's own attributes."""
    assert level(judged(pickle(2, call("collections", "OrderedDict", holder)))) in _HARMFUL


def test_attributes_may_be_called_as_methods_are() -> None:
    """A value that nobody could call is none."""
    holder = new("argparse", "Namespace") + dict_(keys=EMPTY_LIST, index=number(3), view=text("flat")) + BUILD
    assert judged(pickle(2, holder)).inert


def _stored(
    module: str, kind: str, elements: int, size: int, *more: bytes, function: str = "_rebuild_tensor_v2"
) -> bytes:
    pid = tuple_(text("storage"), global_(module, kind), text("0"), text("cpu"), number(elements)) + b"Q"
    return call("torch._utils", function, pid, number(0), sizes(size), sizes(1), FALSE, NONE, *more)


@pytest.mark.parametrize(
    "tensor",
    [
        _stored("torch", "FloatTensor", 4, 5),
        _stored("torch.storage", "TypedStorage", 4, 4),
        _stored("torch", "QUInt4x2Storage", 4, 9),
        _stored("torch", "UntypedStorage", 4, 3, global_("torch", "bits16"), function="_rebuild_tensor_v3"),
        _stored("torch", "UntypedStorage", 4, 1, NONE + TUPLE1, function="_rebuild_tensor_v3"),
    ],
    ids=["class-of-tensors", "class-of-no-size", "packed", "type-of-two-bytes", "type-of-no-size"],
)
def test_storages_of_any_class_have_bounds(tensor: bytes) -> None:
    """Torch takes whatever has a ``dtype`` for a storage's class."""
    assert level(judged(pickle(2, tensor), persistent=True)) in _HARMFUL


def test_packed_elements_fit_their_bytes() -> None:
    """Two elements a byte."""
    assert judged(pickle(2, _stored("torch", "QUInt4x2Storage", 4, 8)), persistent=True).inert


def test_trees_have_the_nodes_that_they_say() -> None:
    """scikit-learn's ``Tree.__setstate__`` takes ``node_count`` as it is."""
    tree = call("sklearn.tree._tree", "Tree", number(1), array(sizes(1), dtype("i8"), data(b"1" * 8)), number(1))
    nodes = array(sizes(2), dtype("i8"), data(b"0" * 16))
    assert judged(pickle(2, tree + dict_(node_count=number(2), nodes=nodes) + BUILD)).inert
    assert level(judged(pickle(2, tree + dict_(node_count=number(3), nodes=nodes) + BUILD))) is Level.MALICIOUS


def _arrow(length: int, held: bytes = data(b"0" * 16)) -> bytes:
    buffers = EMPTY_LIST + MARK + NONE + call("pyarrow.lib", "py_buffer", held) + APPENDS
    kind = call("pyarrow.lib", "type_for_alias", text("int64"))
    parts = tuple_(kind, number(length), number(0), number(0), buffers, EMPTY_LIST, NONE)
    return call("pyarrow.lib", "_restore_array", parts)


def test_arrays_of_arrow_are_no_longer_than_their_buffers() -> None:
    """Arrow's reader takes the length as it is; a bit an element is the least."""
    assert judged(pickle(4, _arrow(2))).inert
    assert level(judged(pickle(4, _arrow(1 << 40)))) is Level.MALICIOUS


def test_arrays_of_arrow_over_buffers_of_unknown_size_are_not_clean() -> None:
    """``py_buffer`` takes an array, too, and nothing here says how long its memory is."""
    held = array(sizes(2), dtype("i8"), data(b"0" * 16))
    assert level(judged(pickle(4, _arrow(1 << 40, held)))) is Level.UNVERIFIED


def test_what_was_fetched_of_an_object_is_not_given_a_state() -> None:
    """``array.dtype`` is the array's own."""
    fetched = call("builtins", "getattr", array(sizes(1), dtype("V1"), data(b"1")), text("dtype"))
    assert level(judged(pickle(4, fetched + _type_state(1 << 20) + BUILD))) is Level.MALICIOUS


def test_a_stranger_s_bytes_are_unknown() -> None:
    """What a class is called does not make it what it is called."""
    assert level(judged(pickle(2, _LOAD, new("company_ml_utils", "bytes"), TUPLE1, REDUCE))) in _HARMFUL
    assert judged(pickle(2, _LOAD, call("builtins", "bytes"), TUPLE1, REDUCE)).nested[0].data == b""


def _saved(elements: int, view: bytes = NONE) -> bytes:
    """A storage as ``torch.save`` wrote it before its archives."""
    pid = tuple_(text("storage"), global_("torch", "FloatStorage"), text("0"), text("cpu"), number(elements), view)
    before = dumps(0x1950A86A20F9469CFC6C, 2) + dumps(1001, 2) + dumps({}, 2)
    return before + pickle(2, pid + BINPERSID) + dumps(["0"], 2) + elements.to_bytes(8, "little") + bytes(4 * elements)


@pytest.mark.parametrize(
    ("saved", "offset", "size", "worst"),
    [
        (_saved(2), 0, 2, Level.INFO),
        (_saved(2), 0, 3, Level.MALICIOUS),
        (_saved(2), 1 << 20, 1, Level.MALICIOUS),
        (_saved(4, tuple_(text("v"), number(1), number(1))), 0, 1, Level.INFO),
        (_saved(4, tuple_(text("v"), number(1), number(1))), 0, 2, Level.MALICIOUS),
        (pickle(2, NONE), 0, 2, Level.UNVERIFIED),
    ],
    ids=["whole", "too-large", "too-far", "part", "more-than-the-part", "no-storage"],
)
def test_tensors_stay_inside_storages_that_are_bytes_of_the_pickle(
    saved: bytes, offset: int, size: int, worst: Level
) -> None:
    """How ``pickle.dumps`` spells a tensor: the storage is bytes that ``torch.load`` reads."""
    held = call("torch.storage", "_load_from_bytes", data(saved))
    assert level(judged(pickle(4, tensor(held, sizes(size), sizes(1), offset)))) is worst


def test_storages_within_storages_are_not_looked_for() -> None:
    """Each of many levels would be walked twice as often as the one around it."""
    nested = pickle(2, NONE)
    for _ in range(300):
        nested = pickle(2, data(nested), put(0), *[_LOAD, get(0), TUPLE1, REDUCE] * 2)
    report = judged(nested, limits=Limits(opcodes=1_000))
    assert {found.why for found in report.nested} == set(Why)


_ROOT, _LEAF = (0, 2, 0.5, 0, 2, 0, 0, 1, 2), (-1, 1, 0.0, 0, 1, 0, 0, 0, 0)
_SECOND = (-1, 1, 0.0, 1, 2, 0, 0, 0, 0)


def _spatial(*nodes: tuple[float, ...], points: int = 2, raw: bytes | None = None) -> bytes:
    """A cKDTree of *nodes* over two points of one dimension."""
    packed = b"".join(struct.pack("<qqdqqqqqq", *node) for node in nodes) if raw is None else raw
    numbers = [array(sizes(size), dtype("f8"), data(bytes(8 * size))) for size in (2, 1, 1, 2)]
    state = (data(packed), numbers[0], number(points), number(1), number(5), *numbers[1:], NONE, NONE)
    return pickle(4, new("scipy.spatial._ckdtree", "cKDTree"), tuple_(*state), BUILD)


@pytest.mark.parametrize(
    ("sample", "worst"),
    [
        (_spatial(_ROOT, _LEAF, _SECOND), Level.INFO),
        (_spatial((*_ROOT[:7], 1 << 20, 2), _LEAF, _SECOND), Level.MALICIOUS),
        (_spatial((*_ROOT[:7], -1, 2), _LEAF, _SECOND), Level.MALICIOUS),
        (_spatial((*_ROOT[:7], 0, 0), _LEAF, _SECOND), Level.MALICIOUS),
        (_spatial((9, *_ROOT[1:]), _LEAF, _SECOND), Level.MALICIOUS),
        (_spatial(_ROOT, _LEAF, (*_SECOND[:4], 1 << 20, 0, 0, 0, 0)), Level.MALICIOUS),
        (_spatial(_ROOT, _LEAF, _SECOND, points=3), Level.MALICIOUS),
        (_spatial(raw=bytes(71)), Level.MALICIOUS),
        (_spatial(), Level.MALICIOUS),
    ],
    ids=[
        "honest",
        "child-outside",
        "child-before",
        "own-child",
        "dimension",
        "points",
        "short-data",
        "cut-off",
        "none",
    ],
)
def test_nodes_of_spatial_trees_lead_nowhere_else(sample: bytes, worst: Level) -> None:
    """Scipy makes pointers of the indexes in them while it restores the tree."""
    assert level(judged(sample)) is worst


def test_nodes_that_cannot_be_seen_are_reported() -> None:
    """A computed state, or one that is not of a tree."""
    sample = pickle(4, new("scipy.spatial._ckdtree", "cKDTree"), tuple_(NONE, NONE), BUILD)
    assert level(judged(sample)) is Level.UNVERIFIED


def test_a_quantized_tensor_is_over_a_storage() -> None:
    """What tells no size, or is no storage at all, is told."""
    more = (number(0), sizes(2), sizes(1), tuple_(global_("torch", "per_tensor_affine"), NONE, number(0)), FALSE)
    for over, worst in ((data(_saved(2)), Level.INFO), (data(pickle(2, NONE)), Level.UNVERIFIED)):
        held = call("torch.storage", "_load_from_bytes", over)
        made = call("torch._utils", "_rebuild_qtensor", held, *more, call("collections", "OrderedDict"))
        assert level(judged(pickle(4, made))) is worst


_ADDRESS = dict_(data=tuple_(number(1 << 40), FALSE), shape=sizes(1), typestr=text("|u1"), version=number(3))


@pytest.mark.parametrize(
    ("state", "worst"),
    [
        (dict_(tag=text("x")), Level.INFO),
        (dict_(__array_interface__=_ADDRESS), Level.MALICIOUS),
        (tuple_(NONE, dict_(__array_interface__=_ADDRESS)), Level.MALICIOUS),
        (dict_(__class__=global_("torch", "Tensor")), Level.UNSAFE),
        (new("company_ml", "Names"), Level.UNSAFE),
    ],
    ids=["attribute", "address", "slots", "class", "hidden"],
)
def test_a_tensor_is_given_no_address_by_its_own_functions(state: bytes, worst: Level) -> None:
    """``_rebuild_from_type_v2`` and ``_rebuild_parameter_with_state`` set attributes of the tensor that they make."""
    hooks = call("collections", "OrderedDict")
    view = (storage(elements=2), number(0), sizes(2), sizes(1), FALSE, hooks)
    functions = tuple_(*view)
    typed = call(
        "torch._tensor",
        "_rebuild_from_type_v2",
        global_("torch._utils", "_rebuild_tensor_v2"),
        global_("torch", "Tensor"),
        functions,
        state,
    )
    plain = tensor(storage(elements=2), sizes(2), sizes(1))
    with_state = call("torch._utils", "_rebuild_parameter_with_state", plain, TRUE, hooks, state)
    for made in (typed, with_state):
        assert level(judged(pickle(2, made), persistent=True)) is worst
