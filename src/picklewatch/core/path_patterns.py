"""The patterns that exclude paths from being watched. Pure.

Our own, because `fnmatch` lets ``*`` match a slash and `glob` walks the file system; pathspec's dialect is gitignore's,
in which a later pattern takes an earlier one back: too much to get wrong for a setting that switches scanning off.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_PART = re.compile(r"(?:\*\*+/)+|\*\*+|\*|\?|\[!?(?:\][^\]]*|[^\]]+)\]|.", re.DOTALL)
"""Stars in a row are taken together: each of them apart would be tried against each part of a path."""


def excluder(patterns: Iterable[str]) -> Callable[[str], bool]:
    """Return a function that returns True for a path if it, or a directory above it, matches one of *patterns*.

    A pattern without a slash is a name, anywhere; with one, an absolute path (``~`` is expanded).
    ``*`` and ``?`` stay within a name, ``**`` spans directories, ``[abc]`` is one of these characters.
    """
    regexes = [glob_to_regex(pattern) for pattern in patterns]
    if not regexes:
        return lambda _path: False
    one = re.compile("|".join(f"(?:{regex})" for regex in regexes), re.DOTALL)
    return lambda path: one.search(path) is not None


@lru_cache(maxsize=256)
def glob_to_regex(pattern: str) -> str:
    """Translate *pattern* to a regular expression for `re.search`; raise ValueError with a sentence for the user."""
    if not pattern.strip("/"):
        raise ValueError("an empty pattern would exclude everything or nothing")
    if "/" not in pattern:
        return f"(?:^|/){_translate(pattern)}(?:/|$)"
    try:
        expanded = str(Path(pattern).expanduser())
    except RuntimeError:  # nobody has that name
        expanded = pattern
    if not expanded.startswith("/"):
        raise ValueError(f'{pattern!r} is neither a name nor an absolute path; begin it with "/" or "~/"')
    return f"^{_translate(expanded)}(?:/|$)"


def _translate(pattern: str) -> str:
    regex = "".join(_regex(part) for part in _PART.findall(pattern))
    try:
        re.compile(regex)
    except re.error as error:
        raise ValueError(f"{pattern!r} is no pattern: {error.msg}") from None
    return regex


def _regex(part: str) -> str:
    if part.startswith("**"):
        return "(?:.*/)?" if part.endswith("/") else ".*"
    if part in "*?":
        return "[^/]*" if part == "*" else "[^/]"
    if part.startswith("[") and len(part) > 1:
        inner = part[1:-1].replace("\\", "\\\\")
        return f"[^{inner[1:]}/]" if inner.startswith("!") else f"[{inner}]"
    return re.escape(part)
