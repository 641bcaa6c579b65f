"""Docstrings read as the field writes them: an imperative summary in one sentence."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import picklewatch

PACKAGE = Path(picklewatch.__file__).parent
SOURCES = (PACKAGE, PACKAGE.parent.parent / "tools")

_INDIRECT = re.compile(r"(?:What|Whether|How|Where|Who|Whose|Whom|Whoever|Whatever|Why|Which|When)\b")
"""The beginning of an indirect question ("Whether it is …") in place of a summary ("Return True if it is …")."""
_ENDS_A_SENTENCE = re.compile(r"[.?!…:]['\")`]*\Z")
_SECOND_SENTENCE = re.compile(r"[a-z`)][.!?] [A-Z*`]")
_LIMIT = 0.03
_SEVERAL_LIMIT = 0.04


@cache
def _docstrings() -> list[tuple[str, str]]:
    """Return the place and the docstring of every function in the package and the tools that has one."""
    return [
        (f"{source.relative_to(root.parent)}:{node.lineno} {node.name}", text)
        for root in SOURCES
        for source in sorted(root.rglob("*.py"))
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (text := ast.get_docstring(node))
    ]


def test_summaries_are_no_indirect_questions() -> None:
    """Less than 3 % of the functions' docstrings begin with What, Whether, How and the like."""
    found = _docstrings()
    indirect = [f"{place}: {text.splitlines()[0]}" for place, text in found if _INDIRECT.match(text)]
    share = len(indirect) / len(found)
    assert share < _LIMIT, "\n".join([f"{share:.1%} of {len(found)} docstrings, such as:", *indirect[:20]])


def test_a_summary_is_one_sentence_in_one_line() -> None:
    """The first line of a docstring is whole by itself, and the rest is for the paragraph below it."""
    found = _docstrings()
    summaries = [(place, text.splitlines()[0]) for place, text in found]
    assert [place for place, summary in summaries if not _ENDS_A_SENTENCE.search(summary)] == []
    several = [f"{place}: {summary}" for place, summary in summaries if _SECOND_SENTENCE.search(summary)]
    share = len(several) / len(found)
    assert share < _SEVERAL_LIMIT, "\n".join([f"{share:.1%} of {len(found)} docstrings, such as:", *several[:20]])
