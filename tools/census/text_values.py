"""Values of a name in the text of a library."""

from __future__ import annotations

import ast
import inspect
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from census.text_archive import Library, Module
    from census.text_scope import Scope, ScopeReader


@dataclass(frozen=True)
class Unresolved:
    """Something that can't be told from the texts at hand."""

    why: str


@dataclass(frozen=True)
class Namespace:
    """A module."""

    name: str


@dataclass(frozen=True)
class Live:
    """An object of the running interpreter: a class or function of the standard library."""

    value: Any

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Live) and self.value is other.value


@dataclass(frozen=True, eq=False)
class TextFunction:
    """A ``def``, as text."""

    where: Place
    node: ast.FunctionDef | ast.AsyncFunctionDef
    qualname: str

    @property
    def key(self) -> str:
        """Its full name."""
        return f"{self.where.module.name}.{self.qualname}"

    @property
    def text(self) -> str:
        """Its source, decorators included, as `inspect.getsource` shows it."""
        return source_of(self.where.module, self.node)


@dataclass(frozen=True, eq=False)
class TextClass:
    """A ``class``, as text."""

    where: Place
    node: ast.ClassDef
    qualname: str

    @property
    def key(self) -> str:
        """Its full name."""
        return f"{self.where.module.name}.{self.qualname}"

    @property
    def text(self) -> str:
        """Its source, decorators included."""
        return source_of(self.where.module, self.node)


@dataclass(frozen=True)
class NamedTuple:
    """A class that `collections.namedtuple` makes."""

    key: str
    """Its full name."""
    fields: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Expression:
    """A value that no name leads to: a call, a constant, a lambda."""

    where: Place
    node: ast.expr


Value = Unresolved | Namespace | Live | TextFunction | TextClass | NamedTuple | Expression


@dataclass(eq=False)
class Place:
    """A module's names."""

    module: Module
    library: Library
    scope: Scope = field(default_factory=dict)
    reader: ScopeReader | None = None
    definitions: dict[int, TextClass | TextFunction] = field(default_factory=dict)


def source_of(module: Module, node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """Return the lines of *node*, as `inspect.getsource` shows them."""
    first = min((one.lineno for one in node.decorator_list), default=node.lineno)
    last = (node.end_lineno or first) + 100  # trailing comments belong to it, as for `inspect`
    return "".join(inspect.getblock(module.lines[first - 1 : last]))


def named_tuple(place: Place, node: ast.Call) -> Value:
    """Return what ``namedtuple("Name", "field field")`` makes."""
    match node.args:
        case [ast.Constant(value=str() as name), ast.Constant(value=str() as fields)]:
            return NamedTuple(f"{place.module.name}.{name}", tuple(fields.replace(",", " ").split()))
        case [ast.Constant(value=str() as name), ast.List(elts=parts) | ast.Tuple(elts=parts)]:
            firsts = [one.elts[0] if isinstance(one, ast.Tuple) and one.elts else one for one in parts]
            names = [one.value for one in firsts if isinstance(one, ast.Constant) and isinstance(one.value, str)]
            if len(names) == len(parts):
                return NamedTuple(f"{place.module.name}.{name}", tuple(names))
    return Unresolved("a named tuple whose fields are not written out")
