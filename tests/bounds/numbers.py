"""Which names of a module and of a function stand for numbers, and which count."""

from __future__ import annotations

import ast
import math
import operator
from typing import TYPE_CHECKING, Any, TypeGuard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_OPERATIONS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.LShift: operator.lshift,
    ast.Mult: operator.mul,
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.FloorDiv: operator.floordiv,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}


_COUNTING = frozenset({"max", "min", "len", "sum", "int", "round"})
"""Calls that give a number, which need not be known: ``_DEEPEST = max(…)``."""


def value_of(node: ast.AST | None, known: dict[str, float] | None = None) -> float | None:
    """Return the number that *node* stands for, ``1 << 20`` worked out, or None."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, int | float) and not isinstance(node.value, bool) else None
    if isinstance(node, ast.Name):
        return (known or {}).get(node.id)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = value_of(node.operand, known)
        return None if value is None else -value
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATIONS:
        left, right = value_of(node.left, known), value_of(node.right, known)
        if left is not None and right is not None:
            return float(_OPERATIONS[type(node.op)](left, right))
    return None


def of_module(tree: ast.Module) -> dict[str, float]:
    """Return the names of a module that stand for a number."""
    numbers: dict[str, float] = {}
    for name, value in _assignments(tree.body):
        found = math.inf if _reckoned(value) else value_of(value, numbers)
        if found is not None:
            numbers[name] = found
    return numbers


def _reckoned(node: ast.AST) -> bool:
    if isinstance(node, ast.BinOp):
        return _reckoned(node.left) or _reckoned(node.right)
    return called(node) in _COUNTING


def of_function(function: ast.AST) -> set[str]:
    """Return the local names that are only ever set to one number that is not zero: ``most = 8``."""
    numbers: set[str] = set()
    changed = {
        node.target.id
        for node in ast.walk(function)
        if isinstance(node, ast.AugAssign | ast.NamedExpr) and isinstance(node.target, ast.Name)
    }
    for name, value in _assignments(ast.walk(function)):
        if value_of(value):
            numbers.add(name)
        else:
            changed.add(name)
    return numbers - changed


def counters(function: ast.AST) -> set[str]:
    """Return the names that count: what is counted up, a loop's number, a parameter that is handed on one higher."""
    counted: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            counted.add(node.target.id)
        elif isinstance(node, ast.For) and called(node.iter) in ("enumerate", "range"):
            counted |= {name.id for name in ast.walk(node.target) if isinstance(name, ast.Name)}
        elif isinstance(node, ast.Call):
            counted |= {one.left.id for one in node.args if _one_more(one) and isinstance(one.left, ast.Name)}
    return counted


def called(node: ast.AST) -> str:
    """Return the name of what *node* calls, without what it belongs to; nothing if it is no call."""
    if not isinstance(node, ast.Call):
        return ""
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _one_more(node: ast.expr) -> TypeGuard[ast.BinOp]:
    return isinstance(node, ast.BinOp) and isinstance(node.right, ast.Constant) and node.right.value == 1


def _assignments(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, ast.expr]]:
    """Yield each name and what it is set to; tuples one by one."""
    for node in nodes:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            yield node.target.id, node.value
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                yield from _paired(target, node.value)
        elif isinstance(node, ast.For):
            yield from ((name.id, node.iter) for name in ast.walk(node.target) if isinstance(name, ast.Name))


def _paired(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(target, ast.Name):
        yield target.id, value
    elif isinstance(target, ast.Tuple):
        values = value.elts if isinstance(value, ast.Tuple) else [value] * len(target.elts)
        for one, its in zip(target.elts, values, strict=False):
            yield from _paired(one, its)
