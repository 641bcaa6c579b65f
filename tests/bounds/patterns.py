"""Repetitions in regular expressions that end, or begin, at a number."""

from __future__ import annotations

import re

from picklewatch.core.model import printable

FIXED = 16
"""A repetition of one fixed number up to this is a field of a grammar: ``[0-9a-f]{4}``."""

_REPETITION = re.compile(r"(?<!\\)((?:\\\\)*)\{(\d*)(,?)(\d*)\}[?+]?")
_LENGTH = re.compile(r"\[(?:\\x0[1-9a-f]|\\[0-7]|[\x00-\x08])-(?:\\x[0-9a-f]{2}|[^\]])")
"""A range from a control character on, such as ``[\x01-\x40]``: a byte that is a length."""
_BEFORE = 12
"""Characters before a repetition that are told with it, so that people find it."""


def repetitions(pattern: str | bytes) -> list[str]:
    """Return the bounded repetitions in *pattern*, which may be a piece of one, with a little of what they repeat."""
    text = pattern.decode("latin-1") if isinstance(pattern, bytes) else pattern
    found = [match for match in _REPETITION.finditer(text) if _bounded(match)] + list(_LENGTH.finditer(text))
    return [printable(text[max(match.start() - _BEFORE, 0) : match.end()]) for match in found]


def _bounded(match: re.Match[str]) -> bool:
    least, comma, most = match.group(2, 3, 4)
    if not (least or most):
        return False  # braces that repeat nothing
    if not comma:
        return int(least) > FIXED
    return bool(most) or int(least) > 2
