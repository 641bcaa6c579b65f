"""The Python that a data set's YAML brings along, which Ultralytics executes to fetch it: judged, never run.

Honest ones download archives, unpack them and convert their labels (ultralytics/cfg/datasets/*.yaml): they read, write,
move and delete files of the data set, which `picklewatch.analysis.python_source` would call harm.
"""

from __future__ import annotations

import ast
import re
import warnings

from picklewatch.analysis.python_source import LONGEST, Effect
from picklewatch.catalogue.imports import denied as bad
from picklewatch.catalogue.imports.stdlib_modules import STDLIB
from picklewatch.core.model import Level

_NONE = Effect(Level.INFO, "")
_WORDS = (
    "PIL collections concurrent cv2 csv functools glob itertools json math numpy os pandas pathlib pycocotools random "
    "re scipy shutil tarfile time tqdm typing ultralytics utils warnings xml yaml yolov5 zipfile fiftyone __future__"
)
_MODULES = frozenset(_WORDS.split())
"""Modules that honest scripts use; none of them runs a program unless it is asked by a name below."""
_OF_OS = frozenset(
    {"path", "makedirs", "mkdir", "listdir", "scandir", "walk", "rename", "remove", "sep", "cpu_count", "getcwd"}
)
_FILES_AND_NUMBERS = frozenset({"shutil", "numpy", "np", "json", "math", "random", "re", "glob", "csv", "PIL", "cv2"})
"""Modules all of whose functions a script may use: what they are given is looked at."""
_REACHING = frozenset(
    {
        "subprocess", "sys", "socket", "importlib", "ctypes", "builtins", "pickle", "marshal", "pty", "runpy", "code",
        "codecs", "pip", "posix", "__builtins__",
    }
)  # fmt: skip
"""Modules that other modules hold, by way of which they are reached."""
_HARMFUL = frozenset(
    {"exec", "eval", "compile", "__import__", "globals", "locals", "vars", "getattr", "setattr", "breakpoint", "input"}
)
_OUTSIDE = re.compile(
    r"~|/(?:bin|boot|dev|etc|home|lib|opt|proc|root|sbin|srv|sys|tmp|usr|var|Users)\b|[A-Za-z]:\\|\.\.(?:[/\\]|\Z)"
)
_UNPICKLES = frozenset({"read_pickle", "unsafe_load", "full_load", "UnsafeLoader", "Loader", "FullLoader"})
_MODELS = frozenset({"YOLO", "RTDETR", "SAM", "torch_load", "attempt_load", "attempt_load_weights", "load_checkpoint"})
"""What loads the weights that it is given the name or the address of."""
_MOVES = re.compile(r"(?:rm|mv|cp|mkdir|unzip|tar)\b[\w .-]*+")
"""A shell command, up to a value, that moves or deletes what the value names (yolov5/data/xView.yaml)."""
_LIBRARIES_OS = frozenset({"os", "shutil", "Path", "json", "np", "yaml", "glob", "re", "math", "random", "time"})
"""Modules that a library's own module imported, and that scripts take from there (``from utils.general import os``)."""


def judge_dataset_script(text: str) -> Effect:
    """Judge what running *text* would do beyond its data set; `Level.INFO` for nothing."""
    if len(text) > LONGEST:
        return Effect(Level.UNVERIFIED, "it is too long to be read")
    try:
        tree = _parsed(text) or _parsed(_FOLDED.sub(_unfolded, text))
    except (RecursionError, MemoryError):
        return Effect(Level.UNSAFE, "it is nested more deeply than Python's parser reads")
    if tree is None:
        level = Level.UNSAFE if _SUSPECT.search(text) is not None else Level.UNVERIFIED
        return Effect(level, "it is no Python that can be read") if "(" in text else _NONE
    nodes = list(ast.walk(tree))
    names = _names(nodes)
    excused = {id(node.func) for node in nodes if isinstance(node, ast.Call) and _only_moves(node)}
    found = [node for node in nodes if id(node) not in excused]
    effects = [effect for node in found if (effect := _effect(node, names)) is not None]
    if excused:
        effects.append(Effect(Level.UNVERIFIED, "it moves or deletes files by a shell"))
    return max(effects, key=lambda one: one.level.rank, default=_NONE)


def _parsed(text: str) -> ast.Module | None:
    """Return the syntax tree of *text*, or None if this Python refuses it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError):
        return None


def _unfolded(match: re.Match[str]) -> str:
    """Return the line breaks that YAML makes of those of a quoted or folded text (YAML 1.1, 5.4)."""
    return "\n" * match[1].count("\n") or " "


_FOLDED = re.compile(r"[ \t]*+\n((?:[ \t]*+\n)*+)[ \t]*+")
_SUSPECT = re.compile(r"\b(?:exec|eval|compile|__import__|system|popen|subprocess|socket|getattr|urlopen)\b|__\w+__")


def _names(nodes: list[ast.AST]) -> dict[str, str]:
    """Return the names that are imported, with what they stand for; an assigned one stands for nothing."""
    names: dict[str, str] = {}
    for node in nodes:
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names.setdefault(node.id, "")
        elif isinstance(node, ast.arg | ast.FunctionDef | ast.ClassDef):
            names.setdefault(node.arg if isinstance(node, ast.arg) else node.name, "")
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {one.asname or one.name.partition(".")[0]: one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            for one in node.names:
                own = module.partition(".")[0] not in STDLIB and one.name in _LIBRARIES_OS
                names[one.asname or one.name] = one.name if own else f"{module}.{one.name}"
    return names


def _only_moves(call: ast.Call) -> bool:
    """Return True for ``os.system(f"rm -rf {labels}")``, which names nothing but its own variables."""
    function, text = call.func, call.args[0] if len(call.args) == 1 else None
    if not (isinstance(function, ast.Attribute) and function.attr == "system" and isinstance(text, ast.JoinedStr)):
        return False
    parts = [str(part.value) for part in text.values if isinstance(part, ast.Constant)]
    names = [part.value for part in text.values if isinstance(part, ast.FormattedValue)]
    plain = all(isinstance(name, ast.Name) for name in names)
    return plain and isinstance(text.values[0], ast.Constant) and _MOVES.fullmatch("".join(parts)) is not None


def _effect(node: ast.AST, names: dict[str, str]) -> Effect | None:
    if isinstance(node, ast.Import):
        return _worst([_imported(one.name) for one in node.names])
    if isinstance(node, ast.ImportFrom):
        module = node.module or ""
        reached = [_reached(f"{module}.{one.name}") for one in node.names]
        return _worst([_imported(module), *reached])
    if isinstance(node, ast.Attribute):
        return _attribute(node, names)
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        return _reached(names[node.id]) if node.id in names else _builtin(node.id)
    return _value(node)


def _value(node: ast.AST) -> Effect | None:
    if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
        return Effect(Level.UNSAFE, "it unpickles an array")
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and _OUTSIDE.match(node.value) is not None:
        return Effect(Level.UNSAFE, f"it names {node.value[:40]}, outside of the data set")
    return None


def _imported(module: str) -> Effect | None:
    top = module.partition(".")[0]
    if top in _MODULES:
        return None
    return Effect(Level.UNSAFE if top in STDLIB else Level.UNVERIFIED, f"it imports {module[:60]}")


def _reached(name: str) -> Effect | None:
    """Judge a dotted name that the script fetches."""
    parts = name.split(".")
    if parts[0] == "os" and len(parts) > 1 and parts[1] not in _OF_OS:
        return Effect(Level.MALICIOUS if parts[1] in bad.FUNCTIONS else Level.UNSAFE, f"it uses {name[:60]}")
    if parts[0] in _FILES_AND_NUMBERS and _REACHING.isdisjoint(parts) and "os" not in parts:
        return None
    if parts[-1] in _MODELS:
        return Effect(Level.UNVERIFIED, f"it loads a model by {name[:60]}")
    if not _REACHING.isdisjoint(parts) or parts[-1] in bad.FUNCTIONS or parts[-1] in _UNPICKLES:
        return Effect(Level.UNSAFE, f"it uses {name[:60]}")
    return None


def _builtin(name: str) -> Effect | None:
    """Judge a name that the script does not bind: Python's own, or one of those that a star imports."""
    if name in _HARMFUL or name in bad.DUNDERS:
        return Effect(Level.MALICIOUS, f"it uses {name}")
    return Effect(Level.UNSAFE, f"it uses {name}") if name in _REACHING else None


def _attribute(node: ast.Attribute, names: dict[str, str]) -> Effect | None:
    if node.attr in bad.DUNDERS or node.attr in {"home", "expanduser", "__class__"}:
        return Effect(Level.UNSAFE, f"it uses {node.attr}")
    parts = [node.attr]
    inner: ast.expr = node.value
    while isinstance(inner, ast.Attribute):
        parts.append(inner.attr)
        inner = inner.value
    if isinstance(inner, ast.Name) and names.get(inner.id):
        return _reached(".".join([names[inner.id], *reversed(parts)]))
    return Effect(Level.UNSAFE, f"it uses {node.attr}") if node.attr in bad.FUNCTIONS else None


def _worst(effects: list[Effect | None]) -> Effect | None:
    return max((one for one in effects if one is not None), key=lambda one: one.level.rank, default=None)
