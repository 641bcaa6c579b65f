"""The opcodes that may follow on the value of a call, by its kind."""

from __future__ import annotations

from enum import StrEnum
from typing import assert_never

from picklewatch.catalogue.imports.entries import Kind


class Fill(StrEnum):
    """The opcodes that change an object that a call returned."""

    BUILD = "BUILD"
    SETITEM = "SETITEM"
    APPEND = "APPEND"
    ADDITEMS = "ADDITEMS"


def _fills(kind: Kind) -> frozenset[Fill]:
    """Return the opcodes that a pickler may write after a call that returned a value of *kind*.

    Any other one calls a method, of a class that was vouched for without it.
    """
    match kind:
        case Kind.OBJECT | Kind.UNKNOWN | Kind.CODE:
            return frozenset(Fill)
        case Kind.DICT:
            return frozenset({Fill.BUILD, Fill.SETITEM})
        case Kind.LIST:
            return frozenset({Fill.BUILD, Fill.APPEND})
        case Kind.SET:
            return frozenset({Fill.BUILD, Fill.ADDITEMS})
        case Kind.DTYPE | Kind.NDARRAY | Kind.ARRAY_WRAPPER | Kind.ARRAY_FILE | Kind.PARAMETER | Kind.CALLABLE:
            return frozenset({Fill.BUILD})
        case Kind.WRAPPER:  # its pickler gives it what it wraps by BUILD; an item would go to whatever that is
            return frozenset({Fill.BUILD})
        case Kind.ATOM | Kind.BYTEARRAY | Kind.SCALAR | Kind.NDARRAY_DONE | Kind.TENSOR | Kind.STORAGE:
            return frozenset()  # complete when they are made
        case Kind.DONE | Kind.ARGUMENT:  # what fills it could fill something else
            return frozenset()
        case Kind.SHARED:  # changing it would change the whole process
            return frozenset()
        case _:
            assert_never(kind)


FILLED_BY = {fill: frozenset(kind for kind in Kind if fill in _fills(kind)) for fill in Fill}
"""Opcode → the kinds of values that it may fill."""
