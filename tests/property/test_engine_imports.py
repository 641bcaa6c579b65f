"""The walk's list of imports against CPython's own unpickler, on pickles that the test itself made, with inert stand-ins."""

# ruff: noqa: E501 - a sample a line reads better

from __future__ import annotations

import io
import pickle
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from samples import opcodes as ops

from picklewatch.analysis.pickle import Budget, LimitReached, judge_pickle
from picklewatch.core.model import Limits


class StandIn:
    """What every import gives: takes anything, does nothing."""

    def __new__(cls, *_args: Any, **_kwargs: Any) -> StandIn:  # noqa: PYI034 - the stand-in is its own class
        """Take whatever the pickle gives."""
        return object.__new__(cls)

    def __init__(self, *_args: Any, **_kwargs: Any) -> None:
        """Take whatever the pickle gives."""

    def __setitem__(self, key: Any, value: Any) -> None:
        """Take items."""

    def __setstate__(self, state: Any) -> None:
        """Take a state."""

    def __call__(self, *_args: Any, **_kwargs: Any) -> StandIn:
        """Be called."""
        return self

    def append(self, item: Any) -> None:
        """Take an item."""

    def extend(self, items: Any) -> None:
        """Take items."""

    def add(self, item: Any) -> None:
        """Take an item."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Be pickled."""
        return (StandIn, ())


class Recorder(pickle.Unpickler):
    """CPython's C unpickler, which imports nothing."""

    def __init__(self, sample: bytes) -> None:
        super().__init__(io.BytesIO(sample), encoding="latin1", fix_imports=False)
        self.found: list[str] = []

    def find_class(self, module: str, name: str) -> Any:
        """Record the import and give the stand-in."""
        self.found.append(f"{module}.{name}")
        return StandIn

    def persistent_load(self, pid: Any) -> Any:
        """Give the stand-in for any persistent id."""
        return StandIn()


class SlowRecorder(pickle._Unpickler):
    """CPython's Python unpickler, which imports nothing."""

    def __init__(self, sample: bytes) -> None:
        super().__init__(io.BytesIO(sample), encoding="latin1", fix_imports=False)
        self.found: list[str] = []

    def find_class(self, module: str, name: str) -> Any:
        """Record the import and give the stand-in."""
        self.found.append(f"{module}.{name}")
        return StandIn

    def persistent_load(self, pid: Any) -> Any:
        """Give the stand-in for any persistent id."""
        return StandIn()


NAMES = st.sampled_from(["os", "system", "collections", "OrderedDict", "mylib", "Thing", "a.b", "é"])
CONSTANTS = [
    ops.NONE, ops.TRUE, ops.FALSE, ops.EMPTY_TUPLE, ops.EMPTY_LIST, ops.EMPTY_DICT, ops.EMPTY_SET, ops.number(7), ops.number(300),
    ops.number(-1), ops.number(1 << 70), b"I01\n", b"I 12\n", b"L5L\n", b"F1.5\n", b"S'os'\n", b"Vsystem\n", b"U\x02os", b"T\x02\x00\x00\x00os",
    ops.data(b"x"), b"G?\xf0\x00\x00\x00\x00\x00\x00", b"M\x01\x00", b"\x8d\x02\x00\x00\x00\x00\x00\x00\x00os", b"\x96\x01\x00\x00\x00\x00\x00\x00\x00x",
]  # fmt: skip
STACK = [
    ops.MARK, ops.POP, ops.POP_MARK, ops.DUP, ops.TUPLE, ops.TUPLE1, ops.TUPLE2, ops.TUPLE3, ops.LIST, ops.DICT, ops.FROZENSET, ops.APPEND,
    ops.APPENDS, ops.SETITEM, ops.SETITEMS, ops.ADDITEMS, ops.REDUCE, ops.BUILD, ops.OBJ, ops.NEWOBJ, ops.STACK_GLOBAL, ops.MEMOIZE,
    ops.BINPERSID, ops.READONLY_BUFFER, b"Pid\n",
]  # fmt: skip
IMPORTS = st.one_of(
    st.builds(ops.global_, NAMES, NAMES),
    st.builds(ops.inst, st.just("mylib"), st.just("Thing")),
    st.builds(ops.stack_global, NAMES, NAMES),
    st.builds(ops.text, NAMES),
)
MEMO = st.one_of(
    st.builds(ops.put, st.integers(0, 5)),
    st.builds(ops.get, st.integers(0, 5)),
    st.builds(lambda number: b"p%d\n" % number, st.integers(0, 5)),
    st.builds(lambda number: b"g%d\n" % number, st.integers(0, 5)),
)
SOUP = st.lists(st.one_of(st.sampled_from(CONSTANTS), st.sampled_from(STACK), IMPORTS, MEMO), max_size=25)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=300), st.binary(max_size=300), st.builds(StandIn)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.tuples(inner, inner),
        st.dictionaries(st.text(max_size=5), inner, max_size=5),
        st.frozensets(st.integers(), max_size=4),
    ),
    max_leaves=25,
)  # fmt: skip


def imports(sample: bytes) -> tuple[list[str], bool]:
    """Give the walk's imports, and whether it reached STOP."""
    report = judge_pickle(sample, budget=Budget(fickling_seconds_left=0.0), persistent=True, arrays=False)
    return list(report.imports), report.stopped


def recorded(reader: Recorder | SlowRecorder) -> tuple[list[str], bool]:
    """Give what *reader* imported until it ended or raised."""
    try:
        reader.load()
    except Exception:  # noqa: BLE001 - whatever the soup makes of it
        return list(dict.fromkeys(reader.found)), False
    return list(dict.fromkeys(reader.found)), True


@settings(max_examples=600)
@given(SOUP)
@example([ops.text("os"), ops.MEMOIZE, ops.MARK, ops.POP, ops.get(0), ops.text("system"), ops.STACK_GLOBAL])
@example([ops.NONE, ops.put(3), ops.text("os"), ops.MEMOIZE, ops.get(1), ops.DUP, ops.STACK_GLOBAL])
def test_no_reader_imports_what_the_walk_does_not_see(soup: list[bytes]) -> None:
    """Soups of opcodes: the walk goes at least as far as either unpickler and sees every import that they make."""
    sample = b"\x80\x04" + b"".join(soup) + b"."
    seen, stopped = imports(sample)
    for reader in (Recorder(sample), SlowRecorder(sample)):
        found, finished = recorded(reader)
        assert found == seen[: len(found)], (sample, found, seen)
        if finished:
            assert stopped
            assert found == seen


@settings(max_examples=200)
@given(VALUES, st.integers(0, 5))
def test_what_picklers_write_is_read_exactly(value: Any, protocol: int) -> None:
    """Pickles of real values: the same imports, the same end."""
    sample = pickle.dumps(value, protocol)
    found, finished = recorded(Recorder(sample))
    assert finished
    assert imports(sample) == (found, True)


@settings(max_examples=300)
@given(st.binary(max_size=400))
def test_any_bytes_get_a_report(sample: bytes) -> None:
    """No bytes make the engine raise anything but a limit; what does not reach STOP is never inert."""
    try:
        report = judge_pickle(sample, budget=Budget(limits=Limits(opcodes=10_000), fickling_seconds_left=0.0))
    except LimitReached:
        return
    assert report.stopped or not report.inert
    assert not report.inert or not report.findings


@settings(max_examples=150)
@given(VALUES, st.integers(2, 5), st.data())
def test_a_damaged_pickle_is_never_more_harmless_than_its_payload(
    value: Any, protocol: int, draw: st.DataObject
) -> None:
    """A call put in front of any pickle, cut at any place behind the call, is found."""
    payload = ops.call("os", "system", ops.text("true")) + ops.POP
    tail = pickle.dumps(value, protocol)[2:]
    sample = b"\x80" + bytes([protocol]) + payload + tail
    cut = draw.draw(st.integers(2 + len(payload), len(sample)))
    report = judge_pickle(sample[:cut], budget=Budget(fickling_seconds_left=0.0))
    assert any(finding.subject == "os.system" for finding in report.findings)
