"""Inputs that reach the bounds of the formats: see `bounds.reach`."""

from __future__ import annotations

import bz2
import gzip
from functools import reduce

from bounds.reach import Reached
from samples.containers import npy, zipped
from samples.opcodes import NONE, POP, global_, pickle, stack_global

from picklewatch.core.model import DEFAULT_LIMITS, Limits

_FORMATS = "picklewatch.analysis.formats"
_PLAIN = pickle(4, NONE)


def findings() -> Reached:
    """Imports of one class more than findings are kept."""

    def imported(count: int) -> bytes:
        return pickle(4, *(global_("lib", f"Class{number}") + POP for number in range(count)), NONE)

    return Reached(imported(3), imported(4), Limits(findings=3))


def searched() -> Reached:
    """One byte more than may be searched where no loader starts."""
    small = {f"{_FORMATS}.context.SEARCHED": 2000}
    return Reached(b"\0" + b"x" * 1999, b"\0" + b"x" * 2000, constants=small)


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
    small = {f"{_FORMATS}.unpacking.HELD": 1 << 20, f"{_FORMATS}.unpacking.RATIO": 1}
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


def long_walk() -> Reached:
    """A place that looks like the beginning of a pickle and goes on and on."""

    def walked(count: int) -> bytes:
        return b"\1\2" + stack_global("os", "x") + b"0" + b"N0" * count

    return Reached(walked(100), walked(600), constants={f"{_FORMATS}.trials.TRIAL_OPCODES": 1_000})


def looks() -> Reached:
    """Many members that each stop the scan, and are looked through from there on."""

    def stopped(count: int) -> bytes:
        return zipped({f"{number}": b" " * (3 << 20) for number in range(count)}, deflated=True)

    return Reached(stopped(1), stopped(3), Limits(member=1 << 20), constants={f"{_FORMATS}.last_look.LOOK": 1_000})


def _header(shape: str, descr: str = "'<f8'") -> bytes:
    return npy(f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}", b"")


def long_number() -> Reached:
    """A shape with a number of so many digits."""
    return Reached(_header(f"(0, {'1' * 19})"), _header(f"(0, {'1' * 20})"))


def deep_literal() -> Reached:
    """A type of types of types."""

    def nested(levels: int) -> bytes:
        descr = "'<f8'"
        for _ in range(levels):
            descr = f"[('a', {descr})]"
        return _header("(0,)", descr)

    return Reached(nested(2), nested(3), constants={f"{_FORMATS}.numpy_literals._DEPTH": 5})


def long_dtype() -> Reached:
    """A type of so many bytes that their number has ten digits."""
    return Reached(_header("(0,)", f"'|V{'1' * 9}'"), _header("(0,)", f"'|V{'1' * 10}'"))


def huge_shape() -> Reached:
    """A shape of more items than there are numbers."""
    return Reached(_header("(0, 9223372036854775807)"), _header("(9223372036854775807, 2)"))
