"""The parts of a module that run together, and when: at import, in what a loader calls, or only if somebody asks.

``torch.hub.load`` executes ``hubconf.py`` and calls one of its functions (torch/hub.py), transformers imports a module
and makes objects of its classes (dynamic_module_utils.py), TorchServe calls ``handle``, MLflow ``_load_pyfunc``.
"""

from __future__ import annotations

import ast
from enum import IntEnum
from typing import TYPE_CHECKING

from picklewatch.catalogue.python_acts import LOADED_BASES, LOADED_CLASSES, LOADED_FUNCTIONS, LOADED_METHODS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from picklewatch.analysis.python.reading import PythonSource


class When(IntEnum):
    """The moment at which a part runs, the earliest last."""

    ASKED = 0
    LOADED = 1
    IMPORTED = 2


class Scope:
    """A module's own statements, or those of one function."""

    def __init__(self, name: str = "", owner: str = "", outer: Scope | None = None) -> None:
        self.name = name
        self.owner = owner
        """The class that it is a method of."""
        self.outer = outer
        self.when = When.ASKED
        self.bound: dict[str, list[ast.expr]] = {}
        """Name → what is assigned to it here."""
        self.attributes: dict[str, list[ast.expr]] = {} if outer is None else outer.attributes
        """``.name``, or ``self.name`` → what is assigned to an attribute, anywhere in the module."""
        self.calls: list[tuple[ast.Call, int]] = []
        """Calls, with the lines before their statement."""
        self.reaches: list[tuple[ast.expr, int]] = []
        """Attributes and items by names of Python's internals."""
        self.positional: list[str] = []
        self.parameters: frozenset[str] = frozenset()
        self.returns: list[ast.expr] = []
        self.decorators: list[tuple[ast.expr, int]] = []
        """What decorates functions and classes here: it is called."""


class Module:
    """The scopes of one source, and the names that its imports bind."""

    def __init__(self, source: PythonSource) -> None:
        self.imports: dict[str, str] = {}
        """Name → the dotted name that it was imported as, wherever in the source."""
        self.functions: dict[str, Scope] = {}
        """Functions of the module itself, by their names."""
        self.stars: list[str] = []
        """Modules of which all names were imported."""
        self.defined: set[str] = set()
        """Functions and classes of the module itself."""
        self.top = Scope()
        self.top.when = When.IMPORTED
        self.main = Scope("__main__", outer=self.top)
        self.scopes = [self.top, self.main]
        self._bases: dict[str, list[str]] = {}
        """Class of the module → its bases."""
        self._metaclasses: set[str] = set()
        self._hub = False
        for tree, line in source.trees:
            self._walk([(statement, self.top, "") for statement in tree.body], line)
        self._mark()
        self._give()

    def _give(self) -> None:
        """Bind the parameters of the module's functions to what they are given, wherever they are called."""
        for call, _ in (call for scope in self.scopes for call in scope.calls):
            called = self.functions.get(getattr(call.func, "id", ""))
            if called is None:
                continue
            named = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg in called.parameters}
            for name, value in (*zip(called.positional, call.args, strict=False), *named.items()):
                called.bound.setdefault(str(name), []).append(value)

    def _walk(self, waiting: list[tuple[ast.AST, Scope, str]], line: int) -> None:  # noqa: C901, PLR0912  (one loop, for speed)
        while waiting:
            node, scope, owner = waiting.pop()
            kind = node.__class__
            if kind in _FUNCTIONS:
                self._function(node, scope, owner, waiting)  # type: ignore[arg-type]
                scope.decorators.extend((one, line) for one in node.decorator_list)  # type: ignore[attr-defined]
                continue
            if kind is ast.ClassDef:
                self._class(node, scope, waiting)  # type: ignore[arg-type]
                scope.decorators.extend((one, line) for one in node.decorator_list)  # type: ignore[attr-defined]
                continue
            if kind is ast.Call:
                scope.calls.append((node, line))  # type: ignore[arg-type]
            elif kind is ast.Import or kind is ast.ImportFrom:
                self._import(node)  # type: ignore[arg-type]
                continue
            elif kind in _BINDING:
                _bind(node, scope)
                if owner and kind is ast.Assign:
                    _keep(node, scope)  # type: ignore[arg-type]
                if scope is self.top and kind is ast.Assign and getattr(node.targets[0], "id", "") == "dependencies":  # type: ignore[attr-defined]
                    self._hub = True
            elif (kind is ast.Attribute and node.attr[:2] == "__") or kind is ast.Subscript:  # type: ignore[attr-defined]
                scope.reaches.append((node, line))  # type: ignore[arg-type]
            elif kind is ast.Return and node.value is not None:  # type: ignore[attr-defined]
                scope.returns.append(node.value)  # type: ignore[attr-defined]
            elif kind is ast.If and _is_main(node.test):  # type: ignore[attr-defined]
                waiting.extend((inner, self.main, "") for inner in node.body)  # type: ignore[attr-defined]
                waiting.extend((inner, scope, owner) for inner in node.orelse)  # type: ignore[attr-defined]
                continue
            for value in node.__dict__.values():
                if value.__class__ is list:
                    waiting.extend((inner, scope, owner) for inner in value if isinstance(inner, ast.AST))
                elif isinstance(value, ast.AST) and value.__class__ not in _LEAVES:
                    waiting.append((value, scope, owner))

    def _function(
        self,
        node: ast.FunctionDef | ast.AsyncFunctionDef,
        scope: Scope,
        owner: str,
        waiting: list[tuple[ast.AST, Scope, str]],
    ) -> None:
        if scope is self.top and not owner:
            self.defined.add(node.name)
        own = Scope(node.name, owner, scope)
        arguments = node.args
        every = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg)
        own.positional = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)]
        own.parameters = frozenset(argument.arg for argument in every if argument is not None)
        if scope is self.top and not owner:
            self.functions[node.name] = own
        self.scopes.append(own)
        waiting.extend((statement, own, "") for statement in node.body)
        defaults = (*arguments.defaults, *arguments.kw_defaults, *node.decorator_list)
        waiting.extend((value, scope, owner) for value in defaults if value is not None)

    def _class(self, node: ast.ClassDef, scope: Scope, waiting: list[tuple[ast.AST, Scope, str]]) -> None:
        if scope is self.top:
            self.defined.add(node.name)
        bases = [base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "") for base in node.bases]
        if "type" in bases:
            self._metaclasses.add(node.name)
        self._bases.setdefault(node.name, []).extend(bases)
        waiting.extend((part, scope, node.name) for part in (*node.body, *node.decorator_list, *node.bases))
        waiting.extend((keyword.value, scope, node.name) for keyword in node.keywords)

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        for alias in node.names:
            if isinstance(node, ast.Import):
                top = alias.name.partition(".")[0]
                self.imports[alias.asname or top] = alias.name if alias.asname else top
            else:
                module = "." * node.level + (node.module or "")
                self.imports[alias.asname or alias.name] = f"{module}.{alias.name}"
                if alias.name == "*":
                    self.stars.append(module)

    def _mark(self) -> None:
        """Say of each scope when it runs: the functions of the module that are called there run with it."""
        by_name: dict[str, list[Scope]] = {}
        loaded = self._loaded_classes()
        for scope in self.scopes[2:]:
            by_name.setdefault(scope.name, []).append(scope)
            if scope.name in _MAKING and scope.owner:
                by_name.setdefault(scope.owner, []).append(scope)
            if self._is_entry(scope, loaded):
                scope.when = When.LOADED
            if scope.name in _DEFINING or (scope.owner in self._metaclasses and scope.name in _MAKING):
                scope.when = When.IMPORTED
        waiting = [scope for scope in self.scopes if scope.when]
        known: set[tuple[str, str, When]] = set()
        while waiting:
            scope = waiting.pop()
            names = {name for name in self._called(scope) if (name, scope.owner, scope.when) not in known}
            known.update((name, scope.owner, scope.when) for name in names)
            for called in (called for name in names for called in by_name.get(name, ())):
                if called.when < scope.when and (called.owner in ("", scope.owner) or called.name in _MAKING):
                    called.when = scope.when
                    waiting.append(called)

    def _is_entry(self, scope: Scope, loaded: set[str]) -> bool:
        if scope.owner:
            return scope.name in LOADED_METHODS and scope.owner in loaded
        if scope.outer is not self.top:
            return False
        return scope.name in LOADED_FUNCTIONS or (self._hub and not scope.name.startswith("_"))

    def _loaded_classes(self) -> set[str]:
        """Return the classes of the module of which loaders make objects, by their bases' names or by their own."""
        derived: dict[str, list[str]] = {}
        for name, bases in self._bases.items():
            for base in bases:
                derived.setdefault(base, []).append(name)
                imported = self.imports.get(base, "").rpartition(".")[2]  # from … import BaseHandler as B
                if imported not in ("", base):
                    derived.setdefault(imported, []).append(name)
        waiting = [name for name in {*derived, *self._bases} if LOADED_CLASSES.match(name)]
        waiting += [name for base, names in derived.items() if LOADED_BASES.match(base) for name in names]
        loaded: set[str] = set()
        while waiting:
            name = waiting.pop()
            if name not in loaded:
                loaded.add(name)
                waiting.extend(derived.get(name, ()))
        return loaded

    def _called(self, scope: Scope) -> Iterator[str]:
        yield from (node.id for node, _ in scope.decorators if isinstance(node, ast.Name))
        for call, _ in scope.calls:
            function = call.func
            if isinstance(function, ast.Name):
                yield function.id
                continue
            holder = getattr(getattr(function, "value", None), "id", "")
            if isinstance(function, ast.Attribute) and (holder in ("self", "cls") or holder in self._bases):
                yield function.attr


def _keep(node: ast.Assign, scope: Scope) -> None:
    """Note what a class's body assigns: attributes of the class."""
    for target in node.targets:
        if isinstance(target, ast.Name):
            scope.attributes.setdefault(f".{target.id}", []).append(node.value)


def _bind(node: ast.AST, scope: Scope) -> None:
    """Note what *node* assigns to names, and to attributes of ``self``."""
    if isinstance(node, ast.Assign):
        for target in node.targets:
            _target(target, node.value, scope)
    elif isinstance(node, ast.AugAssign | ast.AnnAssign | ast.NamedExpr) and node.value is not None:
        _target(node.target, node.value, scope)
    elif isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
        _target(node.target, node.iter, scope)
    elif isinstance(node, ast.withitem) and node.optional_vars is not None:
        _target(node.optional_vars, node.context_expr, scope)


def _target(target: ast.expr, value: ast.expr, scope: Scope) -> None:
    if isinstance(target, ast.Name):
        scope.bound.setdefault(target.id, []).append(value)
    elif isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == "self":
        scope.attributes.setdefault(f"self.{target.attr}", []).append(value)
    elif isinstance(target, ast.Attribute):
        scope.attributes.setdefault(f".{target.attr}", []).append(value)
    elif isinstance(target, ast.Tuple | ast.List):
        values = value.elts if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts) else None
        for number, inner in enumerate(target.elts):
            _target(inner, value if values is None else values[number], scope)


def _is_main(test: ast.expr) -> bool:
    """Return True for ``__name__ == "__main__"``."""
    if not isinstance(test, ast.Compare) or not isinstance(test.ops[0], ast.Eq):
        return False
    sides = (test.left, test.comparators[0])
    names = [side.id for side in sides if isinstance(side, ast.Name)]
    return names == ["__name__"] and any(isinstance(side, ast.Constant) and side.value == "__main__" for side in sides)


_MAKING = frozenset({"__init__", "__new__", "__post_init__", "__del__"})
"""Methods that making an object calls, or its end."""
_DEFINING = frozenset({"__init_subclass__", "__set_name__", "__prepare__", "__mro_entries__", "__class_getitem__"})
"""Methods that the statement of a class, or an annotation with one, calls."""
_FUNCTIONS = frozenset({ast.FunctionDef, ast.AsyncFunctionDef})
_BINDING = frozenset({
    ast.Assign, ast.AugAssign, ast.AnnAssign, ast.NamedExpr, ast.For, ast.AsyncFor, ast.comprehension, ast.withitem,
})  # fmt: skip
_LEAVES = frozenset({ast.Load, ast.Store, ast.Del, ast.Constant})
