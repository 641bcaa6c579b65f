"""Arrays: what numpy and joblib read, by their real writers and by hand."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
import pytest
from samples.containers import npy, objects, zipped
from samples.hostile import BENIGN, EVIL
from samples.judging import HARMFUL, judged, verdict

from picklewatch.analysis.formats.numpy_literals import parse
from picklewatch.analysis.formats.part import MalformedError
from picklewatch.core.model import Verdict

if TYPE_CHECKING:
    from pathlib import Path

DTYPES: list[Any] = [
    "<f4",
    ">i8",
    "bool",
    "c16",
    "S5",
    "U7",
    "M8[ns]",
    "m8[25s]",
    "f2",
    "V3",
    [("a", "<i4"), ("b", "f8", (2, 3))],
]


def saved(array: Any, version: tuple[int, int] | None = None) -> bytes:
    """An array as numpy writes it."""
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version=version)
    return file.getvalue()


@pytest.mark.parametrize("dtype", DTYPES)
def test_arrays_of_numpy_are_skipped(dtype: Any) -> None:
    """Arrays of plain data bear no code, whatever their dtype, order or version."""
    array = np.zeros((3, 2), dtype)
    for version in ((1, 0), (2, 0), (3, 0)):
        report, level = judged(saved(array, version))
        assert level is Verdict.SKIPPED, report.findings
        assert report.format == "npy"
    assert verdict(saved(np.asfortranarray(array))) is Verdict.SKIPPED


def test_arrays_of_objects_are_judged() -> None:
    """An object array is a pickle behind a header."""
    assert verdict(saved(np.array([{"a": 1}, None], object))) is Verdict.CLEAN
    for version in (1, 2, 3):
        assert verdict(objects(EVIL, version)) in HARMFUL


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': 'O', 'fortran_order': False, 'shape': (1,), }",
        "{'descr': [('a', '<i4'), ('b', '|O')], 'fortran_order': False, 'shape': (1,), }",
        "{'descr': [('a', [('b', 'O')])], 'fortran_order': False, 'shape': (1,), }",
        "{'descr': '\\x7cO', 'fortran_order': False, 'shape': (1,), }",
        "{'descr': 'object', 'fortran_order': False, 'shape': (1,), }",
        "{'descr': 'O8', 'fortran_order': False, 'shape': (), }",
        "{'fortran_order': False, 'shape': (1,), 'descr': '|' 'O'}",
    ],
)
def test_no_spelling_of_the_header_hides_objects(header: str) -> None:
    """A header that numpy would understand differently is never a way past."""
    assert verdict(npy(header, EVIL)) in HARMFUL


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f4', 'fortran_order': False, 'shape': (9,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (True,), }",
        "{'descr': '<f4', 'fortran_order': False}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'shape': (1,)}",
        "__import__('os')",
        "[" * 500,
        "",
    ],
)
def test_a_header_that_does_not_hold_is_unscannable(header: str) -> None:
    """Declared and present bytes must agree, and the header be the dictionary that numpy writes."""
    assert verdict(npy(header, bytes(4))) is Verdict.UNSCANNABLE


def test_a_truncated_array_is_unscannable() -> None:
    """An array cut off is never skipped."""
    whole = saved(np.zeros(100))
    assert {verdict(whole[:size]) for size in range(8, len(whole), 37)} == {Verdict.UNSCANNABLE}


def test_what_follows_an_array_is_judged() -> None:
    """numpy.load on one handle reads array after array."""
    plain = saved(np.zeros(4))
    assert verdict(plain + plain) is Verdict.SKIPPED
    assert verdict(plain + objects(EVIL)) in HARMFUL
    assert verdict(plain + EVIL) in HARMFUL
    assert verdict(objects(BENIGN) + EVIL) in HARMFUL


def test_archives_of_arrays() -> None:
    """``.npz``, stored and compressed."""
    for write in (np.savez, np.savez_compressed):
        file = io.BytesIO()
        write(file, a=np.zeros(1000), b=np.arange(5))
        report, level = judged(file.getvalue())
        assert level is Verdict.SKIPPED
        assert report.format == "npz"
    assert verdict(zipped({"a.npy": saved(np.zeros(3)), "b.npy": objects(EVIL)})) in HARMFUL
    assert verdict(zipped({"a.npy": EVIL})) in HARMFUL


@pytest.mark.parametrize("compress", [0, 3, ("gzip", 3), ("bz2", 3), ("xz", 3), ("lzma", 3), ("lz4", 3)])
def test_joblib_with_every_compressor(compress: Any, tmp_path: Path) -> None:
    """Arrays lie inside the pickle; what joblib writes is read to its end."""
    path = tmp_path / "model"
    joblib.dump({"a": np.arange(100.0), "b": [np.zeros((3, 3)), "text"]}, path, compress=compress)
    report, level = judged(path.read_bytes())
    assert level is Verdict.CLEAN, report.findings
    assert report.pickles == 1
    assert verdict(path.read_bytes()[:-9]) is Verdict.UNSCANNABLE


def test_literals_are_read_as_python_reads_them() -> None:
    """Only strings, integers, truth and brackets."""
    for literal in ("('<f4', (2,))", "{'a': [1, -2, True], }", "('x')", "()", "[]", "('a' 'b',)", "3L"):
        expected = eval(literal.rstrip("L"))  # our own literals
        assert parse(literal) == expected
    for wrong in ("1+1", "f()", "{1: 2}", "(1", "[1,,2]", "'a", "None", "1 2"):
        with pytest.raises(MalformedError):
            parse(wrong)
