"""An expression of an export that is more than arithmetic."""

from __future__ import annotations

from samples.containers import zipped
from samples.judging import levels

from picklewatch.core.model import Level


def _export(expression: str) -> bytes:
    graph = f'{{"as_expr": {{"expr_str": "{expression}"}}}}'
    return zipped({"e/archive_format": b"pt2", "e/models/model.json": graph.encode()})


def test_an_expression_that_runs_code_is_unsafe() -> None:
    """Torch gives it to sympy's parser, and so to ``eval``."""
    assert levels(_export("__import__('os').system('true')"))["export-expression"] is Level.UNSAFE


def test_arithmetic_is_not_reported() -> None:
    """What dynamic shapes are written as."""
    assert levels(_export("s0*2 + Max(1, s1)")) == {}
