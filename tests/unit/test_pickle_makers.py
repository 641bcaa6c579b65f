"""Functions and classes that are harmless for data and run code for other arguments."""

from __future__ import annotations

import pytest
from samples.judged import judged, level
from samples.opcodes import (
    APPENDS,
    BUILD,
    EMPTY_DICT,
    EMPTY_LIST,
    EMPTY_TUPLE,
    FALSE,
    MARK,
    NEWOBJ,
    NONE,
    REDUCE,
    SETITEM,
    TRUE,
    array,
    call,
    data,
    dict_,
    dtype,
    global_,
    new,
    number,
    pickle,
    put,
    sizes,
    storage,
    text,
    tuple_,
)

from picklewatch.core.model import Level

_STATE = dict_(filename=text("x"), mode=text("w+"))


@pytest.mark.parametrize("cls", [("numpy", "memmap"), ("sympy.polys.polytools", "Poly"), ("pandas", "DataFrame")])
@pytest.mark.parametrize("maker", ["_new_Index", "_new_PeriodIndex", "_new_DatetimeIndex"])
def test_makers_of_indexes_make_nothing_else(maker: str, cls: tuple[str, str]) -> None:
    """``_new_Index(numpy.memmap, {'filename': …, 'mode': 'w+'})`` would empty a file."""
    report = judged(pickle(4, call("pandas.core.indexes.base", maker, global_(*cls), _STATE)))
    assert level(report) in {Level.UNSAFE, Level.MALICIOUS}


def test_makers_of_indexes_make_indexes() -> None:
    """A frame as pandas itself writes it."""
    state = dict_(data=text("abc"), name=text("n"))
    made = call("pandas.core.indexes.base", "_new_Index", global_("pandas.core.indexes.base", "Index"), state)
    assert judged(pickle(4, made)).inert


@pytest.mark.parametrize(
    "arguments",
    [text("preview(x)"), tuple_(text("x")), MARK + text("x") + b"l", call("builtins", "str", text("x"))],
    ids=["text", "tuple", "list", "computed"],
)
@pytest.mark.parametrize("made", [new, call], ids=["new", "call"])
def test_sympy_evaluates_texts(made: object, arguments: bytes) -> None:
    """``sympify`` gives any text to ``eval``, and nearly every class of sympy gives its arguments to ``sympify``."""
    sample = made("sympy.core.containers", "Tuple", arguments)  # type: ignore[operator]
    assert level(judged(pickle(4, sample))) is Level.MALICIOUS


def test_sympy_symbols_are_made_from_their_names() -> None:
    """A name is not evaluated."""
    symbol = new("sympy.core.symbol", "Symbol", text("x"))
    total = new("sympy.core.add", "Add", symbol, new("sympy.core.numbers", "Integer", number(1)))
    assert level(judged(pickle(4, total))) is Level.UNVERIFIED


@pytest.mark.parametrize(
    "made",
    [
        new("numpy", "memmap", text("x"), text("uint8"), text("w+")),
        call("numpy._core.memmap", "memmap", text("x"), text("uint8"), text("w+")),
        call("copyreg", "__newobj_ex__", global_("numpy", "memmap"), tuple_(text("x")), dict_(mode=text("w+"))),
    ],
)
def test_an_array_over_a_file_is_never_made(made: bytes) -> None:
    """The class is data where an array names it as its own; making one opens, and with ``w+`` empties, a file."""
    assert level(judged(pickle(4, made))) is Level.MALICIOUS


def test_arguments_that_cannot_be_seen_are_not_taken_for_none() -> None:
    """``tuple(['x'])`` is as good as ``('x',)``."""
    sample = global_("dateutil.tz", "tzfile") + call("builtins", "tuple", MARK + text("x") + b"l") + b"R"
    assert level(judged(pickle(4, sample))) is Level.UNSAFE


@pytest.mark.parametrize(
    ("module", "name"), [("sklearn.neighbors._kd_tree", "newObj"), ("scipy.spatial.ckdtree", "new_object")]
)
def test_what_makes_an_instance_is_judged_as_the_opcode_that_does(module: str, name: str) -> None:
    """A tensor made so takes any bounds by BUILD, which the class's own rebuilding function does not."""
    state = tuple_(storage(elements=2), number(1 << 20), sizes(4), sizes(1))
    sample = call(module, name, global_("torch", "Tensor")) + state + BUILD
    assert level(judged(pickle(2, sample), persistent=True)) is not Level.INFO
    assert judged(pickle(2, call(module, name, global_("sklearn.neighbors._kd_tree", "KDTree")))).inert


@pytest.mark.parametrize("made", [("numpy", "memmap"), ("company_ml", "Runner"), ("torch", "Tensor")])
def test_a_unit_is_no_other_class(made: tuple[str, str]) -> None:
    """``_recreate_irreducible_unit(cls, names, …)`` is ``cls(names)``."""
    sample = call("astropy.units.core", "_recreate_irreducible_unit", global_(*made), text("x"), FALSE)
    assert level(judged(pickle(4, sample))) is Level.UNSAFE
    honest = global_("astropy.units.core", "IrreducibleUnit")
    assert (
        level(judged(pickle(4, call("astropy.units.core", "_recreate_irreducible_unit", honest, text("x"), FALSE))))
        is not Level.UNSAFE
    )


def test_a_masked_array_is_no_other_class() -> None:
    """``_mareconstruct(cls, base, …)`` makes an instance of either."""
    for classes in (("memmap", "ndarray"), ("ndarray", "memmap")):
        made = call(
            "numpy.ma.core", "_mareconstruct", *(global_("numpy", name) for name in classes), sizes(0), text("b")
        )
        assert level(judged(pickle(4, made))) is Level.UNSAFE


@pytest.mark.parametrize(("outputs", "worst"), [(1, Level.INFO), (1 << 28, Level.MALICIOUS), (-1, Level.MALICIOUS)])
def test_trees_have_as_many_outputs_as_classes(outputs: int, worst: Level) -> None:
    """The native constructors read as many numbers of classes as they are told."""
    classes = array(sizes(1), dtype("i8"), data(b"\2" + bytes(7)))
    assert level(judged(pickle(4, call("sklearn.tree._tree", "Tree", number(4), classes, number(outputs))))) is worst
    assert level(judged(pickle(4, call("sklearn.tree._criterion", "Gini", number(outputs), classes)))) is worst


def test_what_builds_trees_is_not_called() -> None:
    """It works on the arrays that it is given without looking at the numbers in them."""
    sample = call("sklearn.ensemble._hist_gradient_boosting.grower", "TreeGrower", number(1))
    assert level(judged(pickle(4, sample))) is Level.UNVERIFIED


def test_nested_classes_by_getattr_are_classes() -> None:
    """Protocols below 4 spell ``KDTree.leafnode`` so."""
    cls = call("builtins", "getattr", global_("scipy.spatial.kdtree", "KDTree"), text("leafnode"))
    assert judged(pickle(2, cls, EMPTY_TUPLE, NEWOBJ, dict_(idx=NONE), BUILD)).inert
    other = call("builtins", "getattr", global_("scipy.spatial.kdtree", "KDTree"), text("query"))
    assert not judged(pickle(2, other, EMPTY_TUPLE, NEWOBJ)).inert


@pytest.mark.parametrize(
    ("text_of", "worst"),
    [
        ("a ~ b + C(c):np.log(d) - 1", Level.INFO),
        ("a ~ b.x", Level.UNVERIFIED),
        ("a ~ f(b)", Level.UNVERIFIED),
        ("a ~ b[0]", Level.UNVERIFIED),
        ("a ~ 'b'", Level.UNVERIFIED),
        ("a ~ np.log(b)(c)", Level.UNVERIFIED),
        ("a ~ __import__('os').system('x')", Level.MALICIOUS),
        ("y ~ (a + b)**2", Level.INFO),
        ("y ~ I(9**9**9**9)", Level.UNVERIFIED),
        ("y ~ I(x ** 99)", Level.UNVERIFIED),
        ("y ~ \u1d52pen('/dev/null').fileno()", Level.MALICIOUS),
    ],
)
def test_formulas_of_names_and_transformations_run_nothing(text_of: str, worst: Level) -> None:
    """Statsmodels evaluates a formula on loading."""
    sample = new("statsmodels.base.data", "ModelData") + dict_(formula=text(text_of)) + BUILD
    assert level(judged(pickle(4, sample))) is worst


def test_distributions_with_a_generator_beside_their_attributes_are_not_clean() -> None:
    """Old versions of scipy write so; newer ones make attributes of the pair, and it may hide a template."""
    made = new("scipy.stats._continuous_distns", "norm_gen")
    generator = call("numpy.random", "__RandomState_ctor")
    assert judged(pickle(2, made, dict_(name=text("norm")), BUILD)).inert
    assert not judged(pickle(2, made, tuple_(dict_(name=text("norm")), generator), BUILD)).inert
    hidden = call("collections", "OrderedDict") + put(0) + text("_parse_arg_template") + text("import os") + b"s"
    assert not judged(pickle(2, made, tuple_(dict_(name=text("norm")), hidden), BUILD)).inert


def _jax(function: bytes, dtype_: bytes, content: bytes, shape: int = 2) -> bytes:
    made = tuple_(global_("numpy", "ndarray"), sizes(0), data(b"b"))
    state = tuple_(number(1), sizes(shape), dtype_, FALSE, content)
    return call("jax._src.array", "_reconstruct_array", function, made, state, dict_(weak_type=FALSE))


_NUMPY = global_("numpy._core.multiarray", "_reconstruct")


@pytest.mark.parametrize(
    ("made", "worst"),
    [
        (_jax(_NUMPY, dtype("f4"), data(bytes(8))), Level.INFO),
        (_jax(_NUMPY, dtype("f4"), data(bytes(8)), shape=1 << 20), Level.MALICIOUS),
        (_jax(_NUMPY, dtype("O8"), data(bytes(16))), Level.MALICIOUS),
        (_jax(global_("company_ml", "run"), dtype("f4"), data(bytes(8))), Level.UNSAFE),
        (_jax(global_("numpy", "load"), dtype("f4"), data(bytes(8))), Level.MALICIOUS),
    ],
    ids=["honest", "too-large", "objects", "another-function", "a-denied-one"],
)
def test_arrays_of_jax_are_arrays_of_numpy(made: bytes, worst: Level) -> None:
    """One function calls numpy's own and gives what comes of it its state."""
    assert level(judged(pickle(4, made))) is worst


@pytest.mark.parametrize(
    ("names", "worst"),
    [
        (("a.b",), Level.INFO),
        (("__class__",), Level.MALICIOUS),
        (("os.system",), Level.MALICIOUS),
        ((), Level.MALICIOUS),
    ],
)
def test_getters_that_are_kept_are_told_by_their_names(names: tuple[str, ...], worst: Level) -> None:
    """``attrgetter('a.b')`` does nothing until something calls it, and then reads attributes."""
    getter = call("operator", "attrgetter", *map(text, names))
    assert level(judged(pickle(4, getter))) is worst
    assert level(judged(pickle(4, getter, tuple_(text("x")), b"R"))) in {Level.UNSAFE, Level.MALICIOUS}


@pytest.mark.parametrize("kept", [("torch.nn.modules.normalization", "LayerNorm"), ("torch.nn.functional", "relu")])
def test_a_partial_of_what_is_vouched_for_only_keeps_it(kept: tuple[str, str]) -> None:
    """Vision models keep ``partial(LayerNorm, eps=1e-6)``: nothing is called until a hook reaches it."""
    made = call("functools", "partial", global_(*kept))
    state = tuple_(global_(*kept), tuple_(), EMPTY_DICT + text("eps") + number(1) + SETITEM, NONE)
    assert level(judged(pickle(4, made, state, BUILD))) is Level.INFO
    module = new("torch.nn.modules.linear", "Identity")
    assert level(judged(pickle(4, module, dict_(norm_layer=made + state + BUILD), BUILD))) is Level.INFO
    assert level(judged(pickle(4, module, dict_(_modules=made), BUILD))) is Level.UNSAFE


def test_a_partial_takes_no_state_of_others() -> None:
    """``partial.__setstate__`` copies a subclass of dict, and makes whatever comes last its ``__dict__``."""
    made = call("functools", "partial", global_("torch.nn.functional", "relu"))
    other = new("torch.nn.modules.linear", "Identity")
    for state in ((other, EMPTY_DICT, NONE), (tuple_(), other, NONE), (tuple_(), EMPTY_DICT, other), (tuple_(),)):
        given = tuple_(global_("torch.nn.functional", "relu"), *state)
        assert level(judged(pickle(4, made, given, BUILD))) is Level.UNSAFE


def test_a_method_of_a_class_that_was_read_is_only_kept() -> None:
    """Interpolators keep ``self._call_linear``: the method is found in the class, which runs nothing."""
    owner = new("scipy.interpolate._interpolate", "interp1d")
    kept = call("builtins", "getattr", owner, text("_call_linear"))
    assert level(judged(pickle(4, kept))) is Level.INFO
    assert level(judged(pickle(4, call("builtins", "getattr", owner, text("x"))))) is Level.UNVERIFIED
    assert level(judged(pickle(4, kept, EMPTY_TUPLE, REDUCE))) is Level.UNSAFE
    assert level(judged(pickle(4, EMPTY_DICT, kept, NONE, SETITEM))) is Level.UNVERIFIED
    module = new("torch.nn.modules.linear", "Identity")
    assert level(judged(pickle(4, module, dict_(_modules=kept), BUILD))) is Level.UNSAFE


def test_a_quantity_is_made_of_units_alone() -> None:
    """``pint._unpickle_quantity(cls, …)`` is ``cls(…)``."""
    honest = call("pint", "_unpickle_quantity", global_("pint.facets.plain.quantity", "PlainQuantity"), number(3))
    assert level(judged(pickle(4, honest))) is Level.UNVERIFIED
    other = call("pint", "_unpickle_quantity", global_("numpy", "memmap"), text("x"))
    assert level(judged(pickle(4, other))) is Level.UNSAFE


def test_what_a_kept_call_makes_is_what_the_call_makes() -> None:
    """A tensor, or an element type, that ``partial`` made has bounds like any other."""
    kept = call("functools", "partial", global_("torch._utils", "_rebuild_tensor_v2"))
    view = tuple_(storage(elements=2), number(0), sizes(2), sizes(1), FALSE, call("collections", "OrderedDict"))
    other = tuple_(storage(elements=2), number(1 << 20), sizes(4), sizes(1))
    assert level(judged(pickle(2, kept, view, REDUCE), persistent=True)) is Level.INFO
    assert level(judged(pickle(2, kept, view, REDUCE, other, BUILD), persistent=True)) is Level.MALICIOUS
    fields = EMPTY_DICT + text("a") + tuple_(call("numpy", "dtype", text("O8"), FALSE, TRUE), number(0)) + SETITEM
    state = tuple_(number(3), text("|"), NONE, tuple_(text("a")), fields, number(8), number(1), number(0))
    void = call("functools", "partial", global_("numpy", "dtype"), text("V8"), FALSE, TRUE) + EMPTY_TUPLE + REDUCE
    hides = array(sizes(1), void + state + BUILD, data(bytes(8)))
    assert level(judged(pickle(4, hides))) is Level.MALICIOUS


def test_batches_of_graphs_are_made_of_classes_of_graphs() -> None:
    """PyTorch Geometric pickles a batch as the call of an object with classes."""
    getter = new("torch_geometric.data.batch", "DynamicInheritanceGetter")
    classes = (global_("torch_geometric.data.batch", "Batch"), global_("torch_geometric.data.data", "Data"))
    assert judged(pickle(4, getter, tuple_(*classes), REDUCE, dict_(_num_graphs=number(1)), BUILD)).inert
    other = pickle(4, getter, tuple_(global_("company_ml", "run"), classes[1]), REDUCE)
    assert level(judged(other)) is Level.UNSAFE


def test_no_mapping_is_made_of_a_text() -> None:
    """What a harmless name is given tells that it stands for another."""
    assert level(judged(pickle(4, call("collections", "OrderedDict", text("echo hi"))))) is Level.UNSAFE
    assert judged(pickle(4, call("collections", "OrderedDict"))).inert
    pairs = MARK + tuple_(text("a"), number(1)) + b"l"
    assert judged(pickle(4, call("collections", "OrderedDict", pairs))).inert


@pytest.mark.parametrize("ranges", ["[\u0001-\uffff]", "[a\\u0001-\\uffff]"])
def test_patterns_that_take_minutes_to_be_compiled_are_not_clean(ranges: str) -> None:
    """One pattern of many wide ranges, or many patterns: each range is a table of 65,536 entries."""
    one = call("re", "_compile", text(1200 * ranges), number(2))
    many = EMPTY_LIST + MARK + 1200 * call("re", "_compile", text(ranges), number(2)) + APPENDS
    for sample in (one, many):
        assert level(judged(pickle(4, sample))) is Level.UNVERIFIED


@pytest.mark.parametrize(
    "pattern",
    ["[\u4e00-\u9fff]+|[^\u0400-\u04ff]", 5000 * "[a-z]", 500 * "\\w+-\\w+ | ", 100 * "[\u4e00-\u9fff]"],
)
def test_patterns_as_tokenizers_have_them_are_clean(pattern: str) -> None:
    """A hundred ranges of Chinese characters take a second."""
    assert judged(pickle(4, call("re", "_compile", text(pattern), number(0)))).inert
