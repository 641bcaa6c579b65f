"""Showing a person what is inside a file, in the real sandbox."""

from __future__ import annotations

import io
import json
import os
import zipfile
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from samples import hostile
from samples.torch_checkpoint import checkpoint, torch_zip

from picklewatch.core.model import Limits
from picklewatch.explain.view_text import present
from picklewatch.sandbox import Scanner, ViewKind, ViewRequest
from picklewatch.sandbox.scanner import VIEWS

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMITS = Limits(seconds=20, opcodes=1_000_000)


@pytest.fixture(scope="module")
def scanner() -> Iterator[Scanner]:
    """One scanner for all views."""
    with Scanner(LIMITS, others=VIEWS) as it:
        yield it


@contextmanager
def content(data: bytes) -> Iterator[int]:
    """Give a descriptor of *data*."""
    descriptor = os.memfd_create("content", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, data)
        yield descriptor
    finally:
        os.close(descriptor)


def view(scanner: Scanner, data: bytes, kind: ViewKind, **request: Any) -> list[dict[str, Any]]:
    """Give all lines of one view."""
    with content(data) as descriptor:
        return list(scanner.view(descriptor, ViewRequest(kind=kind, **request)))


def of_kind(lines: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """Give the lines of one kind."""
    return [line for line in lines if line["kind"] == kind]


def test_a_trace_follows_stack_and_memo(scanner: Scanner) -> None:
    """Each step says what is on the stack after it, what it imports and calls, and how big the memo is."""
    lines = view(scanner, hostile.EVIL, ViewKind.TRACE)
    steps = of_kind(lines, "step")
    assert [step["op"] for step in steps] == [
        "PROTO",
        "GLOBAL",
        "MARK",
        "SHORT_BINUNICODE",
        "TUPLE",
        "REDUCE",
        "STOP",
    ]
    assert steps[1]["note"] == "imports: from os import system"
    assert steps[4]["stack"] == ["os.system", "('echo',)"]
    assert steps[5]["note"] == "calls: v1 = os.system('echo')"
    assert of_kind(lines, "end")[0]["text"] == "The result is v1"


def test_a_disassembly_shows_every_pickle_of_an_archive(scanner: Scanner) -> None:
    """Pickles are found by content, each under its member's name; the calls are annotated."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", hostile.BENIGN)
        archive.writestr("archive/other.bin", hostile.EVIL)
    lines = view(scanner, file.getvalue(), ViewKind.DISASSEMBLE)
    assert {line["member"] for line in of_kind(lines, "pickle")} >= {"archive/data.pkl", "archive/other.bin"}
    assert "calls: v1 = os.system('echo')" in [line["note"] for line in of_kind(lines, "op")]


def test_one_member_can_be_asked_for_by_the_end_of_its_name(scanner: Scanner) -> None:
    """``--member data.pkl`` finds ``archive/data.pkl``; a name that is not there lists those that are."""
    data = checkpoint({"weight": [1.0, 2.0]})
    assert of_kind(view(scanner, data, ViewKind.DISASSEMBLE, member="data.pkl"), "op")
    assert of_kind(view(scanner, data, ViewKind.DISASSEMBLE, member="archive/*.pkl"), "op")
    missing = view(scanner, data, ViewKind.DISASSEMBLE, member="nothing.pkl")
    assert not of_kind(missing, "op")
    assert "archive/data.pkl" in of_kind(missing, "none")[0]["text"]


def test_a_decompilation_is_the_python_that_would_run(scanner: Scanner) -> None:
    """Imports, calls and the result as statements, each with its place."""
    lines = view(scanner, torch_zip(hostile.EVIL), ViewKind.DECOMPILE)
    code = "\n".join(line["text"] for line in of_kind(lines, "code"))
    assert "from os import system" in code
    assert "system('echo')" in code


def test_a_pickle_that_breaks_off_is_shown_as_far_as_it_goes(scanner: Scanner) -> None:
    """Opcodes before the break are listed; then the place and the reason."""
    lines = view(scanner, hostile.framing()["then-an-unknown-opcode"], ViewKind.DISASSEMBLE)
    assert "calls: v1 = os.system('echo')" in [line["note"] for line in of_kind(lines, "op")]
    stuck = of_kind(lines, "stuck")
    assert stuck[0]["where"] == f"0x{len(hostile.EVIL) - 1:x}"
    assert "0xff is not an opcode" in stuck[0]["text"]


def test_where_an_unpickler_would_stop_is_said_in_place(scanner: Scanner) -> None:
    """An empty stack or a missing memo entry is said where it happens."""
    lines = view(scanner, hostile.framing()["then-a-missing-memo"], ViewKind.TRACE)
    assert "a memo entry that does not exist" in of_kind(lines, "stuck")[0]["text"]


@pytest.mark.parametrize("kind", list(ViewKind))
def test_a_file_without_pickles_says_so(scanner: Scanner, kind: ViewKind) -> None:
    """Nothing to show is a sentence, not an empty screen; ``explain`` has its own words."""
    lines = view(scanner, b"just text", kind)
    assert lines[-1]["kind"] == "total"
    assert lines[-1]["pickles"] == 0
    assert bool(of_kind(lines, "none")) == (kind is not ViewKind.EXPLAIN)


def test_a_limit_says_that_it_was_one(scanner: Scanner) -> None:
    """After as many lines as asked for comes one that says so, and the option that shows more."""
    lines = view(scanner, hostile.EVIL, ViewKind.TRACE, limit=3)
    assert len(lines) == 4
    assert lines[-1]["kind"] == "limit"
    assert "--limit" in lines[-1]["text"]


def test_a_view_never_outgrows_the_output_limit() -> None:
    """A pickle with endless big arguments ends with the limit's line, not with garbage."""
    data = b"\x80\x04(" + (b"X" + (4000).to_bytes(4, "little") + b"x" * 4000) * 2000 + b"t."
    with Scanner(Limits(output=256 << 10), others=VIEWS) as small:
        lines = view(small, data, ViewKind.TRACE, limit=1_000_000)
    assert lines[-1]["kind"] == "limit"
    assert "scan.limits.output" in lines[-1]["text"]


def test_an_explanation_asks_for_the_lines_that_matter(scanner: Scanner) -> None:
    """Only acts at the asked places, or with the asked names, come back."""
    two = hostile.pickled(hostile.call(hostile.SYSTEM, hostile.ECHO) + b"0" + b"ccollections\nOrderedDict\n)R")
    lines = view(scanner, two, ViewKind.EXPLAIN, names=("os.system",))
    assert [line["text"] for line in of_kind(lines, "act")] == ["from os import system", "v1 = os.system('echo')"]
    place = of_kind(lines, "act")[1]["where"]
    by_place = view(scanner, two, ViewKind.EXPLAIN, places=(place,))
    assert [line["given"] for line in of_kind(by_place, "act")] == ["'echo'"]


def test_hostile_names_can_not_reach_the_terminal(scanner: Scanner) -> None:
    """Escape codes, newlines and direction marks in names and texts arrive escaped."""
    evil = "x\x1b[2J\u202e\n"
    data = hostile.pickled(hostile.call(hostile.stack_global(evil, evil), hostile.text(evil)))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(f"{evil}.pkl", data)
    for kind in (ViewKind.TRACE, ViewKind.DISASSEMBLE, ViewKind.DECOMPILE):
        lines = view(scanner, file.getvalue(), kind)
        assert all(text.isprintable() for text in present(lines, colour=False))
        assert "\\x1b[2J" in json.dumps(lines).replace("\\\\", "\\")


@pytest.mark.parametrize("name", hostile.all_but_bombs())
@pytest.mark.parametrize("kind", [ViewKind.TRACE, ViewKind.DISASSEMBLE, ViewKind.DECOMPILE])
def test_every_hostile_shape_can_be_shown(scanner: Scanner, name: str, kind: ViewKind) -> None:
    """Whatever the shape, the view comes to its end with at least one pickle, and is presentable."""
    lines = view(scanner, hostile.all_but_bombs()[name], kind)
    assert lines[-1]["kind"] in {"total", "limit"}
    assert of_kind(lines, "pickle")
    assert all(text.isprintable() for text in present(lines, colour=False))


@pytest.mark.parametrize("name", hostile.bombs())
def test_bombs_can_be_shown_too(scanner: Scanner, name: str) -> None:
    """A bomb's view ends within its limits, and the next view works."""
    lines = view(scanner, hostile.bombs()[name], ViewKind.TRACE, limit=2_000)
    assert lines[-1]["kind"] in {"total", "limit", "broken"}
    assert sum(len(json.dumps(line)) for line in lines) < LIMITS.output
    assert view(scanner, hostile.BENIGN, ViewKind.TRACE)[-1]["kind"] == "total"


def test_a_view_that_nobody_reads_on_ends_its_child(scanner: Scanner) -> None:
    """Leaving the pager early costs nothing: the child is killed, the next scan works at once."""
    long = b"(" + b"N0" * 200_000 + b"t."
    with content(long) as descriptor:
        with closing(scanner.view(descriptor, ViewRequest(kind=ViewKind.TRACE, limit=400_000))) as lines:
            assert next(lines)["kind"] == "pickle"
        assert scanner.scan(descriptor).pickles


def test_fickling_is_bounded_and_ours_takes_its_place(scanner: Scanner) -> None:
    """A tiny pickle that makes fickling run for ever is shown by picklewatch's own reading, which says why."""
    with Scanner(Limits(fickling_seconds=0.2), others=VIEWS) as quick:
        lines = view(quick, hostile.bombs()["bomb-dup"], ViewKind.DECOMPILE)
    source = of_kind(lines, "source")[0]
    assert source["by"] == "picklewatch"
    assert "takes longer than 0.2 seconds" in source["text"]
    assert "some_package.function(" in of_kind(lines, "code")[1]["text"]


def test_what_fickling_can_not_read_is_shown_all_the_same(scanner: Scanner) -> None:
    """Opcodes that it does not know (FLOAT) don't leave the person without a view."""
    lines = view(scanner, hostile.pickled(hostile.call(hostile.SYSTEM, b"F1.5\n")), ViewKind.DECOMPILE)
    assert [line["by"] for line in of_kind(lines, "source")] == ["picklewatch"]
    assert "fickling fails on it" in of_kind(lines, "source")[0]["text"]


def test_joblibs_arrays_between_the_opcodes_are_stepped_over(scanner: Scanner) -> None:
    """The bytes of an array are one line; the opcodes behind it are read, and an array's own pickle is shown."""
    joblib, numpy = pytest.importorskip("joblib"), pytest.importorskip("numpy")
    file = io.BytesIO()
    joblib.dump({"a": numpy.arange(9.0), "o": numpy.array([{}, "x"], dtype=object)}, file)
    lines = view(scanner, file.getvalue(), ViewKind.DISASSEMBLE)
    assert not of_kind(lines, "stuck")
    assert [line["op"] for line in of_kind(lines, "op")].count("(array)") == 2
    assert len(of_kind(lines, "pickle")) == 2
