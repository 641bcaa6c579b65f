"""What expressions stand for: dotted names through imports and aliases, and texts that are put together.

No flow is followed: a name stands for all that is assigned to it in its scope, or else in the module.
"""

from __future__ import annotations

import ast
import builtins
import re
from typing import TYPE_CHECKING

from picklewatch.analysis.python.folding import LONGEST, call_text, joined_text, operated
from picklewatch.catalogue.python_acts import ACTS, PythonAct

if TYPE_CHECKING:
    from picklewatch.analysis.python.scopes import Module, Scope


DEEPEST = 40
"""Assignments and pieces that are followed one into another."""


class PythonNames:
    """The names and texts of one module's expressions."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._dotted: dict[int, str] = {}
        self.bounded = False
        """True if a bound was met: something stands for more than is followed."""
        self._by_name: dict[tuple[int, str], str] = {}
        self._tables: dict[int, str] = {}
        self._texts: dict[int, str | bytes | None] = {}

    def dotted(self, node: ast.expr, scope: Scope, depth: int = 0) -> str:
        """Return the name that *node* stands for, ``""`` if none is known; ``()`` behind what is called."""
        known = self._dotted.get(id(node))
        if known is not None:
            return known
        self._dotted[id(node)] = ""  # while it is looked up: a name may be assigned to itself
        found = self._look_up(node, scope, depth) if self._goes_on(depth) else ""
        self._dotted[id(node)] = found
        return found

    def _goes_on(self, depth: int) -> bool:
        self.bounded = self.bounded or depth >= DEEPEST
        return depth < DEEPEST

    def called(self, call: ast.Call, scope: Scope) -> str:
        """Return the name of what *call* calls."""
        name = self.dotted(call.func, scope)
        if name == "operator.methodcaller()" and isinstance(call.func, ast.Call) and call.func.args and call.args:
            method = self.text(call.func.args[0], scope)
            return _joined(self.dotted(call.args[0], scope), [str(method)])
        return name

    def _look_up(self, node: ast.expr, scope: Scope, depth: int) -> str:
        behind: list[str] = []
        attributes = scope.attributes
        while isinstance(node, ast.Attribute):  # a loop: chains are as long as their author likes
            bound = attributes.get(f"self.{node.attr}", []) if getattr(node.value, "id", "") == "self" else []
            if len(bound) == 1:
                return _joined(self.dotted(bound[0], scope, depth + 1), behind)
            stored = attributes.get(f".{node.attr}")
            if stored and (act := self._acting(stored, scope, depth)):
                return _joined(act, behind)
            behind.append(node.attr)
            node = node.value
        return _joined(self._base(node, scope, depth), behind)

    def _acting(self, nodes: list[ast.expr], scope: Scope, depth: int) -> str:
        """Return the first of several values that acts when it is called."""
        key = id(nodes[0]) if nodes else 0
        if key not in self._tables:  # once for each table: it may be used as often as it has entries
            self._tables[key] = ""
            names = (self.dotted(node, scope, depth + 1) for node in nodes)
            self._tables[key] = next((name for name in names if ACTS.get(name) in (PythonAct.RUN, PythonAct.CODE)), "")
        return self._tables[key]

    def _base(self, node: ast.expr, scope: Scope, depth: int) -> str:
        if isinstance(node, ast.Name):
            return self._name(node.id, scope, depth)
        if isinstance(node, ast.Call):
            return self._called(node, scope, depth)
        if isinstance(node, ast.Subscript):
            return self._item(node, scope, depth)
        if isinstance(node, ast.NamedExpr):
            return self.dotted(node.value, scope, depth + 1)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            left = self.dotted(node.left, scope, depth + 1)
            return left if left.startswith("pathlib.") else ""
        choices = _choices(node)
        return self._acting(choices, scope, depth) if choices else ""

    def _name(self, name: str, scope: Scope, depth: int) -> str:
        key = (id(scope), name)
        if key not in self._by_name:  # once for each name: it may be assigned to as often as it is used
            self._by_name[key] = ""
            self._by_name[key] = self._resolved(name, scope, depth)
        return self._by_name[key]

    def _resolved(self, name: str, scope: Scope, depth: int) -> str:
        bound = self._bound(name, scope)
        if bound:
            found = {self.dotted(value, scope, depth + 1) for value in bound} - {""}
            return found.pop() if len(found) == 1 else ""
        inner: Scope | None = scope
        while inner is not None:
            if name in inner.parameters:
                return ""
            inner = inner.outer
        if name in self._module.imports:
            return _canonical(self._module.imports[name])
        if name in self._module.defined:
            return ""
        starred = (f"{module}.{name}" for module in self._module.stars)
        other = f"builtins.{name}" if name in _BUILTINS else ""
        return next((dotted for dotted in starred if dotted in ACTS), other)

    def _bound(self, name: str, scope: Scope | None) -> list[ast.expr]:
        """Return what is assigned to *name* in the nearest scope that assigns to it."""
        while scope is not None:
            if name in scope.bound:
                return scope.bound[name]
            if name in scope.parameters:
                return []
            scope = scope.outer
        return []

    def _called(self, node: ast.Call, scope: Scope, depth: int) -> str:
        made = self._module.functions.get(getattr(node.func, "id", ""))
        if made is not None:
            return self.dotted(made.returns[0], made, depth + 1) if len(made.returns) == 1 else ""
        function = self.dotted(node.func, scope, depth + 1)
        if function in _IMPORTING and node.args:
            text = self.text(node.args[0], scope, depth + 1)
            return (
                text.partition(".")[0]
                if isinstance(text, str) and function == "builtins.__import__"
                else str(text or "")
            )
        if function == "builtins.getattr" and len(node.args) > 1:
            name = self.text(node.args[1], scope, depth + 1)
            return _joined(self.dotted(node.args[0], scope, depth + 1), [name]) if isinstance(name, str) else ""
        if function.endswith((".__getattribute__", ".__getattr__")) and node.args:
            name = self.text(node.args[0], scope, depth + 1)
            return _joined(function.rpartition(".")[0], [name]) if isinstance(name, str) else ""
        if function == "operator.attrgetter()" and isinstance(node.func, ast.Call) and node.func.args and node.args:
            name = self.text(node.func.args[0], scope, depth + 1)
            return _joined(self.dotted(node.args[0], scope, depth + 1), [name]) if isinstance(name, str) else ""
        if function.startswith("pathlib.") and function.rpartition(".")[2] in _PATH_METHODS:
            return "pathlib.Path()"
        if function in ("builtins.vars", "builtins.globals", "builtins.locals"):
            inner = self.dotted(node.args[0], scope, depth + 1) if node.args else "builtins.globals()"
            return f"{inner}.__dict__" if inner and node.args else inner
        return f"{function}()" if function else ""

    def _item(self, node: ast.Subscript, scope: Scope, depth: int) -> str:
        outer = self.dotted(node.value, scope, depth + 1)
        if not outer:
            table = node.value if not isinstance(node.value, ast.Name) else self.assigned(node.value, scope)
            return self._acting(_choices(table), scope, depth)
        if ACTS.get(outer) in (PythonAct.RUN, PythonAct.CODE):
            return outer
        key = self.text(node.slice, scope, depth + 1)
        if not isinstance(key, str):
            return ""
        if outer == "sys.modules":
            return key
        if outer.endswith(".__dict__"):
            return _canonical(f"{outer.removesuffix('.__dict__')}.{key}")
        if outer == "builtins.globals()":
            return "builtins" if key == "__builtins__" else self._name(key, self._module.top, depth + 1)
        return _canonical(f"{outer}.{key}") if outer in ("builtins", "builtins.__builtins__") else ""

    def assigned(self, node: ast.Name, scope: Scope) -> ast.expr | None:
        """Return the only expression that is assigned to a name."""
        bound = self._bound(node.id, scope)
        return bound[0] if len(bound) == 1 else None

    def text(self, node: ast.expr, scope: Scope, depth: int = 0) -> str | bytes | None:
        """Return the text that *node* is, put together from its pieces; None if a piece is not known."""
        if isinstance(node, ast.Constant):
            return node.value if isinstance(node.value, str | bytes) else None
        if id(node) in self._texts:
            return self._texts[id(node)]
        self._texts[id(node)] = found = None  # while it is put together
        if not self._goes_on(depth):
            return None
        if isinstance(node, ast.Name):
            bound = self._bound(node.id, scope)
            found = self.text(bound[0], scope, depth + 1) if len(bound) == 1 else None
        else:
            found = self._put_together(node, scope, depth)
        self._texts[id(node)] = found = found if found is None or len(found) <= LONGEST else None
        return found

    def _put_together(self, node: ast.expr, scope: Scope, depth: int) -> str | bytes | None:
        def inner(part: ast.expr) -> str | bytes | None:
            return self.text(part, scope, depth + 1)

        if isinstance(node, ast.BinOp):
            return operated(node, inner)
        if isinstance(node, ast.JoinedStr):
            return joined_text(node, inner)
        if isinstance(node, ast.Call):
            return call_text(node, self.dotted(node.func, scope, depth + 1), inner)
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
            value, cut = inner(node.value), _slice(node.slice)
            return value[cut] if value is not None and cut is not None else None
        return None

    def is_built(self, node: ast.expr, scope: Scope) -> bool:
        """Return True if *node* is a text that was put together, also by way of a name."""
        if isinstance(node, ast.Name):
            bound = self._bound(node.id, scope)
            return len(bound) == 1 and not isinstance(bound[0], ast.Name) and self.is_built(bound[0], scope)
        return not isinstance(node, ast.Constant)


def _choices(node: ast.expr | None) -> list[ast.expr]:
    """Return what *node* may be, or hold: a table of functions, a choice between two."""
    if isinstance(node, ast.Dict):
        return node.values
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return node.elts
    if isinstance(node, ast.BoolOp):
        return node.values
    return [node.body, node.orelse] if isinstance(node, ast.IfExp) else []


def _joined(base: str, behind: list[str]) -> str:
    return _canonical(".".join([base, *reversed(behind)])) if base else ""


def _canonical(name: str) -> str:
    """Return *name* without detours: a module that another one imported, and the names of Python 2."""
    for prefix, plain in (
        ("builtins.__builtins__", "builtins"),
        ("__builtin__.", "builtins."),
        ("posix.", "os."),
        ("nt.", "os."),
        ("_socket.", "socket."),
    ):
        if name.startswith(prefix):
            name = plain + name[len(prefix) :]
    name = name.removesuffix(".__call__").replace("pathlib.Path().parent", "pathlib.Path()")
    detour = _DETOUR.fullmatch(name)
    if detour is not None and detour[1] in ACTS and name not in ACTS:
        name = detour[1]
    return name.replace(".__dict__.", ".") if ".__dict__." in name else name


def _slice(node: ast.Slice) -> slice | None:
    bounds: list[int | None] = []
    for part in (node.lower, node.upper, node.step):
        value = part.operand if isinstance(part, ast.UnaryOp) and isinstance(part.op, ast.USub) else part
        if value is None:
            bounds.append(None)
        elif isinstance(value, ast.Constant) and isinstance(value.value, int):
            bounds.append(value.value if value is part else -value.value)
        else:
            return None
    return slice(*bounds) if bounds[2] != 0 else None


_DETOUR = re.compile(r"[\w.]+?\.((?:os|posix|subprocess|builtins|pty|socket)\.\w+)")
"""A module that another one imported: ``torch.os.system``."""
_BUILTINS = frozenset(dir(builtins)) | {"__builtins__", "unicode", "execfile", "raw_input", "xrange", "reload"}
_IMPORTING = frozenset({"builtins.__import__", "importlib.import_module", "importlib.__import__", "imp.load_module"})
_PATH_METHODS = frozenset({
    "home", "cwd", "expanduser", "resolve", "absolute", "joinpath", "with_name", "with_suffix", "PosixPath",
})  # fmt: skip
