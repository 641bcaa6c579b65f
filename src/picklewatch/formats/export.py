"""torch.export's JSON: what torch evaluates of it as Python.

Symbolic expressions go through sympy's parser to ``eval``, the guards of inputs to ``exec`` as soon as the program is
used (``torch/export/_unlift.py``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from picklewatch.formats.spelling import understood
from picklewatch.model import Level

if TYPE_CHECKING:
    from picklewatch.formats.base import Part, Scan

_EXPRESSION = re.compile(rb"\"(?:expr_str|hint_expr)\"\s*:\s*\"((?:[^\"\\]|\\.)*)\"")
_ARITHMETIC = re.compile(rb"(?:[-+*/%<>=!&|~(), ]|\d++(?:\.\d*+)?+|[A-Za-z]\w*+(?<!__)|'[\w.+-]{0,64}')*+")
"""Numbers, names, operators, and what sympy's ``srepr`` writes: ``Mul(Integer(2), Symbol('s0', positive=True))``."""

_CALLED = re.compile(rb"([A-Za-z_]\w*)\s*\(")
_FUNCTIONS = re.compile(rb"[A-Z]\w*|floor|ceiling|sqrt|log2?|exp|sin|cos|tan|abs|round|mod|pow")
_LIMIT = 256 << 20

_GUARDS = re.compile(rb"\"guards_code\"\s*:\s*\[")
_GUARD = re.compile(rb"\s*,?\s*\"((?:[^\"\\]|\\.)*)\"")
_LITERAL = re.compile(rb"'[^'\\\n]*'")
_COMPARISON = re.compile(
    rb"(?:[-+*/%<>=!&|(), \[\]]|\d++(?:\.\d*+)?+|\.(?:size|stride|storage_offset|dim|item|isnan|inf)\b"
    rb"|(?<![\w.])(?:L|math|torch\.sym_\w+|and|or|not|is|in|None|True|False|len|abs|min|max|float|int|[A-Z]\w*(?<!__))\b)*+"
)
"""What torch writes of inputs: ``L['x'].size()[0] == 4``; literals are taken out before."""


def judge_expressions(scan: Scan, part: Part) -> None:
    """Note expressions that are more than arithmetic."""
    part = part._replace(data=understood(part.data[:_LIMIT]))
    _judge_guards(scan, part)
    for match in _EXPRESSION.finditer(part.data):
        text = match.group(1)
        plain = _ARITHMETIC.fullmatch(text) is not None and b"__" not in text
        if not plain or any(_FUNCTIONS.fullmatch(name) is None for name in _CALLED.findall(text)):
            summary = "A symbolic expression of the exported program is more than arithmetic; torch evaluates it."
            where = part.at(match.start(1))
            scan.finding("export-expression", Level.UNSAFE, where, summary, text[:500].decode("latin-1"))
            return


def _judge_guards(scan: Scan, part: Part) -> None:
    """Note guards that are more than comparisons of inputs."""
    for begin in _GUARDS.finditer(part.data):
        at = begin.end()
        while (match := _GUARD.match(part.data, at)) is not None:
            at = match.end()
            text = match.group(1)
            if _COMPARISON.fullmatch(_LITERAL.sub(b"0", text)) is None:
                summary = "A guard of the exported program is more than a comparison; torch runs it as Python."
                where = part.at(match.start(1))
                scan.finding("export-expression", Level.UNSAFE, where, summary, text[:500].decode("latin-1"))
                return
