"""torch.export's JSON: symbolic expressions, which torch gives to sympy's parser and so to Python's ``eval``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from picklewatch.model import Level

if TYPE_CHECKING:
    from picklewatch.formats.base import Part, Scan

_EXPRESSION = re.compile(rb"\"(?:expr_str|hint_expr)\"\s*:\s*\"((?:[^\"\\]|\\.)*)\"")
_ARITHMETIC = re.compile(rb"(?:[-+*/%<>=!&|~(), \d]|\d\.\d*|[A-Za-z]\w*(?<!__)|'[\w.+-]{0,64}')*")
"""Numbers, names, operators, and what sympy's ``srepr`` writes: ``Mul(Integer(2), Symbol('s0', positive=True))``."""

_CALLED = re.compile(rb"([A-Za-z_]\w*)\s*\(")
_FUNCTIONS = re.compile(rb"[A-Z]\w*|floor|ceiling|sqrt|log2?|exp|sin|cos|tan|abs|round|mod|pow")
_LIMIT = 256 << 20


def judge_expressions(scan: Scan, part: Part) -> None:
    """Note expressions that are more than arithmetic."""
    for match in _EXPRESSION.finditer(part.data[:_LIMIT]):
        text = match.group(1)
        plain = _ARITHMETIC.fullmatch(text) is not None and b"__" not in text
        if not plain or any(_FUNCTIONS.fullmatch(name) is None for name in _CALLED.findall(text)):
            summary = "A symbolic expression of the exported program is more than arithmetic; torch evaluates it."
            where = part.at(match.start(1))
            scan.finding("export-expression", Level.UNSAFE, where, summary, text[:500].decode("latin-1"))
            return
