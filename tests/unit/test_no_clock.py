"""No test is judged by a clock: on a busy machine every such test is a coin."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
KINDS = ("unit", "rules", "property", "integration", "e2e")
CLOCKS = {"monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "process_time", "thread_time", "time"}


def clock_faults(source: str) -> list[str]:
    """Return where *source* asserts on a clock, waits by one or gives hypothesis's examples a deadline."""
    tree = ast.parse(source)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    found = {node.lineno: "a comparison of times" for function in functions for node in _compared_times(function)}
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        if name == "settings" and {"deadline", "suppress_health_check"} & {keyword.arg for keyword in call.keywords}:
            found[call.lineno] = "hypothesis's clock is for tests/conftest.py"
    return [f"{line}: {what}" for line, what in sorted(found.items())]


def _compared_times(function: ast.FunctionDef) -> list[ast.Compare]:
    """Return the comparisons that an assertion or a loop of *function* makes between points in time."""
    times: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and _has_time(node.value, times):
            times |= {name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)}
    asserted = [node.test for node in ast.walk(function) if isinstance(node, ast.Assert | ast.While)]
    compared = [node for test in asserted for node in ast.walk(test) if isinstance(node, ast.Compare)]
    return [node for node in compared if any(_has_time(side, times) for side in (node.left, *node.comparators))]


def _has_time(node: ast.expr, times: set[str]) -> bool:
    """Return True for a clock's value and for what was reckoned from one."""
    if isinstance(node, ast.BinOp):
        return _has_time(node.left, times) or _has_time(node.right, times)
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Attribute) and node.func.attr in CLOCKS and _is_time_module(node.func.value)
    return isinstance(node, ast.Name) and node.id in times


def _is_time_module(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "time"


@pytest.mark.parametrize(
    "path", [path for kind in KINDS for path in sorted((TESTS / kind).rglob("*.py"))], ids=lambda path: path.name
)
def test_no_test_is_judged_by_a_clock(path: Path) -> None:
    """What must be quick is counted, or measured in tests/bench; whoever waits does so with `eventually`."""
    assert clock_faults(path.read_text()) == []


@pytest.mark.parametrize(
    "lines",
    [
        "start = time.monotonic()\n    work()\n    assert time.monotonic() - start < 5",
        "end = time.monotonic() + 5\n    while time.monotonic() < end:\n        work()",
        "begun = time.perf_counter()\n    taken = time.perf_counter() - begun\n    assert taken < 5",
        "settings(max_examples=5, deadline=200)",
    ],
)
def test_a_clock_in_a_test_is_found(lines: str) -> None:
    """In an assertion, as the end of a loop, and for the examples of a property."""
    assert clock_faults(f"def test_it():\n    {lines}\n") != []


def test_a_clock_that_judges_nothing_is_allowed() -> None:
    """A moment may be handed to what is tested."""
    assert clock_faults("def test_it():\n    now = time.time()\n    assert eventually(lambda: ready(now))\n") == []
