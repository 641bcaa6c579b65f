"""Python source, or an expression, that a loader runs out of plain data: judged by its syntax tree, never run.

MMEngine executes the configuration that a checkpoint carries as text (mmengine/config/config.py, ``fromstring``),
Ultralytics and jsonpickle give texts to ``eval``. Honest ones name layers and numbers, and put them into ``dict``.
"""

from __future__ import annotations

import ast
import re
import warnings
from typing import NamedTuple

from picklewatch.catalogue.imports import denied as bad
from picklewatch.catalogue.imports.classify import judge
from picklewatch.catalogue.imports.entries import Status
from picklewatch.catalogue.imports.stdlib_modules import STDLIB
from picklewatch.catalogue.loaders.loader_names import reads_data
from picklewatch.core.model import Level

LONGEST = 1 << 17
"""Characters that are parsed: `ast` may take half a kilobyte of memory and 5 µs for each."""
PER_CHARACTER = 6
"""Units of work that parsing one character may cost."""


class Effect(NamedTuple):
    """What a text does when it is run."""

    level: Level
    why: str


_NONE = Effect(Level.INFO, "")
_PLAIN = {
    "dict", "list", "tuple", "set", "frozenset", "range", "len", "int", "float", "str", "bool", "bytes", "min",
    "max", "sum", "zip", "enumerate", "round", "abs", "sorted", "reversed", "slice", "any", "all", "print",
    "isinstance", "type", "read_base", "divmod", "pow",
}  # fmt: skip
"""Functions of Python, and MMEngine's ``read_base``, that do no harm with any arguments of a configuration."""
_PLAIN_PARTS = frozenset({"os.path", "os.environ", "os.getenv", "os.sep", "os.cpu_count", "os.getcwd"})
_LAYERS = frozenset(("nn", "torch"))
_OWN_NAMES = frozenset(("__name__", "__file__", "__doc__", "__version__", "__len__", "__all__"))
_SUSPECT = re.compile(r"__\w+__|\b(?:exec|eval|compile|open|getattr|system|popen|subprocess)\b|\bimport\b")


def judge_python(text: str, *, expression: bool = False, loose: bool = False) -> Effect:
    """Judge what running *text* would do; `Level.INFO` for plain values and for what is no Python at all.

    If *loose*, a name may be a module that was imported elsewhere.
    """
    if len(text) > LONGEST:
        return Effect(Level.UNVERIFIED, "it is too long to be read")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text.strip() if expression else text, mode="eval" if expression else "exec")
    except (SyntaxError, ValueError):
        # a newer Python may read what this one does not
        return Effect(Level.UNSAFE, "it holds code") if _SUSPECT.search(text) and "(" in text else _NONE
    except (RecursionError, MemoryError):
        return Effect(Level.UNSAFE, "it is nested more deeply than Python's parser reads")
    return _Judge(tree, loose=loose).worst


class _Judge:
    """Walks one tree, without recursion: names are resolved through imports first."""

    def __init__(self, tree: ast.AST, *, loose: bool) -> None:
        self.worst = _NONE
        self._loose = loose
        self._names: dict[str, str] = {}
        nodes = list(ast.walk(tree))
        for node in nodes:
            if isinstance(node, ast.Import | ast.ImportFrom):
                self._import(node)
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                self._names.setdefault(node.name, "")
        for node in nodes:
            if isinstance(node, ast.Attribute):
                self._attribute(node)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                self._name(node)
            else:
                self._built(node)

    def _note(self, level: Level, why: str) -> None:
        if level.rank > self.worst.level.rank:
            self.worst = Effect(level, why)

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        for alias in node.names:
            if isinstance(node, ast.ImportFrom):
                name = f"{node.module or ''}.{alias.name}".strip(".")
                self._names[alias.asname or alias.name] = name
                self._reach(name)
            else:
                self._names[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
                acts = judge(alias.name, "*").rule == "import-side-effect"
                self._note(Level.MALICIOUS if acts else Level.UNVERIFIED, f"it imports {alias.name}")

    def _reach(self, name: str) -> None:
        """Judge a dotted name that the code fetches, called or not: what is fetched may be called by another name."""
        module, _, attribute = name.rpartition(".")
        judged = judge(module or "_", attribute)
        if name in _PLAIN_PARTS or module in _PLAIN_PARTS or (self._loose and reads_data(module, attribute)):
            self._note(Level.UNVERIFIED, f"it uses {name}")
        elif judged.level is Level.MALICIOUS:
            self._note(Level.MALICIOUS, f"it uses {name}, which can {judged.reason}")
        elif judged.status is not Status.VOUCHED and name.partition(".")[0] not in _LAYERS:
            self._note(Level.UNVERIFIED, f"it uses {name}")

    def _attribute(self, node: ast.Attribute) -> None:
        if node.attr in bad.DUNDERS or (re.fullmatch(r"__\w+__", node.attr) and node.attr not in _OWN_NAMES):
            self._note(Level.MALICIOUS, f"it reaches {node.attr}, which leads into the interpreter")
            return
        name = self._dotted(node)
        if name is not None:
            self._reach(name)
        elif node.attr in bad.FUNCTIONS:
            self._note(Level.MALICIOUS, f"it uses {node.attr}, which runs code as its name says")

    def _dotted(self, node: ast.Attribute) -> str | None:
        """Return the dotted name that *node* spells, with its first part as it was imported."""
        parts: list[str] = []
        inner: ast.expr = node
        while isinstance(inner, ast.Attribute):
            parts.append(inner.attr)
            inner = inner.value
        if not isinstance(inner, ast.Name):
            return None
        first = self._names.get(inner.id, inner.id if self._loose or inner.id in _LAYERS else "")
        return ".".join([first, *reversed(parts)]) if first else None

    def _name(self, node: ast.Name) -> None:
        if node.id in bad.DUNDERS:
            self._note(Level.MALICIOUS, f"it reaches {node.id}")
            return
        name = self._names.get(node.id)
        if name is None and self._loose and node.id in STDLIB:
            return
        if name is None and judge("builtins", node.id).level is Level.MALICIOUS:
            self._note(Level.MALICIOUS, f"it uses {node.id}, which can {judge('builtins', node.id).reason}")
        elif name is not None and "." in name:
            self._reach(name)

    def _built(self, node: ast.AST) -> None:
        """Judge calls, and descriptions of them: ``dict(type=…)`` and ``{"type": …}``."""
        if isinstance(node, ast.Call):
            self._call(node)
        elif isinstance(node, ast.keyword) and node.arg == "type":
            self._registered(node.value)
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == "type":
                    self._registered(value)

    def _registered(self, node: ast.expr) -> None:
        """Judge ``type="os.system"``: MMEngine's registries import a dotted name that they do not know, and call it."""
        named = node.value if isinstance(node, ast.Constant) else None
        module, _, name = named.rpartition(".") if isinstance(named, str) else ("", "", "")
        judged = judge(module, name) if module else None
        if judged is not None and judged.level is Level.MALICIOUS:
            self._note(Level.MALICIOUS, f"its registry calls {module}.{name}, which can {judged.reason}")

    def _call(self, node: ast.Call) -> None:
        function = node.func
        if isinstance(function, ast.Attribute):
            return
        if not isinstance(function, ast.Name):
            self._note(Level.UNVERIFIED, "it calls what it computes")
        elif function.id not in self._names and function.id not in _PLAIN:
            level = judge("builtins", function.id).level
            if self._loose and level is Level.UNSAFE:
                level = Level.UNVERIFIED  # what was imported elsewhere
            self._note(max(level, Level.UNVERIFIED, key=lambda one: one.rank), f"it calls {function.id}")
