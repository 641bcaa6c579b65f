"""Inputs that reach the bounds of the formats: see `bounds.reach`."""

from __future__ import annotations

import bz2
import gzip
from functools import reduce

from bounds.reach import Reached
from samples.containers import library_zip, seven_zip, tarred, zipped
from samples.opcodes import NONE, POP, global_, pickle

from picklewatch.model import DEFAULT_LIMITS, Limits

_FORMATS = "picklewatch.formats"
_PLAIN = pickle(4, NONE)


def findings() -> Reached:
    """Imports of one class more than findings are kept."""

    def imported(count: int) -> bytes:
        return pickle(4, *(global_("lib", f"Class{number}") + POP for number in range(count)), NONE)

    return Reached(imported(3), imported(4), Limits(findings=3))


def members() -> Reached:
    """One member more than the limit."""
    return Reached(
        zipped({str(number): b"" for number in range(3)}),
        zipped({str(number): b"" for number in range(4)}),
        Limits(members=3),
    )


def unpacked() -> Reached:
    """One byte more than the limit."""
    return Reached(gzip.compress(b" " * 1000), gzip.compress(b" " * 1001), Limits(unpacked=1000))


def member() -> Reached:
    """One byte more than the limit."""
    return Reached(
        zipped({"a": b" " * 1000}, deflated=True), zipped({"a": b" " * 1001}, deflated=True), Limits(member=1000)
    )


def held() -> Reached:
    """More bytes held than are in proportion."""
    small = {f"{_FORMATS}.base.HELD": 1 << 20, f"{_FORMATS}.base.RATIO": 1}
    return Reached(bz2.compress(b" " * (1 << 20)), bz2.compress(b" " * ((1 << 20) + 1)), constants=small)


def depth() -> Reached:
    """One container more than the limit."""
    return Reached(_within(2), _within(3), Limits(depth=2))


def default_depth() -> Reached:
    """One container more than any honest content has."""
    return Reached(_within(DEFAULT_LIMITS.depth), _within(DEFAULT_LIMITS.depth + 1))


def _within(levels: int) -> bytes:
    return reduce(lambda inner, _: zipped({"a": inner}), range(levels), _PLAIN)


def places() -> Reached:
    """More places that look like the beginning of a pickle than may be walked from."""
    place = b"\x8c\x02os\x94\x8c\x01x"
    return Reached(b"\0\0" + place * 5, b"\0\0" + place * 400, Limits(opcodes=10_000))


def seven_header() -> Reached:
    """A header of one byte more than the limit."""
    archive = seven_zip({"a": _PLAIN})
    size = int.from_bytes(archive[20:28], "little")
    small = {f"{_FORMATS}.sevenhead.HEADER_LIMIT": size}
    longer = seven_zip({"aa": _PLAIN})
    return Reached(archive, longer, constants=small)


def seven_packed_header() -> Reached:
    """A packed header that unpacks to more than the limit."""
    shorter, longer = (seven_zip({"a" * size: _PLAIN}, packed_header=True) for size in (1, 200))
    return Reached(shorter, longer, constants={f"{_FORMATS}.sevenzip.HEADER_LIMIT": 200})


def tar_member() -> Reached:
    """A member of an archive that is too large to be held."""

    def packed(size: int) -> bytes:
        return gzip.compress(tarred({"a": b" " * size, "b": b" " * 4000, "c": b" " * 4000}))

    return Reached(packed(5000), packed(5001), Limits(member=5000))


def oddities() -> Reached:
    """An end record that counts more members than there are."""
    honest = library_zip({"a": _PLAIN}, 0)
    at = honest.rindex(b"PK\x05\x06")
    return Reached(honest, honest[: at + 8] + b"\2\0\2\0" + honest[at + 12 :], Limits(findings=1))
