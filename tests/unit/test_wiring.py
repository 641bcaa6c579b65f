"""Wiring of the daemon's stages: whole when they are made, by their constructors' arguments."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import picklewatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

PACKAGE = Path(picklewatch.__file__).parent
STAGES = ("watch", "store", "queue", "scanning", "quarantine", "service")
MODULES = {
    str(path.relative_to(PACKAGE)): ast.parse(path.read_text())
    for stage in STAGES
    for path in sorted((PACKAGE / stage).rglob("*.py"))
}


def attribute_targets(tree: ast.AST) -> Iterator[ast.Attribute]:
    """Every attribute that something in *tree* assigns to."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node


def is_self(node: ast.Attribute) -> bool:
    """Return True if the object is the method's own."""
    return isinstance(node.value, ast.Name) and node.value.id == "self"


def classes() -> Iterator[tuple[str, ast.ClassDef]]:
    """Every class of the stages, with its module."""
    for module, tree in MODULES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                yield module, node


def declared(of: ast.ClassDef) -> set[str]:
    """The attributes that objects of a class have when they are made."""
    names = {
        item.target.id for item in of.body if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
    }
    for item in of.body:
        if isinstance(item, ast.FunctionDef) and item.name == "__init__":
            names |= {target.attr for target in attribute_targets(item) if is_self(target)}
    return names


def late_attributes() -> Iterator[str]:
    """Every attribute that an object gets after it was made; a library's subclasses may set the library's own."""
    for module, of in classes():
        made = declared(of)
        if not {ast.unparse(base) for base in of.bases} <= {"threading.Thread", "Protocol"}:
            continue
        for target in attribute_targets(of):
            if is_self(target) and target.attr not in made:
                yield f"{module}:{target.lineno} {of.name}.{target.attr}"


def callables() -> set[str]:
    """The attributes that hold a function, in objects that can be changed: annotated as one, or made by a lambda."""
    names: set[str] = set()
    for _module, of in classes():
        for node in ast.walk(of):
            if isinstance(node, ast.AnnAssign) and "Callable[" in ast.unparse(node.annotation):
                names |= {node.target.attr} if isinstance(node.target, ast.Attribute) else set()
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
                names |= {target.attr for target in node.targets if isinstance(target, ast.Attribute)}
            if isinstance(node, ast.FunctionDef) and node.name == "__init__":
                names |= set(injected(node))
    return names


def injected(init: ast.FunctionDef) -> Iterator[str]:
    """The attributes that keep a function which the constructor was given."""
    arguments = [*init.args.args, *init.args.kwonlyargs]
    given = {
        argument.arg
        for argument in arguments
        if argument.annotation and "Callable[" in ast.unparse(argument.annotation)
    }
    for node in ast.walk(init):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name) and node.value.id in given:
            yield from (target.attr for target in node.targets if isinstance(target, ast.Attribute))


def patches() -> Iterator[str]:
    """Every place that puts a function into another object."""
    names = callables()
    for module, tree in MODULES.items():
        for target in attribute_targets(tree):
            if not is_self(target) and target.attr in names:
                yield f"{module}:{target.lineno} {ast.unparse(target)}"


def test_objects_have_all_their_attributes_when_they_are_made() -> None:
    """An attribute that is born later is one that some order of calls does not find."""
    assert list(late_attributes()) == []


def test_no_function_is_put_into_an_object_that_is_made_already() -> None:
    """Forgetting it would be silent: a constructor's argument can't be forgotten."""
    assert list(patches()) == []


def test_this_is_able_to_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both kinds of late wiring are found."""
    late = """
class Stage:
    def __init__(self) -> None:
        self.report: Callable[[str], None] = lambda _text: None

    def start(self) -> None:
        self.begun = True

def build(stage: Stage) -> None:
    stage.report = print
"""
    monkeypatch.setitem(MODULES, "late.py", ast.parse(late))
    assert [place for place in late_attributes() if place.startswith("late.py")] == ["late.py:7 Stage.begun"]
    assert [place for place in patches() if place.startswith("late.py")] == ["late.py:10 stage.report"]
