"""The classes of a text: their bodies, bases and metaclasses."""

from __future__ import annotations

import abc
import ast
import enum
import re
import textwrap
import typing
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from census import hooks, introspect
from census.text_read_by_hand import HARMLESS_DECORATORS, HARMLESS_INIT_SUBCLASS, HARMLESS_STANDARD_DECORATORS
from census.text_scope import Defined, Scope, ScopeReader
from census.text_values import Live, NamedTuple, Namespace, TextClass, TextFunction, Value

if TYPE_CHECKING:
    from census.text_archive import Module
    from census.text_world import World

Ancestor = TextClass | NamedTuple | Live
_METACLASSES = {type, abc.ABCMeta, enum.EnumMeta, type(typing.Protocol)}
_ADD_METACLASS = {"six.add_metaclass", "sklearn.externals.six.add_metaclass"}
_WATCHED = frozenset({*hooks.HOOKS, "__class__", "__dict__", "__slots__", "__bases__"})
_STORE = re.compile(rf"\b(?P<owner>\w+)\.(?P<name>{'|'.join(sorted(_WATCHED))})\s*=(?!=)")
_SETATTR = re.compile(r"\b(?:setattr|delattr)\(\s*(?:[\w.]+\.)?(?P<owner>\w+)\s*,(?P<name>[^,)]+)")


class NotKnownError(Exception):
    """What a class is does not follow from the texts at hand."""


@dataclass
class Body:
    """Names bound by the body of a class."""

    scope: Scope
    setters: dict[str, ast.FunctionDef] = field(default_factory=dict)
    """Property → the function of its ``@x.setter``."""
    generated: dict[str, str] = field(default_factory=dict)
    """Hooks that ``@dataclass`` adds, and their names in the census."""


class Classes:
    """Bodies and method resolution orders, each read once."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._bodies: dict[TextClass, Body] = {}
        self._mros: dict[TextClass, list[Ancestor] | NotKnownError] = {}
        self._changed: dict[str, set[str]] = defaultdict(set)
        self._looked: set[str] = set()

    def body(self, cls: TextClass) -> Body:
        """Return what the body of *cls* binds."""
        if cls not in self._bodies:
            reader = ScopeReader(cls.where.module.package, lambda _name: None)
            scope = reader.read(cls.node.body, {})
            if reader.dynamic:
                raise NotKnownError("its body binds names by a call")
            body = self._bodies[cls] = Body(scope)
            if "__eq__" in scope and "__hash__" not in scope:
                body.generated["__hash__"] = f"{cls.key}.__hash__"  # None, which Python puts there
            for node in ast.walk(cls.node):
                if isinstance(node, ast.FunctionDef):
                    for one in node.decorator_list:
                        if isinstance(one, ast.Attribute) and one.attr == "setter":
                            body.setters[node.name] = node
        return self._bodies[cls]

    def mro(self, cls: TextClass) -> list[Ancestor]:
        """Return the method resolution order of *cls*, itself first."""
        if cls not in self._mros:
            self._mros[cls] = NotKnownError("it derives from itself")
            try:
                self._mros[cls] = self._linear(cls)
            except NotKnownError as error:
                self._mros[cls] = error
        found = self._mros[cls]
        if isinstance(found, NotKnownError):
            raise found
        return found

    def _linear(self, cls: TextClass) -> list[Ancestor]:
        self._check_changes(cls)
        bases, metas = self._bases(cls)
        for decorator in cls.node.decorator_list:
            metas += self._decorator(cls, decorator)
        for meta in metas:
            self._check_metaclass(meta)
        chains = [self._chain(base) for base in bases]
        order: list[Ancestor] = [cls, *_merge([*chains, list(bases)])]
        for one in order[1:]:
            if isinstance(one, Live):
                self._check_metaclass(
                    frozenset({Live(type(one.value))})
                )  # as ctypes.Structure's, which adds descriptors
            if isinstance(one, TextClass) and "__init_subclass__" in self.body(one).scope:
                self._check_init_subclass(one)
        return order

    def _check_init_subclass(self, cls: TextClass) -> None:
        for bound in self.body(cls).scope["__init_subclass__"]:
            node = bound.node if isinstance(bound, Defined) else None
            if isinstance(node, ast.FunctionDef):
                function = self.world.definition(cls.where, node, f"{cls.qualname}.{node.name}")
                if isinstance(function, TextFunction) and was_read(function, HARMLESS_INIT_SUBCLASS):
                    continue
            raise NotKnownError(f"{cls.key}.__init_subclass__ may change it")

    def _chain(self, base: Ancestor) -> list[Ancestor]:
        if isinstance(base, TextClass):
            return list(self.mro(base))
        if isinstance(base, NamedTuple):
            return [base, Live(tuple), Live(object)]
        return [Live(one) for one in base.value.__mro__]

    def _bases(self, cls: TextClass) -> tuple[list[Ancestor], list[frozenset[Value]]]:
        metas = []
        for word in cls.node.keywords:
            if word.arg == "metaclass":
                metas.append(self._value(cls, word.value))
            elif word.arg is None:
                raise NotKnownError("its class statement has **")
        bases: list[Ancestor] = []
        for node in cls.node.bases:
            if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "with_metaclass":
                self._check_with_metaclass(cls, node.func)
                metas.append(self._value(cls, node.args[0]))
                bases += [self._base(cls, one) for one in node.args[1:]]
            else:
                bases.append(self._base(cls, node))
        generic = Live(typing.Generic)
        if generic in bases and len(bases) > 1:  # a subscripted base brings it, at the end
            bases = [one for one in bases if one != generic]
            if not any(generic in self._chain(one) for one in bases):
                bases.append(generic)
        return bases or [Live(object)], metas

    def _value(self, cls: TextClass, node: ast.expr) -> frozenset[Value]:
        """Return what *node* was when the statement of *cls* ran."""
        reader = cls.where.reader
        names = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
        if reader is not None and names & reader.rebound:
            raise NotKnownError(f"{ast.unparse(node)[:80]}: meant something else before or after")
        return self.world.expression(cls.where, node)

    def _base(self, cls: TextClass, node: ast.expr) -> Ancestor:
        values = self._value(cls, node)
        text = ast.unparse(node)[:80]
        if len(values) != 1:
            raise NotKnownError(f"base {text}: {'no such name' if not values else 'several meanings'}")
        value = next(iter(values))
        if isinstance(value, Live):
            origin = getattr(value.value, "__origin__", value.value)
            if origin is typing.NamedTuple:
                names = [
                    one.target.id
                    for one in cls.node.body
                    if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)
                ]
                return NamedTuple(cls.key, tuple(names))
            if isinstance(origin, type):
                return Live(origin)
        if isinstance(value, TextClass | NamedTuple):
            return value
        why = getattr(value, "why", type(value).__name__)
        raise NotKnownError(f"base {text}: {why}")

    def _check_with_metaclass(self, cls: TextClass, func: ast.expr) -> None:
        """Demand that ``with_metaclass`` is six's, or one of its copies."""
        for one in self._value(cls, func) or {None}:
            if isinstance(one, TextFunction) and one.key.endswith(("six.with_metaclass", "compat.with_metaclass")):
                continue
            if getattr(one, "why", "") == "six.with_metaclass":
                continue
            raise NotKnownError("an unknown with_metaclass")

    def _check_metaclass(self, values: frozenset[Value]) -> None:
        for one in values:
            if isinstance(one, Live) and one.value in _METACLASSES:
                continue
            raise NotKnownError(f"metaclass {getattr(one, 'key', one)}")
        if len(values) != 1:
            raise NotKnownError("several metaclasses")

    def _decorator(self, cls: TextClass, node: ast.expr) -> list[frozenset[Value]]:
        """Check a decorator of *cls*; return the metaclass that it gives."""
        func = node.func if isinstance(node, ast.Call) else node
        text = ast.unparse(func)
        values = self._value(cls, func)
        if {getattr(one, "why", full_name(one)) for one in values} & _ADD_METACLASS and isinstance(node, ast.Call):
            return [self._value(cls, node.args[0])]
        if not values:
            raise NotKnownError(f"decorated: {text}")
        for value in values:
            key = full_name(value)
            if key == "dataclasses.dataclass":
                self._dataclass(cls, node)
            elif key not in HARMLESS_STANDARD_DECORATORS and not was_read(value, HARMLESS_DECORATORS):
                raise NotKnownError(f"decorated: {key or text}")
        return []

    def _dataclass(self, cls: TextClass, node: ast.expr) -> None:
        words = {one.arg: one.value for one in node.keywords} if isinstance(node, ast.Call) else {}
        given = {name: one.value if isinstance(one, ast.Constant) else None for name, one in words.items()}
        if None in given.values() or None in given or given.get("slots"):
            raise NotKnownError("a data class with slots, or with settings that are no constants")
        body = self.body(cls)
        equal, frozen = given.get("eq", True), given.get("frozen", False)
        if equal and "__eq__" not in body.scope:
            body.generated["__eq__"] = "dataclasses.__eq__"
            if "__hash__" not in body.scope:
                body.generated["__hash__"] = f"{cls.key}.__hash__"
        if frozen:
            body.generated["__setattr__"] = "dataclasses.__setattr__"
        if given.get("unsafe_hash") or (equal and frozen and "__hash__" not in body.scope):
            body.generated["__hash__"] = "dataclasses.__hash__"

    # --- what changes classes after they are made ---

    def _check_changes(self, cls: TextClass) -> None:
        for module in cls.where.library.modules.values():
            if module.name.partition(".")[0] == cls.where.module.name.partition(".")[0]:
                self._look_for_changes(module)
        changed = self._changed.get(cls.node.name)
        if changed:
            raise NotKnownError(f"{', '.join(sorted(changed))} is set on a class of its name")

    def _look_for_changes(self, module: Module) -> None:
        """Note the classes, by their last names, of which *module* may set or delete hooks; comments count too."""
        if module.name in self._looked:
            return
        self._looked.add(module.name)
        for match in _STORE.finditer(module.text):
            self._changed[match["owner"]].add(match["name"])
        for match in _SETATTR.finditer(module.text):
            name = match["name"].strip().strip("'\"")
            literal = name != match["name"].strip() and name not in _WATCHED
            if not literal and match["owner"] not in {"self", "cls", "obj"}:
                self._changed[match["owner"]].add(name)


def was_read(value: Value, read: dict[str, frozenset[str]]) -> bool:
    """Return True if a person read this very source of the function or class *value*."""
    if not isinstance(value, TextFunction | TextClass):
        return False
    return introspect.digest(textwrap.dedent(value.text)) in read.get(value.key, ())


def full_name(value: Value) -> str:
    """Return the full name of a function or class, or an empty text."""
    if isinstance(value, TextClass | TextFunction):
        return value.key
    if isinstance(value, Live):
        return f"{getattr(value.value, '__module__', '')}.{getattr(value.value, '__qualname__', '')}"
    return value.name if isinstance(value, Namespace) else ""


def _merge(chains: list[list[Ancestor]]) -> list[Ancestor]:
    """Merge as Python does (C3)."""
    order: list[Ancestor] = []
    chains = [list(chain) for chain in chains if chain]
    while chains:
        for chain in chains:
            head = chain[0]
            if not any(head in other[1:] for other in chains):
                break
        else:
            raise NotKnownError("no consistent order of its bases")
        order.append(head)
        chains = [[one for one in chain if one != head] for chain in chains]
        chains = [chain for chain in chains if chain]
    return order
