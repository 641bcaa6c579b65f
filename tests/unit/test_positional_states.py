"""States that compiled hooks take apart by number: they must be as long, and of such parts, as picklers write them."""

from __future__ import annotations

import pytest
from samples.judged import judged, level
from samples.opcodes import (
    APPENDS,
    BUILD,
    EMPTY_LIST,
    MARK,
    NONE,
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
    text,
    tuple_,
)

from picklewatch.core.model import Level

_ARRAY = array(sizes(2), dtype("f8"), data(b"\0" * 16))
_METRIC_PARTS = (number(2), _ARRAY, _ARRAY)
_METRIC = new("sklearn.metrics._dist_metrics", "EuclideanDistance64") + tuple_(*_METRIC_PARTS) + BUILD
_TREE_PARTS = (*4 * (_ARRAY,), *7 * (number(1),), _METRIC, NONE)
_TREES = (
    ("sklearn.neighbors._kd_tree", "KDTree"),
    ("sklearn.neighbors._kd_tree", "KDTree64"),
    ("sklearn.neighbors._ball_tree", "BallTree32"),
    ("sklearn.neighbors.kd_tree", "KDTree"),
    ("sklearn.neighbors.ball_tree", "BallTree"),
)
_METRICS = (
    ("sklearn.metrics._dist_metrics", "SEuclideanDistance64"),
    ("sklearn.metrics._dist_metrics", "MahalanobisDistance64"),
    ("sklearn.metrics._dist_metrics", "MinkowskiDistance"),
    ("sklearn.neighbors._dist_metrics", "EuclideanDistance"),
    ("sklearn.neighbors.dist_metrics", "DistanceMetric"),
)
_POSITIONAL = [*((name, _TREE_PARTS) for name in _TREES), *((name, _METRIC_PARTS) for name in _METRICS)]


def _restored(name: tuple[str, str], state: bytes) -> Level:
    return level(judged(pickle(4, new(*name), state, BUILD)))


@pytest.mark.parametrize(("name", "parts"), _POSITIONAL)
def test_the_state_that_a_pickler_writes_is_clean(name: tuple[str, str], parts: tuple[bytes, ...]) -> None:
    """Arrays, numbers and a metric, each in its place."""
    assert _restored(name, tuple_(*parts)) is Level.INFO


@pytest.mark.parametrize(("name", "parts"), _POSITIONAL)
def test_a_state_of_another_length_is_not(name: tuple[str, str], parts: tuple[bytes, ...]) -> None:
    """Nobody counts the parts: what is not there is read from beyond the tuple."""
    for state in (tuple_(), tuple_(*parts[:2]), tuple_(*parts, NONE), EMPTY_LIST + MARK + b"".join(parts) + APPENDS):
        assert _restored(name, state) is Level.UNVERIFIED


@pytest.mark.parametrize(("name", "parts"), _POSITIONAL)
def test_a_part_of_another_type_is_not(name: tuple[str, str], parts: tuple[bytes, ...]) -> None:
    """Data that is no array, where one is expected, and an array in a number's place."""
    for wrong in (NONE, text("x"), number(1), EMPTY_LIST):
        assert _restored(name, tuple_(*parts[:1], wrong, *parts[2:])) is Level.UNVERIFIED
    at = 0 if len(parts) < 4 else 4
    assert _restored(name, tuple_(*parts[:at], _ARRAY, *parts[at + 1 :])) is Level.UNVERIFIED


@pytest.mark.parametrize("held", [global_("numpy", "mean"), new("torch.utils.data.dataloader", "DataLoader")])
def test_a_part_that_is_no_data_is_worse(held: bytes) -> None:
    """What could act is reported for that."""
    state = tuple_(number(2), held, _ARRAY)
    assert _restored(("sklearn.metrics._dist_metrics", "EuclideanDistance64"), state) is Level.UNSAFE


def test_a_tree_whose_nodes_are_in_a_list_is_not_clean() -> None:
    """Any sequence is unpacked, and follows the nodes: those of a tuple are looked at."""
    state = MARK + data(b"\xff" * 72) + 7 * number(1) + b"l"
    for name in (
        ("scipy.spatial", "cKDTree"),
        ("scipy.spatial._kdtree", "KDTree"),
        ("scipy.spatial.ckdtree", "cKDTree"),
    ):
        assert _restored(name, state) is Level.UNVERIFIED


def test_a_tree_of_plain_python_keeps_its_nodes() -> None:
    """Before 1.6 it was a class with attributes, nodes of its own among them."""
    node = new("scipy.spatial.kdtree", "KDTree.leafnode") + dict_(idx=number(1)) + BUILD
    assert _restored(("scipy.spatial.kdtree", "KDTree"), dict_(tree=node, n=number(1))) is Level.INFO


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("sklearn.cluster._hierarchical_fast", "UnionFind"),
        ("sklearn.utils._fast_dict", "IntFloatDict"),
        ("sklearn.tree._criterion", "Criterion"),
    ],
)
def test_what_cython_restores_by_number_is_not_clean(module: str, name: str) -> None:
    """Compiled without checks of bounds, these functions read parts that a short tuple does not have."""
    sample = call(module, f"__pyx_unpickle_{name}", global_(module, name), number(1), tuple_())
    assert level(judged(pickle(4, sample))) in {Level.UNVERIFIED, Level.UNSAFE}


def _block(function: tuple[str, str], placement: bytes) -> Level:
    return level(judged(pickle(4, call(*function, _ARRAY, placement))))


_BLOCKS = [("pandas._libs.internals", "_unpickle_block"), ("pandas.core.internals", "make_block")]
_SCALAR = call("numpy.core.multiarray", "scalar", dtype("f8"), data(b"\0" * 8))


@pytest.mark.parametrize("function", _BLOCKS)
def test_a_block_is_placed_by_columns(function: tuple[str, str]) -> None:
    """A slice, a number, a list or an array of them."""
    columns = array(sizes(1), dtype("i8"), data(b"\0" * 8))
    for placement in (call("builtins", "slice", number(0), number(1)), number(0), EMPTY_LIST, columns):
        assert _block(function, placement) is Level.INFO


@pytest.mark.parametrize("function", _BLOCKS)
def test_a_block_without_columns_is_not_clean(function: tuple[str, str]) -> None:
    """Pandas makes an array of the placement and believes that it has a dimension."""
    alone = array(tuple_(), dtype("i8"), data(b"\0" * 8))
    for placement in (b"\x88", b"G" + 8 * b"\0", NONE, text("x"), _SCALAR, alone):
        assert _block(function, placement) is Level.UNVERIFIED


@pytest.mark.parametrize(
    ("module", "name"), [("sklearn.tree._criterion", "Gini"), ("sklearn.tree._criterion", "Entropy")]
)
def test_a_criterion_has_an_array_of_classes(module: str, name: str) -> None:
    """None in its place is read as if it were one: the interpreter ends."""
    classes = array(sizes(1), dtype("i8"), data(b"\2" + b"\0" * 7))
    assert level(judged(pickle(4, call(module, name, number(1), classes)))) is Level.INFO
    for wrong in (NONE, number(2), EMPTY_LIST, text("x")):
        assert level(judged(pickle(4, call(module, name, number(1), wrong)))) is Level.UNVERIFIED
