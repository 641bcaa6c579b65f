"""The holes of the file that this process judges: nothing in them is read, however large they are.

A hole costs its author nothing, so a terabyte of one must not cost a scan anything, wherever a reader comes across it:
in an archive's member, in a pickle's constant, behind everything. The readers work on slices of the file's mapping, and
ask here which ranges of a slice are data; a process judges one file, so there is one set of holes.
"""

from __future__ import annotations

import contextlib
import ctypes
import re
from bisect import bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_EDGE = 16
"""Bytes of a hole that belong to the data before it: no pattern that is searched for has as many zeros."""


class _Py_buffer(ctypes.Structure):  # noqa: N801 - its name in CPython
    """Python's own description of a buffer (Include/cpython/object.h, ``Py_buffer``)."""

    _fields_ = (
        ("buf", ctypes.c_void_p),
        ("obj", ctypes.py_object),
        ("len", ctypes.c_ssize_t),
        ("itemsize", ctypes.c_ssize_t),
        ("readonly", ctypes.c_int),
        ("ndim", ctypes.c_int),
        *((name, ctypes.c_void_p) for name in ("format", "shape", "strides", "suboffsets", "internal")),
    )


_get, _release = ctypes.pythonapi.PyObject_GetBuffer, ctypes.pythonapi.PyBuffer_Release
_get.argtypes = (ctypes.py_object, ctypes.POINTER(_Py_buffer), ctypes.c_int)
_release.argtypes = (ctypes.POINTER(_Py_buffer),)
_release.restype = None


def address(data: object) -> int:
    """Return where the bytes of *data* lie in memory."""
    buffer = _Py_buffer()
    _get(data, ctypes.byref(buffer), 0)
    try:
        return buffer.buf or 0
    finally:
        _release(ctypes.byref(buffer))


_begins: list[int] = []
_ends: list[int] = []
"""The addresses at which the holes begin and end, ascending."""


@contextlib.contextmanager
def known(data: memoryview, holes: Sequence[tuple[int, int]]) -> Iterator[None]:
    """Have `solid` know the *holes* of the file *data* meanwhile: begin and end of each, ascending."""
    base = address(data) if holes else 0
    _begins[:] = [base + begin for begin, _ in holes]
    _ends[:] = [base + end for _, end in holes]
    try:
        yield
    finally:
        _begins.clear()
        _ends.clear()


def solid(data: bytes | memoryview, start: int = 0, stop: int | None = None) -> Iterator[tuple[int, int]]:
    """Yield the ranges of ``data[start:stop]`` that are not holes, each with the first zeros of the hole behind it."""
    stop = len(data) if stop is None else min(stop, len(data))
    if start >= stop:
        return
    if not _begins:
        yield start, stop
        return
    base = address(data)
    index = bisect_right(_ends, base + start)
    while index < len(_begins) and start < stop:
        begin, end = _begins[index] - base, _ends[index] - base
        if begin >= stop:
            break
        if begin > start:
            yield start, min(begin + _EDGE, end, stop)
        start = max(start, end)
        index += 1
    if start < stop:
        yield start, stop


def first(pattern: re.Pattern[bytes], data: bytes | memoryview, start: int = 0) -> re.Match[bytes] | None:
    """Return the first match of *pattern* outside of holes; it must not need more than a few zeros."""
    for begin, end in solid(data, start):
        match = pattern.search(data, begin, end)
        if match is not None:
            return match
    return None


def skip_zeros(data: memoryview, start: int) -> int:
    """Return where the zeros at *start* end: padding, as much of it as anybody likes."""
    match = first(_NOT_ZERO, data, start)
    return len(data) if match is None else match.start()


_NOT_ZERO = re.compile(rb"[^\0]")


def before_hole(data: memoryview) -> memoryview:
    """Return *data* up to its first hole: as far as a reader of texts comes, which refuses zeros."""
    begin, end = next(solid(data), (0, 0))
    return data[:end] if begin == 0 else data[:0]
