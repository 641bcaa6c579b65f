"""Parses Python source within bounds: whole where it can be, else one top-level statement after another.

`ast` takes up to half a kilobyte of memory and 5 µs for a character outside of strings, so no more than `MOST` of
them are parsed at a time. A statement that this Python does not read (a newer syntax, Python 2, a template) must not
hide the others, so the text is split where `_PIECE` sees a statement begin.
"""

from __future__ import annotations

import ast
import re
import warnings
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

MOST = 1 << 19
"""Characters outside of plain strings and comments that are parsed at a time."""
PER_CHARACTER = 6
"""Units of work that parsing one of them may cost."""
_PER_UNIT = 16
"""Characters that are split in the time of one unit."""
_TREES = 1 << 20
"""Characters outside of strings of one text that are parsed in all; trees of as many are held in memory."""

_QUOTED = (
    r"(?:'''(?:[^\\']|\\.|'(?!''))*+'''|\"\"\"(?:[^\\\"]|\\.|\"(?!\"\"))*+\"\"\""
    r"|'(?:[^\\'\n]|\\.)*+'|\"(?:[^\\\"\n]|\\.)*+\")"
)
_PIECE = re.compile(
    rf"(?P<formatted>(?:(?<=[fFtT])|(?<=[fFtT][rR])){_QUOTED})|(?P<string>{_QUOTED})|(?P<comment>#[^\n]*+)"
    r"|(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<joined>\\\n)|(?P<line>\n(?=[^\s#)\]}]))",
    re.DOTALL,
)
"""What decides where a top-level statement may begin: nothing within strings, comments and brackets does."""
_CONTINUED = re.compile(r"(?:else|elif|except|finally|case)\b")
"""Words that begin a line of column 0 and go on with the statement before it."""
_SURELY = re.compile(r"(?:import|def|class|async def)\s|@")
"""Beginnings of a line that are a statement's within no bracket: one was left open by what is no Python."""
_PROSE_LINES, _PROSE_SHARE = 5, 5
"""So many statements that are sentences, or one in so many of all, make a text prose."""
_SENTENCE = re.compile(
    r"[-*>|#.)\d\s]*+(?!(?:import|from|def|class|if|elif|for|while|try|with|return|print|exec|raise|assert|del|global"
    r"|async|await|not|lambda|yield|type|match|case)\b)[^\W\d_][\w'\u2019-]*+"
    r"(?:[,:]?[ ]+[\w'\u2019()*`\"-]++){2,}+(?!\s*+[=\[])"
)
"""Words in a row, of which the first is no keyword: no Python of any version has them."""
_MARKUP = re.compile(r"```|~~~|<[a-zA-Z!/]|\||[-=]{3}")
"""Beginnings of lines of markdown and HTML."""


def is_sentence(text: str) -> bool:
    """Return True if *text*, which is no Python, begins as prose or its markup does."""
    return _SENTENCE.match(text) is not None or _MARKUP.match(text) is not None


class PythonSource(NamedTuple):
    """A text as Python reads it."""

    trees: tuple[tuple[ast.Module, int], ...]
    """The parts that are Python, each with the lines before it."""
    unread: tuple[str, ...] = ()
    """Top-level statements that this Python does not read."""
    bounded: str = ""
    """The reason why more of it was not parsed, if a bound was met."""
    is_prose: bool = False
    """True if so much of it begins as sentences do that no Python reads it."""


class _Statement(NamedTuple):
    text: str
    line: int
    """Lines before it."""
    weight: int
    """Characters that a parser makes nodes of."""


def read(text: str, charge: Callable[[int], object], *, strictly: bool = False) -> PythonSource:
    """Parse *text*, whose work is counted by *charge*; if *strictly*, a statement that is no Python ends it.

    A NUL and what stands behind it in its line were no part of a script before Python 3.11.4.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", " ")
    charge(1 + len(text) // _PER_UNIT)
    if len(text) <= MOST:
        charge(PER_CHARACTER * len(text))
        whole = _parsed(text)
        if isinstance(whole, ast.Module):
            return PythonSource(((whole, 0),))
    return _in_parts(_statements(text), charge, strictly=strictly)


def _in_parts(statements: Iterable[_Statement], charge: Callable[[int], object], *, strictly: bool) -> PythonSource:
    trees: list[tuple[ast.Module, int]] = []
    unread: list[str] = []
    bounded, left, prose = "", _TREES, 0
    for number, statement in enumerate(statements, 1):
        left -= statement.weight
        if statement.weight > MOST or left < 0:
            bounded = "a statement of it, or all of it, is longer than what is parsed"
            unread.append(statement.text)
            continue
        charge(PER_CHARACTER * statement.weight)
        tree = _parsed(statement.text)
        if isinstance(tree, ast.Module):
            trees.append((tree, statement.line))
            continue
        bounded = bounded or tree
        unread.append(statement.text)
        prose += is_sentence(statement.text)
        if strictly or (prose >= _PROSE_LINES and prose * _PROSE_SHARE >= number):
            return PythonSource((), is_prose=True)
    is_prose = prose >= _PROSE_LINES or (prose > 0 and prose * _PROSE_SHARE >= len(unread) + len(trees))
    return PythonSource(tuple(trees), tuple(unread), bounded, is_prose=is_prose)


def _parsed(text: str) -> ast.Module | str:
    """Return the tree of *text*; or the bound of the parser that it meets, empty if it is no Python of this version."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (RecursionError, MemoryError):
        return "it is nested more deeply than Python's parser reads"
    except SyntaxError as error:
        return "it is nested more deeply than Python's parser reads" if "too many" in str(error.msg) else ""
    except ValueError:  # a NUL, or a number of more digits than are converted
        return ""


def _statements(text: str) -> Iterator[_Statement]:
    """Yield the top-level statements of *text*, decorators and the branches of compound ones with theirs."""
    begin = line = depth = plain = 0
    joined = text.startswith("@")
    for piece in _PIECE.finditer(text):
        kind = piece.lastgroup
        if kind in ("string", "comment"):
            plain += piece.end() - piece.start()
        elif kind == "open":
            depth += 1
        elif kind == "close":
            depth = max(depth - 1, 0)
        elif kind == "line":
            at = piece.end()
            if depth and _SURELY.match(text, at) is None:
                continue
            depth = 0
            if not joined and _CONTINUED.match(text, at) is None:
                yield _Statement(text[begin:at], line, at - begin - plain)
                line += text.count("\n", begin, at)
                begin, plain = at, 0
            joined = text.startswith("@", at)
    yield _Statement(text[begin:], line, len(text) - begin - plain)
