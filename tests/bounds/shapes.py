"""Shapes of expressions with a number in them that cut nothing off."""

from __future__ import annotations

import ast
from itertools import pairwise
from typing import TYPE_CHECKING

from bounds.numbers import called, value_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FEW = 16
"""A literal up to this is a field's size or an arity wherever it bounds no count."""

SHOWING = frozenset(
    {"finding", "once", "Doubt", "Finding", "Malformed", "MalformedError", "Stopped", "render", "render_call"}
)
"""What makes a text for people."""
_DECODING = frozenset({"from_bytes", "unpack", "unpack_from", "startswith", "endswith", "int", "match", "fullmatch"})


def is_annotation(path: Sequence[ast.AST]) -> bool:
    """Return True within the type of something."""
    return any(
        child is getattr(node, "annotation", None) or child is getattr(node, "returns", None)
        for node, child in pairwise(path)
    )


def is_shown(path: Sequence[ast.AST]) -> bool:
    """Return True for what only shortens a finding's text: the finding is there whatever the text leaves out."""
    for node in reversed(path[:-1]):
        if isinstance(node, ast.Call) and called(node) in SHOWING:
            return True
        if isinstance(node, ast.Call) and called(node) not in ("decode", "join", "repr"):
            return False
        if isinstance(node, ast.stmt):
            return False
    return False


def is_field(path: Sequence[ast.AST], part: ast.Slice) -> bool:
    """Return True for a few bytes that are compared or decoded at once: a magic number, a field of a header."""
    size = value_of(part.upper.right) if isinstance(part.upper, ast.BinOp) else value_of(part.upper)
    if size is None or not 0 <= size <= 4 * FEW:
        return False
    for node in reversed(path[:-1]):
        if isinstance(node, ast.Compare) or called(node) in _DECODING:
            return True
        if not isinstance(node, ast.Attribute) and called(node) not in ("bytes", "len", "decode"):
            return False
    return False


def is_unpacked(path: Sequence[ast.AST], part: ast.Slice) -> bool:
    """Return True where as many names take what is sliced: ``a, b = x[:2]``."""
    upper, lower = value_of(part.upper), value_of(part.lower) or 0
    parent = path[-2]
    names = parent.targets[0] if isinstance(parent, ast.Assign) else None
    return upper is not None and isinstance(names, ast.Tuple) and len(names.elts) == upper - lower


def is_from_end(lower: ast.expr | None, named: Callable[[ast.AST], bool]) -> bool:
    """Return True for ``x[-512:]``, a window that forgets what lies before it; a few are the last items."""
    few = 4
    if not isinstance(lower, ast.UnaryOp):
        return False
    return named(lower.operand) or (value_of(lower.operand) or 0) > few


def is_beyond(side: ast.expr) -> bool:
    """Return True for ``at + 24``: a distance up to which something is not looked at."""
    return isinstance(side, ast.BinOp) and isinstance(side.op, ast.Add | ast.Sub) and (value_of(side.right) or 0) > FEW


def is_mask(node: ast.expr) -> bool:
    """Return True for ``flags & 0x7FFF``: bits, not a size."""
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitAnd | ast.BitOr | ast.BitXor)


def covers(path: Sequence[ast.AST], part: ast.Slice) -> bool:
    """Return True for ``x[at : at + STEP]`` where ``for at in range(0, n, STEP)`` goes through all of it."""
    upper = part.upper
    if not isinstance(upper, ast.BinOp) or not isinstance(upper.op, ast.Add) or not isinstance(upper.left, ast.Name):
        return False
    return any(
        isinstance(loop, ast.For)
        and ast.dump(loop.target).replace("Store", "Load") == ast.dump(upper.left)
        and called(loop.iter) == "range"
        and isinstance(loop.iter, ast.Call)
        and len(loop.iter.args) == 3
        and ast.dump(loop.iter.args[2]) == ast.dump(upper.right)
        for loop in path
    )


def leaves_a_loop(path: Sequence[ast.AST]) -> bool:
    """Return True in ``if len(found) >= 8: break`` in a loop, and in ``while len(found) < 8``."""
    statement = next((node for node in reversed(path) if isinstance(node, ast.stmt)), None)
    if isinstance(statement, ast.If):
        leaves = isinstance(statement.body[-1], ast.Break | ast.Return | ast.Continue)
        return leaves and any(isinstance(node, ast.For | ast.While) for node in path)
    return isinstance(statement, ast.While)
