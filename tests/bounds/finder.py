"""Finds every bound in the code that reads hostile bytes, by its syntax alone.

A bound is any place where a number decides how much is looked at: a slice, `islice` or `range` that ends at one, an
order comparison with one, the smaller or larger of it and something else, an argument or default that is one, a bounded
repetition in a pattern. Behind each an attacker may put what the bound cuts off, so each has to be registered
(`bounds.register`).

What cannot cut anything off is left out by its *shape* (`bounds.shapes`), never by its name or file.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from bounds import numbers, shapes
from bounds.numbers import called, value_of
from bounds.patterns import repetitions

import picklewatch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PACKAGE = Path(picklewatch.__file__).parent

CHILD = (
    "analysis/formats/**/*.py", "analysis/pickle/**/*.py", "analysis/content.py", "analysis/sparse.py",
    "analysis/configuration.py", "analysis/dataset_script.py", "analysis/jinja_lexer.py", "analysis/loader_acts.py",
    "analysis/python_source.py", "analysis/python/**/*.py", "analysis/script_acts.py", "analysis/script_source.py",
    "analysis/template_*.py", "catalogue/loaders/**/*.py", "catalogue/imports/**/*.py",
    "core/kept_findings.py", "core/proportion.py", "core/tombstone.py",
)  # fmt: skip
"""What the sandboxed child runs over a file to judge it. `analysis.views` runs there, too, but only shows."""

LARGE = 63
"""A literal above this is a window wherever it is reckoned with."""
_CUTTING = frozenset({"nlargest", "nsmallest", "most_common", "takewhile"})
"""Calls that keep only some of what they are given."""
_QUIET = frozenset({"lru_cache", "cache", "Struct", "bool", "append", "charge", "_charge"}) | shapes.SHOWING
"""Calls that cut nothing off: caches, layouts, texts for people, and charged work, which a comparison tells."""
_BOUND = re.compile(r"max|most|limit|count|size|times")


class Bound(NamedTuple):
    """One place where a number decides how much is looked at."""

    file: str
    """Relative to the package."""
    scope: str
    """The function, class or module-level name that it stands in."""
    kind: str
    """``slice``, ``range``, ``compare`` and so on, as the looks below yield it."""
    text: str
    """The expression, as `ast.unparse` writes it; of a pattern the repetition."""
    line: int

    @property
    def key(self) -> str:
        """Return the key of the register: it survives moved lines, and no change of the bound itself."""
        return f"{self.file}:{self.scope}: {self.text}"


def find(package: Path = PACKAGE) -> list[Bound]:
    """Return every bound in the code that the child runs, each key once."""
    trees = {
        path.relative_to(package).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for pattern in CHILD
        for path in sorted(package.glob(pattern))
    }
    named = {_dotted(file): numbers.of_module(tree) for file, tree in trees.items()}
    found: dict[str, Bound] = {}
    for file, tree in trees.items():
        for bound in _Finder(file, _known(tree, named)).bounds(tree):
            found.setdefault(bound.key, bound)
    return list(found.values())


def find_in(source: str) -> list[str]:
    """Return the kind and text of every bound in *source*."""
    tree = ast.parse(source)
    return [f"{bound.kind}: {bound.text}" for bound in _Finder("example.py", _known(tree, {})).bounds(tree)]


def _dotted(file: str) -> str:
    return ".".join(["picklewatch", *Path(file).with_suffix("").parts]).removesuffix(".__init__")


def _known(tree: ast.Module, named: dict[str, dict[str, float]]) -> set[str]:
    """Return the names of numbers that *tree* defines or imports."""
    known = set(numbers.of_module(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            theirs = named.get(node.module or "", {})
            known |= {alias.asname or alias.name for alias in node.names if alias.name in theirs}
    return known


class _Finder:
    """Goes through one module with the path of nodes that leads to the present one."""

    def __init__(self, file: str, known: set[str]) -> None:
        self._file = file
        self._known = known
        self._path: list[ast.AST] = []

    def bounds(self, node: ast.AST) -> Iterator[Bound]:
        """Yield the bounds at and below *node*."""
        self._path.append(node)
        look = _LOOKS.get(type(node))
        for kind, text in look(self, node) if look is not None else ():
            yield Bound(self._file, self._scope(), kind, text or " ".join(ast.unparse(node).split()), _line(self._path))
        for child in ast.iter_child_nodes(node):
            yield from self.bounds(child)
        self._path.pop()

    def _scope(self) -> str:
        named = [node.name for node in self._path if isinstance(node, ast.FunctionDef | ast.ClassDef)]
        assigned = next((node for node in self._path if isinstance(node, ast.Assign | ast.AnnAssign)), None)
        if not named and assigned is not None:
            named = [ast.unparse(assigned.targets[0] if isinstance(assigned, ast.Assign) else assigned.target)]
        return ".".join(named) or "(module)"

    def _function(self) -> ast.AST | None:
        return next((node for node in reversed(self._path) if isinstance(node, ast.FunctionDef)), None)

    # What is a number: by a name of the module, a limit of the configuration, a name of the function, a large literal.

    def _named(self, node: ast.AST | None) -> bool:
        return node is not None and any(
            (isinstance(inner, ast.Name) and inner.id in self._known) or _is_limit(inner) for inner in ast.walk(node)
        )

    def _local(self, node: ast.AST | None) -> bool:
        function = self._function()
        names = numbers.of_function(function) if function is not None else set()
        return node is not None and any(isinstance(inner, ast.Name) and inner.id in names for inner in ast.walk(node))

    def _number(self, node: ast.AST | None, *, above: float = LARGE) -> bool:
        """Return True if *node* reckons with a number: a named one, or a literal *above* so much."""
        if node is None:
            return False
        return self._named(node) or any((value_of(inner) or 0) > above for inner in ast.walk(node))

    # The looks: each yields the kind, and the text where it is not the node's own.

    def _slice(self, node: ast.Subscript) -> Iterator[tuple[str, str]]:
        part = node.slice
        if not isinstance(part, ast.Slice) or shapes.is_annotation(self._path) or shapes.is_shown(self._path):
            return
        if shapes.is_field(self._path, part) or shapes.covers(self._path, part) or shapes.is_unpacked(self._path, part):
            return
        literal = value_of(part.upper) is not None and not -2 <= (value_of(part.upper) or 0) < 0
        if (
            literal
            or self._number(part.upper)
            or self._local(part.upper)
            or shapes.is_from_end(part.lower, self._named)
        ):
            yield "slice", ""

    def _call(self, node: ast.Call) -> Iterator[tuple[str, str]]:
        name = called(node)
        if name in ("range", "islice"):
            ends = node.args[1:] if name == "islice" else node.args[:2]
            if self._function() is not None and any(self._number(one, above=2) or self._local(one) for one in ends):
                yield name, ""  # outside of functions it makes a table
        elif name in ("min", "max"):
            if any(self._number(one) or self._local(one) or (value_of(one) or 0) > 1 for one in node.args):
                yield name, ""
        elif name in _CUTTING or (name not in _QUIET and self._gives_a_number(node)):
            yield "argument", ""

    def _gives_a_number(self, node: ast.Call) -> bool:
        """Return True if an argument is a number, or one that is a bound by its word: ``maxlen=5``."""
        words = [word for word in node.keywords if _BOUND.search(word.arg or "")]
        given = [*node.args, *(word.value for word in node.keywords)]
        return any(map(self._handed_on, given)) or any(value_of(word.value) is not None for word in words)

    def _handed_on(self, argument: ast.expr) -> bool:
        """Return True for ``NUMBER`` or ``at + NUMBER``: the callee's window or size."""
        inner = [type(one) for one in ast.walk(argument)]
        simple = isinstance(argument, ast.Name | ast.Attribute | ast.BinOp | ast.UnaryOp | ast.Constant)
        return simple and ast.Call not in inner and ast.Subscript not in inner and self._number(argument)

    def _compare(self, node: ast.Compare) -> Iterator[tuple[str, str]]:
        if not any(isinstance(sign, ast.Lt | ast.LtE | ast.Gt | ast.GtE) for sign in node.ops):
            return
        sides = [node.left, *node.comparators]
        reckoned = any(self._named(side) or _counts_down(side) or shapes.is_beyond(side) for side in sides)
        if reckoned or self._bounds_a_count(sides):
            yield "compare", ""

    def _bounds_a_count(self, sides: list[ast.expr]) -> bool:
        """Return True if a literal bounds a length or what the function counts; up to two it is an arity."""
        literal = max((value for side in sides if (value := value_of(side)) is not None), default=0)
        if literal <= 2:
            return False
        if any(called(inner) == "len" for side in sides for inner in ast.walk(side)):
            return literal > shapes.FEW or shapes.leaves_a_loop(self._path)
        function = self._function()
        counted = numbers.counters(function) if function is not None else set()
        return literal >= 1000 or any(isinstance(side, ast.Name) and side.id in counted for side in sides)

    def _defaults(self, node: ast.arguments) -> Iterator[tuple[str, str]]:
        named = [*node.posonlyargs, *node.args]
        pairs = [*zip(named[len(named) - len(node.defaults) :], node.defaults, strict=True)]
        pairs += [(one, default) for one, default in zip(node.kwonlyargs, node.kw_defaults, strict=True) if default]
        for argument, default in pairs:
            if self._number(default, above=1):
                yield "default", f"{argument.arg}={ast.unparse(default)}"

    def _field(self, node: ast.AnnAssign) -> Iterator[tuple[str, str]]:
        if isinstance(self._path[-2], ast.ClassDef) and self._number(node.value, above=1):
            yield "default", ""

    def _set(self, node: ast.Assign) -> Iterator[tuple[str, str]]:
        """Look at a local name for a number: ``longest = 256``."""
        values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
        simple = [one for one in values if isinstance(one, ast.BinOp | ast.Name | ast.Attribute | ast.Constant)]
        if self._function() is not None and any(
            self._number(one, above=shapes.FEW) for one in simple if not shapes.is_mask(one)
        ):
            yield "set", ""

    def _text(self, node: ast.Constant) -> Iterator[tuple[str, str]]:
        """Look at every text: patterns are put together from pieces, which need not be patterns themselves."""
        if isinstance(node.value, str | bytes) and not isinstance(self._path[-2], ast.Expr):
            yield from (("repeat", repetition) for repetition in repetitions(node.value))


def _is_limit(node: ast.AST) -> bool:
    """Return True for ``limits.opcodes``, ``self.limits.members``."""
    base = node.value if isinstance(node, ast.Attribute) else None
    return (base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "")) in ("limits", "DEFAULT_LIMITS")


def _counts_down(node: ast.AST) -> bool:
    """Return True for ``self.members_left``, ``looked.left``."""
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    return name == "left" or name.endswith("_left")


def _line(path: list[ast.AST]) -> int:
    return next((line for node in reversed(path) if (line := getattr(node, "lineno", 0))), 0)


_LOOKS: dict[type[ast.AST], Callable[[_Finder, Any], Iterator[tuple[str, str]]]] = {
    ast.Subscript: _Finder._slice,
    ast.Call: _Finder._call,
    ast.Compare: _Finder._compare,
    ast.arguments: _Finder._defaults,
    ast.AnnAssign: _Finder._field,
    ast.Assign: _Finder._set,
    ast.Constant: _Finder._text,
}
