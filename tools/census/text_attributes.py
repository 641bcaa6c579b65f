"""Kinds of attributes in the body of a class: a value, a method, a property, or perhaps any descriptor."""

from __future__ import annotations

import ast
import types
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from census.text_mro import Classes, NotKnownError, full_name
from census.text_read_by_hand import HARMLESS_METHOD_DECORATORS
from census.text_scope import Defined
from census.text_values import Expression, Live, NamedTuple, Namespace, TextClass, TextFunction, Value

if TYPE_CHECKING:
    from census.text_scope import Scope

_PLAIN_FORMS: tuple[type[ast.expr], ...] = (
    ast.Constant, ast.List, ast.Tuple, ast.Dict, ast.Set, ast.Lambda, ast.JoinedStr, ast.ListComp, ast.SetComp,
    ast.DictComp, ast.GeneratorExp, ast.Compare, ast.BinOp, ast.UnaryOp,
)  # fmt: skip
_MANY = 20
"""Deeper than any chain of decorators and aliases."""


class Sort(Enum):
    """The effect of a class's attribute when an instance's is set or asked."""

    PLAIN = auto()
    """A value or a method: setting the instance's attribute stores it."""
    GETTER = auto()
    """Asking runs code, setting stores."""
    PROPERTY = auto()
    """A property: setting runs its setter, or fails."""
    ANY = auto()
    """A data descriptor, or what may be one."""


@dataclass(frozen=True)
class Attribute:
    """One attribute of a class's body."""

    sort: Sort
    setter: TextFunction | None = None
    getter: TextFunction | None = None


class Attributes:
    """Sort the attributes of classes."""

    def __init__(self, classes: Classes) -> None:
        self._classes = classes
        self._world = classes.world

    def sort(self, cls: TextClass, name: str) -> Attribute:
        """Return what *name* in the body of *cls* is; the worst of what it may be."""
        body = self._classes.body(cls)
        worst = Attribute(Sort.PLAIN)
        for one in body.scope[name]:
            if not isinstance(one, Defined):
                found = Attribute(Sort.ANY) if not hasattr(one, "module") else self._imported(cls, name)
            elif isinstance(one.node, ast.FunctionDef | ast.AsyncFunctionDef):
                found = self._method(cls, one.node)
            elif isinstance(one.node, ast.expr):
                found = self._value(cls, one.node, body.scope, 0)
            else:
                found = Attribute(Sort.PLAIN)
            if found.sort.value > worst.sort.value:
                worst = found
        return worst

    def _imported(self, cls: TextClass, name: str) -> Attribute:
        values = self._world.bound(cls.where, self._classes.body(cls).scope[name])
        return Attribute(max((self._sorted(one, 0) for one in values), key=lambda sort: sort.value, default=Sort.ANY))

    def function(self, cls: TextClass, node: ast.FunctionDef | ast.AsyncFunctionDef) -> TextFunction:
        """Return the method *node* of *cls*."""
        found = self._world.definition(cls.where, node, f"{cls.qualname}.{node.name}")
        assert isinstance(found, TextFunction)
        return found

    def _method(self, cls: TextClass, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Attribute:
        worst = Sort.PLAIN
        scope = self._classes.body(cls).scope
        for one in node.decorator_list:
            if isinstance(one, ast.Attribute) and one.attr in {"setter", "getter", "deleter"}:
                return self._property(cls, node)
            values = self._world.expression(cls.where, one.func if isinstance(one, ast.Call) else one, scope)
            for value in values:
                key = full_name(value)
                if key in {"builtins.property", "abc.abstractproperty"}:
                    return self._property(cls, node)
                if key == "functools.cached_property":
                    worst = max(worst, Sort.GETTER, key=lambda sort: sort.value)
                elif key not in HARMLESS_METHOD_DECORATORS and not self._gives_function(
                    value, called=isinstance(one, ast.Call)
                ):
                    worst = Sort.ANY
            if not values:
                worst = Sort.ANY
        return Attribute(worst)

    def _property(self, cls: TextClass, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Attribute:
        setter = self._classes.body(cls).setters.get(node.name)
        getter = self.function(cls, node)
        return Attribute(Sort.PROPERTY, self.function(cls, setter) if setter else None, getter)

    def _gives_function(  # noqa: PLR0911 - each return is a doubt
        self, value: Value, *, called: bool, depth: int = 0
    ) -> bool:
        """Return True if the decorator *value* provably returns a plain function, or what it was given."""
        if not isinstance(value, TextFunction) or value.node.decorator_list or depth > _MANY:
            return False
        inner = {one.name: one for one in value.node.body if isinstance(one, ast.FunctionDef)}
        given = {one.arg for one in (*value.node.args.posonlyargs, *value.node.args.args)}
        returns = _returns(value.node)
        if not returns or not isinstance(value.node.body[-1], ast.Return):
            return False
        for one in returns:
            if not isinstance(one.value, ast.Name):
                return False
            function = inner.get(one.value.id)
            if function is None and (called or one.value.id not in given):
                return False
            if function is not None and called:
                made = TextFunction(value.where, function, function.name)
                if not self._gives_function(made, called=False, depth=depth + 1):
                    return False
            elif function is not None and not all(self._is_wraps(value, two) for two in function.decorator_list):
                return False
        return True

    def _is_wraps(self, value: TextFunction, node: ast.expr) -> bool:
        func = node.func if isinstance(node, ast.Call) else node
        return any(full_name(one) == "functools.wraps" for one in self._world.expression(value.where, func))

    # --- values ---

    def _value(self, cls: TextClass, node: ast.expr, scope: Scope, depth: int) -> Attribute:
        if isinstance(node, _PLAIN_FORMS):
            return Attribute(Sort.PLAIN)
        if depth > _MANY:
            return Attribute(Sort.ANY)
        if isinstance(node, ast.Name) and node.id in scope:
            bound = scope[node.id]
            if all(
                isinstance(one, Defined) and not (isinstance(one.node, ast.Name) and one.node.id == node.id)
                for one in bound
            ):
                return self.sort(cls, node.id)
            return Attribute(Sort.ANY)
        if isinstance(node, ast.Call):
            return self._made(cls, node, scope)
        values = self._world.expression(cls.where, node, scope)
        return Attribute(
            max((self._sorted(one, depth) for one in values), key=lambda sort: sort.value, default=Sort.ANY)
        )

    def _sorted(self, value: Value, depth: int) -> Sort:
        if isinstance(value, TextFunction | TextClass | Namespace | NamedTuple):
            return Sort.PLAIN
        if isinstance(value, Live):
            return _live(value.value)
        if isinstance(value, Expression) and depth <= _MANY:
            if isinstance(value.node, _PLAIN_FORMS):
                return Sort.PLAIN
            if isinstance(value.node, ast.Call):
                return self._instance(self._world.expression(value.where, value.node.func))
        return Sort.ANY

    def _made(self, cls: TextClass, node: ast.Call, scope: Scope) -> Attribute:
        """Sort what a call in the body gives."""
        functions = self._world.expression(cls.where, node.func, scope)
        if {full_name(one) for one in functions} != {"builtins.property"}:
            return Attribute(self._instance(functions))
        words = {one.arg: one.value for one in node.keywords}
        given = node.args[1] if len(node.args) > 1 else words.get("fset")
        if None in words or any(isinstance(one, ast.Starred) for one in node.args):
            return Attribute(Sort.ANY)
        if given is None or (isinstance(given, ast.Constant) and given.value is None):
            return Attribute(Sort.PROPERTY)
        if isinstance(given, ast.Name) and given.id in scope and len(scope[given.id]) == 1:
            one = next(iter(scope[given.id]))
            if isinstance(one, Defined) and isinstance(one.node, ast.FunctionDef):
                return Attribute(Sort.PROPERTY, self.function(cls, one.node))
        return Attribute(Sort.ANY)

    def _instance(self, functions: frozenset[Value]) -> Sort:
        """Sort what calling one of *functions* gives."""
        worst = Sort.PLAIN if functions else Sort.ANY
        for one in functions:
            worst = max(worst, self._called(one), key=lambda sort: sort.value)
        return worst

    def _called(self, one: Value) -> Sort:
        if isinstance(one, NamedTuple):
            return Sort.PLAIN
        if isinstance(one, Live) and isinstance(one.value, type):
            if hasattr(one.value, "__set__") or hasattr(one.value, "__delete__"):
                return Sort.ANY
            return Sort.GETTER if hasattr(one.value, "__get__") else Sort.PLAIN
        if isinstance(one, Live):
            own = getattr(one.value, "__module__", "") in {
                "re",
                "logging",
                "collections",
                "dataclasses",
                "typing",
                "math",
            }
            return Sort.PLAIN if own else Sort.ANY
        return self._instance_of(one) if isinstance(one, TextClass) else Sort.ANY

    def _instance_of(self, cls: TextClass) -> Sort:
        try:
            order = self._classes.mro(cls)
            names = set().union(*(self._names(one) for one in order))
        except NotKnownError:
            return Sort.ANY
        if names & {"__set__", "__delete__", "__new__"}:
            return Sort.ANY
        return Sort.GETTER if "__get__" in names else Sort.PLAIN

    def _names(self, one: TextClass | NamedTuple | Live) -> set[str]:
        if isinstance(one, TextClass):
            return set(self._classes.body(one).scope)
        return set() if isinstance(one, NamedTuple) or one.value is object else set(vars(one.value)) - {"__new__"}


def _live(value: object) -> Sort:
    if isinstance(value, types.FunctionType | type):
        return Sort.PLAIN
    if hasattr(type(value), "__set__") or hasattr(type(value), "__delete__"):
        return Sort.ANY
    return Sort.GETTER if hasattr(type(value), "__get__") else Sort.PLAIN


def _returns(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.Return]:
    """Return the return statements of *node* itself, not those of functions within."""
    found: list[ast.Return] = []
    waiting: list[ast.AST] = list(node.body)
    while waiting:
        one = waiting.pop()
        if isinstance(one, ast.Return):
            found.append(one)
        if not isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            waiting += ast.iter_child_nodes(one)
    return found
