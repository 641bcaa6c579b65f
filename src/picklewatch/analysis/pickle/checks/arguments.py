"""Arguments of a bounded size, and numbers that can be worked out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.checks.concern import Concern, suspicious_arguments
from picklewatch.analysis.pickle.vm.values import Blob, Import, Obj, Opaque, OpaqueKind
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.checks.judges import Context
    from picklewatch.analysis.pickle.vm.values import Value

HUGE = 1 << 32
"""Things that no memory holds."""


def values_of(args: Value) -> tuple[Value, ...]:
    """Return the arguments one by one; none if they cannot be seen."""
    return args if isinstance(args, tuple) else ()


_EXPONENT = re.compile(r"[eE][+-]?([\w.]*)")
_DIGITS = 4
"""Digits of an exponent: ``Fraction`` and ``int`` work out ten to the power of it."""


def number(_context: Context, callee: Import, args: Value, _offset: int) -> Concern | None:
    """Let only numbers pass that can be worked out: ``Fraction('1e9999999999')`` would take for ever."""
    for value in values_of(args):
        exponent = _EXPONENT.search(value) if isinstance(value, str) else None
        far = isinstance(value, tuple) and any(type(one) is int and abs(one) >= 10**_DIGITS for one in value)
        if far or (exponent is not None and len(exponent[1]) > _DIGITS) or isinstance(value, Blob | Opaque):
            return Concern("resource-bomb", Level.UNSAFE, f"{callee.key} is given a number that is too large")
    return None


_SIZES = 3
"""Arguments among which a size may be: with more than ``range`` takes, Python's own constructors raise."""
_COLLECTS = frozenset({"bytes", "bytearray", "list", "tuple", "set", "frozenset", "dict", "deque", "array", "UserList"})


def _endless(value: Value) -> bool:
    """Return True if *value* is an iterator without an end."""
    if not isinstance(value, Obj) or not isinstance(value.callee, Import) or value.callee.module != "itertools":
        return False
    return value.callee.name == "count" or (value.callee.name == "repeat" and len(values_of(value.args)) < 2)


def bounded(_context: Context, callee: Import, args: Value, _offset: int) -> Concern | None:
    """Let no size pass that would exhaust memory: ``bytearray(1 << 40)`` takes a dozen bytes."""
    for value in values_of(args)[:_SIZES]:
        inner = value.args if isinstance(value, Obj) and isinstance(value.args, tuple) else (value,)
        number = max((abs(one) for one in inner[:_SIZES] if type(one) is int), default=0)
        if callee.name in _COLLECTS and (number > HUGE or _endless(value)):
            return Concern("resource-bomb", Level.UNSAFE, f"{callee.key} is asked for more items than memory can hold")
        if isinstance(value, Opaque) and value.kind is OpaqueKind.INT:
            return suspicious_arguments(f"{callee.key} is given a huge number")
    return None
