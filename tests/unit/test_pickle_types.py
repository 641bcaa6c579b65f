"""The engine's types mean something: no circles, no `Any`, no member of an enumeration that nothing handles."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from picklewatch.analysis import pickle as engine
from picklewatch.analysis.pickle.checks.registry import CHECKS
from picklewatch.analysis.pickle.report import Why
from picklewatch.analysis.pickle.semantics.kinds import FILLED_BY, Fill
from picklewatch.analysis.pickle.vm.values import How, OpaqueKind
from picklewatch.catalogue.imports.entries import Check, Kind, Status, Use

if TYPE_CHECKING:
    from enum import EnumMeta

_ROOT = Path(engine.__file__).parent
_TREES = {
    ".".join(("picklewatch.analysis.pickle", *path.relative_to(_ROOT).with_suffix("").parts)): ast.parse(
        path.read_text(encoding="utf-8")
    )
    for path in sorted(_ROOT.rglob("*.py"))
}


def _imports(tree: ast.Module) -> set[str]:
    """Return the engine's modules that *tree* imports, wherever it does, for types included."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found & _TREES.keys()


def test_no_module_of_the_engine_imports_itself_by_a_detour() -> None:
    """Take away all modules that import none of the rest, again and again: what remains lies in circles."""
    left = {module: _imports(tree) for module, tree in _TREES.items()}
    while free := {module for module, imported in left.items() if not imported & left.keys()}:
        left = {module: imported for module, imported in left.items() if module not in free}
    assert not left


def test_no_parameter_of_the_engine_is_any() -> None:
    """`Value` is the type of what a pickle may put anywhere: with `Any` mypy would check nothing of it."""
    found = []
    for module, tree in _TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                every = [
                    *node.args.posonlyargs,
                    *node.args.args,
                    *node.args.kwonlyargs,
                    node.args.vararg,
                    node.args.kwarg,
                ]
                named = [one for one in every if one is not None and one.annotation is not None]
                found += [
                    f"{module}:{node.lineno} {one.arg}: {ast.unparse(one.annotation)}"
                    for one in named
                    if one.annotation is not None
                    and any(isinstance(part, ast.Name) and part.id == "Any" for part in ast.walk(one.annotation))
                ]
    assert not found


@pytest.mark.parametrize("enumeration", [Status, Use, Kind, Check, How, OpaqueKind, Why, Fill])
def test_every_member_of_an_enumeration_is_handled(enumeration: EnumMeta) -> None:
    """A member that only its definition and the lists mention is judged by accident, as ``chain`` once was."""
    mentioned = {
        node.attr
        for tree in _TREES.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == enumeration.__name__
    }
    assert mentioned >= set(enumeration.__members__)


def test_every_check_has_a_function() -> None:
    """All but the two whose calls are judged as calls of their arguments, and the one that looks at a state."""
    assert CHECKS.keys() | {Check.RECONSTRUCTOR, Check.NEWOBJ, Check.FORMULA} == set(Check)


def test_some_values_are_filled_by_every_opcode_and_some_by_none() -> None:
    """What is complete when it is made, and what belongs to the whole process, is filled by none."""
    assert FILLED_BY.keys() == set(Fill)
    assert all(Kind.OBJECT in kinds and Kind.SHARED not in kinds for kinds in FILLED_BY.values())
