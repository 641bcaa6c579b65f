"""Reading a pickle's opcodes and following them in words."""

from __future__ import annotations

import contextlib
import pickle
import pickletools
import struct
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples.containers import Entry, zip_of
from samples.hostile import BENIGN, EVIL

from picklewatch.analysis.views.collect import visit
from picklewatch.analysis.views.machine import Machine
from picklewatch.analysis.views.opcode_reader import BrokenError, read
from picklewatch.analysis.views.wording import HEAD, TEXT, clip
from picklewatch.core.model import Limits

if TYPE_CHECKING:
    from picklewatch.analysis.formats.part import Part
    from picklewatch.analysis.pickle import PickleReport

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


def steps(data: bytes, start: int = 0) -> tuple[Machine, list[Any]]:
    """Follow *data* to its end."""
    machine = Machine()
    return machine, list(machine.run(data, start))


def statements(data: bytes) -> list[str]:
    """Give what *data* reaches beyond plain data."""
    return [act.statement for step in steps(data)[1] for act in step.acts]


@given(values, st.integers(0, pickle.HIGHEST_PROTOCOL))
def test_opcodes_are_those_that_pickletools_reads(value: object, protocol: int) -> None:
    """On pickles that CPython wrote, names, offsets and ends agree with the reference implementation."""
    data = pickle.dumps(value, protocol)
    reference = [(op.name, position) for op, _, position in pickletools.genops(data)]
    assert [(op.name, op.offset) for op in read(data, 0)] == reference


@given(values, st.integers(0, pickle.HIGHEST_PROTOCOL))
def test_following_what_cpython_wrote_leaves_one_result(value: object, protocol: int) -> None:
    """No trouble on the way, nothing left on the stack or the marks, a result at the end."""
    machine, seen = steps(pickle.dumps(value, protocol))
    assert not [step.trouble for step in seen if step.trouble]
    assert machine.result is not None
    assert (machine.depth, machine.height, machine.stack) == (0, 0, [])


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-9999, 9999) | st.text(st.characters(codec="ascii"), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.integers(0, 9), inner, max_size=3),
    max_leaves=6,
)


@given(plain, st.integers(1, pickle.HIGHEST_PROTOCOL))
def test_the_result_of_small_plain_data_reads_as_python(value: object, protocol: int) -> None:
    """What the machine says that loading returns is what it would return."""
    machine, _ = steps(pickle.dumps(value, protocol))
    assert machine.result is not None
    assert machine.result.text == clip(repr(value), TEXT)


@given(st.binary(max_size=200))
def test_any_bytes_come_to_an_end(data: bytes) -> None:
    """Whatever the bytes are: steps, then STOP or the place and reason where nothing can be read any more."""
    machine = Machine()
    with contextlib.suppress(BrokenError):
        for step in machine.run(data, 0):
            assert all(len(text) <= TEXT for text in machine.top_texts(6))
            assert machine.height >= 0
            assert step.op.end <= len(data)


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
            ["from m import C", "v1 = m.C.__new__(m.C)", "v1.__setstate__({b'a': 1})"],
        ),
        (b"\x80\x02cm\nC\n)RK\x01a.", ["from m import C", "v1 = m.C()", "v1.append(1)"]),
        (b"\x82\x07)R.", ["copyreg extension 7", "v1 = <extension 7>()"]),
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
        (b"\x85.", "the stack is empty"),
        (b"t.", "no mark"),
        (b"h\x05.", "nothing was put into the memo at 5"),
        (b"gx\n.", "not a memo index"),
        (b"K\x01K\x02\x93.", "names of an import"),
        (b"(K\x01d.", "pair up"),
        (b"(o.", "OBJ needs a class"),
        (b"\x95\xff\x00\x00\x00\x00\x00\x00\x00N.", "the frame says 255 bytes, 2 are left"),
    ],
)
def test_where_an_unpickler_would_stop_is_said_and_reading_goes_on(data: bytes, trouble: str) -> None:
    """The step carries the reason; what follows is still read, up to STOP, but no longer followed."""
    _, seen = steps(data)
    assert [step.trouble for step in seen if step.trouble]
    assert trouble in next(step.trouble for step in seen if step.trouble)
    assert seen[-1].op.name == "STOP"


@pytest.mark.parametrize(
    ("data", "offset", "why"),
    [
        (b"N\xff", 1, "0xff is not an opcode"),
        (b"NN", 2, "without STOP"),
        (b"K", 0, "1 bytes too early"),
        (b"\x8c\x09abc", 0, "it says 9 bytes, 3 are left"),
        (b"T\xff\xff\xff\xff.", 0, "negative length"),
        (b"cos\nsystem", 0, "before the end of the line"),
        (b"\x8e" + struct.pack("<Q", 1 << 62) + b".", 0, "4611686018427387904 bytes"),
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
    assert [op.name for op in read(b"S'\xff\xfe'\n.", 0)] == ["STRING", "STOP"]


@pytest.mark.parametrize(
    "bomb",
    [
        b"\x80\x04cos\nsystem\n" + b"2\x86" * 20_000 + b"R.",
        b"\x80\x04](" + b"h\x00q\x00" * 2 + b"." + b"N" * 10,
        b"(" * 50_000 + b"." * 2,
        b"\x80\x04]q\x00" + b"(h\x00h\x00l" * 20_000 + b".",
        b"}" + b"(" * 100 + b"K\x01K\x02" * 30_000 + b"u.",
        b"c" + b"a" * 1_000_000 + b"\n" + b"b" * 1_000_000 + b"\n.",
    ],
)
def test_bombs_cost_no_more_than_their_length(bomb: bytes) -> None:
    """Shared and nested values stay short texts: time and text sizes are linear in the opcodes."""
    start = time.process_time()
    machine = Machine()
    for step in machine.run(bomb, 0):
        assert len(machine.top_texts(6)) <= 6
        assert all(len(act.statement) <= 2_000 for act in step.acts)
    assert time.process_time() - start < 5


def test_big_containers_show_their_first_items_and_count_the_rest() -> None:
    """A person sees how many more there are."""
    machine, _ = steps(pickle.dumps(list(range(1000))))
    assert machine.result is not None
    assert machine.result.text.startswith("[0, 1, 2")
    assert f"… {1000 - HEAD} more" in machine.result.text


def test_long_texts_keep_both_ends_and_say_their_length() -> None:
    """An argument's end often matters most."""
    machine, _ = steps(pickle.dumps("a" * 5000 + "end"))
    assert machine.result is not None
    assert machine.result.text.startswith("'aaaa")
    assert "(5003 characters)" in machine.result.text


def test_each_member_of_one_name_is_shown_and_the_same_bytes_once() -> None:
    """What an archive hides behind a harmless member of the same name is what counts."""
    pickles: list[bytes] = []

    def visitor(part: Part, start: int, report: PickleReport | None) -> None:
        assert report is not None
        pickles.append(bytes(part.data[start : report.end]))

    two = [Entry("a/data.pkl", BENIGN), Entry("a/data.pkl", EVIL), Entry("a/data.pkl", EVIL)]
    visit(zip_of(two), Limits(), visitor)
    assert sorted(pickles) == sorted([BENIGN, EVIL])


def test_the_stack_is_shown_with_its_marks() -> None:
    """What lies below a mark is still on the stack."""
    machine = Machine()
    shown = [machine.top_texts(4) for _ in machine.run(b"]((K\x01K\x02.", 0)]
    assert shown[4] == ["MARK", "MARK", "1", "2"]
    assert shown[2] == ["[]", "MARK", "MARK"]
