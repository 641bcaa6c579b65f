"""NumPy's ``.npy``: header, shape and data, or header and pickle.

Mirrors numpy/lib/format.py, ``read_array``: if the header's dtype has an object field anywhere, the data is a pickle
(CVE-2019-6446, loaded by default before 1.16.3; ``allow_pickle=True`` since). So the dtype decides, and one that we
can't read counts as broken, never as numbers. `numpy.load` on an open file reads array after array, hence the loop.
"""

from __future__ import annotations

import re
import struct
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from picklewatch.analysis.formats.context import Format, Scan
from picklewatch.analysis.formats.hidden_pickles import search
from picklewatch.analysis.formats.numpy_literals import parse
from picklewatch.analysis.formats.part import LARGEST, MalformedError, Part, bounded_product
from picklewatch.analysis.formats.pickles import behind
from picklewatch.analysis.formats.unpacking import unpack
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

MAGIC = b"\x93NUMPY"

_HEADERS = {1: ("<H", 10), 2: ("<I", 12), 3: ("<I", 12)}
"""Major version → layout of the header's length, offset of the header."""

SAMPLE = 1 << 16
"""Bytes of an array's numbers that are searched: a sample, since none of them are unpickled."""
_KEYS = {"descr", "fortran_order", "shape"}
_DTYPE = re.compile(
    r"[<>|=]?(?:([?bBhHiIlLqQpPnNefdgFDGO])|([biufcmMOSaUV])(\d{1,9})?(?:\[(\d{0,9}[A-Za-zμ]{1,7}|\d+[A-Za-z]+/\d+)\])?)"
)
_CHAR_SIZES = {
    "?": 1, "b": 1, "B": 1, "h": 2, "H": 2, "i": 4, "I": 4, "l": 8, "L": 8, "q": 8, "Q": 8, "p": 8, "P": 8, "n": 8,
    "N": 8,    "e": 2, "f": 4, "d": 8, "g": 16, "F": 8, "D": 16, "G": 32,
}  # fmt: skip
_OBJECT = "O"


class Header(NamedTuple):
    """The declarations of the header."""

    start: int
    """Offset of the data."""
    items: int
    item_size: int
    """Bytes of one item; 0 where objects are among its fields."""
    objects: bool


def header(data: memoryview, charge: Callable[[int], object] = lambda _: None) -> Header:
    """Read the header, or raise `MalformedError`; the work is counted by *charge*."""
    major = data[6] if len(data) > 7 else 0  # noqa: PLR2004
    if major not in _HEADERS or data[7] != 0:
        raise MalformedError("The version of the .npy header is not known.")
    layout, begin = _HEADERS[major]
    if len(data) < begin:
        raise MalformedError("The .npy header breaks off.")
    (length,) = struct.unpack_from(layout, data, 8)
    if begin + length > len(data):
        raise MalformedError("The .npy header breaks off.")
    charge(2 * length)
    raw = bytes(data[begin : begin + length])
    text = raw.decode("utf-8" if major == 3 else "latin-1", "strict" if major != 3 else "replace")  # noqa: PLR2004
    value = parse(text)
    if not isinstance(value, dict) or set(value) != _KEYS:
        raise MalformedError("The .npy header is not the dictionary that numpy writes.")
    shape, descr = value["shape"], value["descr"]
    if not isinstance(shape, tuple) or not all(type(n) is int and n >= 0 for n in shape):
        raise MalformedError("The .npy header declares no valid shape.")
    size, objects = _dtype(descr)
    return Header(begin + length, _times(1, shape), size, objects)


def _times(number: int, counts: Iterable[int]) -> int:
    """Return the product, or raise `MalformedError` where numpy itself has no number for it."""
    product = bounded_product(number, counts)
    if product >= LARGEST:
        raise MalformedError("The .npy header declares more than any memory holds.")
    return product


def _dtype(descr: object) -> tuple[int, bool]:
    """Return the bytes of one item, and whether any field is an object; the header's parser bounds the depth."""
    if isinstance(descr, str):
        return _scalar(descr)
    if isinstance(descr, tuple) and len(descr) == 2:  # noqa: PLR2004  (subarray: base, shape)
        size, objects = _dtype(descr[0])
        shape = descr[1] if isinstance(descr[1], tuple) else (descr[1],)
        if not all(type(count) is int and count >= 0 for count in shape):
            raise MalformedError("The dtype declares no valid subarray.")
        return _times(size, shape), objects
    if not isinstance(descr, list):
        raise MalformedError("The dtype is not one that numpy writes.")
    total, any_objects = 0, False
    for entry in descr:
        if not isinstance(entry, tuple) or len(entry) not in (2, 3):
            raise MalformedError("A field of the dtype is not one that numpy writes.")
        size, objects = _dtype(entry[1] if len(entry) == 2 else (entry[1], entry[2]))  # noqa: PLR2004
        total += size
        any_objects = any_objects or objects
    return total, any_objects


def _scalar(descr: str) -> tuple[int, bool]:
    match = _DTYPE.fullmatch(descr)
    if match is None:
        raise MalformedError(f"The dtype {descr[:40]!r} is not one that numpy writes.")
    char, kind, digits, _unit = match.groups()
    if _OBJECT in (char, kind):
        return 8, True
    if char is not None:
        return _CHAR_SIZES[char], False
    width = int(digits) if digits else 8 if kind in "mM" else 0
    return width * (4 if kind == "U" else 1), False


def is_numbers(begin: bytes) -> bool:
    """Return True if *begin* begins an array of numbers, which need not be held in memory."""
    if not begin.startswith(MAGIC):
        return False
    try:
        return not header(memoryview(begin)).objects
    except MalformedError:
        return False


def read_on(scan: Scan, part: Part, chunks: Iterator[bytes]) -> None:
    """Judge an array of numbers that *chunks* yields piece after piece; *part* has the beginning."""
    head = header(part.data, scan.budget.charge)
    stop = head.start + head.items * head.item_size
    sample = bytearray()
    at = 0
    for chunk in chunks:
        at += len(chunk)
        sample += chunk[: head.start + SAMPLE - len(sample)]
        if at > stop:
            chunks = chain((chunk[stop - at :],), chunks)
            break
    numbers = part._replace(data=memoryview(sample))
    search(scan, numbers, head.start, stop, place="in the data of an array")
    if at < stop:
        summary = f"The array declares {stop - head.start} bytes, the file has {at - head.start}."
        scan.finding("malformed-npy", Level.UNSCANNABLE, part.at(head.start), summary)
    elif at > stop:
        rest = unpack(scan, chunks, part.at(stop))
        if rest is not None:
            _behind(scan, part._replace(data=rest), 0, stop)


def _matches(head: bytes, _data: memoryview) -> bool:
    return head.startswith(MAGIC)


def read(scan: Scan, part: Part) -> None:
    """Judge one array; a file may hold several, one after the other, as `numpy.load` on one handle reads them."""
    data = part.data
    position = 0
    while position < len(data):
        rest = data[position:]
        try:
            head = header(rest, scan.budget.charge)
        except MalformedError as error:
            scan.code_bearing = True
            scan.finding("malformed-npy", Level.UNSCANNABLE, part.at(position), str(error))
            search(scan, part, position, place="in a broken array file")
            return
        start = position + head.start
        if head.objects:
            report = scan.pickle(part, start, arrays=False)
            position = report.end
            if not report.stopped:
                search(scan, part, position, place="behind a pickle that breaks off")
                return
        else:
            position = start + head.items * head.item_size
            if position > len(data):
                summary = f"The array declares {position - start} bytes, the file has {len(data) - start}."
                scan.finding("malformed-npy", Level.UNSCANNABLE, part.at(start), summary)
                search(scan, part, start, place="in the data of an array")
                return
            search(scan, part, start, min(position, start + SAMPLE), place="in the data of an array")
        if bytes(data[position : position + len(MAGIC)]) != MAGIC:
            break
    if position < len(data):
        _behind(scan, part, position, position)


def _behind(scan: Scan, part: Part, start: int, at: int) -> None:
    """Judge the bytes behind the arrays from *start* of *part* on, which is at *at* of the file."""
    if bytes(part.data[start : start + len(MAGIC)]) == MAGIC:
        rest = part._replace(data=part.data[start:], where=part.at(at), depth=part.depth + 1)
        scan.guarded(rest.where, lambda: scan.content(rest), rest.chunks)
        return
    scan.finding("trailing-data", Level.INFO, part.at(at), f"{len(part.data) - start} bytes follow the array.")
    behind(scan, part, start, place="behind an array")


FORMATS = (Format("npy", _matches, read),)
