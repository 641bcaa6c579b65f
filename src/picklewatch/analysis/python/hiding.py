"""Finds names that are put together to hide them, and ways through Python's internals to the same end."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from picklewatch.analysis.python.call_arguments import ATTACK, HARM, Told
from picklewatch.analysis.python.data_origins import DataOrigin
from picklewatch.catalogue.python_acts import HIDDEN_NAMES, HIDEABLE, SHELLCODE
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from collections.abc import Iterator

    from picklewatch.analysis.python.data_origins import Values
    from picklewatch.analysis.python.scopes import Scope


def judge_hidden(node: ast.expr, scope: Scope, values: Values) -> Iterator[Told]:
    """Yield what *node* hides, wherever it stands: no honest module does this."""
    if isinstance(node, ast.Call):
        yield from _called(node, scope, values)
    elif isinstance(node, ast.Subscript):
        name = node.slice
        holder = values.dotted(node.value, scope)
        in_table = holder.endswith(".__dict__") or holder in ("builtins", "builtins.globals()", "sys.modules")
        if in_table and _is_hidden(name, scope, values):
            yield _hides("a name")
        elif in_table and holder != "sys.modules" and values.text(name, scope) in _FETCHED:
            yield _hides("a function, which it fetches out of a table")
    elif isinstance(node, ast.Attribute):
        yield from _chained(node)


def _called(call: ast.Call, scope: Scope, values: Values) -> Iterator[Told]:
    name = values.dotted(call.func, scope)
    if name in ("builtins.getattr", "operator.attrgetter", "operator.methodcaller") and call.args:
        spelt = call.args[1] if name == "builtins.getattr" and len(call.args) > 1 else call.args[0]
        if _is_hidden(spelt, scope, values):
            yield _hides("the name of an attribute")
        elif values.dotted(call.args[0], scope) in _RUNNING and values.text(spelt, scope) is None:
            yield Told(HARM, Level.UNSAFE, "fetches a function that may run programs by a name that it computes")
    elif name in ("builtins.__import__", "importlib.import_module") and call.args:
        if _is_hidden(call.args[0], scope, values):
            yield _hides("the name of a module")
    elif isinstance(call.func, ast.Attribute) and call.func.attr in SHELLCODE and name.startswith("ctypes."):
        yield Told(ATTACK, Level.MALICIOUS, "places machine code in memory")
    if isinstance(call.func, ast.Call | ast.Subscript) and name in ("builtins.exec", "builtins.eval"):
        yield _hides("a call of exec or eval")


def _is_hidden(node: ast.expr, scope: Scope, values: Values) -> bool:
    """Return True if *node* puts a dangerous name together, or decodes one."""
    if isinstance(node, ast.Constant):
        return False
    text = values.text(node, scope)
    if isinstance(text, str):
        listed = text in HIDDEN_NAMES or text.partition(".")[0] in HIDEABLE
        return listed and values.is_built(node, scope)
    return text is None and bool(values.origin(node, scope) & DataOrigin.DECODED)


def _chained(node: ast.Attribute) -> Iterator[Told]:
    """Yield the way from any object to all classes: ``().__class__.__base__.__subclasses__``."""
    if node.attr != "__subclasses__":
        return
    inner: ast.expr = node.value
    while isinstance(inner, ast.Attribute | ast.Subscript | ast.Call):
        if isinstance(inner, ast.Attribute) and inner.attr in ("__base__", "__bases__", "__mro__", "mro"):
            yield _hides("the way to Python's own classes")
            return
        inner = inner.func if isinstance(inner, ast.Call) else inner.value


_RUNNING = frozenset({"os", "subprocess", "builtins", "pty", "posix"})
"""Modules of functions that run programs or code."""
_FETCHED = HIDDEN_NAMES - {"loads", "compile", "__builtins__"}
"""Names that honest code fetches out of no table of a module."""


def _hides(what: str) -> Told:
    return Told(ATTACK, Level.MALICIOUS, f"hides {what}")
