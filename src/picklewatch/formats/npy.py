"""NumPy's ``.npy``: header, shape and data, or header and pickle (numpy/lib/format.py)."""

from __future__ import annotations

import re
import struct
from typing import NamedTuple

from picklewatch.formats.base import Format, Malformed, Part, Scan
from picklewatch.formats.hidden import search
from picklewatch.formats.literal import parse
from picklewatch.formats.pickles import behind
from picklewatch.model import Level

MAGIC = b"\x93NUMPY"

_HEADERS = {1: ("<H", 10), 2: ("<I", 12), 3: ("<I", 12)}
"""Major version → layout of the header's length, offset of the header."""

_HEADER_LIMIT = 1 << 20
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
    """What the header declares."""

    start: int
    """Offset of the data."""
    items: int
    item_size: int
    """Bytes of one item; 0 where objects are among its fields."""
    objects: bool


def header(data: memoryview) -> Header:
    """Read the header, or `Malformed`."""
    major = data[6] if len(data) > 7 else 0  # noqa: PLR2004
    if major not in _HEADERS or data[7] != 0:
        raise Malformed("The version of the .npy header is not known.")
    layout, begin = _HEADERS[major]
    if len(data) < begin:
        raise Malformed("The .npy header breaks off.")
    (length,) = struct.unpack_from(layout, data, 8)
    if length > _HEADER_LIMIT or begin + length > len(data):
        raise Malformed("The .npy header breaks off or is longer than any array's.")
    raw = bytes(data[begin : begin + length])
    text = raw.decode("utf-8" if major == 3 else "latin-1", "strict" if major != 3 else "replace")  # noqa: PLR2004
    value = parse(text)
    if not isinstance(value, dict) or set(value) != _KEYS:
        raise Malformed("The .npy header is not the dictionary that numpy writes.")
    shape, descr = value["shape"], value["descr"]
    if not isinstance(shape, tuple) or not all(type(n) is int and n >= 0 for n in shape):
        raise Malformed("The .npy header declares no valid shape.")
    items = 1
    for count in shape:
        items *= count
    size, objects = _dtype(descr, 0)
    return Header(begin + length, items, size, objects)


def _dtype(descr: object, depth: int) -> tuple[int, bool]:
    """Bytes of one item, and whether any field is an object."""
    if depth > 8:  # noqa: PLR2004
        raise Malformed("The dtype is nested too deep.")
    if isinstance(descr, str):
        return _scalar(descr)
    if isinstance(descr, tuple) and len(descr) == 2:  # noqa: PLR2004  (subarray: base, shape)
        size, objects = _dtype(descr[0], depth + 1)
        shape = descr[1] if isinstance(descr[1], tuple) else (descr[1],)
        for count in shape:
            if type(count) is not int or count < 0:
                raise Malformed("The dtype declares no valid subarray.")
            size *= count
        return size, objects
    if not isinstance(descr, list):
        raise Malformed("The dtype is not one that numpy writes.")
    total, any_objects = 0, False
    for entry in descr:
        if not isinstance(entry, tuple) or len(entry) not in (2, 3):
            raise Malformed("A field of the dtype is not one that numpy writes.")
        size, objects = _dtype(entry[1] if len(entry) == 2 else (entry[1], entry[2]), depth + 1)  # noqa: PLR2004
        total += size
        any_objects = any_objects or objects
    return total, any_objects


def _scalar(descr: str) -> tuple[int, bool]:
    match = _DTYPE.fullmatch(descr)
    if match is None:
        raise Malformed(f"The dtype {descr[:40]!r} is not one that numpy writes.")
    char, kind, digits, _unit = match.groups()
    if _OBJECT in (char, kind):
        return 8, True
    if char is not None:
        return _CHAR_SIZES[char], False
    width = int(digits) if digits else 8 if kind in "mM" else 0
    return width * (4 if kind == "U" else 1), False


def _matches(head: bytes, _data: memoryview) -> bool:
    return head.startswith(MAGIC)


def read(scan: Scan, part: Part) -> None:
    """Judge one array; a file may hold several, one after the other, as `numpy.load` on one handle reads them."""
    data = part.data
    position = 0
    while position < len(data):
        rest = data[position:]
        try:
            head = header(rest)
        except Malformed as error:
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
            search(scan, part, start, min(position, start + (1 << 16)), place="in the data of an array")
        if bytes(data[position : position + len(MAGIC)]) != MAGIC:
            break
    if position < len(data):
        scan.finding("trailing-data", Level.INFO, part.at(position), f"{len(data) - position} bytes follow the array.")
        behind(scan, part, position, place="behind an array")


FORMATS = (Format("npy", _matches, read),)
