"""What a name in the text of a library is: resolved through re-exports, star imports and other libraries' text.

Only the interpreter's own standard library is imported, for what libraries derive from. What leads anywhere else is
`UNRESOLVED`.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import inspect
import sys
import types
import warnings
from typing import TYPE_CHECKING, Any

from census.text_scope import Binding, Defined, Imported, Scope, ScopeReader
from census.text_values import (
    Expression,
    Live,
    Namespace,
    Place,
    TextClass,
    TextFunction,
    Unresolved,
    Value,
    named_tuple,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from census.text_archive import Library

_NOT_IMPORTED = frozenset({"antigravity", "this", "idlelib", "turtle", "turtledemo", "test", "lib2to3", "__main__"})
"""Modules of the standard library that do something when they are imported, or that nothing derives from."""


class World:
    """All libraries that are there as text, one version of each."""

    def __init__(self, libraries: Iterable[Library]) -> None:
        self._homes = {name: library for library in libraries for name in library.modules}
        self._compiled = {name for library in self._homes.values() for name in library.compiled}
        self._tops = {name.partition(".")[0] for name in self._homes}
        self._places: dict[str, Place | None] = {}
        self._open: set[str] = set()
        self._resolving: set[tuple[str, str]] = set()
        self._known: dict[tuple[str, str], frozenset[Value]] = {}

    def place(self, name: str) -> Place | None:
        """Return the names of module *name*; None if it is not there as text."""
        if name not in self._places:
            library = self._homes.get(name)
            module = library.modules[name] if library else None
            if library is None or module is None or module.tree is None:
                self._places[name] = None
                return None
            place = self._places[name] = Place(module, library)
            place.reader = ScopeReader(module.package, self._starred)
            self._open.add(name)
            place.scope = place.reader.read(module.tree.body, {})
            self._open.discard(name)
        return self._places[name]

    def _starred(self, name: str) -> Scope | None:
        """Return what ``from name import *`` binds."""
        place = self.place(name)
        if place is None:
            live = _standard(name)
            if not isinstance(live, Live):
                return None
            public = getattr(live.value, "__all__", [one for one in vars(live.value) if not one.startswith("_")])
            return {one: frozenset({Imported(name, one)}) for one in public}
        if name in self._open:
            return None  # a circle of stars: what is bound when depends on the order of imports
        listed = self._listed(place)
        names = [one for one in place.scope if not one.startswith("_")] if listed is None else listed
        found: Scope = {one: frozenset({Imported(name, one)}) for one in names}
        if listed is None and place.reader is not None and place.reader.dynamic:
            return None
        return found

    def _listed(self, place: Place) -> list[str] | None:
        """Return a module's ``__all__``, where it is written out."""
        bound = place.scope.get("__all__")
        if bound is None:
            return None
        for one in bound:
            if isinstance(one, Defined) and isinstance(one.node, ast.List | ast.Tuple):
                names = [part.value for part in one.node.elts if isinstance(part, ast.Constant)]
                if len(bound) == 1 and len(names) == len(one.node.elts):
                    return [str(name) for name in names]
        return [one for one in place.scope if not one.startswith("_")]

    # --- names ---

    def module_name(self, module: str, name: str) -> frozenset[Value]:
        """Return what ``module.name`` may be; nothing if there is no such name."""
        if (module, name) in self._known:
            return self._known[module, name]
        if (module, name) in self._resolving:
            return frozenset({Unresolved(f"{module}.{name} leads to itself")})
        outermost = not self._resolving and not self._open
        self._resolving.add((module, name))
        try:
            found = self._module_name(module, name)
        finally:
            self._resolving.discard((module, name))
        if outermost:
            self._known[module, name] = found
        return found

    def _module_name(self, module: str, name: str) -> frozenset[Value]:  # noqa: PLR0911 - one for each kind of module
        place = self.place(module)
        below = f"{module}.{name}"
        if place is not None:
            itself = Imported(module, name)  # as ``from . import name`` in the package that name is a part of
            bound = place.scope.get(name, frozenset())
            if bound - {itself}:
                return self.bound(place, bound)
            if below in self._homes or below in self._compiled:
                return frozenset({Namespace(below)})
            hidden = "__getattr__" in place.scope or (place.reader is not None and place.reader.dynamic)
            if module in self._open or hidden:
                return frozenset({Unresolved(below)})
            return frozenset()
        if below in self._homes:
            return frozenset({Namespace(below)})
        live = _standard(module)
        if isinstance(live, Live):
            if hasattr(live.value, name):
                return frozenset({_wrapped(getattr(live.value, name))})
            found = _standard(below)
            return frozenset({Namespace(below)} if isinstance(found, Live) else ())
        return frozenset({Unresolved(below)})

    def bound(self, place: Place, bound: frozenset[Binding], local: Scope | None = None) -> frozenset[Value]:
        """Return what a name may be that *bound* says how it was bound, in *place* or in a class there."""
        found: set[Value] = set()
        for one in bound:
            if isinstance(one, Imported):
                found |= self._imported(one)
            elif isinstance(one, Defined):
                found |= self._defined(place, one.node, local)
            else:
                found.add(Unresolved("bound by a call or a loop"))
        return frozenset(found)

    def _imported(self, one: Imported) -> frozenset[Value]:
        if one.name:
            return self.module_name(one.module, one.name)
        if one.module in self._homes or one.module in self._compiled or isinstance(_standard(one.module), Live):
            return frozenset({Namespace(one.module)})
        return frozenset({Unresolved(one.module)})

    def _defined(self, place: Place, node: ast.AST, local: Scope | None) -> frozenset[Value]:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            return frozenset({self.definition(place, node, node.name)})
        mark = ("", str(id(node)))
        if mark in self._resolving or not isinstance(node, ast.expr):
            return frozenset({Unresolved("a name that leads to itself")})  # unicode = unicode
        self._resolving.add(mark)
        try:
            return self.expression(place, node, local)
        finally:
            self._resolving.discard(mark)

    def definition(
        self, place: Place, node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef, qualname: str
    ) -> TextClass | TextFunction:
        """Return the one object that stands for *node*."""
        if id(node) not in place.definitions:
            kind = TextClass if isinstance(node, ast.ClassDef) else TextFunction
            place.definitions[id(node)] = kind(place, node, qualname)  # type: ignore[arg-type]
        return place.definitions[id(node)]

    # --- expressions ---

    def expression(self, place: Place, node: ast.expr, local: Scope | None = None) -> frozenset[Value]:  # noqa: PLR0911
        """Return what *node* may be in a module, or in a class's body that binds *local*."""
        match node:
            case ast.Name(id=name):
                if local and name in local:
                    return self.bound(place, local[name], local)
                if name in place.scope:
                    return self.bound(place, place.scope[name])
                if place.module.name in self._open or (place.reader is not None and place.reader.dynamic):
                    return frozenset({Unresolved(name)})
                return frozenset({Live(getattr(builtins, name))} if hasattr(builtins, name) else {Unresolved(name)})
            case ast.Attribute(value=owner, attr=name):
                parts = [self._attribute(one, name) for one in self.expression(place, owner, local)]
                return frozenset().union(*parts)
            case ast.Subscript(value=owner):
                return frozenset(self._subscripted(one) for one in self.expression(place, owner, local))
            case ast.Call(func=func):
                made = self._called(place, node, self.expression(place, func, local))
                return frozenset({made})
            case ast.IfExp(body=body, orelse=orelse):
                return self.expression(place, body, local) | self.expression(place, orelse, local)
        return frozenset({Expression(place, node)})

    def _attribute(self, owner: Value, name: str) -> frozenset[Value]:
        if isinstance(owner, Namespace):
            return self.module_name(owner.name, name)
        if isinstance(owner, Live) and isinstance(owner.value, types.ModuleType | type):
            value = inspect.getattr_static(owner.value, name, self)
            return frozenset({Unresolved(name) if value is self else _wrapped(value)})
        return frozenset({Unresolved(f"{owner.why if isinstance(owner, Unresolved) else type(owner).__name__}.{name}")})

    def _subscripted(self, owner: Value) -> Value:
        if isinstance(owner, TextClass):
            return owner
        origin = getattr(owner.value, "__origin__", owner.value) if isinstance(owner, Live) else None
        if isinstance(origin, type):
            return Live(origin)
        return Unresolved("a subscript")

    def _called(self, place: Place, node: ast.Call, functions: frozenset[Value]) -> Value:
        names = {getattr(one.value, "__qualname__", "") if isinstance(one, Live) else "" for one in functions}
        if names in ({"namedtuple"}, {"NamedTuple"}):
            return named_tuple(place, node)
        return Expression(place, node)


def _standard(name: str) -> Live | None:
    """Return a module of the standard library."""
    top = name.partition(".")[0]
    if not name or top not in sys.stdlib_module_names or top in _NOT_IMPORTED or name.endswith(".__main__"):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Live(importlib.import_module(name))
    except ImportError:
        return None


def _wrapped(value: Any) -> Value:
    return Namespace(value.__name__) if isinstance(value, types.ModuleType) else Live(value)
