"""Which names a body of statements binds, and to what: a module's or a class's, read in order.

A name may be bound to several things, one for each branch that may have run. `UNKNOWN` among them says that it may be
anything: nothing follows from such a name.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


@dataclass(frozen=True)
class Imported:
    """The binding of ``from module import name``; the module itself without a name."""

    module: str
    name: str = ""


@dataclass(frozen=True)
class Defined:
    """The binding of a ``def``, a ``class`` or an assignment."""

    node: ast.AST


@dataclass(frozen=True)
class Unknown:
    """Anything."""


UNKNOWN = Unknown()
Binding = Imported | Defined | Unknown
Scope = dict[str, frozenset[Binding]]
_DYNAMIC = frozenset({"globals", "locals", "vars", "exec", "eval", "execfile"})


class ScopeReader:
    """Read the statements of a body."""

    def __init__(self, package: str, star: Callable[[str], Scope | None]) -> None:
        self._package = package
        self._star = star
        """Return what ``from module import *`` binds; None if that is not known."""
        self.dynamic = False
        """True if some names are bound by a call that can't be read."""
        self.rebound: set[str] = set()
        """Names that meant something else before: what a base was when a class was made can't be told."""

    def read(self, body: Iterable[ast.stmt], scope: Scope) -> Scope:
        """Return *scope* with what *body* binds."""
        for one in body:
            before, scope = scope, self._statement(one, scope)
            if not isinstance(one, ast.If | ast.Try | ast.With):  # their own statements were looked at
                self.rebound |= {name for name in before.keys() & scope.keys() if before[name] != scope[name]}
        return scope

    def _statement(self, node: ast.stmt, scope: Scope) -> Scope:  # noqa: C901, PLR0911, PLR0912 - one branch a form
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                return scope | {node.name: frozenset({Defined(node)})}
            case ast.Import():
                return scope | dict(self._import(node))
            case ast.ImportFrom():
                return self._import_from(node, scope)
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    scope = self._assign(target, value, scope)
                return scope
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                return scope | {name: frozenset({Defined(value)})}
            case ast.AugAssign(target=ast.Name(id=name)):
                return scope | {name: frozenset({UNKNOWN})}
            case ast.Delete(targets=targets):
                gone = {one.id for one in targets if isinstance(one, ast.Name)}
                return {name: bound for name, bound in scope.items() if name not in gone}
            case ast.If():
                return self._branch(node, scope)
            case ast.Try():
                return self._attempt(node, scope)
            case ast.With(body=body):
                return self.read(body, scope)
            case ast.For() | ast.While() | ast.AsyncFor():
                return self._loop(node, scope)
            case ast.Expr(value=value):
                return self._tainted(scope) if self._is_dynamic(value) else scope
            case _:
                return scope

    def _import(self, node: ast.Import) -> Iterable[tuple[str, frozenset[Binding]]]:
        for one in node.names:
            if one.asname:
                yield one.asname, frozenset({Imported(one.name)})
            else:
                top = one.name.partition(".")[0]
                yield top, frozenset({Imported(top)})

    def _import_from(self, node: ast.ImportFrom, scope: Scope) -> Scope:
        module = absolute(node, self._package)
        for one in node.names:
            if one.name == "*":
                bound = self._star(module)
                if bound is None:
                    self.dynamic = True
                scope = self._tainted(scope) if bound is None else scope | bound
            else:
                scope = scope | {one.asname or one.name: frozenset({Imported(module, one.name)})}
        return scope

    def _assign(self, target: ast.expr, value: ast.expr, scope: Scope) -> Scope:
        match target:
            case ast.Name(id=name):
                return scope | {name: frozenset({Defined(value)})}
            case ast.Subscript(value=container) if self._is_dynamic(container):
                return self._tainted(scope)
            case ast.Tuple() | ast.List() | ast.Starred():
                names = [one.id for one in ast.walk(target) if isinstance(one, ast.Name)]
                return scope | dict.fromkeys(names, frozenset({UNKNOWN}))
        return scope

    def _tainted(self, scope: Scope) -> Scope:
        """Return *scope* where each name may have been bound again."""
        self.dynamic = True
        return {name: bound | {UNKNOWN} for name, bound in scope.items()}

    def _is_dynamic(self, node: ast.expr) -> bool:
        calls = [one.func for one in ast.walk(node) if isinstance(one, ast.Call)]
        return any(isinstance(one, ast.Name) and one.id in _DYNAMIC for one in calls)

    # --- branches ---

    def _branch(self, node: ast.If, scope: Scope) -> Scope:
        truth = _truth(node)
        if truth is not None:
            return self.read(node.body if truth else node.orelse, scope)
        parts = [self.read(part, scope) for part in (node.body, node.orelse) if not _leaves(part)]
        return merged(parts) if parts else scope

    def _attempt(self, node: ast.Try, scope: Scope) -> Scope:
        tried = self.read(node.body, scope)
        parts = [self.read(node.orelse, tried)]
        midway = merged([scope, tried])
        parts += [self.read(one.body, midway) for one in node.handlers if not _leaves(one.body)]
        return self.read(node.finalbody, merged(parts))

    def _loop(self, node: ast.For | ast.While | ast.AsyncFor, scope: Scope) -> Scope:
        if not isinstance(node, ast.While):
            names = [one.id for one in ast.walk(node.target) if isinstance(one, ast.Name)]
            scope = scope | dict.fromkeys(names, frozenset({UNKNOWN}))
        return self.read(node.orelse, merged([scope, self.read(node.body, scope)]))


def merged(parts: list[Scope]) -> Scope:
    """Return what holds after one of several branches."""
    names = {name for part in parts for name in part}
    return {name: frozenset().union(*(part.get(name, frozenset()) for part in parts)) for name in names}


def absolute(node: ast.ImportFrom, package: str) -> str:
    """Return the module that *node* imports from, in a module of *package*."""
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    base = ".".join(parts[: len(parts) - node.level + 1])
    return ".".join(part for part in (base, node.module or "") if part)


def _leaves(body: list[ast.stmt]) -> bool:
    """Return True if *body* ends by an error: what comes after it has not run."""
    return bool(body) and isinstance(body[-1], ast.Raise)


def _truth(node: ast.If) -> bool | None:
    """Return what the test of *node* is wherever the library works; None where both may be."""
    text = ast.unparse(node.test)
    if text.rpartition(".")[2] == "TYPE_CHECKING":
        # transformers' lazy modules give out exactly what the branch for type checkers imports
        return any("_LazyModule" in ast.unparse(one) for one in node.orelse)
    return _VERSIONS.get(text)


_VERSIONS = {
    "six.PY2": False,
    "six.PY3": True,
    "PY2": False,
    "PY3": True,
    "compat.PY2": False,
    "compat.PY3": True,
    "sys.version_info[0] == 2": False,
    "sys.version_info[0] < 3": False,
    "sys.version_info[0] == 3": True,
    "sys.version_info[0] >= 3": True,
    "sys.version_info >= (3,)": True,
    "sys.version_info >= (3, 0)": True,
    "sys.version_info < (3,)": False,
    "sys.version_info < (3, 0)": False,
    "sys.version_info.major == 2": False,
    "sys.version_info.major >= 3": True,
}
"""Tests that tell Python 2, whose syntax this reader does not know, from Python 3."""
