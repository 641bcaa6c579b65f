"""Tells code from data and prose: a text is code if it imports, defines, or calls what Python itself has.

Tables, lists of labels and JSON parse as Python, too, but do nothing when they are run.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from picklewatch.analysis.python.reading import PythonSource

_ACTS = frozenset({
    "exec", "eval", "compile", "open", "input", "getattr", "setattr", "delattr", "vars", "globals", "locals",
    "breakpoint", "exit", "quit", "help", "print",
})  # fmt: skip
"""Functions of Python by which a text does something without an import."""
_DEFINING = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
_DUNDER = re.compile(r"__\w+__")
_IMPORT = re.compile(r"^[^\S\n]*+(?:import[ \t]++[^\W\d]|from[ \t]++[.\w]++[ \t]++import\b)", re.MULTILINE)
"""An import in what this Python does not read."""
_BODY = re.compile(r"\s*+(?:import|from|def|class|async|if|for|while|try|with|@|[^\n]*?;)")
"""The beginning of a statement that may hold one: a key of YAML does not."""
_SIGN = re.compile(rb"\bimport\b|\b(?:def|class|lambda)\b|__\w+__|\b(?:%s)\b" % "|".join(sorted(_ACTS)).encode())
"""One of these is in every text that is code."""
_PLAIN_SIGNS = (
    re.compile(rb"import(?<=[\n \t;:,]import)(?:[ \t]++\w[\w.]*+[ \t]*+(?:as\b|[,;#\r\n\\]|\Z)|[ \t]*+[*(\\])"),
    re.compile(rb"\nfrom[ \t]++[.\w]++[ \t]++import\b"),
    re.compile(rb"\ndef[ \t]++\w++[ \t]*+\("),
    re.compile(rb"\nclass[ \t]++\w++[ \t]*+[(:]"),
    re.compile(rb"__(?:import|builtins|class|subclasses|globals|dict)__"),
    *(
        re.compile(word.encode() + rb"(?<=\W%s)[ \t]*+\(" % word.encode())
        for word in ("exec", "eval", "getattr", "globals")
    ),
)
"""The same, spelt as it usually is, each with a beginning for which the engine has a fast search."""
PLAINLY = 1 << 20
"""Bytes above which a text is searched for signs as they are usually spelt."""


def first_sign(data: memoryview, start: int = 0) -> int:
    """Return the place of the first word in *data* by which it may be code at all, -1 if there is none."""
    signs = (_SIGN,) if len(data) <= PLAINLY else _PLAIN_SIGNS
    found = (sign.search(data, start) for sign in signs)
    return min((match.start() for match in found if match is not None), default=-1)


def is_code(source: PythonSource) -> bool:
    """Return True if *source* imports, defines or acts, as far as it was read, or imports in the rest."""
    if source.is_prose:
        return False
    if any(_tells(statement) for tree, _ in source.trees for statement in tree.body):
        return True
    return any(_BODY.match(text) and _IMPORT.search(text) for text in source.unread)


def _tells(statement: ast.stmt) -> bool:
    acts = calls = False
    for node in ast.walk(statement):
        if isinstance(node, _DEFINING):
            return True
        if isinstance(node, ast.Name):
            acts = acts or node.id in _ACTS or _DUNDER.fullmatch(node.id) is not None
        elif isinstance(node, ast.Attribute):
            acts = acts or _DUNDER.fullmatch(node.attr) is not None
        calls = calls or isinstance(node, ast.Call | ast.Attribute | ast.Subscript | ast.With)
    return acts and calls
