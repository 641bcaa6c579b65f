"""Jinja's templates among other text: statements, and expressions that fetch, call or filter.

A chat template is code of the model that its loader renders: transformers in a sandbox
(utils/chat_template_utils.py), llama-cpp-python before 0.2.72 without one (llama_chat_format.py, CVE-2024-34359).
Strings and brackets are lexed as Jinja does (jinja2/lexer.py), because ``}}`` in a string does not end an expression.
"""

from __future__ import annotations

import re

LEXED = 16
"""Times that all bytes of a text are lexed; if expressions without end cost more, it counts as a template, which is
reported as ``format-not-judged``."""

_STATEMENT = re.compile(
    rb"\{%[-+]?(?:\s|\\[nrt])*+(?:if|for|set|macro|block|import|include|extends|generation|from|call|filter|with|do|print|raw"
    rb"|autoescape|trans)\b"
)
_CHAT = re.compile(
    rb"\{\{[-+]?(?:\s|\\[nrt])*+(?:messages|bos_token|eos_token|add_generation_prompt|raise_exception)\b"
)
"""Names of chats."""
_REACHING = rb"__\w|\\x5f|\|\s*+attr\b"
_REACHES = re.compile(_REACHING)
_ACTS = re.compile(rb"\w\s*+\[\s*+['\"]|\.\s*+\w++\s*+\(|\|\s*+\w|" + _REACHING)
_LEXED = re.compile(
    rb"(?:[^'\"{}\[\]()]++|(?<![\w\])}])'(?:[^'\\]++|\\.)*+'|(?<![\w\])}])\"(?:[^\"\\]++|\\.)*+\"|([\[({])|(\]|\)|\}(?!\})))",
    re.DOTALL,
)
"""A step of an expression. A string stands behind no name and no bracket, as an apostrophe does."""


def is_template(text: memoryview | bytes) -> bool:
    """Return True if Jinja does more with *text* than print variables."""
    return any(pattern.search(text) for pattern in (_STATEMENT, _CHAT)) or _expressions(bytes(text))


def _expressions(text: bytes) -> bool:
    """Return True if an expression fetches, calls or filters; a plain name does no harm.

    ``${{ … }}`` is also an expression of GitHub's workflows: there only a way into Python's internals counts.
    """
    at = text.find(b"{{")
    lexed, left = 0, LEXED * len(text)
    while at >= 0:
        end = text.find(b"}}", at)
        end = len(text) if end < 0 else end
        if at >= lexed and text.find(b"'", at, end) + text.find(b'"', at, end) > -2:  # noqa: PLR2004  (either is there)
            stopped, found = _end(text, at + 2)
            left -= stopped - at
            lexed = stopped if found else 0
            end = max(end, lexed)
            if left < 0:
                return True
        if (_REACHES if text[at - 1 : at] == b"$" else _ACTS).search(text, at, end):
            return True
        at = text.find(b"{{", end)
    return False


def _end(text: bytes, at: int) -> tuple[int, bool]:
    """Return the end of the expression that begins at *at*, for Jinja's lexer, and whether it has one.

    Strings and brackets may hold ``}}``. Without an end, the offset is that up to which bytes were lexed for it.
    """
    depth = 0
    while (match := _LEXED.match(text, at)) is not None:
        depth += (match[1] is not None) - (match[2] is not None)
        at = match.end()
        if depth < 0:
            return at, False
        if text.startswith(b"}}", at) and not depth:
            return at, True
        if text.startswith(b"}}", at):
            at += 1
            depth -= 1
    return (len(text) if text[at : at + 1] in (b"'", b'"') else at), False
