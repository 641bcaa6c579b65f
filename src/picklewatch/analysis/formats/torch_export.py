"""torch.export's JSON: the expressions in it that torch evaluates as Python.

Symbolic expressions go through sympy's parser to ``eval`` (torch/_export/serde/serialize.py), the guards of inputs to
``exec`` as soon as the program is used (torch/export/_unlift.py). So anything beyond arithmetic and comparisons, as
torch writes them, is code of the file's author.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from picklewatch.analysis.formats.json_objects import nodes
from picklewatch.analysis.formats.spelling import in_utf8
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from picklewatch.analysis.formats.context import Scan
    from picklewatch.analysis.formats.part import Part

_EXPRESSIONS = (b"expr_str", b"hint_expr")
_GUARDS = b"guards_code"
_WANTED = re.compile(rb"expr_str|hint_expr|guards_code|\\u00[2-7]")
"""The keys, and the escapes that could spell them."""
_ARITHMETIC = re.compile(rb"(?:[-+*/%<>=!&|~(), ]|\d++(?:\.\d*+)?+|[A-Za-z]\w*+(?<!__)|'[\w.+-]*+')*+")
"""Numbers, names, operators, and what sympy's ``srepr`` writes: ``Mul(Integer(2), Symbol('s0', positive=True))``."""

_CALLED = re.compile(rb"([A-Za-z_]\w*)\s*\(")
_FUNCTIONS = re.compile(rb"[A-Z]\w*|floor|ceiling|sqrt|log2?|exp|sin|cos|tan|abs|round|mod|pow")
_LITERAL = re.compile(rb"'[^'\\\n]*'")
_COMPARISON = re.compile(
    rb"(?:[-+*/%<>=!&|(), \[\]]|\d++(?:\.\d*+)?+|\.(?:size|stride|storage_offset|dim|item|isnan|inf)\b"
    rb"|(?<![\w.])(?:L|math|torch\.sym_\w+|and|or|not|is|in|None|True|False|len|abs|min|max|float|int|[A-Z]\w*(?<!__))\b)*+"
)
"""Guards as torch writes them: ``L['x'].size()[0] == 4``; literals are removed before."""


def judge_expressions(scan: Scan, part: Part) -> None:
    """Report the first expression that is more than arithmetic, and the first guard that is more than a comparison."""
    summaries = {
        _is_arithmetic: "A symbolic expression of the exported program is more than arithmetic; torch evaluates it.",
        _is_comparison: "A guard of the exported program is more than a comparison; torch runs it as Python.",
    }
    for node in nodes(in_utf8(part.data), _WANTED):
        for is_plain in tuple(summaries):
            keys = _EXPRESSIONS if is_plain is _is_arithmetic else (_GUARDS,)
            for text, at in (item for key in keys for item in node.texts(key).items()):
                if not is_plain(text) and is_plain in summaries:
                    evidence = text.decode("utf-8", "replace")
                    scan.finding("export-expression", Level.UNSAFE, part.at(at), summaries.pop(is_plain), evidence)


def _is_arithmetic(text: bytes) -> bool:
    if text == b"null":
        return True
    if _ARITHMETIC.fullmatch(text) is None or b"__" in text:
        return False
    return all(_FUNCTIONS.fullmatch(name) is not None for name in _CALLED.findall(text))


def _is_comparison(text: bytes) -> bool:
    return _COMPARISON.fullmatch(_LITERAL.sub(b"0", text)) is not None
