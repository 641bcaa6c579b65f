"""Following the engine's walk over a pickle, and showing what it does."""

from __future__ import annotations

import contextlib
import math
import pickle
import pickletools
import struct
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples.containers import Entry, zip_of
from samples.hostile import BENIGN, EVIL

from picklewatch.analysis.pickle import Budget
from picklewatch.analysis.views.collect import visit
from picklewatch.analysis.views.observer import BrokenError, LimitedError, Observer, Step
from picklewatch.analysis.views.value_text import TEXT, ValueText, clip
from picklewatch.analysis.views.views import decompile, explain
from picklewatch.core.model import DEFAULT_LIMITS, Limits

if TYPE_CHECKING:
    from picklewatch.analysis.views.collect import Found

constants = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
values = st.recursive(
    constants,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=5), inner, max_size=5)
        | st.frozensets(st.integers(), max_size=4)
        | st.sets(st.text(max_size=3), max_size=4)
        | st.binary(max_size=9).map(bytearray)
    ),
    max_leaves=20,
)


def budget(limits: Limits = DEFAULT_LIMITS) -> Budget:
    """Return what a view may spend."""
    return Budget(limits=limits, size=1 << 20, deadline=math.inf)


def steps(data: bytes, start: int = 0) -> tuple[Observer, list[Step]]:
    """Follow *data* to its end."""
    observer = Observer(data, start, budget())
    seen: list[Step] = []
    observer.follow(seen.append)
    return observer, seen


def statements(data: bytes) -> list[str]:
    """Give what *data* reaches beyond plain data."""
    return [act.statement for step in steps(data)[1] for act in step.acts]


@given(values, st.integers(0, pickle.HIGHEST_PROTOCOL))
def test_opcodes_are_those_that_pickletools_reads(value: object, protocol: int) -> None:
    """On pickles that CPython wrote, names, offsets and ends agree with the reference implementation."""
    data = pickle.dumps(value, protocol)
    reference = [(op.name, position) for op, _, position in pickletools.genops(data)]
    assert [(step.op, step.offset) for step in steps(data)[1]] == reference


@given(values, st.integers(0, pickle.HIGHEST_PROTOCOL))
def test_following_what_cpython_wrote_leaves_one_result(value: object, protocol: int) -> None:
    """No trouble on the way, nothing left on the stack or the marks, a result at the end."""
    observer, seen = steps(pickle.dumps(value, protocol))
    assert not [step.trouble for step in seen if step.trouble]
    assert observer.result is not None
    assert (observer.depth, observer.height, observer.top(4)) == (0, 0, [])


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-9999, 9999) | st.text(st.characters(codec="ascii"), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.integers(0, 9), inner, max_size=3),
    max_leaves=6,
)


@given(plain, st.integers(1, pickle.HIGHEST_PROTOCOL))
def test_the_result_of_small_plain_data_reads_as_python(value: object, protocol: int) -> None:
    """The machine's result is the value that loading would return."""
    observer, _ = steps(pickle.dumps(value, protocol))
    assert observer.result is not None
    assert observer.result == clip(repr(value), TEXT)


@given(st.binary(max_size=200))
def test_any_bytes_come_to_an_end(data: bytes) -> None:
    """Whatever the bytes are: steps, then STOP or the place and reason where nothing can be read any more."""
    observer = Observer(data, 0, budget())

    def look(step: Step) -> None:
        assert all(len(text) <= TEXT for text in observer.top(6))
        assert observer.height >= 0
        assert step.end <= len(data)

    with contextlib.suppress(BrokenError):
        observer.follow(look)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"cos\nsystem\n(S'id'\ntR.", ["from os import system", "v1 = os.system('id')"]),
        (b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x02id\x85R.", ["from os import system", "v1 = os.system('id')"]),
        (b"(S'id'\nios\nsystem\n.", ["from os import system", "v1 = os.system('id')"]),
        (b"(cos\nsystem\nS'id'\no.", ["from os import system", "v1 = os.system('id')"]),
        (b"\x80\x02cm\nC\n)\x81.", ["from m import C", "v1 = m.C.__new__(m.C)"]),
        (b"\x80\x04cm\nC\n)}\x92.", ["from m import C", "v1 = m.C.__new__(m.C, **{})"]),
        (
            b"\x80\x02cm\nC\n)\x81}U\x01aK\x01sb.",
            ["from m import C", "v1 = m.C.__new__(m.C)", "v1.__setstate__({'a': 1})"],
        ),
        (b"\x80\x02cm\nC\n)RK\x01a.", ["from m import C", "v1 = m.C()", "v1.append(1)"]),
        (b"\x82\x07)R.", ["copyreg extension 7", "v1 = copyreg.?extension_7()"]),
        (b"Pthe id\n.", ["persistent_load('the id')"]),
        (b"K\x05Q.", ["persistent_load(5)"]),
        (b"cos\nsystem\n2q\x00h\x00.", ["from os import system"]),
    ],
)
def test_imports_and_calls_are_said_however_they_are_spelt(data: bytes, expected: list[str]) -> None:
    """Every opcode that reaches beyond data becomes the Python that would do the same."""
    assert statements(data) == expected


@pytest.mark.parametrize(
    ("data", "trouble"),
    [
        (b"\x85.", "too little on the stack"),
        (b"t.", "too little on the stack"),
        (b"h\x05.", "a memo entry that does not exist"),
        (b"gx\n.", "not a memo index"),
        (b"(K\x01d.", "an odd number of items"),
        (b"(o.", "too little on the stack"),
        (b"\x95\xff\x00\x00\x00\x00\x00\x00\x00N.", "the frame says 255 bytes, 2 are left"),
    ],
)
def test_where_an_unpickler_would_stop_is_said_and_reading_goes_on(data: bytes, trouble: str) -> None:
    """The step carries the reason; what follows is still read, up to STOP, but no longer followed."""
    _, seen = steps(data)
    assert [step.trouble for step in seen if step.trouble]
    assert trouble in next(step.trouble for step in seen if step.trouble)
    assert seen[-1].op == "STOP"


@pytest.mark.parametrize(
    ("data", "offset", "why"),
    [
        (b"N\xff", 1, "0xff is not an opcode"),
        (b"NN", 2, "without STOP"),
        (b"K", 0, "1 bytes too early"),
        (b"\x8c\x09abc", 0, "6 bytes too early"),
        (b"T\xff\xff\xff\xff.", 0, "bytes too early"),
        (b"cos\nsystem", 10, "without STOP"),
        (b"\x8e" + struct.pack("<Q", 1 << 62) + b".", 0, "4611686018427387903 bytes"),
    ],
)
def test_bytes_that_break_off_name_the_place_and_the_reason(data: bytes, offset: int, why: str) -> None:
    """What came before is shown first; then where and why nothing can be read."""
    with pytest.raises(BrokenError, match=why) as caught:
        steps(data)
    assert caught.value.offset == offset


def test_frames_bind_nothing() -> None:
    """An opcode that straddles a frame's end is read as the C unpickler reads it."""
    data = b"\x80\x04\x95\x02\x00\x00\x00\x00\x00\x00\x00cos\nsystem\n)R."
    assert "v1 = os.system()" in statements(data)


def test_protocol_0_strings_that_pickletools_refuses_are_read() -> None:
    """Python 2 wrote bytes into STRING; the line is shown as it stands."""
    assert [step.op for step in steps(b"S'\xff\xfe'\n.")[1]] == ["STRING", "STOP"]


@pytest.mark.parametrize(
    "bomb",
    [
        b"\x80\x04cos\nsystem\n" + b"2\x86" * 4_000 + b"R.",
        b"\x80\x04](" + b"h\x00q\x00" * 2 + b"." + b"N" * 10,
        b"(" * 10_000 + b"." * 2,
        b"\x80\x04]q\x00" + b"(h\x00h\x00l" * 4_000 + b".",
        b"}" + b"(" * 100 + b"K\x01K\x02" * 6_000 + b"u.",
        b"c" + b"a" * 1_000_000 + b"\n" + b"b" * 1_000_000 + b"\n.",
    ],
)
def test_bombs_cost_no_more_than_their_length(bomb: bytes) -> None:
    """Shared and nested values stay short texts: time and text sizes are linear in the opcodes."""
    observer = Observer(bomb, 0, budget())

    def look(step: Step) -> None:
        assert len(observer.top(6)) <= 6
        assert all(len(act.statement) <= 2_000 for act in step.acts)

    with contextlib.suppress(BrokenError):
        observer.follow(look)


def test_big_containers_show_their_first_items_and_count_the_rest() -> None:
    """A person sees how many more there are."""
    observer, _ = steps(pickle.dumps(list(range(1000))))
    assert observer.result is not None
    assert observer.result.startswith("[0, 1, 2")
    assert f"… {1000 - ValueText.items} more" in observer.result


def test_long_texts_keep_both_ends_and_say_their_length() -> None:
    """An argument's end often matters most."""
    observer, _ = steps(pickle.dumps("a" * 5000 + "end"))
    assert observer.result is not None
    assert observer.result.startswith("'aaaa")
    assert "aaend' (5003 bytes)" in observer.result


def test_each_member_of_one_name_is_shown_and_the_same_bytes_once() -> None:
    """What an archive hides behind a harmless member of the same name is what counts."""
    pickles: list[bytes] = []

    def visitor(found: Found) -> None:
        assert found.report is not None
        pickles.append(bytes(found.part.data[found.start : found.report.end]))

    two = [Entry("a/data.pkl", BENIGN), Entry("a/data.pkl", EVIL), Entry("a/data.pkl", EVIL)]
    visit(zip_of(two), Limits(), visitor)
    assert sorted(pickles) == sorted([BENIGN, EVIL])


def test_the_stack_is_shown_with_its_marks() -> None:
    """What lies below a mark is still on the stack."""
    observer, shown = Observer(b"]((K\x01K\x02.", 0, budget()), []
    observer.follow(lambda _step: shown.append(observer.top(4)))
    assert shown[4] == ["MARK", "MARK", "1", "2"]
    assert shown[2] == ["[]", "MARK", "MARK"]


def test_names_that_are_no_texts_are_followed_as_the_verdict_does() -> None:
    """An import by computed names is judged, so it is shown, and what comes after it too."""
    assert statements(b"K\x01K\x02\x93)R.") == ["from 1 import 2", "v1 = ?.?()"]


def test_what_no_unpickler_reaches_is_read_but_not_followed() -> None:
    """A text that is no UTF-8 ends every unpickler: the call behind it is listed, and nothing is called."""
    _, seen = steps(b"\x80\x04cos\nsystem\n\x8c\x01\xff\x85R.")
    assert [step.op for step in seen if step.trouble] == ["SHORT_BINUNICODE"]
    assert [act.kind for step in seen for act in step.acts] == ["import"]
    assert [step.op for step in seen][-3:] == ["TUPLE1", "REDUCE", "STOP"]


@pytest.mark.parametrize("value", [{1, 2}, frozenset({1.5}), {(1, 2): 3, None: b"x"}, bytearray(b"ab")])
def test_what_the_walk_does_not_keep_is_shown(value: object) -> None:
    """Numbers in sets and unusual keys say nothing to a verdict, and something to a person."""
    assert steps(pickle.dumps(value, 5))[0].result == repr(value)


def test_an_array_that_breaks_off_is_not_read_as_opcodes() -> None:
    """Bytes of an array are no opcodes, even where they end too early."""
    data = (
        b"\x80\x02cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}(X\x05\0\0\0shapeK\x64\x85X\x05\0\0\0dtypecnumpy\n"
        b"dtype\nX\x02\0\0\0f8K\0K\x01\x87Rub" + b"NNNN"
    )
    seen: list[Step] = []
    with pytest.raises(BrokenError, match="ends inside an in-line array"):
        Observer(data, 0, budget()).follow(seen.append)
    assert seen[-1].op == "BUILD"


def test_a_fault_of_a_view_is_none_of_the_pickle_s() -> None:
    """An error of whoever looks is raised, not taken for the end of the pickle."""

    def fail(_step: Step) -> None:
        raise IndexError("a fault")

    with pytest.raises(IndexError, match="a fault"):
        Observer(b"N.", 0, budget()).follow(fail)


def test_a_limit_is_no_end_of_the_pickle() -> None:
    """An unpickler would go on, so nothing says that what follows is not reached."""
    data = b"\x80\x02" + b"N0" * 30_000 + b"cos\nsystem\nX\x04\0\0\0true\x85R."
    limits = Limits(opcodes=1000, fickling_seconds=0.0)
    with pytest.raises(LimitedError, match="1000 pickle opcodes"):
        Observer(data, 0, budget(limits)).follow(lambda _step: None)
    lines: list[dict[str, Any]] = []
    decompile(data, limits, {"limit": 100, "member": None}, lines.append)
    code = [line["text"] for line in lines if line["kind"] == "code"]
    assert [text[:30] for text in code] == ["# not followed any further: th"]
    lines.clear()
    explain(data, limits, {"limit": 100, "member": None, "places": [], "names": []}, lines.append)
    assert [line["kind"] for line in lines] == ["stuck", "total"]


def test_a_view_has_one_budget_for_all_pickles() -> None:
    """Many costly pickles in one file cost what one scan may, and each is looked at."""
    walked: list[int] = []

    def visitor(found: Found) -> None:
        observer = found.observe()
        seen: list[Step] = []
        with contextlib.suppress(BrokenError):
            observer.follow(seen.append)
        walked.append(len(seen))

    members = [Entry(f"{number}.pkl", b"\x80\x02" + b"N0" * 40_000 + b"N.") for number in range(8)]
    visit(zip_of(members), Limits(opcodes=100_000), visitor)
    assert len(walked) == 8
    assert sum(walked) <= 110_000
