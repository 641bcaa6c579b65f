"""The walk reads every opcode as CPython's unpicklers do, and finds every import however it is spelt."""

# ruff: noqa: E501 - a sample a line reads better

from __future__ import annotations

import pickle

import pytest
from samples.judged import judged, level, rules
from samples.opcodes import (
    ADDITEMS,
    APPEND,
    BUILD,
    DUP,
    EMPTY_DICT,
    EMPTY_LIST,
    EMPTY_SET,
    EMPTY_TUPLE,
    MARK,
    MEMOIZE,
    NEWOBJ,
    NEXT_BUFFER,
    NONE,
    OBJ,
    POP,
    POP_MARK,
    REDUCE,
    SETITEM,
    STACK_GLOBAL,
    TUPLE,
    TUPLE1,
    TUPLE2,
    data,
    dict_,
    frame,
    get,
    global_,
    inst,
    number,
    put,
    stack_global,
    text,
    tuple_,
)
from samples.opcodes import (
    pickle as assembled,
)

from picklewatch.analysis.pickle import Budget, LimitReached, judge_pickle, looks_like_pickle
from picklewatch.core.model import Level, Limits

VALUES = [
    None, True, False, 0, 255, 65535, -1, 1 << 31, 1 << 80, -(1 << 80), 1.5, float("inf"), "", "text", "é\ud800", "x" * 9000,
    b"", b"bytes", b"y" * 9000, bytearray(b"z"), (), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), [], [1, [2]], {}, {"a": {"b": 1}},
    {1: 2, (1, 2): 3}, {1, 2}, frozenset({1}), [None] * 3000, {str(i): i for i in range(3000)},
]  # fmt: skip


@pytest.mark.parametrize("protocol", range(6))
def test_plain_values_are_inert_in_every_protocol(protocol: int) -> None:
    """What holds constants and containers alone is proven inert, to its last byte."""
    for value in VALUES:
        sample = pickle.dumps(value, protocol)
        report = judged(sample)
        assert report.inert, (value, report.findings)
        assert report.end == len(sample)


SPELLINGS = {
    "GLOBAL": assembled(0, global_("os", "system"), text("true"), TUPLE1, REDUCE),
    "GLOBAL of Python 2": assembled(2, global_("posix", "system"), text("true"), TUPLE1, REDUCE),
    "STACK_GLOBAL": assembled(4, stack_global("os", "system"), text("true"), TUPLE1, REDUCE),
    "STACK_GLOBAL through the memo": assembled(
        4,
        text("os"),
        MEMOIZE,
        POP,
        text("system"),
        MEMOIZE,
        POP,
        get(0),
        get(1),
        STACK_GLOBAL,
        text("true"),
        TUPLE1,
        REDUCE,
    ),
    "STACK_GLOBAL of one operand, doubled": assembled(4, text("os"), DUP, STACK_GLOBAL, EMPTY_TUPLE, REDUCE),
    "INST": assembled(0, MARK, b"Vtrue\n", inst("os", "system")),
    "OBJ": assembled(1, MARK, global_("os", "system"), text("true"), OBJ),
    "OBJ, then POP": assembled(1, MARK, global_("os", "system"), text("true"), OBJ, POP, NONE),
    "NEWOBJ": assembled(2, global_("subprocess", "Popen"), tuple_(text("true")), NEWOBJ),
    "a reference alone": assembled(2, global_("os", "system"), POP, NONE),
    "under a MARK that is dropped": assembled(2, MARK, global_("os", "system"), POP_MARK, NONE),
    "hidden by an empty BUILD": assembled(2, global_("os", "system"), text("true"), TUPLE1, REDUCE, NONE, BUILD),
    "a sparse memo": assembled(
        2, text("true"), put(200), POP, global_("os", "system"), put(7), POP, get(7), get(200), TUPLE1, REDUCE
    ),
    "memo index by its text": assembled(0, global_("os", "system"), b"p 1_0 \n", POP, b"g10\n", b"(Vtrue\ntR"),
    "memo index behind zeros": assembled(
        0, global_("os", "system"), put(1), NONE, put(0), POP, b"g" + b"0" * 70 + b"1\n", b"(Vtrue\ntR"
    ),
    "memo index that ends at a NUL": assembled(0, global_("os", "system"), b"p5\0x\n", POP, b"g5\n", b"(Vtrue\ntR"),
    "Python 2's builtins": assembled(0, global_("__builtin__", "eval"), b"(S'1'\ntR"),
    "Python 2's commands": assembled(0, global_("commands", "getoutput"), b"(S'true'\ntR"),
    "a dotted name": assembled(4, stack_global("random", "_os.system"), text("true"), TUPLE1, REDUCE),
    "a name's first half dangerous": assembled(4, stack_global("builtins", "eval.__call__"), text("1"), TUPLE1, REDUCE),
    "an alias of a module": assembled(2, global_("torch.serialization", "os"), POP, NONE),
}


@pytest.mark.parametrize("shape", SPELLINGS)
def test_a_dangerous_import_is_found_however_it_is_spelt(shape: str) -> None:
    """No way of writing an import or a call hides it."""
    report = judged(SPELLINGS[shape])
    assert level(report) is Level.MALICIOUS, report.findings
    assert not report.inert


BROKEN = {
    "stack underflow": APPEND,
    "a memo entry that does not exist": get(9),
    "an opcode that does not exist": b"\xff",
    "a protocol that does not exist": b"\x80\x09",
    "truncation": b"X\xff\x00\x00\x00ab",
    "an invalid number": b"Ix\n",
    "a text that is not UTF-8": b"\x8c\x01\xff",
    "no MARK": TUPLE,
    "a negative length": b"T\xff\xff\xff\xff",
    "an odd number of dict items": MARK + NONE + b"d",
    "a string without quotes": b"Sabc\n",
}


@pytest.mark.parametrize("damage", BROKEN)
def test_what_runs_before_an_error_still_counts(damage: str) -> None:
    """A payload before the point where every reader raises is an attack; damage alone is unscannable, never inert."""
    alone = judged(assembled(2, BROKEN[damage]))
    assert not alone.stopped
    assert not alone.inert
    assert level(alone) is Level.UNSCANNABLE
    after = judged(assembled(2, global_("os", "system"), text("true"), TUPLE1, REDUCE, POP, BROKEN[damage]))
    assert level(after) is Level.MALICIOUS


def test_an_import_at_the_very_end_loses_its_last_character() -> None:
    """A name without a newline at the end of the data is cut by one, as both unpicklers do."""
    assert judged(b"\x80\x02cos\nsystemX").imports == ("os.system",)


@pytest.mark.parametrize(
    "number_", ["01", "00", "12", "-5", "0x10", "010", " 7 ", "1_000", "9" * 30, "9" * 5000, "5\0junk"]
)
def test_numbers_of_protocol_0_are_read_leniently(number_: str) -> None:
    """What C's strtol or int() takes for a number does not end the walk."""
    assert judged(f"I{number_}\n.".encode()).inert


def test_booleans_of_protocol_0() -> None:
    """INT's 00 and 01 are False and True."""
    assert judged(b"I01\n.").value is True
    assert judged(b"I00\n.").value is False


def test_a_frame_that_an_opcode_crosses_is_malicious() -> None:
    """Readers that trust frames and readers that do not would see different opcodes."""
    straddling = assembled(4, frame(text("a" * 20), 10))
    assert rules(judged(straddling)) == {"frame-mismatch"}
    assert level(judged(straddling)) is Level.MALICIOUS
    payload = assembled(4, frame(text("os") + text("system") + STACK_GLOBAL + text("true") + TUPLE1 + REDUCE, 3))
    assert "code-execution" in rules(judged(payload))


@pytest.mark.parametrize(
    "inside", [b"cfoo\n\xff", b"ifoo\n\xff", b"V\\u", b"\x8c\x04\xff", b"j\xff\xff", b"X\x02\x00\x00\x00\xff"], ids=repr
)
def test_a_frame_that_an_opcode_crosses_is_malicious_even_where_we_can_not_read_it(inside: bytes) -> None:
    """C's reader drops what the frame held of the opcode's argument and reads on behind it."""
    crossing = b"\x80\x04\x95" + len(inside).to_bytes(8, "little") + inside + b"run\n\x00\xff)R."
    assert rules(judged(crossing)) >= {"frame-mismatch", "malformed-pickle"}
    inside += b"run\n\x00\xff)R."
    whole = b"\x80\x04\x95" + len(inside).to_bytes(8, "little") + inside
    assert "frame-mismatch" not in rules(judged(whole))


def test_an_opcode_of_any_length_crosses_no_frame_where_there_is_none() -> None:
    """A length that no file has is not beyond the end of a frame that never began."""
    assert rules(judged(b"\x80\x04N0\x8e" + b"\xff" * 8 + b"x")) == {"malformed-pickle"}


def test_a_frame_inside_a_frame_is_malicious() -> None:
    """Python's unpickler refuses what C's runs."""
    assert level(judged(assembled(4, frame(frame(NONE))))) is Level.MALICIOUS


def test_a_frame_longer_than_the_file_does_not_stop_the_walk() -> None:
    """C's reader stops there, Python's goes on: what follows counts."""
    sample = assembled(4, frame(global_("os", "system") + tuple_(text("true")) + REDUCE, 9999))
    assert level(judged(sample)) is Level.MALICIOUS
    assert level(judged(assembled(4, frame(NONE, 9999)))) is Level.UNSCANNABLE


def test_an_import_whose_name_is_computed_is_malicious() -> None:
    """A name that only running would tell is never inert."""
    computed = global_("builtins", "str") + tuple_(data(b"os"), text("ascii")) + REDUCE
    report = judged(assembled(4, computed, text("system"), STACK_GLOBAL, text("true"), TUPLE1, REDUCE))
    assert "dynamic-import" in rules(report)
    assert level(report) is Level.MALICIOUS


@pytest.mark.parametrize("opcode", [b"\x82\x01", b"\x83\x01\x02", b"\x84\x01\x02\x03\x04"])
def test_imports_by_extension_code_are_unsafe(opcode: bytes) -> None:
    """What a code stands for depends on the process that loads the file."""
    assert level(judged(assembled(2, opcode, EMPTY_TUPLE, REDUCE))) is Level.UNSAFE


def test_persistent_ids_outside_torch_are_unverified() -> None:
    """pickle.load stops there; another loader may do anything."""
    assert level(judged(b"Psome-id\n.")) is Level.UNVERIFIED
    assert level(judged(b"Psome-id\n0cos\nsystem\n(Vtrue\ntR.")) is Level.MALICIOUS


def test_out_of_band_buffers_are_never_inert() -> None:
    """The file is not complete in itself."""
    assert level(judged(assembled(5, NEXT_BUFFER))) is Level.UNVERIFIED


def test_memo_indexes_count_entries() -> None:
    """MEMOIZE takes the number of entries as its index, as C does after a sparse PUT."""
    sample = assembled(4, NONE, put(5), POP, text("os"), MEMOIZE, POP, get(1), text("system"), STACK_GLOBAL)
    assert judged(sample).imports == ("os.system",)


@pytest.mark.parametrize("index", [b"1", b"+1", b"0" * 64 + b"1", b" 0_0_1 ", b"0" * 5_000 + b"1"])
def test_zeros_before_a_memo_index_mean_nothing(index: bytes) -> None:
    """However many: what is fetched is what the unpickler fetches."""
    partial = global_("functools", "partial") + tuple_(global_("builtins", "dict")) + REDUCE
    sample = assembled(0, partial, put(1), POP, NONE, put(0), POP, b"g" + index + b"\n", EMPTY_TUPLE, REDUCE)
    expected = assembled(0, partial, put(1), POP, NONE, put(0), POP, get(1), EMPTY_TUPLE, REDUCE)
    assert rules(judged(sample)) == rules(judged(expected))


@pytest.mark.parametrize("args", [(), (global_("mylib", "Thing"),), (global_("mylib", "Thing"), number(1))])
def test_a_getattr_of_too_little_is_no_end_of_the_pickle(args: tuple[bytes, ...]) -> None:
    """What follows its call is read on: whoever reads so much would stop there, and nothing is said of the stack."""
    fetched = global_("builtins", "getattr") + tuple_(*args) + REDUCE
    report = judged(assembled(4, fetched, EMPTY_TUPLE, REDUCE, POP, global_("os", "system")))
    assert "os.system" in report.imports
    assert "malformed-pickle" not in rules(report)


def test_a_huge_memo_index_is_a_bomb() -> None:
    """C's memo is an array as long as the greatest index."""
    assert rules(judged(assembled(2, NONE, b"r\xff\xff\xff\x7f"))) == {"resource-bomb"}


@pytest.mark.parametrize(
    "sample",
    [
        b"\x80\x04)" + b"\x85" * 300_000 + b".",
        b"\x80\x04" + b"]" * 100_000 + b"a" * 99_999 + b".",
        b"\x80\x04)" + b"2\x86" * 50_000 + b".",
        b"\x80\x04cfoo\nBar\n)" + b"2\x86" * 5_000 + b"R.",
        b"\x80\x04]\x94" + b"".join(b"](h%ch%ce\x94" % (i, i) for i in range(200)) + b".",
        b"\x80\x04cos\nsystem\n)" + b"2\x86" * 5_000 + b"R.",
        b"\x80\x04\x8b\xff\xff\x01\x00" + b"\xff" * 0x1FFFF + b".",
        b"\x80\x04" + b"(" * 100_000 + b"1" * 100_000 + b"N.",
        b"\x80\x04" + b"N0" * 100_000 + b"N.",
    ],
    ids=["nested tuples", "nested lists", "DUP bomb", "called", "laughs", "malicious", "huge number", "marks", "N0"],
)
def test_bombs_cost_no_more_than_their_bytes(sample: bytes) -> None:
    """Sharing is kept, nesting is never followed by recursion, and evidence stays short."""
    report = judge_pickle(sample, budget=Budget())
    assert report.stopped
    assert all(len(finding.evidence) <= Limits().evidence for finding in report.findings)


def test_the_opcode_limit_ends_the_walk() -> None:
    """More opcodes than allowed is a limit of its own, shared over one file."""
    budget = Budget(limits=Limits(opcodes=1000))
    judge_pickle(b"\x80\x04" + b"N0" * 200 + b"N.", budget=budget)
    with pytest.raises(LimitReached) as reached:
        judge_pickle(b"\x80\x04" + b"N0" * 400 + b"N.", budget=budget)
    assert reached.value.rule == "limit-opcodes"


def test_the_clock_ends_the_walk() -> None:
    """A deadline that has passed stops the walk."""
    with pytest.raises(LimitReached) as reached:
        judge_pickle(b"\x80\x04" + b"N0" * 60_000 + b"N.", budget=Budget(deadline=0.001))
    assert reached.value.rule == "limit-time"


def test_offsets_are_of_the_opcode_in_the_member() -> None:
    """A finding says where: member and offset."""
    sample = b"junk" + assembled(2, global_("os", "system"), text("true"), TUPLE1, REDUCE)
    report = judge_pickle(sample, 4, where="archive/data.pkl", budget=Budget())
    assert (report.start, report.end) == (4, len(sample))
    assert report.findings[0].where == f"archive/data.pkl:{len(sample) - 2:#x}"
    assert report.findings[0].subject == "os.system"
    assert report.findings[0].evidence.startswith("os.system('true')")


@pytest.mark.parametrize("kind", [bytes, memoryview])
def test_any_buffer_is_read_alike(kind: type) -> None:
    """bytes, memoryview and mmap give the same report."""
    sample = pickle.dumps({"a": ["x" * 5000, b"y" * 5000, 1.5, {2}]}, 4)
    assert judge_pickle(kind(sample), budget=Budget()).inert


def test_what_is_not_a_container_is_not_filled() -> None:
    """Containers take their own opcodes."""
    assert judged(assembled(2, EMPTY_LIST, NONE, APPEND)).inert
    assert judged(assembled(2, EMPTY_DICT, text("a"), NONE, SETITEM)).inert
    assert judged(assembled(4, EMPTY_SET, MARK, number(1), ADDITEMS)).inert
    assert judged(assembled(4, dict_(a=NONE), NONE, TUPLE2)).inert


@pytest.mark.parametrize(
    ("sample", "expected"),
    [
        (pickle.dumps([1], 2), True),
        (pickle.dumps({"a": 1}, 0), True),
        (pickle.dumps([1, 2, 3], 1), True),
        (b"cos\nsystem\n(S'true'\ntR.", True),
        (b"\x80\x02cos\nsystem\n", True),
        (b"plain text, nothing else", False),
        (b"PK\x03\x04\x14\x00", False),
        (b"\x89PNG\r\n\x1a\n", False),
        (b"\x93NUMPY\x01\x00v\x00", False),
        (b'{"json": true}', False),
        (b"\x80\xff\x00\x00", False),
        (b"\x00" * 64, False),
        (b"", False),
    ],
)
def test_sniffing(sample: bytes, *, expected: bool) -> None:
    """A header, or a walk for what has none, tells a pickle from other bytes."""
    assert looks_like_pickle(sample, 0) is expected
