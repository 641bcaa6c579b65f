"""The theorem, sentence by sentence: no hook of a clean pickle reaches anything that could act."""

from __future__ import annotations

import pytest
from samples.closed import ACTING, FUNCTION, HOOK, LOADER, PASSIVE, World, fresh, loader, made, profile, schema
from samples.judged import judged, level, rules, worst
from samples.opcodes import (
    ADDITEMS,
    APPEND,
    APPENDS,
    BUILD,
    EMPTY_DICT,
    EMPTY_LIST,
    EMPTY_SET,
    FALSE,
    FROZENSET,
    LIST,
    MARK,
    NONE,
    POP,
    SETITEM,
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
    text,
    tuple_,
)

from picklewatch.analysis.pickle import Budget, judge_pickle
from picklewatch.catalogue.classes.hook_schema import (
    ABSENT,
    DATA,
    NAMES,
    SEQUENCE,
    TEXT,
    UNSEEN,
    Permitted,
    Schema,
    data_and,
)
from picklewatch.catalogue.classes.profiles import ClassKind
from picklewatch.core.model import Level

_HARM = {Level.UNSAFE, Level.MALICIOUS}
_PARTIAL = call("functools", "partial", FUNCTION)
_NOT_DATA = {
    "function": FUNCTION,
    "class": global_("torch.nn.modules.linear", "Linear"),
    "partial": _PARTIAL,
    "object": loader(),
    "in a list": EMPTY_LIST + loader() + APPEND,
    "in a tuple": tuple_(number(1), tuple_(FUNCTION)),
    "in a dict": EMPTY_DICT + text("k") + FUNCTION + SETITEM,
    "in a set": EMPTY_SET + MARK + FUNCTION + ADDITEMS,
    "in a frozenset": MARK + FUNCTION + FROZENSET,
    "in an OrderedDict": call("collections", "OrderedDict") + text("k") + FUNCTION + SETITEM,
    "in a deque": call("collections", "deque", EMPTY_LIST) + FUNCTION + APPEND,
    "a method of an OrderedDict": call("collections", "OrderedDict") + dict_(items=FUNCTION) + BUILD,
    "a factory": call("collections", "defaultdict", _PARTIAL),
    "in an array": array(sizes(1), dtype("O8"), EMPTY_LIST + FUNCTION + APPEND),
}
_DATA = {
    "numbers": EMPTY_LIST + MARK + number(1) + number(2) + APPENDS,
    "nested": dict_(a=tuple_(text("x"), NONE, EMPTY_LIST + data(b"x") + APPEND)),
    "array": array(sizes(2), dtype("f8"), data(b"\0" * 16)),
    "objects in an array": array(sizes(1), dtype("O8"), EMPTY_LIST + text("x") + APPEND),
    "type": global_("numpy", "float32"),
    "date": call("datetime", "date", number(2026), number(11), number(30)),
    "factory": call("collections", "defaultdict", global_("builtins", "list")),
    "ordered": call("collections", "OrderedDict") + text("k") + number(1) + SETITEM,
}


@pytest.fixture(name="world")
def _world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def _judge(*parts: bytes) -> Level:
    return level(judged(pickle(4, *parts)))


@pytest.mark.usefixtures("world")
class TestData:
    """Where a hook looks is data only, all the way down."""

    @pytest.mark.parametrize("held", _DATA.values(), ids=_DATA)
    def test_data_is_fine(self, held: bytes) -> None:
        """Constants, containers, arrays, element types, dates."""
        assert _judge(made(ACTING, x=held)) is Level.INFO

    @pytest.mark.parametrize("held", _NOT_DATA.values(), ids=_NOT_DATA)
    def test_nothing_else_is(self, held: bytes) -> None:
        """Wherever it lies."""
        report = judged(pickle(4, made(ACTING, x=held)))
        assert level(report) in _HARM
        assert "reached-callable" in rules(report)

    @pytest.mark.parametrize("held", _NOT_DATA.values(), ids=_NOT_DATA)
    def test_a_passive_object_holds_anything(self, held: bytes) -> None:
        """Nobody looks: that is why the rule costs no honest file."""
        assert "reached-callable" not in rules(judged(pickle(4, made(PASSIVE, x=held))))

    def test_an_enumeration_is_data(self, world: World) -> None:
        """Its members are made by one literal."""
        world.profile("torch.optim.lr_scheduler _Kind", profile(ClassKind.ENUM))
        member = call("http", "HTTPStatus", number(200))
        assert _judge(made(ACTING, x=member)) is Level.INFO

    def test_the_way_is_told(self) -> None:
        """From the hook's object to what it would call."""
        finding = worst(judged(pickle(4, made("torch.optim.adam Adam", param_groups=loader()))))
        assert finding.evidence == "Adam.param_groups → DataLoader.collate_fn → numpy.mean"
        assert finding.summary.startswith("torch.optim.adam.Adam.__setstate__ ")

    def test_what_is_not_known_is_unverified(self, world: World) -> None:
        """A class in neither the census nor a list is not called unsafe for what it may do."""
        assert _judge(made("torch.nn.modules.module Unread", x=loader())) is Level.UNVERIFIED
        assert _judge(made("torch.nn.modules.module Unread", x=number(1))) is Level.UNVERIFIED

    @pytest.mark.parametrize(
        ("hook", "opcodes"),
        [
            ("SETSTATE", dict_(x=number(1)) + BUILD),
            ("SETSTATE", NONE + BUILD),
            ("DEL", b""),
            ("DEL", dict_(x=number(1)) + BUILD),
            ("GETATTR", dict_(x=number(1)) + BUILD),
            ("GETATTRIBUTE", dict_(x=number(1)) + BUILD),
            ("SETATTR", tuple_(NONE, dict_(x=number(1))) + BUILD),
            ("SETITEM", text("k") + number(1) + SETITEM),
            ("APPEND", number(1) + APPEND),
            ("EXTEND", MARK + number(1) + APPENDS),
            ("ADD", MARK + number(1) + ADDITEMS),
        ],
    )
    def test_what_was_never_read_is_unverified(self, world: World, hook: str, opcodes: bytes) -> None:
        """A hook may open, remove, connect or unpickle with nothing but data; a callable makes it unsafe."""
        world.profile(ACTING, profile(ClassKind.ACTIVE, **{hook: "never.read"}))
        assert _judge(fresh(ACTING), opcodes) is Level.UNVERIFIED
        world.profile(ACTING, profile(ClassKind.ACTIVE, **{hook: HOOK}))
        assert _judge(fresh(ACTING), opcodes) is Level.INFO

    def test_what_only_a_getattr_fills_is_unverified(self, world: World) -> None:
        """Where a class has no method that fills it, ``__getattr__`` is asked for one, which is called."""
        world.profile(ACTING, profile(ClassKind.ACTIVE, GETATTR=HOOK))
        assert _judge(fresh(ACTING), number(1) + APPEND) is Level.UNVERIFIED

    def test_a_new_or_a_hash_that_was_never_read_is_unverified(self, world: World) -> None:
        """Arguments and keys that are data do not help."""
        world.profile(ACTING, profile(NEW="never.read", HASH="never.read"))
        assert _judge(fresh(ACTING, number(1))) is Level.UNVERIFIED
        assert _judge(EMPTY_DICT, fresh(ACTING), NONE, SETITEM) is Level.UNVERIFIED

    def test_a_class_as_a_key_is_unverified(self) -> None:
        """Its metaclass hashes it; Python's own, numpy's, enumerations' and functions are known."""
        assert _judge(EMPTY_DICT, global_("torch.nn.modules.linear", "Linear"), NONE, SETITEM) is Level.UNVERIFIED
        for key in (global_("builtins", "int"), global_("numpy", "float32"), FUNCTION):
            assert _judge(EMPTY_DICT, key, NONE, SETITEM) is Level.INFO


class TestSchemas:
    """A schema says for each attribute what may be there."""

    @pytest.mark.parametrize(
        ("allowed", "held", "fine"),
        [
            (DATA, number(1), True),
            (DATA, loader(), False),
            (UNSEEN, loader(), True),
            (ABSENT, number(1), False),
            (ABSENT, NONE, False),
            (TEXT, text("1.0"), True),
            (TEXT, text("x" * 5000), True),
            (TEXT, number(1), False),
            (TEXT, loader(), False),
            (NAMES, EMPTY_DICT + text("k") + FUNCTION + SETITEM, True),
            (NAMES, call("collections", "OrderedDict") + text("k") + FUNCTION + SETITEM, True),
            (NAMES, call("collections", "OrderedDict") + dict_(keys=FUNCTION) + BUILD, False),
            (NAMES, EMPTY_SET + MARK + text("k") + ADDITEMS, True),
            (NAMES, call("builtins", "set", MARK + text("k") + LIST), True),
            (NAMES, EMPTY_LIST + text("k") + APPEND, True),
            (NAMES, EMPTY_LIST + loader() + APPEND, False),
            (NAMES, loader(), False),
            (NAMES, FUNCTION, False),
            (data_and("torch.utils.data.dataloader.DataLoader"), made(LOADER, x=number(1)), True),
            (data_and("torch.utils.data.dataloader.DataLoader"), loader(), False),
        ],
    )
    def test_a_place_holds_what_it_may(self, world: World, allowed: Permitted, held: bytes, *, fine: bool) -> None:
        """Each look, with what it allows and what not."""
        world.read(schema(HOOK, x=allowed))
        assert (_judge(made(ACTING, x=held)) is Level.INFO) is fine
        assert fine or _judge(made(ACTING, x=held)) in _HARM

    def test_nobody_looks_at_the_rest(self, world: World) -> None:
        """What a function that was read does not look into holds anything."""
        world.read(schema(HOOK, x=DATA))
        assert _judge(made(ACTING, y=loader())) is Level.INFO

    def test_the_rest_may_be_looked_at(self, world: World) -> None:
        """As where a function walks over all attributes."""
        world.read(schema(HOOK, rest=DATA, x=UNSEEN))
        assert _judge(made(ACTING, x=loader())) is Level.INFO
        assert _judge(made(ACTING, y=loader())) in _HARM

    def test_slots_are_looked_at_too(self, world: World) -> None:
        """A state of two parts sets attributes in both."""
        world.read(schema(HOOK, x=DATA))
        pair = tuple_(NONE, dict_(x=loader()))
        assert _judge(fresh(ACTING), pair, BUILD) in _HARM

    def test_every_function_of_a_hook_counts(self, world: World) -> None:
        """Versions differ: a class may have several."""
        world.profile(ACTING, profile(SETSTATE="one two"))
        world.read(schema("one"))
        world.read(schema("two", x=ABSENT))
        assert _judge(made(ACTING, x=number(1))) in _HARM


@pytest.mark.parametrize("held", [new("torch.nn.modules.container", "Sequential"), FUNCTION, _PARTIAL])
@pytest.mark.usefixtures("world")
def test_attributes_in_the_place_of_methods(held: bytes) -> None:
    """``group.setdefault(…)`` of an optimizer calls what a duck type in its groups holds under that name."""
    duck = call("types", "SimpleNamespace") + dict_(setdefault=held) + BUILD
    assert _judge(duck) is Level.INFO
    assert _judge(made("torch.optim.adam Adam", param_groups=EMPTY_LIST + duck + APPEND)) in _HARM
    assert _judge(made("torch.optim.adam Adam", _hook_for_profile=held)) in _HARM


class TestStates:
    """A state is an exact dict, None, or two of them; anything else is data, or a schema says so."""

    @pytest.mark.parametrize("name", [ACTING, PASSIVE])
    @pytest.mark.parametrize("state", [loader(), made("omegaconf.dictconfig DictConfig", x=number(1))])
    @pytest.mark.usefixtures("world")
    def test_an_object_is_no_state(self, name: str, state: bytes) -> None:
        """Whatever stores it asks it for its items: OmegaConf resolves them."""
        report = judged(pickle(4, fresh(name), state, BUILD))
        assert "foreign-state" in rules(report)
        assert level(report) in _HARM

    @pytest.mark.parametrize("name", ["__class__", "__dict__"])
    @pytest.mark.parametrize("of", [ACTING, PASSIVE])
    @pytest.mark.usefixtures("world")
    def test_no_part_sets_what_an_object_is(self, name: str, of: str) -> None:
        """A ``__setstate__`` may assign each attribute, as the unpickler does those of the second part."""
        held = EMPTY_DICT + text(name) + EMPTY_DICT + SETITEM
        assert _judge(fresh(of), held, BUILD) in _HARM
        assert _judge(fresh(of), tuple_(NONE, held), BUILD) in _HARM

    @pytest.mark.usefixtures("world")
    def test_a_list_may_hide_an_object(self) -> None:
        """``dict.update`` walks over each item of a list of pairs."""
        state = EMPTY_LIST + loader() + APPEND
        assert "foreign-state" in rules(judged(pickle(4, fresh(PASSIVE), state, BUILD)))

    def test_a_member_of_an_enumeration_has_no_state(self, world: World) -> None:
        """It belongs to the whole process."""
        world.profile(ACTING, profile(ClassKind.ENUM))
        assert "foreign-state" in rules(judged(pickle(4, fresh(ACTING), dict_(x=number(1)), BUILD)))


class TestHooks:
    """Each hook is judged where it runs."""

    def test_new_with_arguments(self, world: World) -> None:
        """``__new__`` sees them."""
        world.profile(ACTING, profile(NEW=HOOK))
        assert "reached-callable" in rules(judged(pickle(4, fresh(ACTING, loader()))))
        assert _judge(fresh(ACTING, number(1))) is Level.INFO

    def test_new_by_its_places(self, world: World) -> None:
        """A ``__new__`` that was read walks over its first argument, as in matplotlib: no object."""
        world.profile(ACTING, profile(NEW=HOOK))
        world.read(Schema(function=HOOK, why="a test", sources={}, places=(SEQUENCE,), state=UNSEEN))
        assert _judge(fresh(ACTING, tuple_(loader()), loader())) is Level.INFO
        assert _judge(fresh(ACTING, loader())) in _HARM

    @pytest.mark.parametrize("hook", ["SETATTR", "DESCRIPTOR"])
    def test_slots_run_setters(self, world: World, hook: str) -> None:
        """The second part of a state is set by ``setattr``, the first is not."""
        world.profile(ACTING, profile(ClassKind.ACTIVE, **{hook: "lib.Class.x"}))
        assert _judge(made(ACTING, x=loader())) is Level.INFO
        assert _judge(fresh(ACTING), tuple_(dict_(x=loader()), NONE), BUILD) is Level.INFO
        assert _judge(fresh(ACTING), tuple_(NONE, dict_(x=loader())), BUILD) in _HARM
        assert _judge(fresh(ACTING), tuple_(NONE, dict_(x=number(1))), BUILD) is Level.UNVERIFIED

    @pytest.mark.parametrize(("setter", "fine"), [("lib.Class.x", True), ("native.descriptor", False)])
    def test_a_setter_runs_for_its_name(self, world: World, setter: str, *, fine: bool) -> None:
        """A compiled one, whose name is not known, may run for each."""
        world.profile(ACTING, profile(DESCRIPTOR=setter))
        state = tuple_(dict_(x=loader()), dict_(y=loader()))
        assert (_judge(fresh(ACTING), state, BUILD) is Level.INFO) is fine

    def test_a_setstate_is_given_the_pair_itself(self, world: World) -> None:
        """Two dicts are attributes for the unpickler alone: ``dict.update`` makes a name and a value of them."""
        state = tuple_(dict_(y=loader()), dict_(z=loader()))
        world.read(schema(HOOK, x=DATA))
        assert _judge(fresh(ACTING), state, BUILD) in _HARM
        world.read(schema(HOOK, x=DATA, whole=UNSEEN))
        assert _judge(fresh(ACTING), state, BUILD) is Level.INFO

    @pytest.mark.parametrize(
        ("hook", "opcodes"),
        [
            ("SETITEM", text("k") + loader() + SETITEM),
            ("APPEND", loader() + APPEND),
            ("EXTEND", MARK + loader() + APPENDS),
            ("ADD", MARK + loader() + ADDITEMS),
        ],
    )
    def test_fillings(self, world: World, hook: str, opcodes: bytes) -> None:
        """The hook of a filling sees the items; without it they are only stored."""
        world.profile(ACTING, profile(ClassKind.PASSIVE))
        assert "reached-callable" not in rules(judged(pickle(4, fresh(ACTING), opcodes)))
        world.profile(ACTING, profile(ClassKind.ACTIVE, **{hook: HOOK}))
        assert "reached-callable" in rules(judged(pickle(4, fresh(ACTING), opcodes)))

    @pytest.mark.parametrize("name", ["__setstate__", "append"])
    @pytest.mark.parametrize("spelt", ["items", "arguments"])
    def test_items_that_are_attributes(self, world: World, name: str, spelt: str) -> None:
        """A ``__getattr__`` that returns items finds what the unpickler asks for among them."""
        world.profile(ACTING, profile(base="dict", GETATTR="keyed"))
        world.read(Schema(function="keyed", why="a test", sources={}, looks={name: ABSENT}, keyed=True))
        items = EMPTY_DICT + text(name) + number(1) + SETITEM
        kept = fresh(ACTING) + text(name) + number(1) + SETITEM if spelt == "items" else fresh(ACTING, items)
        assert _judge(kept, dict_(x=number(1)), BUILD) in _HARM
        assert _judge(kept, number(1), APPEND) in _HARM
        assert _judge(fresh(ACTING), text("x") + loader() + SETITEM, dict_(x=number(1)), BUILD) is Level.INFO

    def test_what_fills_is_seen_by_build(self, world: World) -> None:
        """``__setstate__`` sees the items that were there before."""
        world.profile(ACTING, profile(SETSTATE=HOOK))
        assert _judge(fresh(ACTING), loader(), APPEND, dict_(x=number(1)), BUILD) in _HARM

    @pytest.mark.parametrize("key", [(), ("tuple",), ("frozenset",), ("tuple", "frozenset")])
    @pytest.mark.parametrize("hook", ["HASH", "EQ"])
    def test_keys(self, world: World, hook: str, key: tuple[str, ...]) -> None:
        """A key is hashed, alone and inside of tuples and frozen sets."""
        world.profile(ACTING, profile(ClassKind.ACTIVE, **{hook: HOOK}))
        spelt = made(ACTING, x=loader())
        for around in key:
            spelt = tuple_(spelt) if around == "tuple" else MARK + spelt + FROZENSET
        for filling in (
            EMPTY_DICT + spelt + NONE + SETITEM,
            EMPTY_SET + MARK + spelt + ADDITEMS,
            call("builtins", "set", MARK + spelt + LIST),
            call("collections", "OrderedDict", MARK + tuple_(spelt, NONE) + LIST),
        ):
            report = judged(pickle(4, filling))
            assert "acting-key" in rules(report)
            assert level(report) in _HARM

    def test_a_key_that_hashes_itself_is_fine(self, world: World) -> None:
        """Python's own hash looks at nothing."""
        world.profile(ACTING, profile(SETSTATE=HOOK))
        world.read(schema(HOOK))
        assert _judge(EMPTY_DICT, made(ACTING, x=loader()), NONE, SETITEM) is Level.INFO

    @pytest.mark.usefixtures("world")
    def test_data_as_keys(self) -> None:
        """Constants, tuples, numpy's numbers, dates."""
        date = call("datetime", "date", number(2026), number(11), number(30))
        assert _judge(EMPTY_DICT, tuple_(number(1), date), NONE, SETITEM) is Level.INFO

    def test_deletion_sees_the_last_state(self, world: World) -> None:
        """A container that was filled after BUILD is there when ``__del__`` runs."""
        world.profile(ACTING, profile(DEL=HOOK))
        late = fresh(ACTING) + dict_(x=EMPTY_LIST + put(7)) + BUILD + get(7) + loader() + APPEND
        assert _judge(tuple_(late)) in _HARM
        world.profile(ACTING, profile(SETSTATE=HOOK))
        assert _judge(tuple_(late)) is Level.INFO

    def test_deletion_sees_the_first_state(self, world: World) -> None:
        """What is dropped at once is deleted at once, whatever its state becomes."""
        world.profile(ACTING, profile(DEL=HOOK))
        dropped = dict_(x=loader()) + put(7) + POP + fresh(ACTING) + get(7) + BUILD + POP
        assert _judge(dropped, get(7), text("x"), NONE, SETITEM) in _HARM


class TestTime:
    """An object looked at again is judged again."""

    @pytest.mark.usefixtures("world")
    def test_a_list_that_grew_is_read_again(self) -> None:
        """The second of two objects finds what was appended between."""
        first = dict_(x=EMPTY_LIST + put(7))
        grows = POP + get(7) + loader() + APPEND + POP
        assert _judge(fresh(ACTING), first, BUILD, grows, fresh(ACTING), dict_(x=get(7)), BUILD) in _HARM

    @pytest.mark.parametrize(
        "again",
        [dict_(), NONE, tuple_(NONE, dict_(y=number(1))), dict_(x=number(1))],
        ids=["empty", "none", "two", "x"],
    )
    @pytest.mark.usefixtures("world")
    def test_a_second_state_is_no_way_around(self, again: bytes) -> None:
        """What the first one set may have grown: no pickler writes two."""
        grows = get(7) + loader() + APPEND + POP
        assert _judge(fresh(ACTING), dict_(x=EMPTY_LIST + put(7)), BUILD, grows, again, BUILD) in _HARM
        assert _judge(fresh(ACTING), NONE, BUILD, dict_(x=number(1)), BUILD) in _HARM

    @pytest.mark.parametrize("container", ["deque", "list"])
    @pytest.mark.usefixtures("world")
    def test_a_container_that_grew_is_read_again(self, container: str) -> None:
        """Also where its content was looked at without itself."""
        module = "collections" if container == "deque" else "builtins"
        held = call(module, container, EMPTY_LIST) + put(7) + number(1) + APPEND + text("k") + APPEND
        grows = POP + get(7) + loader() + APPEND + POP
        layer = "torch.nn.modules.container Sequential"
        first = made(layer, _modules=held)
        assert _judge(first) is Level.INFO
        assert _judge(first, grows, made(layer, _modules=get(7))) in _HARM

    @pytest.mark.usefixtures("world")
    def test_an_object_that_holds_itself_is_fine(self) -> None:
        """A list in itself ends."""
        assert _judge(EMPTY_LIST, put(7), get(7), APPEND, POP, made(ACTING, x=get(7))) is Level.INFO

    @pytest.mark.usefixtures("world")
    def test_what_is_shared_is_read_once(self) -> None:
        """The work grows with the file, not with its square."""

        def opcodes(count: int) -> int:
            shared = EMPTY_LIST + put(7) + MARK + tuple_(number(1)) * count + APPENDS
            each = fresh(ACTING) + dict_(x=get(7)) + BUILD + POP
            data_ = pickle(4, shared, each * count, NONE)
            budget = Budget(fickling_seconds_left=0.0)
            before = budget.work_left
            judge_pickle(data_, budget=budget)
            return before - budget.work_left

        assert opcodes(2000) < 2.2 * opcodes(1000)


@pytest.mark.usefixtures("world")
def test_a_literal_is_for_enumerations() -> None:
    """A class that is called with one literal runs its ``__init__``, which may open a file of that name."""
    assert _judge(call("sklearn.preprocessing._data", "StandardScaler", text("ds_config.json"))) is Level.UNVERIFIED
    assert _judge(call("http", "HTTPStatus", number(200))) is Level.INFO


_HANDLE = Schema(function=HOOK, why="a test", sources={}, places=(UNSEEN, DATA, SEQUENCE))


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (tuple_(FUNCTION, number(1), tuple_(FUNCTION)), Level.INFO),
        (tuple_(FUNCTION, number(1), NONE), Level.INFO),
        (tuple_(FUNCTION, FUNCTION, NONE), Level.UNSAFE),
        (tuple_(FUNCTION, number(1), loader()), Level.UNSAFE),
        (EMPTY_LIST + FUNCTION + APPEND, Level.UNSAFE),
    ],
)
def test_a_tuple_is_judged_by_its_places(world: World, state: bytes, expected: Level) -> None:
    """What a hook unpacks of a tuple has its own rule at each place; any other state has the one for the whole."""
    world.read(_HANDLE)
    assert _judge(fresh(ACTING) + state + BUILD) is expected


def test_what_is_behind_the_places_is_judged_as_the_whole(world: World) -> None:
    """A tuple may be longer than the hook that was read knows."""
    world.read(_HANDLE)
    assert _judge(fresh(ACTING) + tuple_(NONE, NONE, NONE, FUNCTION) + BUILD) is Level.UNSAFE


def test_the_parts_of_a_pydantic_model_are_no_harm_by_themselves() -> None:
    """Its state has ``__dict__`` as a key, of which its own ``__setstate__`` takes the attributes."""
    state = dict_(__dict__=dict_(a=number(1)), __pydantic_fields_set__=NONE)
    assert _judge(new("company.models", "Settings") + state + BUILD) is Level.UNVERIFIED


@pytest.mark.parametrize("late", [False, True])
def test_the_dict_of_a_pydantic_model_is_the_file_s_own(world: World, *, late: bool) -> None:
    """What fills it after BUILD is an attribute as well: a hash of the object looks at it."""
    world.profile(ACTING, profile(SETSTATE="pydantic.main.BaseModel.__setstate__", HASH=HOOK))
    world.read(schema("pydantic.main.BaseModel.__setstate__", __dict__=NAMES))
    filled = text("x") + FUNCTION + SETITEM
    inner = EMPTY_DICT + put(1) + (b"" if late else filled)
    model = fresh(ACTING) + EMPTY_DICT + text("__dict__") + inner + SETITEM + BUILD + put(2) + POP
    then = get(1) + filled + POP if late else b""
    assert _judge(model + then, get(2)) is Level.INFO
    assert _judge(model + then, EMPTY_DICT + get(2) + NONE + SETITEM) is Level.UNSAFE


_BUFFER = "mmengine.logging.history_buffer", "HistoryBuffer"


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (call("builtins", "getattr", global_(*_BUFFER), text("min")), Level.INFO),
        (global_(_BUFFER[0], "HistoryBuffer.max"), Level.INFO),
        (call("builtins", "getattr", global_(*_BUFFER), text("statistics")), Level.UNSAFE),
        (global_("numpy", "mean"), Level.UNSAFE),
        (_PARTIAL, Level.UNSAFE),
        (loader(), Level.UNSAFE),
    ],
)
def test_a_table_of_a_class_takes_functions_of_that_class_only(function: bytes, expected: Level) -> None:
    """A HistoryBuffer adds functions to a table that all buffers call from then on."""
    report = judged(pickle(4, new(*_BUFFER) + dict_(statistics_methods=dict_(min=function)) + BUILD))
    assert level(report) is expected
    assert ("reached-callable" in rules(report)) is (expected is Level.UNSAFE)


@pytest.mark.parametrize("held", [text("x"), dict_(x=text("y")), fresh("torch_geometric.inspector Inspector")])
def test_a_layer_that_is_made_python_of_is_unsafe(held: bytes) -> None:
    """MessagePassing runs a template that is filled with texts of its inspector: code as any other."""
    layer = new("torch_geometric.nn.conv.gcn_conv", "GCNConv") + dict_(inspector=held, fuse=FALSE) + BUILD
    assert level(judged(pickle(4, layer))) is Level.UNSAFE


@pytest.mark.parametrize("name", ["Optional", "Dict", "OrderedDict"])
def test_a_form_of_typing_is_data(name: str) -> None:
    """As a class of a container is: it says what may be where, and nothing of it runs the file's code."""
    made_ = new("torch.optim.adam", "Adam") + dict_(param_groups=global_("typing", name)) + BUILD
    assert level(judged(pickle(4, made_))) is Level.INFO


@pytest.mark.parametrize("state", [loader(), fresh("torch.nn.modules.linear Identity"), tuple_(number(1), FUNCTION)])
def test_a_parameter_asks_its_state_for_its_length(state: bytes) -> None:
    """``Tensor.__setstate__`` is Python: ``len(state)`` of a loader asks what the file put there."""
    meta = call(
        "torch._utils",
        "_rebuild_meta_tensor_no_storage",
        global_("torch", "float32"),
        tuple_(number(1)),
        tuple_(number(1)),
        FALSE,
    )
    parameter = call("torch.nn.parameter", "Parameter", meta)
    assert level(judged(pickle(4, parameter))) is Level.INFO
    assert level(judged(pickle(4, parameter, state, BUILD))) in _HARM


_NDARRAY = global_("numpy", "ndarray")


@pytest.mark.parametrize("module", ["numpy.ma", "numpy.ma.core"])
@pytest.mark.parametrize(
    ("fill", "expected"),
    [(NONE, Level.INFO), (number(1), Level.INFO), (loader(), Level.UNSAFE), (FUNCTION, Level.UNSAFE)],
)
def test_the_fill_value_of_a_masked_array_is_asked(module: str, fill: bytes, expected: Level) -> None:
    """An array is made of it, which asks an object for its items and its ``__array__``."""
    masked = global_(module, "MaskedArray")
    made_ = call("numpy.ma.core", "_mareconstruct", masked, _NDARRAY, tuple_(number(0)), data(b"b"))
    state = tuple_(number(1), sizes(1), dtype("f8"), FALSE, data(b"\0" * 8), data(b"\0"), fill)
    assert _judge(made_, state, BUILD) is expected
