"""Laws of reading Python source."""

from __future__ import annotations

import ast

from hypothesis import given
from hypothesis import strategies as st
from samples.judging import verdict

from picklewatch.analysis.python.code_judge import judge_text
from picklewatch.analysis.python.nature import is_code
from picklewatch.analysis.python.reading import _statements, read
from picklewatch.core.model import Level, Verdict

PIECES = st.sampled_from(
    [
        "import os\n", "from os import *\n", "x = y\n", "y = x\n", "os.system(x)\n", "def f(x):\n    return g(x)\n",
        "def g(x):\n    return f(x)\n", "f(g)(x)\n", "x = x + 'a' + y\n", "exec(x)\n", "getattr(x, y + 'b')(1)\n",
        "class A(B):\n    def __init__(self):\n        self.x = os.system\n        self.x(1)\n", "class B(A): pass\n",
        "x = {'a': os.system, **x}\n", "x['a'](x)\n", "'''\n", '"""\n', "(\n", ")\n", "\\\n", "\f\n", "\0\n", "\ufeff",
        "print 'x'\n", "if 1:\n", "    pass\n", "@x\n", "else:\n", "x = f'{x}{y!r:>{x}}'\n", "lambda: (yield)\n", "\r",
        "x: os.system(y) = 1\n", "with x as y, y as x:\n    pass\n", "[x for x in x]\n", "x = base64.b64decode(y)\n",
        "import base64\n", "vars()[x]\n", "x.a.b.c = x.a\n", "(x := os).system('a' * 9)\n", "'%s' % x\n", "x[::0]\n",
        "''.join(map(chr, [1, 2]))\n", "chr(-1)\n", "bytes([256])\n", "'{}'.format(x)\n", "9" * 5000 + "\n", "\ud800",
    ]
)  # fmt: skip
SOURCES = st.lists(PIECES, max_size=30).map("".join)


def _parses(source: str) -> bool:
    try:
        ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


@given(SOURCES)
def test_no_source_makes_the_judgement_fail(source: str) -> None:
    """Whatever stands for whatever, it ends in findings."""
    findings = judge_text(source, lambda _: None)
    assert all(finding.level.rank >= Level.UNVERIFIED.rank and finding.line > 0 for finding in findings)


@given(SOURCES)
def test_statements_are_the_whole_text(source: str) -> None:
    """None is lost or doubled where a text is split."""
    assert "".join(statement.text for statement in _statements(source)) == source


@given(st.lists(PIECES.filter(_parses), max_size=20).map("".join))
def test_what_is_split_is_read_as_what_is_whole(source: str) -> None:
    """A statement ends where Python says that it does."""
    parts = [ast.parse(statement.text).body for statement in _statements(source)] if _parses(source) else []
    whole = ast.parse(source).body if _parses(source) else []
    assert [ast.dump(one) for part in parts for one in part] == [ast.dump(one) for one in whole]


@given(SOURCES)
def test_no_source_that_imports_is_skipped(source: str) -> None:
    """If this Python parses it and finds an import in it."""
    if _parses(source) and any(isinstance(node, ast.Import | ast.ImportFrom) for node in ast.walk(ast.parse(source))):
        assert is_code(read(source, lambda _: None))
        assert verdict(source.encode("utf-8", "replace")) not in {Verdict.SKIPPED, Verdict.CLEAN}
