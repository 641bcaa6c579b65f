"""Judges what Python source would do: at import, in what a loader calls, and where it hides.

`judge_source` is for a file, `judge_text` for a text that a loader gives to ``exec``. Neither runs anything.
"""

from __future__ import annotations

import ast
import contextlib
from typing import TYPE_CHECKING, NamedTuple

from picklewatch.analysis.python.call_arguments import CODE_RULE, HARM, Told, judge_call, judge_decorator
from picklewatch.analysis.python.data_origins import Values
from picklewatch.analysis.python.hiding import judge_hidden
from picklewatch.analysis.python.reading import read
from picklewatch.analysis.python.scopes import Module, When
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from picklewatch.analysis.python.reading import PythonSource
    from picklewatch.analysis.python.scopes import Scope

UNREAD = "python-unread"
"""The rule of what was not read to its end."""
NODE = 4
"""Units of work that judging one call takes."""
_WHEN = {When.IMPORTED: "when it is imported", When.LOADED: "in what a loader calls", When.ASKED: "if it is asked to"}


class CodeFinding(NamedTuple):
    """One thing that a source would do."""

    rule: str
    """``python-harm``, ``python-attack``, or ``python-code`` for what it does only if somebody asks for it."""
    level: Level
    line: int
    """The line, from 1 on."""
    summary: str
    evidence: str


def judge_text(text: str, charge: Callable[[int], object]) -> list[CodeFinding]:
    """Judge what executing *text* would do, whose work is counted by *charge*; nothing for what is no Python.

    What is not parsed within bounds is `Level.UNSCANNABLE` by the rule ``python-unread``.
    """
    source = read(text, charge)
    found = judge_source(source, charge)
    if source.bounded:
        found.append(CodeFinding(UNREAD, Level.UNSCANNABLE, 1, f"{source.bounded.capitalize()}.", ""))
    return found


def judge_source(source: PythonSource, charge: Callable[[int], object]) -> list[CodeFinding]:
    """Judge what importing *source*, or making objects of its classes, would do, the worst first."""
    module = Module(source)
    values = Values(module)
    found: dict[tuple[str, int, str], CodeFinding] = {}
    for scope in module.scopes:
        charge(NODE * (len(scope.calls) + len(scope.reaches)))
        for told, node, line in _told(scope, values):
            finding = _finding(told, node, line, scope.when)
            found.setdefault((finding.rule, finding.line, finding.summary), finding)
    if values.bounded:
        summary = "Its names stand for one another more often than is followed."
        found[UNREAD, 0, ""] = CodeFinding(UNREAD, Level.UNSCANNABLE, 1, summary, "")
    return sorted(found.values(), key=lambda one: (-one.level.rank, one.line))


def _told(scope: Scope, values: Values) -> Iterator[tuple[Told, ast.expr, int]]:
    for call, line in scope.calls:
        for told in judge_call(call, scope, values):
            yield told, call, line
    for node, line in scope.decorators:
        for told in judge_decorator(node, scope, values):
            yield told, node, line
    for node, line in (*scope.calls, *scope.reaches):
        for told in judge_hidden(node, scope, values):
            yield told, node, line


def _finding(told: Told, node: ast.expr, line: int, when: When) -> CodeFinding:
    rule, level = told.rule, told.level
    if rule == HARM and when is When.ASKED:
        rule, level = CODE_RULE, Level.UNVERIFIED
    return CodeFinding(rule, level, node.lineno + line, f"It {told.what} {_WHEN[when]}.", _shown(node))


def _shown(node: ast.expr) -> str:
    """Return the source of *node*, as far as a line shows it."""
    if sum(1 for _ in zip(ast.walk(node), range(_NODES), strict=False)) >= _NODES:
        return ""
    with contextlib.suppress(RecursionError):
        return ast.unparse(node)[:_EVIDENCE]
    return ""


_NODES, _EVIDENCE = 100, 300
"""Nodes and characters of an expression that is shown."""
