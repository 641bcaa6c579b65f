"""The oracle's pickles as trees: what is written is read, by CPython and by the oracle itself."""

from __future__ import annotations

import pickle
from collections import OrderedDict, defaultdict, deque
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracle.mutations import Specimen
from oracle.parsing import copied, imports, parse
from oracle.places import Role, places
from oracle.shown import shown
from oracle.subject import subject
from oracle.trees import Kind, Node, call, emit, named, new, tree

CONSTANTS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
VALUES = st.recursive(
    CONSTANTS,
    lambda inside: (
        st.lists(inside)
        | st.lists(inside).map(tuple)
        | st.dictionaries(st.text() | st.integers(), inside)
        | st.sets(st.text())
        | st.frozensets(st.integers())
    ),
    max_leaves=20,
)


@given(VALUES)
def test_constants_and_containers_are_what_they_were(value: object) -> None:
    """CPython loads the pickle of a tree as the value that the tree was made of."""
    assert pickle.loads(emit(tree(value))) == value


@pytest.mark.parametrize("protocol", [3, 4, 5])
@pytest.mark.parametrize(
    "value",
    [
        OrderedDict(a=1),
        defaultdict(list, a=[1, 2]),
        deque([1, (2, b"3")]),
        Fraction(1, 3),
        date(2026, 1, 1),
        {"a": [{1, 2}, frozenset({3}), bytearray(b"x")], (1, "k"): None},
    ],
)
def test_what_a_pickler_wrote_is_read(value: object, protocol: int) -> None:
    """A real pickle becomes a tree, and the tree the pickle of an equal object."""
    assert pickle.loads(emit(parse(pickle.dumps(value, protocol)))) == value


def test_shared_and_cyclic_values_stay_one_object() -> None:
    """A list that lies in two places is one list, also in a copy; one that holds itself ends."""
    shared: list[object] = [1]
    shared.append(shared)
    first, second = pickle.loads(emit(copied(parse(pickle.dumps((shared, shared))))))
    assert first is second
    assert first[1] is first


def test_a_tuple_that_holds_itself() -> None:
    """A tuple within its own list is written as picklers write it."""
    inside: list[object] = []
    whole = (inside,)
    inside.append(whole)
    loaded = pickle.loads(emit(parse(pickle.dumps(whole, 4))))
    assert loaded[0][0] is loaded


def test_places_have_names_that_a_person_finds() -> None:
    """Arguments, states, keys and elements all are places, and say where they are."""
    root = call("a.make", 1)
    root.state.append(tree({"x": [2]}))
    found = {place.path: place.role for place in places(root)}
    assert found == {
        "<make>#callee": Role.CALLEE,
        "<make>()": Role.ARGUMENTS,
        "<make>()[0]": Role.ELEMENT,
        "<make>": Role.STATE,
        "<make>.x": Role.VALUE,
        "<make>.x#key": Role.KEY,
        "<make>.x[0]": Role.ELEMENT,
    }


def test_a_change_leaves_the_original_alone() -> None:
    """A specimen with another value in a place is a tree of its own."""
    before = Specimen("seed", new("a.B", {"x": 1}))
    index = next(number for number, place in enumerate(places(before.root)) if place.path.endswith(".x"))
    after = before.put(index, named("a.f"), "f")
    assert imports(before.root) == {("a", "B")}
    assert imports(after.root) == {("a", "B"), ("a", "f")}
    assert after.label == "seed <B>.x:=f"


def test_a_shadowed_method_is_an_attribute() -> None:
    """A name that restoring calls is added to the state, also to the first of two parts."""
    for state in (None, {"x": 1}, ({"x": 1}, {"slot": 2})):
        made = Specimen("seed", new("a.B", state)).shadow(0, "method", tree(3), "three")
        held = made.root.state[0]
        attributes = held.parts[0] if held.kind is Kind.TUPLE else held
        assert [part.value for part in attributes.parts[-2:]] == ["method", 3]


def test_what_no_shadow_can_be_put_into_is_said() -> None:
    """A state that is no dictionary has no attributes."""
    with pytest.raises(ValueError, match="no dictionary"):
        Specimen("seed", new("a.B", [1])).shadow(0, "method", tree(3), "three")


def test_any_object_can_be_given_any_state() -> None:
    """Also one that has none yet."""
    made = Specimen("seed", tree([new("a.B")])).restate(0, named("a.f"), "f")
    assert [(path, node.state[0].name) for path, node in made.objects] == [("[0]", ("a", "f"))]


def test_a_subject_names_what_it_imports_and_what_it_only_mentions() -> None:
    """What the pickle calls itself is no mention."""
    one = subject("x", call("a.make", named("a.kept"), new("b.C")))
    assert one.names == {("a", "make"), ("a", "kept"), ("b", "C")}
    assert one.mentioned == {("a", "kept")}


def test_names_in_bytes_count_only_where_torch_unpickles_them() -> None:
    """Bytes that are a pickle are data, unless the function that loads tensors is called on them."""
    inner = emit(named("a.inner"))
    assert ("a", "inner") in subject("x", call("torch.storage._load_from_bytes", inner)).names
    storage = b"\x80\x02ctorch.storage\nUntypedStorage\nQ."  # a dot in a name, and a persistent id behind it
    assert ("torch.storage", "UntypedStorage") in subject("x", call("torch.storage._load_from_bytes", storage)).names
    assert ("a", "inner") not in subject("x", call("a.other", inner)).names
    assert ("a", "inner") not in subject("x", Node(Kind.CONSTANT, inner)).names


def test_a_tree_is_shown_in_one_line() -> None:
    """Calls, objects with a state, containers; what comes a second time is not shown again."""
    shared = tree([1, "a"])
    root = tree({"x": call("a.make", shared, (None,)), 2: new("b.C", {"y": shared})})
    assert shown(root) == "{'x': a.make(([1, 'a'], (None,),)), 2: b.C.__new__((,); state {'y': …})}"
