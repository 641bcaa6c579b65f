"""Laws of the closed world, against a second implementation that is naive: recursive, without a memory.

A recipe is a value to be; it is spelt as opcodes in many ways, all of which mean the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples.closed import ACTING, FUNCTION, LOADER, PASSIVE, READ, WORLD, World
from samples.judged import judged, level
from samples.opcodes import (
    APPEND,
    APPENDS,
    BUILD,
    DICT,
    EMPTY_DICT,
    EMPTY_LIST,
    LIST,
    MARK,
    NONE,
    POP,
    SETITEM,
    SETITEMS,
    call,
    get,
    global_,
    number,
    pickle,
    put,
    text,
    tuple_,
)

from picklewatch.analysis.pickle.semantics import data_reader
from picklewatch.analysis.pickle.semantics.closed_world import ClosedWorld
from picklewatch.analysis.pickle.semantics.hook_reader import HookReader
from picklewatch.catalogue.classes.hook_schema import Content
from picklewatch.catalogue.classes.profiles import ClassKind, Hook
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from collections.abc import Iterator

ADAM, MODULE = "torch.optim.adam Adam", "torch.nn.modules.container Sequential"
ESTIMATOR, METRIC, MORTAL = (
    "sklearn.preprocessing._data StandardScaler",
    "torchmetrics.aggregation MeanMetric",
    "torch.optim.sgd SGD",
)
NAMES_OF_ATTRIBUTES = ("a", "state", "param_groups", "_hook_for_profile", "_modules", "_sklearn_version")


@dataclass(frozen=True, eq=False)
class Recipe:
    """A value to be: *what* it is, of what class, and what it holds."""

    what: str
    name: str = ""
    held: tuple[Recipe, ...] = ()


def _attributes(recipe: Recipe) -> dict[str, Recipe]:
    return dict(zip(NAMES_OF_ATTRIBUTES, recipe.held, strict=False))


_LEAVES = st.sampled_from(["number", "text", "function", "class", "partial", "enum", "stranger"]).map(Recipe)

_CLASSES = (ACTING, PASSIVE, LOADER, ADAM, MODULE, ESTIMATOR, METRIC, MORTAL)


def _larger(smaller: st.SearchStrategy[Recipe]) -> st.SearchStrategy[Recipe]:
    held = st.lists(smaller, max_size=4).map(tuple)
    classes = st.sampled_from(_CLASSES)
    return st.one_of(
        st.builds(Recipe, st.sampled_from(["list", "tuple", "dict"]), st.just(""), held),
        st.builds(Recipe, st.just("object"), classes, held),
        st.builds(Recipe, st.just("key"), st.just(""), st.tuples(smaller)),
        smaller.map(lambda one: Recipe("tuple", "", (one, one))),
    )


RECIPES = st.recursive(_LEAVES, _larger, max_leaves=12)


# --- the naive implementation ---


def everything(recipe: Recipe) -> Iterator[Recipe]:
    """Yield the recipe and all in it, as often as it is there."""
    yield recipe
    for one in recipe.held:
        yield from everything(one)


def is_data(recipe: Recipe) -> bool:
    """Return True for numbers, texts, members, and containers of these."""
    if recipe.what in {"number", "text", "enum"}:
        return True
    return recipe.what in {"list", "tuple", "dict", "key"} and all(is_data(one) for one in recipe.held)


def _may_be(look: Content, recipe: Recipe) -> bool:
    if look is Content.NAMES:
        return recipe.what in {"dict", "key"} or (recipe.what in {"list", "tuple"} and is_data(recipe))
    return {
        Content.UNSEEN: True,
        Content.DATA: is_data(recipe),
        Content.ABSENT: False,
        Content.TEXT: recipe.what == "text",
    }[look]


def _run(function: str, recipe: Recipe) -> bool:
    read = next(one for one in READ if one.function == function)
    return all(_may_be(read.looks.get(name, read.rest).content, one) for name, one in _attributes(recipe).items())


def _hashes(recipe: Recipe) -> bool:
    if recipe.what == "tuple":
        return all(_hashes(one) for one in recipe.held)
    if recipe.what == "object":
        profile = WORLD[recipe.name]
        return all(_run(one, recipe) for hook in (Hook.HASH, Hook.EQ) for one in profile.acts.get(hook, ()))
    return recipe.what != "class"  # its metaclass hashes it


def is_closed(recipe: Recipe) -> bool:
    """Return True if no hook in *recipe* reaches anything but data or what its schema allows."""
    for one in everything(recipe):
        if one.what == "stranger":
            return False  # nobody knows what it is
        if one.what == "key" and not _hashes(one.held[0]):
            return False
        if one.what == "object" and WORLD[one.name].kind is not ClassKind.PASSIVE:
            hooks = (Hook.SETSTATE, Hook.DEL)
            if not all(_run(run, one) for hook in hooks for run in WORLD[one.name].acts.get(hook, ())):
                return False
    return True


# --- the spellings ---

_SPELT = {
    "number": number(7),
    "text": text("x"),
    "function": FUNCTION,
    "class": global_("torch.nn.modules.linear", "Linear"),
    "partial": call("functools", "partial", FUNCTION),
    "enum": call("http", "HTTPStatus", number(200)),
    "stranger": global_("their_models", "Thing"),
}


class Speller:
    """Spells a recipe as opcodes; *choices* decide between what means the same, *random* in which order items come."""

    def __init__(self, choices: list[int], random: Random | None = None) -> None:
        self._choices = choices
        self._random = random
        self._asked = 0
        self._memo: dict[int, int] = {}

    def _choose(self, *among: bytes) -> bytes:
        self._asked += 1
        return among[self._choices[self._asked % len(self._choices)] % len(among)] if self._choices else among[0]

    def spell(self, recipe: Recipe) -> bytes:
        """Return the opcodes of *recipe*; what is there twice is recalled."""
        known = self._memo.get(id(recipe))
        if known is not None:
            return self._choose(get(known), self._new(recipe))
        spelt = self._new(recipe)
        self._memo[id(recipe)] = len(self._memo)
        return spelt + put(len(self._memo) - 1)

    def recall(self, recipe: Recipe) -> bytes:
        """Return the opcodes that fetch what *recipe* was spelt as."""
        return get(self._memo[id(recipe)])

    def _new(self, recipe: Recipe) -> bytes:
        held = [self.spell(one) for one in recipe.held]
        if recipe.what in _SPELT:
            return _SPELT[recipe.what]
        if recipe.what == "list":
            return self._choose(
                MARK + b"".join(held) + LIST,
                EMPTY_LIST + b"".join(one + APPEND for one in held),
                EMPTY_LIST + MARK + b"".join(held) + APPENDS,
            )
        if recipe.what == "tuple":
            return tuple_(*held)
        if recipe.what == "key":
            return EMPTY_DICT + held[0] + NONE + SETITEM
        if recipe.what == "dict":
            return self._mapping(dict(zip("pqrs", held, strict=False)))
        return self._made(recipe.name) + self._mapping(dict(zip(NAMES_OF_ATTRIBUTES, held, strict=False))) + BUILD

    def _mapping(self, items: dict[str, bytes]) -> bytes:
        pairs = [text(name) + value for name, value in items.items()]
        if self._random is not None:
            self._random.shuffle(pairs)
        return self._choose(
            MARK + b"".join(pairs) + DICT,
            EMPTY_DICT + b"".join(pair + SETITEM for pair in pairs),
            EMPTY_DICT + MARK + b"".join(pairs) + SETITEMS,
        )

    def _made(self, name: str) -> bytes:
        module, _, own = name.partition(" ")
        return self._choose(
            global_(module, own) + b")\x81",
            MARK + global_(module, own) + b"o",
            MARK + f"i{module}\n{own}\n".encode(),
            call("copyreg", "_reconstructor", global_(module, own), global_("builtins", "object"), NONE),
            global_(module, own) + b")}\x92",
        )


_CHOICES = st.lists(st.integers(0, 59), max_size=30)


@pytest.fixture(scope="module", autouse=True)
def _world() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        World(patch)
        yield


def _spelt(recipe: Recipe, choices: list[int], protocol: int) -> bytes:
    """Return a pickle of *recipe*: its keys must be fit to be hashed, or no reader goes on."""
    return pickle(protocol, tuple_(Speller(choices).spell(recipe)))


@given(RECIPES, _CHOICES, st.sampled_from([0, 2, 4, 5]))
def test_clean_is_closed(recipe: Recipe, choices: list[int], protocol: int) -> None:
    """A clean pickle is closed, by the naive implementation as well; what is closed is clean."""
    clean = level(judged(_spelt(recipe, choices, protocol))) is Level.INFO
    assert clean is is_closed(recipe)


@given(RECIPES, st.sampled_from([ADAM, ACTING, MORTAL]), st.sampled_from(["function", "partial"]), _CHOICES)
def test_a_callable_below_a_looked_into_attribute_is_never_clean(
    around: Recipe, name: str, what: str, choices: list[int]
) -> None:
    """However deep, and whatever lies beside it."""
    deep = Recipe("tuple", "", (around, Recipe("object", PASSIVE, (Recipe(what),))))
    outer = Recipe("object", name, (Recipe("number"), Recipe("list", "", (deep,))))
    assert level(judged(_spelt(outer, choices, 4))) is not Level.INFO


@given(RECIPES, _CHOICES, st.sampled_from([0, 2, 3, 4, 5]))
def test_spelling_changes_no_verdict(recipe: Recipe, choices: list[int], protocol: int) -> None:
    """Memo, opcodes and protocol are no matter."""
    assert level(judged(_spelt(recipe, choices, protocol))) is level(judged(_spelt(recipe, [], 2)))


@given(RECIPES, st.integers(0, 99), _CHOICES)
def test_order_changes_no_verdict(recipe: Recipe, seed: int, choices: list[int]) -> None:
    """In whatever order attributes and items are written, and whether an object is made where it is used or before."""
    plain = level(judged(_spelt(recipe, [], 2)))
    assert level(judged(pickle(4, tuple_(Speller(choices, Random(seed)).spell(recipe))))) is plain
    before = Speller(choices)
    made = before.spell(recipe)
    assert level(judged(pickle(4, made, POP, tuple_(before.recall(recipe))))) is plain


def _nothing(*_arguments: object, **_keywords: object) -> None:
    """Judge nothing."""


def _all_data(*_arguments: object) -> bool:
    return True


_BROKEN = {
    "what hooks look at is not judged": (HookReader, "look", _nothing),
    "all that is restored is data": (data_reader, "is_data", _all_data),
    "no key is judged": (ClosedWorld, "hashed", _nothing),
    "no state is judged": (ClosedWorld, "built", _nothing),
    "the last state is not judged": (HookReader, "run", _nothing),
}


@pytest.mark.parametrize(("owner", "name", "instead"), _BROKEN.values(), ids=_BROKEN)
def test_a_rule_with_a_gap_breaks_the_law(owner: object, name: str, instead: object) -> None:
    """Whichever part of the rule is taken out, some recipes at random are clean without being closed."""
    random = Random(1)
    recipes = [one for one in (_at_random(random, 3) for _ in range(250)) if not is_closed(one)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, instead)
        assert any(level(judged(_spelt(one, [], 2))) is Level.INFO for one in recipes)


def _at_random(random: Random, depth: int) -> Recipe:
    """Return a recipe with an object or a key in it, most often."""
    if depth == 0:
        return Recipe(random.choice(list(_SPELT)))
    held = tuple(_at_random(random, depth - 1) for _ in range(random.randint(1, 2)))
    what = random.choice(["list", "tuple", "dict", "key", "object", "object"])
    return Recipe(what, random.choice(_CLASSES) if what == "object" else "", held[:1] if what == "key" else held)
