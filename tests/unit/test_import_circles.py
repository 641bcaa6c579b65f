"""The shape of the source tree: who imports whom, what modules and classes are called, what lies at the top."""

from __future__ import annotations

import ast
import re
import tomllib
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import picklewatch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

ROOT = Path(picklewatch.__file__).parent
PACKAGES = 20
CHILDS_HALF = {"child", "child_batch", "direct_child", "kernel", "lockdown", "samples", "syscalls", "warm"}
"""Modules of ``sandbox`` that run where hostile bytes are parsed, or before, in the process that is forked from."""
SENTENCES = 3


@cache
def modules() -> dict[str, ast.Module]:
    """Return every module of the package by its dotted name."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = ast.parse(path.read_bytes())
    return found


def imported(tree: ast.Module, known: Iterable[str]) -> Iterator[str]:
    """Yield the modules of *known* that *tree* imports anywhere: at the top, in functions, for type checking."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            package = node.module or ""
            for alias in node.names:
                module = f"{package}.{alias.name}"
                if module in known:
                    yield module
                elif package in known:
                    yield package


def contracts() -> dict[str, set[str]]:
    """Return the sources of each contract that forbids something, by its name."""
    settings = tomllib.loads((ROOT.parent.parent / "pyproject.toml").read_text())
    found = settings["tool"]["importlinter"]["contracts"]
    return {contract["name"]: set(contract.get("source_modules", ())) for contract in found}


def in_circles(arrows: Mapping[str, set[str]]) -> set[str]:
    """Return the nodes that can be reached from themselves."""

    def reached(start: str) -> set[str]:
        seen: set[str] = set()
        waiting = list(arrows[start])
        while waiting:
            node = waiting.pop()
            if node not in seen:
                seen.add(node)
                waiting += arrows[node]
        return seen

    return {node for node in arrows if node in reached(node)}


def test_a_circle_is_found_and_what_only_leads_to_it_is_not() -> None:
    """The check itself: two modules that import each other, one that imports them, and one that they import."""
    arrows = {"user": {"a"}, "a": {"b"}, "b": {"a", "used"}, "used": set[str]()}
    assert in_circles(arrows) == {"a", "b"}


def test_imports_for_type_checking_and_in_functions_count() -> None:
    """Whoever reads a module has to follow them, too."""
    tree = ast.parse("if TYPE_CHECKING:\n    from p.a import A\ndef f():\n    import p.b\n    from p import c, text\n")
    assert set(imported(tree, {"p", "p.a", "p.b", "p.c"})) == {"p", "p.a", "p.b", "p.c"}


def test_no_modules_import_each_other_in_a_circle() -> None:
    """A module can be read, and tested, after those that it imports."""
    trees = modules()
    arrows = {name: set(imported(tree, trees)) - {name} for name, tree in trees.items()}
    assert in_circles(arrows) == set()


def test_no_two_modules_share_a_basename() -> None:
    """Who is told to open walk.py opens the right one."""
    places = defaultdict(list)
    for path in ROOT.rglob("*.py"):
        places[path.stem].append(path)
    twice = {name for name, paths in places.items() if len(paths) > 1 and name not in ("__init__", "__main__")}
    assert twice == set()


def test_no_class_name_means_two_things() -> None:
    """A name in a message, a signature or a search leads to one class."""
    places = defaultdict(set)
    for module, tree in modules().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                places[node.name].add(module)
    assert {name for name, found in places.items() if len(found) > 1} == set()


def test_only_packages_lie_at_the_top() -> None:
    """Sixteen rooms, one for each capability since (`ipc`, `notify`, `guard`, `rescue`), and no loose module."""
    entries = {path.name for path in ROOT.iterdir() if path.name != "__pycache__"}
    packages = {name for name in entries if (ROOT / name / "__init__.py").exists()}
    assert entries - packages == {"__init__.py", "__main__.py", "py.typed"}
    assert len(packages) <= PACKAGES


def test_every_package_at_the_top_says_what_it_is_for() -> None:
    """In three sentences: what it does, what it must never do, where to start reading."""
    short = set()
    for path in ROOT.glob("*/__init__.py"):
        text = ast.get_docstring(ast.parse(path.read_bytes())) or ""
        whole = "never" in text and re.search(r"[Ss]tart\s+with", text)
        if not whole or len(re.findall(r"[.!?](?=\s|$)", text)) < SENTENCES:
            short.add(path.parent.name)
    assert short == set()


def test_the_contracts_of_the_border_leave_nobody_out() -> None:
    """A package that is added later may import no parser either, nor may the command itself."""
    outside = {name for name in modules() if name.count(".") == 1} - {"picklewatch.analysis", "picklewatch.sandbox"}
    rules = contracts()
    assert rules["Hostile bytes are parsed in analysis, which only the sandbox imports"] == outside
    assert rules["Only the sandboxed child imports fickling"] == outside
    sandbox = {name for name in modules() if name.startswith("picklewatch.sandbox.")}
    parents = {name for name in sandbox if name.rpartition(".")[2] not in CHILDS_HALF}
    assert rules["Within the sandbox, the parent's half imports no parser"] == parents


def test_nobody_imports_the_childs_half() -> None:
    """It is imported in the process that the scanner starts, and nowhere else."""
    half = {f"picklewatch.sandbox.{name}" for name in CHILDS_HALF}
    assert half <= set(modules())
    for name, tree in modules().items():
        if name not in half:
            assert half.isdisjoint(imported(tree, half | {"picklewatch.sandbox"})), name
